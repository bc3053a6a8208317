"""Texto: the original and the quantized model write, read one text, and write together."""

from __future__ import annotations

from pathlib import Path

from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.text.drift import build_drift
from quant.ui.tabs.text.speculate import build_speculate
from quant.ui.tabs.text.write import build_write

CSS = "".join((Path(__file__).parent / f"{name}.css").read_text(encoding="utf8") for name in ("speculate", "drift"))


def build_text(place: Place) -> Built:
    form, write = build_write(place)
    return Built(runs=(write, build_drift(place), build_speculate(place, form)))
