"""Methods at equal bits per weight: KL with its interval, one line a method; against seconds; and against bytes.

What was recorded is drawn hollow and what was measured here is filled, each named so in the hover text. Axes of KL are
logarithmic: two bits cost a hundred times what eight do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import plotly.graph_objects as go

from quant.evaluation.figures import Estimate
from quant.plots.style import ERROR, INK, QUANTIZED, finish, log_axis
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
HEIGHT = 400
# The room that names have on a phone, in pixels: of the figure, a letter, a line, from mark to name, half a mark.
PHONE_WIDTH, PHONE_HEIGHT, LETTER, LINE, BESIDE, MARK = 270, 320, 6.6, 15, 10, 6
LEAST_KL, LEAST_SECONDS = 1e-6, 0.05


@dataclass(frozen=True)
class Dot:
    """A contender at some bits. short: its name where there is little room; best: it loses least; base: it is plain
    rounding.
    """

    name: Text
    short: Text
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
        return INK if self.base else QUANTIZED

    def bold(self, name: Text, language: Language) -> str:
        """A name of it; that of the best stands out."""
        return f"<b>{name[language]}</b>" if self.best else name[language]


def ranking(dots: Sequence[Dot], language: Language) -> go.Figure:
    """One line a method, the one that loses least on top; the dotted line is where rounding lies."""
    ranked = sorted(dots, key=lambda d: d.kl.value, reverse=True)
    figure = go.Figure()
    for base in (d for d in ranked if d.base):
        figure.add_vline(x=base.kl.value, line={"color": ERROR, "width": 1.5, "dash": "dot"})
    _marks(figure, ranked, [d.kl.value for d in ranked], list(range(len(ranked))), language, "error_x")
    names = [  # over its mark, where a phone has room for it; all in one go, which is ten times as fast
        {
            "x": 0, "xref": "paper", "xanchor": "left", "y": place, "yshift": 14, "text": dot.bold(dot.name, language),
            "showarrow": False, "font": {"size": 12, "color": INK},
        }
        for place, dot in enumerate(ranked)
    ]  # fmt: skip
    figure.update_xaxes(title=KL[language], **_kl_axis(ranked, language))
    figure.update_yaxes(showgrid=False, showticklabels=False, zeroline=False, range=[-0.6, len(ranked) - 0.1])
    drawn = finish(figure, language, 84 + LINE_HEIGHT * len(ranked))
    return drawn.update_layout(annotations=names, margin={"l": 8, "r": 12, "t": 8, "b": 50})


def against_seconds(dots: Sequence[Dot], language: Language) -> go.Figure:
    """What a lower KL costs in seconds; what has no time is left out."""
    timed = [d for d in dots if d.seconds is not None]
    figure, seconds = go.Figure(), [max(d.seconds or 0.0, LEAST_SECONDS) for d in timed]
    _marks(figure, timed, seconds, [d.kl.value for d in timed], language, "error_y")
    if timed:
        x = log_axis(min(seconds) / 1.6, max(seconds) * 1.6, language)
        y = _kl_axis(timed, language)
        figure.update_xaxes(title=SECONDS[language], **x)
        figure.update_yaxes(title=KL[language], **y)
        found = zip(timed, map(math.log10, seconds), strict=True)
        named = sorted(found, key=lambda one: (not (one[0].best or one[0].base), one[0].kl.value))
        _names(figure, named, _ends(x), _ends(y), language)
    return finish(figure, language, HEIGHT)


def against_bytes(lines: Sequence[Sequence[Dot]], language: Language) -> go.Figure:
    """A line a contender through all bits that it was measured at: at the same height, the leftmost is smallest."""
    figure, every = go.Figure(), [d for line in lines for d in line]
    ordered = [sorted(line, key=lambda d: d.bits) for line in lines]
    for line in ordered:
        one, width = line[0], 2.5 if line[0].best else 1
        figure.add_scatter(
            x=[d.bits for d in line], y=[max(d.kl.value, LEAST_KL) for d in line], mode="lines",
            line={"color": one.color, "width": width, "dash": "dot" if one.base else "solid"}, hoverinfo="skip",
        )  # fmt: skip
    _marks(figure, every, [d.bits for d in every], [d.kl.value for d in every], language, "error_y")
    if every:
        bits = [d.bits for d in every]
        x, y = (min(bits) - 0.3, max(bits) + 0.3), _kl_axis(every, language)
        figure.update_xaxes(title=BYTES[language], range=list(x))
        figure.update_yaxes(title=KL[language], **y)
        first = sorted((line for line in ordered if line[0].best or line[0].base), key=lambda line: not line[0].best)
        named = [line[end] for end in (0, -1) for line in first]  # where one end has no room, at the other
        _names(figure, [(d, d.bits) for d in named], x, _ends(y), language)
    return finish(figure, language, HEIGHT)


def _ends(axis: dict[str, object]) -> Sequence[float]:
    return cast(list[float], axis["range"])


def _names(figure: go.Figure, placed: Sequence[tuple[Dot, float]], across: Sequence[float], up: Sequence[float],
           language: Language) -> None:  # fmt: skip
    """Short names beside their marks, on the left where the right has no room on a phone, none where two would overlap.

    placed: with where each lies along an axis that goes over `across`; KL lies on a logarithmic one over `up`. A name
    is written once, and not over a mark. The table has every name.
    """
    highs = [math.log10(max(dot.kl.value, LEAST_KL)) for dot, _ in placed]
    xs = [(place - across[0]) / (across[1] - across[0]) * PHONE_WIDTH for _, place in placed]
    ys = [(high - up[0]) / (up[1] - up[0]) * PHONE_HEIGHT for high in highs]
    # Left, right, height, in pixels of a phone: the marks, and then the names.
    taken, named = [(x - MARK, x + MARK, y) for x, y in zip(xs, ys, strict=True)], set[Text]()
    for (dot, place), high, x, y in zip(placed, highs, xs, ys, strict=True):
        long = LETTER * len(dot.short[language])
        for left, shift in ((x + BESIDE, BESIDE), (x - BESIDE - long, -BESIDE)):
            near = [one for one in taken if abs(y - one[2]) < LINE and left < one[1] and one[0] < left + long]
            if left >= 0 and left + long <= PHONE_WIDTH and not near and dot.short not in named:
                named.add(dot.short)
                taken.append((left, left + long, y))
                figure.add_annotation(
                    x=place, y=high, text=dot.bold(dot.short, language), showarrow=False, xshift=shift,
                    xanchor="left" if shift > 0 else "right", font={"size": 12, "color": INK},
                )  # fmt: skip
                break


def _marks(figure: go.Figure, dots: Sequence[Dot], x: Sequence[float], y: Sequence[float], language: Language,
           error: str) -> None:  # fmt: skip
    """Squares with their interval along the axis of KL, hollow where recorded."""
    figure.add_scatter(
        x=list(x), y=list(y), mode="markers",
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
