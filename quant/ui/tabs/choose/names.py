"""¿Qué quiere decir ese nombre?: a name typed or picked, read part by part, and the recipe that it means here."""

from __future__ import annotations

import json

import gradio as gr
from gradio.context import Context
from markupsafe import Markup

from quant.errors import QuantError
from quant.lab import Lab
from quant.model.layers import census
from quant.named.meanings import Live, decode
from quant.text import Language, number
from quant.ui.shared import html
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.templates import macros
from quant.ui.tabs.base import Built, Follow, Place, Seen
from quant.ui.tabs.choose import names_texts as t
from quant.ui.tabs.choose.advice_show import use
from quant.ui.tabs.choose.recipe_python import recipe_python

PIECES = "tabs/choose/names.html.j2"
PICKED_JS = "(picked) => picked"
MATCH_JS = "(name) => ({names}.includes(name) ? name : null)"


def names_html(lab: Lab, model: str, name: str, language: Language) -> Markup:
    """The name decoded for a model, or what is known instead. Raises QuantError for a model that cannot be had."""
    found = decode(name, census(lab.loaded(model)), model)
    parts = []
    for part in found.parts:
        source = part.source
        where = (source.title, source.url, t.READ.format(read=source.read)[language]) if source else ("", "", "")
        parts.append((part.letters, part.said[language], *where))
    recipes = [_live(one, language) for one in found.live]
    title = t.RECIPES if found.is_exact else t.NEAREST
    return macros(PIECES).decoded(parts, title[language], recipes, [note[language] for note in found.notes])


def _live(one: Live, language: Language) -> tuple[str, str, Markup, str, str]:
    said = one.said[language]
    bits = t.BITS.format(n=number(one.bits_per_weight, language, 3))[language]
    return said[:1].upper() + said[1:], bits, use(one.recipe, language), t.PYTHON[language], recipe_python(one.recipe)


def build_names(place: Place) -> Built:
    """The section."""
    lab, language = place.lab, place.language
    gr.Markdown(f"## {t.NAMES[language]}\n\n{t.INTRO[language]}", elem_classes="lab-section")
    name = gr.Textbox(t.SHOWN[0], label=t.NAME[language], max_lines=1, max_length=80, elem_id=f"names-{language}",
                      interactive=True)  # fmt: skip
    examples = gr.Radio(list(t.SHOWN), value=t.SHOWN[0], label=t.EXAMPLES[language], interactive=True,
                        elem_id=f"names-examples-{language}")  # fmt: skip
    decoded = gr.HTML(elem_id=f"names-decoded-{language}")
    examples.input(None, examples, name, js=PICKED_JS, show_progress="hidden", api_visibility="private")
    match = MATCH_JS.format(names=json.dumps(t.SHOWN))
    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    gr.on([page.load, name.change], None, name, examples, js=match, show_progress="hidden", api_visibility="private")

    def show(seen: Seen, values: Values) -> Updates:
        try:
            return {decoded: names_html(lab, seen.choice.model, values[name] or "", language)}
        except QuantError as error:
            return {decoded: html.notice(error.text[language], "note")}

    return Built((Follow(show, (decoded,), model=True, own=(name,)),), kept={"name": name})
