"""The visual language, defined once for plotly and for the page's CSS: Okabe-Ito, safe for colour-blind eyes."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from quant.text import Language, Text, number

ORIGINAL = "#0072B2"
QUANTIZED = "#E69F00"
ERROR = "#D55E00"
SIGN = "#CC79A7"
EXPONENT = "#009E73"
MANTISSA = "#56B4E9"
SIMULATED = "#6B7280"
# Text and thin strokes need more contrast than fills: 4.5 to 1 on white, and on the dark page.
INKS = {
    "light": {"original": ORIGINAL, "quantized": "#8A5A00", "error": "#B04700", "line": "#7A8494", "good": "#00694E"},
    "dark": {"original": MANTISSA, "quantized": QUANTIZED, "error": "#FF8F57", "line": "#7A8494", "good": "#3CC79B"},
}
# Outlines of fills, which alone do not stand out three to one from white (orange, sky) or from dark (blue).
ORIGINAL_LINE, QUANTIZED_LINE, MANTISSA_LINE = "#2E86BE", "#A87000", "#2E86BE"
# Where the page's own ink does not reach; on the page, style.css gives plotly's text the colour of the page's.
INK = "#7A808C"
PERCENT = Text("\N{NARROW NO-BREAK SPACE}%", "%")
STEPS = (1, 2, 5)  # ticks of a logarithmic axis
GRID = "rgba(128,128,128,0.22)"


def finish(figure: go.Figure, language: Language, height: int) -> go.Figure:
    """Transparent background, neutral ink, decimal comma in Spanish, no tool bar clutter."""
    figure.update_layout(
        template="none", height=height, margin={"l": 62, "r": 12, "t": 30, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        separators=",\N{NARROW NO-BREAK SPACE}" if language == "es" else ".,",
        bargap=0, showlegend=False, dragmode=False,
        hoverlabel={"bgcolor": "#1F2937", "font": {"color": "#FFFFFF"}},
    )  # fmt: skip
    figure.update_xaxes(
        gridcolor=GRID, zerolinecolor=GRID, automargin=True, title={"font": {"size": 13}, "standoff": 10}
    )
    figure.update_yaxes(
        gridcolor=GRID, zerolinecolor=GRID, automargin=True, title={"font": {"size": 13}, "standoff": 8}
    )
    return figure


def log_axis(low: float, high: float, language: Language) -> dict[str, object]:
    """A logarithmic axis from `low` to `high` with every tick in full: plotly's own write 2 for 0.2."""
    ticks = _ticks(low, high)
    return {
        "type": "log", "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks, "ticktext": [number(v, language, 1) for v in ticks],
    }  # fmt: skip


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each power of ten; the powers alone where there would be too many, the ends where there is none."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    many = math.log10(high / low) > len(STEPS)
    found = [step * 10.0**power for power in powers for step in STEPS[: 1 if many else None]]
    return [v for v in found if low <= v <= high] or [low, high]


def as_css() -> str:
    """The colours as the page's style sheets name them, for both themes."""
    fills = {"original": ORIGINAL, "quantized": QUANTIZED, "error": ERROR, "simulated": SIMULATED}
    named = "".join(f" --lab-{name}: {colour};" for name, colour in fills.items())
    light, dark = (_inks(theme) for theme in ("light", "dark"))
    return f":root {{{named}{light} }}\n.dark {{{dark} }}\n"


def _inks(theme: str) -> str:
    lines = {"line"}
    return "".join(f" --lab-{n}{'' if n in lines else '-ink'}: {colour};" for n, colour in INKS[theme].items())
