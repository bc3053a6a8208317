// What has been measured, in several windows of one browser. Each keeps the list that it knows of, entire: so a window
// tells the others what it has measured, and they take it in before they keep theirs again.
(() => {
  const MOST = 40; // kept.py
  const heard = new Map(); // measurements of other windows, as JSON
  let before = null; // what this window kept last, as JSON
  let asks = 0;
  const key = (entry) => `${entry.address} ${entry.digest}`;
  const channel = new BroadcastChannel("quant-history");

  /** The list with what other windows have measured, before this window's own newest. */
  const united = (entries) => {
    const list = Array.isArray(entries) ? entries : [];
    const own = new Set(list.map(key));
    const missing = [...heard].filter(([name]) => !own.has(name)).map(([, entry]) => JSON.parse(entry));
    const known = list.map((entry) => (heard.has(key(entry)) ? JSON.parse(heard.get(key(entry))) : entry));
    return [...known.slice(0, -1), ...missing, ...known.slice(-1)].slice(-MOST);
  };

  /** The page draws and keeps the united list: a field of gradio's changes. */
  const ask = () => {
    const field = document.querySelector("[id^=heard-] :is(textarea, input)");
    if (!field) return; // gradio has not built the page yet: what it will read is kept already
    const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
    own.set.call(field, String((asks += 1)));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  channel.addEventListener("message", ({ data }) => {
    for (const entry of JSON.parse(data)) heard.set(key(entry), JSON.stringify(entry));
    ask();
  });

  window.labHistory = {
    united,
    /** The list has changed: what is new in it is told; what it lacks, as it was begun before it was heard, comes back. */
    moved(entries) {
      const list = Array.isArray(entries) ? entries : [];
      const now = new Map(list.map((entry) => [key(entry), JSON.stringify(entry)]));
      const fresh = list.filter((entry) => {
        const [name, json] = [key(entry), JSON.stringify(entry)];
        return before && before.get(name) !== json && heard.get(name) !== json;
      });
      before = now;
      for (const entry of fresh) heard.delete(key(entry));
      if (fresh.length) channel.postMessage(JSON.stringify(fresh));
      if (JSON.stringify(united(list)) !== JSON.stringify(list)) ask();
    },
  };
})();
