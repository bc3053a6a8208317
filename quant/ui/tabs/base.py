"""What a tab is to the page: a row of the table, and, once built, what of it follows the live choice and what it runs.

A tab hands out functions and components by name; the page connects them and knows nothing else of any tab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from markupsafe import Markup

from quant.lab import Lab
from quant.text import Language, Text
from quant.ui.shared.action import Action
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.html import NOTHING
from quant.ui.shared.shelf import Shelf
from quant.ui.sidebar.choice import Choice


@dataclass(frozen=True)
class Place:
    """Where a tab is built: over which lab, in which language, with which shelf of files to download."""

    lab: Lab
    language: Language
    shelf: Shelf


@dataclass(frozen=True)
class Seen:
    """What the visitor looks at: the live choice, and the layer that all tabs share (None: the default one)."""

    choice: Choice
    layer: str | None = None


@dataclass(frozen=True)
class Follow:
    """Outputs that show what the visitor looks at: drawn again when that moves.

    show: from what is seen and the values of `own` to the outputs; raises nothing. model: only the model counts.
    layer: the layer counts too. own: further controls of the tab that it depends on. late: it may take a second, so
    that nothing else waits for it when the page opens. waits: some recipes show only once their model has been made.
    """

    show: Callable[[Seen, Values], Updates]
    outputs: tuple[Block, ...]
    model: bool = False
    layer: bool = False
    own: tuple[Component, ...] = ()
    late: bool = False
    waits: bool = False


@dataclass(frozen=True)
class Run:
    """An action and its place in a tab.

    asks: what is asked for, of the live choice and the values of `inputs`; outputs: components by the names of frames.
    """

    action: Action[Any, Any, Any]
    asks: Callable[[Choice, Values], object]
    triggers: tuple[Any, ...]
    inputs: tuple[Block, ...]
    outputs: object
    stop: gr.Button


@dataclass(frozen=True)
class Built:
    """What a tab hands to the page.

    layer: its list of layers, kept equal to those of the others. kept: what the browser keeps between visits, and the
    address where it is short, by its name there. stored: states of the browser and what moves them, which the page puts
    where they are read whichever tab it opens on. first: what of it the document shows before gradio builds the page.
    """

    follows: tuple[Follow, ...] = ()
    runs: tuple[Run, ...] = ()
    layer: gr.Dropdown | None = None
    kept: Mapping[str, Component] = field(default_factory=dict)
    stored: tuple[Component, ...] = ()
    first: Markup = NOTHING


@dataclass(frozen=True)
class Tab:
    """A row of the table. name: in the address and the styles; head: what goes into the head of the page."""

    name: str
    title: Text
    build: Callable[[Place], Built]
    css: str = ""
    head: str = ""
