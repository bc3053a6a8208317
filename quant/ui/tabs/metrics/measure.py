"""Métrica: what quantization costs on a fixed text, and how sure that is: asked for, measured, shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from quant.errors import EvaluationError
from quant.evaluation.bandwidth import this_machine
from quant.evaluation.compare import Comparison
from quant.evaluation.memory import held_in_memory, held_layers
from quant.evaluation.speed import Speed, speed_steps
from quant.kernels.native import being_made
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.plots.divergence import divergence
from quant.size import SizeReport, size_report
from quant.text import Language, Text, number
from quant.texts import EvalText, own_text, shipped_text
from quant.ui.shared import html
from quant.ui.shared.action import Action, quantizing, showing
from quant.ui.shared.frames import Frame, Values
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Place, Run
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.bandwidth import picture, placed
from quant.ui.tabs.metrics.brief import published_bytes
from quant.ui.tabs.metrics.history import history_html
from quant.ui.tabs.metrics.kept import Entry, added, as_kept, entry, figures_of, restored, timed
from quant.ui.tabs.metrics.picture import QUICK_BYTES, Shared, picture_html
from quant.ui.tabs.metrics.result import Shown, chart_caption, computes, details, no_error, result
from quant.ui.tabs.metrics.top import Top
from quant.work import Progress


def hidden() -> object:
    return gr.update(visible=False)


def seen() -> object:
    return gr.update(visible=True)


@dataclass(frozen=True)
class Measured(Frame):
    """What the outputs show; `history` is what the browser keeps. With a message alone, the figures are gone.

    details: all of them, folded. The chart is seen while they are open, and beside its caption (metrics.css): the one
    of the text before is nobody's.
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


@dataclass(frozen=True)
class Pair:
    """Both models while they read: what each frame of a measurement is made of. exact: see `no_error`."""

    language: Language
    asked: Scoring
    original: LoadedModel
    quantized: LoadedModel
    report: SizeReport
    exact: Text | None

    def shown(self, c: Comparison) -> Shown:
        choice, text = self.asked.choice, self.asked.text
        return replace(_shown(c, self.report, self.original, self.quantized, text, choice), exact=self.exact)

    def so_far(self, step: Progress[Comparison]) -> Measured:
        assert step.so_far is not None, "each window that is read is scored"
        known = self.shown(step.so_far)
        said = result(known, self.language) + _reading(step.so_far, self.language)
        return Measured(said, details(known, self.language), caption="")  # the chart is of another text

    def done(self, known: Shown, tried: Sequence[Entry]) -> Measured:
        """Everything but the chart of the tokens, which timing leaves as it is."""
        shown = {**_kept(tried, self.asked.choice.model, self.language), **_speeds(tried, self.language)}
        return Measured(result(known, self.language), details(known, self.language),
                        caption=chart_caption(known, self.language), **shown)  # fmt: skip


def measure(lab: Lab, language: Language, asked: Scoring) -> Iterator[Measured]:
    """Progress over what is known so far, which is always of the same tokens for both models; last, the whole."""
    choice, text, recipe = asked.choice, asked.text, asked.choice.recipe()
    original, report = lab.loaded(choice.model), size_report(lab.loaded(choice.model), recipe)
    shared = lab.known(recipe, text)
    if shared is None:
        lab.reference(choice.model, text)  # a text that cannot be scored is refused before any work
    quantized = yield from quantizing(lab, language, recipe, Measured)
    pair = Pair(language, asked, original, quantized, report, no_error(lab, choice))
    compared = yield from showing(lab.measured(recipe, text, quantized), pair.so_far)
    known = replace(pair.shown(compared), shared_s=shared.age_s if shared else None)
    tried = added(asked.history, entry(choice, text, known.figures, report))
    done = replace(pair.done(known, tried), chart=divergence(compared.tokens, language))
    yield done
    if asked.speed:
        yield from timed_too(lab, pair, known, compared, tried, done)


def timed_too(lab: Lab, pair: Pair, known: Shown, compared: Comparison, tried: Sequence[Entry],
              done: Measured) -> Iterator[Measured]:  # fmt: skip
    """Both models are timed after `done`; the model may have been made anew, where kernels have been compiled since."""
    choice = pair.asked.choice
    quantized, speeds = yield from timing(lab, pair.language, choice, done)
    now = replace(pair, quantized=quantized).shown(compared)
    known = replace(known, speeds=speeds, computes=now.computes, memory=now.memory)
    times = placed((pair.original, quantized), speeds, choice)
    yield pair.done(known, [*tried[:-1], timed(tried[-1], times)])


def _kept(tried: Sequence[Entry], model: str, language: Language) -> dict[str, Any]:
    """The table, the picture and what the browser is to keep, after a measurement of that model."""
    table, drawn = history_html(tried, language), picture_html(tried, model, language)
    return {"tried": table, "picture": drawn, "history": as_kept(tried)}


def _speeds(tried: Sequence[Entry], language: Language) -> dict[str, Any]:
    """The figure of speeds, where one of this model was timed; without the drawing where it would say nothing."""
    shown = picture(tried, this_machine, language)
    if shown is None:
        return {"bandwidth": hidden()}
    figure, words = shown
    drawn = gr.update(visible=figure is not None, **({"value": figure} if figure else {}))
    return {"bandwidth": seen(), "bandwidth_chart": drawn, "bandwidth_caption": words}


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


def measure_run(place: Place, top: Top, shared: Shared) -> Run:
    """What the button does, and where it shows."""
    reading, figures, speeds = top.reading, top.figures, top.figures.bandwidth
    outputs = Outputs(top.said, figures.details, figures.chart, figures.caption, shared.tried,
                      shared.picture, shared.history, speeds.shown, speeds.chart, speeds.caption)  # fmt: skip

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice, values[reading.text], values[reading.amount], values[reading.own],
                     values[shared.history], values[top.speed])  # fmt: skip

    inputs = (reading.text, reading.amount, reading.own, shared.history, top.speed)
    return Run(measuring(place.lab, place.language), asks, (top.button.click,), inputs, outputs, top.stop)
