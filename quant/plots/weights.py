"""A matrix before and after quantization, and how often each code is used."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant.evaluation.weights import Axis, WeightView
from quant.plots.style import ORIGINAL, ORIGINAL_LINE, PERCENT, QUANTIZED, QUANTIZED_LINE, finish
from quant.text import Language, Text, number, superscript

BEFORE = Text("Original (float32)", "Original (float32)")
AFTER = Text("Cuantizado", "Quantized")
VALUE = Text("valor del peso", "weight value")
COUNT = Text("pesos", "weights")
CODE = {
    Axis.INTEGER: Text("código entero", "integer code"),
    Axis.VALUE: Text("valor de la tabla", "value in the table"),
    Axis.EXPONENT: Text("potencia de dos", "power of two"),
}
NAMED = 16  # bars that can have their names below
MANY_NAMED = 9  # names below where there are more bars
SHARE = Text("% de los pesos", "% of the weights")
NOT_YET = Text("aún no hay códigos", "no codes yet")
HEIGHT = 380
CROWDED = 64  # bars; from there on they touch one another


def histogram(view: WeightView, language: Language, *, log_counts: bool) -> go.Figure:
    """Two histograms, original above quantized, on the same bins and the same axes."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, shared_yaxes="all", vertical_spacing=0.12,
        subplot_titles=[BEFORE[language], AFTER[language]],
    )  # fmt: skip
    for row, (counts, color) in enumerate([(view.before, ORIGINAL), (view.after, QUANTIZED)], 1):
        figure.add_trace(_bars(view.edges, counts, color, language), row=row, col=1)
    for row, (counts, color) in enumerate([(view.before, ORIGINAL_LINE), (view.after, QUANTIZED_LINE)], 1):
        figure.add_trace(_contour(view.edges, counts, color), row=row, col=1)
    _counts_axis(figure, int(max(view.before.max(), view.after.max())), language, log_counts=log_counts)
    figure.update_xaxes(title=VALUE[language], row=2, col=1)
    return finish(figure, language, HEIGHT)


def original_alone(edges: np.ndarray, counts: np.ndarray, language: Language, *, log_counts: bool) -> go.Figure:
    """The histogram of a matrix of which nothing is quantized yet."""
    figure = make_subplots(rows=1, cols=1, subplot_titles=[BEFORE[language]])
    figure.add_trace(_bars(edges, counts, ORIGINAL, language))
    figure.add_trace(_contour(edges, counts, ORIGINAL_LINE))
    _counts_axis(figure, int(counts.max()), language, log_counts=log_counts)
    figure.update_xaxes(title=VALUE[language])
    return finish(figure, language, HEIGHT)


def waiting(language: Language) -> go.Figure:
    """In place of a figure that waits for the model to be made."""
    figure = go.Figure()
    figure.add_annotation(text=NOT_YET[language], showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return finish(figure, language, HEIGHT)


def _bars(edges: np.ndarray, counts: np.ndarray, color: str, language: Language) -> go.Bar:
    return go.Bar(
        x=((edges[:-1] + edges[1:]) / 2).astype(np.float32), y=counts.astype(np.int32),
        width=float(edges[1] - edges[0]), marker={"color": color, "line": {"width": 0}},
        hovertemplate=f"%{{x:.4f}}: %{{y}} {COUNT[language]}<extra></extra>",
    )  # fmt: skip


def _contour(edges: np.ndarray, counts: np.ndarray, color: str) -> go.Scatter:
    """The outline of the bars: a fill alone does not stand out from every page."""
    heights = np.where(counts > 0, counts, np.nan).astype(np.float32)
    return go.Scatter(
        x=((edges[:-1] + edges[1:]) / 2).astype(np.float32), y=heights, mode="lines", hoverinfo="skip",
        line={"shape": "hvh", "width": 1, "color": color},
    )  # fmt: skip


def _counts_axis(figure: go.Figure, top: int, language: Language, *, log_counts: bool) -> None:
    figure.update_yaxes(title=COUNT[language])
    if log_counts:
        figure.update_yaxes(type="log", range=[-0.3, float(np.log10(top)) + 0.2], dtick=1, exponentformat="power",
                            tickfont={"size": 11})  # fmt: skip
    else:
        figure.update_yaxes(range=[0, top * 1.05])


def occupancy(view: WeightView, language: Language) -> go.Figure:
    """Share of the weights at each code. Values that are not evenly spaced stand side by side, named below."""
    places = np.arange(len(view.code_values)) if view.axis is Axis.VALUE else view.code_values.astype(int)
    names = [_name(v, view.axis, language) for v in view.code_values]
    few = len(places) < CROWDED
    figure = go.Figure(
        go.Bar(
            x=places, y=(100 * view.occupancy).astype(np.float32), width=0.8 if few else 1,
            marker={"color": QUANTIZED if few else QUANTIZED_LINE,
                    "line": {"width": 1 if few else 0, "color": QUANTIZED_LINE}}, customdata=names,
            hovertemplate=f"{CODE[view.axis][language]} %{{customdata}}: %{{y:.2f}}{PERCENT[language]}<extra></extra>",
        )
    )  # fmt: skip
    if view.axis is not Axis.INTEGER:
        named = len(places) if len(places) <= NAMED else MANY_NAMED
        ticks = np.linspace(0, len(places) - 1, named).round().astype(int)
        figure.update_xaxes(tickvals=places[ticks], ticktext=[names[i] for i in ticks], tickfont={"size": 11})
    elif len(places) <= NAMED:
        figure.update_xaxes(dtick=1, tickangle=0, tickfont={"size": 10})
    figure.update_xaxes(title=CODE[view.axis][language])
    figure.update_yaxes(title=SHARE[language], rangemode="tozero")
    return finish(figure, language, HEIGHT)


def _name(value: float, axis: Axis, language: Language) -> str:
    if axis is Axis.EXPONENT:
        return f"2{superscript(int(value))}"
    return number(float(value), language, 3) if value else "0"
