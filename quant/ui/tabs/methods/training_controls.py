"""The controls of De PTQ a QAT, and the hidden field that they write and that writes them."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.context import Context

from quant.evaluation.training_plan import LEAST_S, MOST_S, SCHEMES, STARTS
from quant.text import Language, Text, number
from quant.training import LEARNED, LOSSES
from quant.ui.tabs.methods import training_texts as t
from quant.ui.tabs.methods.training_state import MOST_SEED, NAMES, RATES, READ_JS, WRITE_JS, State

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Controls:
    """What a visitor chooses, by NAMES, and the fields in which it is kept."""

    chosen: tuple[gr.components.FormComponent, ...]
    own: gr.Textbox
    state: gr.Textbox


def build_controls(language: Language) -> Controls:
    """Bits and seconds; the rest is folded."""
    made = dict(zip(NAMES, State().values(), strict=True))
    bits = gr.Radio(
        [(t.BIT_NAMES[name][language], name) for name in SCHEMES], value=made["bits"], label=t.BITS[language],
        info=t.BITS_INFO[language], elem_id=f"qat-bits-{language}", interactive=True,
    )  # fmt: skip
    seconds = gr.Slider(
        LEAST_S, MOST_S, made["seconds"], step=5, label=t.SECONDS[language], info=t.SECONDS_INFO[language],
        elem_id=f"qat-seconds-{language}", interactive=True, buttons=[],
    )  # fmt: skip
    with gr.Accordion(t.FOLD[language], open=False, elem_id=f"qat-more-{language}"):
        learn = _radio("learn", LEARNED, made, t.LEARN, language)
        loss = _radio("loss", LOSSES, made, t.LOSS, language)
        start = _radio("start", {name: t.STARTS[name] for name in STARTS}, made, t.START, language)
        text = _radio("text", t.TEXTS, made, t.TEXT, language)
        own = gr.Textbox(
            "", label=t.OWN[language], info=t.OWN_INFO[language], lines=2, max_lines=6, visible=True,
            elem_id=f"qat-own-{language}",
        )  # fmt: skip
        with gr.Row():
            rates = [(number(rate, language, 2) if rate else t.RATE_USUAL[language], rate) for rate in RATES]
            rate = gr.Dropdown(rates, value=made["rate"], label=t.RATE[language], filterable=False, interactive=True)
            seed = gr.Slider(
                0, MOST_SEED, made["seed"], step=1, label=t.SEED[language], buttons=[], interactive=True,
                elem_id=f"qat-seed-{language}",
            )  # fmt: skip
        table = gr.Checkbox(made["table"], label=t.TABLE[language], interactive=True)
        activations = gr.Checkbox(made["activations"], label=t.ACTIVATIONS[language], interactive=True)
    state = gr.Textbox("", label=t.STATE[language], elem_classes="lab-hidden", elem_id=f"qat-state-{language}")
    by_name = {
        "bits": bits, "start": start, "learn": learn, "loss": loss, "text": text, "rate": rate, "seed": seed,
        "table": table, "activations": activations, "seconds": seconds,
    }  # fmt: skip
    return Controls(tuple(by_name[name] for name in NAMES), own, state)


def _radio(name: str, titles: dict[str, Text], made: dict[str, object], label: Text, language: Language) -> gr.Radio:
    choices = [(title[language], key) for key, title in titles.items()]
    return gr.Radio(
        choices, value=made[name], label=label[language], elem_id=f"qat-{name}-{language}", interactive=True
    )  # fmt: skip


def connect_controls(controls: Controls) -> None:
    """The controls write the field as a hand moves them, in the browser; what is kept or linked writes the controls."""
    chosen = list(controls.chosen)
    gr.on([one.input for one in chosen], None, chosen, controls.state, js=WRITE_JS, **PRIVATE)  # type: ignore[arg-type, attr-defined]
    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    gr.on([page.load, controls.state.change], None, controls.state, chosen, js=READ_JS, **PRIVATE)  # type: ignore[arg-type]
