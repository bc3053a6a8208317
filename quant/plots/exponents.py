"""How many weights have each power of two, and which powers each format reaches without a scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant.evaluation.numbers import FormatRange
from quant.plots.style import EXPONENT, INK, MANTISSA, MANTISSA_LINE, ORIGINAL, ORIGINAL_LINE, PERCENT, finish
from quant.text import Language, Text

WEIGHTS = Text("% de los pesos", "% of the weights")
POWER = Text("potencia de dos del peso", "power of two of the weight")
NORMAL = Text("normales", "normal")
SUBNORMAL = Text("subnormales", "subnormal")
MARGIN = 3  # powers of two shown past the weights; at least FROM to TO, so that the edges of FP8 and FP4 are in sight
FROM, TO, STEP = -28, 5, 6


def exponents(
    powers: np.ndarray, counts: np.ndarray, formats: Sequence[FormatRange], names: dict[str, str], language: Language
) -> go.Figure:
    """Above, the histogram (log axis); below, a band a format: solid where normal, hatched where subnormal."""
    low, high = min(FROM, int(powers[0]) - MARGIN), max(TO, int(powers[-1]) + MARGIN)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.6, 0.4])
    share = (100 * counts / max(int(counts.sum()), 1)).astype(np.float32)
    figure.add_bar(
        x=powers + 0.5, y=share, width=0.94, row=1, col=1,
        marker={"color": ORIGINAL, "line": {"width": 1, "color": ORIGINAL_LINE}},
        customdata=powers, hovertemplate="2<sup>%{customdata}</sup>: %{y:.3g}" + PERCENT[language] + "<extra></extra>",
    )  # fmt: skip
    rows = [names[f.name] for f in formats]
    for kind, color, edge, pattern in ((NORMAL, EXPONENT, EXPONENT, ""), (SUBNORMAL, MANTISSA, MANTISSA_LINE, "/")):
        ends = [(f.normal, f.high) if kind is NORMAL else (f.low, f.normal) for f in formats]
        starts = [float(np.clip(a, low, high)) for a, _ in ends]
        widths = [float(np.clip(b, low, high)) - s for (_, b), s in zip(ends, starts, strict=True)]
        text = [f"{name}: {kind[language]} 2<sup>{a:.0f}</sup> … 2<sup>{b:.0f}</sup>"
                for name, (a, b) in zip(rows, ends, strict=True)]  # fmt: skip
        figure.add_bar(
            x=widths, base=starts, y=rows, orientation="h", row=2, col=1, width=0.62, name=kind[language],
            marker={"color": color, "line": {"width": 1, "color": edge}, "pattern": {"shape": pattern, "size": 6}},
            customdata=text, hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    ticks = list(range(STEP * (low // STEP) + STEP, high, STEP))
    labels = [f"2<sup>{v}</sup>".replace("-", "−") for v in ticks]
    figure.update_xaxes(range=[low, high], tickvals=ticks, ticktext=labels, tickangle=0)
    figure.update_xaxes(title=POWER[language], row=2, col=1)
    least = max(float(share[share > 0].min()), 1e-7) if (share > 0).any() else 0.1
    figure.update_yaxes(
        title=WEIGHTS[language], type="log", dtick=1, tickfont={"size": 12}, exponentformat="power",
        range=[float(np.log10(least)) - 0.3, 2.1], row=1, col=1,
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False, ticklabelstandoff=6, row=2, col=1)
    finish(figure, language, 430)
    return figure.update_layout(barmode="overlay", font={"color": INK})
