"""The sidebar: the one recipe that every tab shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
from gradio.components import Component

from quant.blocks import BLOCKS
from quant.errors import QuantError
from quant.lab import Lab
from quant.model.fetch import fetch
from quant.model.load import DEFAULT_HUB_ID, EMBEDDED
from quant.packing import bits_per_weight
from quant.text import Language, Text, number, size
from quant.ui.shared import html
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.choice import CASTS, CHOSEN_FORMATS, GROUP_SIZES, INTEGER, SCALED, Choice

# The address follows the controls in the browser itself, so that a link can be copied at any moment.
NAMES = json.dumps([f.name for f in fields(Choice)])
ADDRESS_JS = f"""(...values) => {{
  const url = new URL(window.location);
  {NAMES}.forEach((name, i) => url.searchParams.set(name, typeof values[i] === "boolean" ? +values[i] : values[i]));
  history.replaceState(history.state, "", url);
}}"""

MORE_JS = """() => {
  for (const button of document.querySelectorAll(".lab-narrow-only")) {
    const open = button.closest(".lab-side").classList.toggle("open");
    button.setAttribute("aria-expanded", open);
  }
}"""
COPY_JS = """async () => {{
  const button = document.querySelector("#copy-{language}");
  try {{ await navigator.clipboard.writeText(window.location.href); }}
  catch {{ window.prompt({label}, window.location.href); return; }}
  button.textContent = {done};
  setTimeout(() => {{ button.textContent = {label}; }}, 1500);
}}"""


@dataclass(frozen=True)
class Controls:
    """The components of the sidebar; `inputs` gives them in the order of `Choice`."""

    model: gr.Radio
    bits: gr.Slider
    granularity: gr.Radio
    group: gr.Radio
    zero_point: gr.Radio
    table: gr.Checkbox
    format: gr.Dropdown
    activations: gr.Radio

    @property
    def inputs(self) -> list[Component]:
        return [getattr(self, f.name) for f in fields(self)]

    def updates(self, choice: Choice, lab: Lab, language: Language) -> list[object]:
        """What makes the sidebar show `choice`."""
        return [
            gr.update(choices=model_choices(lab, language), value=choice.model),
            gr.update(value=choice.bits, visible=choice.has_bits),
            gr.update(value=choice.granularity, visible=choice.has_granularity),
            gr.update(value=choice.group, visible=choice.has_granularity and choice.granularity == "group"),
            gr.update(value=choice.zero_point, visible=choice.has_bits),
            choice.table,
            gr.update(value=choice.format, info=format_info(choice.format)[language]),
            gr.update(value=choice.activations, visible=choice.has_bits),
        ]


def model_choices(lab: Lab, language: Language) -> list[tuple[str, str]]:
    titles = {EMBEDDED: t.MODEL_EMBEDDED[language], DEFAULT_HUB_ID: t.MODEL_HUB[language]}
    return [(titles.get(name, name.rstrip("/").rpartition("/")[2]), name) for name in lab.names()]


TYPICAL_SHAPE = (768, 768)  # on which a format's bits per weight are named


def format_choices(language: Language) -> list[tuple[str, str]]:
    """What the list of formats shows, simplest first, and the value behind it."""

    def title(name: str) -> Text:
        if name == INTEGER:
            return t.FORMAT_INTEGER
        if name in CASTS:
            return t.FORMAT_CAST.format(name=CASTS[name])
        if name in SCALED:
            return t.FORMAT_SCALED.format(name=name)
        bits = bits_per_weight(BLOCKS[name].scheme, TYPICAL_SHAPE)
        return t.FORMAT_BLOCK.format(name=name, bits=Text(number(bits, "es", 3), number(bits, "en", 3)))

    return [(title(name)[language], name) for name in CHOSEN_FORMATS]


def format_info(name: str) -> Text:
    """One sentence on a format."""
    if name in BLOCKS:
        return BLOCKS[name].summary
    return t.FORMAT_INFO["cast" if name in CASTS else "scaled" if name in SCALED else INTEGER]


def build_controls(lab: Lab, language: Language) -> Controls:
    """Lay the sidebar out and wire what belongs to it alone.

    On a phone only the bits stay in sight, above the tabs; the rest unfolds with a button.
    """
    start = Choice(lab.default())
    gr.Markdown(f"### {t.RECIPE[language]}", elem_classes="lab-wide-only")
    bits = gr.Slider(
        2, 8, value=start.bits, step=1, label=t.BITS[language], elem_id=f"bits-{language}", buttons=[]
    )  # fmt: skip
    more = gr.Button(t.MORE[language], size="sm", elem_classes="lab-narrow-only")
    more.click(None, js=MORE_JS, api_visibility="private")
    with gr.Column(elem_classes="lab-more"):
        controls = Controls(
            model=gr.Radio(
                model_choices(lab, language), value=start.model, label=t.MODEL[language], elem_classes="lab-stacked"
            ),
            bits=bits,
            format=gr.Dropdown(
                format_choices(language), value=start.format, label=t.FORMAT[language], filterable=False,
                info=format_info(start.format)[language],
            ),
            granularity=gr.Radio(
                [(name[language], key) for key, name in t.GRANULARITIES.items()],
                value=start.granularity, label=t.GRANULARITY[language], elem_classes="lab-stacked",
            ),
            group=gr.Radio([(str(g), g) for g in GROUP_SIZES], value=start.group, label=t.GROUP_SIZE[language]),
            zero_point=gr.Radio(
                [(name[language], key) for key, name in t.GRIDS.items()],
                value=start.zero_point, label=t.GRID[language], elem_classes="lab-stacked",
            ),
            activations=gr.Radio(
                [(name[language], key) for key, name in t.ACTIVATIONS_KINDS.items()], value=start.activations,
                label=t.ACTIVATIONS[language], info=t.ACTIVATIONS_INFO[language],
            ),
            table=gr.Checkbox(start.table, label=t.TABLE[language], info=t.TABLE_INFO[language]),
        )  # fmt: skip
        with gr.Accordion(t.GRID_HELP_LABEL[language], open=False):
            gr.Markdown(t.GRID_HELP[language])
        _build_fetch(lab, language, controls)
        copy = gr.Button(t.COPY_LINK[language], size="sm", elem_id=f"copy-{language}")
        said = {"label": json.dumps(t.COPY_LINK[language]), "done": json.dumps(t.COPIED[language])}
        copy.click(None, js=COPY_JS.format(language=language, **said), api_visibility="private")

    def fit(*values: Any) -> list[object]:
        """Show what the chosen format leaves to choose; values stay as they are, for they may have moved meanwhile."""
        choice = Choice(*values)
        groups = choice.has_granularity and choice.granularity == "group"
        seen = (choice.has_bits, choice.has_granularity, groups, choice.has_bits, choice.has_bits)
        return [*(gr.update(visible=v) for v in seen), gr.update(info=format_info(choice.format)[language])]

    fitted = [controls.bits, controls.granularity, controls.group, controls.zero_point, controls.activations,
              controls.format]  # fmt: skip
    gr.on(
        [controls.format.input, controls.granularity.input], fit, controls.inputs, fitted,
        trigger_mode="always_last", show_progress="hidden", queue=False, api_visibility="private",
    )  # fmt: skip
    gr.on([c.input for c in controls.inputs], None, controls.inputs, None, js=ADDRESS_JS, api_visibility="private")
    return controls


def _build_fetch(lab: Lab, language: Language, controls: Controls) -> None:
    missing = DEFAULT_HUB_ID not in lab.names()
    message = gr.HTML()  # above the button, where it is seen however short the window
    button = gr.Button(t.FETCH[language], size="sm", visible=missing)

    def download() -> Iterator[tuple[object, ...]]:
        yield gr.skip(), gr.skip(), html.progress(t.FETCHING, 0.0, language)
        try:
            for done, total in fetch(DEFAULT_HUB_ID):
                bar = html.progress(t.FETCHING, done / max(total, 1), language)
                yield gr.skip(), gr.skip(), bar + f"<small>{size(total, language)}</small>"
            lab.loaded(DEFAULT_HUB_ID)  # here, so that the first visitor who chooses it does not hold the sliders up
        except QuantError as error:
            yield gr.skip(), gr.skip(), html.problem(error, language)
        else:
            choices = gr.update(choices=model_choices(lab, language))
            yield choices, gr.update(visible=False), html.notice(t.FETCHED[language], "note")

    button.click(
        download, None, [controls.model, button, message], show_progress="hidden",
        concurrency_id="download", concurrency_limit=1, api_visibility="private",
    )  # fmt: skip
