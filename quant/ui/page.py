"""The page: header, line of the recipe, its drawer and the tabs, once in Spanish at `/` and once in English at `/en`.

It loops over the table of tabs; what they hand over is connected in wiring.py, for all alike.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from markupsafe import Markup

from quant.lab import Lab
from quant.plots import style
from quant.text import Language
from quant.ui.api import build_api
from quant.ui.border.folder import own_folder
from quant.ui.border.inputs import Page
from quant.ui.opened import opened
from quant.ui.shared import html
from quant.ui.shared import texts as t
from quant.ui.shared.drawn import Drawn
from quant.ui.shared.shelf import Shelf
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.controls import build_controls
from quant.ui.sidebar.status import status_line
from quant.ui.tabs.base import Place
from quant.ui.tabs.table import TABS
from quant.ui.tour import tour
from quant.ui.view import View
from quant.ui.wiring import wire

FOLDER = Path(__file__).parent / "shared"
PATHS: dict[Language, str] = {"es": "", "en": "en"}
CSS = style.as_css() + (FOLDER / "style.css").read_text(encoding="utf8") + "".join(tab.css for tab in TABS)
CSS += tour.STYLE
SCRIPTS = (FOLDER / "page.js").read_text(encoding="utf8") + tour.SCRIPT
HEAD = f"<script>{SCRIPTS}</script>" + "".join(tab.head for tab in TABS)


def build_page(lab: Lab) -> gr.Blocks:
    """The whole demo: two languages over one lab, and the endpoints for programs."""
    shelf, drawn = Shelf(own_folder()), Drawn(lab)
    with Page(title=t.TITLE.es, analytics_enabled=False) as demo:
        build_api(lab)
        spanish = _build_language(Place(lab, "es", shelf), drawn, demo)
    with demo.route(t.TITLE.en, f"/{PATHS['en']}", show_in_navbar=False):
        english = _build_language(Place(lab, "en", shelf), drawn, demo)
    for view in (spanish, english):
        demo.opens(PATHS[view.language], lambda params, view=view: opened(view, params))
    return demo


def _build_language(place: Place, drawn: Drawn, demo: gr.Blocks) -> View:
    lab, language, built = place.lab, place.language, {}
    gr.HTML(_header(language))
    with gr.Row(elem_classes="lab-layout", equal_height=False):
        with gr.Column(elem_classes="lab-main", min_width=300):
            status = gr.HTML(status_line(lab, language, Choice(lab.default())), elem_classes="lab-status-holder")
            tour.tour(language)
            with gr.Tabs(elem_id=f"tabs-{language}") as tabs:
                for tab in TABS:
                    place_of = {"id": tab.name, "elem_id": f"tab-{tab.name}-{language}"}
                    with gr.Tab(tab.title[language], elem_classes=f"lab-tab-{tab.name}", **place_of) as shown:
                        built[tab.name] = tab.build(place)
                    shown.select(None, js=f"() => window.labTab('{tab.name}')", api_visibility="private")
        with gr.Column(elem_classes="lab-side", elem_id=f"recipe-{language}", scale=0, min_width=280):
            controls = build_controls(lab, language)
    with gr.Accordion(t.BADGES_TITLE[language], open=False, elem_classes="lab-narrow"):
        gr.Markdown("\n".join(f"- **{name[language]}**: {said[language]}" for name, said in t.BADGES.values()))
    gr.HTML(macros(html.PIECES).footer(t.FOOTER[language], t.API[language]))
    ask = gr.Textbox(label=t.ASKED[language], elem_id=f"ask-{language}", elem_classes="lab-hidden")
    view = View(lab, language, controls, status, tabs, ask, built, drawn)
    wire(view, demo)
    return view


def _header(language: Language) -> Markup:
    other: Language = "en" if language == "es" else "es"
    return macros(html.PIECES).header(
        t.TITLE[language], f"./{PATHS[other]}", t.OTHER_LANGUAGE[language], other, t.SKIP[language], f"tabs-{language}"
    )
