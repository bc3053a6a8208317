"""Números: how a number is stored, bit by bit, in every format; and what the live model's weights are as numbers.

The panels that are dragged live in the browser (numbers/*.js); Python hands them the formats, their sentences and the
figures of the live model, and draws what is only read.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from quant.errors import QuantError
from quant.evaluation.numbers import (
    SHARES,
    ModelNumbers,
    Share,
    Weight,
    exact_formats,
    format_range,
    model_numbers,
    quantiles,
)
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.plots import style
from quant.plots.exponents import exponents
from quant.text import Language, Text, fixed, number
from quant.ui.shared import glossary, html
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.layer_names import find_layer, layer_in_view, layer_list, layer_title
from quant.ui.shared.templates import macros
from quant.ui.tabs.base import Built, Follow, Place, Seen
from quant.ui.tabs.numbers import texts as t
from quant.ui.tabs.numbers.format_data import as_json, impossible, records
from quant.ui.tabs.numbers.read import HIDDEN, NAMES, PANELS, both, properties_table, ranges, wrong

FOLDER = Path(__file__).parent
OWN = ("codec", "words", "explain", "card", "picker", "drag", "bits", "line", "live", "quiz")
# Gradio never runs a script inside a component, so these go into the head of the page.
SCRIPT = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf8") for name in OWN)
# Gradio's page has <base href="./">, so "#part" led to "/#part": another page, in Spanish and without the recipe. And
# plotly, seeing it, ties the clips and hatchings of a figure to the address of that moment, which the controls change.
NO_BASE = 'if (document.baseURI === new URL(".", location.href).href) document.querySelector("base").remove();'
HEAD = f"<script>{NO_BASE}\n{SCRIPT}</script>"
CSS = (
    f":root {{ --lab-sign: {style.SIGN}; --lab-exponent: {style.EXPONENT}; --lab-mantissa: {style.MANTISSA};"
    f" --lab-mantissa-line: {style.MANTISSA_LINE}; --lab-control-border: #7A8494; }}\n"
    + (FOLDER / "numbers.css").read_text(encoding="utf8")
)
SHOWN = ("float32", "float16", "bfloat16")
AT_HAND = (*SHOWN, "float8_e4m3fn", "float8_e5m2", "float4_e2m1fn", "int8", "int4")  # one chip away; others are folded
LINE_START, LINE_BITS = "float8_e4m3fn", 8


# ---- what follows the live model


@lru_cache(maxsize=8)
def _quantiles(loaded: LoadedModel, layer: str) -> str:
    return base64.b64encode(quantiles(loaded.weight(layer)).astype("<f4").tobytes()).decode()


def live(loaded: LoadedModel, layer_name: str | None, language: Language) -> str:
    """The element that tells the panels which weights the live model and layer have."""
    layer, figures = layer_in_view(loaded, layer_name), model_numbers(loaded)

    def weight(found: Weight) -> dict[str, object]:
        title = layer_title(find_layer(loaded, found.layer), language)
        where = t.NUMBERS_WHERE.format(layer=title, row=found.row + 1, column=found.column + 1)
        return {"value": found.value, "where": where[language]}

    data = {
        "layer": layer_title(layer, language), "quantiles": _quantiles(loaded, layer.name),
        "largest": weight(figures.largest), "median": weight(figures.median),
        "random": [weight(w) for w in figures.random],
    }  # fmt: skip
    return macros(PANELS).live(as_json(data))


def figure(figures: ModelNumbers, language: Language) -> go.Figure:
    ranges = [format_range(name) for name in SHARES]
    return exponents(figures.exponents, figures.counts, ranges, NAMES, language)


def exponents_caption(figures: ModelNumbers, language: Language) -> str:
    """What the histogram shows: where nearly all weights are, and why small formats need a scale."""
    shares = {s.format: s for s in figures.shares}
    low, high = _bulk(figures)
    inside = figures.counts[(figures.exponents >= low) & (figures.exponents < high)].sum()

    def part(count: int) -> Text:
        return both(lambda lang: _percent(count, figures.total, lang) + html.percent_sign(lang))

    return t.NUMBERS_EXPONENTS_CAPTION.format(
        middle=part(int(inside)), count=both(lambda lang: fixed(figures.total, lang, 0)), low=_superscript(low),
        high=_superscript(high), fp8_zero=part(shares["float8_e4m3fn"].zero),
        fp4_zero=part(shares["float4_e2m1fn"].zero),
    )[language]  # fmt: skip


def _bulk(figures: ModelNumbers) -> tuple[int, int]:
    """Powers of two between which at least 98 of each 100 weights lie, one in 100 at most left on either side."""
    rising = np.cumsum(figures.counts) / max(int(figures.counts.sum()), 1)
    first, last = int(np.searchsorted(rising, 0.01)), int(np.searchsorted(rising, 0.99))
    return int(figures.exponents[first]), int(figures.exponents[last]) + 1


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _percent(count: int, total: int, language: Language) -> str:
    """A percentage without its sign: few digits, and never 0 or 100 for what is not quite that."""
    share = 100 * count / total
    if 0 < share < 0.001:
        return f"<{html.NO_BREAK}" + number(0.001, language, 1)
    if 99.9 < share < 100:
        return f">{html.NO_BREAK}" + number(99.9, language, 3)
    return number(share, language, 3) if 0 < share < 100 else f"{share:.0f}"


def shares_table(figures: ModelNumbers, language: Language) -> str:
    def row(s: Share) -> list[str]:
        normal = figures.total - s.subnormal - s.zero - s.beyond
        cells = [_percent(n, figures.total, language) for n in (normal, s.subnormal, s.zero, s.beyond)]
        return [s.format, *(c + html.percent_sign(language) for c in cells)]

    return html.table([h[language] for h in t.NUMBERS_SHARES_HEAD], [row(s) for s in figures.shares])


def weights_shown(lab: Lab, language: Language, model: str) -> tuple[go.Figure | None, str]:
    """The figure of all weights and what is said below it. With a bad model: the message, and the figure stays."""
    try:
        figures = model_numbers(lab.loaded(model))
    except QuantError as error:
        return None, html.problem(error, language)
    below = html.caption(exponents_caption(figures, language)) + shares_table(figures, language)
    return figure(figures, language), below


def live_or_nothing(lab: Lab, language: Language, seen: Seen) -> str | None:
    """What the panels are told; nothing of a bad model, for the line on top says what is wrong."""
    try:
        return live(lab.loaded(seen.choice.model), seen.layer, language)
    except QuantError:
        return None


# ---- what is the same for every model


def bits_panel(language: Language) -> str:
    strings: dict[str, object] = {key: said[language] for key, said in t.NUMBERS_BITS.items()}
    for name, group in (("policies", t.NUMBERS_POLICIES), ("problems", t.NUMBERS_PROBLEMS), ("why", t.NUMBERS_WHY)):
        strings[name] = {key: said[language] for key, said in group.items()}
    formats = sorted((r for r in records() if r["name"] not in HIDDEN), key=lambda r: r["layout"] is None)
    data = {
        "language": language, "strings": strings, "formats": formats, "shown": SHOWN, "names": NAMES, "atHand": AT_HAND,
        "impossible": impossible(language),
    }  # fmt: skip
    return macros(PANELS).bits(as_json(data), t.NUMBERS_NO_SCRIPT[language])


def number_line(language: Language) -> str:
    strings: dict[str, object] = {key: said[language] for key, said in (t.NUMBERS_BITS | t.NUMBERS_LINE).items()}
    strings["tableHead"] = [said[language] for said in t.NUMBERS_LINE_TABLE]
    formats = [r for r in records() if r["bits"] <= LINE_BITS and r["name"] not in HIDDEN]
    data = {"language": language, "strings": strings, "formats": formats, "start": LINE_START}
    return macros(PANELS).line(as_json(data))


def exact_note(loaded: LoadedModel, language: Language) -> str:
    """That the weights came in a 16-bit format, where they did: its error on them says nothing of other models."""
    formats = exact_formats(loaded)
    if not formats:
        return ""
    return html.caption(t.NUMBERS_EXACT.format(formats=", ".join(formats))[language])


def _heading(part: str, language: Language, below: Text | None = None) -> None:
    text = f"## {t.NUMBERS_PARTS[part][language]}" + (f"\n{below[language]}" if below else "")
    glossary.prose(text, language, elem_id=f"numbers-{part}-{language}", elem_classes=["lab-prose", "lab-anchor"])


def build_numbers(place: Place) -> Built:
    lab, language = place.lab, place.language
    glossary.prose(t.NUMBERS_INTRO[language], language)
    _heading("bits", language, t.NUMBERS_BITS_TRY)
    gr.HTML(bits_panel(language))
    exact = gr.HTML()
    told = gr.HTML(elem_classes="lab-data")
    _heading("ranges", language)
    gr.HTML(ranges(language))
    layer, plot, below = _build_closer(lab, language)
    _heading("wrong", language, t.NUMBERS_WRONG_TRY)
    gr.HTML(wrong(language))

    def tell(seen: Seen, _: Values) -> Updates:
        said = live_or_nothing(lab, language, seen)
        return {} if said is None else {told: said}

    def draw(seen: Seen, _: Values) -> Updates:
        drawn, words = weights_shown(lab, language, seen.choice.model)
        if drawn is None:
            return {below: words}
        return {plot: drawn, below: words, exact: exact_note(lab.loaded(seen.choice.model), language)}

    # To read every weight of a large model takes a second the first time.
    follows = (Follow(tell, (told,), model=True, layer=True, late=True),
               Follow(draw, (plot, below, exact), model=True, late=True))  # fmt: skip
    return Built(follows=follows, layer=layer)


def _build_closer(lab: Lab, language: Language) -> tuple[gr.Dropdown, gr.Plot, gr.HTML]:
    """What a beginner does not need, folded: every value of a format, the weights' powers of two, all figures."""
    with gr.Accordion(t.NUMBERS_LINE_TITLE[language], open=False):
        gr.Markdown(t.NUMBERS_LINE_TRY[language])
        layer = layer_list(lab, language)
        gr.HTML(number_line(language))
    with gr.Accordion(t.NUMBERS_EXPONENTS_TITLE[language], open=False):
        gr.Markdown(t.NUMBERS_BANDS[language])
        plot, below = gr.Plot(show_label=False), gr.HTML()
    with gr.Accordion(t.NUMBERS_PROPERTIES[language], open=False):
        gr.HTML(properties_table(language))
    return layer, plot, below
