"""The page: header, line of the recipe, its drawer and the tabs, once in Spanish at `/` and once in English at `/en`.

It loops over the table of tabs; what they hand over is connected in wiring.py, for all alike.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from quant.lab import Lab
from quant.plots import style
from quant.ui.api import build_api
from quant.ui.border.folder import own_folder
from quant.ui.border.inputs import Page
from quant.ui.opened import PATHS, header, opened
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
# Gradio puts its own class before each rule, and brings the styles when it builds the page. What is seen before that
# stands in the document's head, and so do the scripts.
SHARED = (FOLDER / "style.css").read_text(encoding="utf8")
CSS = style.as_css() + SHARED + "".join(tab.css for tab in TABS) + tour.STYLE
# Nested in its place, so that what gradio brings later does not move it.
NESTED = (SHARED + TABS[0].css).replace(":root {", "& {").replace(".dark {", "&.dark {")
FIRST_CSS = f"{style.as_css()}#lab-first {{ {NESTED} }}\n{(FOLDER / 'first.css').read_text(encoding='utf8')}"
SCRIPT = f"<script>{(FOLDER / 'page.js').read_text(encoding='utf8')}\n{tour.SCRIPT}</script>"
HEAD = f"<style>{FIRST_CSS}</style>{SCRIPT}{''.join(tab.head for tab in TABS)}"


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
    gr.HTML(header(language))
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
    for state in (state for one in built.values() for state in one.stored):
        state.render()
    view = View(lab, language, controls, status, tabs, ask, built, drawn)
    wire(view, demo)
    return view
