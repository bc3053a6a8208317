// <lab-rounding>: sixteen values that can be dragged, and what a grid does to them. State and events are here; the
// arithmetic is in round_math.js, the picture in round_draw.js, the sentences in round_words.js. Nothing asks the
// server. It begins with the sixteen weights of the opening; further ones of the live model are in <lab-sample>. Bits
// and grid follow the page's live recipe (event "lab-recipe"), and a button gives them back to it (labAsk).
(() => {
  "use strict";

  const COUNT = 16, OUTLIER_AT = 5, OUTLIER_FACTOR = 8, FIRST_SEED = 1;
  const START = { bits: 4, zeroPoint: false, clip: 1, groupSize: COUNT, outlier: false, selected: 2 };
  const lab = (window.labRounding = window.labRounding || {});

  // <lab-sample data-lab='{"sample": [...], "layer": "..."}'>: weights of the live model. Kept here, since it may come
  // before the workbench. What is not a finite number is left out.
  let live = { sample: [], layer: "" };
  class Sample extends HTMLElement {
    static observedAttributes = ["data-lab"];

    attributeChangedCallback() {
      const { sample = [], layer = "" } = JSON.parse(this.dataset.lab);
      live = { sample: sample.filter(Number.isFinite), layer };
      window.dispatchEvent(new Event("lab-sample"));
    }
  }

  // An element, its attributes (functions become listeners) and its children.
  function h(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") node.addEventListener(name, value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  class Rounding extends HTMLElement {
    connectedCallback() {
      if (!this.words) this.#build(); // Gradio may take the node out and put it back
      this.listeners = { "lab-sample": () => this.#offerLive(), "lab-recipe": () => this.#follow() };
      for (const [name, listener] of Object.entries(this.listeners)) window.addEventListener(name, listener);
      this.#offerLive();
      this.#follow();
      this.observer = new ResizeObserver(() => this.#render());
      this.observer.observe(this.figure);
    }

    disconnectedCallback() {
      for (const [name, listener] of Object.entries(this.listeners)) window.removeEventListener(name, listener);
      this.observer.disconnect();
    }

    #build() {
      this.words = new lab.Words(JSON.parse(this.dataset.strings), this.dataset.language);
      const say = (name) => this.words.say(name);
      this.picture = new lab.Picture(this.words, {
        select: (i) => this.#set({ selected: i }),
        drag: (i, value) => this.#move(i, value),
        key: (i, event) => this.#key(i, event),
      });
      this.controls = {
        bits: this.#slider("bits", 2, 8), clip: this.#slider("clip", 50, 100),
        zeroPoint: this.#choice("grid", [[false, "symmetric"], [true, "zero_point"]], "zeroPoint"),
        groupSize: this.#choice("groups", [[16, "groups_16"], [8, "groups_8"], [4, "groups_4"]], "groupSize"),
      };
      const { bits, clip, zeroPoint, groupSize } = this.controls;
      this.outlier = h("input", { type: "checkbox", change: () => this.#set({ outlier: this.outlier.checked }) });
      this.liveButton = this.#button("live", () => this.#takeLive());
      this.use = this.#button("use", () => this.#useInModel());
      this.shared = h("small", { hidden: true });
      groupSize.node.append(this.shared);
      this.repair = this.#button("repair", () => this.#set({ groupSize: this.state.groupSize === 4 ? COUNT : 4 }));
      this.said = h("p", { class: "lab-verdict", "aria-live": "polite" });
      this.verdict = h("div", { class: "lab-round-verdict" }, this.said, this.repair);
      this.figure = h("div", { class: "lab-round-figure" }, this.picture.root);
      this.caption = h("p", { class: "lab-caption" });
      this.cards = h("div", { class: "lab-cards" });
      this.formula = h("div", { class: "lab-round-formula" });
      this.rows = h("tbody");
      const mark = (shape, name) => h("span", {}, h("i", { class: shape }), say(name));
      this.append(
        h("div", { class: "lab-round-controls" }, bits.node, this.use, zeroPoint.node, groupSize.node,
          h("label", { class: "lab-round-switch" }, this.outlier, h("span", {}, say("outlier"))), clip.node),
        h("div", { class: "lab-round-seen" },
          h("div", { class: "lab-legend" }, mark("dot o", "legend_original"), mark("square q", "legend_quantized"), mark("dash e", "legend_error")),
          this.figure, this.caption, this.verdict,
          h("div", { class: "lab-round-buttons" }, this.liveButton,
            this.#button("random", () => this.#random(this.seed + 1)), this.#button("reset", () => this.#reset()))),
        h("details", { class: "lab-round-more" }, h("summary", {}, say("more")),
          this.formula, this.cards, this.#table(), h("p", { class: "lab-caption" }, say("note"))),
      );
      this.#reset();
    }

    #button(name, click) {
      return h("button", { type: "button", class: `lab-round-button lab-round-${name}`, click }, this.words.say(name));
    }

    #slider(name, min, max) {
      const shown = h("output");
      const input = h("input", { type: "range", min, max, step: 1, class: `lab-round-${name}`, "aria-label": this.words.say(name) });
      input.addEventListener("input", () => this.#set({ [name]: name === "clip" ? input.value / 100 : Number(input.value) }));
      const node = h("label", { class: "lab-round-control lab-slide" }, h("span", {}, this.words.say(name), " ", shown), input);
      const show = (value) => {
        input.value = name === "clip" ? Math.round(100 * value) : value;
        shown.textContent = name === "clip" ? this.words.percent(value) : value;
        input.setAttribute("aria-valuetext", shown.textContent);
        node.style.setProperty("--at", (input.value - min) / (max - min));
      };
      return { node, show };
    }

    // Radio buttons; their group's name is this element's own, since both pages may be in one document.
    #choice(name, options, key) {
      const group = `lab-${name}-${Math.random().toString(36).slice(2)}`;
      const inputs = options.map(([value]) =>
        h("input", { type: "radio", name: group, value: String(value), change: () => this.#set({ [key]: value }) }));
      const labels = options.map(([, text], i) => h("label", {}, inputs[i], h("span", {}, this.words.say(text))));
      const node = h("fieldset", { class: `lab-round-control lab-round-${name}` }, h("legend", {}, this.words.say(name)), h("div", {}, ...labels));
      return { node, show: (value) => inputs.forEach((input, i) => { input.checked = options[i][0] === value; }) };
    }

    #table() {
      const names = ["handle", "row_value", "row_code", "head_rounded", "error_name"];
      const head = names.map((name) => h("th", { scope: "col" }, this.words.say(name, { i: "" }).trim()));
      const caption = h("caption", {}, this.words.say("table"));
      return h("div", { class: "lab-scroll" },
        h("table", { class: "data", style: "--cells:4" }, caption, h("thead", {}, h("tr", {}, ...head)), this.rows));
    }

    #reset() {
      Object.assign(this, { state: { ...START }, liveAt: 0, seed: FIRST_SEED - 1, recipe: {} });
      this.#take(JSON.parse(this.dataset.weights), this.words.say("source_start"));
      this.#follow();
    }

    // What has moved of the live recipe moves here too; the rest stays as the visitor has it.
    #follow() {
      const { bits, zero_point, granularity, group, format } = window.labRecipe ?? {};
      if (bits === undefined) return;
      const before = this.recipe, change = {};
      this.recipe = { bits, zeroPoint: Boolean(Number(zero_point)), shares: `${granularity} ${group}`, isIntegers: format === "int" };
      if (this.recipe.isIntegers) {
        for (const name of ["bits", "zeroPoint"]) if (before[name] !== this.recipe[name]) change[name] = this.recipe[name];
      }
      if (before.shares !== this.recipe.shares) change.groupSize = COUNT; // the smallest group of a recipe holds sixteen
      this.shared.hidden = false;
      this.shared.textContent = this.words.say({ tensor: "recipe_tensor", channel: "recipe_channel" }[granularity] ?? "recipe_group", { group });
      this.#set(change);
    }

    #useInModel() {
      const { bits, zeroPoint } = this.state;
      window.labAsk?.({ recipe: `format=int&bits=${bits}&zero_point=${Number(zeroPoint)}` });
    }

    #random(seed) {
      this.seed = seed;
      this.#take(lab.randomValues(seed, COUNT), this.words.say("source_random", { seed }));
    }

    // The next sixteen of the sample, from its start again when it ends.
    #takeLive() {
      const { sample, layer } = live;
      if (sample.length < COUNT) return;
      if (this.liveAt + COUNT > sample.length) this.liveAt = 0;
      const first = this.liveAt + 1, last = (this.liveAt += COUNT);
      this.#take(sample.slice(first - 1, last), this.words.say("source_live", { first, last, layer }));
    }

    #offerLive() {
      this.liveButton.hidden = live.sample.length < COUNT;
    }

    #take(values, source) {
      Object.assign(this, { base: values, source, moved: false, reach: lab.niceReach(values) });
      this.#render();
    }

    #set(change) {
      Object.assign(this.state, change);
      this.#render();
    }

    // To the nearest 1/200 of the axis, so that a dragged value is short enough to redo the formula by hand.
    #move(i, value) {
      if (this.state.outlier && i === OUTLIER_AT) return;
      const steps = Math.round((200 * lab.clamp(value, -this.reach, this.reach)) / this.reach);
      this.base = this.base.map((old, j) => (j === i ? (steps * this.reach) / 200 : old));
      this.moved = true;
      this.#render();
    }

    #key(i, event) {
      const fine = this.reach / 100, coarse = this.reach / 10, now = this.base[i];
      const to = {
        ArrowUp: now + fine, ArrowRight: now + fine, ArrowDown: now - fine, ArrowLeft: now - fine,
        PageUp: now + coarse, PageDown: now - coarse, Home: -this.reach, End: this.reach,
      }[event.key];
      if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.#move(i, to);
    }

    #render() {
      const { state, words } = this;
      const values = state.outlier ? lab.withOutlier(this.base, OUTLIER_AT, OUTLIER_FACTOR) : this.base;
      const q = (this.result = lab.quantize(values, state));
      const damage = state.outlier ? lab.outlierDamage(this.base, values, OUTLIER_AT, state) : null;
      for (const [name, control] of Object.entries(this.controls)) control.show(state[name]);
      this.outlier.checked = state.outlier;
      const { bits, zeroPoint, isIntegers } = this.recipe;
      this.use.hidden = bits === undefined || (isIntegers && bits === state.bits && zeroPoint === state.zeroPoint);
      this.verdict.hidden = !damage;
      this.said.textContent = damage ? words.outlier(damage, state.groupSize) : "";
      this.repair.textContent = words.say(state.groupSize === 4 ? "unrepair" : "repair");
      const tile = ([name, value, small]) => h("div", { class: "lab-card" }, h("small", {}, name), h("b", {}, value), h("span", {}, small));
      this.cards.replaceChildren(...words.cards(q, values, state, damage).map(tile));
      this.#renderFormula(q, values);
      const cells = (i) => [values[i], q.codes[i], q.decoded[i], q.errors[i]].map((x) => h("td", {}, words.n(x)));
      this.rows.replaceChildren(...values.map((_, i) => h("tr", {}, h("th", { scope: "row" }, words.say("handle", { i: i + 1 })), ...cells(i))));
      this.picture.root.setAttribute("aria-label", words.summary(q));
      const width = Math.floor(this.figure.clientWidth);
      const seen = { ...state, values, q, outlier: damage ? OUTLIER_AT : -1, reach: this.reach };
      const band = width > 0 && this.picture.draw(seen, width); // a tab that is not shown has no width
      const sentences = [words.caption(q, state), band && words.say("band"), this.source, this.moved && words.say("source_moved")];
      this.caption.textContent = sentences.filter(Boolean).join(" ");
    }

    #renderFormula(q, values) {
      const { selected } = this.state;
      const title = this.words.say("formula", { i: selected + 1, w: this.words.n(values[selected]) });
      const line = ([name, ...steps]) => h("p", {}, h("b", {}, name), ...steps.filter(Boolean).map((s) => h("span", {}, `= ${s}`)));
      this.formula.replaceChildren(h("h3", {}, title), ...this.words.formula(q, values, selected, this.state).map(line));
    }
  }

  // A page that holds this script twice keeps the first.
  if (!customElements.get("lab-rounding")) {
    customElements.define("lab-rounding", Rounding);
    customElements.define("lab-sample", Sample);
  }
})();
