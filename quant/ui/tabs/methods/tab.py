"""Métodos: who loses least at equal bytes, and why: methods, calibration, activations, keys and values, a collapse."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path

import gradio as gr

from quant.text import Language, Text
from quant.ui.shared.templates import macros
from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.methods import texts as t
from quant.ui.tabs.methods import training_recorded, training_theory
from quant.ui.tabs.methods.activations import build_activations
from quant.ui.tabs.methods.cache import build_cache
from quant.ui.tabs.methods.calibration import build_calibration
from quant.ui.tabs.methods.collapse import build_collapse
from quant.ui.tabs.methods.compare import build_compare
from quant.ui.tabs.methods.training import build_training

CSS = "".join(file.read_text(encoding="utf8") for file in sorted(Path(__file__).parent.glob("*.css")))
# Gradio never runs a script inside a component.
HEAD = f"<script>{training_theory.SCRIPT}\n{training_recorded.SCRIPT}</script>"
PIECES = "tabs/methods/methods.html.j2"
# The sections in their order, each with what a link to it says; each builds itself under a heading of its own.
SECTIONS: dict[str, tuple[Text, Callable[[Place], Built]]] = {
    "compare": (t.COMPARE, build_compare),
    "calibration": (t.CALIBRATION, build_calibration),
    "activations": (t.ACTIVATIONS, build_activations),
    "cache": (t.CACHE, build_cache),
    "training": (t.TRAINING, build_training),
    "collapse": (t.COLLAPSE, build_collapse),
    "estimator": (t.ESTIMATOR, training_theory.build_theory),
    "trained": (t.TRAINED, training_recorded.build_trained),
}


def build_methods(place: Place) -> Built:
    gr.HTML(macros(PIECES).questions(t.QUESTIONS[place.language], links(place.language)))
    return reduce(_joined, (_section(name, build, place) for name, (_, build) in SECTIONS.items()), Built())


def links(language: Language) -> list[tuple[str, str]]:
    """Of each section the id of its place on the page, and its name."""
    return [(f"methods-{name}-{language}", text[language]) for name, (text, _) in SECTIONS.items()]


def _section(name: str, build: Callable[[Place], Built], place: Place) -> Built:
    with gr.Column(elem_id=f"methods-{name}-{place.language}", elem_classes="lab-question"):
        return build(place)


def _joined(one: Built, other: Built) -> Built:
    return Built(
        one.follows + other.follows, one.runs + other.runs, one.layer or other.layer, {**one.kept, **other.kept},
        stored=one.stored + other.stored,
    )  # fmt: skip
