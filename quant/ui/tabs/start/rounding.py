"""Inicio, the workbench: sixteen values to drag over a grid. All of it runs in the browser; here only its strings."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

from quant.text import Language, Text
from quant.ui.shared.templates import macros
from quant.ui.tabs.start import rounding_texts as t

FOLDER = Path(__file__).parent
PANELS = "tabs/start/start.html.j2"
SCRIPT = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf8") for name in
                   ("round_math", "round_words", "round_draw", "round"))  # fmt: skip
STYLE = (FOLDER / "round.css").read_text(encoding="utf8")
PREFIX = "ROUND_"


def strings(language: Language) -> dict[str, str]:
    """Every sentence of the section by its key in the JavaScript: `ROUND_ROW_CODE` is `row_code`."""
    found = {name: value for name, value in vars(t).items() if name.startswith(PREFIX)}
    return {name[len(PREFIX) :].lower(): value[language] for name, value in found.items() if isinstance(value, Text)}


def element(language: Language) -> str:
    """The markup of `<lab-rounding>`, which draws itself."""
    return macros(PANELS).rounding(language, json.dumps(strings(language), ensure_ascii=False))


def build_rounding(language: Language) -> gr.HTML:
    """Heading, introduction and the element."""
    gr.Markdown(f"## {t.ROUND_HEADING[language]}\n{t.ROUND_INTRO[language]}")
    return gr.HTML(element(language))
