"""The page: header, status line, sidebar and tabs, once in Spanish at `/` and once in English at `/en`.

It loops over the table of tabs: what of them follows the live choice, what they run, and what the address restores are
connected here, for all alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from markupsafe import Markup

from quant.errors import QuantError
from quant.lab import Lab
from quant.plots import style
from quant.text import Language
from quant.ui.api import build_api
from quant.ui.border.folder import own_folder
from quant.ui.border.inputs import Page
from quant.ui.shared import html
from quant.ui.shared import texts as t
from quant.ui.shared.action import connect
from quant.ui.shared.drawn import Drawn
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.layer_names import layer_choices, layer_in_view
from quant.ui.shared.shelf import Shelf
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.sidebar.controls import ADDRESS_JS, Controls, build_controls
from quant.ui.sidebar.status import status_line
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.table import TABS, TITLES

LIGHT: dict[str, Any] = {
    "concurrency_id": "light", "concurrency_limit": 2, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip
# The first tab says that it was selected while the page is being built, before the address has been read.
# Gradio names its sliders in English for screen readers whatever the page's language; the label alone says enough.
READY_JS = """() => {{
  window.labReady = true;
  document.documentElement.lang = "{language}";
  document.title = {title};
  const plain = () => document.querySelectorAll("input[aria-label]").forEach((input) => {{
    input.ariaLabel = input.ariaLabel.replace(/^(range slider|number input) for /, "");
  }});
  plain();
  new MutationObserver(plain).observe(document.body, {{childList: true, subtree: true}});  // a tab is made when opened
}}"""
TAB_JS = """() => {{
  if (!window.labReady) return;
  const url = new URL(window.location);
  url.searchParams.set("tab", "{tab}");
  history.replaceState(history.state, "", url);
}}"""
CSS = (
    f":root {{ --lab-original: {style.ORIGINAL}; --lab-quantized: {style.QUANTIZED}; --lab-error: {style.ERROR};"
    f" --lab-simulated: {style.SIMULATED}; --lab-original-ink: {style.ORIGINAL}; --lab-quantized-ink: #8A5A00; }}\n"
    f".dark {{ --lab-original-ink: {style.MANTISSA}; --lab-quantized-ink: {style.QUANTIZED}; }}\n"
    + (Path(__file__).parent / "shared" / "style.css").read_text(encoding="utf8")
    + "".join(tab.css for tab in TABS)
)
HEAD = "".join(tab.head for tab in TABS)


@dataclass(frozen=True)
class View:
    """All that the listeners of one language's page connect."""

    lab: Lab
    language: Language
    controls: Controls
    status: gr.HTML
    tabs: gr.Tabs
    built: tuple[Built, ...]
    drawn: Drawn

    def shown(self, follows: list[Follow], seen: Seen, values: Values) -> Updates:
        """What all of these show."""
        return {block: value for f in follows for block, value in self.drawn.show(f, seen, values).items()}

    @property
    def layers(self) -> list[gr.Dropdown]:
        return [built.layer for built in self.built if built.layer]

    @property
    def runs(self) -> list[Run]:
        return [run for built in self.built for run in built.runs]

    @property
    def follows(self) -> list[Follow]:
        """What follows the live choice: the line on top, the lists of layers, and what the tabs have."""

        def line(seen: Seen, _: Values) -> Updates:
            return {self.status: status_line(self.lab, self.language, seen.choice)}

        def lists(seen: Seen, _: Values) -> Updates:
            return layers_shown(self, seen)

        own = [Follow(line, (self.status,)), Follow(lists, tuple(self.layers), model=True)]
        return [*own, *(follow for built in self.built for follow in built.follows)]


def build_page(lab: Lab) -> gr.Blocks:
    """The whole demo: two languages over one lab, and the endpoints for programs."""
    shelf, drawn = Shelf(own_folder()), Drawn(lab)
    with Page(title=t.TITLE.es, analytics_enabled=False) as demo:
        build_api(lab)
        _build_language(Place(lab, "es", shelf), drawn, demo)
    with demo.route(t.TITLE.en, "/en", show_in_navbar=False):
        _build_language(Place(lab, "en", shelf), drawn, demo)
    return demo


def _build_language(place: Place, drawn: Drawn, demo: gr.Blocks) -> None:
    lab, language, built = place.lab, place.language, []
    gr.HTML(_header(language))
    with gr.Row(elem_classes="lab-layout", equal_height=False):
        with gr.Column(elem_classes="lab-side", scale=0, min_width=290):
            controls = build_controls(lab, language)
        with gr.Column(elem_classes="lab-main", min_width=300):
            status = gr.HTML(status_line(lab, language, Choice(lab.default())), elem_classes="lab-status-holder")
            with gr.Tabs(elem_id=f"tabs-{language}") as tabs:
                for tab in TABS:
                    with gr.Tab(tab.title[language], id=tab.name, elem_classes=f"lab-tab-{tab.name}") as shown:
                        built.append(tab.build(place))
                    shown.select(None, js=TAB_JS.format(tab=tab.name), api_visibility="private")
    with gr.Accordion(t.BADGES_TITLE[language], open=False):
        gr.Markdown("\n".join(f"- **{name[language]}**: {said[language]}" for name, said in t.BADGES.values()))
    gr.HTML(macros(html.PIECES).footer(t.FOOTER[language]))
    view = View(lab, language, controls, status, tabs, tuple(built), drawn)
    _wire_follows(view)
    _wire_runs(view)
    _wire_address(view, demo)


def _header(language: Language) -> Markup:
    other = "./en" if language == "es" else "./"
    return macros(html.PIECES).header(t.TITLE[language], t.SUBTITLE[language], other, t.OTHER_LANGUAGE[language])


def layers_shown(view: View, seen: Seen) -> Updates:
    """Every list of layers, of the live model and with the layer in view."""
    try:
        loaded = view.lab.loaded(seen.choice.model)
    except QuantError:
        return {}  # the status line says what is wrong
    choices, name = layer_choices(loaded, view.language), layer_in_view(loaded, seen.layer).name
    return {layer: gr.update(choices=choices, value=name) for layer in view.layers}


def _outputs(follows: list[Follow]) -> list[Block]:
    return [block for follow in follows for block in follow.outputs]


def _own(follows: list[Follow]) -> list[Component]:
    return [component for follow in follows for component in follow.own]


def _wire_follows(view: View) -> None:
    """Whatever moves in the sidebar is seen at once, and a layer chosen in one tab in all."""
    follows, first = view.follows, view.layers[0]
    moved = [component.input for component in view.controls.inputs]
    together = [f for f in follows if not (f.model or f.layer or f.own)]
    _listen(view, moved, together, first)
    for follow in (f for f in follows if f not in together):
        sidebar = [view.controls.model.input] if follow.model else moved
        _listen(view, [*sidebar, *(component.input for component in follow.own)], [follow], first)
    for layer in view.layers:
        others = tuple(other for other in view.layers if other is not layer)
        same = Follow(lambda seen, _, others=others: dict.fromkeys(others, seen.layer), others)  # type: ignore[misc]
        _listen(view, [layer.input], [same, *(f for f in follows if f.layer)], layer)


def _listen(view: View, triggers: list[Any], follows: list[Follow], layer: gr.Dropdown) -> None:
    """Draw `follows` again on any of `triggers`; `layer` says which one is in view."""

    def draw(values: Values) -> Updates:
        return view.shown(follows, Seen(view.controls.choice(values), values[layer]), values) or gr.skip()

    inputs: set[Block] = {*view.controls.inputs, layer, *_own(follows)}
    gr.on(triggers, draw, inputs, _outputs(follows), trigger_mode="always_last", **LIGHT)


def _wire_runs(view: View) -> None:
    """What takes seconds: generators that say their place in the queue, then stream; a stop button each."""
    for run in view.runs:

        def asks(values: Values, run: Run = run) -> object:
            return run.asks(view.controls.choice(values), values)

        inputs = [*view.controls.inputs, *run.inputs]
        connect(run.action, asks, run.triggers, inputs, run.outputs, run.stop)


def _wire_address(view: View, demo: gr.Blocks) -> None:
    """The address restores the recipe and the tab; buttons on the first tab lead to the others."""
    lab, language, controls, first = view.lab, view.language, view.controls, view.layers[0]
    soon, late = ([f for f in view.follows if f.late == is_late] for is_late in (False, True))

    def restore(values: Values, request: gr.Request) -> Updates:
        params = dict(request.query_params)
        choice, errors = read_query(params, Choice(lab.default()))
        if choice.model not in lab.names():
            errors.append(lab.unknown_model(choice.model))
            choice = replace(choice, model=lab.default())
        live = view.shown(soon, Seen(choice), values)
        updates = controls.show(choice) | live
        updates[view.status] = html.NOTHING.join(
            [*(html.problem(e, language) for e in errors), Markup(live[view.status])]
        )
        if params.get("tab") in TITLES:
            updates[view.tabs] = gr.Tabs(selected=params["tab"])
        return updates

    def follow_late(values: Values) -> Updates:
        return view.shown(late, Seen(controls.choice(values), values[first]), values) or gr.skip()

    demo.load(
        restore, {first, *_own(soon)}, [*controls.inputs, view.tabs, *_outputs(soon)], **LIGHT
    ).then(None, controls.inputs, None, js=ADDRESS_JS, api_visibility="private").then(
        follow_late, {*controls.inputs, first, *_own(late)}, _outputs(late), **LIGHT  # by itself: nothing waits for it
    ).then(
        None, js=READY_JS.format(language=language, title=json.dumps(t.TITLE[language])), api_visibility="private"
    )  # fmt: skip
    for name, button in (link for built in view.built for link in built.links.items()):
        button.click(
            lambda name=name: gr.Tabs(selected=name), None, view.tabs, js=TAB_JS.format(tab=name), queue=False,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
