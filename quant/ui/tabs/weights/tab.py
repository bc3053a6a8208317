"""Pesos: one matrix of the live model before and after, and the census of the whole model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from quant.errors import CalibrationError, QuantError
from quant.evaluation.weights import Axis, WeightView, distribution, weight_view
from quant.lab import Lab
from quant.model.layers import Kind, Layer
from quant.plots.weights import histogram, occupancy, original_alone, waiting
from quant.scheme import Scheme
from quant.size import LayerSize, SizeReport, size_report
from quant.text import Language, Text, fixed, number, size, superscript
from quant.ui.shared import glossary, html
from quant.ui.shared.frames import Frame, Updates, Values, outputs_of, updates
from quant.ui.shared.layer_names import layer_in_view, layer_list, layer_title
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Seen
from quant.ui.tabs.weights import texts as t
from quant.ui.tabs.weights.cards import cards, legend, meaning, not_in_recipe, tries

CSS = ".gradio-container p.lab-tries { max-width: none; align-items: baseline; gap: .3rem 1.4rem; }\n"
RARE = 0.05  # share of the weights below which half of the codes is called rarely used
FEW_LEVELS = 64  # from there on the columns of one grid touch one another
OUTLIER = 8.0  # largest weight over their root mean square; a million gaussian weights reach 5


@dataclass(frozen=True)
class Shown(Frame):
    """Everything the tab shows; with a bad choice, a message where the cards were, and the rest stays."""

    histogram: go.Figure | None = None
    caption: str | None = None
    occupancy: go.Figure | None = None
    occupancy_caption: str | None = None
    census: str | None = None
    tries: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components that `Shown` fills."""

    said: gr.HTML
    histogram: gr.Plot
    caption: gr.HTML
    occupancy: gr.Plot
    occupancy_caption: gr.HTML
    census: gr.HTML
    tries: gr.HTML


def show(lab: Lab, language: Language, choice: Choice, layer_name: str | None, log_counts: bool) -> Shown:
    """The whole tab for one matrix. Raises QuantError."""
    loaded = lab.loaded(choice.model)
    layer = layer_in_view(loaded, layer_name)
    recipe = choice.recipe()
    weight, stored = lab.pair(recipe, layer)
    view, scheme = weight_view(weight, stored), stored.scheme
    in_recipe = recipe.rule_of(layer) is not None
    left_out = html.NOTHING if in_recipe else not_in_recipe(layer.kind is Kind.TABLE, language)
    tiles = cards(view, scheme, in_recipe=in_recipe, language=language)
    said = meaning(loaded, layer, view, choice, language)
    return Shown(
        left_out + tiles + said + legend(said, in_recipe=in_recipe, language=language),
        histogram(view, language, log_counts=log_counts),
        html.caption(glossary.marked(_caption(view, layer, scheme, language), language)),
        occupancy(view, language),
        html.caption(glossary.marked(_occupancy_caption(view, scheme, language), language)),
        census_table(size_report(loaded, recipe), language),
        tries(choice, language),
    )


def show_original(lab: Lab, language: Language, choice: Choice, layer_name: str | None, log_counts: bool) -> Shown:
    """What can be seen of a matrix before a method that reads a text has made the model. Raises QuantError."""
    loaded = lab.loaded(choice.model)
    layer = layer_in_view(loaded, layer_name)
    edges, counts = distribution(loaded.weight(layer.name))
    said = t.WEIGHTS_ORIGINAL_ONLY.format(
        layer=layer_title(layer, language), count=fixed(layer.parameters, language, 0)
    )
    return Shown(
        "", original_alone(edges, counts, language, log_counts=log_counts), html.caption(said[language]),
        waiting(language), "", census_table(size_report(loaded, choice.recipe()), language), tries(choice, language),
    )  # fmt: skip


def _caption(view: WeightView, layer: Layer, scheme: Scheme, language: Language) -> str:
    said = t.WEIGHTS_CAPTION.format(
        layer=layer_title(layer, language), count=fixed(layer.parameters, language, 0),
        shape=f"{layer.shape[0]} × {layer.shape[1]}",
        error=number(view.largest_error, language, 2), largest=number(view.largest_weight, language, 2),
    )  # fmt: skip
    return said[language] + _grids(view, layer, scheme, language)


def _grids(view: WeightView, layer: Layer, scheme: Scheme, language: Language) -> str:
    """Why there are as many columns below as there are, where few values make that a question."""
    if scheme.scale is None or view.levels > FEW_LEVELS:
        return ""
    outputs, inputs = layer.shape
    rows, groups, _ = scheme.groups((outputs, inputs))
    scales, levels, used = (fixed(n, language, 0) for n in (rows * groups, view.levels, view.used))
    text = t.WEIGHTS_ONE_GRID if rows * groups == 1 else t.WEIGHTS_MANY_GRIDS
    return text.format(scales=scales, levels=levels, used=used)[language]


def _occupancy_caption(view: WeightView, scheme: Scheme, language: Language) -> str:
    top = int(view.occupancy.argmax())
    rare_half = float(np.sort(view.occupancy)[: len(view.occupancy) // 2].sum())
    tail: Text | str = ""
    if rare_half < RARE and view.levels > 3 and view.axis is not Axis.EXPONENT:
        rare = t.OCCUPANCY_RARE.format(share=number(100 * rare_half, language, 2))
        tail = rare if rare_half else t.OCCUPANCY_NEVER
    ratio = view.largest_weight / view.rms_weight if view.rms_weight and scheme.scale is not None else 0.0
    outlier = t.OCCUPANCY_OUTLIER.format(ratio=number(ratio, language, 2))[language] if ratio > OUTLIER else ""
    name = t.OCCUPANCY_CAPTIONS[view.axis.value]
    shown = _code_name(float(view.code_values[top]), view.axis)
    return (
        name.format(code=shown, share=number(100 * float(view.occupancy[top]), language, 3), tail=tail)[language]
        + outlier
    )


def _code_name(value: float, axis: Axis) -> Text:
    if axis is Axis.EXPONENT:
        return Text(power := "2" + superscript(int(value)), power)
    if axis is Axis.INTEGER or not value:
        return Text(whole := fixed(value, "en", 0), whole)
    return Text(number(value, "es", 3), number(value, "en", 3))


def census_table(report: SizeReport, language: Language) -> str:
    """What was quantized and what was not, by kind, with bytes before and after."""
    chosen = [r for r in report.rows if r.quantized]
    share = sum(r.layer.parameters for r in chosen) / sum(r.layer.parameters for r in report.rows)
    matrices = [r for r in report.rows if r.layer.kind is not Kind.OTHER]
    summary = t.CENSUS_SUM.format(n=len(chosen), of=len(matrices), share=number(100 * share, language, 3))
    groups = {
        "linear": [r for r in report.rows if r.layer.kind is Kind.LINEAR],
        "table": [r for r in report.rows if r.layer.kind is Kind.TABLE],
        "other": [r for r in report.rows if r.layer.kind is Kind.OTHER],
        "total": list(report.rows),
    }
    rows = [_census_row(kind, members, language) for kind, members in groups.items()]
    return html.paragraph(summary[language]) + html.table([h[language] for h in t.CENSUS_HEAD], rows)


def _census_row(kind: str, members: Sequence[LayerSize], language: Language) -> list[str]:
    name = t.CENSUS_ROWS[kind].format(n=len(members))[language]
    state = "" if kind == "total" else (t.YES_STORED if members[0].quantized else t.NO_STORED)[language]
    return [
        html.cell(name, state) if state else name,
        fixed(sum(r.layer.parameters for r in members), language, 0),
        size(sum(r.float_bytes for r in members), language),
        size(sum(r.stored_bytes for r in members), language),
    ]


def build_weights(place: Place) -> Built:
    lab, language = place.lab, place.language
    glossary.prose(t.WEIGHTS_INTRO[language], language)
    links = gr.HTML()
    layer = layer_list(lab, language)
    tiles = gr.HTML()
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            gr.Markdown(f"## {t.WEIGHTS_HISTOGRAM[language]}")
            before_after = gr.Plot(show_label=False, elem_id=f"histogram-{language}")
            caption = gr.HTML()
            log_counts = gr.Checkbox(True, label=t.WEIGHTS_LOG[language])
        with gr.Column(scale=2, min_width=320):
            gr.Markdown(f"## {t.WEIGHTS_OCCUPANCY[language]}")
            codes = gr.Plot(show_label=False)
            codes_caption = gr.HTML()
    with gr.Accordion(t.CENSUS[language], open=False):
        census = gr.HTML()
    outputs = Outputs(tiles, before_after, caption, codes, codes_caption, census, links)

    def follow(seen: Seen, values: Values) -> Updates:
        return updates(shown_or_problem(lab, language, seen.choice, seen.layer, values[log_counts]), outputs)

    shown = Follow(follow, tuple(outputs_of(Shown, outputs)), layer=True, own=(log_counts,), waits=True)
    return Built(follows=(shown,), layer=layer)


def shown_or_problem(lab: Lab, language: Language, choice: Choice, layer: str | None, log_counts: bool) -> Shown:
    """What the tab shows, whatever the choice; the original alone where a method has yet to read its text."""
    try:
        return show(lab, language, choice, layer, log_counts)
    except CalibrationError as error:
        said = html.notice(error.text[language], "note")
        return replace(show_original(lab, language, choice, layer, log_counts), said=said)
    except QuantError as error:
        return Shown(html.problem(error, language))
