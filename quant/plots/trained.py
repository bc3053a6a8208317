"""A recorded training as SVG: KL over seconds of training, against what quantizing without training loses.

Seconds are logarithmic, since half of what is gained comes within the first minute; the quantized model that training
starts from, at 0 seconds, stands before the cut of the axis. KL is linear up to LINEAR and logarithmic beyond,
y = ln(1 + kl / LINEAR), so that the original, at 0, has its place under losses of several nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from quant.evaluation.figures import Estimate
from quant.text import Language, Text, number

LINEAR = 0.1  # nats up to which the axis is linear
HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 330, 30, 52, 46, 26
WIDE, NARROW = 760, 380
START = 0.07  # of the width: the place of 0 seconds, before the cut
LEAST_S = 1.0
KL_TICKS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SECONDS = ((1, "1 s"), (3, "3 s"), (10, "10 s"), (30, "30 s"), (60, "1 min"), (180, "3 min"), (600, "10 min"),
           (1800, "30 min"), (3600, "1 h"), (10_800, "3 h"), (36_000, "10 h"))  # fmt: skip
CLOSE = 15.0  # pixels between two names of lines
LOSS = Text("↑ KL (nats)", "↑ KL (nats)")
TRAINED = Text("tiempo de entrenamiento →", "training time →")
ORIGINAL = Text("original: 0", "original: 0")
END = Text("final, texto entero: {kl}", "end, whole text: {kl}")
LABEL = Text(
    "KL según pasa el entrenamiento: de {first} nats a {last} en {seconds} s; las cifras están en la tabla de debajo",
    "KL as training goes on: from {first} nats to {last} in {seconds} s; the figures are in the table below",
)


@dataclass(frozen=True)
class Level:
    """A line across: what a method without training loses. css: rounding or gptq."""

    css: str
    name: Text
    kl: float


@dataclass(frozen=True)
class Curve:
    """What is drawn. points: (seconds, KL) in order, the first at 0; end: of the model that it ended with."""

    points: tuple[tuple[float, float], ...]
    levels: tuple[Level, ...]
    end: Estimate


@dataclass(frozen=True)
class Canvas:
    """One drawing: its width, and what its axes reach."""

    width: int
    first: float
    last: float
    top: float

    @classmethod
    def of(cls, curve: Curve, width: int) -> Canvas:
        later = [seconds for seconds, _ in curve.points if seconds > 0]
        first = max(LEAST_S, min(later, default=LEAST_S) * 0.9)
        losses = [kl for _, kl in curve.points] + [level.kl for level in curve.levels] + [_ends(curve.end)[1]]
        return cls(width, first, max(*later, first * 2), placed(max(losses)) * 1.06)

    def x(self, seconds: float) -> float:
        room = self.width - LEFT - RIGHT
        if seconds < self.first:
            return LEFT + 0.35 * START * room
        share = math.log(seconds / self.first) / math.log(self.last / self.first)
        return LEFT + room * (START + (1 - START) * share)

    def y(self, kl: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * placed(kl) / self.top


def placed(kl: float) -> float:
    """Where a KL lies on the axis; infinite ones are none."""
    return math.log1p(max(kl, 0.0) / LINEAR)


def trained_svg(curve: Curve, language: Language) -> str:
    """The picture for a desktop and for a phone; the page shows one of them."""
    return "".join(_svg(curve, Canvas.of(curve, width), css, language)
                   for width, css in ((WIDE, "wide"), (NARROW, "narrow")))  # fmt: skip


def places(curve: Curve, points: Sequence[tuple[float, float]]) -> list[list[list[float]]]:
    """Of each point (seconds, KL) its place in the wide picture and in the narrow one."""
    both = [Canvas.of(curve, width) for width in (WIDE, NARROW)]
    return [[[round(c.x(seconds), 1), round(c.y(kl), 1)] for c in both] for seconds, kl in points]


def _ends(estimate: Estimate) -> tuple[float, float]:
    ends = estimate.interval
    return (ends.low, ends.high) if ends else (estimate.value, estimate.value)


def _svg(curve: Curve, canvas: Canvas, css: str, language: Language) -> str:
    (_, first), (seconds, last) = curve.points[0], curve.points[-1]
    label = LABEL.format(first=_said(first), last=_said(last), seconds=round(seconds))[language]
    parts = [*_losses(canvas, language), *_seconds(canvas, language), *_levels(curve, canvas, language),
             _line(curve, canvas), _end(curve, canvas, language)]  # fmt: skip
    at = '<g class="at" aria-hidden="true"><circle r="7"/></g>'
    return (
        f'<svg class="trained {css}" viewBox="0 0 {canvas.width} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}{at}</svg>"
    )


def _said(kl: float) -> Text:
    return Text(number(kl, "es", 2), number(kl, "en", 2))


def _losses(canvas: Canvas, language: Language) -> list[str]:
    """The axis of KL, its name above it."""
    parts = [f'<text class="axis" x="0" y="{TOP - 13}">{LOSS[language]}</text>']
    for kl in (kl for kl in KL_TICKS if placed(kl) <= canvas.top):
        y, x2 = canvas.y(kl), canvas.width - RIGHT
        css = "original" if kl == 0 else "level"
        parts.append(
            f'<line class="{css}" x1="{LEFT}" x2="{x2}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{LEFT - 7}" y="{y + 4.5:.1f}" text-anchor="end">{number(kl, language, 1)}</text>'
        )
    return parts


def _seconds(canvas: Canvas, language: Language) -> list[str]:
    """The axis of seconds, 0 before its cut."""
    y, parts, before = HEIGHT - BOTTOM, [], 0.0
    named = [(0.0, "0")] + [(float(s), name) for s, name in SECONDS if canvas.first <= s <= canvas.last]
    for seconds, name in named:
        x = canvas.x(seconds)
        if before and x - before < (40 if canvas.width < WIDE else 52):
            continue
        before = x
        parts.append(
            f'<line class="level" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 5}"/>'
            f'<text class="tick" x="{x:.1f}" y="{y + 19}" text-anchor="middle">{name}</text>'
        )
    cut = LEFT + START * 0.75 * (canvas.width - LEFT - RIGHT)
    parts.append(
        f'<path class="cut" d="M{cut - 4:.1f} {y + 6} l5 -12 M{cut + 2:.1f} {y + 6} l5 -12"/>'
        f'<text class="axis" x="{canvas.width - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">{TRAINED[language]}</text>'
    )
    return parts


def _levels(curve: Curve, canvas: Canvas, language: Language) -> list[str]:
    """What there is without training, each named over its line at the right, where the curve is below."""
    parts, x2, last = [], canvas.width - RIGHT, -math.inf
    for level in sorted(curve.levels, key=lambda one: -one.kl):
        y = canvas.y(level.kl)
        name_y = max(y - 6, last + CLOSE)
        last = name_y
        name = Text("{name}: {kl}", "{name}: {kl}").format(name=level.name, kl=_said(level.kl))[language]
        parts.append(
            f'<line class="without {level.css}" x1="{LEFT}" x2="{x2}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="name {level.css}" x="{x2}" y="{name_y:.1f}" text-anchor="end">{escape(name)}</text>'
        )
    x, y = LEFT + START * (x2 - LEFT) + 8, canvas.y(0.0) - 6
    parts.append(f'<text class="name original" x="{x:.1f}" y="{y:.1f}">{ORIGINAL[language]}</text>')
    return parts


def _line(curve: Curve, canvas: Canvas) -> str:
    line = " ".join(f"{canvas.x(seconds):.1f},{canvas.y(kl):.1f}" for seconds, kl in curve.points)
    return f'<polyline class="curve" points="{line}"/>'


def _end(curve: Curve, canvas: Canvas, language: Language) -> str:
    """The model that it ended with on the whole text, its interval as a whisker."""
    x, y = canvas.x(curve.points[-1][0]), canvas.y(curve.end.value)
    low, high = (canvas.y(end) for end in _ends(curve.end))
    name = END.format(kl=_said(curve.end.value))[language]
    name_y = y + 19 if y + 23 < canvas.y(0.0) else y - 12  # the axis lies below
    return (
        f'<path class="whisker" d="M{x:.1f} {low:.1f} V{high:.1f} M{x - 6:.1f} {low:.1f} h12 M{x - 6:.1f} {high:.1f} '
        f'h12"/><rect class="square" x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12"/>'
        f'<text class="name end" x="{x - 12:.1f}" y="{name_y:.1f}" text-anchor="end">{escape(name)}</text>'
    )
