// The slider of <lab-bits>: one drag walks the powers of two on both sides of 0, past both ends of float16.
(() => {
  "use strict";
  const DRAG = { steps: 1000, low: -27, high: 17 };

  const dragged = (position) => {
    const side = Math.abs(position) / DRAG.steps;
    const size = side ? 2 ** (DRAG.low + (DRAG.high - DRAG.low) * side) : 0;
    return Number((Math.sign(position) * size).toPrecision(4));
  };
  const position = (x) => {
    if (!Number.isFinite(x) || x === 0) return 0;
    const side = (Math.log2(Math.abs(x)) - DRAG.low) / (DRAG.high - DRAG.low);
    return Math.sign(x) * Math.round(DRAG.steps * Math.min(1, Math.max(0.001, side)));
  };

  /** {root, show}: the labelled slider, and what puts it where a number is. `set` is told what was dragged to. */
  window.labDrag = (label, language, set) => {
    const { element, short, slid } = window.labWords;
    const input = element("input", {
      type: "range", min: -DRAG.steps, max: DRAG.steps, "aria-label": label, oninput: () => set(dragged(Number(input.value))),
    });
    const show = (x) => {
      input.value = position(x);
      input.setAttribute("aria-valuetext", short(x, language));
      slid(input);
    };
    return { root: element("label", { class: "lab-grow lab-slide" }, element("span", { text: label }), input), show };
  };
})();
