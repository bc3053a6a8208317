"""A small grammar of the names that quantized files go by: a name either is read to its last letter, or refused.

Each family is a pattern whose groups follow one another without a gap, so that the parts put together give the name
back. What each part stands for is said by `Reading`, and what the whole means as a recipe by `meanings.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from quant.errors import SchemeError, shown
from quant.named import words as w
from quant.targets import Source
from quant.text import Text, as_typed

MOST_LETTERS = 60
Said = tuple[Text, Source | None]
Reader = Callable[[dict[str, str]], dict[str, Said]]


@dataclass(frozen=True)
class Part:
    """Letters of a name and what they stand for; source: None for what only separates."""

    letters: str
    said: Text
    source: Source | None


@dataclass(frozen=True)
class Read:
    """A name in its parts. family: a key of FAMILIES; groups: the letters by what they are, upper case."""

    name: str
    family: str
    parts: tuple[Part, ...]
    groups: dict[str, str]


@dataclass(frozen=True)
class Family:
    """Names of one kind. kind: what they are, for whoever typed another; examples: a few."""

    pattern: re.Pattern[str]
    says: Reader
    kind: Text
    examples: tuple[str, ...]


def read(name: str) -> Read:
    """The parts of a name. Raises SchemeError for one that no family knows: nothing is guessed.

    >>> from quant.named.grammar import read
    >>> [part.letters for part in read("Q4_K_M").parts]
    ['Q', '4', '_', 'K', '_', 'M']
    """
    typed = name.strip()
    if len(typed) <= MOST_LETTERS:
        for family, one in FAMILIES.items():
            if found := one.pattern.fullmatch(typed):
                return _read(typed, family, found, one.says)
    raise SchemeError(
        Text("No conozco el nombre «{got}». Sé leer {kinds}. Escribe solo el nombre del formato, sin el del modelo.",
             "The name “{got}” is not known. What can be read: {kinds}. Type the name of the format alone, without the "
             "model’s.").format(got=shown(typed), kinds=_kinds())
    )  # fmt: skip


def _read(name: str, family: str, found: re.Match[str], says: Reader) -> Read:
    letters = {group: text for group, text in found.groupdict().items() if text}
    groups = {group: text.upper() for group, text in letters.items()}
    said = says(groups)
    parts = tuple(Part(text, *said.get(group, (w.SEPARATOR, None))) for group, text in letters.items())
    assert "".join(part.letters for part in parts) == name, "the groups follow one another"
    return Read(name, family, parts, groups)


def _kinds() -> Text:
    kinds = [(one.kind, ", ".join(one.examples)) for one in FAMILIES.values()]
    return Text(*("; ".join(f"{kind[la]} ({some})" for kind, some in kinds) for la in ("es", "en")))  # type: ignore[index]


def _n(text: Text, n: str) -> Text:
    return text.format(n=as_typed(n))


def _gguf(g: dict[str, str]) -> dict[str, Said]:
    letters, version, size = g["q"], g.get("version", ""), g.get("size", "")
    head = {"Q": (w.Q, w.GGML), "IQ": (w.IQ, w.IQUANTS), "TQ": (w.TQ, w.GGML)}[letters]
    kinds = {
        "K": (w.K, w.KQUANTS), "NL": (w.NL, w.IQUANTS), "1": (w.ONE, w.GGML),
        "0": (w.TERNARY_ZERO if letters == "TQ" else w.ZERO, w.GGML),
    }  # fmt: skip
    kinds |= {name: (w.SIZES[name], w.IQUANTS) for name in w.SIZES}
    if letters == "IQ" and g["bits"] == "4" and version == "XS":
        kinds["XS"] = (w.XS4, w.IQUANTS)
    said: dict[str, Said] = {
        "ud": (w.DYNAMIC, w.UNSLOTH), "q": head, "bits": (_n(w.BITS, g["bits"]), w.GGML), "file": (w.FILE, w.GGML),
    }  # fmt: skip
    said |= {"version": kinds[version]} if version else {}
    return said | ({"size": (w.SIZES[size], w.UNSLOTH if size == "XL" else w.RULE)} if size else {})


def _weights_activations(g: dict[str, str]) -> dict[str, Said]:
    bits = g["a_bits"]
    said: dict[str, Said] = {
        "w": (w.WEIGHTS_LETTER, w.TENSORS), "bits": (_n(w.BITS, g["bits"]), w.TENSORS),
        "a": (w.ACTIVATIONS_LETTER, w.TENSORS),
        "a_kind": (w.FLOAT if g.get("a_kind") == "FP" else w.INTEGER, w.TENSORS),
        "a_bits": (_n(w.BITS, bits) if bits != "16" else w.KEPT_16, w.TENSORS),
        "kind": (w.FLOAT if g.get("kind", "").startswith("F") else w.INTEGER, w.TENSORS),
        "grid": (w.ASYMMETRIC if g.get("grid", "").startswith("A") else w.SYMMETRIC, w.TENSORS),
    }  # fmt: skip
    return said | _group(g, w.TENSORS)


def _group(g: dict[str, str], source: Source) -> dict[str, Said]:
    size = g.get("group") or g.get("group2")
    return dict.fromkeys(("g", "group", "group2", "g_after"), (w.GROUP.format(n=size), source)) if size else {}


def _small_floats(g: dict[str, str]) -> dict[str, Said]:
    kind = g["kind"]
    source = {"NF": w.QLORA, "FP": w.BNB, "MXFP": w.MX, "NVFP": w.NVFP4}[kind]
    head = {"NF": w.NORMAL, "FP": w.FLOAT_4, "MXFP": w.MICRO, "NVFP": w.NVIDIA}[kind]
    return {
        "kind": (head, source), "bits": (_n(w.BITS, g["bits"]), source), "double": (w.DOUBLE, w.QLORA),
        "layout": (w.LAYOUTS.get(g.get("layout", ""), w.FLOAT), source), "a16": (w.KEPT_16, w.TENSORS),
    }  # fmt: skip


def _eight(g: dict[str, str]) -> dict[str, Said]:
    how = {"DYNAMIC": w.DYNAMIC_8, "BLOCK": w.BLOCK_8, "STATIC": w.STATIC_8}
    return {
        "fp": (w.FLOAT, w.FP8), "bits": (_n(w.BITS, "8"), w.FP8), "fn": (w.FLAVOUR, w.FP8),
        "layout": (w.LAYOUTS.get(g.get("layout", ""), w.FLOAT), w.FP8),
        "how": (how.get(g.get("how", ""), w.DYNAMIC_8), w.TENSORS),
    }  # fmt: skip


def _casts(g: dict[str, str]) -> dict[str, Said]:
    brain = g["kind"] in ("BF", "BFLOAT")
    said, source = (w.SINGLE, w.IEEE) if g["bits"] == "32" else (w.BFLOAT, w.BRAIN) if brain else (w.HALF, w.IEEE)
    return {"kind": (said, source), "bits": (_n(w.BITS, g["bits"]), source)}


def _integers(g: dict[str, str]) -> dict[str, Said]:
    said: dict[str, Said] = {
        "kind": (w.UNSIGNED if g.get("kind") == "UINT" else w.INTEGER, w.GPTQMODEL),
        "bits": (_n(w.BITS, g["bits"]), w.GPTQMODEL), "word": (w.WORD_BITS, w.GPTQMODEL),
    }  # fmt: skip
    return said | _group(g, w.GPTQMODEL)


def _methods(g: dict[str, str]) -> dict[str, Said]:
    name = g["method"].lower()
    source = {"gptq": w.GPTQ, "awq": w.AWQ, "hqq": w.HQQ, "autoround": w.AUTOROUND, "bnb": w.BNB}[name]
    said: dict[str, Said] = {
        "method": (w.METHODS[name], source), "kind": (w.INTEGER, source), "word": (w.WORD_BITS, source),
        "bits": (_n(w.BITS, g.get("bits", "4")), source), "order": (w.ACT_ORDER, w.GPTQ),
    }  # fmt: skip
    return said | _group(g, source)


def _exl(g: dict[str, str]) -> dict[str, Said]:
    source = w.EXL2 if g.get("version") == "2" else w.EXL3
    said = w.EXL[g.get("version", "3")]
    return {
        "exl": (said, source), "version": (said, source), "bits": (_n(w.AVERAGE, g.get("bits", "")), source),
        "bpw": (w.BPW, source), "h": (w.HEAD_BITS.format(n=g.get("head", "")), source),
        "head": (_n(w.BITS, g.get("head", "")), source),
    }  # fmt: skip


def _bpw(g: dict[str, str]) -> dict[str, Said]:
    """Without the format's name: only how many bits, which is how EXL2 and EXL3 are told apart."""
    return {**_exl(g), "bits": (_n(w.AVERAGE, g["bits"]), w.EXL3), "bpw": (w.BPW, w.EXL3)}


def _mlx(g: dict[str, str]) -> dict[str, Said]:
    return {"mlx": (w.MLX_SAID, w.MLX), "bits": (_n(w.BITS, g["bits"]), w.MLX), "word": (w.WORD_BITS, w.MLX)}


def _mlc(g: dict[str, str]) -> dict[str, Said]:
    said = w.MLC_Q.format(n=g["bits"])
    return {
        "q": (said, w.MLC), "bits": (_n(w.BITS, g["bits"]), w.MLC), "id": (w.MLC_ID, w.MLC),
        "f": (w.MLC_F.format(n=g["f_bits"]), w.MLC), "f_bits": (w.MLC_F.format(n=g["f_bits"]), w.MLC),
    }  # fmt: skip


def _js(g: dict[str, str]) -> dict[str, Said]:
    said = w.JS_Q.format(n=g["bits"])
    computes = w.MLC_F.format(n="16")
    return {
        "q": (said, w.DTYPES), "bits": (_n(w.BITS, g["bits"]), w.DTYPES), "f": (computes, w.DTYPES),
        "f_bits": (computes, w.DTYPES),
    }  # fmt: skip


def _family(pattern: str, says: Reader, kind: Text, *examples: str, cased: bool = False) -> Family:
    flags = re.ASCII if cased else re.ASCII | re.IGNORECASE
    return Family(re.compile(pattern, flags), says, kind, examples)


_FILES = (
    r"Q[2-5]_K(?:_(?:S|M|L|XL))?|Q6_K(?:_X?L)?|Q8_K_XL|Q[45]_[01]|Q8_0|IQ1_[SM]|IQ2_(?:XXS|XS|S|M)"
    r"|IQ3_(?:XXS|XS|S|M)|IQ4_(?:XS|NL)|TQ[12]_0"
)  # fmt: skip
_SMALL = (
    r"NF4(?:[-_ ](?:DQ|DOUBLE))?|FP4|(?:MX|NV)FP4(?:[-_]?E2M1)?(?:A16)?|MXFP8(?:[-_]?E4M3|[-_]?E5M2)?(?:A16)?"
    r"|MXFP6(?:[-_]?E2M3|[-_]?E3M2)?(?:A16)?"
)  # fmt: skip
_G = r"(?:(?P<s_g>[-_]?)(?P<g>g)(?P<group>\d{2,3}))?"
_WORD = r"(?P<s_word>-?)(?P<word>bits?)"
_BPW = r"(?P<bits>\d(?:\.\d{1,2})?)(?:(?P<s_bpw>[-_ ]?)(?P<bpw>bpw))"
_HEAD = r"(?:(?P<s_h>[-_ ])(?P<h>h)(?P<head>\d))?"
FAMILIES: dict[str, Family] = {
    "gguf": _family(
        rf"(?:(?P<ud>UD)(?P<s_ud>-))?(?=(?:{_FILES})(?:\.gguf)?\Z)(?P<q>IQ|TQ|Q)(?P<bits>\d)(?P<s>_)"
        r"(?P<version>[A-Z01]+)(?:(?P<s_size>_)(?P<size>S|M|L|XL))?(?:(?P<dot>\.)(?P<file>gguf))?",
        _gguf, Text("archivos GGUF", "GGUF files"), "Q4_K_M", "IQ4_XS", "UD-Q4_K_XL",
    ),
    "w-a": _family(
        rf"(?P<w>W)(?P<bits>[2-8])(?P<a>A)(?P<a_kind>FP|INT)?(?P<a_bits>16|8|4){_G}"
        r"(?:(?P<s_kind>[-_])(?P<kind>INT8?|FP8?))?(?:(?P<s_grid>[-_]?)(?P<grid>ASYM|SYM))?",
        _weights_activations, Text("bits de pesos y activaciones", "bits of weights and activations"),
        "W4A16", "W8A8", "W4A16_G128",
    ),
    "float4": _family(
        rf"(?=(?:{_SMALL})\Z)(?P<kind>NF|FP|MXFP|NVFP)(?P<bits>[468])(?:(?P<s_double>[-_ ])(?P<double>DQ|DOUBLE))?"
        r"(?:(?P<s_layout>[-_]?)(?P<layout>E4M3|E5M2|E2M3|E3M2|E2M1))?(?P<a16>A16)?",
        _small_floats, Text("números pequeños en coma flotante", "small floats"), "NF4", "NVFP4", "MXFP4",
    ),
    "float8": _family(
        r"(?=(?:FP|FLOAT)8|E4M3|E5M2)(?:(?P<fp>FP|FLOAT)(?P<bits>8))?(?:(?P<s>[-_]?)(?P<layout>E4M3|E5M2)(?P<fn>FN)?)?"
        r"(?:(?P<s_how>[-_])(?P<how>DYNAMIC|BLOCK|STATIC))?",
        _eight, Text("FP8", "FP8"), "FP8", "E4M3", "FP8_DYNAMIC",
    ),
    "cast": _family(
        r"(?!BF(?:LOAT)?32)(?P<kind>BFLOAT|FLOAT|BF|FP|F)(?P<bits>16|32)", _casts,
        Text("coma flotante", "plain floats"), "bf16", "fp16", "fp32",
    ),
    "method": _family(
        rf"(?P<method>GPTQ|AWQ|HQQ|AutoRound|bnb)(?:(?P<s>[-_ ])(?P<kind>INT)?(?P<bits>[2348])(?:{_WORD})?)?{_G}"
        r"(?:(?P<s_2>[-_])(?P<group2>\d{2,3})(?P<g_after>g))?(?:(?P<s_order>[-_])(?P<order>actorder|desc_act))?",
        _methods, Text("métodos", "methods"), "GPTQ-Int4", "AWQ", "bnb-4bit",
    ),
    "integer": _family(
        rf"(?P<kind>U?INT)(?P<bits>[2-8]){_G}", _integers, Text("enteros", "integers"), "int4", "int8",
    ),
    "bits": _family(rf"(?P<bits>[2-8]){_WORD}", _integers, Text("solo los bits", "bits alone"), "4bit", "8-bit"),
    "exl": _family(
        rf"(?P<exl>EXL)(?P<version>[23])(?:(?P<s>[-_ ]){_BPW}{_HEAD})?", _exl, Text("ExLlama", "ExLlama"),
        "EXL3 4.0bpw", "exl2-4.65bpw",
    ),
    "bpw": _family(rf"{_BPW}{_HEAD}", _bpw, Text("bits por peso", "bits a weight"), "4.0bpw"),
    "mlx": _family(rf"(?P<mlx>MLX)(?P<s>[-_ ])(?P<bits>[2-68]){_WORD}", _mlx, Text("MLX", "MLX"), "MLX-4bit"),
    "mlc": _family(
        r"(?P<q>q)(?P<bits>[34])(?P<f>f)(?P<f_bits>16|32)(?P<s>_)(?P<id>[0-2])", _mlc, Text("WebLLM", "WebLLM"),
        "q4f16_1", cased=True,
    ),
    "js": _family(
        r"(?P<q>q)(?P<bits>[48])(?:(?P<f>f)(?P<f_bits>16))?", _js, Text("transformers.js", "transformers.js"),
        "q4", "q4f16", "q8", cased=True,
    ),
}  # fmt: skip
