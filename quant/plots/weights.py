"""A matrix before and after quantization, and how often each code is used."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant.evaluation.weights import Axis, WeightView
from quant.plots.style import ORIGINAL, PERCENT, QUANTIZED, finish
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


def histogram(view: WeightView, language: Language, *, log_counts: bool) -> go.Figure:
    """Two histograms, original above quantized, on the same bins and the same axes."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, shared_yaxes="all", vertical_spacing=0.12,
        subplot_titles=[BEFORE[language], AFTER[language]],
    )  # fmt: skip
    centers = ((view.edges[:-1] + view.edges[1:]) / 2).astype(np.float32)
    width = float(view.edges[1] - view.edges[0])
    for row, (counts, color) in enumerate([(view.before, ORIGINAL), (view.after, QUANTIZED)], 1):
        figure.add_bar(
            x=centers, y=counts.astype(np.int32), width=width, row=row, col=1,
            marker={"color": color, "line": {"width": 0}},
            hovertemplate=f"%{{x:.4f}}: %{{y}} {COUNT[language]}<extra></extra>",
        )  # fmt: skip
        figure.update_yaxes(title=COUNT[language], row=row, col=1)
    top = int(max(view.before.max(), view.after.max()))
    if log_counts:
        figure.update_yaxes(type="log", range=[-0.3, float(np.log10(top)) + 0.2], dtick=1, exponentformat="power",
                            tickfont={"size": 11})  # fmt: skip
    else:
        figure.update_yaxes(range=[0, top * 1.05])
    figure.update_xaxes(title=VALUE[language], row=2, col=1)
    return finish(figure, language, 430)


def occupancy(view: WeightView, language: Language) -> go.Figure:
    """Share of the weights at each code. Values that are not evenly spaced stand side by side, named below."""
    places = np.arange(len(view.code_values)) if view.axis is Axis.VALUE else view.code_values.astype(int)
    names = [_name(v, view.axis, language) for v in view.code_values]
    figure = go.Figure(
        go.Bar(
            x=places, y=(100 * view.occupancy).astype(np.float32), width=0.8 if len(places) < 64 else 1,
            marker={"color": QUANTIZED, "line": {"width": 0}}, customdata=names,
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
    return finish(figure, language, 260)


def _name(value: float, axis: Axis, language: Language) -> str:
    if axis is Axis.EXPONENT:
        return f"2{superscript(int(value))}"
    return number(float(value), language, 3) if value else "0"
