// <lab-straight data-lab='...'>: one weight that learns through rounding. Left, the staircase, the line that the backward
// pass takes it for, and the weight on both; right, latent and stored value step by step. Gradient descent on
// L = (W - t)^2 / 2, with the gradients of quant/estimator.py; nothing asks the server.
(() => {
  "use strict";

  const LOW = 0, HIGH = 3, ZERO = 1; // codes of 2 bits, and the one that stands for 0
  const START = { w: -0.8, s: 1 };
  const LEAST_SCALE = 0.4, MOST_SCALE = 1.35;
  const STEPS_A_SECOND = 15, KEPT = 150, AT_ONCE = 20, LONGEST_S = 0.25;
  const OSCILLATES = 3, RECENT = 24; // jumps among so many steps
  const BOTTOM = -1.8, TOP = 2.8, SIZE = 360, HEIGHT = 300, PAD = { left: 30, right: 10, top: 10, bottom: 26 };
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

  /** What is stored of a latent weight, and the gradients of W by w and s, the rounding taken for the identity inside. */
  function passed(w, s) {
    const x = w / s + ZERO, q = clamp(Math.round(x), LOW, HIGH), inside = x >= LOW && x <= HIGH;
    return { q, stored: (q - ZERO) * s, inside, byW: inside ? 1 : 0, byS: q - ZERO - (inside ? w / s : 0) };
  }

  /** The state after a step. Of the true gradient nothing is left: rounding is flat. Scales move as s exp(t). */
  function stepped({ w, s }, { rate, wanted, straight, scale }) {
    const { stored, byW, byS } = passed(w, s), gradient = stored - wanted;
    const next = scale ? clamp(s * Math.exp(-rate * s * gradient * byS), LEAST_SCALE, MOST_SCALE) : s;
    return { w: straight ? w - rate * gradient * byW : w, s: next };
  }

  const across = (v) => PAD.left + (SIZE - PAD.left - PAD.right) * (v - BOTTOM) / (TOP - BOTTOM);
  const up = (v) => HEIGHT - PAD.bottom - (HEIGHT - PAD.top - PAD.bottom) * (v - BOTTOM) / (TOP - BOTTOM);
  const point = (x, y) => `${x.toFixed(1)},${y.toFixed(1)}`;

  class Straight extends HTMLElement {
    connectedCallback() {
      if (!this.querySelector(".lab-straight-said")) return;
      if (!this.strings) this.#adopt();
      calm.addEventListener("change", this.calmer);
      this.#settle();
    }

    disconnectedCallback() {
      this.#pause();
      calm.removeEventListener("change", this.calmer);
    }

    #adopt() {
      const { language, strings } = JSON.parse(this.dataset.lab);
      this.strings = strings;
      const format = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
      this.n = (value) => format.format(Math.abs(value) < 0.005 ? 0 : value).replace("-", "−");
      const of = (name) => this.querySelector(`[data-of=${name}]`);
      Object.assign(this, { play: of("play"), said: of("said"), told: of("told"), rate: of("rate"), wanted: of("wanted") });
      this.straight = of("straight");
      this.scale = of("scale");
      this.parts = Object.fromEntries([...this.querySelectorAll("svg [data-part]")].map((one) => [one.dataset.part, one]));
      this.calmer = () => { this.#pause(); this.#settle(); };
      this.play.addEventListener("click", () => this.#pressed());
      of("step").addEventListener("click", () => { this.#pause(); this.#step(); this.#settle(); });
      of("again").addEventListener("click", () => { this.#pause(); this.#restart(); });
      for (const control of [this.rate, this.wanted, this.straight, this.scale]) {
        control.addEventListener("input", () => this.#changed(control));
      }
      this.#restart();
    }

    get settings() {
      const [rate, wanted] = [this.rate, this.wanted].map((one) => Number(one.value));
      return { rate, wanted, straight: !this.straight.checked, scale: this.scale.checked };
    }

    #restart() {
      this.before = this.now = { ...START };
      this.trace = [{ w: this.now.w, stored: passed(this.now.w, this.now.s).stored }];
      this.steps = 0;
      this.jumps = [];
      this.#settle();
    }

    // A scale that no longer learns is the one that it began with.
    #changed(control) {
      if (control === this.scale && !this.scale.checked) this.before = this.now = { ...this.now, s: START.s };
      if (!this.playing) this.#settle();
      else this.#words();
    }

    #step() {
      this.before = this.now;
      this.now = stepped(this.now, this.settings);
      this.steps += 1;
      const from = passed(this.before.w, this.before.s), to = passed(this.now.w, this.now.s);
      if (from.q !== to.q) this.jumps.push({ step: this.steps, from: from.stored, to: to.stored });
      this.trace.push({ w: this.now.w, stored: to.stored });
      if (this.trace.length > KEPT) this.trace.shift();
    }

    // For those who want no motion, steps at once in place of a picture that runs.
    #pressed() {
      if (this.playing) return this.#pause(true);
      if (calm.matches) {
        for (let i = 0; i < AT_ONCE; i += 1) this.#step();
        return this.#settle();
      }
      this.said.setAttribute("aria-live", "off");
      let last = performance.now(), due = 0;
      const frame = (time) => {
        if (!this.checkVisibility()) return this.#pause(true); // another tab is in view
        due += Math.min(Math.max(time - last, 0) / 1000, LONGEST_S) * STEPS_A_SECOND;
        last = time;
        for (; due >= 1; due -= 1) this.#step();
        this.#draw(due);
        this.playing = requestAnimationFrame(frame);
      };
      this.playing = requestAnimationFrame(frame);
      this.play.textContent = this.strings.pause;
    }

    #pause(settles = false) {
      cancelAnimationFrame(this.playing);
      this.playing = 0;
      if (settles) this.#settle();
    }

    /** At rest: where the last step led, said to whoever listens. */
    #settle() {
      this.said.setAttribute("aria-live", "polite");
      this.play.textContent = calm.matches ? this.strings.many : this.strings.play;
      this.before = this.now;
      this.#draw(1);
    }

    /** `share`: of the way from the state before the last step to the one after. */
    #draw(share) {
      const between = (name) => this.before[name] + (this.now[name] - this.before[name]) * share;
      const w = between("w"), s = between("s"), { stored, inside } = passed(w, s);
      const { straight, wanted } = this.settings, { parts } = this;
      const seen = clamp(w, BOTTOM, TOP), low = (LOW - ZERO) * s, high = (HIGH - ZERO) * s;
      const line = clamp(w, low, high), x = across(seen);
      this.#grid(s);
      place(parts.wanted, { y1: up(wanted), y2: up(wanted) });
      place(parts.wanted2, { y1: up(wanted), y2: up(wanted) });
      place(parts.drop, { x1: x, x2: x, y1: up(BOTTOM), y2: up(Math.min(stored, line)) });
      place(parts.error, { x1: x, x2: x, y1: up(line), y2: up(stored) });
      place(parts.dot, { cx: x, cy: up(line) });
      place(parts.square, { x: x - 7, y: up(stored) - 7 });
      parts.pretended.classList.toggle("off", !straight);
      parts.dot.classList.toggle("outside", !inside);
      this.#traces(share, seen, stored);
      this.#words();
    }

    // The staircase of a scale, and the line that it is taken for.
    #grid(s) {
      if (this.drawn === s) return;
      this.drawn = s;
      const values = [-1, 0, 1, 2].map((v) => v * s), middles = values.slice(1).map((v) => v - s / 2);
      const [low, high] = [values[0], values.at(-1)];
      const stairs = values.map((v, i) => `${i ? `H${across(middles[i - 1]).toFixed(1)}` : `M${across(BOTTOM)} ${up(v)}`}V${up(v).toFixed(1)}`);
      this.parts.stairs.setAttribute("d", `${stairs.join("")}H${across(TOP)}`);
      const ends = [[BOTTOM, low], [low, low], [high, high], [TOP, high]].map(([x, y]) => point(across(x), up(y)));
      this.parts.pretended.setAttribute("points", ends.join(" "));
      const inner = middles.map((v) => `M${across(v).toFixed(1)} ${up(BOTTOM)}V${PAD.top}`).join("");
      this.parts.middles.setAttribute("d", inner);
      const rows = values.map((v) => `M${PAD.left} ${up(v).toFixed(1)}H${SIZE - PAD.right}`).join("");
      for (const name of ["values", "values2"]) this.parts[name].setAttribute("d", rows);
      for (const name of ["names", "names2"]) {
        [...this.parts[name].children].forEach((one, i) => { one.textContent = this.n(values[i]); one.setAttribute("y", up(values[i]) + 4); });
      }
    }

    #traces(share, w, stored) {
      const room = (SIZE - PAD.left - PAD.right - 10) / KEPT, last = this.trace.length - 1;
      const at = (i) => PAD.left + room * i, end = at(Math.max(0, last - 1 + share));
      const past = this.trace.slice(0, last || 1);
      const latent = past.map((one, i) => point(at(i), up(clamp(one.w, BOTTOM, TOP))));
      this.parts.latent.setAttribute("points", [...latent, point(end, up(w))].join(" "));
      const kept = past.map((one, i) => `${i ? "H" : "M"}${at(i).toFixed(1)}${i ? "V" : " "}${up(one.stored).toFixed(1)}`);
      this.parts.kept.setAttribute("d", `${kept.join("")}H${end.toFixed(1)}V${up(stored).toFixed(1)}`);
      place(this.parts.dot2, { cx: end, cy: up(w) });
      place(this.parts.square2, { x: end - 5, y: up(stored) - 5 });
    }

    #words() {
      const { strings, n } = this, { rate, wanted, straight, scale } = this.settings, { w, s } = this.now;
      const { stored, byW, byS } = passed(w, s), gradient = stored - wanted;
      const given = {
        w: n(w), stored: n(stored), gradient: n(straight ? gradient * byW : 0), steps: this.steps, s: n(s),
        bys: n(gradient * byS), wanted: n(wanted),
      };
      const figures = fill(strings.figures, given) + (scale ? fill(strings.scale_figures, given) : "");
      write(this.told, figures);
      write(this.said, fill(this.#what(straight, scale), given));
      for (const [slider, text] of [[this.rate, n(rate)], [this.wanted, n(wanted)]]) {
        slider.setAttribute("aria-valuetext", text);
        write(slider.closest("label").querySelector("output"), text);
        slider.parentElement.style.setProperty("--at", (slider.value - slider.min) / (slider.max - slider.min));
      }
    }

    /** The sentence that holds now. */
    #what(straight, scale) {
      const { strings } = this, last = this.jumps.at(-1), { w, s } = this.now, now = passed(w, s);
      if (!straight) return scale ? strings.flat_scale : strings.flat;
      if (Math.abs(now.stored - this.settings.wanted) < 0.02) return strings.there;
      if (!now.inside) return strings.outside;
      if (!this.steps) return strings.begin;
      const recent = this.jumps.filter((one) => one.step > this.steps - RECENT);
      if (recent.length >= OSCILLATES) return scale ? strings.between_scale : strings.between;
      if (last && this.steps - last.step < RECENT / 2) {
        return fill(strings.jumped, { from: this.n(last.from), to: this.n(last.to) });
      }
      return strings.slides;
    }
  }

  const place = (node, values) => { for (const [name, value] of Object.entries(values)) node.setAttribute(name, value.toFixed(1)); };
  const fill = (text, given) => text.replace(/\{(\w+)\}/g, (_, name) => given[name] ?? `{${name}}`);
  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  window.labStraight = { passed, stepped };
  // A page that holds this script twice keeps the first.
  if (!customElements.get("lab-straight")) customElements.define("lab-straight", Straight);
})();
