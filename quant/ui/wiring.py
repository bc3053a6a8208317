"""What one language's page listens to: what moves in the recipe, what takes seconds, links that ask for a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.events import Dependency

from quant.ui.opened import tab_of
from quant.ui.shared.action import connect
from quant.ui.shared.frames import Updates, Values
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.sidebar.controls import MOVED_JS
from quant.ui.tabs.base import Follow, Run, Seen
from quant.ui.view import View, outputs, own

LIGHT: dict[str, Any] = {
    "concurrency_id": "light", "concurrency_limit": 2, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip
READY_JS = "() => window.labOpened()"
RESTORE_JS = "(...values) => window.labKept.restored({names}, values, {options})"
KEEP_JS = "(value) => window.labKept.keep({name}, value)"


def wire(view: View, demo: gr.Blocks) -> None:
    """Connect all of it."""
    _wire_follows(view)
    _wire_made(view, _wire_runs(view))
    _wire_asking(view)
    _wire_opening(view, demo, _wire_kept(view, demo))


def _wire_follows(view: View) -> None:
    """Whatever moves in the recipe is seen at once, and a layer chosen in one tab in all."""
    follows, first = view.follows, view.layers[0]
    moved = [component.input for component in view.controls.inputs]
    together = [f for f in follows if not (f.model or f.layer or f.own)]
    _listen(view, moved, together, first)
    for follow in (f for f in follows if f not in together):
        recipe = [view.controls.model.input] if follow.model else moved
        _listen(view, [*recipe, *(_moves(view, component) for component in follow.own)], [follow], first)
    for layer in view.layers:
        others = tuple(other for other in view.layers if other is not layer)
        same = Follow(lambda seen, _, others=others: dict.fromkeys(others, seen.layer), others)  # type: ignore[misc]
        _listen(view, [layer.input], [same, *(f for f in follows if f.layer)], layer)


def _moves(view: View, component: Component) -> Any:
    """What tells that a control of a tab has moved: what the browser restores moves without a hand."""
    return component.change if component in {*view.kept.values(), *view.stored} else component.input


def _listen(view: View, triggers: list[Any], follows: list[Follow], layer: gr.Dropdown) -> None:
    """Draw `follows` again on any of `triggers`; `layer` says which one is in view."""

    def draw(values: Values) -> Updates:
        return view.shown(follows, Seen(view.controls.choice(values), values[layer]), values) or gr.skip()

    inputs: set[Block] = {*view.controls.inputs, layer, *own(follows)}
    gr.on(triggers, draw, inputs, outputs(follows), trigger_mode="always_last", **LIGHT)


def _wire_runs(view: View) -> dict[Block, Dependency]:
    """What takes seconds: generators that say their place in the queue, then stream; a stop button each.

    Returns what may follow each, by its button.
    """
    ends = {}
    for run in view.runs:

        def asks(values: Values, run: Run = run) -> object:
            return run.asks(view.controls.choice(values), values)

        inputs = [*view.controls.inputs, *run.inputs]
        ends[run.stop] = connect(run.action, asks, run.triggers, inputs, run.outputs, run.stop)
    return ends


def _wire_made(view: View, ends: Mapping[Block, Dependency]) -> None:
    """What waits for the live recipe's model is drawn again once that has been made, when a tab is chosen.

    Where such a thing stands in the tab of the work that makes models, it is drawn when that ends too.
    """
    waiting = [follow for follow in view.follows if follow.waits]
    drawn, layer = gr.State(None), view.layers[0]  # the choice that was drawn with its model there

    def draw(values: Values) -> Updates:
        choice = view.controls.choice(values)
        if not view.drawn.waited_for(choice):
            return gr.skip() if values[drawn] is None else {drawn: None}
        if values[drawn] == (choice, values[layer]):
            return gr.skip()
        return view.shown(waiting, Seen(choice, values[layer]), values) | {drawn: (choice, values[layer])}

    inputs: set[Block] = {*view.controls.inputs, layer, drawn, *own(waiting)}
    shown = [*outputs(waiting), drawn]
    view.tabs.select(draw, inputs, shown, trigger_mode="always_last", **LIGHT)
    for built in view.built.values():
        if any(follow.waits for follow in built.follows):
            for run in built.runs:
                ends[run.stop].then(draw, inputs, shown, **LIGHT)


def _wire_asking(view: View) -> None:
    """A link of the page that asks for a recipe (page.js): what it names moves, what it does not name stays."""
    controls, follows, layer = view.controls, view.follows, view.layers[0]

    def change(values: Values) -> Updates:
        asked = dict(parse_qsl(values[view.ask], keep_blank_values=True))  # "knobs=": as they come
        now = controls.choice(values)
        live = Choice(now.model) if "whole" in asked else now
        choice, _ = read_query(asked, live)
        if choice.model not in view.lab.names():
            return gr.skip()
        return view.shown(follows, Seen(choice, values[layer]), values) | controls.show(choice)

    inputs: set[Block] = {view.ask, *controls.inputs, layer, *own(follows)}
    shown = [*controls.shown, *_apart(outputs(follows), controls.shown)]
    view.ask.change(change, inputs, shown, trigger_mode="always_last", **LIGHT).then(
        None, controls.inputs, None, js=MOVED_JS, api_visibility="private"
    )


def _apart(blocks: Iterable[Block], from_: Iterable[Block]) -> list[Block]:
    return [block for block in dict.fromkeys(blocks) if block not in set(from_)]


def _wire_kept(view: View, demo: gr.Blocks) -> Dependency:
    """Texts that the browser keeps, so that neither a reload nor the other language loses them.

    By `change`: a text box of gradio's tells of `input` when a key is pressed, and not of what is pasted.
    """
    names, kept = list(view.kept), list(view.kept.values())
    restore = RESTORE_JS.format(names=json.dumps(names), options=json.dumps([options(c) for c in kept]))
    restored = demo.load(None, kept, kept, js=restore, api_visibility="private")
    for name, component in view.kept.items():
        component.change(None, component, None, js=KEEP_JS.format(name=json.dumps(name)), api_visibility="private")
    for layer in view.layers:
        layer.input(None, layer, None, js=KEEP_JS.format(name='"layer"'), api_visibility="private")
    return restored


def options(component: Component) -> list[Any] | None:
    """What may be chosen there; None where anything may be written."""
    return [value for _, value in component.choices] if isinstance(component, gr.Radio) else None


def _wire_opening(view: View, demo: gr.Blocks, restored: Dependency) -> None:
    """The address is written in full, and the tabs that are not in view are drawn, of what the browser has kept too."""
    controls, follows = view.controls, [f for built in view.built.values() for f in built.follows]

    def draw_others(values: Values, request: gr.Request) -> Updates:
        usual = controls.choice(values).model == view.lab.default()
        # What hangs on the model and on a state of the browser is built for this model, and drawn once that is read.
        drawn = {f for f in follows if usual and f.model and not view.stored.isdisjoint(f.own)}
        others = [f for f in view.others(tab_of(request.query_params)) if f not in drawn]
        return view.shown(others, Seen(controls.choice(values), values[view.layers[0]]), values) or gr.skip()

    demo.load(None, controls.inputs, None, js=MOVED_JS, api_visibility="private")
    restored.then(draw_others, {*controls.inputs, view.layers[0], *own(follows)}, outputs(follows), **LIGHT).then(
        None, js=READY_JS, api_visibility="private"
    )
