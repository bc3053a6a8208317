"""Methods at equal bits per weight: KL with its interval, one line a method; against seconds; and against bytes.

What was recorded is drawn hollow and what was measured here is filled, each named so in the hover text. Axes of KL are
logarithmic: two bits cost a hundred times what eight do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from quant.evaluation.figures import Estimate
from quant.plots.style import ERROR, INK, ORIGINAL, QUANTIZED, finish, log_axis
from quant.text import Language, Text, number

KL = Text("KL con el original (nats)", "KL to the original (nats)")
SECONDS = Text("segundos para cuantizar", "seconds to quantize")
BYTES = Text("bits por peso, con todo lo que va al lado", "bits per weight, all that stands beside included")
LIVE, RECORDED = Text("medido aquí", "measured here"), Text("grabado", "recorded")
HOVER = Text("{name}: {kl} nats{ends}, {bits} bits por peso, {seconds} ({kind})",
             "{name}: {kl} nats{ends}, {bits} bits per weight, {seconds} ({kind})")  # fmt: skip
TOOK = Text("{n} s", "{n} s")
UNKNOWN = Text("tiempo desconocido", "time unknown")
LINE_HEIGHT, ROOM = 38, 1.25
CLOSE = 8  # times, from the least to the greatest KL: then ticks lie in equal steps
LEAST_KL, LEAST_SECONDS = 1e-6, 0.05


@dataclass(frozen=True)
class Dot:
    """A contender at some bits. best: it loses least; base: it is plain rounding."""

    name: Text
    kl: Estimate
    bits: float
    seconds: float | None
    live: bool
    best: bool = False
    base: bool = False

    def hover(self, language: Language) -> str:
        ends = self.kl.interval
        between = f" [{number(ends.low, language, 3)}; {number(ends.high, language, 3)}]" if ends else ""
        took = UNKNOWN if self.seconds is None else TOOK.format(n=number(self.seconds, language, 2))
        return HOVER.format(
            name=self.name, kl=number(self.kl.value, language, 3), ends=between, bits=number(self.bits, language, 3),
            seconds=took[language], kind=LIVE if self.live else RECORDED,
        )[language]  # fmt: skip

    @property
    def color(self) -> str:
        return ORIGINAL if self.best else INK if self.base else QUANTIZED


def ranking(dots: Sequence[Dot], language: Language) -> go.Figure:
    """One line a method, the one that loses least on top; the dotted line is where rounding lies."""
    ranked = sorted(dots, key=lambda d: d.kl.value, reverse=True)
    figure = go.Figure()
    for base in (d for d in ranked if d.base):
        figure.add_vline(x=base.kl.value, line={"color": ERROR, "width": 1.5, "dash": "dot"})
    _marks(figure, ranked, [d.kl.value for d in ranked], list(range(len(ranked))), language, "error_x")
    for place, dot in enumerate(ranked):  # over its mark, where a phone has room for it
        figure.add_annotation(
            x=0, xref="paper", xanchor="left", y=place, yshift=14, text=dot.name[language], showarrow=False,
            font={"size": 12, "color": INK},
        )  # fmt: skip
    figure.update_xaxes(title=KL[language], **_kl_axis(ranked, language))
    figure.update_yaxes(showgrid=False, showticklabels=False, zeroline=False, range=[-0.6, len(ranked) - 0.1])
    drawn = finish(figure, language, 84 + LINE_HEIGHT * len(ranked))
    return drawn.update_layout(margin={"l": 8, "r": 12, "t": 8, "b": 50})


def against_seconds(dots: Sequence[Dot], language: Language) -> go.Figure:
    """What a lower KL costs in seconds; what has no time is left out."""
    timed = [d for d in dots if d.seconds is not None]
    figure, seconds = go.Figure(), [max(d.seconds or 0.0, LEAST_SECONDS) for d in timed]
    _marks(figure, timed, seconds, [d.kl.value for d in timed], language, "error_y", names=True)
    if timed:
        figure.update_xaxes(title=SECONDS[language], **log_axis(min(seconds) / 1.6, max(seconds) * 4, language))
        figure.update_yaxes(title=KL[language], **_kl_axis(timed, language))
    return finish(figure, language, 400)


def against_bytes(lines: Sequence[Sequence[Dot]], language: Language) -> go.Figure:
    """A line a contender through all bits that it was measured at: at the same height, the leftmost is smallest."""
    figure, every = go.Figure(), [d for line in lines for d in line]
    for line in lines:
        ordered = sorted(line, key=lambda d: d.bits)
        figure.add_scatter(
            x=[d.bits for d in ordered], y=[max(d.kl.value, LEAST_KL) for d in ordered], mode="lines",
            line={"color": ordered[0].color, "width": 1, "dash": "dot" if ordered[0].base else "solid"},
            hoverinfo="skip",
        )  # fmt: skip
        if ordered[0].best or ordered[0].base:
            figure.add_annotation(
                x=ordered[0].bits, y=math.log10(ordered[0].kl.value), text=ordered[0].name[language], showarrow=False,
                xanchor="left", xshift=12, yshift=10, font={"size": 12, "color": INK},
            )  # fmt: skip
    _marks(figure, every, [d.bits for d in every], [d.kl.value for d in every], language, "error_y")
    if every:
        figure.update_xaxes(title=BYTES[language])
        figure.update_yaxes(title=KL[language], **_kl_axis(every, language))
    return finish(figure, language, 400)


def _marks(figure: go.Figure, dots: Sequence[Dot], x: Sequence[float], y: Sequence[float], language: Language,
           error: str, names: bool = False) -> None:  # fmt: skip
    """Squares with their interval along the axis of KL, hollow where recorded."""
    text = [f"\N{NO-BREAK SPACE}{d.name[language]}" for d in dots] if names else None
    figure.add_scatter(
        x=list(x), y=list(y), mode="markers+text" if names else "markers", text=text, textposition="middle right",
        textfont={"size": 11, "color": INK}, cliponaxis=not names,
        marker={
            "symbol": ["square" if d.live else "square-open" for d in dots], "size": 11,
            "color": [d.color for d in dots], "line": {"width": 2, "color": [d.color for d in dots]},
        },
        customdata=[d.hover(language) for d in dots], hovertemplate="%{customdata}<extra></extra>",
        **{error: _interval(dots)},
    )  # fmt: skip


def _even(low: float, high: float) -> list[float]:
    """Round values between the ends in equal steps, seven or fewer."""
    power = 10.0 ** math.floor(math.log10(high - low) - 1)
    step = next(power * n for n in (1, 2, 5, 10, 20) if (high - low) / (power * n) <= 7)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _interval(dots: Sequence[Dot]) -> dict[str, object]:
    highs = [d.kl.interval.high - d.kl.value if d.kl.interval else 0.0 for d in dots]
    lows = [min(d.kl.value - d.kl.interval.low, 0.9 * d.kl.value) if d.kl.interval else 0.0 for d in dots]
    return {"array": highs, "arrayminus": lows, "symmetric": False, "color": INK, "thickness": 1.5, "width": 4}


def _kl_axis(dots: Sequence[Dot], language: Language) -> dict[str, object]:
    known = [d.kl for d in dots if math.isfinite(d.kl.value)]
    lows = [max(k.interval.low if k.interval else k.value, 0.1 * k.value, LEAST_KL) for k in known]
    highs = [k.interval.high if k.interval else k.value for k in known]
    low, high = min(lows) / ROOM, max([*highs, LEAST_KL * 2]) * ROOM
    axis = log_axis(low, high, language)
    if high / low < CLOSE:
        ticks = _even(low, high)
        axis |= {"tickvals": ticks, "ticktext": [number(v, language, 2) for v in ticks]}
    return axis
