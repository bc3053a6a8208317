"""¿Cuál elijo?: what will run it and what is wanted, a guess, and the recipe that follows from what is measured.

What is wanted stands in one hidden field, as the comparison of methods does it (compare.py); the guess is in the page
alone: it asks the server nothing, and once it is made answers show at once (advice.css).
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

import gradio as gr
from gradio.components import Component
from gradio.context import Context

from quant.errors import QuantError
from quant.targets import TARGETS
from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.glossary import prose
from quant.ui.tabs.base import Built, Follow, Place, Seen
from quant.ui.tabs.choose import advice_texts as t
from quant.ui.tabs.choose.advice_show import answer_html, found_for, guess_html, sources_html, table_html
from quant.ui.tabs.choose.advice_state import LEAST_CONTEXT, MOST_CONTEXT, State

# Nothing is written of what is as it comes, so that the address stays short.
WRITE_JS = """(...values) => {{ const said = values.map((one) => one ?? 0).join(":");
  return said === {usual} ? "" : said; }}"""
READ_JS = """(said) => {{ const [usual, given] = [{usual}.split(":"), (said ?? "").split(":")];
  const [target, users, memory, context, tolerance, matters] = given.length === usual.length ? given : usual;
  return [target, users, +memory, +context, tolerance, matters]; }}"""


@dataclass(frozen=True)
class Controls:
    """What a visitor chooses, by the names of `State`."""

    target: gr.Radio
    users: gr.Radio
    memory_mb: gr.Number
    context: gr.Slider
    tolerance: gr.Radio
    matters: gr.Radio

    @property
    def all(self) -> list[Component]:
        return [self.target, self.users, self.memory_mb, self.context, self.tolerance, self.matters]


def build_advice(place: Place) -> Built:
    """The section."""
    language = place.language
    gr.Markdown(f"## {t.ADVICE[language]}", elem_classes="lab-section")
    prose(t.INTRO[language], language)
    controls = _controls(language)
    state = gr.Textbox("", label=t.STATE[language], elem_classes="lab-hidden", elem_id=f"advice-state-{language}")
    gr.HTML(guess_html(language), elem_id=f"advice-guess-{language}")
    answer = gr.HTML(elem_id=f"advice-answer-{language}")
    table = gr.HTML(elem_id=f"advice-table-{language}", elem_classes="lab-advice-table")
    gr.HTML(sources_html(language))
    _connect(controls, state)
    _warm(place)
    return Built((_follow(place, state, answer, table),), kept={"advice": state})


def _warm(place: Place) -> None:
    """What the first answer of a process reads is paid before anybody waits for it."""
    with suppress(QuantError):
        model = place.lab.default()
        found = found_for(place.lab, model, State().wants())
        answer_html(found, place.language)
        table_html(place.lab, model, found, place.language)


def _controls(language: Language) -> Controls:
    usual = State()

    def radio(name: str, label: str, choices: list[tuple[str, str]]) -> gr.Radio:
        return gr.Radio(choices, value=getattr(usual, name), label=label, elem_id=f"advice-{name}-{language}",
                        interactive=True, min_width=280)  # fmt: skip

    target = radio("target", t.TARGET[language], [(one.title[language], name) for name, one in TARGETS.items()])
    with gr.Row():
        memory = gr.Number(usual.memory_mb, label=t.MEMORY[language], info=t.MEMORY_INFO[language], minimum=0,
                           elem_id=f"advice-memory-{language}", min_width=280)  # fmt: skip
        context = gr.Slider(LEAST_CONTEXT, MOST_CONTEXT, usual.context, step=32, label=t.CONTEXT[language], buttons=[],
                            elem_id=f"advice-context-{language}", min_width=280)  # fmt: skip
    with gr.Row():
        users = radio("users", t.USERS[language], [(said[language], one.value) for one, said in t.USERS_OF.items()])
        tolerance = radio("tolerance", t.TOLERANCE[language],
                          [(said[language], name) for name, said in t.TOLERANCES.items()])  # fmt: skip
    matters = radio("matters", t.MATTERS[language], [(said[language], one.value) for one, said in t.MATTERS_OF.items()])
    return Controls(target, users, memory, context, tolerance, matters)


def _connect(controls: Controls, state: gr.Textbox) -> None:
    """The controls write the field as a hand moves them, in the browser; what is kept or linked writes the controls."""
    usual = json.dumps(":".join(_written(value) for value in asdict(State()).values()))
    private = {"api_visibility": "private", "show_progress": "hidden"}
    write = WRITE_JS.format(usual=usual)
    gr.on([one.input for one in controls.all], None, controls.all, state, js=write, **private)  # type: ignore[attr-defined]
    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    gr.on([page.load, state.change], None, state, controls.all, js=READ_JS.format(usual=usual), **private)  # type: ignore[arg-type]


def _written(value: object) -> str:
    """As JavaScript writes it: 10, not 10.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _follow(place: Place, state: gr.Textbox, answer: gr.HTML, table: gr.HTML) -> Follow:
    """The section is of the live model, and of what is wanted."""
    lab, language = place.lab, place.language

    def show(seen: Seen, values: Values) -> Updates:
        try:
            found = found_for(lab, seen.choice.model, State.read(values[state] or "").wants())
            return {
                answer: answer_html(found, language), table: table_html(lab, seen.choice.model, found, language)
            }  # fmt: skip
        except QuantError as error:
            return {answer: html.problem(error, language), table: " "}

    return Follow(show, (answer, table), model=True, own=(state,))
