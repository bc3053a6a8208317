"""Métodos: who loses least at equal bytes, and why: methods, calibration, activations, keys and values, a collapse."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path

from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.methods.activations import build_activations
from quant.ui.tabs.methods.cache import build_cache
from quant.ui.tabs.methods.calibration import build_calibration
from quant.ui.tabs.methods.collapse import build_collapse
from quant.ui.tabs.methods.compare import build_compare

CSS = "".join(file.read_text(encoding="utf8") for file in sorted(Path(__file__).parent.glob("*.css")))
# The sections in their order; each builds itself under a heading of its own.
SECTIONS: tuple[Callable[[Place], Built], ...] = (
    build_compare,
    build_calibration,
    build_activations,
    build_cache,
    build_collapse,
)


def build_methods(place: Place) -> Built:
    return reduce(_joined, (build(place) for build in SECTIONS), Built())


def _joined(one: Built, other: Built) -> Built:
    return Built(
        one.follows + other.follows, one.runs + other.runs, one.layer or other.layer, {**one.kept, **other.kept},
        stored=one.stored + other.stored,
    )  # fmt: skip
