// The picture of Redondear: columns of values over the grid of their group, as SVG drawn at the element's own width, so
// that nothing shrinks on a phone. Handles are made once and moved afterwards: a new node would lose focus and drag.
(() => {
  "use strict";

  const HEIGHT = 236; // of the part where values move
  const STRIP = 50; // above it, where an outlier stands past a break of the axis
  const LEFT = 52, RIGHT = 42;
  const HEADROOM = 1.34; // rounding can carry a value past the end of the axis, by a third with two bits
  // Pixels: a line of labels, the widest figure and minus that a system font may have, the gap between two labels.
  const ROW = 19, LETTER = 8.4, MINUS = 11, GAP = 4;
  const CLOSE = 3; // pixels between grid lines under which they become a band
  const COUNT = 16;

  function svg(tag, attributes = {}, text = null) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== null) node.textContent = text;
    return node;
  }

  const roomFor = (text) => [...text].reduce((sum, sign) => sum + (sign === "−" ? MINUS : LETTER), GAP);

  class Picture {
    // words: Words; on: {select(i), drag(i, value), key(i, event)}
    constructor(words, on) {
      this.words = words;
      this.root = svg("svg", { class: "lab-round-svg", role: "group" });
      this.back = svg("g", { "aria-hidden": "true" });
      this.front = svg("g", { "aria-hidden": "true" });
      this.handles = Array.from({ length: COUNT }, (_, i) => this.#handle(i, on));
      this.over = svg("g", { class: "over", "aria-hidden": "true" }); // beside its pair, even a short error is seen
      this.root.append(this.back, this.front, ...this.handles.map((h) => h.group), this.over);
    }

    #handle(i, on) {
      const group = svg("g", { class: "lab-round-handle", role: "slider", tabindex: 0, "aria-orientation": "vertical" });
      const hit = svg("rect", { height: 44 }), dot = svg("circle", {});
      group.append(hit, dot);
      let grabbed = null; // how far from the value the finger took hold of it
      group.addEventListener("focus", () => on.select(i));
      group.addEventListener("keydown", (event) => on.key(i, event));
      group.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        event.preventDefault();
        group.focus({ preventScroll: true });
        group.setPointerCapture(event.pointerId);
        grabbed = this.#valueAt(event) - this.state.values[i];
      });
      group.addEventListener("pointermove", (event) => {
        if (grabbed !== null) on.drag(i, this.#valueAt(event) - grabbed);
      });
      // Chromium does not heed `touch-action` on shapes inside an SVG, and would scroll the page after a few pixels.
      group.addEventListener("touchstart", (event) => {
        if (i !== this.state.outlier) event.preventDefault();
      }, { passive: false });
      for (const end of ["pointerup", "pointercancel"]) group.addEventListener(end, () => { grabbed = null; });
      return { group, hit, dot };
    }

    #valueAt(event) {
      const y = event.clientY - this.root.getBoundingClientRect().top;
      return (this.middle - y) / this.unit;
    }

    // state: values (with the outlier), q, outlier (its index or -1), selected, reach, groupSize. Returns whether
    // some lines were too close to be drawn one by one.
    draw(state, width) {
      this.state = state;
      this.top = state.outlier >= 0 ? STRIP : 0;
      this.middle = this.top + HEIGHT / 2;
      this.unit = HEIGHT / 2 / (HEADROOM * state.reach);
      this.width = width;
      this.column = (width - LEFT - RIGHT) / COUNT;
      this.dot = this.column < 24 ? 5 : 6;
      const rows = this.#rows();
      const height = this.top + HEIGHT + 8 + ROW * rows.reduce((n, row) => n + row.lines, 0) + 4;
      for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) {
        this.root.setAttribute(name, value);
      }
      this.back.replaceChildren(...this.#background(), ...this.#grids(), ...this.#ticks(), ...this.#labels(rows));
      this.front.replaceChildren(...state.values.flatMap((_, i) => this.#rounded(i)));
      this.over.replaceChildren(...state.values.flatMap((_, i) => this.#error(i)));
      this.handles.forEach((handle, i) => this.#place(handle, i));
      return state.q.scales.some((scale) => this.#isBand(scale));
    }

    x(i) { return LEFT + this.column * (i + 0.5); }
    y(value) { return this.middle - value * this.unit; }
    #isBand(scale) { return scale > 0 && scale * this.unit < CLOSE; }
    inside(y) { return y >= this.top + 1 && y <= this.top + HEIGHT - 1; }

    #background() {
      const { selected, groupSize } = this.state;
      const nodes = [svg("rect", { class: "chosen", x: this.x(selected) - this.column / 2, y: this.top, width: this.column, height: HEIGHT })];
      for (let i = groupSize; i < COUNT; i += groupSize) {
        const x = LEFT + this.column * i;
        nodes.push(svg("line", { class: "border", x1: x, x2: x, y1: this.top, y2: this.top + HEIGHT + 4 }));
      }
      if (this.top) nodes.push(svg("path", { class: "break", d: this.#zigzag() }));
      return nodes;
    }

    // The axis is not to scale above this line.
    #zigzag() {
      const teeth = Math.floor((this.width - LEFT - RIGHT) / 12);
      return `M${LEFT} ${STRIP - 3}` + "l6 -6l6 6".repeat(teeth);
    }

    #grids() {
      const { q, groupSize, selected } = this.state;
      return q.scales.flatMap((scale, g) => {
        const x1 = LEFT + this.column * g * groupSize + 3, x2 = LEFT + this.column * (g + 1) * groupSize - 3;
        const mine = g === Math.floor(selected / groupSize) ? " mine" : "";
        const zero = q.zeros ? q.zeros[g] : 0;
        if (this.#isBand(scale)) {
          const [high, low] = [q.highest, q.lowest].map((code) => this.#clipped(this.y((code - zero) * scale)));
          return [svg("rect", { class: `band${mine}`, x: x1, y: high, width: x2 - x1, height: Math.max(low - high, 1) })];
        }
        return this.#codesInside(scale, zero).map((code) => {
          const y = this.y((code - zero) * scale);
          return svg("line", { class: `level${mine}${code === zero ? " zero" : ""}`, x1, x2, y1: y, y2: y });
        });
      });
    }

    #clipped(y) { return Math.min(Math.max(y, this.top + 1), this.top + HEIGHT - 1); }

    // The codes whose lines are in sight; a group of zeros has the line of zero only.
    #codesInside(scale, zero) {
      if (scale === 0) return [zero];
      const { lowest, highest } = this.state.q;
      const all = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
      return all.filter((code) => this.inside(this.y((code - zero) * scale)));
    }

    // Values on the left, the codes of the chosen group on the right: as many as there is room for.
    #ticks() {
      const { reach, q, groupSize, selected } = this.state;
      const left = [reach, reach / 2, 0, -reach / 2, -reach].map((value) =>
        svg("text", { class: "tick", x: LEFT - 8, y: this.y(value) + 4, "text-anchor": "end" }, this.words.n(value)));
      const g = Math.floor(selected / groupSize), zero = q.zeros ? q.zeros[g] : 0;
      const every = q.scales[g] > 0 ? Math.ceil(14 / (q.scales[g] * this.unit)) : 1;
      const right = this.#codesInside(q.scales[g], zero).filter((code) => (code - zero) % every === 0).map((code) =>
        svg("text", { class: "tick code", x: this.width - RIGHT + 6, y: this.y((code - zero) * q.scales[g]) + 4 }, this.words.n(code)));
      return [...left, ...right];
    }

    // Under each column its value and its code, under each group its scale and zero point.
    #rows() {
      const { values, q, groupSize } = this.state;
      const each = (name, css, texts, size) => {
        const room = this.column * size, longest = Math.max(...texts.map(roomFor));
        return { name, css, texts, size, lines: Math.ceil(longest / room) };
      };
      const rows = this.column < 40 ? [] : [each("row_value", "o", values.map((v) => this.words.n(v, 3)), 1)];
      rows.push(each("row_code", "q", q.codes.map((c) => this.words.n(c)), 1));
      rows.push(each("row_scale", "", q.scales.map((s) => this.words.n(s, 3)), groupSize));
      if (q.zeros) rows.push(each("row_zero", "", q.zeros.map((z) => this.words.n(z)), groupSize));
      return rows;
    }

    #labels(rows) {
      const nodes = [];
      let y = this.top + HEIGHT + 8;
      for (const { name, css, texts, size, lines } of rows) {
        nodes.push(svg("text", { class: "name", x: LEFT - 8, y: y + 14, "text-anchor": "end" }, this.words.say(name)));
        texts.forEach((text, i) => {
          const x = LEFT + this.column * size * (i + 0.5), down = ROW * (i % lines);
          nodes.push(svg("text", { class: `under ${css}`, x, y: y + 14 + down, "text-anchor": "middle" }, text));
        });
        y += ROW * lines;
      }
      return nodes;
    }

    // The rounded value of column `i`; the outlier's pair stands in the strip.
    #rounded(i) {
      const { values, q, outlier } = this.state;
      const x = this.x(i), side = 2 * this.dot + 3;
      const css = q.saturated[i] ? "square saturated" : "square";
      if (i === outlier) return this.#outlierPair(i, x, side, css);
      const y = this.#clipped(this.y(q.decoded[i]));
      return [
        svg("rect", { class: css, x: x - side / 2, y: y - side / 2, width: side, height: side }),
      ];
    }

    #error(i) {
      const { values, q, outlier } = this.state;
      if (i === outlier) return [];
      const x = this.x(i) + this.dot + 4, y1 = this.y(values[i]), y2 = this.#clipped(this.y(q.decoded[i]));
      return [svg("line", { class: "error", x1: x, x2: x, y1, y2 })];
    }

    #outlierPair(i, x, side, css) {
      const { values, q } = this.state;
      const n = (v) => this.words.n(v, 3);
      return [
        svg("line", { class: "stem", x1: x, x2: x, y1: this.#clipped(this.y(0)), y2: 20 }),
        svg("rect", { class: css, x: x - side / 2, y: 20 - side / 2, width: side, height: side }),
        svg("text", { class: "under", x: x + side, y: 24 }, `${this.words.say("outlier_name")}: ${n(values[i])} → ${n(q.decoded[i])}`),
      ];
    }

    #place({ group, hit, dot }, i) {
      const { values, q, outlier, selected, reach } = this.state;
      const x = this.x(i), y = i === outlier ? 20 : this.y(values[i]);
      const box = { x: x - this.column / 2, y: y - 22, width: this.column };
      for (const [name, value] of Object.entries(box)) hit.setAttribute(name, value);
      for (const [name, value] of Object.entries({ cx: x, cy: y, r: this.dot })) dot.setAttribute(name, value);
      group.classList.toggle("selected", i === selected);
      const n = (v) => this.words.n(v);
      const aria = {
        label: this.words.say("handle", { i: i + 1 }) + (i === outlier ? ` (${this.words.say("outlier_name")})` : ""),
        valuemin: -reach, valuemax: i === outlier ? values[i] : reach, valuenow: values[i],
        valuetext: this.words.say("handle_text", { w: n(values[i]), q: n(q.codes[i]), d: n(q.decoded[i]) }),
        disabled: i === outlier,
      };
      for (const [name, value] of Object.entries(aria)) group.setAttribute(`aria-${name}`, value);
    }
  }

  window.labRounding = Object.assign(window.labRounding || {}, { Picture });
})();
