"""Inicio, the workbench: sixteen weights to drag over a grid. All of it runs in the browser; here are its strings, the
weights that it begins with, and further ones of the live model.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from quant.errors import QuantError
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.recorded import recorded
from quant.text import Language, Text
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.glossary import prose
from quant.ui.shared.layer_names import default_layer, find_layer, layer_title
from quant.ui.shared.templates import macros
from quant.ui.tabs.base import Follow, Place, Seen
from quant.ui.tabs.start import rounding_texts as t

FOLDER = Path(__file__).parent
FILE = "tabs/start/start.html.j2"
SCRIPT = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf8") for name in
                   ("round_math", "round_words", "round_draw", "round"))  # fmt: skip
STYLE = (FOLDER / "round.css").read_text(encoding="utf8")
PREFIX = "ROUND_"
SAMPLE, DIGITS = 256, 4  # weights of the live model, and their significant digits: as many as a formula shows


def strings(language: Language) -> dict[str, str]:
    """Every sentence of the section by its key in the JavaScript: `ROUND_ROW_CODE` is `row_code`."""
    found = {name: value for name, value in vars(t).items() if name.startswith(PREFIX)}
    return {name[len(PREFIX) :].lower(): value[language] for name, value in found.items() if isinstance(value, Text)}


def element(language: Language) -> str:
    """The markup of `<lab-rounding>`, which draws itself, with the weights of the opening."""
    said = json.dumps(strings(language), ensure_ascii=False)
    return macros(FILE).rounding(language, said, json.dumps([_short(w) for w in recorded().weights]))


@lru_cache(maxsize=8)
def sample(loaded: LoadedModel, language: Language) -> Markup:
    """The element that hands weights of a model over: the beginning of the first row of its first MLP matrix."""
    layer = find_layer(loaded, default_layer(loaded))
    weights = [_short(w) for w in loaded.weight(layer.name)[0, :SAMPLE].tolist()]
    data = {"sample": weights, "layer": layer_title(layer, language)}
    return Markup(macros(FILE).sample(json.dumps(data, ensure_ascii=False)))


def live_sample(lab: Lab, language: Language, model: str) -> Markup | None:
    """The weights of the live model; nothing of a bad one, for the line on top says what is wrong."""
    try:
        return sample(lab.loaded(model), language)
    except QuantError:
        return None


def _short(weight: float) -> float:
    return float(f"{weight:.{DIGITS}g}")


def build_rounding(place: Place) -> Follow:
    """Heading, introduction and the element; what follows is the sample of the live model."""
    lab, language = place.lab, place.language
    prose(f"## {t.ROUND_HEADING[language]}\n{t.ROUND_INTRO[language]}", language, elem_id=f"rounding-{language}")
    gr.HTML(element(language))
    told = gr.HTML(elem_classes="lab-data")

    def tell(seen: Seen, _: Values) -> Updates:
        found = live_sample(lab, language, seen.choice.model)
        return {} if found is None else {told: found}

    return Follow(tell, (told,), model=True, late=True)
