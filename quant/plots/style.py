"""The visual language, defined once for plotly and for the page's CSS: Okabe-Ito, safe for colour-blind eyes."""

from __future__ import annotations

import plotly.graph_objects as go

from quant.text import Language

ORIGINAL = "#0072B2"
QUANTIZED = "#E69F00"
ERROR = "#D55E00"
SIGN = "#CC79A7"
EXPONENT = "#009E73"
MANTISSA = "#56B4E9"
SIMULATED = "#6B7280"
# Where the page's own ink does not reach; on the page, style.css gives plotly's text the colour of the page's.
INK = "#7A808C"
GRID = "rgba(128,128,128,0.22)"


def finish(figure: go.Figure, language: Language, height: int) -> go.Figure:
    """Transparent background, neutral ink, decimal comma in Spanish, no tool bar clutter."""
    figure.update_layout(
        template="none", height=height, margin={"l": 62, "r": 12, "t": 30, "b": 46},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        separators=",\N{NARROW NO-BREAK SPACE}" if language == "es" else ".,",
        bargap=0, showlegend=False, dragmode=False,
        hoverlabel={"bgcolor": "#1F2937", "font": {"color": "#FFFFFF"}},
    )  # fmt: skip
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    return figure
