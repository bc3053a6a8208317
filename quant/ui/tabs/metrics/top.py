"""The part of Métrica that asks for a measurement and shows it: the card, the button, the text, all figures folded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from quant.text import Language
from quant.texts import TITLES
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.frames import Updates, Values
from quant.ui.shared.glossary import prose
from quant.ui.tabs.base import Follow, Place, Seen
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.bandwidth import BandwidthSection, build_bandwidth
from quant.ui.tabs.metrics.brief import before_measuring
from quant.ui.tabs.metrics.kept import OWN
from quant.ui.tabs.metrics.reading import amounts, counter

FIRST_TEXT = next(iter(TITLES))


@dataclass(frozen=True)
class Reading:
    """What is read, and how much of it. missing: how many words an own text lacks."""

    text: gr.Radio
    amount: gr.Radio
    own: gr.Textbox
    missing: gr.HTML


@dataclass(frozen=True)
class Figures:
    """All figures, folded."""

    details: gr.HTML
    chart: gr.Plot
    caption: gr.HTML
    bandwidth: BandwidthSection


@dataclass(frozen=True)
class Top:
    """All of it. brief: the card of the live recipe before anything is measured; said: the card that was measured."""

    brief: gr.HTML
    said: gr.HTML
    button: gr.Button
    stop: gr.Button
    reading: Reading
    speed: gr.Checkbox
    figures: Figures


def build_top(place: Place) -> tuple[Top, tuple[Follow, ...]]:
    """The components, and what of them follows the live choice."""
    language = place.language
    with gr.Column(elem_classes="lab-metric-top"):
        brief = gr.HTML(elem_id=f"brief-{language}")
        said = gr.HTML(elem_id=f"measured-{language}")
    with gr.Row():
        button = gr.Button(t.MEASURE[language], variant="primary", elem_id=f"measure-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"measure-stop-{language}")
    reading = _build_reading(place)
    speed = gr.Checkbox(
        False, label=t.MEASURE_SPEED[language], info=t.MEASURE_SPEED_INFO[language], elem_id=f"speed-{language}"
    )
    prose(t.METRIC_INTRO[language], language)
    top = Top(brief, said, button, stop, reading, speed, _build_figures(language))
    texts = (reading.own, reading.missing, reading.amount)
    reads = Follow(reads_of(place, reading), texts, model=True, own=(reading.text,))
    return top, (Follow(_card_of(place, brief), (brief,)), reads)


def _build_reading(place: Place) -> Reading:
    language = place.language
    with gr.Row():
        text = gr.Radio(
            [(name[language], key) for key, name in t.METRIC_TEXTS.items()], value=FIRST_TEXT,
            label=t.METRIC_TEXT[language], min_width=280, elem_id=f"text-{language}",
        )  # fmt: skip
        amount = gr.Radio(
            amounts(place.lab, language, place.lab.default(), FIRST_TEXT), value="quick",
            label=t.METRIC_AMOUNT[language], min_width=280, elem_id=f"amount-{language}",
        )  # fmt: skip
    own = gr.Textbox(label=t.METRIC_OWN[language], info=t.METRIC_OWN_INFO[language], lines=5, visible=False,
                     elem_id=f"own-{language}")  # fmt: skip
    return Reading(text, amount, own, gr.HTML(elem_id=f"missing-{language}", visible=False))


def _build_figures(language: Language) -> Figures:
    with gr.Column(elem_classes="lab-all", elem_id=f"figures-{language}"):
        details = gr.HTML(elem_id=f"details-{language}")
        with gr.Column(elem_classes="lab-charts"):
            chart = gr.Plot(show_label=False, elem_id=f"divergence-{language}")
            caption = gr.HTML()
        return Figures(details, chart, caption, build_bandwidth(language))


def _card_of(place: Place, brief: gr.HTML) -> Callable[[Seen, Values], Updates]:
    return lambda now, _: {brief: before_measuring(place.lab, place.language, now.choice)}


def reads_of(place: Place, reading: Reading) -> Callable[[Seen, Values], Updates]:
    """What stands beside the chosen text: the amounts of a shipped one, or the box of one's own.

    The choice may come from an address or from what a browser has kept: what is no text counts as the first one.
    """

    def reads(now: Seen, values: Values) -> Updates:
        model, kind = now.choice.model, values[reading.text]
        own, name = kind == OWN, kind if kind in TITLES else FIRST_TEXT
        choices = amounts(place.lab, place.language, model, name)
        return {
            reading.own: gr.update(visible=own), reading.amount: gr.update(choices=choices, visible=not own),
            reading.missing: gr.update(value=counter(place.lab, place.language, model), visible=own),
        }  # fmt: skip

    return reads
