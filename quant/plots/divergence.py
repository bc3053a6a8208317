"""Where quantization hurts: KL by position in the window, and how unevenly it is spread over the tokens."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant.evaluation.compare import TokenScores
from quant.plots.style import ERROR, PERCENT, QUANTIZED, finish, log_axis
from quant.text import Language, Text, as_typed

BINS = 32
QUANTILES = (10, 25, 50, 75, 90, 95, 99, 99.9, 100)
BY_POSITION = Text("KL media según la posición", "Mean KL by position")
BY_QUANTILE = Text("KL, de menor a mayor", "KL, from least to greatest")
POSITION = Text("posición en la ventana (tokens)", "position in the window (tokens)")
NATS = Text("KL (nats)", "KL (nats)")
SHARE = Text("% de los tokens por debajo", "% of the tokens below")


def by_position(tokens: TokenScores) -> tuple[np.ndarray, np.ndarray]:
    """(middle of each run of positions, mean KL there in nats), runs without tokens left out."""
    longest = int(tokens.position.max()) + 1
    width = max(1, -(-longest // BINS))
    place = tokens.position // width
    counts = np.bincount(place)
    seen = counts > 0
    means = np.bincount(place, tokens.kl)[seen] / counts[seen]
    return np.flatnonzero(seen) * width + (width - 1) / 2, means


def divergence(tokens: TokenScores, language: Language) -> go.Figure:
    """Two figures, one above the other: they fit a phone."""
    middles, means = by_position(tokens)
    figure = make_subplots(
        rows=2, cols=1, vertical_spacing=0.26, subplot_titles=[BY_POSITION[language], BY_QUANTILE[language]]
    )
    figure.add_bar(
        x=middles.astype(np.float32), y=means.astype(np.float32), row=1, col=1,
        hovertemplate="token %{x}: %{y:.3g} nats<extra></extra>",
        marker={"color": QUANTIZED, "line": {"width": 0}},
    )  # fmt: skip
    levels = np.maximum(np.percentile(tokens.kl, QUANTILES), 1e-9)
    names = [as_typed(q)[language] for q in QUANTILES]
    figure.add_scatter(
        x=np.arange(len(QUANTILES)), y=levels.astype(np.float32), row=2, col=1, mode="lines+markers", customdata=names,
        line={"color": ERROR, "width": 2}, marker={"symbol": "square", "size": 8},
        hovertemplate=f"%{{customdata}}{PERCENT[language]}: %{{y:.3g}} nats<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=POSITION[language], row=1, col=1)
    figure.update_xaxes(title=SHARE[language], tickvals=np.arange(len(QUANTILES)), row=2, col=1,
                        ticktext=names, tickfont={"size": 11})  # fmt: skip
    figure.update_yaxes(title=NATS[language], rangemode="tozero", row=1, col=1)
    low, high = float(levels.min()) / 1.3, float(levels.max()) * 1.3
    figure.update_yaxes(title=NATS[language], **log_axis(low, high, language), row=2, col=1)
    return finish(figure, language, 470)
