"""De PTQ a QAT, live: a quantized model goes on learning in front of the visitor, and becomes the live one.

What is chosen stands in one hidden field (training_state.py). A run goes through a lane of its own, one at a time;
what it has shown so far is the lab's, by its recipe, so that it is there after a reload and is gone on with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import gradio as gr
from markupsafe import Markup

from quant.errors import QuantError, TrainingError
from quant.evaluation.export import Exported, export_costs
from quant.evaluation.learning import CHECK_BYTES, Learning, Watched, joined, learning
from quant.evaluation.training_plan import planned
from quant.lab import Lab
from quant.packing import bits_per_weight
from quant.qat import check_training
from quant.recipe import Recipe
from quant.size import size_report
from quant.text import Language, Text, fixed, number
from quant.texts import shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.shared.glossary import prose
from quant.ui.shared.layer_names import default_layer
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.methods import training_texts as t
from quant.ui.tabs.methods.training_controls import Controls, build_controls, connect_controls
from quant.ui.tabs.methods.training_ladder import ladder_html
from quant.ui.tabs.methods.training_show import core, export_html, shown
from quant.ui.tabs.methods.training_state import State
from quant.work import Progress

TEXT = "enciclopedia"
REDRAW_S = 1.0


@dataclass(frozen=True)
class Asked:
    """What a button asks for: of which model, what is chosen, the text of one's own."""

    model: str
    written: str
    own: str


@dataclass(frozen=True)
class Ready:
    """A training that can begin, or go on."""

    recipe: Recipe
    seconds: int
    watched: Watched


def _idle() -> object:
    return gr.update(interactive=True)


@dataclass(frozen=True)
class Training(Frame):
    """What the outputs show. train: the button, which waits while a training runs; what says otherwise frees it."""

    picture: str | None = None
    train: object = field(default_factory=_idle)
    go_on: object = None

    def ended(self) -> Training:
        return Training(self.said, self.picture, go_on=gr.update(visible=True))


@dataclass(frozen=True)
class Outputs:
    """The components of `Training`."""

    said: gr.HTML
    picture: gr.HTML
    train: gr.Button
    go_on: gr.Button


@dataclass(frozen=True)
class Answer:
    """The component of a `Frame`."""

    said: gr.HTML


# ---- a run


def training(lab: Lab, language: Language, *, anew: bool) -> Action[Asked, Ready, Training]:
    """From PTQ on, or from where a training of the same recipe left off."""

    def check(asked: Asked) -> Ready:
        state, loaded = State.read(asked.written, asked.own), lab.loaded(asked.model)
        recipe = planned(asked.model, state.plan)
        size_report(loaded, recipe)
        check_training(loaded, recipe)
        watched = Watched(shipped_text(TEXT), shared_texts.DEFAULT_PROMPT, default_layer(loaded))
        return Ready(recipe, state.seconds, watched)

    return Action(
        lab, language, check, lambda ready: train(lab, language, ready, anew=anew), Training, lab.training
    )  # fmt: skip


def train(lab: Lab, language: Language, ready: Ready, *, anew: bool) -> Iterator[Training]:
    """A picture a second at most; all of it at the end. What has been shown is the lab's, whenever this is stopped."""
    before, drawn, layer = None if anew else lab.learnings.get(ready.recipe), 0.0, ready.watched.layer
    busy, last = gr.update(interactive=False), Training(html.progress(t.STARTING, 0, language))
    if anew:
        lab.forget_trainer(ready.recipe)
    note = html.NOTHING
    if before is not None and lab.trainer(ready.recipe) is None:
        note = html.notice(t.ANEW[language], "note")

    def frame(step: Progress[Learning]) -> Training:
        nonlocal drawn, last
        if step.so_far is None:
            bar = html.progress(t.STARTING, step.fraction, language)
            return Training(bar, train=busy, go_on=gr.update(visible=False))
        now = joined(before, step.so_far)
        lab.learnings.keep(ready.recipe, now)
        if time.monotonic() - drawn >= REDRAW_S:
            drawn = time.monotonic()
            last = running(now, ready.seconds, step.fraction, layer, note, language)
        return last

    now = joined(before, (yield from showing(learning(lab, ready.recipe, ready.seconds, ready.watched), frame)))
    lab.learnings.keep(ready.recipe, now)
    rungs = ladder_html(lab.learnings.beside(ready.recipe), language)
    yield Training(note, shown(now, layer, language) + rungs).ended()


def running(now: Learning, seconds: int, fraction: float, layer: str, note: Markup, language: Language) -> Training:
    """A frame of a run: how far it is, and all that is known so far."""
    step = now.losses[-1][0] if now.losses else now.checks[-1].step
    words = t.TRAINING.format(seconds=_whole(fraction * seconds), total=_whole(seconds), step=_whole(step))
    bar = html.progress(words, fraction, language)
    return Training(note + bar, core(now, layer, language), gr.update(interactive=False), gr.update(visible=False))


# ---- another grid


def exporting(lab: Lab, language: Language) -> Action[Asked, Recipe, Frame]:
    """The trained model that the section shows, on other grids."""

    def check(asked: Asked) -> Recipe:
        known = lab.learnings.get(planned(asked.model, State.read(asked.written, asked.own).plan))
        if known is None:
            raise TrainingError(t.EXPORT_FIRST)
        if known.recipe.training is None:
            raise TrainingError(t.EXPORT_NOTHING)
        return known.recipe

    return Action(lab, language, check, lambda recipe: export(lab, language, recipe), Frame)


def export(lab: Lab, language: Language, recipe: Recipe) -> Iterator[Frame]:
    """One grid after another."""
    own, text = recipe.rules[0].scheme, shipped_text(TEXT).part(CHECK_BYTES)
    assert own is not None
    bar = html.NOTHING

    def frame(step: Progress[tuple[Exported, ...]]) -> Frame:
        nonlocal bar
        if (found := step.so_far) is not None:
            words = t.EXPORTING.format(i=len(found) + 1, n=round(len(found) / step.fraction) if step.fraction else "…")
            bar = html.progress(words, step.fraction, language) + export_html(own, found, language)
        return Frame(bar)

    found = yield from showing(export_costs(lab, recipe, text), frame)
    yield Frame(export_html(own, found, language))


# ---- the section


def build_training(place: Place) -> Built:
    """Bits, seconds and a button; what else may be chosen is folded; then what happens, and what another grid costs."""
    lab, language = place.lab, place.language
    gr.Markdown(f"## {t.TITLE[language]}", elem_classes="lab-section")
    prose(t.INTRO[language], language)
    controls = build_controls(language)
    with gr.Row():
        button = gr.Button(t.RUN[language], variant="primary", elem_id=f"qat-{language}")
        go_on = gr.Button(t.GO_ON[language], visible=False, elem_id=f"qat-go-on-{language}")
        stops = [
            gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"qat-stop{n}-{language}")
            for n in ("", "-go-on")
        ]
    output = gr.HTML(elem_id=f"qat-said-{language}")
    drawn = gr.HTML(elem_id=f"qat-picture-{language}")
    with gr.Accordion(t.EXPORT_TITLE[language], open=False):
        prose(t.EXPORT_SAID[language], language)
        with gr.Row():
            move = gr.Button(t.EXPORT_RUN[language], scale=0, min_width=220, elem_id=f"qat-export-{language}")
            stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"qat-export-stop-{language}")
        moved = gr.HTML(elem_id=f"qat-exported-{language}")
    connect_controls(controls)
    outputs, inputs = Outputs(output, drawn, button, go_on), (controls.state, controls.own)

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice.model, values[controls.state] or "", values[controls.own] or "")

    runs = (
        Run(training(lab, language, anew=True), asks, (button.click,), inputs, outputs, stops[0]),
        Run(training(lab, language, anew=False), asks, (go_on.click,), inputs, outputs, stops[1]),
        Run(exporting(lab, language), asks, (move.click,), inputs, Answer(moved), stop),
    )
    kept = {"qat": controls.state, "qat_text": controls.own}
    return Built((_follow(place, controls, outputs, moved),), runs, kept=kept)


def _follow(place: Place, controls: Controls, outputs: Outputs, moved: gr.HTML) -> Follow:
    """What is known of the training that is chosen: shown whole, or what the button would do.

    Something stays empty in each answer, so that none is kept (`Drawn`): a training shows more with every step.
    """

    def show(now: Seen, values: Values) -> Updates:
        known, words, rungs = None, html.NOTHING, html.NOTHING
        try:
            state = State.read(values[controls.state] or "", values[controls.own] or "")
            loaded = place.lab.loaded(now.choice.model)
            words = html.notice(_empty(state)[place.language], "note")
            with suppress(TrainingError):  # of one's own text before it is there: the button says so
                recipe = planned(now.choice.model, state.plan)
                known = place.lab.learnings.get(recipe)
                rungs = ladder_html(place.lab.learnings.beside(recipe), place.language)
        except QuantError as error:
            return {outputs.said: html.problem(error, place.language), outputs.picture: ""}
        go_on = gr.update(visible=known is not None, value=t.GO_ON_FOR.format(n=state.seconds)[place.language])
        if known is None:
            return {outputs.said: words, outputs.picture: rungs, outputs.go_on: go_on, moved: ""}
        whole = shown(known, default_layer(loaded), place.language) + rungs
        return {outputs.said: "", outputs.picture: whole, outputs.go_on: go_on, moved: ""}

    seen = (outputs.said, outputs.picture, outputs.go_on, moved)
    return Follow(show, seen, model=True, own=(controls.state, controls.own))


def _empty(state: State) -> Text:
    stored = bits_per_weight(state.plan.scheme, (256, 256))
    return t.EMPTY.format(bits=Text(number(stored, "es", 3), number(stored, "en", 3)), seconds=_whole(state.seconds))


def _whole(value: float) -> Text:
    return Text(fixed(value, "es", 0), fixed(value, "en", 0))
