"""Inicio, where the live recipe is not among those recorded: real weights of its model on its own grid."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from quant.errors import CalibrationError, QuantError
from quant.evaluation.weights import rounding_sample
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.packing import Layout
from quant.plots.rounding import rounding_svg
from quant.text import Language, fixed, number
from quant.ui.shared import html
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.layer_names import default_layer, find_layer, layer_title
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Follow, Place, Seen
from quant.ui.tabs.start import texts as t
from quant.ui.tabs.start.hero import STOPS

FILE = "tabs/start/start.html.j2"
SHOWN = 32


def picture(lab: Lab, language: Language, choice: Choice) -> Markup:
    """The weights, their grid and a caption computed from them; nothing where the opening shows this recipe."""
    if str(choice.bits) in STOPS and choice == Choice(EMBEDDED, bits=choice.bits):
        return Markup("")
    heading = html.heading(2, t.PICTURE_HEADING.format(recipe=choice.brief())[language])
    try:
        loaded = lab.loaded(choice.model)
        layer = find_layer(loaded, default_layer(loaded))
        weight, stored = lab.pair(choice.recipe(), layer)
        sample, scheme = rounding_sample(weight, stored, SHOWN), stored.scheme
    except CalibrationError as error:  # nothing is wrong: the model has yet to be made
        return heading + html.notice(error.text[language], "note")
    except QuantError as error:
        return heading + html.problem(error, language)
    stored_bits = 8 * (Layout(scheme).nbytes(layer.matrix) + stored.beside.nbytes) / layer.parameters
    caption = t.PICTURE_CAPTION.format(
        n=len(sample.original), layer=layer_title(layer, language), bits=_number(stored_bits, language, 3),
        levels=fixed(scheme.levels, language, 0), error=number(sample.mean_error_percent, language, 2),
    )  # fmt: skip
    marks = zip(("dot o", "square q", "dash e"), t.PICTURE_LEGEND, strict=True)
    legend = macros(FILE).legend([(shape, name[language]) for shape, name in marks])
    return heading + legend + Markup(rounding_svg(sample, language)) + html.caption(caption[language])


def _number(value: float, language: Language, digits: int) -> str:
    """Without zeros at the end."""
    shown = number(value, language, digits)
    return shown.rstrip("0").rstrip(",.") if "," in shown or "." in shown else shown


def build_picture(place: Place) -> Follow:
    shown = gr.HTML(elem_classes="figure")

    def follow(seen: Seen, _: Values) -> Updates:
        return {shown: picture(place.lab, place.language, seen.choice)}

    return Follow(follow, (shown,), waits=True)
