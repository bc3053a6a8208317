"""How large what comes into a layer gets: tokens by channels, and channel by channel with outliers marked."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from quant.evaluation.activations import Ranges
from quant.plots.style import ERROR, MANTISSA_LINE, ORIGINAL, ORIGINAL_LINE, finish, log_axis
from quant.text import Language, Text, number

HEIGHT = 380
FLOOR = 1e-3  # of the largest: smaller magnitudes share the palest colour, and the lower end of an axis
COLOURS = [[0.0, "#F2F7FB"], [0.4, "#9CC9E8"], [0.75, ORIGINAL], [1.0, "#00263D"]]  # the original's blue, pale to dark
TOKEN = Text("token del texto, en orden de lectura", "token of the text, in reading order")
CHANNEL = Text("canal (columna de la entrada)", "channel (column of the input)")
ONE = Text("canal", "channel")
MAGNITUDE = Text("mayor |x|", "largest |x|")
RANKED = Text("canales, del mayor al menor", "channels, from largest to smallest")
SIZE = Text("|x| del canal", "|x| of the channel")
LARGEST = Text("mayor", "largest")
TYPICAL = Text("típica (raíz de la media cuadrática)", "typical (root mean square)")
OUTLIER = Text("canal atípico", "outlier channel")
RULE = Text("desde aquí, atípico: {limit}", "outlier from here on: {limit}")


def heat_map(seen: Ranges, language: Language) -> go.Figure:
    """Tokens down, channels across; colour: the largest magnitude of a bin, on a log scale. Outliers are marked."""
    low, high = _ends(seen)
    ticks = log_axis(low, high, language)
    rows, columns = seen.heat.shape
    figure = go.Figure(
        go.Heatmap(
            z=np.log10(np.clip(seen.heat, low, None)).astype(np.float32), customdata=seen.heat.astype(np.float32),
            x=(np.arange(columns) * seen.channels / columns).astype(np.float32),
            y=(np.arange(rows) * seen.tokens / rows).astype(np.float32),
            zmin=np.log10(low), zmax=np.log10(high), colorscale=COLOURS,
            colorbar={
                "title": {"text": MAGNITUDE[language], "side": "right"}, "thickness": 14, "outlinewidth": 0,
                "tickvals": [float(np.log10(v)) for v in _values(ticks)], "ticktext": ticks["ticktext"],
            },
            hovertemplate=f"token %{{y:.0f}}, {ONE[language]} %{{x:.0f}}: %{{customdata:.3g}}"
                          "<extra></extra>",
        )
    )  # fmt: skip
    if seen.outliers:
        figure.add_scatter(
            x=list(seen.outliers), y=[0.0] * len(seen.outliers), mode="markers", cliponaxis=False,
            marker={"color": ERROR, "symbol": "triangle-down", "size": 10},
            hovertemplate=f"{OUTLIER[language]} %{{x}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=CHANNEL[language])
    figure.update_yaxes(title=TOKEN[language], autorange="reversed")
    return finish(figure, language, HEIGHT)


def by_channel(seen: Ranges, language: Language) -> go.Figure:
    """Every channel's largest and typical magnitude, sorted; those beyond the rule's line are marked and named."""
    order = np.argsort(-seen.largest, kind="stable")
    places, low = np.arange(1, seen.channels + 1), _ends(seen)[0]
    high = max(float(seen.largest.max()), seen.threshold) * 1.6
    figure = go.Figure()
    for values, colour, mode, name in (
        (seen.typical, MANTISSA_LINE, "markers", TYPICAL), (seen.largest, ORIGINAL_LINE, "lines", LARGEST),
    ):  # fmt: skip
        figure.add_scatter(
            x=places, y=np.clip(values[order], low, None).astype(np.float32), mode=mode, name=name[language],
            customdata=order, line={"color": colour, "width": 2}, marker={"color": colour, "size": 4},
            hovertemplate=f"{ONE[language]} %{{customdata}}: %{{y:.3g}}<extra>{name[language]}</extra>",
        )  # fmt: skip
    marked = len(seen.outliers)
    if marked:
        figure.add_scatter(
            x=places[:marked], y=seen.largest[order[:marked]].astype(np.float32), mode="markers", customdata=order,
            name=OUTLIER[language], marker={"color": ERROR, "symbol": "diamond", "size": 9},
            hovertemplate=f"{OUTLIER[language]} %{{customdata}}: %{{y:.3g}}<extra></extra>",
        )  # fmt: skip
    limit = RULE.format(limit=number(seen.threshold, language, 2))[language]
    figure.add_hline(y=seen.threshold, line={"color": ERROR, "dash": "dash", "width": 1.5})
    figure.add_annotation(x=1, xref="paper", xanchor="right", y=np.log10(seen.threshold), yanchor="bottom",
                          text=limit, showarrow=False, font={"size": 12})  # fmt: skip
    figure.update_xaxes(title=RANKED[language])
    figure.update_yaxes(title=SIZE[language], **log_axis(low, high, language))
    finish(figure, language, HEIGHT)
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})


def _ends(seen: Ranges) -> tuple[float, float]:
    """The ends of a logarithmic scale of these magnitudes."""
    high = float(seen.largest.max()) or 1.0
    positive = seen.typical[seen.typical > 0]
    return max(FLOOR * high, 0.7 * float(positive.min()) if len(positive) else 0.0), high


def _values(axis: dict[str, object]) -> list[float]:
    found = axis["tickvals"]
    assert isinstance(found, list)
    return found
