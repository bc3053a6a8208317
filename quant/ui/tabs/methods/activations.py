"""Activations: what each way to round them costs this model, and how large they are in a layer of it."""

from __future__ import annotations

import gradio as gr

from quant.evaluation.activation_costs import WEIGHT_BITS, cases
from quant.evaluation.activations import TOKENS
from quant.text import Language, Text, fixed
from quant.ui.shared import glossary, html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.layer_names import layer_list
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.methods import activations_texts as t
from quant.ui.tabs.methods.activations_costs import Asked, CostOutputs, measuring, table_html
from quant.ui.tabs.methods.activations_layer import AskedLayer, LayerOutputs, channels_caption, looking


def build_activations(place: Place) -> Built:
    """The table with its button, then the layer with its button."""
    gr.Markdown(f"## {t.TITLE[place.language]}", elem_classes="lab-section", elem_id=f"activations-{place.language}")
    glossary.prose(t.INTRO[place.language], place.language)
    follow, costs = _costs(place)
    layer, look = _layer(place)
    return Built(follows=(follow,), runs=(costs, look), layer=layer)


def _costs(place: Place) -> tuple[Follow, Run]:
    lab, language = place.lab, place.language
    bits = gr.Radio(
        [(t.WEIGHT_CHOICES[n][language], n) for n in WEIGHT_BITS], value=WEIGHT_BITS[0], label=t.WEIGHTS[language],
        elem_id=f"activations-bits-{language}", interactive=True,
    )  # fmt: skip
    table = gr.HTML(
        table_html(lab, lab.default(), WEIGHT_BITS[0], language), elem_id=f"activations-costs-{language}"
    )  # fmt: skip
    button, stop = _buttons(t.MEASURE[language], f"activations-measure-{language}", language)
    said = gr.HTML(html.caption(t.MEASURE_SAID.format(n=len(cases(WEIGHT_BITS[0])))[language]),
                   elem_id=f"activations-said-{language}")  # fmt: skip

    def show(now: Seen, values: Values) -> Updates:
        return {table: table_html(lab, now.choice.model, values[bits], language)}

    run = Run(measuring(lab, language), lambda choice, values: Asked(choice.model, values[bits]), (button.click,),
              (bits,), CostOutputs(said, table), stop)  # fmt: skip
    return Follow(show, (table,), model=True, own=(bits,)), run


def _layer(place: Place) -> tuple[gr.Dropdown, Run]:
    lab, language = place.lab, place.language
    gr.Markdown(f"### {t.LAYER[language]}")
    glossary.prose(
        t.LAYER_INTRO.format(tokens=Text(fixed(TOKENS, "es", 0), fixed(TOKENS, "en", 0)))[language], language
    )
    layer = layer_list(lab, language)
    button, stop = _buttons(t.LOOK[language], f"activations-look-{language}", language)
    said = gr.HTML(elem_id=f"activations-layer-{language}")
    with gr.Column(visible=False, elem_id=f"activations-figures-{language}") as shown, gr.Row():
        heat = _figure(t.HEAT[language], t.HEAT_CAPTION[language])
        channels = _figure(t.CHANNELS[language], channels_caption(language))
    outputs = LayerOutputs(said, shown, heat, channels)
    run = Run(looking(lab, language), lambda choice, values: AskedLayer(choice.model, values[layer]), (button.click,),
              (layer,), outputs, stop)  # fmt: skip
    return layer, run


def _figure(title: str, caption: str) -> gr.Plot:
    with gr.Column(min_width=320):
        gr.Markdown(f"#### {title}")
        plot = gr.Plot(show_label=False)
        gr.HTML(html.caption(caption))
    return plot


def _buttons(name: str, elem_id: str, language: Language) -> tuple[gr.Button, gr.Button]:
    with gr.Row():
        button = gr.Button(name, min_width=220, elem_id=elem_id)
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"{elem_id}-stop")
    return button, stop
