"""Barrido: formats times methods on the live model, as recorded and as measured here; which are worth their bytes.

What a live sweep measures stands in one hidden field, "int4,Q4_K:rtn,gptq:float32", which the boxes write and which
writes them, as in Comparar (`methods/compare.py`): so it is in the address and kept by the browser.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from gradio.context import Context

from quant.errors import EvaluationError, QuantError
from quant.evaluation.contenders import BASELINE, contenders
from quant.evaluation.pace import paces
from quant.evaluation.sweep import Entry, Named, sweep
from quant.evaluation.sweep_recipes import SWEPT_FORMATS, TABLES
from quant.lab import Lab
from quant.text import Language, Text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.choose import sweep_texts as t
from quant.ui.tabs.choose.sweep_show import (
    certainty_html,
    chart,
    estimate,
    lead,
    rules_html,
    saves,
    table_html,
)
from quant.ui.tabs.choose.sweep_state import State, every, read_text, seen
from quant.work import Progress

FIRST_VIEW, FIRST_SCOPE = "bytes", "linear"
# Nothing is written of what is as it comes, so that the address stays short.
WRITE_JS = """(formats, methods, tables) => {{ const usual = {usual}, all = {all};
  const kept = [formats, methods, tables].map((ticked, i) => all[i].filter((one) => ticked.includes(one)).join(","));
  const said = kept.join(":");
  return said === usual.map((one) => one.join(",")).join(":") ? "" : said; }}"""
READ_JS = """(said) => {{ const usual = {usual}, parts = (said ?? "").split(":");
  return parts.length === 3 ? parts.map((one) => one.split(",").filter(Boolean)) : usual; }}"""


@dataclass(frozen=True)
class Asked:
    """What the visitor asks for."""

    model: str
    state: str
    speed: bool
    view: str
    scope: str


@dataclass(frozen=True)
class Ready:
    """A sweep that can be measured."""

    asked: Asked
    state: State
    recipes: tuple[Named, ...]


@dataclass(frozen=True)
class Sweeping(Frame):
    """What the outputs show."""

    lead: str | None = None
    chart: str | None = None
    rules: str | None = None
    table: str | None = None
    certainty: str | None = None
    estimate: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Sweeping`."""

    said: gr.HTML
    lead: gr.HTML
    chart: gr.HTML
    rules: gr.HTML
    table: gr.HTML
    certainty: gr.HTML
    estimate: gr.HTML


@dataclass(frozen=True)
class Controls:
    """What a visitor chooses, and the field in which it is kept."""

    view: gr.Radio
    scope: gr.Radio
    formats: gr.CheckboxGroup
    methods: gr.CheckboxGroup
    tables: gr.CheckboxGroup
    speed: gr.Checkbox
    state: gr.Textbox


def sweeping(lab: Lab, language: Language) -> Action[Asked, Ready, Sweeping]:
    """Rows of the recipes asked for, one after another, and then their speed."""

    def check(asked: Asked) -> Ready:
        state = State.read(asked.state)
        recipes = state.recipes(lab, asked.model)
        if not recipes:
            raise EvaluationError(t.ESTIMATE_NONE)
        return Ready(asked, state, recipes)

    return Action(lab, language, check, lambda ready: run(lab, language, ready), Sweeping)


def run(lab: Lab, language: Language, ready: Ready) -> Iterator[Sweeping]:
    """Progress; all that is shown anew with each row that is finished. What is finished stays where this is stopped."""
    names, drawn = [one.name for one in ready.recipes], 0

    def frame(step: Progress[tuple[Entry, ...]]) -> Sweeping:
        nonlocal drawn
        now = min(int(step.fraction * len(names)), len(names) - 1)
        label = t.SWEEPING.format(name=names[now], place=now + 1, count=len(names))
        said, finished = html.progress(label, step.fraction, language), len(step.so_far or ())
        if finished == drawn:
            return Sweeping(said)
        drawn = finished
        return pictures(lab, language, ready.asked, ready.state, said)

    failed: list[str] = []
    work = sweep(lab, ready.recipes, read_text(), skip=lambda one, error: failed.append(error.text[language]))
    yield from showing(work, frame)
    if ready.asked.speed:
        yield from timing(lab, language, ready)
    now = seen(lab, ready.asked.model, ready.state, ready.asked.view, ready.asked.scope)
    done = html.notice(t.DONE.format(count=len(names) - len(failed), lead=lead(now))[language], "note")
    for problem in dict.fromkeys(failed):
        done += html.notice(problem)
    yield pictures(lab, language, ready.asked, ready.state, done)


def timing(lab: Lab, language: Language, ready: Ready) -> Generator[Sweeping, None, None]:
    """How fast each writes, taking turns with the float model; those that were timed here are not timed again."""
    todo = [one.recipe for one in ready.recipes if lab.rows.get(one.recipe, read_text())]
    todo = [recipe for recipe in todo if lab.rows.pace(recipe) is None]
    work = paces(lab, todo)
    yield from showing(work, lambda step: Sweeping(html.progress(t.TIMING, step.fraction, language)))


def pictures(lab: Lab, language: Language, asked: Asked, state: State, said: str = "") -> Sweeping:
    """All that the section shows now."""
    now, rows = seen(lab, asked.model, state, asked.view, asked.scope), every(lab, asked.model, state)
    weighs = saves(rows) if asked.view == FIRST_VIEW else None
    return Sweeping(
        said, html.verdict(lead(now)[language]),
        chart(now, language) + (html.paragraph(weighs[language]) if weighs and weighs.en else html.NOTHING),
        rules_html(now, language), table_html(now, language), certainty_html(lab, asked.model, rows, language),
        html.caption(estimate(lab, asked.model, state.recipes(lab, asked.model))[language]),
    )  # fmt: skip


def build_sweep(place: Place) -> Built:
    """The section: the answer, the figure that it is read from, then what else may be swept."""
    language = place.language
    gr.Markdown(f"## {t.TITLE[language]}", elem_classes="lab-section")
    lead_ = gr.HTML(elem_id=f"sweep-lead-{language}")
    with gr.Row():
        view = _radio(t.VIEW, t.VIEWS, FIRST_VIEW, "sweep-view", language)
        scope = _radio(t.SCOPE, t.SCOPES, FIRST_SCOPE, "sweep-scope", language)
    chart_ = gr.HTML(elem_id=f"sweep-chart-{language}")
    rules = gr.HTML(elem_id=f"sweep-rules-{language}")
    controls = _controls(view, scope, language)
    with gr.Row():
        button = gr.Button(t.RUN[language], variant="primary", elem_id=f"sweep-run-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"sweep-run-stop-{language}")
    said = gr.HTML(elem_id=f"sweep-said-{language}")
    before = gr.HTML(elem_id=f"sweep-estimate-{language}")
    with gr.Accordion(t.TABLE[language], open=False, elem_id=f"sweep-figures-{language}"):
        table = gr.HTML(elem_id=f"sweep-table-{language}")
    with gr.Accordion(t.CERTAINTY[language], open=False, elem_id=f"sweep-sure-{language}"):
        sure = gr.HTML(elem_id=f"sweep-certainty-{language}")
    _warm(place)
    outputs = Outputs(said, lead_, chart_, rules, table, sure, before)
    _connect(controls)

    def asks(choice: Choice, now: Values) -> Asked:
        return Asked(choice.model, now[controls.state] or "", bool(now[controls.speed]), now[view], now[scope])

    own = (controls.state, view, scope)
    run_ = Run(sweeping(place.lab, language), asks, (button.click,), (*own, controls.speed), outputs, stop)
    kept = {"sweep": controls.state, "sweep_view": view, "sweep_scope": scope}
    return Built((_follow(place, outputs, own),), (run_,), kept=kept)


def _radio(label: Text, names: Mapping[str, Text], first: str, name: str, language: Language) -> gr.Radio:
    return gr.Radio(
        [(text[language], key) for key, text in names.items()], value=first, label=label[language],
        elem_id=f"{name}-{language}", interactive=True, min_width=280,
    )  # fmt: skip


def _controls(view: gr.Radio, scope: gr.Radio, language: Language) -> Controls:
    usual = State()
    methods = [(t.PLAIN[language] if name == BASELINE else one.title[language], name)
               for name, one in contenders().items()]  # fmt: skip
    with gr.Accordion(t.CHOOSE[language], open=False, elem_id=f"sweep-choose-{language}"):
        formats = gr.CheckboxGroup(
            list(SWEPT_FORMATS), value=list(usual.formats), label=t.FORMATS[language], info=t.FORMATS_INFO[language],
            elem_id=f"sweep-formats-{language}", interactive=True,
        )  # fmt: skip
        chosen = gr.CheckboxGroup(methods, value=list(usual.methods), label=t.METHODS[language],
                                  elem_id=f"sweep-methods-{language}", interactive=True)  # fmt: skip
        tables = gr.CheckboxGroup(
            [(name[language], key) for key, name in t.TABLE_NAMES.items()], value=list(usual.tables),
            label=t.TABLES[language], elem_id=f"sweep-tables-{language}", interactive=True,
        )  # fmt: skip
        speed = gr.Checkbox(False, label=t.SPEED[language], elem_id=f"sweep-speed-{language}")
    state = gr.Textbox("", label=t.STATE[language], elem_classes="lab-hidden", elem_id=f"sweep-state-{language}")
    return Controls(view, scope, formats, chosen, tables, speed, state)


def _connect(controls: Controls) -> None:
    """The boxes write the field as a hand ticks them, in the browser; what is kept or linked writes the boxes."""
    first = State()
    usual = json.dumps([first.formats, first.methods, first.tables])
    every_ = json.dumps([SWEPT_FORMATS, list(contenders()), TABLES])
    chosen = [controls.formats, controls.methods, controls.tables]
    private = {"api_visibility": "private", "show_progress": "hidden"}
    write, read = WRITE_JS.format(usual=usual, all=every_), READ_JS.format(usual=usual)
    gr.on([one.input for one in chosen], None, chosen, controls.state, js=write, **private)  # type: ignore[arg-type]
    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    gr.on([page.load, controls.state.change], None, controls.state, chosen, js=read, **private)  # type: ignore[arg-type]


def _warm(place: Place) -> None:
    """What the first picture of a process reads is paid before anybody waits for it."""
    with suppress(QuantError):
        asked = Asked(place.lab.default(), "", False, FIRST_VIEW, FIRST_SCOPE)
        pictures(place.lab, place.language, asked, State())


def _follow(place: Place, outputs: Outputs, own: tuple[Component, ...]) -> Follow:
    """The section is of the live model, and of what is chosen in it."""

    def show(now: Seen, values: Values) -> Updates:
        state, view, scope = (values[one] for one in own)
        asked = Asked(now.choice.model, state or "", False, view, scope)
        try:
            made = pictures(place.lab, place.language, asked, State.read(asked.state))
        except QuantError as error:
            return {outputs.lead: html.problem(error, place.language)}
        return {
            outputs.lead: made.lead, outputs.chart: made.chart, outputs.rules: made.rules, outputs.table: made.table,
            outputs.certainty: made.certainty, outputs.estimate: made.estimate,
        }  # fmt: skip

    shown = (outputs.lead, outputs.chart, outputs.rules, outputs.table, outputs.certainty, outputs.estimate)
    return Follow(show, shown, model=True, own=own)
