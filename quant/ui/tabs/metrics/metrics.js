// Métrica in the browser: words that an own text lacks, copying the table, which point is the live recipe, and figures
// that stay open.
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

  const ring = () => document.querySelectorAll("svg.tradeoff a.point").forEach((point) => {
    const live = Boolean(window.labRecipe) && window.labIs(point.getAttribute("data-recipe"));
    if (live) point.setAttribute("aria-current", "true");
    else point.removeAttribute("aria-current");
  });
  window.addEventListener("lab-recipe", ring);

  // All figures stay open while they are written anew; what is drawn in them was drawn unseen, without a width.
  let opened = false;
  document.addEventListener("click", (event) => {
    const figures = event.target.closest?.(".lab-figures > summary")?.parentElement;
    if (!figures) return;
    opened = !figures.open;
    if (opened) setTimeout(() => window.dispatchEvent(new Event("resize")));
  });
  const reopen = () => document.querySelectorAll(".lab-figures").forEach((figures) => {
    if (opened && !figures.open) figures.open = true;
  });

  // Gradio writes new HTML into the elements that are there, attribute by attribute.
  const watch = () => new MutationObserver((changes) => {
    const has = (css) => changes.some(({target, addedNodes}) => target.closest?.(css) || [...addedNodes].some((node) =>
      node.nodeType === 1 && (node.matches(css) || node.querySelector(css))));
    if (has(".lab-counter, [id^=own-]")) count();
    if (has("svg.tradeoff")) ring();
    if (has(".lab-figures")) reopen();
  }).observe(document.body, {
    childList: true, subtree: true, attributeFilter: ["class", "data-recipe", "data-per-token", "open"],
  });
  if (document.body) watch(); else document.addEventListener("DOMContentLoaded", watch);
})();
