"""Inicio: what quantization is, on real weights; PTQ and QAT; where to go."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from quant.errors import QuantError
from quant.evaluation.weights import rounding_sample
from quant.lab import Lab
from quant.plots.rounding import rounding_svg
from quant.text import Language, fixed, number
from quant.ui.shared import html
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.layer_names import default_layer, find_layer, layer_title
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Seen
from quant.ui.tabs.start import texts as t

SHOWN = 32


def picture(lab: Lab, language: Language, choice: Choice) -> Markup:
    """Real weights of the live model and the grid of the live choice, with a caption computed from them."""
    try:
        loaded = lab.loaded(choice.model)
        layer = find_layer(loaded, default_layer(loaded))
        stored = lab.stored(choice.recipe(), layer)
        sample, scheme = rounding_sample(loaded.weight(layer.name), stored, SHOWN), stored.scheme
    except QuantError as error:
        return html.problem(error, language)
    caption = t.START_CAPTION.format(
        n=len(sample.original), layer=layer_title(layer, language), bits=scheme.element.code_bits,
        levels=fixed(scheme.levels, language, 0), error=number(sample.mean_error_percent, language, 2),
    )  # fmt: skip
    marks = zip(("dot o", "square q", "dash e"), t.START_LEGEND, strict=True)
    legend = macros("tabs/start/start.html.j2").legend([(shape, name[language]) for shape, name in marks])
    return legend + Markup(rounding_svg(sample, language)) + html.caption(caption[language])


def build_start(place: Place) -> Built:
    lab, language = place.lab, place.language
    gr.Markdown(f"## {t.START_HEADING[language]}")
    sentences = "\n".join(f"{i}. {s[language]}" for i, s in enumerate(t.START_SENTENCES, 1))
    gr.Markdown(sentences, elem_classes="lab-prose-big")
    gr.Markdown(f"## {t.START_PICTURE[language]}\n{t.START_TRY[language]}")
    shown = gr.HTML(picture(lab, language, Choice(lab.default())), elem_classes="figure")
    gr.Markdown(f"## {t.START_WAYS[language]}")
    with gr.Row(equal_height=True):
        for title, text in ((t.PTQ_TITLE, t.PTQ_TEXT), (t.QAT_TITLE, t.QAT_TEXT)):
            with gr.Column(min_width=280, elem_classes="lab-panel"):
                gr.Markdown(f"### {title[language]}\n{text[language]}")
    gr.Markdown(f"## {t.START_NEXT[language]}")
    gr.HTML(macros("tabs/start/start.html.j2").links([(tab, name[language]) for tab, name in t.START_LINKS.items()]))

    def follow(seen: Seen, _: Values) -> Updates:
        return {shown: picture(lab, language, seen.choice)}

    return Built(follows=(Follow(follow, (shown,)),))
