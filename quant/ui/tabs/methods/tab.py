"""Métodos: who loses least at equal bytes, and why: methods, calibration, activations, keys and values, a collapse."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.methods.compare import build_compare

# The sections in their order; each builds itself under a heading of its own.
SECTIONS: tuple[Callable[[Place], Built], ...] = (build_compare,)


def build_methods(place: Place) -> Built:
    return reduce(_joined, (build(place) for build in SECTIONS), Built())


def _joined(one: Built, other: Built) -> Built:
    return Built(
        one.follows + other.follows, one.runs + other.runs, kept={**one.kept, **other.kept},
        stored=one.stored + other.stored,
    )  # fmt: skip
