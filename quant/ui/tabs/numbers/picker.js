// Which formats the bits panel shows: a button each, pressed or not; and the sliders of a format of one's own.
(() => {
  "use strict";

  /**
   * {atHand, rest}: the buttons of the usual formats, and the others folded. `state` has `shown` (names) and `exmy`
   * {exponent, mantissa, ieee}; `actions`: changed, complain, impossible.
   */
  function picker(formats, { names, atHand }, state, t, actions) {
    const { element } = window.labWords;
    const own = builder(state, t, actions);
    own.hidden = !state.shown.includes("exmy");
    const pick = (name, button) => {
      state.shown = state.shown.includes(name) ? state.shown.filter((n) => n !== name) : [...state.shown, name];
      button.setAttribute("aria-pressed", state.shown.includes(name));
      own.hidden = !state.shown.includes("exmy");
      actions.changed(false);
    };
    const chip = (name, text) => element("button", {
      type: "button", class: "lab-chip", text, "data-name": name, "aria-pressed": String(state.shown.includes(name)),
      onclick: (event) => pick(name, event.target),
    });
    const others = formats.filter((name) => !atHand.includes(name));
    return {
      atHand: element("div", { class: "lab-chips", role: "group", "aria-label": t.formats.replace(":", "") },
        element("span", { text: t.formats }), ...atHand.map((name) => chip(name, names[name] ?? name))),
      rest: element("details", { class: "lab-picker" }, element("summary", { text: t.choose }),
        element("div", { class: "lab-chips" }, ...others.map((name) => chip(name, name)), chip("exmy", t.exmy)), own),
    };
  }

  /** What the sliders ask for becomes the format only when there can be such a one; else the last one stays. */
  function builder(state, t, actions) {
    const { element, slider } = window.labWords;
    const wanted = { ...state.exmy };
    const change = (part) => {
      Object.assign(wanted, part);
      const wrong = actions.impossible(wanted.exponent, wanted.mantissa, wanted.ieee ? "ieee" : "finite");
      actions.complain(wrong ?? "");
      if (wrong) return;
      Object.assign(state.exmy, wanted);
      actions.changed(true);
    };
    const ieee = element("input", { type: "checkbox", checked: wanted.ieee, onchange: () => change({ ieee: ieee.checked }) });
    return element("div", { class: "lab-builder" },
      slider(t.exponentBits, { min: 1, max: 8, value: wanted.exponent }, (n) => change({ exponent: n })),
      slider(t.mantissaBits, { min: 0, max: 10, value: wanted.mantissa }, (n) => change({ mantissa: n })),
      element("label", {}, ieee, ` ${t.withSpecials}`));
  }

  window.labPicker = picker;
})();
