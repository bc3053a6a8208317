"""Words that a visitor may not know, explained where they first appear: a dotted word, two lines at a tap.

A sentence marks one as `[[token]]`, or as `[[tokens|token]]` where it is written otherwise than the entry is called.
The word is a button and its explanation follows it, hidden until it is pressed (page.js), so that the keyboard and a
screen reader meet it in its place.
"""

from __future__ import annotations

import re
from typing import Any

import gradio as gr
from markupsafe import Markup, escape

from quant.text import Language
from quant.ui.shared.glossary_texts import ENTRIES
from quant.ui.shared.templates import macros

TERM = re.compile(r"\[\[([^\]|]+)(?:\|([^\]]+))?\]\]")
PIECES = "shared/pieces.html.j2"


def marked(text: str, language: Language) -> Markup:
    """`text` as markup, its marked words explained. Markup stays what it is; a plain string is escaped."""
    return Markup(TERM.sub(lambda found: str(_term(found, language)), str(escape(text))))


def _term(found: re.Match[str], language: Language) -> Markup:
    word = found[1]
    key = found[2] or (word if word in ENTRIES else word.lower())
    return macros(PIECES).term(word, ENTRIES[key][1][language])


def plain(text: str) -> str:
    """`text` without the marks, for where no markup goes."""
    return TERM.sub(r"\1", text)


def prose(text: str, language: Language, **given: Any) -> gr.Markdown:
    """A component of Markdown text, ours and therefore not sanitized, whose marked words are explained."""
    said = TERM.sub(lambda found: str(_term(found, language)), text)
    return gr.Markdown(said, sanitize_html=False, **{"elem_classes": "lab-prose", **given})
