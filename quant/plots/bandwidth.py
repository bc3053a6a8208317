"""Tokens a second against the bytes that one token reads, under the line that memory draws: both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from quant.evaluation.bandwidth import Machine, Placed
from quant.plots.style import ERROR, INK, ORIGINAL, QUANTIZED, finish, log_axis
from quant.text import Language, Text, number

MB, GB = 1e6, 1e9
SHADE = "rgba(213,94,0,0.10)"  # of ERROR
ROOM = 2.2  # times, left free around the points, and above the line at its highest
BYTES = Text("MB de pesos que lee cada token", "MB of weights read per token")
SPEED = Text("tokens/s al escribir", "tokens/s when writing")
LINE = Text("límite de la memoria: {bandwidth} GB/s", "memory limit: {bandwidth} GB/s")
HOVER = Text("{name}: {mb} MB por token, {speed} tokens/s", "{name}: {mb} MB a token, {speed} tokens/s")
SIDES = ("middle left", "top center", "middle right", "bottom center")
ALONE = 2  # the side of a point that has no neighbours


def bandwidth(original: Placed, tried: Sequence[Placed], machine: Machine, language: Language) -> go.Figure:
    """The original and what was tried, the newest last; above the line, shaded, what memory cannot feed."""
    placed = [original, *tried]
    left, right = _span([p.token_bytes / MB for p in placed])
    limit = [machine.bandwidth / (x * MB) for x in (left, right)]
    low = min([limit[1], *(p.speed.median for p in placed)]) / ROOM
    high = max([limit[0], *(p.speed.highest for p in placed)]) * ROOM
    figure = go.Figure()
    figure.add_scatter(x=[left, right], y=[high, high], mode="lines", line={"width": 0}, hoverinfo="skip")
    figure.add_scatter(
        x=[left, right], y=limit, mode="lines", line={"color": ERROR, "width": 2, "dash": "dash"}, hoverinfo="skip",
        fill="tonexty", fillcolor=SHADE,
    )  # fmt: skip
    figure.add_annotation(
        x=math.log10(left), y=math.log10(high), xanchor="left", yanchor="top", showarrow=False, xshift=6, yshift=-4,
        text=LINE.format(bandwidth=Text(*(number(machine.bandwidth / GB, la, 2) for la in ("es", "en"))))[language],
        font={"color": INK},
    )  # fmt: skip
    _points(figure, [original], ORIGINAL, "circle", language)
    _points(figure, tried, QUANTIZED, "square", language)
    figure.update_layout(xaxis=_axis(BYTES[language], left, right, language),
                         yaxis=_axis(SPEED[language], low, high, language))  # fmt: skip
    return finish(figure, language, 400)


def _points(figure: go.Figure, placed: Sequence[Placed], color: str, symbol: str, language: Language) -> None:
    """Markers with the spread of their rounds; names on another side of each, as neighbours lie close."""
    ranked, first = sorted(placed, key=lambda p: p.token_bytes), 0 if len(placed) > 1 else ALONE
    middles = [p.speed.median for p in ranked]
    figure.add_scatter(
        x=[p.token_bytes / MB for p in ranked], y=middles, mode="markers+text",
        text=[f"\N{NO-BREAK SPACE}{p.label[language]}\N{NO-BREAK SPACE}" for p in ranked],
        textposition=[SIDES[(first + i) % len(SIDES)] for i in range(len(ranked))],
        textfont={"color": INK}, cliponaxis=False,
        error_y={
            "array": [p.speed.highest - m for p, m in zip(ranked, middles, strict=True)], "symmetric": False,
            "arrayminus": [m - p.speed.lowest for p, m in zip(ranked, middles, strict=True)],
            "color": color, "thickness": 1.5, "width": 4,
        },
        marker={"color": color, "symbol": symbol, "size": 11, "line": {"width": 1, "color": INK}},
        customdata=[_hover(p, language) for p in ranked], hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _hover(p: Placed, language: Language) -> str:
    mb, speed = (Text(number(v, "es", 3), number(v, "en", 3)) for v in (p.token_bytes / MB, p.speed.median))
    return HOVER.format(name=p.name, mb=mb, speed=speed)[language]


def _axis(title: str, low: float, high: float, language: Language) -> dict[str, object]:
    return {"title": title, **log_axis(low, high, language)}


def _span(values: Sequence[float]) -> tuple[float, float]:
    return min(values) / math.sqrt(ROOM), max(values) * ROOM  # names stand to the right of the largest
