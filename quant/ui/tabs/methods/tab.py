"""Métodos: who loses least at equal bytes, and why: methods, calibration, activations, keys and values, a collapse."""

from __future__ import annotations

from pathlib import Path

from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.methods import texts as t
from quant.ui.tabs.methods import training_recorded, training_theory
from quant.ui.tabs.methods.activations import build_activations
from quant.ui.tabs.methods.cache import build_cache
from quant.ui.tabs.methods.calibration import build_calibration
from quant.ui.tabs.methods.collapse import build_collapse
from quant.ui.tabs.methods.compare import build_compare
from quant.ui.tabs.methods.training import build_training
from quant.ui.tabs.sections import Sections, build_sections

CSS = "".join(file.read_text(encoding="utf8") for file in sorted(Path(__file__).parent.glob("*.css")))
# Gradio never runs a script inside a component.
HEAD = f"<script>{training_theory.SCRIPT}\n{training_recorded.SCRIPT}</script>"
SECTIONS: Sections = {
    "compare": (t.COMPARE, build_compare),
    "calibration": (t.CALIBRATION, build_calibration),
    "activations": (t.ACTIVATIONS, build_activations),
    "cache": (t.CACHE, build_cache),
    "training": (t.TRAINING, build_training),
    "collapse": (t.COLLAPSE, build_collapse),
    "estimator": (t.ESTIMATOR, training_theory.build_theory),
    "trained": (t.TRAINED, training_recorded.build_trained),
}


def build_methods(place: Place) -> Built:
    return build_sections("methods", t.QUESTIONS, SECTIONS, place)
