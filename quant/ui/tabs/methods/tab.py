"""Métodos: who loses least at equal bytes, and why: methods, calibration, activations, keys and values, a collapse."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path

from quant.ui.shared import glossary
from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.methods import texts as t
from quant.ui.tabs.methods.cache import build_cache

CSS = "".join(file.read_text(encoding="utf8") for file in sorted(Path(__file__).parent.glob("*.css")))
# The sections in their order; each builds itself under a heading of its own.
SECTIONS: tuple[Callable[[Place], Built], ...] = (build_cache,)


def build_methods(place: Place) -> Built:
    glossary.prose(t.INTRO[place.language], place.language)
    return reduce(_joined, (build(place) for build in SECTIONS), Built())


def _joined(one: Built, other: Built) -> Built:
    return Built(
        one.follows + other.follows, one.runs + other.runs, kept={**one.kept, **other.kept},
        stored=one.stored + other.stored,
    )  # fmt: skip
