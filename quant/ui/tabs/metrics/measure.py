"""Métrica: what quantization costs on a fixed text, how sure that is, and what has been tried in this visit."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import gradio as gr
import plotly.graph_objects as go

from quant.errors import EvaluationError
from quant.evaluation.bandwidth import this_machine
from quant.evaluation.compare import Comparison
from quant.evaluation.figures import Figures, figures
from quant.evaluation.memory import held_in_memory, held_layers
from quant.evaluation.speed import Speed, speed_steps
from quant.kernels.native import being_made
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.plots.divergence import divergence
from quant.size import SizeReport, size_report
from quant.text import Language, number
from quant.texts import TITLES, EvalText, own_text, shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing, showing
from quant.ui.shared.frames import Frame, Values
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Place, Run
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.bandwidth import build_bandwidth, picture, placed
from quant.ui.tabs.metrics.history import Entry, history_html
from quant.ui.tabs.metrics.result import Shown, computes, result
from quant.work import Progress

QUICK_BYTES = 40_000
UNEVEN = 7.0  # 99 % quantile over median: from there on the harm is said to lie in a few places


@dataclass(frozen=True)
class Measured(Frame):
    """What the outputs show; `history` is what this visit has measured."""

    chart: go.Figure | None = None
    caption: str | None = None
    tried: str | None = None
    history: list[Entry] | None = None
    bandwidth: object = None
    bandwidth_chart: go.Figure | None = None
    bandwidth_caption: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Measured`."""

    said: gr.HTML
    chart: gr.Plot
    caption: gr.HTML
    tried: gr.HTML
    history: gr.State
    bandwidth: gr.Column
    bandwidth_chart: gr.Plot
    bandwidth_caption: gr.HTML


@dataclass(frozen=True)
class Asked:
    """Which recipe to measure on which text, after what this visit has measured."""

    choice: Choice
    text: str
    amount: str
    own: str
    history: Sequence[Entry] = ()
    speed: bool = False


@dataclass(frozen=True)
class Scoring:
    """What was asked for, its text found. speed: to be timed too."""

    choice: Choice
    text: EvalText
    history: Sequence[Entry]
    speed: bool


def measuring(lab: Lab, language: Language) -> Action[Asked, Scoring, Measured]:
    """Both models read the text, unless somebody has had them do so already, and are timed where that is asked for."""

    def check(asked: Asked) -> Scoring:
        return Scoring(asked.choice, chosen_text(asked.text, asked.amount, asked.own), asked.history, asked.speed)

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

    def scored(c: Comparison) -> Shown:
        return _shown(c, report, original, quantized, text, choice)

    def reading(step: Progress[Comparison]) -> Measured:
        assert step.so_far is not None, "each window that is read is scored"
        return Measured(_reading(step.so_far, language) + result(scored(step.so_far), language))

    compared = yield from showing(lab.measured(recipe, text, quantized), reading)
    known = replace(scored(compared), shared_s=shared.age_s if shared else None)
    shown, tried = result(known, language), _with(asked.history, known, choice, text)
    chart, caption = divergence(compared.tokens, language), chart_caption(known, language)
    yield Measured(shown, chart=chart, caption=caption, tried=history_html(tried, language), history=tried)
    if not asked.speed:
        return
    quantized, speeds = yield from timing(lab, language, choice, shown)
    timed = replace(tried[-1], written=placed((original, quantized), speeds, choice))
    placed_now = scored(compared)
    known = replace(known, speeds=speeds, computes=placed_now.computes, memory=placed_now.memory)
    yield _timed(result(known, language), [*tried[:-1], timed], language)


def timing(lab: Lab, language: Language, choice: Choice, shown: str) -> Generator[
    Measured, None, tuple[LoadedModel, tuple[Speed, Speed]]
]:  # fmt: skip
    """The model as it was timed, and both speeds; again where the kernels came to be compiled in the middle of it."""
    while True:
        without_kernels = being_made()
        quantized = yield from quantizing(lab, language, choice.recipe(), Measured)
        original_speed, speed = yield from showing(
            speed_steps([lab.loaded(choice.model), quantized]),
            lambda step: Measured(html.progress(t.MEASURING_SPEED, step.fraction, language) + shown),
        )
        if without_kernels == being_made():
            return quantized, (original_speed, speed)


def _timed(shown: str, tried: list[Entry], language: Language) -> Measured:
    figure, words = picture(tried, this_machine(), language)
    return Measured(shown, tried=history_html(tried, language), history=tried, bandwidth=gr.update(visible=True),
                 bandwidth_chart=figure, bandwidth_caption=words)  # fmt: skip


def _reading(c: Comparison, language: Language) -> str:
    """How far both models have read, and what that means for the figures below."""
    so_far = t.METRIC_SO_FAR.format(share=number(100 * c.fraction, language, 2))[language]
    return html.progress(t.MEASURING_BOTH, c.fraction, language) + html.caption(so_far)


def _with(history: Sequence[Entry], s: Shown, choice: Choice, text: EvalText) -> list[Entry]:
    """The history with a new entry, in place of an older one of the same recipe and text, whose times it keeps."""
    new = Entry((choice.model, text), choice.short(), choice.query(), text.title, s.figures, s.report)
    older = [e for e in history if (e.key, e.address) == (new.key, new.address)]
    return [*(e for e in history if e not in older), replace(new, written=older[-1].written if older else None)]


def _shown(c: Comparison, report: SizeReport, original: LoadedModel, quantized: LoadedModel, text: EvalText,
           choice: Choice) -> Shown:  # fmt: skip
    memory = tuple(sum(h.n_bytes for h in held_in_memory(m)) for m in (original, quantized))
    held, activations = held_layers(quantized), choice.recipe().activations
    return Shown(_named(figures(c), choice), report, None, (memory[0], memory[1]), text.title, choice.describe(),
                 computes(held, report, activations))  # fmt: skip


def _named(f: Figures, choice: Choice) -> Figures:
    """The figures with the arithmetic of both models in their protocol, where it differs."""
    if not choice.rounds_activations:
        return f
    return replace(f, protocol=replace(f.protocol, arithmetic=f"{f.protocol.arithmetic} / {choice.arithmetic}"))


def chart_caption(s: Shown, language: Language) -> str:
    low, high = s.figures.kl_median.value, s.figures.kl_99.value
    text = t.CHART_UNEVEN if high > UNEVEN * low else t.CHART_EVEN
    shown = text.format(median=number(low, language, 2), high=number(high, language, 2))
    return html.caption(shown[language])


def build_measure(place: Place) -> Run:
    language = place.language
    gr.Markdown(t.METRIC_INTRO[language])
    with gr.Row():
        text = gr.Radio(
            [(name[language], key) for key, name in t.METRIC_TEXTS.items()], value=next(iter(TITLES)),
            label=t.METRIC_TEXT[language], min_width=280,
        )  # fmt: skip
        amount = gr.Radio(
            [(name[language], key) for key, name in t.METRIC_AMOUNTS.items()], value="quick",
            label=t.METRIC_AMOUNT[language], min_width=280,
        )  # fmt: skip
    own = gr.Textbox(label=t.METRIC_OWN[language], info=t.METRIC_OWN_INFO[language], lines=5, visible=False)
    speed = gr.Checkbox(
        False, label=t.MEASURE_SPEED[language], info=t.MEASURE_SPEED_INFO[language], elem_id=f"speed-{language}"
    )
    with gr.Row():
        button = gr.Button(t.MEASURE[language], variant="primary", elem_id=f"measure-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"measure-stop-{language}")
    output = gr.HTML(html.notice(t.METRIC_EMPTY[language], "note"), elem_id=f"measured-{language}")
    chart = gr.Plot(show_label=False, elem_id=f"divergence-{language}")
    caption = gr.HTML()
    gr.Markdown(f"### {t.HISTORY[language]}")
    tried = gr.HTML(history_html([], language), elem_id=f"history-{language}")
    bandwidth = build_bandwidth(language)
    history = gr.State([])
    text.input(
        lambda kind: {own: gr.update(visible=kind == "own"), amount: gr.update(visible=kind != "own")}, text,
        [own, amount], show_progress="hidden", queue=False, api_visibility="private",
    )  # fmt: skip
    outputs = Outputs(output, chart, caption, tried, history, bandwidth.shown, bandwidth.chart, bandwidth.caption)

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice, values[text], values[amount], values[own], values[history], values[speed])

    inputs = (text, amount, own, history, speed)
    return Run(measuring(place.lab, language), asks, (button.click,), inputs, outputs, stop)
