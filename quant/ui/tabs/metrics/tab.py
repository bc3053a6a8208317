"""Métrica: what quantization costs, the file of the quantized model, and the assignment's notebook run as it stands."""

from __future__ import annotations

from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.metrics.file import build_file
from quant.ui.tabs.metrics.measure import build_measure
from quant.ui.tabs.metrics.notebook import build_notebook


def build_metrics(place: Place) -> Built:
    measure = build_measure(place)
    plan, file = build_file(place)
    return Built(follows=(plan,), runs=(measure, file, build_notebook(place)))
