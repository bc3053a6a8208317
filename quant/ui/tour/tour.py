"""Recorrido de 10 minutos: six questions through the tabs, each to be guessed before its answer shows.

`tour` is placed once, above what the tabs hold, and is hidden unless the tour runs; `start_button` goes where it may be
begun. Where a visitor is in it is kept by the browser (tour.js).
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from quant.errors import ModelError
from quant.recorded import recorded
from quant.text import Language, Text
from quant.ui.shared import html
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.tour import texts as t
from quant.ui.tour.steps import STEPS, kept, steps

FOLDER, TEMPLATES = Path(__file__).parent, "tour/tour.html.j2"
SCRIPT = (FOLDER / "tour.js").read_text(encoding="utf8")
STYLE = (FOLDER / "tour.css").read_text(encoding="utf8")
PREFIX = "TOUR_"


def words(language: Language) -> dict[str, str]:
    """What surrounds the questions, by its key in the templates: `TOUR_BACK` is `back`, `TOUR` is `tour`."""
    found = {name: value for name, value in vars(t).items() if name.startswith("TOUR") and isinstance(value, Text)}
    return {name.removeprefix(PREFIX).lower(): value[language] for name, value in found.items()}


@cache
def element(language: Language) -> Markup:
    """The markup of `<lab-tour>`. Raises ModelError where what is recorded is not of the embedded model."""
    said, found = words(language), []
    for i, step in enumerate(steps(recorded(), language), 1):
        where = t.TOUR_STEP.format(step=i, steps=len(STEPS))[language]
        found.append(asdict(step) | {"why": marked(step.why, language), "where": where})
    done = t.TOUR_DONE.format(score="{score}", steps=len(STEPS))[language]
    return macros(TEMPLATES).tour(said | {"done": done}, found, kept(recorded(), language))


def tour(language: Language) -> gr.HTML:
    """The tour, hidden until it is begun; nothing where nothing is recorded, which Inicio says."""
    inside = element(language) if is_recorded() else html.NOTHING
    return gr.HTML(inside, elem_classes="lab-tour-holder", padding=False)


def start_button(language: Language) -> Markup:
    """The button that begins the tour, or takes it up where it was left; nothing where there is no tour."""
    if not is_recorded():
        return html.NOTHING
    resume = t.TOUR_RESUME.format(step="{step}", steps=len(STEPS))[language]
    return macros(TEMPLATES).start(words(language) | {"resume": resume}, len(STEPS))


def is_recorded() -> bool:
    """Whether there are figures of these very weights to ask about."""
    try:
        recorded()
    except ModelError:
        return False
    return True
