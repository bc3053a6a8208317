"""Métodos: what the straight-through estimator does, in a picture that moves. All of it runs in the browser."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from quant.text import Language
from quant.ui.shared.glossary import prose
from quant.ui.shared.templates import macros
from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.methods import training_theory_texts as t

FILE = "tabs/methods/training_theory.html.j2"
SCRIPT = (Path(__file__).parent / "training_theory.js").read_text(encoding="utf8")


def element(language: Language) -> Markup:
    """The markup of `<lab-straight>`, which draws itself."""
    strings = {name: text[language] for name, text in t.STRINGS.items()}
    said = {
        "play": t.STRINGS["play"], "step": t.STEP, "again": t.AGAIN, "rate": t.RATE, "wanted": t.WANTED, "map": t.MAP,
        "true_gradient": t.TRUE_GRADIENT, "learn_scale": t.LEARN_SCALE, "map_label": t.MAP_LABEL, "trace": t.TRACE,
        "trace_label": t.TRACE_LABEL, "latent_axis": t.LATENT_AXIS, "steps_axis": t.STEPS_AXIS,
        "formulas": t.FORMULAS, "sources": t.SOURCES,
    }  # fmt: skip
    words: dict[str, object] = {name: text[language] for name, text in said.items()}
    words["legend"] = [(css, name[language]) for css, name in t.LEGEND]
    formulas = [
        (formula.format(inside=t.INSIDE, outside=t.OUTSIDE)[language], told[language]) for formula, told in t.LINES
    ]
    data = json.dumps({"language": language, "strings": strings}, ensure_ascii=False)
    return Markup(macros(FILE).straight(data, words, formulas))


def build_theory(place: Place) -> Built:
    """Heading, what is seen, and the element; nothing in it follows the recipe."""
    language = place.language
    gr.Markdown(f"## {t.TITLE[language]}", elem_classes="lab-section")
    prose(t.INTRO[language], language)
    gr.HTML(element(language), elem_id=f"straight-{language}")
    return Built()
