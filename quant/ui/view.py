"""One language's page as its listeners see it: the live recipe, the line on top, the tabs and what of them follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from quant.errors import QuantError
from quant.lab import Lab
from quant.text import Language
from quant.ui.shared.drawn import Drawn
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.layer_names import layer_choices, layer_in_view
from quant.ui.sidebar.controls import Controls
from quant.ui.sidebar.status import status_line
from quant.ui.tabs.base import Built, Follow, Run, Seen


@dataclass(frozen=True)
class View:
    """All that the listeners of one language's page connect. built: what each tab handed over, by its name."""

    lab: Lab
    language: Language
    controls: Controls
    status: gr.HTML
    tabs: gr.Tabs
    ask: gr.Textbox
    built: Mapping[str, Built]
    drawn: Drawn

    def shown(self, follows: Iterable[Follow], seen: Seen, values: Values) -> Updates:
        """What all of these show."""
        return {block: value for f in follows for block, value in self.drawn.show(f, seen, values).items()}

    @property
    def layers(self) -> list[gr.Dropdown]:
        return [built.layer for built in self.built.values() if built.layer]

    @property
    def runs(self) -> list[Run]:
        return [run for built in self.built.values() for run in built.runs]

    @property
    def kept(self) -> dict[str, Component]:
        """What the browser and the address keep, by its name there."""
        return {name: component for built in self.built.values() for name, component in built.kept.items()}

    @property
    def stored(self) -> set[Component]:
        """States of the browser, which it reads when the page opens, and what moves them."""
        return {component for built in self.built.values() for component in built.stored}

    @property
    def own(self) -> list[Follow]:
        """What is seen beside every tab: the line on top, the drawer, the lists of layers."""

        def line(seen: Seen, _: Values) -> Updates:
            return {self.status: status_line(self.lab, self.language, seen.choice)}

        def beside(seen: Seen, _: Values) -> Updates:
            return self.controls.beside(seen.choice)

        def lists(seen: Seen, _: Values) -> Updates:
            return layers_shown(self, seen)

        drawer = (self.controls.about, self.controls.table_note, self.controls.more)
        return [Follow(line, (self.status,)), Follow(beside, drawer), Follow(lists, tuple(self.layers), model=True)]

    @property
    def follows(self) -> list[Follow]:
        """All that follows the live choice."""
        return [*self.own, *(follow for built in self.built.values() for follow in built.follows)]

    def others(self, tab: str) -> list[Follow]:
        """What follows in the tabs that are not in view when the page opens on `tab`, and what is late in it."""
        there = {name: built.follows for name, built in self.built.items()}
        return [follow for name, all_ in there.items() for follow in all_ if name != tab or follow.late]

    def at_once(self, tab: str) -> list[Follow]:
        """What the page shows in its first document when it opens on `tab`."""
        return [*self.own, *(follow for follow in self.built[tab].follows if not follow.late)]


def layers_shown(view: View, seen: Seen) -> Updates:
    """Every list of layers, of the live model and with the layer in view."""
    try:
        loaded = view.lab.loaded(seen.choice.model)
    except QuantError:
        return {}  # the status line says what is wrong
    choices, name = layer_choices(loaded, view.language), layer_in_view(loaded, seen.layer).name
    return {layer: gr.update(choices=choices, value=name) for layer in view.layers}


def outputs(follows: Iterable[Follow]) -> list[Block]:
    return [block for follow in follows for block in follow.outputs]


def own(follows: Iterable[Follow]) -> list[Component]:
    return [component for follow in follows for component in follow.own]
