// <lab-bits data-lab='{strings, language, formats, shown, impossible}'>: one number in many formats, bit by bit.
//
// The number is held as a float64; a click on a bit decodes the pattern and every other format encodes the result.
// What was clicked or typed as a pattern is kept as it is (NaN has many). Nothing here asks the server.
(() => {
  "use strict";
  const START = 0.1;
  const EXAMPLES = [0.1, 1 / 3, 65520, 2 ** -24, 300, -0, Infinity, NaN];
  const memory = { x: START, own: null, policies: {}, more: false, exmy: { exponent: 4, mantissa: 3, ieee: false } };

  /** The significant digits of a decimal: 0.1 and what float64 makes of it have different ones. */
  const digits = (plain) => plain.replace(/e.*/, "").replace(/[-.]/g, "").replace(/^0+|0+$/g, "");

  class LabBits extends HTMLElement {
    connectedCallback() {
      if (this.cards) return;
      const data = JSON.parse(this.dataset.lab);
      Object.assign(this, { t: data.strings, language: data.language, impossible: data.impossible, names: data.names, atHand: data.atHand });
      this.formats = new Map(data.formats.map((f) => [f.name, f]));
      memory.shown ??= data.shown;
      const asked = new URL(window.location).searchParams.get("x");
      const read = window.labWords.parse(asked ?? "");
      if ("value" in read) memory.x = read.value;
      this.build();
      if (asked !== null && read.problem) this.refuse(read.problem, asked);
      this.onlive = () => this.showLive();
      window.addEventListener("lab-live", this.onlive);
      this.showLive();
      this.update();
    }

    disconnectedCallback() {
      window.removeEventListener("lab-live", this.onlive);
    }

    // ---- the parts

    build() {
      const { element } = window.labWords;
      this.number = element("input", {
        type: "text", class: "lab-entry", inputmode: "text", autocomplete: "off", spellcheck: "false", id: `lab-number-${this.language}`,
        oninput: () => this.typed(),
      });
      this.drag = window.labDrag(this.t.drag, this.language, (x) => this.set(x));
      this.problem = element("div", { role: "alert", "aria-live": "assertive" });
      this.original = element("p", { class: "lab-original", "aria-live": "polite" });
      this.live = element("span", { class: "lab-chips" });
      this.cards = [];
      this.more = element("button", {
        type: "button", class: "lab-chip", text: this.t.more, "aria-pressed": String(memory.more), onclick: () => this.unfold() });
      this.grid = element("div", { class: "lab-formats" });
      this.picker = window.labPicker([...this.formats.keys()], this, memory, this.t, {
        complain: (text) => this.complain(text),
        changed: (ownFormat) => {
          if (ownFormat && memory.own?.name === "exmy") memory.own = null; // its bits no longer mean the same
          this.rebuild();
        },
        impossible: (e, m, specials) => this.impossible[`${e},${m},${specials}`],
      });
      this.replaceChildren(
        element("div", { class: "lab-entries" },
          element("label", {}, element("span", { text: this.t.number }), this.number), this.drag.root),
        element("div", { class: "lab-chips lab-rows" },
          element("div", { class: "lab-chips" }, element("span", { text: this.t.fromModel }), this.live),
          element("div", { class: "lab-chips" }, element("span", { text: this.t.examples }), ...EXAMPLES.map((x) => this.example(x)))),
        this.problem, this.original,
        element("div", { class: "lab-chips lab-rows lab-at-hand" }, this.picker.atHand, this.more), this.grid,
        element("div", { class: "lab-folds" }, this.picker.rest, this.byHand()));
      this.rebuild();
    }

    example(x) {
      const { element, short } = window.labWords;
      const text = x === 1 / 3 ? "1/3" : x === 2 ** -24 ? "2⁻²⁴" : x === Infinity ? "∞" : short(x, this.language).replace("-", "−");
      return element("button", { type: "button", class: "lab-chip", text, onclick: () => this.set(x) });
    }

    /** A format, and its bit pattern in hexadecimal and binary: both can be written. */
    byHand() {
      const { element } = window.labWords;
      const options = [...this.formats.keys(), "exmy"].map((name) => element("option", {
        value: name, text: name === "exmy" ? this.t.exmy : name, selected: name === "float16" }));
      this.patternFormat = element("select", { onchange: () => this.showPattern() }, ...options);
      const box = (base, size) => element("input", {
        type: "text", class: "lab-entry", autocomplete: "off", spellcheck: "false", size, "data-base": base,
        oninput: (event) => this.typedPattern(event.target, base),
      });
      this.hex = box(16, 12);
      this.binary = box(2, 20);
      return element("details", { class: "lab-by-hand" }, element("summary", { text: this.t.byHand }),
        element("div", { class: "lab-entries" },
          element("label", {}, element("span", { text: this.t.patternOf }), this.patternFormat),
          element("label", {}, element("span", { text: this.t.hex }), this.hex),
          element("label", { class: "lab-grow" }, element("span", { text: this.t.binary }), this.binary)),
        element("p", { class: "lab-caption", text: this.t.keys }));
    }

    format(name) {
      const { exponent, mantissa, ieee } = memory.exmy;
      return name === "exmy" ? window.labCodec.exmy(exponent, mantissa, ieee ? "ieee" : "finite") : this.formats.get(name);
    }

    // ---- what changes

    rebuild() {
      this.cards = [...this.formats.keys(), "exmy"].filter((n) => memory.shown.includes(n)).map((name) => {
        const card = new window.labCard(this.format(name), this.names[name], this.t, this.language, {
          toggle: (pattern) => this.setPattern(name, pattern),
          policy: (policy) => { memory.policies[name] = policy; this.update(); },
        });
        card.more.hidden = !memory.more;
        return [name, card];
      });
      this.grid.replaceChildren(...this.cards.map(([, card]) => card.root));
      this.update();
    }

    /** What the cards say besides is unfolded in all of them or in none: they are there to be compared. */
    unfold() {
      memory.more = !memory.more;
      for (const [, card] of this.cards) card.more.hidden = !memory.more;
      this.more.setAttribute("aria-pressed", memory.more);
    }

    /** Another number, from anywhere but the entry box. `where` says which weight of the model it is. */
    set(x, where = "") {
      Object.assign(memory, { x, own: null, where });
      this.complain("");
      this.number.value = window.labWords.short(x, this.language);
      this.update();
    }

    setPattern(name, pattern) {
      this.set(window.labCodec.decode(pattern, this.format(name)));
      memory.own = { name, pattern };
      this.update();
    }

    typed() {
      const read = window.labWords.parse(this.number.value, this.language);
      if (read.problem) return this.refuse(read.problem, this.number.value);
      Object.assign(memory, { x: read.value, own: null, where: "" });
      this.complain("");
      return this.update(this.number);
    }

    typedPattern(box, base) {
      const { parsePattern, fill } = window.labWords;
      const name = this.patternFormat.value;
      const f = this.format(name);
      const read = parsePattern(box.value, base, f.bits);
      const typed = box.value.trim().slice(0, 80);
      if (read.problem) {
        const text = this.t.problems[read.problem === "digits" ? (base === 16 ? "hex" : "binary") : read.problem];
        return this.complain(fill(text, { typed, bits: read.bits, allowed: f.bits, format: f.name, digits: Math.ceil(f.bits / 4) }), box);
      }
      Object.assign(memory, { x: window.labCodec.decode(read.pattern, f), own: { name, pattern: read.pattern }, where: "" });
      this.complain("");
      this.number.value = window.labWords.short(memory.x, this.language);
      return this.update(box);
    }

    refuse(problem, typed) {
      this.complain(window.labWords.fill(this.t.problems[problem], { typed: typed.trim().slice(0, 60) }));
    }

    complain(text, box = this.number) {
      for (const entry of [this.number, this.hex, this.binary]) entry.removeAttribute("aria-invalid");
      if (text) box.setAttribute("aria-invalid", "true");
      this.problem.className = text ? "lab-notice error" : "";
      this.problem.textContent = text && `⚠ ${text}`;
    }

    // ---- what is seen

    pattern(name) {
      if (memory.own?.name === name) return memory.own.pattern;
      return window.labCodec.encode(memory.x, this.format(name), this.policy(name));
    }

    policy(name) {
      return memory.policies[name] ?? this.format(name).overflow;
    }

    /** Redraw everything but the box that is being written in. */
    update(writing = null) {
      const { exact, short, parse } = window.labWords;
      const { x } = memory;
      for (const [name, card] of this.cards) card.update(this.pattern(name), x, this.policy(name));
      this.drag.show(x);
      const written = parse(this.number.value, this.language);
      if (writing !== this.number && !("value" in written && Object.is(written.value, x))) {
        this.number.value = short(x, this.language);
      }
      this.showPattern(writing);
      const rounded = !memory.where && digits(String(x)) !== digits(window.labCodec.exactDecimal(x));
      const said = `${this.t.original}: ${exact(x, this.language)}${rounded ? ` (${this.t.nearest})` : ""}`;
      this.original.textContent = memory.where ? `${memory.where} · ${said}` : said;
      if (writing || document.activeElement !== document.body) this.remember();
    }

    showPattern(writing = null) {
      const f = this.format(this.patternFormat.value);
      const pattern = this.pattern(this.patternFormat.value);
      if (writing !== this.hex) this.hex.value = pattern === null ? "" : window.labCodec.hex(pattern, f);
      if (writing !== this.binary) this.binary.value = pattern === null ? "" : window.labCodec.binary(pattern, f);
    }

    /** The address carries the number, so that a link or the other language's page shows the same one. */
    remember() {
      clearTimeout(this.later);
      this.later = setTimeout(() => {
        const url = new URL(window.location);
        url.searchParams.set("x", window.labWords.short(memory.x, "en"));
        history.replaceState(history.state, "", url);
      }, 400);
    }

    /** Buttons that take a weight of the live model. */
    showLive() {
      const { element, number } = window.labWords;
      const live = window.labLive;
      if (!live) return;
      const take = (label, pick, title) => element("button", {
        type: "button", class: "lab-chip", text: label, title, onclick: () => { const w = pick(); this.set(w.value, w.where); } });
      const shown = (w) => number(w.value, this.language, 3);
      this.live.replaceChildren(
        take(`${this.t.largest} (${shown(live.largest)})`, () => live.largest, live.largest.where),
        take(`${this.t.median} (${shown(live.median)})`, () => live.median, live.median.where),
        take(this.t.random, () => live.random[Math.floor(Math.random() * live.random.length)], this.t.randomTitle));
    }
  }

  customElements.define("lab-bits", LabBits);
})();
