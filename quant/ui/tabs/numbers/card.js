// One number format of the bits panel: its bits as buttons, and what they say.
(() => {
  "use strict";
  const LONG = 60; // digits; beyond them a value gets a box that scrolls

  /** The groups of bits, highest first: {kind, name, from, count}, `from` counted from the left. */
  function groups(f, t) {
    const l = f.layout;
    if (l) {
      const sizes = [["sign", Number(l.signed)], ["exponent", l.exponent], ["mantissa", l.mantissa]];
      let from = 0;
      return sizes.filter(([, n]) => n).map(([kind, count]) => ({ kind, name: t[kind], count, from: (from += count) - count }));
    }
    if (!f.integer) return [{ kind: "code", name: t.code, from: 0, count: f.bits }];
    const signed = f.values.some((v) => v < 0);
    const value = { kind: "mantissa", name: t.value, from: Number(signed), count: f.bits - Number(signed) };
    return signed ? [{ kind: "sign", name: `−2<sup>${f.bits - 1}</sup>`, from: 0, count: 1 }, value] : [value];
  }

  class FormatCard {
    /**
     * `short`: how the format is mostly called. `actions`: toggle(pattern) when a bit is clicked, policy(name) when
     * another answer to overflow is chosen.
     */
    constructor(format, short, strings, language, actions) {
      Object.assign(this, { format, t: strings, language, actions, pattern: 0n });
      const { element } = window.labWords;
      this.bits = [];
      const significant = 1 + (format.layout?.mantissa ?? 7);
      this.digits = Math.ceil(significant * Math.log10(2)) + 2; // enough to tell neighbours apart
      const fields = element("div", { class: "lab-fields", role: "group", "aria-label": `${format.name}: ${strings.bits}` });
      for (const group of groups(format, strings)) fields.append(this.field(group));
      fields.addEventListener("keydown", (event) => this.move(event));
      this.value = element("p", { class: "lab-value" });
      this.facts = element("dl", { class: "lab-facts" });
      this.formula = element("p", { class: "lab-formula" });
      this.note = element("p", { class: "lab-note" });
      this.error = element("p", { class: "lab-error-line" });
      this.more = element("div", {}, this.facts, this.formula, ...this.policies());
      const size = element("span", { text: short && short !== format.name ? `${format.name} · ${this.size()}` : this.size() });
      const head = element("header", {}, element("h3", { text: short ?? format.name }), size);
      this.root = element("section", { class: "lab-format", "aria-label": format.name, "data-format": format.name },
        head, fields, element("div", { class: "lab-said-line" }, this.value, this.error), this.note, this.more);
      this.root.classList.toggle("wide", format.bits > 16);
    }

    size() {
      const counts = groups(this.format, this.t).map((g) => g.count);
      return (counts.length > 1 ? counts.join(" + ") + " = " : "") + window.labWords.fill(this.t.nBits, { n: this.format.bits });
    }

    field({ kind, name, from, count }) {
      const { element } = window.labWords;
      const row = element("div", { class: "lab-row" });
      for (let i = from; i < from + count; i++) {
        const place = this.format.bits - 1 - i;
        const button = element("button", {
          type: "button", class: "lab-bit", tabindex: i ? -1 : 0, "data-bit": place,
          onclick: () => this.actions.toggle(this.pattern ^ (1n << BigInt(place)), this.format),
        });
        button.label = `${name.replace(/<[^>]*>/g, "")}, ${this.t.bit} ${place}`;
        this.bits.push(button);
        row.append(button);
      }
      return element("div", { class: `lab-field ${kind}` }, element("span", { html: name }), row);
    }

    /** One stop for the tab key, arrows inside: 32 stops would bury the page for whoever uses a keyboard. */
    move(event) {
      const at = this.bits.indexOf(document.activeElement);
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.bits.length - 1 }[event.key];
      if (to === undefined || !this.bits[to]) return;
      event.preventDefault();
      this.bits.forEach((b, i) => (b.tabIndex = i === to ? 0 : -1));
      this.bits[to].focus();
    }

    policies() {
      const { element } = window.labWords;
      const allowed = window.labCodec.overflowChoices(this.format);
      if (allowed.length < 2) return [];
      const label = element("label", { class: "lab-policy", text: this.t.overflow + " " });
      this.select = element("select", { onchange: () => this.actions.policy(this.select.value, this.format) },
        ...allowed.map((name) => element("option", { value: name, text: this.t.policies[name] })));
      label.append(this.select);
      return [label];
    }

    /** Show what `pattern` says of the number x (a float64); a null pattern: the format cannot say it. */
    update(pattern, x, policy) {
      const { labCodec: codec } = window;
      this.pattern = pattern ?? 0n;
      this.root.classList.toggle("none", pattern === null);
      const digits = codec.binary(this.pattern, this.format);
      this.bits.forEach((button, i) => {
        const text = pattern === null ? "–" : digits[i];
        if (button.textContent === text) return;
        button.textContent = text;
        button.setAttribute("aria-pressed", text === "1");
        button.setAttribute("aria-label", `${button.label}: ${text}`);
      });
      if (this.select) this.select.value = policy;
      const said = pattern === null ? null : codec.decode(pattern, this.format);
      this.showValue(said);
      this.showFacts(pattern, said, x);
      this.formula.innerHTML = pattern === null ? "" : window.labFormula(this.pattern, this.format, this.t, this.language);
      this.note.textContent = window.labExplain(pattern, said, x, policy, this.format, this.t, this.language);
    }

    showValue(said) {
      const text = said === null ? this.t.nothing : window.labWords.exact(said, this.language);
      this.value.textContent = `${said === null ? "" : "=\u00a0"}${text}`;
      const long = text.length > LONG;
      this.value.classList.toggle("long", long);
      if (long) this.value.tabIndex = 0; // a box that scrolls must be reachable by keyboard
      else this.value.removeAttribute("tabindex");
    }

    showFacts(pattern, said, x) {
      const rows = [];
      this.error.textContent = pattern === null ? "" : `${this.t.error}: ${this.off(said, x)}`;
      if (pattern !== null) rows.push([this.t.hex, `<code>${window.labCodec.hex(pattern, this.format)}</code>`]);
      if (Number.isFinite(said) && pattern !== null) rows.push([this.t.neighbours, this.around(pattern, said)]);
      this.facts.innerHTML = rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("");
    }

    off(said, x) {
      const { number, percent, fill } = window.labWords;
      if (said === x) return this.t.exact;
      if (!Number.isFinite(said) || !Number.isFinite(x)) return this.t.noError;
      const absolute = number(said - x, this.language, 3);
      return x === 0 ? absolute : fill(this.t.errorBoth, { absolute, relative: percent(Math.abs((said - x) / x), this.language) });
    }

    around(pattern, said) {
      const { number, fill } = window.labWords;
      const { below, above } = window.labCodec.neighbours(pattern, this.format);
      const side = (value, gap, text) => (value === null ? null : fill(text, {
        value: number(value, this.language, this.digits), gap: number(gap, this.language, 3) }));
      return [side(below, said - below, this.t.below) ?? this.t.lowest, side(above, above - said, this.t.above) ?? this.t.highest]
        .join("<br>");
    }
  }

  window.labCard = FormatCard;
})();
