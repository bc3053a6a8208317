// What Redondear says: numbers as each language writes them (as quant/text.py does), the formula with its numbers, and
// the sentences computed from the figures. Every sentence comes from rounding_texts.py; none is written here.
(() => {
  "use strict";

  const THIN = "\u202F";
  const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const superscript = (n) => String(n).replace(/[-\d]/g, (c) => SUPERSCRIPTS[c]);

  // A real minus; Spanish: decimal comma, and the thousands' space, which it leaves out of four digits.
  function separated(text, language) {
    let [whole, ...rest] = text.replace("-", "").split(".");
    if (whole.length > (language === "es" ? 4 : 3)) whole = whole.replace(/\B(?=(\d{3})+$)/g, language === "es" ? THIN : ",");
    const sign = text.startsWith("-") ? "−" : "";
    return sign + [whole, ...rest].join(language === "es" ? "," : ".");
  }

  // `digits` significant digits, none of an integer part lost; zeros at the end only where something was rounded away.
  function number(value, language, digits = 4) {
    if (!Number.isFinite(value)) return String(value).replace("Infinity", "∞").replace("-", "−");
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    if (value !== 0 && !(Math.abs(value) >= 1e-4 && Math.abs(value) < 1e9)) {
      return `${separated(ended(mantissa, exponent, value), language)} × 10${superscript(Number(exponent))}`;
    }
    return separated(ended(value.toFixed(Math.max(0, digits - 1 - Number(exponent))), 0, value), language);
  }

  function ended(plain, exponent, value) {
    return plain.includes(".") && Number(`${plain}e${exponent}`) === value ? plain.replace(/\.?0+$/, "") : plain;
  }

  // The same without zeros at the end: a value is written as somebody would write it.
  function short(value, language, digits = 4) {
    const ends = language === "es" ? /,0+(?=$| )|(,\d*?[1-9])0+(?=$| )/ : /\.0+(?=$| )|(\.\d*?[1-9])0+(?=$| )/;
    return number(value, language, digits).replace(ends, "$1");
  }

  class Words {
    constructor(strings, language) {
      Object.assign(this, { strings, language });
    }

    // The sentence `name` with its {fields} filled.
    say(name, fields = {}) {
      return this.strings[name].replace(/\{(\w+)\}/g, (_, field) => fields[field]);
    }

    n(value, digits) {
      return short(value, this.language, digits);
    }

    percent(fraction) {
      const text = this.n(100 * fraction, 3);
      return text + (this.language === "es" ? `${THIN}%` : "%");
    }

    inBrackets(value) {
      return value < 0 ? `(${this.n(value)})` : this.n(value);
    }

    // Lines [name, symbols, numbers, result] of the value `i`.
    formula(q, values, i, { bits, zeroPoint, clip, groupSize }) {
      const g = Math.floor(i / groupSize), group = values.slice(g * groupSize, (g + 1) * groupSize);
      const n = (x) => this.n(x), s = (name) => this.say(name);
      const scale = q.scales[g], zero = q.zeros ? q.zeros[g] : 0, ratio = scale > 0 ? values[i] * (1 / scale) : 0;
      const [low, high] = [q.lows[g], q.highs[g]];
      const sep = this.language === "es" ? "; " : ", "; // beside a decimal comma, a comma would mislead
      const lines = [];
      if (clip < 1 && zeroPoint) {
        lines.push([s("min"), "", `${n(Math.min(0, ...group))} × ${this.percent(clip)}`, n(low)]);
        lines.push([s("max"), "", `${n(Math.max(0, ...group))} × ${this.percent(clip)}`, n(high)]);
      } else if (clip < 1) {
        lines.push([`${s("max")}|w|`, "", `${n(Math.max(...group.map(Math.abs)))} × ${this.percent(clip)}`, n(high)]);
      }
      lines.push(zeroPoint
        ? [s("scale"), `(${s("max")} − ${s("min")}) / (2${superscript(bits)} − 1)`,
          `(${n(high)} − ${this.inBrackets(low)}) / ${q.highest}`, n(scale)]
        : [s("scale"), `${s("max")}|w| / (2${superscript(bits)}${superscript(-1)} − 1)`, `${n(high)} / ${q.highest}`, n(scale)]);
      if (scale === 0) return [...lines, ["q", s("zero_group"), "", n(q.codes[i])], ["ŵ", "", "", n(q.decoded[i])]];
      const around = (x) => `${s("round_fn")}(${x})`;
      if (zeroPoint) {
        lines.push(["z", around(`−${s("min")} / ${s("scale")}`), `${around(`${n(-low)} / ${n(scale)}`)} = ${around(n(-low / scale))}`, n(zero)]);
        const limits = (x) => `${s("clip_fn")}(${[x, 0, q.highest].join(sep)})`;
        lines.push(["q", limits(`${around(`w / ${s("scale")}`)} + z`), limits(`${around(n(ratio))} + ${n(zero)}`), n(q.codes[i])]);
        lines.push(["ŵ", `(q − z) · ${s("scale")}`, `(${n(q.codes[i])} − ${n(zero)}) · ${n(scale)}`, n(q.decoded[i])]);
      } else {
        const limits = (x) => (clip < 1 ? `${s("clip_fn")}(${[x, n(q.lowest), q.highest].join(sep)})` : x);
        lines.push(["q", limits(around(`w / ${s("scale")}`)),
          `${limits(around(`${n(values[i])} / ${n(scale)}`))} = ${limits(around(n(ratio)))}`, n(q.codes[i])]);
        lines.push(["ŵ", `q · ${s("scale")}`, `${n(q.codes[i])} · ${n(scale)}`, n(q.decoded[i])]);
      }
      lines.push([s("error_name"), "ŵ − w", `${n(q.decoded[i])} − ${this.inBrackets(values[i])}`, n(q.errors[i])]);
      return lines;
    }

    // Tiles [name, value, small print]; `damage` is null without an outlier.
    cards(q, values, { bits, zeroPoint }, damage) {
      const worst = { i: q.worst + 1, w: this.n(values[q.worst], 3), q: this.n(q.decoded[q.worst], 3) };
      const extra = { bits, rest: this.n(q.bitsPerWeight - bits) };
      return [
        [this.say("rms"), number(q.rms, this.language, 3), this.say("rms_small")],
        [this.say("largest"), number(q.largest, this.language, 3), q.largest ? this.say("largest_small", worst) : ""],
        [this.say("sqnr"), q.sqnrDb === Infinity ? this.say("exact") : `${number(q.sqnrDb, this.language, 3)}${THIN}dB`,
          damage ? this.say("sqnr_outlier", { share: this.percent(damage.signalShare) }) : this.say("sqnr_small")],
        [this.say("bpw"), this.n(q.bitsPerWeight), this.say(zeroPoint ? "bpw_zero" : "bpw_small", extra)],
      ];
    }

    // The figure for those who do not see it.
    summary(q) {
      const fields = { levels: q.highest - q.lowest + 1, rms: this.n(q.rms, 3), largest: this.n(q.largest, 3) };
      return this.say("summary", fields);
    }

    // What to look at in the figure.
    caption(q, { bits, zeroPoint }) {
      const saturated = q.saturated.filter(Boolean).length;
      const levels = q.highest - q.lowest + 1;
      const scales = q.scales.length === 1 ? this.say("caption_one") : this.say("caption_many", { k: q.scales.length });
      const tail = saturated === 0 ? "" : " " + this.say(saturated === 1 ? "saturates" : "saturate", { k: saturated });
      return this.say(zeroPoint ? "caption" : "caption_symmetric", { bits, levels, scales, power: `2${superscript(bits)}` }) + tail;
    }

    // One sentence from the figures: what the outlier did to the rest, or how groups confine it.
    outlier(damage, groupSize) {
      const rise = this.rise(damage);
      if (groupSize >= damage.others + 1) {
        const fields = { others: damage.others, k: damage.codesAfter, before: damage.codesBefore, levels: damage.levels, rise };
        return this.say(damage.codesAfter === 1 ? "outlier_one_code" : "outlier_codes", fields);
      }
      return this.say("outlier_groups", {
        size: groupSize, sharing: damage.sharing, rest: damage.others - damage.sharing, rise,
        from: this.n(damage.bitsWithOneScale), to: this.n(damage.bitsPerWeight),
      });
    }

    rise({ rmsBefore, rmsAfter }) {
      if (rmsAfter === rmsBefore) return this.say("rise_same");
      if (rmsBefore > 0) return this.say("rise_times", { times: this.n(rmsAfter / rmsBefore, 2) });
      return this.say("rise_from_zero", { rms: this.n(rmsAfter, 3) });
    }
  }

  window.labRounding = Object.assign(window.labRounding || {}, { Words, number, short });
})();
