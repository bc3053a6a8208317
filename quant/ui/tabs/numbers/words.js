// How the page writes numbers (as quant/text.py does) and reads them, and a few lines that build elements.
(() => {
  "use strict";
  const THIN = "\u202f";
  const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const superscript = (n) => String(n).replace(/./g, (c) => SUPERSCRIPT[c]);

  /** A plain decimal with the separators of a language, real minus; Spanish: comma, thin spaces from five digits on. */
  function localize(plain, language) {
    const [, minus, whole, fraction] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(plain);
    const short = language === "es" && whole.length <= 4;
    const grouped = short ? whole : whole.replace(/\B(?=(\d{3})+$)/g, language === "es" ? THIN : ",");
    return (minus && "−") + grouped + (fraction ? (language === "es" ? "," : ".") + fraction : "");
  }

  /** `digits` significant digits; powers of ten where there would be many zeros. */
  function number(x, language, digits = 4) {
    if (Number.isNaN(x)) return "NaN";
    if (Math.abs(x) === Infinity) return x > 0 ? "∞" : "−∞";
    if (x === 0) return Object.is(x, -0) ? "−0" : "0";
    const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
    if (Math.abs(x) < 1e-4 || Math.abs(x) >= 1e9) {
      return `${localize(trim(mantissa), language)}\u00a0×\u00a010${superscript(Number(exponent))}`;
    }
    return localize(trim(x.toFixed(Math.max(0, digits - 1 - Number(exponent)))), language);
  }

  const trim = (plain) => (plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain);

  /** Every digit. */
  function exact(x, language) {
    const plain = window.labCodec.exactDecimal(x);
    return /\d/.test(plain) ? localize(plain, language) : number(x, language);
  }

  /** The shortest text that reads back as x: what an entry box shows. */
  function short(x, language) {
    if (Object.is(x, -0)) return "-0";
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "inf" : "-inf";
    return language === "es" ? String(x).replace(".", ",") : String(x);
  }

  /** A share in percent, with the sign set as the language does. */
  function percent(share, language, digits = 3) {
    return number(100 * share, language, digits) + (language === "es" ? THIN : "") + "%";
  }

  const WORDS = { inf: Infinity, infinity: Infinity, infinito: Infinity, "∞": Infinity, nan: NaN };

  /**
   * What somebody typed: {value} or {problem}: "empty", "number", "huge" or "tiny". Comma and point both are decimal, but for
   * the commas that the English page writes between thousands.
   */
  function parse(typed, language = "es") {
    const plain = typed.trim().replace(/[\s\u202f\u00a0_]/g, "").replace(/−/g, "-").toLowerCase();
    if (!plain) return { problem: "empty" };
    const word = plain.replace(/^[+-]/, "");
    if (word in WORDS) return { value: plain[0] === "-" ? -WORDS[word] : WORDS[word] };
    const power = /^([+-]?)2(?:\^|\*\*)\(?([+-]?\d{1,5})\)?$/.exec(plain);
    if (power) return inRange((power[1] === "-" ? -1 : 1) * 2 ** Number(power[2]), true);
    const thousands = language === "en" && /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain);
    const decimal = thousands ? plain.replaceAll(",", "") : plain.replace(",", ".");
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(decimal)) return { problem: "number" };
    return inRange(Number(decimal), /[1-9]/.test(decimal.split("e")[0]));
  }

  function inRange(value, nonzero) {
    if (Math.abs(value) === Infinity) return { problem: "huge" };
    return value === 0 && nonzero ? { problem: "tiny" } : { value };
  }

  /** A typed bit pattern in base 16 or 2: {pattern} or {problem: "noBits" | "digits" | "bits", bits}. */
  function parsePattern(typed, base, width) {
    const digits = typed.trim().replace(base === 16 ? /^0x/i : /^0b/i, "").replace(/[\s_\u202f]/g, "");
    if (!digits) return { problem: "noBits" };
    if (!(base === 16 ? /^[0-9a-f]+$/i : /^[01]+$/).test(digits)) return { problem: "digits" };
    const pattern = BigInt((base === 16 ? "0x" : "0b") + digits);
    const bits = pattern.toString(2).length;
    return bits > width ? { problem: "bits", bits } : { pattern };
  }

  const fill = (template, fields) => template.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
  const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

  /** An element: element("button", {class: "x", onclick: f, text: "y"}, child, ...). */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") made.textContent = value;
      else if (name === "html") made.innerHTML = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  }

  /** A labelled slider whose value stands beside its name. */
  function slider(label, attributes, oninput, write = String) {
    const output = element("output", { text: write(attributes.value) });
    const input = element("input", { type: "range", "aria-label": label, ...attributes });
    input.addEventListener("input", () => {
      output.textContent = write(input.value);
      slid(input);
      oninput(Number(input.value));
    });
    const root = element("label", { class: "lab-slider lab-slide" }, element("span", { text: `${label}: ` }, output), input);
    slid(input);
    return root;
  }

  /** A slider has moved: its track is filled up to where it is (slider.css). */
  function slid(input) {
    input.closest(".lab-slide")?.style.setProperty("--at", (input.value - input.min) / (input.max - input.min));
  }

  window.labWords = { localize, number, exact, short, percent, parse, parsePattern, fill, escape, element, slider, slid };
})();
