// <lab-hero data-lab='...'>: the opening. Its slider shows one of seven stops, all of them in the attribute; nothing asks
// the server. It follows the page's live recipe (event "lab-recipe") and, once it rests, asks for its own bits (labAsk).
// <lab-hero-live data-lab='...'> brings what the models wrote after the visitor's own beginning.
(() => {
  "use strict";

  const STEP_MS = 1600; // of the fall: long enough to read the text
  const REST_MS = 250; // after which a dragged slider is taken to have come to rest
  const ANSWER_MS = 4000; // for which an answer is waited for: one to an earlier question must not move the slider back
  const FALL = ["8", "6", "5", "4", "3", "2"];
  // What is recorded: another recipe than this is not what the opening shows.
  const RECORDED = { model: "embedded", format: "int", granularity: "group", group: 64, zero_point: 0, table: 0, activations: "float" };

  const plain = (value) => String(typeof value === "boolean" ? Number(value) : value); // a box is true, an address says 1
  const isRecorded = (recipe) =>
    Object.entries(RECORDED).every(([name, value]) => !(name in recipe) || plain(recipe[name]) === plain(value)) &&
    ["", "rtn"].includes(recipe.method || "");

  // Gradio fades in what it shows, and until then that takes no focus.
  const focusWhenSeen = (node, frames = 60) => {
    node.focus({ preventScroll: true });
    if (document.activeElement === node || !frames) return;
    requestAnimationFrame(() => { if (document.activeElement === document.body) focusWhenSeen(node, frames - 1); });
  };

  class Hero extends HTMLElement {
    connectedCallback() {
      if (!this.querySelector(".lab-hero-other")) return; // the document is being read: labFirst (page.js) calls again
      if (!this.stops) this.#adopt(); // Gradio may take the node out and put it back
      this.listeners = { "lab-recipe": () => this.#follow(), "lab-hero-live": (event) => this.#live(event.detail) };
      for (const [name, listener] of Object.entries(this.listeners)) window.addEventListener(name, listener);
      this.#follow();
    }

    disconnectedCallback() {
      for (const [name, listener] of Object.entries(this.listeners ?? {})) window.removeEventListener(name, listener);
      this.#pause();
    }

    #adopt() {
      const { stops, strings } = JSON.parse(this.dataset.lab);
      Object.assign(this, { stops, strings, live: null, waiting: 0, playing: 0, places: [], asked: "", askedAt: 0, wish: null });
      this.slots = Object.fromEntries([...this.querySelectorAll("[data-slot]")].map((node) => [node.dataset.slot, node]));
      const one = (css) => this.querySelector(css);
      this.slider = one("input[type=range]");
      this.track = one(".lab-hero-slider");
      this.rest = one(".lab-hero-bar .rest");
      this.codes = one(".lab-hero-bar .codes");
      this.play = one(".lab-hero-play");
      this.own = one(".lab-hero-own");
      this.back = one(".lab-hero-back");
      this.other = one(".lab-hero-other");
      this.use = one(".lab-hero-other button");
      this.picture = new window.labHero.HeroPicture(one("svg"));
      this.at = Number(this.slider.value);
      this.slider.addEventListener("input", () => this.#moved(Number(this.slider.value)));
      for (const stop of this.querySelectorAll("[data-place]")) {
        stop.addEventListener("click", () => { this.#moved(Number(stop.dataset.place)); this.slider.focus(); });
      }
      this.play.addEventListener("click", () => (this.playing ? this.#pause(true) : this.#fall()));
      this.own.addEventListener("click", () => this.#toggleOwn());
      this.back.addEventListener("click", () => { this.live = null; this.#show(this.at); this.slider.focus(); });
      this.use.addEventListener("click", () => this.#ask(true));
      this.#follow(new URLSearchParams(window.location.search));
    }

    get stop() { return this.stops[this.at]; }

    // The hero that stood in the document until gradio had built the page gives its place to the page's own: what was
    // moved is asked for now, a fall goes on, and the field for one's own beginning opens.
    adoptFrom(first) {
      if (!first.stops || !this.stops) return;
      clearTimeout(first.waiting);
      if (first.touched) this.#show(first.at);
      if (first.playing) this.#fall(first.places);
      else if (first.wish) this.#ask(first.wish.whole);
      else if (first.touched) this.#askSoon();
      for (const name of ["slider", "play", "own"]) if (first[name] === document.activeElement) focusWhenSeen(this[name]);
      const { searchParams } = new URL(window.location); // a beginning that the address brings is shown
      if (first.own.getAttribute("aria-expanded") === "true" || searchParams.get("principio")) this.#toggleOwn();
    }

    // The visitor's hand: the picture at once, the recipe when it rests.
    #moved(at) {
      this.touched = true;
      this.#pause();
      if (at !== this.at) this.#show(at);
      this.#askSoon();
    }

    #askSoon() {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => { this.waiting = 0; this.#ask(false); }, REST_MS);
    }

    // `whole`: also where the live recipe differs in more than its bits. The original is no recipe. Until the page has
    // said its recipe there is nobody to ask.
    #ask(whole) {
      Object.assign(this, { asked: this.stop.key, askedAt: performance.now(), wish: window.labRecipe ? null : { whole } });
      if (this.wish || this.stop.key === "original" || (this.isOther && !whole)) return;
      const bits = `bits=${this.stop.key}`;
      window.labAsk(whole ? { recipe: `model=${RECORDED.model}&${bits}`, whole } : { recipe: bits });
    }

    // The live recipe, or at first that of the address, moves the slider where it is one of those recorded.
    #follow(address = null) {
      const recipe = address ? Object.fromEntries(address) : window.labRecipe;
      if (!recipe) return;
      this.isOther = !isRecorded(recipe);
      const at = this.stops.findIndex((stop) => stop.key === String(recipe.bits));
      this.other.hidden = !this.isOther && (at >= 0 || !("bits" in recipe));
      for (const said of this.other.querySelectorAll("[data-when]")) said.hidden = (said.dataset.when === "other") !== this.isOther;
      const isNew = String(recipe.bits) !== this.bits;
      this.bits = String(recipe.bits);
      if (this.wish && !address) return this.#ask(this.wish.whole); // who moved it before the page said its recipe keeps it
      if (at >= 0 && isNew && !this.isOther && !this.#isBusy() && at !== this.at) this.#show(at);
    }

    // While the visitor's hand or the fall moves the slider, and until what was last asked for is there.
    #isBusy() {
      if (this.bits === this.asked) this.asked = "";
      return this.waiting || this.playing || (this.asked && performance.now() - this.askedAt < ANSWER_MS);
    }

    #show(at) {
      this.at = at;
      const { stop, slots } = this;
      this.slider.value = at;
      this.slider.setAttribute("aria-valuetext", stop.value);
      this.track.style.setProperty("--at", at / (this.stops.length - 1));
      this.track.classList.toggle("untouched", stop.key === "original");
      for (const name of ["said", "size", "of", "perplexity", "kl", "caption"]) {
        slots[name === "said" ? "at" : name].textContent = stop[name];
      }
      for (const name of ["parts", "chip"]) slots[name].innerHTML = stop[name];
      this.rest.style.width = `${stop.rest}%`;
      this.codes.style.width = `${stop.codes}%`;
      this.use.hidden = stop.key === "original";
      this.picture.show(stop);
      this.#showText();
    }

    #showText() {
      const { stop, slots, strings, live } = this;
      const own = live?.texts[stop.key];
      slots.text.innerHTML = live ? (own ?? live.prompt) : stop.text;
      slots.text.classList.toggle("waiting", Boolean(live) && own === undefined);
      slots.kind.innerHTML = live ? strings.live : strings.recorded;
      const told = live ? this.#told(own) : stop.told;
      if (slots.told.textContent !== told) slots.told.textContent = told; // it is read aloud when it changes
      this.back.hidden = !live;
    }

    #told(own) {
      const { stop, strings, live } = this;
      if (!live.done.includes(stop.key)) {
        return !live.ended ? strings.writing : own === undefined ? strings.unwritten : strings.unfinished;
      }
      if (stop.key === "original") return strings.original;
      return own.includes("<mark>") ? strings.changed : strings.same;
    }

    // What the models write after the visitor's own beginning takes the place of what was recorded.
    #live(detail) {
      if (!this.live && !detail.texts) return;
      const before = this.live?.prompt;
      this.live = { ...this.live, ...detail }; // that it has ended comes alone
      const isNew = before !== this.live.prompt;
      this.#showText();
      if (isNew) this.slots.text.scrollIntoView({ block: "nearest" });
    }

    // `places`: those still to come, of a fall that goes on here.
    #fall(places = null) {
      clearTimeout(this.waiting);
      this.waiting = 0;
      this.touched = true;
      this.places = places ?? FALL.map((key) => this.stops.findIndex((stop) => stop.key === key));
      this.play.textContent = this.strings.pause;
      const step = () => {
        this.#show(this.places.shift());
        if (this.places.length) this.playing = setTimeout(step, STEP_MS);
        else this.#pause(true);
      };
      if (places) this.playing = setTimeout(step, STEP_MS);
      else step();
    }

    // `rests`: the slider stays where it is, so that its bits are asked for.
    #pause(rests = false) {
      if (!this.playing) return;
      clearTimeout(this.playing);
      this.playing = 0;
      this.play.textContent = this.strings.play;
      if (rests) this.#ask(false);
    }

    // Before gradio has built the page there is no field: that it was asked for is kept for `adoptFrom`.
    #toggleOwn() {
      const open = this.own.getAttribute("aria-expanded") !== "true";
      this.own.setAttribute("aria-expanded", open);
      const field = document.getElementById(this.own.getAttribute("aria-controls"));
      field?.classList.toggle("open", open);
      if (open) field?.querySelector("textarea, input").focus();
    }
  }

  class HeroLive extends HTMLElement {
    static observedAttributes = ["data-lab"];

    attributeChangedCallback() {
      window.dispatchEvent(new CustomEvent("lab-hero-live", { detail: JSON.parse(this.dataset.lab) }));
    }
  }

  // A page that holds this script twice keeps the first.
  if (!customElements.get("lab-hero")) {
    customElements.define("lab-hero", Hero);
    customElements.define("lab-hero-live", HeroLive);
  }
})();
