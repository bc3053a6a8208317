// The picture of the opening: sixteen weights, and the grid values that they go to. The server has drawn it once; here
// squares and error strokes move to where another stop has them, in 200 ms, or at once for those who want no motion.
(() => {
  "use strict";

  const SNAP_MS = 200;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const ease = (t) => 1 - (1 - t) ** 3;

  class HeroPicture {
    constructor(svg) {
      this.svg = svg;
      this.grid = svg.querySelector(".grid");
      this.weights = [...svg.querySelectorAll(".dots circle")].map((dot) => parseFloat(dot.getAttribute("cy")));
      this.squares = [...svg.querySelectorAll(".squares rect")];
      this.errors = [...svg.querySelectorAll(".errors line")];
      this.now = this.squares.map((square) => parseFloat(square.getAttribute("y")));
    }

    // stop: grid (markup of its lines), levels (per cent of the height; none at the original), caption.
    show(stop) {
      this.grid.innerHTML = stop.grid;
      this.svg.setAttribute("aria-label", stop.caption);
      this.svg.classList.toggle("untouched", !stop.levels.length);
      this.#move(stop.levels.length ? stop.levels : this.weights);
    }

    #move(target) {
      cancelAnimationFrame(this.frame);
      if (calm.matches) return this.#place(target);
      const from = this.now, started = performance.now();
      const step = () => {
        const t = Math.min((performance.now() - started) / SNAP_MS, 1);
        this.#place(target.map((y, i) => from[i] + (y - from[i]) * ease(t)));
        if (t < 1) this.frame = requestAnimationFrame(step);
      };
      step();
    }

    #place(levels) {
      this.now = levels;
      levels.forEach((y, i) => {
        this.squares[i].setAttribute("y", `${y}%`);
        this.errors[i].setAttribute("y2", `${y}%`);
      });
    }
  }

  window.labHero = Object.assign(window.labHero || {}, { HeroPicture });
})();
