"""Inicio: how many bits can be taken away, by moving one slider; rounding by hand; PTQ and QAT; where to go."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from quant.errors import ModelError
from quant.ui.shared import html
from quant.ui.shared.glossary import prose
from quant.ui.shared.templates import macros
from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.start import hero, rounding
from quant.ui.tabs.start import hero_texts as h
from quant.ui.tabs.start import texts as t
from quant.ui.tabs.start.own import build_own
from quant.ui.tabs.start.picture import build_picture
from quant.ui.tour.tour import start_button

# Gradio never runs a script inside a component.
CSS, HEAD = hero.STYLE + rounding.STYLE, f"<script>{hero.SCRIPT}\n{rounding.SCRIPT}</script>"


def build_start(place: Place) -> Built:
    language = place.language
    try:
        opening = hero.hero(language)
    except ModelError as error:  # the weights of this checkout are others: nothing is shown rather than their figures
        opening = html.notice(h.NOTHING_RECORDED.format(problem=error.text)[language])
    gr.HTML(opening, elem_id=f"hero-{language}")
    prompt, run = build_own(place)
    gr.HTML(start_button(language))
    pictured = build_picture(place)
    sampled = rounding.build_rounding(place)
    prose(f"## {t.START_HEADING[language]}\n{t.START_WHAT[language]}", language)
    with gr.Row(elem_classes="lab-ways"):
        for title, text in ((t.PTQ_TITLE, t.PTQ_TEXT), (t.QAT_TITLE, t.QAT_TEXT)):
            with gr.Column(min_width=280):
                prose(f"### {title[language]}\n{text[language]}", language)
    gr.Markdown(f"## {t.START_NEXT[language]}")
    gr.HTML(macros("tabs/start/start.html.j2").links([(tab, name[language]) for tab, name in t.START_LINKS.items()]))
    return Built((pictured, sampled), runs=(run,), kept={"principio": prompt}, first=Markup(opening))
