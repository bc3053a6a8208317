"""Métrica, once speeds are known: tokens/s against the bytes that a token reads, for all that was tried on a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr
import plotly.graph_objects as go

from quant.evaluation.bandwidth import Machine, Placed, bytes_per_token
from quant.evaluation.speed import Speed
from quant.model.load import LoadedModel
from quant.plots.bandwidth import bandwidth
from quant.text import Language, Text, number, size
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.kept import Entry


@dataclass(frozen=True)
class BandwidthSection:
    """Hidden until there is something to see."""

    shown: gr.Column
    chart: gr.Plot
    caption: gr.HTML


SLOW_READER = 0.5  # share of the limit below which reading is said not to be what takes the time


def placed(models: tuple[LoadedModel, LoadedModel], speeds: tuple[Speed, Speed],
           choice: Choice) -> tuple[Placed, Placed]:  # fmt: skip
    """The original and the quantized model as points."""
    original, quantized = map(bytes_per_token, models)
    return (
        Placed(shared_texts.ORIGINAL, t.HISTORY_BASE, original, speeds[0]),
        Placed(choice.label(), choice.short(), quantized, speeds[1]),
    )


def picture(tried: Sequence[Entry], machine: Callable[[], Machine], language: Language
            ) -> tuple[go.Figure | None, str] | None:  # fmt: skip
    """The figure of the newest measurement's model, and its caption; every entry of it that was timed is a point.

    None where none was; no figure where the caches hold all of them, and bytes are not what counts.
    """
    model = tried[-1].key[0]
    written = [e.placed for e in tried if e.key[0] == model and e.written]
    pairs = [pair for pair in written if pair]
    if not pairs:
        return None
    recipes = {quantized.name: quantized for _, quantized in pairs}  # a recipe timed on two texts: the newer
    newest = pairs[-1]
    recipes[newest[1].name] = recipes.pop(newest[1].name)
    original, shown = newest[0], list(recipes.values())
    limit = machine().with_rows([original, *shown])
    words = html.caption(caption(*newest, limit)[language])
    if all(limit.holds(p) for p in (original, *shown)):
        return None, words
    return bandwidth(original, shown, limit, language), words + html.caption(t.BANDWIDTH_COUNTED[language])


def caption(original: Placed, quantized: Placed, machine: Machine) -> Text:
    """What the newest point says: fewer bytes, how much faster, and what stands in the way of more."""
    said = t.BANDWIDTH_READS.format(
        label=quantized.label, ratio=_number(original.token_bytes / quantized.token_bytes),
        pace=_pace(original.speed, quantized.speed),
    )  # fmt: skip
    held = [machine.holds(p) for p in (original, quantized)]
    if any(held):
        room = machine.cache_bytes
        cache = Text(*(f" ({size(room, la)})" for la in ("es", "en"))) if room else ""  # type: ignore[arg-type]
        return t.BANDWIDTH_CACHED[all(held)].format(said=said, cache=cache)
    share = quantized.bytes_per_s / machine.bandwidth
    text = t.BANDWIDTH_SLOW if share < SLOW_READER else t.BANDWIDTH_SHARE
    return text.format(said=said, share=_number(100 * share))


def _pace(a: Speed, b: Speed) -> Text:
    if a.overlaps(b):
        return t.BANDWIDTH_SAME
    ratio = b.median / a.median
    return (t.BANDWIDTH_FASTER if ratio > 1 else t.BANDWIDTH_SLOWER).format(ratio=_number(max(ratio, 1 / ratio)))


def _number(value: float) -> Text:
    return Text(number(value, "es", 2), number(value, "en", 2))


def build_bandwidth(language: Language) -> BandwidthSection:
    with gr.Column(visible=False, elem_classes="lab-speeds") as shown:
        gr.Markdown(f"### {t.BANDWIDTH[language]}")
        chart = gr.Plot(show_label=False, elem_id=f"bandwidth-{language}")
        words = gr.HTML()
    return BandwidthSection(shown, chart, words)
