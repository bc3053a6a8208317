// <lab-line data-lab='{strings, language, formats, start}'>: every value of a small format on a line, and where the
// weights of the live layer fall: their histogram above it, what rounds to each value below.
//
// The layer comes as evenly spaced quantiles (window.labLive), so that shares are right to a fraction of a thousandth.
(() => {
  "use strict";
  const HEIGHT = 250, AXIS = 128, SIDE = 16, BINS = 96;
  const LIMITS = { exponent: [1, 5], mantissa: [0, 4] };
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const memory = { name: null, scaled: true, log: false, zoom: 0, at: null };

  class LabLine extends HTMLElement {
    connectedCallback() {
      if (this.svg) return;
      const data = JSON.parse(this.dataset.lab);
      Object.assign(this, { t: data.strings, language: data.language });
      this.formats = new Map(data.formats.map((f) => [f.name, f]));
      memory.name ??= data.start;
      this.own = window.labCodec.exmy(3, 2, "finite");
      this.build();
      this.redraw = () => this.draw();
      window.addEventListener("lab-live", this.redraw);
      this.resized = new ResizeObserver(this.redraw);
      this.resized.observe(this.svg);
      this.choose(memory.name);
    }

    disconnectedCallback() {
      window.removeEventListener("lab-live", this.redraw);
    }

    build() {
      const { element, slider } = window.labWords;
      const option = (name, text) => element("option", { value: name, text });
      this.select = element("select", { onchange: () => this.choose(this.select.value) },
        ...[...this.formats.keys()].map((name) => option(name, name)), option("exmy", this.t.exmy));
      const part = (name, label) => slider(label, { min: LIMITS[name][0], max: LIMITS[name][1], value: 2 }, () => this.custom());
      this.sliders = { exponent: part("exponent", this.t.exponentBits), mantissa: part("mantissa", this.t.mantissaBits) };
      const check = (name, label) => {
        const box = element("input", { type: "checkbox", checked: memory[name], onchange: () => { memory[name] = box.checked; this.draw(); } });
        return element("label", {}, box, ` ${label}`);
      };
      this.zoom = slider(this.t.zoom, { min: 0, max: 6, value: memory.zoom }, (n) => { memory.zoom = n; this.draw(); }, (n) => `×${2 ** n}`);
      this.svg = document.createElementNS(NAMESPACE, "svg");
      const attributes = { class: "lab-line", role: "slider", tabindex: 0, "aria-label": this.t.lineLabel, height: HEIGHT };
      for (const [name, value] of Object.entries(attributes)) this.svg.setAttribute(name, value);
      this.svg.onpointermove = this.svg.onpointerdown = (event) => this.point(event);
      this.svg.onkeydown = (event) => this.walk(event);
      this.readout = element("p", { class: "lab-readout" });
      this.summary = element("p", { class: "lab-caption", "aria-live": "polite" });
      this.table = element("div", { class: "lab-values" });
      this.details = element("details", { ontoggle: () => this.list() }, element("summary", { text: this.t.asTable }), this.table);
      this.replaceChildren(
        element("div", { class: "lab-entries" }, element("label", {}, element("span", { text: this.t.format }), this.select),
          this.sliders.exponent, this.sliders.mantissa, this.zoom),
        element("div", { class: "lab-checks" }, check("scaled", this.t.scaled), check("log", this.t.log)),
        this.svg, this.readout, this.summary, this.details);
    }

    choose(name) {
      memory.name = this.select.value = name;
      this.format = name === "exmy" ? this.own : this.formats.get(name);
      for (const part of ["exponent", "mantissa"]) this.show(part, this.format.layout?.[part]);
      memory.at = null;
      this.draw();
    }

    /** A slider follows the format where it has such a part within its reach. */
    show(part, bits) {
      const input = this.sliders[part].querySelector("input");
      const within = bits >= LIMITS[part][0] && bits <= LIMITS[part][1];
      if (within) input.value = bits;
      window.labWords.slid(input);
      this.sliders[part].querySelector("output").textContent = within ? bits : (bits ?? "–");
    }

    custom() {
      const [e, m] = ["exponent", "mantissa"].map((p) => Number(this.sliders[p].querySelector("input").value));
      this.own = window.labCodec.exmy(e, m, "finite");
      this.choose("exmy");
    }

    // ---- figures

    /** Rising values, and of the layer: the factor it is multiplied by, the share at each value, what is cut off. */
    measure() {
      const [values, live] = [window.labCodec.allValues(this.format), window.labLive];
      // What has no sign (a scale's format, a zero point's codes) holds no weights.
      if (!live || values[0] >= 0) return { values, shares: null };
      const top = values[values.length - 1];
      const reach = Math.max(Math.abs(live.quantiles[0]), Math.abs(live.quantiles[live.quantiles.length - 1]));
      const factor = memory.scaled && reach ? top / reach : 1;
      const counts = new Array(values.length).fill(0);
      let at = 0, cut = 0;
      for (const q of live.quantiles) {
        const w = q * factor;
        while (at + 1 < values.length && w > (values[at] + values[at + 1]) / 2) at++;
        counts[at]++;
        if (w > top * (1 + 1e-6) || w < values[0] * (1 + 1e-6)) cut++;
      }
      const n = live.quantiles.length;
      return { values, factor, cut: cut / n, shares: counts.map((c) => c / n), used: counts.filter(Boolean).length };
    }

    /** Where a value lies, in pixels; null outside the picture. */
    scale(values) {
      const width = Math.max(200, this.svg.clientWidth || 600);
      const top = values[values.length - 1];
      if (memory.log || values[0] >= 0 && top > 1e6) {
        const least = values.find((v) => v > 0);
        const [a, b] = [Math.log2(least) - 0.7, Math.log2(top) + 0.3];
        const x = (v) => (v > 0 ? SIDE + ((width - 2 * SIDE) * (Math.log2(v) - a)) / (b - a) : null);
        return { width, x, from: SIDE, ticks: logTicks(a, b, width), log: true };
      }
      const half = Math.max(Math.abs(values[0]), top) / 2 ** memory.zoom;
      const low = values[0] < 0 ? -half : 0;
      const x = (v) => (v < low * 1.0001 || v > half * 1.0001 ? null : SIDE + ((width - 2 * SIDE) * (v - low)) / (half - low));
      const ticks = (low ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map((k) => [k * half, window.labWords.number(k * half, this.language, 3)]);
      return { width, x, ticks, log: false };
    }

    draw() {
      const figures = this.measure();
      const scale = this.scale(figures.values);
      Object.assign(this, { figures, scaling: scale });
      this.svg.setAttribute("viewBox", `0 0 ${scale.width} ${HEIGHT}`);
      this.svg.innerHTML = this.cloud(figures, scale) + this.stems(figures, scale) + axis(scale);
      this.say(figures);
      this.mark(memory.at ?? Math.floor(figures.values.length / 2));
      this.list();
    }

    /** The histogram of the layer's weights above the line. */
    cloud({ shares, factor }, { width, x, log }) {
      if (!shares) return "";
      const bins = new Array(BINS).fill(0);
      for (const q of window.labLive.quantiles) {
        const at = x(log ? Math.abs(q * factor) : q * factor);
        const bin = at === null ? -1 : Math.floor((BINS * (at - SIDE)) / (width - 2 * SIDE));
        if (bin >= 0 && bin <= BINS) bins[Math.min(bin, BINS - 1)]++;
      }
      const most = Math.max(...bins, 1);
      const step = (width - 2 * SIDE) / BINS;
      return bins.map((n, i) => n && rect("cloud", SIDE + i * step, AXIS - (n / most) * (AXIS - 14), step, (n / most) * (AXIS - 14))).join("");
    }

    /** A tick for each value, and under it a bar as long as the share of the weights that round to it. */
    stems({ values, shares }, { x }) {
      const most = shares ? Math.max(...shares) : 1;
      const thin = values.length > 70 ? 1.2 : values.length > 20 ? 2.4 : 9;
      const tick = Math.min(thin / 2, 2);
      return values.map((v, i) => {
        const at = x(v);
        if (at === null) return "";
        const long = shares?.[i] ? Math.max(1.5, (shares[i] / most) * (HEIGHT - AXIS - 54)) : 0;
        return rect("tick", at - tick / 2, AXIS - 6, tick, 16) + (long ? rect("stem", at - thin / 2, AXIS + 12, thin, long) : "");
      }).join("");
    }

    say({ values, shares, factor, cut, used }) {
      const { number, percent, fill } = window.labWords;
      const write = (v) => number(v, this.language, 4);
      const about = fill(this.t.lineSummary, {
        format: this.format.name, n: values.length, low: write(values[0]), high: write(values[values.length - 1]), least: write(values.find((v) => v > 0)),
      });
      const weights = shares ? fill(memory.scaled ? this.t.lineScaled : this.t.linePlain, {
        layer: window.labLive.layer, factor: write(factor), used, n: values.length,
        zero: this.part(shares[values.indexOf(0)] ?? 0), cut: percent(cut, this.language), quantiles: window.labLive.quantiles.length,
      }) : this.t.lineUnsigned;
      this.summary.textContent = `${about} ${weights}`;
    }

    /** A share of the weights; none among the quantiles is less than one of them, which need not be nothing. */
    part(share) {
      const { percent } = window.labWords;
      return share ? percent(share, this.language) : `<\u00a0${percent(1 / window.labLive.quantiles.length, this.language, 2)}`;
    }

    // ---- one value at a time

    point(event) {
      const box = this.svg.getBoundingClientRect();
      const pointed = event.clientX - box.left;
      let [best, nearest] = [0, Infinity];
      this.figures.values.forEach((v, i) => {
        const at = this.scaling.x(v);
        if (at === null || Math.abs(at - pointed) >= nearest) return;
        [best, nearest] = [i, Math.abs(at - pointed)];
      });
      this.mark(best);
    }

    walk(event) {
      const last = this.figures.values.length - 1;
      const now = Math.min(memory.at ?? Math.floor((last + 1) / 2), last);
      const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: last, PageUp: now + 10, PageDown: now - 10 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.mark(Math.max(0, Math.min(last, to)));
    }

    mark(i) {
      const { values, shares, factor } = this.figures;
      memory.at = Math.min(i, values.length - 1);
      const value = values[memory.at];
      const { number, fill, exact } = window.labWords;
      const code = window.labCodec.encode(value, this.format);
      const text = fill(this.t.readout, { value: exact(value, this.language), code: window.labCodec.binary(code, this.format) })
        + (shares ? fill(this.t.readoutShare, { weight: number(value / factor, this.language, 4), share: this.part(shares[memory.at]) }) : "");
      this.readout.textContent = text;
      for (const [name, of] of Object.entries({ min: 0, max: values.length - 1, now: memory.at, text })) this.svg.setAttribute(`aria-value${name}`, of);
      this.svg.querySelector(".mark")?.remove();
      const at = this.scaling.x(value);
      if (at !== null) this.svg.insertAdjacentHTML("beforeend", `<circle class="mark" cx="${at.toFixed(1)}" cy="${AXIS + 2}" r="6"/>`);
    }

    /** The same as a table, made only when it is open. */
    list() {
      if (!this.details.open) return;
      const { values, shares } = this.figures;
      const { exact, escape } = window.labWords;
      const code = (v) => window.labCodec.binary(window.labCodec.encode(v, this.format), this.format);
      const part = (i) => (shares ? escape(this.part(shares[i])) : "–");
      const row = (v, i) => `<tr><th scope="row">${exact(v, this.language)}</th><td><code>${code(v)}</code></td><td>${part(i)}</td></tr>`;
      const head = this.t.tableHead.map((h) => `<th scope="col">${h}</th>`).join("");
      this.table.innerHTML = `<table class="data" style="--cells:2"><thead><tr>${head}</tr></thead><tbody>${values.map(row).join("")}</tbody></table>`;
    }
  }

  const rect = (css, x, y, width, height) =>
    `<rect class="${css}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"/>`;

  function logTicks(a, b, width) {
    const step = Math.max(1, Math.ceil(((b - a) * 46) / width));
    const ticks = [];
    for (let power = Math.ceil(a / step) * step; power <= b; power += step) ticks.push([2 ** power, power]);
    return ticks;
  }

  function axis({ width, x, ticks, log }) {
    const labels = ticks.map(([v, text], i) => {
      const anchor = log || (i && i < ticks.length - 1) ? "middle" : i ? "end" : "start";
      const shown = log ? `2<tspan dy="-6" font-size="10">${String(text).replace("-", "−")}</tspan>` : text;
      return `<text x="${x(v).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="${anchor}">${shown}</text>`;
    });
    return `<line x1="0" x2="${width}" y1="${AXIS + 2}" y2="${AXIS + 2}"/>${labels.join("")}`;
  }

  customElements.define("lab-line", LabLine);
})();
