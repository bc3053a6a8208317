// Round to nearest in the browser: the definition of quant/methods/rtn.py, in float64.
//
//   codes = clip(round(w * (1 / scale)) + zero, lowest, highest),   decoded = (codes - zero) * scale
//
// One thing differs from the library: the scale is not rounded to float16, so that the formula on the page can be
// redone with a pocket calculator. tests/test_rounding_page.py holds this file to a Python rendering of the same lines.
(() => {
  "use strict";

  const SCALE_BITS = 16; // a float16 scale per group, as the library stores it

  // Half to even, as torch and NumPy do; Math.round takes halves up. The sum turns -0 into 0.
  function roundHalfEven(x) {
    const halfway = Math.abs(x % 1) === 0.5;
    return (halfway ? 2 * Math.round(x / 2) : Math.round(x)) + 0;
  }

  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

  // Lowest and highest code: symmetric grids leave -2**(b-1) out, so that zero and signs are exact.
  function codeRange(bits, zeroPoint) {
    const highest = zeroPoint ? 2 ** bits - 1 : 2 ** (bits - 1) - 1;
    return { lowest: zeroPoint ? 0 : -highest, highest };
  }

  // The range that the grid of one group covers. `clip` keeps that part of it; what is beyond saturates.
  function groupRange(group, zeroPoint, clip) {
    const low = Math.min(...group), high = Math.max(...group);
    if (zeroPoint) return { low: clip * Math.min(low, 0), high: clip * Math.max(high, 0) };
    const largest = clip * Math.max(-low, high);
    return { low: -largest, high: largest };
  }

  function quantizeGroup(group, bits, zeroPoint, clip) {
    const { lowest, highest } = codeRange(bits, zeroPoint);
    const { low, high } = groupRange(group, zeroPoint, clip);
    let scale = (zeroPoint ? high - low : high) / highest;
    if (!Number.isFinite(1 / scale)) scale = 0; // a group of zeros, or too small to have a reciprocal
    const inverse = scale > 0 ? 1 / scale : 0;
    const zero = zeroPoint && scale > 0 ? clamp(roundHalfEven(-low / scale), lowest, highest) : 0;
    const wanted = group.map((w) => roundHalfEven(w * inverse) + zero);
    const codes = wanted.map((q) => clamp(q, lowest, highest));
    return {
      low, high, scale, zero, codes,
      decoded: codes.map((q) => (q - zero) * scale + 0),
      saturated: wanted.map((q, i) => q !== codes[i]),
    };
  }

  // values: finite numbers; groupSize: weights that share a scale (the last group may be shorter).
  // scales, zeros, lows and highs have one entry a group, all else one a value; zeros is null for the symmetric grid.
  function quantize(values, { bits, zeroPoint = false, clip = 1, groupSize = values.length }) {
    const groups = [];
    for (let start = 0; start < values.length; start += groupSize) {
      groups.push(quantizeGroup(Array.from(values.slice(start, start + groupSize)), bits, zeroPoint, clip));
    }
    const decoded = groups.flatMap((g) => g.decoded);
    return {
      codes: groups.flatMap((g) => g.codes),
      scales: groups.map((g) => g.scale),
      zeros: zeroPoint ? groups.map((g) => g.zero) : null,
      decoded,
      saturated: groups.flatMap((g) => g.saturated),
      lows: groups.map((g) => g.low),
      highs: groups.map((g) => g.high),
      ...codeRange(bits, zeroPoint),
      ...errorOf(values, decoded),
      bitsPerWeight: bits + ((SCALE_BITS + (zeroPoint ? bits : 0)) * groups.length) / values.length,
    };
  }

  const meanSquare = (xs) => xs.reduce((sum, x) => sum + x * x, 0) / xs.length;

  // rms and largest in the units of the values; sqnrDb is Infinity where nothing was lost.
  function errorOf(values, decoded) {
    const errors = decoded.map((d, i) => d - values[i]);
    const noise = meanSquare(errors);
    const sizes = errors.map(Math.abs);
    return {
      errors,
      rms: Math.sqrt(noise),
      largest: Math.max(...sizes),
      worst: sizes.indexOf(Math.max(...sizes)),
      sqnrDb: noise ? 10 * Math.log10(meanSquare(values) / noise) : Infinity,
    };
  }

  // What one value `factor` times the largest of the others does to those others: with it and without it.
  // `sharing` are the others of its group, the only ones that notice.
  function outlierDamage(values, withOutlier, index, options) {
    const without = quantize(values, options), after = quantize(withOutlier, options);
    const size = options.groupSize, mine = Math.floor(index / size);
    const others = values.map((_, i) => i).filter((i) => i !== index);
    const sharing = others.filter((i) => Math.floor(i / size) === mine);
    const rms = (q, at) => Math.sqrt(meanSquare(at.map((i) => q.errors[i])));
    const used = (q) => new Set(others.map((i) => q.codes[i])).size;
    return {
      others: others.length, sharing: sharing.length,
      codesBefore: used(without), codesAfter: used(after),
      rmsBefore: rms(without, sharing), rmsAfter: rms(after, sharing),
      levels: after.highest - after.lowest + 1,
      bitsPerWeight: after.bitsPerWeight,
      bitsWithOneScale: quantize(withOutlier, { ...options, groupSize: values.length }).bitsPerWeight,
      signalShare: withOutlier[index] ** 2 / (meanSquare(withOutlier) * values.length),
    };
  }

  const withOutlier = (values, index, factor) => {
    const largest = Math.max(...values.map((v, i) => (i === index ? 0 : Math.abs(v)))) || 1;
    return values.map((v, i) => (i === index ? factor * largest : v));
  };

  // Bell-shaped values from a seed (mulberry32, then the sum of four uniforms), to two decimals, within -1 .. 1.
  function randomValues(seed, count) {
    let state = seed >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const bell = () => (uniform() + uniform() + uniform() + uniform() - 2) * 0.75;
    return Array.from({ length: count }, () => Math.round(100 * clamp(bell(), -1, 1)) / 100 + 0);
  }

  // The smallest round number that holds every value: the ends of the axis, and of a drag.
  function niceReach(values) {
    const largest = Math.max(...values.map(Math.abs));
    if (!(largest > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(largest));
    return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((reach) => reach >= largest) ?? 10 * power;
  }

  window.labRounding = Object.assign(window.labRounding || {}, {
    quantize, roundHalfEven, clamp, codeRange, outlierDamage, withOutlier, randomValues, niceReach,
  });
})();
