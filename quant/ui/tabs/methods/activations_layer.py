"""Activations of one layer: what comes into it on the calibration text, drawn twice and said in three sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from quant.evaluation.activations import OUTLIER_TIMES, TOKENS, Ranges, range_steps
from quant.lab import Lab
from quant.model.layers import Layer
from quant.model.load import LoadedModel
from quant.plots.activations import by_channel, heat_map
from quant.recipe import Calibration
from quant.text import Language, Text, fixed, number
from quant.ui.shared import html
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame
from quant.ui.shared.layer_names import layer_in_view, layer_title
from quant.ui.tabs.methods import activations_texts as t

DIGITS = 2


@dataclass(frozen=True)
class LayerFrame(Frame):
    """What the outputs show of a layer."""

    shown: dict[str, Any] | None = None
    heat: go.Figure | None = None
    channels: go.Figure | None = None


@dataclass(frozen=True)
class LayerOutputs:
    """The components of `LayerFrame`."""

    said: gr.HTML
    shown: gr.Column
    heat: gr.Plot
    channels: gr.Plot


@dataclass(frozen=True)
class AskedLayer:
    model: str
    layer: str | None


@dataclass(frozen=True)
class _Ready:
    loaded: LoadedModel
    layer: Layer


def looking(lab: Lab, language: Language) -> Action[AskedLayer, _Ready, LayerFrame]:
    """The original model reads the calibration text as far as that layer."""

    def check(asked: AskedLayer) -> _Ready:
        loaded = lab.loaded(asked.model)
        return _Ready(loaded, layer_in_view(loaded, asked.layer))

    return Action(lab, language, check, lambda ready: look(ready, language), LayerFrame)


def look(ready: _Ready, language: Language) -> Iterator[LayerFrame]:
    """Progress, then both figures."""
    seen = yield from showing(
        range_steps(ready.loaded, ready.layer, Calibration(tokens=TOKENS)),
        lambda step: LayerFrame(html.progress(t.LOOKING, step.fraction, language)),
    )
    said = html.verdict(meaning(seen, layer_title(ready.layer, language))[language])
    yield LayerFrame(said, gr.update(visible=True), heat_map(seen, language), by_channel(seen, language))


def meaning(seen: Ranges, title: str) -> Text:
    """Outliers among the channels, the first position, and what one scale for all would cost."""
    outliers = t.NO_OUTLIERS if not seen.outliers else t.ONE_OUTLIER if len(seen.outliers) == 1 else t.OUTLIERS
    usual = seen.usual_channel
    worst = float(seen.largest[seen.worst])
    return t.LAYER_SAID.format(
        layer=title,
        outliers=outliers.format(n=len(seen.outliers), channels=_whole(seen.channels), channel=_whole(seen.worst),
                                 largest=_short(worst), times=_short(worst / usual if usual else np.inf)),
        first=(t.MASSIVE if seen.massive else t.NOT_MASSIVE).format(first=_short(seen.first), rest=_short(seen.rest)),
        lost=t.LOST.format(bits=_short(seen.lost_bits)),
    )  # fmt: skip


def channels_caption(language: Language) -> str:
    return t.CHANNELS_CAPTION.format(times=round(OUTLIER_TIMES))[language]


def _whole(n: int) -> Text:
    return Text(fixed(n, "es", 0), fixed(n, "en", 0))


def _short(value: float) -> Text:
    return Text(number(value, "es", DIGITS), number(value, "en", DIGITS))
