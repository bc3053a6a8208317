"""Comparar: methods at equal bits per weight on the live model, as recorded and as measured here.

What is compared stands in one hidden field, "3:rtn,gptq:enciclopedia", which the controls write and which writes them:
so it is in the address and kept by the browser as one short text, and drawn again like anything else that is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import gradio as gr
from gradio.context import Context

from quant.errors import EvaluationError, QuantError
from quant.evaluation.contenders import LEAST_BITS, MOST_BITS, contenders
from quant.evaluation.methods import Row, rows
from quant.lab import Lab
from quant.recipe import Recipe
from quant.text import Language, Text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.methods import compare_texts as t
from quant.ui.tabs.methods.compare_rows import State, shown
from quant.ui.tabs.methods.compare_show import (
    caption,
    chart,
    estimate,
    lead,
    lead_html,
    methods_html,
    notes_html,
    python_html,
    short,
    table_html,
)
from quant.work import Progress

# Nothing is written of what is as it comes, so that the address stays short.
WRITE_JS = """(bits, names, text) => {{ const usual = {usual};
  const said = `${{bits}}:${{usual.names.filter((one) => names.includes(one)).join(",")}}:${{text}}`;
  return said === `${{usual.bits}}:${{usual.names.join(",")}}:${{usual.text}}` ? "" : said; }}"""
READ_JS = """(said) => {{ const usual = {usual};
  const [bits, names, text] = (said ?? "").split(":");
  const known = bits >= {least} && bits <= {most} ? +bits : usual.bits;
  return text ? [known, names.split(",").filter(Boolean), text] : [usual.bits, usual.names, usual.text]; }}"""


@dataclass(frozen=True)
class Ready:
    """A comparison that can be measured."""

    model: str
    state: State
    recipes: dict[str, Recipe]
    view: str


@dataclass(frozen=True)
class Comparing(Frame):
    """What the outputs show."""

    lead: str | None = None
    chart: object = None
    caption: str | None = None
    table: str | None = None
    code: str | None = None
    estimate: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Comparing`."""

    said: gr.HTML
    lead: gr.HTML
    chart: gr.Plot
    caption: gr.HTML
    table: gr.HTML
    code: gr.HTML
    estimate: gr.HTML


@dataclass(frozen=True)
class Controls:
    """What a visitor chooses, and the field in which it is kept."""

    bits: gr.Slider
    names: gr.CheckboxGroup
    text: gr.Radio
    view: gr.Radio
    state: gr.Textbox


def comparing(lab: Lab, language: Language) -> Action[tuple[str, str, str], Ready, Comparing]:
    """Rows of the contenders of a comparison, of the model of that name, one after another."""

    def check(asked: tuple[str, str, str]) -> Ready:
        model, written, view = asked
        state = State.read(written)
        recipes, _ = state.recipes(lab, model)
        if not recipes:
            raise EvaluationError(t.NONE_CHOSEN)
        return Ready(model, state, recipes, view)

    return Action(lab, language, check, lambda ready: compare(lab, language, ready), Comparing)


def compare(lab: Lab, language: Language, ready: Ready) -> Iterator[Comparing]:
    """Progress; all that is shown anew with each row that is finished."""
    names, drawn = list(ready.recipes), 0

    def frame(step: Progress[tuple[Row, ...]]) -> Comparing:
        nonlocal drawn
        finished = len(step.so_far or ())
        now = min(int(step.fraction * len(names)), len(names) - 1)
        label = t.COMPARING.format(name=short(names[now]), place=now + 1, count=len(names))
        said = html.progress(label, step.fraction, language)
        if finished == drawn:
            return Comparing(said)
        drawn = finished
        return pictures(lab, language, ready.model, ready.state, ready.view, said)

    yield from showing(rows(lab, list(ready.recipes.values()), ready.state.read_text), frame)
    done = html.notice(finished_text(lab, ready)[language], "note")
    yield pictures(lab, language, ready.model, ready.state, ready.view, done)


def finished_text(lab: Lab, ready: Ready) -> Text:
    """That it is done and who wins: on a phone the sentence above is off the screen."""
    text, found = t.DONE_ONE if len(ready.recipes) == 1 else t.DONE, shown(lab, ready.model, ready.state)
    return text.format(count=len(ready.recipes), lead=lead(found))


def pictures(lab: Lab, language: Language, model: str, state: State, view: str, said: str = "") -> Comparing:
    """All that the section shows of a comparison now."""
    now = shown(lab, model, state)
    figure = chart(lab, model, now, view, language) if now.rows else None
    return Comparing(
        said, lead_html(now, language), gr.update(visible=bool(now.rows), **({"value": figure} if figure else {})),
        (caption(lab, model, now, view, language) if now.rows else html.NOTHING) + notes_html(now, language),
        table_html(now, language),
        python_html(now, language), html.caption(estimate(lab, model, state)[language]),
    )  # fmt: skip


def build_compare(place: Place) -> Built:
    """The section: the answer first, the figure that it is read from, then what else it may be an answer to."""
    language = place.language
    gr.Markdown(f"## {t.COMPARE[language]}", elem_classes="lab-section")
    lead = gr.HTML(elem_id=f"compare-lead-{language}")
    bits = gr.Slider(
        LEAST_BITS, MOST_BITS, State.usual().bits, step=1, label=t.BITS[language], info=t.BITS_INFO[language],
        elem_id=f"compare-bits-{language}", interactive=True,
    )  # fmt: skip
    chart_ = gr.Plot(show_label=False, elem_id=f"compare-chart-{language}")
    words = gr.HTML()
    controls = _controls(bits, language)
    with gr.Row():
        button = gr.Button(t.RUN[language], variant="primary", elem_id=f"compare-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"compare-stop-{language}")
    said = gr.HTML(elem_id=f"compare-said-{language}")
    before = gr.HTML(elem_id=f"compare-estimate-{language}")
    table, code = _folds(language)
    _warm(place)
    outputs = Outputs(said, lead, chart_, words, table, code, before)
    _connect(controls)
    action = comparing(place.lab, language)

    def asks(choice: Choice, values: Values) -> tuple[str, str, str]:
        return choice.model, values[controls.state] or "", values[controls.view]

    run = Run(action, asks, (button.click,), (controls.state, controls.view), outputs, stop)
    return Built((_follow(place, controls, outputs),), (run,), kept={"compare": controls.state})


def _warm(place: Place) -> None:
    """What the first picture of a process reads and imports is paid before anybody waits for it."""
    with suppress(QuantError):
        pictures(place.lab, place.language, place.lab.default(), State.usual(), next(iter(t.VIEWS)))


def _folds(language: Language) -> tuple[gr.HTML, gr.HTML]:
    """What a beginner does not need, folded by gradio: a fold within what is drawn again would close with each row."""
    with gr.Accordion(t.TABLE[language], open=False, elem_id=f"compare-figures-{language}"):
        table = gr.HTML(elem_id=f"compare-table-{language}")
    with gr.Accordion(t.PYTHON[language], open=False):
        code = gr.HTML(elem_id=f"compare-code-{language}")
    with gr.Accordion(t.OF_ALL[language], open=False):
        gr.HTML(methods_html(language))
    return table, code


def _controls(bits: gr.Slider, language: Language) -> Controls:
    usual = State.usual()
    view = gr.Radio(
        [(name[language], key) for key, name in t.VIEWS.items()], value=next(iter(t.VIEWS)), label=t.VIEW[language],
        show_label=False, container=False, elem_id=f"compare-view-{language}", interactive=True,
    )  # fmt: skip
    with gr.Accordion(t.CHOOSE[language], open=False):
        names = gr.CheckboxGroup(
            [(one.title[language], name) for name, one in contenders().items()], value=list(usual.names),
            label=t.METHODS[language], elem_id=f"compare-methods-{language}", interactive=True,
        )  # fmt: skip
        text = gr.Radio(
            [(name[language], key) for key, name in t.TEXTS.items()], value=usual.text, label=t.TEXT[language],
            elem_id=f"compare-text-{language}", interactive=True,
        )  # fmt: skip
    state = gr.Textbox("", label=t.STATE[language], elem_classes="lab-hidden", elem_id=f"compare-state-{language}")
    return Controls(bits, names, text, view, state)


def _connect(controls: Controls) -> None:
    """The controls write the field as a hand moves them, in the browser; what is kept or linked writes the controls."""
    usual = State.usual()
    said = json.dumps({"bits": usual.bits, "names": usual.names, "text": usual.text})
    chosen = [controls.bits, controls.names, controls.text]
    private = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([one.input for one in chosen], None, chosen, controls.state, js=WRITE_JS.format(usual=said), **private)  # type: ignore[arg-type]
    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    read = READ_JS.format(usual=said, least=LEAST_BITS, most=MOST_BITS)
    gr.on([page.load, controls.state.change], None, controls.state, chosen, js=read, **private)  # type: ignore[arg-type]


def _follow(place: Place, controls: Controls, outputs: Outputs) -> Follow:
    """The section is of the live model, and of what is chosen in it."""

    def show(now: Seen, values: Values) -> Updates:
        model = now.choice.model
        try:
            state = State.read(values[controls.state] or "")
        except EvaluationError as error:
            return {outputs.lead: html.problem(error, place.language)}
        made = pictures(place.lab, place.language, model, state, values[controls.view])
        return {
            outputs.lead: made.lead, outputs.chart: made.chart, outputs.caption: made.caption,
            outputs.table: made.table, outputs.code: made.code, outputs.estimate: made.estimate,
        }  # fmt: skip

    seen = (outputs.lead, outputs.chart, outputs.caption, outputs.table, outputs.code, outputs.estimate)
    return Follow(show, seen, model=True, own=(controls.state, controls.view))
