"""A tab of several questions: a line of links to them, and each under a heading of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import gradio as gr

from quant.text import Language, Text
from quant.ui.shared.templates import macros
from quant.ui.tabs.base import Built, Place

PIECES = "shared/pieces.html.j2"
# The sections of a tab in their order, each with what a link to it says; each builds itself under its heading.
Sections = Mapping[str, tuple[Text, Callable[[Place], Built]]]


def build_sections(tab: str, name: Text, sections: Sections, place: Place) -> Built:
    """All of them, below the links. tab: begins the ids of their places; name: what the line of links is called."""
    gr.HTML(macros(PIECES).questions(name[place.language], links(tab, sections, place.language)))
    return reduce(_joined, (_section(tab, one, build, place) for one, (_, build) in sections.items()), Built())


def links(tab: str, sections: Sections, language: Language) -> list[tuple[str, str]]:
    """Of each section the id of its place on the page, and its name."""
    return [(f"{tab}-{name}-{language}", text[language]) for name, (text, _) in sections.items()]


def _section(tab: str, name: str, build: Callable[[Place], Built], place: Place) -> Built:
    with gr.Column(elem_id=f"{tab}-{name}-{place.language}", elem_classes="lab-question"):
        return build(place)


def _joined(one: Built, other: Built) -> Built:
    return Built(
        one.follows + other.follows, one.runs + other.runs, one.layer or other.layer, {**one.kept, **other.kept},
        stored=one.stored + other.stored,
    )  # fmt: skip
