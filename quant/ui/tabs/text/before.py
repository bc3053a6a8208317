"""Texto before anything is written: what the live recipe wrote where it is one of those that are recorded."""

from __future__ import annotations

import re

import gradio as gr
from markupsafe import Markup

from quant.errors import ModelError
from quant.recorded import Recorded, Row, recorded
from quant.text import Language, number
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Follow, Seen
from quant.ui.tabs.text import texts as t
from quant.ui.tabs.text.columns import COLUMNS, Column


def before_writing(choice: Choice, language: Language) -> Markup:
    """Both texts as recorded; nothing for a recipe that is not, or where what is recorded is of other weights."""
    try:
        found = recorded()
    except ModelError:
        return html.NOTHING
    row = next((r for r in found.rows if r.address == choice.query()), None)
    return pair(found, row, language) if row else html.NOTHING


def pair(found: Recorded, row: Row, language: Language) -> Markup:
    """The original's text and the row's, parted at the first token that differs."""
    bits = t.QUANTIZED_KIND.format(bits=number(row.bits_per_weight, language, 3))[language]
    named = (("o", shared_texts.ORIGINAL, t.ORIGINAL_KIND[language]), ("q", shared_texts.QUANTIZED, bits))
    columns = [
        Column(css, name[language], kind, _marked(found.prompt, text, row.same_characters, language), True, "")
        for (css, name, kind), text in zip(named, (found.original_text, row.text), strict=True)
    ]
    said = t.RECORDED_TEXT.format(prompt=found.prompt)[language]
    return macros(COLUMNS).recorded(html.mark("recorded", language), said, macros(COLUMNS).columns(columns))


def _marked(prompt: str, text: str, same: int, language: Language) -> Markup:
    """A text that goes on otherwise after so many characters: the word there is marked."""
    word = re.match(r"\s*\S+", text[same:])
    if word is None:
        return macros(COLUMNS).same(prompt, text)
    after = text[same + word.end() :]
    return macros(COLUMNS).parted(prompt, text[:same], t.FIRST_DIFFERENT_WORD[language], word[0], after)


def build_before(language: Language) -> Follow:
    shown = gr.HTML(elem_id=f"wrote-{language}", elem_classes="lab-wrote")

    def show(seen: Seen, _: Values) -> Updates:
        return {shown: before_writing(seen.choice, language)}

    return Follow(show, (shown,))
