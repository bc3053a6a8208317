"""Métrica: what quantization costs on a fixed text, and how sure that is: asked for, measured, shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import plotly.graph_objects as go
import torch

from quant.errors import EvaluationError
from quant.evaluation.bandwidth import this_machine
from quant.evaluation.compare import Comparison
from quant.evaluation.exact import already_in
from quant.evaluation.memory import held_in_memory, held_layers
from quant.evaluation.speed import Speed, speed_steps
from quant.kernels.native import being_made
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.plots.divergence import divergence
from quant.size import SizeReport, size_report
from quant.text import Language, Text, number, size
from quant.texts import TITLES, EvalText, own_text, shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.shared.glossary import prose
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.formats import CASTS
from quant.ui.tabs.base import Follow, Place, Run, Seen
from quant.ui.tabs.metrics import brief_texts
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.bandwidth import BandwidthSection, build_bandwidth, picture, placed
from quant.ui.tabs.metrics.brief import before_measuring, published_bytes
from quant.ui.tabs.metrics.history import history_html
from quant.ui.tabs.metrics.kept import OWN, Entry, added, as_kept, entry, figures_of, restored, timed
from quant.ui.tabs.metrics.picture import QUICK_BYTES, Shared, picture_html
from quant.ui.tabs.metrics.reading import amounts, counter
from quant.ui.tabs.metrics.result import Shown, computes, details, result
from quant.work import Progress

UNEVEN = 7.0  # 99 % quantile over median: from there on the harm is said to lie in a few places


def hidden() -> object:
    return gr.update(visible=False)


def seen() -> object:
    return gr.update(visible=True)


@dataclass(frozen=True)
class Measured(Frame):
    """What the outputs show; `history` is what the browser keeps. With a message alone, the figures are gone.

    details: all of them, folded. The chart is seen while they are open, and beside its caption (metrics.css): gradio
    would lose it in an accordion that is closed, and the one of the text before is nobody's.
    """

    details: str | None = ""
    chart: go.Figure | None = None
    caption: str | None = None
    tried: str | None = None
    picture: str | None = None
    history: list[dict[str, Any]] | None = None
    bandwidth: object = None
    bandwidth_chart: object = None
    bandwidth_caption: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Measured`."""

    said: gr.HTML
    details: gr.HTML
    chart: gr.Plot
    caption: gr.HTML
    tried: gr.HTML
    picture: gr.HTML
    history: gr.BrowserState
    bandwidth: gr.Column
    bandwidth_chart: gr.Plot
    bandwidth_caption: gr.HTML


@dataclass(frozen=True)
class Asked:
    """Which recipe to measure on which text, after what the browser says that it has kept."""

    choice: Choice
    text: str
    amount: str
    own: str
    history: object = None
    speed: bool = False


@dataclass(frozen=True)
class Scoring:
    """What was asked for, its text found. speed: to be timed too."""

    choice: Choice
    text: EvalText
    history: list[Entry]
    speed: bool


def measuring(lab: Lab, language: Language) -> Action[Asked, Scoring, Measured]:
    """Both models read the text, unless somebody has had them do so already, and are timed where that is asked for."""

    def check(asked: Asked) -> Scoring:
        text = chosen_text(asked.text, asked.amount, asked.own)
        return Scoring(asked.choice, text, restored(asked.history)[0], asked.speed)

    return Action(lab, language, check, lambda scoring: measure(lab, language, scoring), Measured)


def chosen_text(name: str, amount: str, own: str) -> EvalText:
    """The text a request names. Raises EvaluationError."""
    if amount not in t.METRIC_AMOUNTS:
        raise EvaluationError(t.BAD_AMOUNT.format(got=amount, allowed=", ".join(t.METRIC_AMOUNTS)))
    text = own_text(own) if name == "own" else shipped_text(name)
    return text.part(QUICK_BYTES) if amount == "quick" and name != "own" else text


def measure(lab: Lab, language: Language, asked: Scoring) -> Iterator[Measured]:
    """Progress over what is known so far, which is always of the same tokens for both models; last, the whole."""
    choice, text, recipe = asked.choice, asked.text, asked.choice.recipe()
    original, report = lab.loaded(choice.model), size_report(lab.loaded(choice.model), recipe)
    shared = lab.known(recipe, text)
    if shared is None:
        lab.reference(choice.model, text)  # a text that cannot be scored is refused before any work
    quantized = yield from quantizing(lab, language, recipe, Measured)
    exact = no_error(lab, choice)

    def scored(c: Comparison) -> Shown:
        return replace(_shown(c, report, original, quantized, text, choice), exact=exact)

    def reading(step: Progress[Comparison]) -> Measured:
        assert step.so_far is not None, "each window that is read is scored"
        known = scored(step.so_far)
        said = result(known, language) + _reading(step.so_far, language)
        return Measured(said, details(known, language), caption="")  # the chart is of another text

    compared = yield from showing(lab.measured(recipe, text, quantized), reading)
    known = replace(scored(compared), shared_s=shared.age_s if shared else None)
    tried = added(asked.history, entry(choice, text, known.figures, report))
    done = Measured(
        result(known, language), details(known, language), divergence(compared.tokens, language),
        chart_caption(known, language), **_kept(tried, language), **_speeds(tried, language),
    )  # fmt: skip
    yield done
    if not asked.speed:
        return
    quantized, speeds = yield from timing(lab, language, choice, done)
    tried = [*tried[:-1], timed(tried[-1], placed((original, quantized), speeds, choice))]
    placed_now = scored(compared)
    known = replace(known, speeds=speeds, computes=placed_now.computes, memory=placed_now.memory)
    yield replace(done, said=result(known, language), details=details(known, language), chart=None,
                  **_kept(tried, language), **_speeds(tried, language))  # fmt: skip


def _kept(tried: Sequence[Entry], language: Language) -> dict[str, Any]:
    """The table, the picture and what the browser is to keep, after a measurement."""
    table, drawn = history_html(tried, language), picture_html(tried, language)
    return {"tried": table, "picture": drawn, "history": as_kept(tried)}


def _speeds(tried: Sequence[Entry], language: Language) -> dict[str, Any]:
    """The figure of speeds, where one of this model was timed; without the drawing where it would say nothing."""
    shown = picture(tried, this_machine, language)
    if shown is None:
        return {"bandwidth": hidden()}
    figure, words = shown
    drawn = gr.update(visible=figure is not None, **({"value": figure} if figure else {}))
    return {"bandwidth": seen(), "bandwidth_chart": drawn, "bandwidth_caption": words}


def no_error(lab: Lab, choice: Choice) -> Text | None:
    """Said of a cast to the format that the weights came in: there it costs nothing, and elsewhere it does."""
    name = CASTS.get(choice.format)
    if name is None or not already_in(lab.loaded(choice.model), getattr(torch, name)):
        return None
    said, file = brief_texts.EXACT.format(format=name), published_bytes(choice.model)
    return (
        said
        if file is None
        else brief_texts.EXACT_FILE.format(said=said, size=Text(size(file, "es"), size(file, "en")))
    )


def timing(lab: Lab, language: Language, choice: Choice, shown: Measured) -> Generator[
    Measured, None, tuple[LoadedModel, tuple[Speed, Speed]]
]:  # fmt: skip
    """The model as it was timed, and both speeds; again where the kernels came to be compiled in the middle of it."""
    while True:
        without_kernels = being_made()
        quantized = yield from quantizing(lab, language, choice.recipe(), lambda bar: Measured(bar, None))
        original_speed, speed = yield from showing(
            speed_steps([lab.loaded(choice.model), quantized]),
            lambda step: Measured(shown.said + html.progress(t.MEASURING_SPEED, step.fraction, language), None),
        )
        if without_kernels == being_made():
            return quantized, (original_speed, speed)


def _reading(c: Comparison, language: Language) -> str:
    """How far both models have read, and what that means for the figures below."""
    so_far = t.METRIC_SO_FAR.format(share=number(100 * c.fraction, language, 2))[language]
    return html.progress(t.MEASURING_BOTH, c.fraction, language) + html.caption(so_far)


def _shown(c: Comparison, report: SizeReport, original: LoadedModel, quantized: LoadedModel, text: EvalText,
           choice: Choice) -> Shown:  # fmt: skip
    memory = tuple(sum(h.n_bytes for h in held_in_memory(m)) for m in (original, quantized))
    held, activations = held_layers(quantized), choice.recipe().activations
    return Shown(figures_of(c, choice), report, None, (memory[0], memory[1]), text.title, choice.describe(),
                 computes(held, report, activations), choice.query(), original.table_rows,
                 published_bytes(choice.model))  # fmt: skip


def chart_caption(s: Shown, language: Language) -> str:
    low, high = s.figures.kl_median.value, s.figures.kl_99.value
    text = t.CHART_UNEVEN if high > UNEVEN * low else t.CHART_EVEN
    shown = text.format(median=number(low, language, 2), high=number(high, language, 2))
    return html.caption(shown[language])


@dataclass(frozen=True)
class Top:
    """The part of the tab that asks for a measurement and shows it."""

    text: gr.Radio
    amount: gr.Radio
    own: gr.Textbox
    speed: gr.Checkbox
    button: gr.Button
    stop: gr.Button
    said: gr.HTML
    details: gr.HTML
    chart: gr.Plot
    caption: gr.HTML
    bandwidth: BandwidthSection


def build_top(place: Place) -> tuple[Top, tuple[Follow, ...]]:
    """The card, the button, what it reads, all figures folded; and what of it follows the live choice."""
    language, first = place.language, next(iter(TITLES))
    with gr.Column(elem_classes="lab-metric-top"):
        brief = gr.HTML(elem_id=f"brief-{language}")
        said = gr.HTML(elem_id=f"measured-{language}")
    with gr.Row():
        button = gr.Button(t.MEASURE[language], variant="primary", elem_id=f"measure-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"measure-stop-{language}")
    with gr.Row():
        text = gr.Radio(
            [(name[language], key) for key, name in t.METRIC_TEXTS.items()], value=first,
            label=t.METRIC_TEXT[language], min_width=280, elem_id=f"text-{language}",
        )  # fmt: skip
        amount = gr.Radio(
            amounts(place.lab, language, place.lab.default(), first), value="quick", label=t.METRIC_AMOUNT[language],
            min_width=280, elem_id=f"amount-{language}",
        )  # fmt: skip
    own = gr.Textbox(label=t.METRIC_OWN[language], info=t.METRIC_OWN_INFO[language], lines=5, visible=False,
                     elem_id=f"own-{language}")  # fmt: skip
    missing = gr.HTML(elem_id=f"missing-{language}", visible=False)
    speed = gr.Checkbox(
        False, label=t.MEASURE_SPEED[language], info=t.MEASURE_SPEED_INFO[language], elem_id=f"speed-{language}"
    )
    prose(t.METRIC_INTRO[language], language)
    with gr.Column(elem_classes="lab-all", elem_id=f"figures-{language}"):
        details_ = gr.HTML(elem_id=f"details-{language}")
        with gr.Column(elem_classes="lab-charts"):
            chart = gr.Plot(show_label=False, elem_id=f"divergence-{language}")
            caption = gr.HTML()
        bandwidth = build_bandwidth(language)

    def chosen(kind: str) -> Updates:
        return {own: gr.update(visible=kind == OWN), missing: gr.update(visible=kind == OWN),
                amount: gr.update(visible=kind != OWN)}  # fmt: skip

    text.change(chosen, text, [own, missing, amount], show_progress="hidden", queue=False, api_visibility="private")

    def card(now: Seen, _: Values) -> Updates:
        return {brief: before_measuring(place.lab, language, now.choice)}

    def reads(now: Seen, values: Values) -> Updates:
        model, kind = now.choice.model, values[text]
        choices = amounts(place.lab, language, model, first if kind == OWN else kind)
        return {missing: counter(place.lab, language, model), amount: gr.update(choices=choices)}

    follows = (Follow(card, (brief,)), Follow(reads, (missing, amount), model=True, own=(text,)))
    top = Top(text, amount, own, speed, button, stop, said, details_, chart, caption, bandwidth)
    return top, follows


def measure_run(place: Place, top: Top, shared: Shared) -> Run:
    """What the button does, and where it shows."""
    section = top.bandwidth
    outputs = Outputs(top.said, top.details, top.chart, top.caption, shared.tried,
                      shared.picture, shared.history, section.shown, section.chart, section.caption)  # fmt: skip

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice, values[top.text], values[top.amount], values[top.own], values[shared.history],
                     values[top.speed])  # fmt: skip

    inputs = (top.text, top.amount, top.own, shared.history, top.speed)
    return Run(measuring(place.lab, place.language), asks, (top.button.click,), inputs, outputs, top.stop)
