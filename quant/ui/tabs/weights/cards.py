"""Pesos, the tiles above the figures: error, bytes, bits, grid; and what so many decibels are good for."""

from __future__ import annotations

import math
from functools import lru_cache

from markupsafe import Markup

from quant.errors import QuantError
from quant.evaluation.numbers import exact_formats
from quant.evaluation.weights import WeightView, decibels
from quant.model.layers import Kind, Layer
from quant.model.load import LoadedModel
from quant.packing import Layout
from quant.recorded import Row, recorded
from quant.scheme import PerGroup, Scheme
from quant.text import Language, Text, fixed, number, rounded, size
from quant.ui.shared import glossary, html
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.formats import INTEGER
from quant.ui.tabs.weights import texts as t

GROUP = 64  # of the recorded recipes
BIT_DB = 6  # what a further bit gives
AS_GOOD_DB = 0.5  # decibels this near are the same to a reader
NOTHING = Text("", "")
WEIGHTS = "tabs/weights/weights.html.j2"


def cards(view: WeightView, scheme: Scheme, *, in_recipe: bool, language: Language) -> Markup:
    """The tiles; the bytes of a matrix that the recipe leaves alone exist nowhere."""
    stored = html.mark("packed" if in_recipe else "simulated", language)
    simulated = html.mark("simulated", language)
    before, after = size(view.float_bytes, language), size(view.stored_bytes, language)
    times = t.WEIGHTS_TIMES.format(times=_three(view.float_bytes / view.stored_bytes))[language]
    bits = rounded(view.bits_per_weight, language, 3)
    used = t.WEIGHTS_LEVELS_SMALL.format(used=fixed(view.used, language, 0))[language]
    return html.cards([
        (html.spaced(simulated, t.WEIGHTS_SQNR[language]), *_error(view, language)),
        (html.spaced(stored, t.WEIGHTS_BYTES[language]), f"{before} → {after}", times),
        (html.spaced(stored, t.WEIGHTS_BPW[language]), bits, _beside(scheme, language)),
        (html.spaced(simulated, t.WEIGHTS_LEVELS[language]), fixed(view.levels, language, 0), used),
    ])  # fmt: skip


def legend(said: Markup, *, in_recipe: bool, language: Language) -> Markup:
    """What the signs of the tiles and of the sentence below them say."""
    recorded_too = ("recorded",) if "lab-mark recorded" in said else ()
    return html.legend((*(("simulated", "packed") if in_recipe else ("simulated",)), *recorded_too), language)


def _three(value: float) -> Text:
    return Text(rounded(value, "es", 3), rounded(value, "en", 3))


def _error(view: WeightView, language: Language) -> tuple[str, str]:
    if math.isinf(view.sqnr_db):
        return "∞ dB", t.WEIGHTS_EXACT[language]
    percent = number(100 * 10 ** (-view.sqnr_db / 20), language, 2)
    return fixed(view.sqnr_db, language, 1) + " dB", t.WEIGHTS_SQNR_SMALL.format(percent=percent)[language]


def _beside(scheme: Scheme, language: Language) -> str:
    """What a weight costs: the bits of its code, and what its group stores besides."""
    bits = _three(Layout(scheme).code_bits)
    if scheme.scale is None:
        return t.WEIGHTS_BPW_CAST.format(bits=bits)[language]
    if isinstance(scheme.scale, Scheme):
        return t.WEIGHTS_BPW_NESTED.format(bits=bits, sub=_three(Layout(scheme.scale).code_bits))[language]
    if scheme.element.name == "binary":
        return t.WEIGHTS_BPW_ONE[language]
    return t.WEIGHTS_BPW_SMALL.format(bits=bits)[language]


# ---- what decibels are good for


@lru_cache(maxsize=64)
def ladder(loaded: LoadedModel, layer: str) -> tuple[tuple[float, Row], ...]:
    """The recorded recipes that differ in bits alone, each with the decibels it leaves in this matrix."""
    try:
        rows = recorded().by_bits.values()
        weight = loaded.weight(layer)
        return tuple((decibels(weight, Scheme.integer(row.bits, PerGroup(GROUP))), row) for row in rows)
    except QuantError:  # nothing recorded of these weights, or rows that groups of 64 do not divide
        return ()


def meaning(loaded: LoadedModel, layer: Layer, view: WeightView, choice: Choice, language: Language) -> Markup:
    """Good or bad: what the included model lost with this recipe, or with a recorded one of about the decibels."""
    if math.isinf(view.sqnr_db):
        name = choice.scheme().element.name
        exact = name in exact_formats(loaded)
        return html.caption(t.WEIGHTS_CAME_SO.format(format=name)[language]) if exact else html.NOTHING
    known = [(db, row) for db, row in ladder(loaded, layer.name) if math.isfinite(db)]
    if not known:
        return html.NOTHING
    near, row = min(known, key=lambda pair: abs(pair[0] - view.sqnr_db))
    same = next((r for r in recorded().rows if r.address == choice.query()), None)
    row, words = (same, t.WEIGHTS_MEANING_SAME) if same else (row, t.WEIGHTS_MEANING)
    but = t.WEIGHTS_BUT_TABLE if layer.kind is Kind.TABLE and not row.table else NOTHING
    said = words.format(
        near=Text(fixed(near, "es", 1), fixed(near, "en", 1)), against=_against(near - view.sqnr_db), but=but,
        bits=row.bits, change="{change}", chip="{chip}",
    )  # fmt: skip
    return _meant(row, said, language)


def _against(further: float) -> Text:
    """How the recipe that explains these decibels compares with them: it leaves so many more."""
    if abs(further) < AS_GOOD_DB:
        return NOTHING
    better, worse = (t.WEIGHTS_A_BIT, t.WEIGHTS_MUCH)[abs(further) > BIT_DB / 2]
    return better if further > 0 else worse


def _meant(row: Row, words: Text, language: Language) -> Markup:
    """With what the recipe of `row` was recorded to lose."""
    ratio = math.exp(row.log_ratio.value)
    rise = t.WEIGHTS_TIMES_WORSE if ratio >= 2 else t.WEIGHTS_RISES
    said = words.format(
        chip="{chip}",
        change=rise.format(times=_two(ratio), percent=_two(100 * (ratio - 1))),
    )[language]  # fmt: skip
    text = glossary.marked(said, language).replace("{chip}", html.chip(row.judged, language))
    return macros(WEIGHTS).meaning(html.mark("recorded", language), text)


def _two(value: float) -> Text:
    return Text(number(value, "es", 2), number(value, "en", 2))


def tries(choice: Choice, language: Language) -> Markup:
    """Links to one scale for more or for fewer weights; a format that fixes who shares one gives way to integers."""
    label, asked = (t.WEIGHTS_TRY, "") if choice.has_granularity else (t.WEIGHTS_TRY_INTEGERS, f"format={INTEGER}&")
    links = [(asked + query, name[language]) for query, name in t.WEIGHTS_TRIES.items()]
    return macros(WEIGHTS).tries(label[language], links)


def not_in_recipe(is_table: bool, language: Language) -> Markup:
    """That the recipe leaves this matrix in float32, so that what is seen is what would be."""
    if not is_table:
        return html.notice(t.WEIGHTS_NOT_STORED[language], "note")
    return macros(WEIGHTS).table_left_out(t.WEIGHTS_TABLE_LEFT[language], t.WEIGHTS_TABLE_ADD[language])
