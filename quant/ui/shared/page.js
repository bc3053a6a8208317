// What all tabs share in the browser: the live recipe, asking for another one or for a tab, what is kept between visits,
// words that explain themselves, results of an older recipe, and the drawer of the recipe.
(() => {
  "use strict";
  const SHORT = 300; // characters; a longer text is kept by the browser alone, not in the address
  const LANGUAGE = /\/en\/?$/.test(window.location.pathname) ? "en" : "es";
  const address = (change) => {
    const url = new URL(window.location);
    change(url.searchParams);
    return url;
  };
  const shownTab = () => new URL(window.location).searchParams.get("tab") || "inicio";

  // ---- the live recipe

  let first = ""; // the recipe that the page opened with

  /** All tabs are drawn, for the recipe that the page opened with: once more, if it has moved meanwhile. */
  window.labOpened = () => {
    window.labReady = true;
    if (first !== JSON.stringify(window.labRecipe)) window.labAsk({ recipe: recipeQuery().toString() });
  };

  let names = [], moved = {}; // all that an address may say, and what of it this one does

  /**
   * The controls' values have moved: the address follows, and whoever listens is told. `usual`: what an address leaves
   * out, by name; `beside`: names of what is no part of the recipe.
   */
  window.labMoved = (fields, values, usual, beside) => {
    const said = fields.map((name, i) => [name, values[i]]).filter(([name, value]) => value !== usual[name]);
    [names, moved] = [fields, Object.fromEntries(said)];
    window.labRecipe = Object.fromEntries(said.filter(([name]) => !beside.includes(name)));
    first ||= JSON.stringify(window.labRecipe);
    showKnobs(moved.knobs ?? "");
    writeRecipe();
    markStale();
    window.dispatchEvent(new CustomEvent("lab-recipe", { detail: window.labRecipe }));
  };

  /** The live recipe in `params`, as an address has it. */
  function recipeQuery(params = new URLSearchParams()) {
    for (const name of names) {
      if (said(moved[name])) params.set(name, said(moved[name]));
      else params.delete(name);
    }
    return params;
  }

  /** A value as an address has it. */
  const said = (value) => String(typeof value === "boolean" ? +value : (value ?? ""));

  /** Whether an address means the live recipe: neither says anything that the other does not. */
  window.labIs = (address) => {
    const [of, live] = [new URLSearchParams(address), window.labRecipe ?? {}];
    return [...new Set([...names.filter((name) => of.has(name)), ...Object.keys(live)])].every(
      (name) => (of.get(name) ?? "") === said(live[name]));
  };

  function writeRecipe() {
    const url = address(recipeQuery);
    history.replaceState(history.state, "", url);
  }

  /** Ask for a recipe ("bits=3"; `whole`: nothing of the live one is kept), for a tab, or both. */
  window.labAsk = ({ recipe = "", tab = "", whole = false }) => {
    if (tab) show(tab);
    if (!recipe && !whole) return;
    const field = document.querySelector(`#ask-${LANGUAGE} :is(textarea, input)`);
    if (!field) return; // gradio has not built the page yet
    const asked = new URLSearchParams(recipe);
    history.replaceState(history.state, "", address((params) => asked.forEach((value, name) => params.set(name, value))));
    asked.set("n", (asks += 1)); // asking for the same twice is asking twice
    if (whole) asked.set("whole", 1);
    put(field, asked.toString());
  };
  let asks = 0;

  /** Write into a field of gradio's as a hand would. */
  function put(field, value) {
    const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
    own.set.call(field, value);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // ---- tabs and the browser's history

  const button = (tab) => document.getElementById(`tab-${tab}-${LANGUAGE}-button`);
  const show = (tab) => button(tab)?.click();
  const leading = []; // tabs that Back has led to and that have not said yet that they were selected

  /** A tab was selected: a step of the history, so that Back leads to the tab before. */
  window.labTab = (tab) => {
    const led = leading.indexOf(tab);
    leading.splice(0, led + 1);
    if (!window.labReady || tab === shownTab() || led >= 0) return;
    history.pushState(history.state, "", address((params) => params.set("tab", tab)));
  };
  window.addEventListener("popstate", () => {
    const tab = shownTab();
    if (button(tab)?.ariaSelected === "false") leading.push(tab);
    show(tab);
    writeRecipe(); // what was tried since stays
  });
  document.addEventListener("click", (event) => { // a hand's own choice is a step, whatever Back still waits for
    if (event.isTrusted && event.target.closest?.("[role=tab]")) leading.length = 0;
  }, true);

  // ---- what is kept: in the browser, and in the address where it is short

  window.labKept = {
    /** The values to begin with: the address's, which the page already shows, or else the browser's. */
    restored(names, values, options) {
      const params = new URL(window.location).searchParams;
      return values.map((value, i) => {
        const kept = stored(names[i]);
        const fits = kept !== null && (options[i]?.includes(kept) ?? true);
        return params.has(names[i]) || !fits ? value : kept;
      });
    },
    keep(name, value) {
      try {
        localStorage.setItem(`lab-${name}`, value ?? "");
      } catch {} // full, or forbidden: then it is kept in the address alone
      const url = address((params) => {
        if (value && value.length <= SHORT) params.set(name, value);
        else params.delete(name);
      });
      history.replaceState(history.state, "", url);
    },
  };

  function stored(name) {
    try {
      return localStorage.getItem(`lab-${name}`);
    } catch {
      return null;
    }
  }

  // ---- results of an older recipe

  function markStale() {
    for (const result of document.querySelectorAll(".lab-belongs")) {
      result.classList.toggle("stale", !window.labIs(result.dataset.of));
    }
  }

  /** Press the button that made a result: the main one before it in its tab, or else the one after. */
  function repeat(result) {
    const all = [...(result.closest(".tabitem")?.querySelectorAll("button.primary") ?? [])].filter((one) => one.offsetParent);
    const before = all.filter((one) => one.compareDocumentPosition(result) & Node.DOCUMENT_POSITION_FOLLOWING);
    (before.at(-1) ?? all[0])?.click();
  }

  // ---- words that explain themselves

  function closeTerms(but = null) {
    for (const open of document.querySelectorAll(".lab-term button[aria-expanded=true]")) {
      if (open === but) continue;
      open.setAttribute("aria-expanded", "false");
      open.nextElementSibling.hidden = true;
    }
  }

  function toggleTerm(button) {
    const said = button.nextElementSibling;
    closeTerms(button);
    said.hidden = !said.hidden;
    button.setAttribute("aria-expanded", String(!said.hidden));
    if (said.hidden) return;
    const word = button.getBoundingClientRect();
    const box = said.getBoundingClientRect();
    said.style.left = `${Math.max(8, Math.min(word.left, window.innerWidth - box.width - 8))}px`;
    const above = word.top - box.height - 6; // below would lie over the figure that the word is of
    said.style.top = `${above > 60 ? above : word.bottom + 6}px`;
  }

  // ---- the drawer

  function flash() {
    const holder = document.querySelector(`.lab-layout:has(#recipe-${LANGUAGE}) .lab-status-holder`);
    holder.classList.add("lab-flash");
    setTimeout(() => holder.classList.remove("lab-flash"), 1500);
  }

  function toggleDrawer(open) {
    const layout = document.querySelector(`.lab-layout:has(#recipe-${LANGUAGE})`);
    if (!layout) return;
    layout.classList.toggle("open", open);
    // On a phone it lies over the page, which a keyboard must not walk behind it.
    const side = layout.querySelector(".lab-side");
    side.setAttribute("role", "region");
    side.setAttribute("aria-label", side.querySelector("h2")?.textContent ?? "");
    layout.querySelector(".lab-main").inert = layout.classList.contains("open") && liesOver(side);
    markDrawer();
    const focus = layout.classList.contains("open") ? ".lab-close" : ".lab-recipe";
    layout.querySelector(focus)?.focus({ preventScroll: true });
  }

  const liesOver = (side) => getComputedStyle(side).position === "fixed";

  /** The line is drawn anew whenever the recipe moves. */
  function markDrawer() {
    for (const line of document.querySelectorAll(".lab-recipe")) {
      line.setAttribute("aria-expanded", String(!!line.closest(".lab-layout")?.classList.contains("open")));
    }
  }

  /** While a number is typed into a slider's box, gradio hears nothing of it: it would ask the server for 9 of 99. */
  function typed(event) {
    if (!putting && event.target.matches?.(NUMBER)) event.stopImmediatePropagation();
  }

  /** What was typed, or the nearest that can be, with a word; what was there, where nothing was. */
  function entered(event) {
    const box = event.target;
    if (putting || !box.matches?.(NUMBER)) return;
    const side = box.closest(".lab-side");
    const said = side.querySelector(".lab-clamped");
    const before = box.closest(".block").querySelector("input[type=range]").value;
    const [low, high] = [+box.min, +box.max];
    const allowed = box.value === "" ? +before : Math.min(high, Math.max(low, Math.round(+box.value)));
    said.textContent = "";
    if (String(allowed) !== box.value) {
      said.textContent = side.querySelector("[data-clamped]").dataset.clamped
        .replace("{low}", low).replace("{high}", high).replace("{allowed}", allowed);
    }
    putting = true;
    put(box, String(allowed));
    putting = false;
  }
  const NUMBER = ".lab-side input[type=number][max]";
  let putting = false;

  // ---- the knobs of the method, whose sliders are the page's own

  const knobs = () => [...document.querySelectorAll(`#recipe-${LANGUAGE} .lab-knobs input`)];
  const valueOf = (knob) => Number(knob.type === "checkbox" ? knob.checked : knob.value);

  /** A text box of gradio's tells of `input` only after a key. */
  function turnTo(text) {
    const field = document.querySelector(`#knobs-${LANGUAGE} :is(textarea, input)`);
    put(field, text);
    field.dispatchEvent(new KeyboardEvent("keypress", { bubbles: true }));
  }

  function sayKnob(knob) {
    const shown = knob.closest("label").querySelector("output");
    if (shown) shown.textContent = LANGUAGE === "es" ? knob.value.replace(".", ",") : knob.value;
  }

  /** What was moved of them goes into the field that the recipe has of them, which says nothing of the others. */
  function turned(event) {
    const knob = event.target;
    if (!knob.closest?.(".lab-knobs")) return;
    knob.toggleAttribute("data-moved", valueOf(knob) !== Number(knob.dataset.usual));
    sayKnob(knob);
    const said = knobs().filter((one) => one.hasAttribute("data-moved")).map((one) => `${one.name}:${valueOf(one)}`);
    turnTo(said.join(","));
  }

  /** They stand as the recipe says, also where that was set otherwise than by hand. */
  function showKnobs(text) {
    const given = Object.fromEntries(text.split(",").map((one) => one.split(":")));
    for (const knob of knobs()) {
      const value = given[knob.name] ?? knob.dataset.usual;
      if (valueOf(knob) === Number(value)) continue;
      if (knob.type === "checkbox") knob.checked = Number(value) === 1;
      else knob.value = value;
      knob.toggleAttribute("data-moved", knob.name in given);
      sayKnob(knob);
    }
  }

  // ---- listening

  document.addEventListener("input", turned);

  document.addEventListener("input", typed, true);
  document.addEventListener("change", entered, true);
  document.addEventListener("click", (event) => {
    const target = event.target;
    const term = target.closest?.(".lab-term button");
    if (term) return toggleTerm(term);
    closeTerms();
    if (target.closest?.(".lab-recipe")) return toggleDrawer();
    if (target.closest?.(".lab-close")) return toggleDrawer(false);
    if (target.closest?.(".lab-knobs button")) return turnTo("");
    const over = document.querySelector(".lab-layout.open > .lab-side");
    if (over && liesOver(over) && target.isConnected && !over.contains(target) && target.closest?.(".lab-layout")) {
      return toggleDrawer(false);
    }
    if (target.closest?.(".lab-stale")) return repeat(target.closest(".lab-belongs"));
    const asking = target.closest?.("[data-recipe], [data-recipe-whole], [data-tab]");
    if (!asking || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
    event.preventDefault();
    const { recipe, tab, recipeWhole } = asking.dataset;
    if (!tab) flash(); // what it loads may be seen far from here
    return window.labAsk({ recipe, tab, whole: recipeWhole !== undefined });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const term = document.querySelector(".lab-term button[aria-expanded=true]");
    closeTerms();
    if (term) term.focus();
    else if (event.target.closest?.("[role=listbox], [aria-expanded=true]:not(.lab-recipe)")) return; // a list closes
    else if (document.querySelector(".lab-layout.open")) toggleDrawer(false);
  });
  window.addEventListener("scroll", () => closeTerms(), { passive: true });

  // ---- while gradio builds the page

  // Gradio puts the browser's language in place of the page's.
  const root = document.documentElement;
  const speak = () => { if (root.lang !== LANGUAGE) root.lang = LANGUAGE; };
  speak();
  new MutationObserver(speak).observe(root, { attributes: true, attributeFilter: ["lang"] });

  /** What is seen first is there: it is given the theme that gradio will choose, and comes to life. */
  window.labFirst = () => {
    const asked = new URL(window.location).searchParams.get("__theme");
    const dark = asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const first = document.getElementById("lab-first");
    first.classList.toggle("dark", dark);
    for (const one of first.querySelectorAll("*")) one.connectedCallback?.(); // its elements began before they were whole
  };

  /** What was moved in the first picture goes on in the page's own, and so does the focus. */
  function handOver(first) {
    const [from, to] = [first, document.querySelector("gradio-app")].map((place) => place?.querySelector("lab-hero"));
    if (from && to) to.adoptFrom(from);
    const slider = (hero) => hero?.querySelector("input[type=range]");
    if (to && slider(from) === document.activeElement) slider(to).focus({ preventScroll: true });
    first.remove();
  }

  /** Nothing is seen (first.css) until the tab in view is there and still: what gradio draws on the way would jump. */
  const QUIET_MS = 70;
  let still = 0;
  const built = new MutationObserver(() => {
    clearTimeout(still);
    const tab = [...document.querySelectorAll(".lab-main .tabitem")].find((one) => one.offsetParent && one.offsetHeight > 40);
    if (tab) still = setTimeout(uncover, QUIET_MS);
  });
  function uncover() {
    built.disconnect();
    if (root.classList.contains("lab-shown")) return;
    root.classList.add("lab-shown");
    const first = document.getElementById("lab-first");
    if (first) handOver(first);
  }
  built.observe(root, { childList: true, subtree: true });
  // Should gradio's page ever be made of other parts; until there is any of it, the first picture stays.
  const late = () => (document.querySelector(".lab-main .tabitem") ? uncover() : setTimeout(late, 1000));
  setTimeout(late, 8000);

  // Gradio names its sliders in English for screen readers whatever the page's language; the label alone says enough.
  function tidy() {
    later = 0;
    for (const input of document.querySelectorAll("input[aria-label*=' for ']")) {
      input.ariaLabel = input.ariaLabel.replace(/^(range slider|number input) for /, "");
    }
    markStale();
    markDrawer();
  }
  let later = 0;
  const soon = () => { later ||= setTimeout(tidy, 60); };
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
    soon();
  });
})();
