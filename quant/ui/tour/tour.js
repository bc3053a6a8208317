// <lab-tour> and <lab-tour-start>: which step of the tour is shown, what was guessed, and where to go on after a reload.
// Questions and answers are in the page already; here they are shown and hidden. The page's recipe and tab move by
// window.labAsk, and only when the visitor does something: what is restored leaves them as the address has them.
(() => {
  "use strict";

  const KEY = "lab-tour";
  const fresh = () => ({ open: false, step: 0, guesses: [] });

  /** What the browser keeps; anything else that lies there is no tour. */
  function read(steps) {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY));
      const right = Number.isInteger(kept.step) && kept.step >= 0 && kept.step <= steps && Array.isArray(kept.guesses);
      return right ? kept : fresh();
    } catch {
      return fresh(); // nothing, or no storage at all: the tour then lives as long as the page
    }
  }

  function write(state) {
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {} // full, or forbidden
    window.dispatchEvent(new CustomEvent("lab-tour-moved", { detail: state }));
  }

  class Tour extends HTMLElement {
    connectedCallback() {
      this.steps ??= [...this.querySelectorAll(".lab-tour-step")];
      this.state ??= read(this.steps.length - 1);
      this.onclick = (event) => this.#click(event.target.closest("button"));
      this.begin = () => this.#begin();
      window.addEventListener("lab-tour-start", this.begin);
      this.#show();
    }

    disconnectedCallback() {
      window.removeEventListener("lab-tour-start", this.begin);
    }

    get step() {
      return this.steps[this.state.step];
    }

    #click(button) {
      const { guess, do: what } = button?.dataset ?? {};
      if (guess !== undefined) this.#guess(+guess);
      if (what === "next") this.#go(this.state.step + 1);
      if (what === "back") this.#go(this.state.step - 1);
      if (what === "again") this.#begin();
      if (what === "close") this.#close();
      if (what === "measure") {
        window.labAsk({ tab: "metrica" });
        requestAnimationFrame(() => this.#close()); // when that tab is in view
      }
    }

    #begin() {
      if (this.state.step === this.steps.length - 1) this.state = fresh();
      this.state.open = true;
      this.#go(this.state.step);
    }

    #go(step) {
      this.state.step = step;
      this.#keep();
      const { at, before, after } = this.step.dataset;
      this.#ask(at, this.#answered ? after || before : before);
      this.step.querySelector("h2").focus();
    }

    #guess(option) {
      if (this.#answered) return;
      this.state.guesses[this.state.step] = option;
      this.#keep();
      const { at, after } = this.step.dataset;
      this.#ask(at, after);
      this.step.querySelector(".lab-tour-answer p").focus();
    }

    #close() {
      this.state.open = false;
      this.#keep();
      // Where it began, or, in another tab, that tab's name; of gradio's names one is only there to be measured.
      const back = document.querySelectorAll("lab-tour-start button, [role=tab][aria-selected=true]");
      [...back].reverse().find((one) => one.checkVisibility({ visibilityProperty: true }))?.focus();
    }

    #ask(tab, recipe) {
      if (tab) window.labAsk(recipe ? { tab, recipe, whole: true } : { tab });
    }

    #keep() {
      write(this.state);
      this.#show();
    }

    get #answered() {
      return Number.isInteger(this.state.guesses[this.state.step]);
    }

    #show() {
      this.hidden = !this.state.open;
      this.steps.forEach((step, i) => {
        step.hidden = i !== this.state.step;
        if (step.dataset.right) this.#showAnswer(step, this.state.guesses[i]);
      });
      const done = this.querySelector("[data-done]");
      const score = this.steps.filter((step, i) => step.dataset.right === String(this.state.guesses[i])).length;
      done.textContent = done.dataset.done.replace("{score}", score);
    }

    #showAnswer(step, guess) {
      const right = +step.dataset.right, answered = Number.isInteger(guess);
      step.querySelector(".lab-tour-answer").hidden = !answered;
      const shown = { right: guess === right, wrong: guess !== right, open: !answered, answered };
      for (const one of step.querySelectorAll("[data-when]")) one.hidden = !shown[one.dataset.when];
      const [yes, no] = this.querySelector("template").content.children;
      step.querySelectorAll("[data-guess]").forEach((option, i) => {
        option.querySelector("small")?.remove();
        option.setAttribute("aria-disabled", answered);
        option.classList.toggle("right", answered && i === right);
        option.classList.toggle("wrong", answered && i === guess && i !== right);
        if (answered && i === right) option.append(yes.cloneNode(true));
        else if (answered && i === guess) option.append(no.cloneNode(true));
      });
    }
  }

  class Start extends HTMLElement {
    connectedCallback() {
      this.button = this.querySelector("button");
      this.first ??= this.button.textContent;
      this.button.onclick = () => window.dispatchEvent(new CustomEvent("lab-tour-start"));
      this.moved = (event) => this.#name(event.detail);
      window.addEventListener("lab-tour-moved", this.moved);
      this.#name(read(+this.dataset.steps));
    }

    disconnectedCallback() {
      window.removeEventListener("lab-tour-moved", this.moved);
    }

    #name({ step, guesses }) {
      const begun = step > 0 || guesses.length > 0;
      const { steps, resume, again } = this.dataset;
      this.button.textContent = !begun ? this.first : step === +steps ? again : resume.replace("{step}", step + 1);
    }
  }

  // A page that holds this script twice keeps the first.
  if (!customElements.get("lab-tour")) {
    customElements.define("lab-tour", Tour);
    customElements.define("lab-tour-start", Start);
  }
})();
