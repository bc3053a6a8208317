"""Texto: the original and the quantized model write, read one text, and write together."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.text.drift import build_drift
from quant.ui.tabs.text.speculate import build_speculate
from quant.ui.tabs.text.speculate_texts import SPECULATE_TITLE
from quant.ui.tabs.text.write import build_write

CSS = "".join(
    (Path(__file__).parent / f"{name}.css").read_text(encoding="utf8") for name in ("speculate", "drift", "before")
)


def build_text(place: Place) -> Built:
    form, write, before = build_write(place)
    read_text, read = build_drift(place)
    with gr.Accordion(SPECULATE_TITLE[place.language], open=False):
        draft = build_speculate(place, form)
    return Built((before,), (write, read, draft), kept={"prompt": form.prompt, "drift": read_text})
