"""What an address opens: the recipe, the tab, the layer and the short texts that it names, and how a link to it looks.

The first document shows it already, without asking the server again: so the page neither jumps nor shows another recipe
first. What of other tabs follows the live recipe comes after it (wiring.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from threading import BoundedSemaphore

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from quant.errors import QuantError
from quant.size import size_report
from quant.text import Language, Text, size
from quant.ui.border.document import Opening
from quant.ui.border.inputs import is_text, refusal
from quant.ui.shared import html
from quant.ui.shared import texts as t
from quant.ui.shared.frames import Updates
from quant.ui.shared.layer_names import layer_in_view
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.tabs.base import Seen
from quant.ui.tabs.table import TITLES
from quant.ui.view import View, own

PATHS: dict[Language, str] = {"es": "", "en": "en"}
AT_ONCE = BoundedSemaphore(2)  # documents whose figures are drawn together, as the light queue has it
LONGEST = 2000  # characters of a text in an address
Params = Mapping[str, str]


def tab_of(params: Params) -> str:
    """The tab that an address names, or the first."""
    named = params.get("tab", "")
    return named if named in TITLES else next(iter(TITLES))


def chosen(view: View, params: Params) -> tuple[Choice, list[QuantError]]:
    """The recipe that an address names, and what of it cannot be."""
    choice, errors = read_query(params, Choice(view.lab.default()))
    if choice.model not in view.lab.names():
        errors.append(view.lab.unknown_model(choice.model))
        choice = replace(choice, model=view.lab.default())
    return choice, errors


def opened(view: View, params: Params) -> Opening:
    """What the first document of `params` shows."""
    tab, (choice, errors) = tab_of(params), chosen(view, params)
    kept: Updates = {c: params[name] for name, c in view.kept.items() if can_hold(c, params.get(name))}
    follows = view.at_once(tab)
    values = {component: kept.get(component, component.value) for component in own(follows)}
    view.controls.offer_models()
    with AT_ONCE:
        live = view.shown(follows, Seen(choice, _layer(view, choice, params)), values)
    updates: Updates = view.controls.show(choice) | live | _held(kept, live) | {view.tabs: gr.update(selected=tab)}
    wrong = [html.problem(error, view.language) for error in errors]
    updates[view.status] = html.NOTHING.join([Markup(live[view.status]), *wrong])
    return Opening(
        updates, view.language, t.TITLE[view.language], *_preview(view, choice, tab), _first(view, updates, tab)
    )


def _held(kept: Updates, live: Updates) -> Updates:
    """What an address keeps, beside what else of its component follows the choice, such as whether it is seen."""
    held = dict(kept)
    for component, value in kept.items():
        if isinstance(also := live.get(component), dict):
            held[component] = {**also, "value": value}
    return held


def _first(view: View, updates: Updates, tab: str) -> Markup:
    """What stands in the document until gradio has built the page, where the tab has something to show so early."""
    there = view.built[tab].first
    if not there:
        return html.NOTHING
    tabs = [title[view.language] for title in TITLES.values()]
    return macros(html.PIECES).first(header(view.language), updates[view.status], tabs, there)


def header(language: Language) -> Markup:
    """Skip link, title, and the way to the other language."""
    other: Language = "en" if language == "es" else "es"
    return macros(html.PIECES).header(
        t.TITLE[language], f"./{PATHS[other]}", t.OTHER_LANGUAGE[language], other, t.SKIP[language], f"tabs-{language}"
    )


def can_hold(component: Component, value: str | None) -> bool:
    """Whether what an address gives is something that this component may show."""
    return value is not None and len(value) <= LONGEST and is_text(value) and refusal(component, value) is None


def _layer(view: View, choice: Choice, params: Params) -> str | None:
    """The layer that an address names, or the one that the model begins with."""
    try:
        return layer_in_view(view.lab.loaded(choice.model), params.get("layer")).name
    except QuantError:
        return None


def _preview(view: View, choice: Choice, tab: str) -> tuple[str, str]:
    """Title and sentence under which a link to this address is shown elsewhere."""
    try:
        report = size_report(view.lab.loaded(choice.model), choice.recipe())
    except QuantError:
        return t.TITLE[view.language], t.SUBTITLE[view.language]
    before, after = (Text(size(n, "es"), size(n, "en")) for n in (report.float_bytes, report.stored_bytes))
    title = t.PREVIEW_TITLE.format(tab=TITLES[tab], title=t.TITLE)
    said = t.PREVIEW.format(recipe=choice.brief(), before=before, after=after, about=t.SUBTITLE)
    return title[view.language], said[view.language]
