// Métrica in the browser: how many words an own text still lacks, copying the table, and which point is the live recipe.
(() => {
  const shown = (n) => {
    const unit = n < 100 ? 10 : 100;
    return String(Math.max(unit, Math.round(n / unit) * unit));
  };

  const count = () => document.querySelectorAll(".lab-counter").forEach((counter) => {
    const box = counter.closest(".lab-main, body").querySelector("[id^=own-] textarea");
    const of = (name) => Number(counter.dataset[name]);
    const tokens = box ? box.value.trim().length / of("perToken") : 0;
    const missing = (of("need") - tokens) * of("perToken") / of("perWord");
    const said = missing > 0
      ? counter.dataset.missing.replace("{n}", shown(missing))
      : counter.dataset.enough.replace("{n}", shown(tokens * of("perToken") / of("perWord")));
    if (counter.textContent !== said) counter.textContent = said;
    counter.classList.toggle("enough", missing <= 0);
  });
  document.addEventListener("input", (event) => { if (event.target.closest?.("[id^=own-]")) count(); });

  const copy = async (button) => {
    const text = button.dataset.copy, name = button.textContent;
    try { await navigator.clipboard.writeText(text); }
    catch { window.prompt(name, text); return; }
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = name; }, 1500);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".lab-copy");
    if (button) copy(button);
  });

  // A point is live where every field that its address names has the value of the controls.
  const same = (address, recipe) => [...new URLSearchParams(address)].every(([name, value]) => {
    const live = recipe[name];
    return String(typeof live === "boolean" ? Number(live) : live) === value;
  });
  const ring = () => document.querySelectorAll("svg.tradeoff a.point").forEach((point) => {
    const live = Boolean(window.labRecipe) && same(point.getAttribute("data-recipe"), window.labRecipe);
    if (live !== point.hasAttribute("aria-current")) point.toggleAttribute("aria-current", live);
    if (live) point.setAttribute("aria-current", "true");
  });
  window.addEventListener("lab-recipe", ring);

  // All figures stay open while they are written anew; what is drawn in them was drawn unseen, without a width.
  let opened = false;
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.(".lab-figures")) return;
    opened = event.target.open;
    if (opened) requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
  }, true);
  const reopen = () => document.querySelectorAll(".lab-figures").forEach((figures) => { if (opened) figures.open = true; });

  const watch = () => new MutationObserver((changes) => {
    const has = (css) => changes.some(({addedNodes}) => [...addedNodes].some((node) =>
      node.nodeType === 1 && (node.matches(css) || node.querySelector(css))));
    if (has(".lab-counter, [id^=own-]")) count();
    if (has("svg.tradeoff")) ring();
    if (has(".lab-figures")) reopen();
  }).observe(document.body, {childList: true, subtree: true});
  if (document.body) watch(); else document.addEventListener("DOMContentLoaded", watch);
})();
