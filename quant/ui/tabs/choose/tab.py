"""Elige: which one do I pick? What will run it, a budget, a sweep, the names that files go by, a report."""

from __future__ import annotations

from pathlib import Path

from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.choose import sweep_texts
from quant.ui.tabs.choose import texts as t
from quant.ui.tabs.choose.sweep import build_sweep
from quant.ui.tabs.sections import Sections, build_sections

CSS = "".join(file.read_text(encoding="utf8") for file in sorted(Path(__file__).parent.glob("*.css")))
SECTIONS: Sections = {"sweep": (sweep_texts.LINK, build_sweep)}


def build_choose(place: Place) -> Built:
    return build_sections("choose", t.QUESTIONS, SECTIONS, place)
