// <lab-trained data-lab='...'>: a recorded training. Its slider goes from check to check, all of them in the attribute:
// the mark on the curve, the text and the histogram follow it, and nothing asks the server.
(() => {
  "use strict";

  const WIDTH = 400, BASE = 128, TOP = 6, EDGE = 6;
  const NS = "http://www.w3.org/2000/svg";
  const x = (place, bins) => EDGE + (WIDTH - 2 * EDGE) * place / bins;

  class Trained extends HTMLElement {
    static observedAttributes = ["data-lab"];

    connectedCallback() { this.#adopt(); }

    attributeChangedCallback() { if (this.isConnected) this.#adopt(); }

    #adopt() {
      this.slider = this.querySelector("input[type=range]");
      if (!this.slider) return;
      Object.assign(this, JSON.parse(this.dataset.lab));
      // The outer bins also hold what lies beyond: they may reach over the top.
      this.most = Math.max(...this.checks.flatMap((check) => check.places.slice(1, -1)), 1);
      this.slider.oninput = () => this.#show(Number(this.slider.value));
      this.#grid();
      this.slider.value = this.checks.length - 1;
      this.#show(this.checks.length - 1);
    }

    // The values that can be stored, named below.
    #grid() {
      const bins = this.checks[0].places.length, names = this.querySelector(".places .grid");
      const at = this.values.map(([place]) => x(place, bins));
      this.querySelector(".places .values").setAttribute("d", at.map((one) => `M${one.toFixed(1)} ${TOP}V${BASE}`).join(""));
      names.replaceChildren(...this.values.map(([, name], i) => {
        const text = document.createElementNS(NS, "text");
        for (const [key, value] of Object.entries({ x: at[i], y: BASE + 16, "text-anchor": "middle" })) text.setAttribute(key, value);
        text.textContent = name;
        return text;
      }));
    }

    #show(at) {
      const { said, text, places, marks } = this.checks[at];
      this.slider.setAttribute("aria-valuetext", said);
      this.slider.parentElement.style.setProperty("--at", at / Math.max(1, this.checks.length - 1));
      this.querySelector("output").textContent = said;
      this.querySelector("[data-slot=text]").textContent = text;
      [...this.querySelectorAll("svg.trained .at")].forEach((one, i) => one.setAttribute("transform", `translate(${marks[i].join(" ")})`));
      const bars = places.map((count, i) => {
        const y = BASE - (BASE - TOP) * Math.min(1, count / this.most);
        return `M${x(i, places.length).toFixed(1)} ${BASE}V${y.toFixed(1)}H${x(i + 1, places.length).toFixed(1)}V${BASE}Z`;
      });
      this.querySelector(".places .bars").setAttribute("d", bars.join(""));
    }
  }

  // A page that holds this script twice keeps the first.
  if (!customElements.get("lab-trained")) customElements.define("lab-trained", Trained);
})();
