"""The page: header, status line, sidebar and tabs, once in Spanish at `/` and once in English at `/en`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from quant.errors import QuantError
from quant.lab import Lab
from quant.plots import style
from quant.text import Language
from quant.ui.api import build_api
from quant.ui.shared import html
from quant.ui.shared import texts as t
from quant.ui.shared.heavy import connect
from quant.ui.shared.layer_names import default_layer, layer_choices, layer_in_view
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.sidebar.controls import ADDRESS_JS, Controls, build_controls
from quant.ui.sidebar.status import status_line
from quant.ui.tabs.metrics.file import file_or_problem, planned
from quant.ui.tabs.metrics.notebook import notebook_or_problem
from quant.ui.tabs.metrics.shelf import Shelf
from quant.ui.tabs.metrics.tab import MetricsTab, build_metrics, measured_or_problem
from quant.ui.tabs.numbers.tab import CSS as NUMBERS_CSS
from quant.ui.tabs.numbers.tab import NumbersTab, build_numbers, layer_shown, model_shown
from quant.ui.tabs.start.tab import StartTab, build_start, picture
from quant.ui.tabs.text.drift import CSS as DRIFT_CSS
from quant.ui.tabs.text.drift import drift_or_problem
from quant.ui.tabs.text.speculate import speculated_or_problem
from quant.ui.tabs.text.tab import TextTab, build_text, written_or_problem
from quant.ui.tabs.weights.tab import WeightsTab, build_weights, shown_or_problem

LIGHT: dict[str, Any] = {
    "concurrency_id": "light", "concurrency_limit": 2, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip
# The first tab says that it was selected while the page is being built, before the address has been read.
# Gradio names its sliders in English for screen readers whatever the page's language; the label alone says enough.
READY_JS = """() => {{
  window.labReady = true;
  document.documentElement.lang = "{language}";
  document.title = {title};
  const plain = () => document.querySelectorAll("input[aria-label]").forEach((input) => {{
    input.ariaLabel = input.ariaLabel.replace(/^(range slider|number input) for /, "");
  }});
  plain();
  new MutationObserver(plain).observe(document.body, {{childList: true, subtree: true}});  // a tab is made when opened
}}"""
TAB_JS = """() => {{
  if (!window.labReady) return;
  const url = new URL(window.location);
  url.searchParams.set("tab", "{tab}");
  history.replaceState(history.state, "", url);
}}"""
STYLES = ("shared/style.css", "tabs/text/speculate.css")
CSS = (
    f":root {{ --lab-original: {style.ORIGINAL}; --lab-quantized: {style.QUANTIZED}; --lab-error: {style.ERROR};"
    f" --lab-simulated: {style.SIMULATED}; --lab-original-ink: {style.ORIGINAL}; --lab-quantized-ink: #8A5A00; }}\n"
    f".dark {{ --lab-original-ink: {style.MANTISSA}; --lab-quantized-ink: {style.QUANTIZED}; }}\n"
    + "".join((Path(__file__).parent / name).read_text(encoding="utf8") for name in STYLES)
    + NUMBERS_CSS
    + DRIFT_CSS
)


@dataclass(frozen=True)
class View:
    """All that the listeners of one language's page connect."""

    language: Language
    shelf: Shelf
    controls: Controls
    status: gr.HTML
    tabs: gr.Tabs
    start: StartTab
    numbers: NumbersTab
    weights: WeightsTab
    text: TextTab
    metrics: MetricsTab


def build_page(lab: Lab) -> gr.Blocks:
    """The whole demo: two languages over one lab, and the endpoints for programs."""
    shelf = Shelf(get_upload_folder())
    with gr.Blocks(title=t.TITLE.es, analytics_enabled=False) as demo:
        build_api(lab)
        _build_language(lab, shelf, "es", demo)
    with demo.route(t.TITLE.en, "/en", show_in_navbar=False):
        _build_language(lab, shelf, "en", demo)
    return demo


def _build_language(lab: Lab, shelf: Shelf, language: Language, demo: gr.Blocks) -> None:
    gr.HTML(_header(language))
    with gr.Row(elem_classes="lab-layout", equal_height=False):
        with gr.Column(elem_classes="lab-side", scale=0, min_width=290):
            controls = build_controls(lab, language)
        with gr.Column(elem_classes="lab-main", min_width=300):
            status = gr.HTML(status_line(lab, language, Choice(lab.default())), elem_classes="lab-status-holder")
            with gr.Tabs(elem_id=f"tabs-{language}") as tabs:
                with _tab("inicio", language):
                    start = build_start(lab, language)
                with _tab("numeros", language):
                    numbers = build_numbers(lab, language)
                with _tab("pesos", language):
                    weights = build_weights(lab, language)
                with _tab("texto", language):
                    text = build_text(lab, language)
                with _tab("metrica", language):
                    metrics = build_metrics(language)
    with gr.Accordion(t.BADGES_TITLE[language], open=False):
        gr.Markdown("\n".join(f"- **{name[language]}**: {said[language]}" for name, said in t.BADGES.values()))
    gr.HTML(f'<p class="lab-footer">{escape(t.FOOTER[language])} · <a href="./?view=api">API</a></p>')
    view = View(language, shelf, controls, status, tabs, start, numbers, weights, text, metrics)
    _wire_light(lab, view)
    _wire_numbers(lab, view)
    _wire_heavy(lab, view)
    _wire_address(lab, view, demo)


def _tab(name: str, language: Language) -> gr.Tab:
    tab = gr.Tab(t.TABS[name][language], id=name, elem_classes=f"lab-tab-{name}")
    tab.select(None, js=TAB_JS.format(tab=name), api_visibility="private")
    return tab


def _header(language: Language) -> str:
    other = "./en" if language == "es" else "./"
    return (
        f'<div class="lab-header"><div><h1>{escape(t.TITLE[language])}</h1><p>{escape(t.SUBTITLE[language])}</p></div>'
        f'<a class="language" href="{other}" onclick="this.search = window.location.search">'
        f"{t.OTHER_LANGUAGE[language]}</a></div>"
    )


def _wire_light(lab: Lab, view: View) -> None:
    """Whatever moves in the sidebar is seen at once in the status line, the picture and the weights."""
    language, inputs = view.language, view.controls.inputs
    weight_inputs = [*inputs, view.weights.layer, view.weights.log_counts]

    def live(*values: Any) -> tuple[str, str, str]:
        choice = Choice(*values)
        return status_line(lab, language, choice), picture(lab, language, choice), planned(lab, language, choice)

    def redraw_weights(*values: Any) -> list[object]:
        return shown_or_problem(lab, language, Choice(*values[:-2]), *values[-2:])

    moved = [c.input for c in inputs]
    seen = [view.status, view.start.picture, view.metrics.file.plan]
    gr.on(moved, live, inputs, seen, trigger_mode="always_last", **LIGHT)
    gr.on(
        [*moved, view.weights.layer.input, view.weights.log_counts.input], redraw_weights, weight_inputs,
        view.weights.outputs, trigger_mode="always_last", **LIGHT,
    )  # fmt: skip

    def new_layers(model: str, layer: str | None) -> dict[str, Any]:
        try:
            loaded = lab.loaded(model)
        except QuantError:
            return gr.skip()  # the status line says what is wrong
        return gr.update(choices=layer_choices(loaded, language), value=layer_in_view(loaded, layer).name)

    layer_inputs = [view.controls.model, view.weights.layer]
    view.controls.model.input(new_layers, layer_inputs, view.weights.layer, trigger_mode="always_last", **LIGHT)


def _wire_numbers(lab: Lab, view: View) -> None:
    """Números follows the live model and layer; its list of layers and that of Pesos are one choice in two places."""
    language, model, numbers, weights = view.language, view.controls.model, view.numbers, view.weights
    inputs = [*view.controls.inputs, numbers.layer, weights.log_counts]

    def new_layer(model: str, layer: str | None) -> list[object]:
        return layer_shown(lab, language, model, layer)

    def new_model(model: str) -> list[object]:
        return model_shown(lab, language, model)

    def chosen_here(*values: Any) -> list[object]:
        return [values[-2], *shown_or_problem(lab, language, Choice(*values[:-2]), *values[-2:])]

    told = [numbers.layer, numbers.live]
    latest: dict[str, Any] = {"trigger_mode": "always_last", **LIGHT}
    gr.on([model.input, weights.layer.input], new_layer, [model, weights.layer], told, **latest)
    numbers.layer.input(new_layer, [model, numbers.layer], told, **latest)
    numbers.layer.input(chosen_here, inputs, [weights.layer, *weights.outputs], **latest)
    model.input(new_model, model, numbers.figures, **latest)


def _wire_heavy(lab: Lab, view: View) -> None:
    """What takes seconds: generators that say their place in the queue, then stream; a stop button each."""
    language, inputs, text, metrics = view.language, view.controls.inputs, view.text, view.metrics
    n = len(inputs)

    def chosen(work: Callable[..., Any]) -> Callable[..., Any]:
        """`work` for what the sidebar says, whose values come first."""
        return lambda *values: work(lab, language, Choice(*values[:n]), *values[n:])

    connect(language, chosen(written_or_problem), [text.write.click, text.prompt.submit],
            [*inputs, text.prompt, *text.settings], text.output, text.stop)  # fmt: skip
    connect(language, chosen(speculated_or_problem), [text.speculate.run.click],
            [*inputs, text.prompt, text.speculate.drafted, *text.settings], text.speculate.output,
            text.speculate.stop)  # fmt: skip
    connect(language, chosen(drift_or_problem), [text.drift.read.click], [*inputs, text.drift.text], text.drift.output,
            text.drift.stop)  # fmt: skip
    connect(language, chosen(measured_or_problem), [metrics.measure.click],
            [*inputs, *metrics.settings, metrics.history], metrics.outputs, metrics.stop)  # fmt: skip
    connect(language, chosen(notebook_or_problem), [metrics.notebook.run.click], inputs, metrics.notebook.output,
            metrics.notebook.stop)  # fmt: skip
    connect(language, chosen(partial(file_or_problem, view.shelf)), [metrics.file.prepare.click], inputs,
            metrics.file.outputs, metrics.file.stop)  # fmt: skip


def _wire_address(lab: Lab, view: View, demo: gr.Blocks) -> None:
    """The address restores the recipe and the tab; buttons on the first tab lead to the others."""
    language, numbers = view.language, view.numbers

    def numbers_of(model: str, layer: str | None) -> list[object]:
        return [*layer_shown(lab, language, model, layer), *model_shown(lab, language, model)]

    def restore(request: gr.Request) -> list[object]:
        params = dict(request.query_params)
        choice, errors = read_query(params, Choice(lab.default()))
        if choice.model not in lab.names():
            errors.append(lab.unknown_model(choice.model))
            choice = replace(choice, model=lab.default())
        loaded = lab.loaded(choice.model)
        layer = gr.update(choices=layer_choices(loaded, language), value=default_layer(loaded))
        messages = "".join(html.problem(e, language) for e in errors)
        return [
            *view.controls.updates(choice, lab, language),
            gr.Tabs(selected=params["tab"]) if params.get("tab") in t.TABS else gr.skip(),
            messages + status_line(lab, language, choice),
            picture(lab, language, choice),
            planned(lab, language, choice),
            layer,
            *shown_or_problem(lab, language, choice, None, True),
        ]

    demo.load(
        restore, None,
        [*view.controls.inputs, view.tabs, view.status, view.start.picture, view.metrics.file.plan, view.weights.layer,
         *view.weights.outputs],
        **LIGHT,
    ).then(None, view.controls.inputs, None, js=ADDRESS_JS, api_visibility="private").then(
        # By itself: reading every weight of a large model takes a second the first time, and nothing else waits for it.
        numbers_of, [view.controls.model, view.weights.layer], [numbers.layer, numbers.live, *numbers.figures], **LIGHT
    ).then(
        None, js=READY_JS.format(language=language, title=json.dumps(t.TITLE[language])), api_visibility="private"
    )  # fmt: skip
    for name, button in view.start.links.items():
        button.click(
            lambda name=name: gr.Tabs(selected=name), None, view.tabs, js=TAB_JS.format(tab=name), queue=False,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
