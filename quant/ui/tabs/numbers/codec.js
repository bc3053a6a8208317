// Number formats in the browser: exact, without rounding twice. The same arithmetic as quant/formats.py.
//
// The page hands over each format as {name, bits, layout | values, integer, ties, overflow}; nothing about a format is
// written here. A bit pattern is a BigInt, since float64 has 64 bits and a JavaScript number holds whole numbers up to 2^53.
// A float64 is m × 2^q with a whole m: rounding it to a format is one shift of m, to nearest, ties to even.
(() => {
  "use strict";
  const view = new DataView(new ArrayBuffer(8));
  const mask = (n) => (1n << BigInt(n)) - 1n;
  const shift = (m, n) => (n >= 0 ? m << BigInt(n) : m >> BigInt(-n));

  const float64Bits = (x) => (view.setFloat64(0, x), view.getBigUint64(0));
  const fromFloat64Bits = (bits) => (view.setBigUint64(0, bits), view.getFloat64(0));

  /** A finite float64 as (negative, m, q): |x| = m × 2^q. */
  function split(x) {
    const bits = float64Bits(x);
    const exponent = Number((bits >> 52n) & 0x7ffn);
    const fraction = bits & mask(52);
    return { negative: bits >> 63n === 1n, m: exponent ? fraction | (1n << 52n) : fraction, q: Math.max(exponent, 1) - 1075 };
  }

  /** m × 2^by to the nearest whole number, ties to even. */
  function roundShift(m, by) {
    if (by >= 0) return m << BigInt(by);
    const down = BigInt(-by);
    const floor = m >> down;
    const rest = m & mask(-by);
    const half = 1n << (down - 1n);
    return rest > half || (rest === half && floor & 1n) ? floor + 1n : floor;
  }

  // ---- What a layout allows. A magnitude code is the pattern without its sign bit; codes rise with the value.

  const magnitudeBits = (l) => l.exponent + l.mantissa;
  const lowestExponent = (l) => (l.subnormals ? 1 - l.bias : -l.bias);

  /** The code of the largest finite value. */
  function largestCode(l) {
    if (l.specials === "ieee") return (mask(l.exponent) << BigInt(l.mantissa)) - 1n;
    return mask(magnitudeBits(l)) - (l.specials === "fn" ? 1n : 0n);
  }

  const signBit = (l) => 1n << BigInt(magnitudeBits(l));
  const hasInfinity = (f) => f.layout?.specials === "ieee";

  /** A pattern of NaN, or null where the format has none (a pattern that a table leaves unused is not one). */
  function nanPattern(f) {
    const l = f.layout;
    if (!l || l.specials === "finite") return null;
    if (l.specials === "fnuz") return signBit(l);
    if (l.specials === "fn") return mask(magnitudeBits(l));
    return l.mantissa ? (mask(l.exponent) << BigInt(l.mantissa)) | (1n << BigInt(l.mantissa - 1)) : null;
  }

  /** The ways of answering a number that is too large which this format can spell. */
  function overflowChoices(f) {
    if (f.bits === 64) return ["infinity"]; // the number itself is one: it never has to be answered
    const choices = ["saturate"];
    if (hasInfinity(f)) choices.push("infinity");
    if (f.layout && nanPattern(f) !== null) choices.push("nan");
    return choices;
  }

  function overflowed(f, negative, policy) {
    const l = f.layout;
    const sign = negative && l.signed ? signBit(l) : 0n;
    if (policy === "nan") return nanPattern(f);
    return sign | (policy === "infinity" ? largestCode(l) + 1n : largestCode(l));
  }

  // ---- encode and decode

  function encodeLayout(x, f, policy) {
    const l = f.layout;
    if (Number.isNaN(x)) return nanPattern(f);
    const negative = x < 0 || Object.is(x, -0);
    if (negative && !l.signed && x !== 0) return nanPattern(f) ?? 0n;
    if (Math.abs(x) === Infinity) return overflowed(f, negative, policy);
    const sign = negative && l.signed ? signBit(l) : 0n;
    const { m, q } = split(x);
    if (m === 0n && !l.subnormals) return policy === "nan" ? nanPattern(f) : 0n; // no zero: out of range too
    if (m === 0n) return l.specials === "fnuz" ? 0n : sign;
    const lowest = lowestExponent(l);
    const exponent = Math.max(m.toString(2).length - 1 + q, lowest);
    // With the hidden bit inside, a significand rounded up to 2^(M+1) carries into the exponent by itself.
    const significand = roundShift(m, q - (exponent - l.mantissa));
    const hidden = l.subnormals ? 0n : 1n << BigInt(l.mantissa);
    let code = (BigInt(exponent - lowest) << BigInt(l.mantissa)) + significand - hidden;
    if (code < 0n) code = 0n;
    if (code > largestCode(l)) return overflowed(f, negative, policy);
    return code === 0n && l.specials === "fnuz" ? 0n : sign | code;
  }

  function encodeTable(x, f) {
    if (Number.isNaN(x)) return nanPattern(f);
    let best = -1;
    f.values.forEach((value, code) => {
      if (value === null) return;
      if (best < 0 || closer(x, value, f.values[best], f.ties)) best = code;
    });
    return BigInt(best);
  }

  /** Whether `value` beats `other` as the neighbour of x: on its side of the midpoint, which a float64 holds exactly. */
  function closer(x, value, other, ties) {
    if (value === other) return false; // of equal values the first pattern is used
    const middle = (value + other) / 2;
    if (x !== middle) return x > middle === value > other;
    if (ties === "first") return false; // `other` is the lower pattern
    const up = { even: (middle + 0.5) % 2 === 0, away: middle >= 0, zero: middle <= 0, up: true, down: false }[ties];
    return up === value > other;
  }

  /** The bit pattern of a float64 in a format, or null where the format cannot say it (NaN without a NaN). */
  function encode(x, f, policy = f.overflow) {
    return f.layout ? encodeLayout(x, f, policy) : encodeTable(x, f);
  }

  /** The fields of a pattern: {sign, exponent, mantissa}, each a BigInt. */
  function fields(pattern, l) {
    return {
      sign: l.signed ? (pattern >> BigInt(magnitudeBits(l))) & 1n : 0n,
      exponent: (pattern >> BigInt(l.mantissa)) & mask(l.exponent),
      mantissa: pattern & mask(l.mantissa),
    };
  }

  /** What a pattern is: normal, subnormal, zero, infinity, nan, or integer and table for what has no exponent. */
  function kind(pattern, f) {
    const l = f.layout;
    if (!l) return f.values[Number(pattern)] === null ? "nan" : f.integer ? "integer" : "table";
    if (l.specials === "fnuz" && pattern === signBit(l)) return "nan";
    const code = pattern & mask(magnitudeBits(l));
    if (code > largestCode(l)) return l.specials === "ieee" && code === largestCode(l) + 1n ? "infinity" : "nan";
    if (!l.subnormals) return "normal";
    if (code === 0n) return "zero";
    return code >> BigInt(l.mantissa) ? "normal" : "subnormal";
  }

  /** m × 2^q as a float64; exact for every format, since none is wider. */
  const scaled = (m, q) => (q < -1022 ? Number(m) * 2 ** -1022 * 2 ** (q + 1022) : Number(m) * 2 ** q);

  /** The float64 that a pattern stands for. */
  function decode(pattern, f) {
    const l = f.layout;
    if (!l) return f.values[Number(pattern)] ?? NaN;
    const what = kind(pattern, f);
    if (what === "nan") return NaN;
    const { sign, exponent, mantissa } = fields(pattern, l);
    const side = sign ? -1 : 1;
    if (what === "infinity") return side * Infinity;
    const normal = what === "normal";
    const significand = mantissa | (normal ? 1n << BigInt(l.mantissa) : 0n);
    return side * scaled(significand, (normal ? Number(exponent) - l.bias : 1 - l.bias) - l.mantissa);
  }

  // ---- around a value

  /** The distinct finite values of a table, rising. */
  const sorted = (f) => (f.sorted ??= [...new Set(f.values.filter((v) => v !== null))].sort((a, b) => a - b));

  /** The values next to a finite pattern: {below, above}, null past the ends. */
  function neighbours(pattern, f) {
    const l = f.layout;
    if (!l) {
      const i = sorted(f).indexOf(decode(pattern, f) + 0);
      return { below: sorted(f)[i - 1] ?? null, above: sorted(f)[i + 1] ?? null };
    }
    const code = pattern & mask(magnitudeBits(l));
    const rank = fields(pattern, l).sign ? -code : code;
    const at = (r) => {
      if ((r < 0n ? -r : r) > largestCode(l) || (r < 0n && !l.signed)) return null;
      return decode(r < 0n ? signBit(l) | -r : r, f);
    };
    return { below: at(rank - 1n), above: at(rank + 1n) };
  }

  /** Every digit of a float64, without exponent: a binary fraction always ends in decimal. */
  function exactDecimal(x) {
    if (Number.isNaN(x)) return "NaN";
    if (Math.abs(x) === Infinity) return x > 0 ? "inf" : "-inf";
    const { negative, m, q } = split(x);
    const minus = negative ? "-" : "";
    if (q >= 0 || m === 0n) return minus + (m === 0n ? "0" : String(shift(m, q)));
    const digits = String(m * 5n ** BigInt(-q)).padStart(1 - q, "0");
    const fraction = digits.slice(q).replace(/0+$/, "");
    return minus + digits.slice(0, q) + (fraction && "." + fraction);
  }

  /** A float of 1 sign bit, `exponent` and `mantissa` bits; `specials` is ieee or finite. */
  function exmy(exponent, mantissa, specials) {
    const bias = 2 ** (exponent - 1) - 1;
    return {
      name: `E${exponent}M${mantissa}`, bits: 1 + exponent + mantissa,
      overflow: specials === "ieee" ? "infinity" : "saturate",
      layout: { exponent, mantissa, bias, specials, signed: true, subnormals: true },
    };
  }

  /** Every finite value of a format, rising, once each (−0 is 0). */
  function allValues(f) {
    if (!f.layout) return sorted(f);
    const values = new Set();
    for (let p = 0n; p < 1n << BigInt(f.bits); p++) {
      const value = decode(p, f);
      if (Number.isFinite(value)) values.add(value + 0);
    }
    return [...values].sort((a, b) => a - b);
  }

  const hex = (pattern, f) => "0x" + pattern.toString(16).toUpperCase().padStart(Math.ceil(f.bits / 4), "0");
  const binary = (pattern, f) => pattern.toString(2).padStart(f.bits, "0");

  window.labCodec = {
    encode, decode, kind, fields, neighbours, exactDecimal, exmy, allValues, overflowChoices, nanPattern, largestCode,
    float64Bits, fromFloat64Bits, hasInfinity, hex, binary, split,
  };
})();
