"""The formats that the sidebar offers: their names, what the list shows for each, and a sentence on each."""

from __future__ import annotations

from quant.blocks import BLOCKS
from quant.packing import bits_per_weight
from quant.text import Language, Text, number
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.offers import LEARNED, TABLES, has_learned

INTEGER = "int"
# Small floats that take a scale as integers do, and casts that take none; block formats bring their own.
SCALED = ("float8_e4m3fn", "float8_e5m2", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn")
NO_ZERO = ("binary", "midrise2")  # few values and a scale, which is searched for: max|w| would be far too large
CASTS = {f"cast_{name}": name for name in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")}
CHOSEN_FORMATS = (INTEGER, *(TABLES if has_learned() else ()), *CASTS, *SCALED, *NO_ZERO, *BLOCKS)
TYPICAL_SHAPE = (768, 768)  # on which a format's bits per weight are named


def family_of(name: str) -> str:
    """The family, a key of FAMILIES, under which a format is offered."""
    if name == INTEGER:
        return "integer"
    if name in TABLES:
        return LEARNED
    if name in CASTS or name in SCALED:
        return "float"
    if name in NO_ZERO:
        return "no zero"
    source = BLOCKS[name].source
    return "llama.cpp" if source.startswith("ggml") else "bitsandbytes" if "bitsandbytes" in source else "mx"


def family(name: str) -> tuple[str, ...]:
    """The formats of a family."""
    return tuple(format_ for format_ in CHOSEN_FORMATS if family_of(format_) == name)


def families() -> list[str]:
    """The families that have a format, keys of FAMILIES."""
    return [name for name in t.FAMILIES if family(name)]


def format_title(name: str) -> Text:
    """What the list of formats shows."""
    if name == INTEGER:
        return t.FORMAT_INTEGER
    if name in TABLES:
        return t.FORMAT_TABLES[name]
    if name in CASTS:
        return t.FORMAT_CAST.format(name=CASTS[name])
    if name in SCALED:
        return t.FORMAT_SCALED.format(name=name)
    if name in NO_ZERO:
        return t.FORMAT_NO_ZERO[name]
    bits = bits_per_weight(BLOCKS[name].scheme, TYPICAL_SHAPE)
    return t.FORMAT_BLOCK.format(name=name, bits=Text(number(bits, "es", 3), number(bits, "en", 3)))


def format_choices(language: Language) -> list[tuple[str, str]]:
    """What the list of formats shows, simplest first, and the value behind it."""
    return [(format_title(name)[language], name) for name in CHOSEN_FORMATS]


def format_info(name: str) -> Text:
    """One sentence on a format."""
    if name in BLOCKS:
        return BLOCKS[name].summary
    return t.FORMAT_INFO["cast" if name in CASTS else "scaled" if name in SCALED else name]
