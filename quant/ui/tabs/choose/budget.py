"""Presupuesto: a budget of bytes or of nats, divided among matrices, keys and values, beside the best uniform recipe.

What is asked for stands in one hidden field, as in Comparar (`methods/compare.py`), so that it is in the address and
kept by the browser. Costs of the built-in model are recorded, so that all moves at once; those of another are worked
out by the button, which then measures both recipes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import gradio as gr
from gradio.context import Context

from quant.errors import BudgetError, QuantError
from quant.evaluation.budget import answered
from quant.evaluation.costs import PALETTE_TITLES, losses, palette
from quant.lab import Lab
from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.choose import budget_texts as t
from quant.ui.tabs.choose.budget_known import known, losses_of, read_text
from quant.ui.tabs.choose.budget_show import shown
from quant.ui.tabs.choose.budget_state import State

# Nothing is written of what is as it comes, so that the address stays short.
WRITE_JS = """(want, mb, nats, context, palette) => {{
  const said = [want, mb, nats, context, palette].join(":"); return said === {usual} ? "" : said; }}"""
READ_JS = """(said) => {{ const [want, mb, nats, context, palette] = (said || {usual}).split(":");
  return [want, +mb, +nats, +context, palette]; }}"""


@dataclass(frozen=True)
class Ready:
    """A budget of the model of that name."""

    model: str
    state: State


@dataclass(frozen=True)
class Shown(Frame):
    """What the outputs show."""

    lead: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Shown`."""

    said: gr.HTML
    lead: gr.HTML
    answer: gr.HTML


@dataclass(frozen=True)
class Controls:
    """What a visitor says, and the field in which it is kept."""

    want: gr.Radio
    mb: gr.Number
    nats: gr.Number
    context: gr.Dropdown
    palette: gr.Radio
    state: gr.Textbox

    @property
    def chosen(self) -> list[gr.Radio | gr.Number | gr.Dropdown]:
        return [self.want, self.mb, self.nats, self.context, self.palette]


def measuring(lab: Lab, language: Language) -> Action[tuple[str, str], Ready, Shown]:
    """What a budget comes to: costs where they are not known yet, then both recipes measured."""

    def check(asked: tuple[str, str]) -> Ready:
        model, written = asked
        ready = Ready(model, State.read(written))
        known(lab, model, ready.state)  # an impossible budget is refused before any work
        return ready

    return Action(lab, language, check, lambda ready: measure(lab, language, ready), Shown)


def measure(lab: Lab, language: Language, ready: Ready) -> Iterator[Shown]:
    """Progress, what is expected, then what was measured."""
    model, state = ready.model, ready.state
    if losses_of(lab, model, state.palette) is None:
        work = losses(lab, model, state.palette, cache=True)
        found = yield from showing(work, lambda step: Shown(html.progress(t.COSTING, step.fraction, language)))
        lab.losses[model, state.palette] = found
        yield pictures(lab, language, model, state)
    now = known(lab, model, state)
    assert now is not None, "its costs are known"
    room = state.n_bytes if state.want == "size" else now.mix.n_bytes
    work_ = answered(lab, now.costs, now.mix, room, read_text())
    yield from showing(work_, lambda step: Shown(html.progress(t.MEASURING, step.fraction, language)))
    yield pictures(lab, language, model, state, html.notice(t.DONE[language], "note"))


def pictures(lab: Lab, language: Language, model: str, state: State, said: str = "") -> Shown:
    """All that the section shows of a budget now."""
    try:
        now = known(lab, model, state)
    except QuantError as error:
        return Shown(said, html.problem(error, language), html.NOTHING)
    if now is None:
        return Shown(said, html.notice(t.UNKNOWN.format(ways=len(palette(state.palette)))[language], "note"), "")
    above, below = shown(lab.loaded(model), now, language)
    return Shown(said, above, below)


def build_budget(place: Place) -> Built:
    """The section: the answer first, then what it answers, then the bits of each matrix."""
    language, usual = place.language, State()
    gr.Markdown(f"## {t.HEADING[language]}\n\n{t.INTRO[language]}", elem_classes="lab-section")
    lead = gr.HTML(elem_id=f"budget-lead-{language}")
    controls = _controls(usual, language)
    answer = gr.HTML(elem_id=f"budget-answer-{language}")
    with gr.Row():
        button = gr.Button(t.RUN[language], variant="primary", elem_id=f"budget-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"budget-stop-{language}")
    said = gr.HTML(elem_id=f"budget-said-{language}")
    outputs = Outputs(said, lead, answer)
    _connect(controls)

    def asks(choice: Choice, values: Values) -> tuple[str, str]:
        return choice.model, values[controls.state] or ""

    run = Run(measuring(place.lab, language), asks, (button.click,), (controls.state,), outputs, stop)
    follow = _follow(place, controls, outputs, button)
    return Built((follow,), (run,), kept={"budget": controls.state})


def _controls(usual: State, language: Language) -> Controls:
    with gr.Row(elem_classes="budget-asked"):
        want = gr.Radio(
            [(name[language], key) for key, name in t.WANTS.items()], value=usual.want, label=t.WANT[language],
            elem_id=f"budget-want-{language}", interactive=True,
        )  # fmt: skip
        mb = gr.Number(usual.mb, label=t.MB[language], step=0.1, elem_id=f"budget-mb-{language}", interactive=True)
        nats = gr.Number(usual.nats, label=t.NATS[language], step=0.01, visible=False,
                         elem_id=f"budget-nats-{language}", interactive=True)  # fmt: skip
        context = gr.Dropdown(
            [(name[language], n) for n, name in t.CONTEXTS.items()], value=usual.context, label=t.CONTEXT[language],
            filterable=False, elem_id=f"budget-context-{language}", interactive=True,
        )  # fmt: skip
        palette_ = gr.Radio(
            [(name[language], key) for key, name in PALETTE_TITLES.items()], value=usual.palette,
            label=t.PALETTE[language], elem_id=f"budget-palette-{language}", interactive=True,
        )  # fmt: skip
    state = gr.Textbox("", label=t.STATE[language], elem_classes="lab-hidden", elem_id=f"budget-state-{language}")
    return Controls(want, mb, nats, context, palette_, state)


def _connect(controls: Controls) -> None:
    """The controls write the field as a hand moves them, in the browser; what is kept or linked writes the controls."""
    usual = json.dumps(":".join(f"{value:g}" if isinstance(value, float) else str(value)
                                for value in asdict(State()).values()))  # fmt: skip
    private = {"api_visibility": "private", "show_progress": "hidden"}
    chosen = controls.chosen
    gr.on([one.input for one in chosen], None, chosen, controls.state, js=WRITE_JS.format(usual=usual), **private)  # type: ignore[arg-type]
    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    read = READ_JS.format(usual=usual)
    gr.on([page.load, controls.state.change], None, controls.state, chosen, js=read, **private)  # type: ignore[arg-type]


def _follow(place: Place, controls: Controls, outputs: Outputs, button: gr.Button) -> Follow:
    """The section is of the live model, and of what is asked for in it."""

    def show(now: Seen, values: Values) -> Updates:
        model, language = now.choice.model, place.language
        try:
            state = State.read(values[controls.state] or "")
            is_known = losses_of(place.lab, model, state.palette) is not None
        except BudgetError as error:
            return {outputs.lead: html.problem(error, language)}
        made = pictures(place.lab, language, model, state)
        label = t.RUN if is_known else t.RUN_FIRST
        return {
            outputs.lead: made.lead, outputs.answer: made.answer, button: gr.update(value=label[language]),
            controls.mb: gr.update(visible=state.want == "size"),
            controls.nats: gr.update(visible=state.want == "loss"),
        }  # fmt: skip

    seen = (outputs.lead, outputs.answer, button, controls.mb, controls.nats)
    return Follow(show, seen, model=True, own=(controls.state,))
