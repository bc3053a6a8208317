// The formula of a pattern with its numbers filled in, and the sentence that explains what is special about it.
(() => {
  "use strict";
  const DIGITS = 10;

  /** HTML: (−1)^s × 2^(e − bias) × (1 + m/2^M), subnormals without the 1, integers as sums of powers of two. */
  function formula(pattern, f, t, language) {
    const { labCodec: codec, labWords: words } = window;
    const kind = codec.kind(pattern, f);
    if (kind === "table") return words.fill(t.tableFormula, { code: codec.binary(pattern, f), n: String(pattern) });
    if (kind === "integer") return integer(pattern, f, t);
    const l = f.layout;
    if (kind === "nan" || kind === "infinity") return "";
    const { sign, exponent, mantissa } = codec.fields(pattern, l);
    const hidden = kind === "normal" ? 1 : 0;
    const power = hidden ? `${exponent} − ${l.bias}` : `1 − ${l.bias}`;
    const e = hidden ? Number(exponent) - l.bias : 1 - l.bias;
    const front = l.signed ? `(−1)<sup>${sign}</sup> × ` : "";
    const fraction = l.mantissa ? `${hidden} + ${words.localize(String(mantissa), language)}/2<sup>${l.mantissa}</sup>` : `${hidden}`;
    const significand = hidden + Number(mantissa) / 2 ** l.mantissa;
    const short = words.number(significand, language, DIGITS);
    const same = Number(significand.toPrecision(DIGITS)) === significand;
    const result = `${sign ? "−" : ""}2<sup>${minus(e)}</sup> × ${short}`;
    return `${front}2<sup>${minus(power)}</sup> × (${fraction}) ${same ? "=" : "≈"} ${result}`;
  }

  const minus = (n) => String(n).replace("-", "−");

  function integer(pattern, f, t) {
    const top = BigInt(f.bits - 1);
    const signed = f.values.some((v) => v < 0);
    const terms = [];
    for (let i = top; i >= 0n; i--) {
      if (!((pattern >> i) & 1n)) continue;
      const negative = signed && i === top;
      terms.push(`${negative ? "−" : terms.length ? "+ " : ""}2<sup>${i}</sup>`);
    }
    const sum = terms.join(" ") || "0";
    return `${signed ? t.twosComplement : t.plainBinary}: ${sum}`;
  }

  /** One sentence: NaN, infinity, too large, too small, subnormal, minus zero; empty for an everyday number. */
  function explain(pattern, said, x, policy, f, t, language) {
    const { labCodec: codec, labWords: words } = window;
    const why = t.why;
    const values = f.layout ? null : f.values.filter((v) => v !== null);
    const largest = values ? Math.max(...values) : codec.decode(codec.largestCode(f.layout), f);
    const lowest = values ? Math.min(...values) : f.layout.signed ? -largest : 0;
    const fill = (text, more = {}) => words.fill(text, {
      x: words.number(x, language, 6), max: words.number(x < 0 ? lowest : largest, language, 6), format: f.name, ...more,
    });
    if (pattern === null) return fill(why.noNan);
    if (Number.isNaN(said)) return Number.isNaN(x) ? nan(f, why, fill) : notANumber(x, f, why, fill);
    if (Number.isNaN(x)) return "";
    if (Math.abs(said) === Infinity) return fill(Math.abs(x) === Infinity ? why.infinity : why.overflowInfinity);
    if (x > largest || x < lowest) return fill(values ? why.clipped : Math.abs(x) === Infinity ? why.infinitySaturated : why.overflowSaturate);
    if (said === 0) return zero(said, x, f, why, fill, language);
    return notZero(pattern, f, why, fill, language);
  }

  function nan(f, why, fill) {
    return fill({ ieee: why.nanIeee, fn: why.nanFn, fnuz: why.nanFnuz }[f.layout?.specials] ?? why.nanOther);
  }

  function notANumber(x, f, why, fill) {
    if (f.layout && !f.layout.signed && x <= 0) return fill(x < 0 ? why.unsigned : why.zeroless);
    return fill(why.overflowNan);
  }

  function zero(said, x, f, why, fill, language) {
    if (x !== 0) {
      const smallest = f.layout ? window.labCodec.decode(1n, f) : Math.min(...f.values.filter((v) => v > 0));
      const half = window.labWords.number(smallest / 2, language, 3);
      return fill(f.layout ? why.underflow : f.integer ? why.integerZero : why.tableZero, { half });
    }
    if (Object.is(x, -0)) return fill(Object.is(said, -0) ? why.minusZero : why.noMinusZero);
    return fill(why.zero);
  }

  function notZero(pattern, f, why, fill, language) {
    const kind = window.labCodec.kind(pattern, f);
    if (kind !== "subnormal") return kind === "table" ? fill(why.table) : "";
    const l = f.layout;
    const left = window.labCodec.fields(pattern, l).mantissa.toString(2).length;
    const normal = window.labWords.number(2 ** (1 - l.bias), language, 4);
    return fill(why.subnormal, { left, of: l.mantissa + 1, normal });
  }

  window.labFormula = formula;
  window.labExplain = explain;
})();
