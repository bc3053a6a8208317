"""A training as small SVG pictures, drawn anew each second: the loss, what is lost beside PTQ and the original, and how
the weights gather at the values of the grid. Coordinates are whole pixels, so that a frame stays a few kilobytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import escape

from quant.evaluation.learning import BINS_A_STEP, Check, Learning
from quant.text import Language, Text, fixed, number

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 158, 44, 10, 20, 24
MOST_POINTS, MOST_BINS = 60, 64
FEW = 12  # points, which a line alone would hide
LABEL_GAP = 14  # pixels that a label takes
PTQ = Text("PTQ {value}", "PTQ {value}")
ORIGINAL = Text("original {value}", "original {value}")
NOW = Text("ahora {value}", "now {value}")
STEP = Text("paso {n}", "step {n}")
LOSS_LABEL = Text(
    "La pérdida de cada paso, en nats: de {first} a {last}", "The loss of each step, in nats: from {first} to {last}"
)
CHECKS_LABEL = Text(
    "{name}: {first} tras PTQ, {last} ahora, {float} el original",
    "{name}: {first} after PTQ, {last} now, {float} the original’s",
)
PLACES_LABEL = Text(
    "Dónde caen los pesos entre los {n} valores de la rejilla, al empezar y ahora",
    "Where the weights lie among the {n} values of the grid, at the start and now",
)
KL, PERPLEXITY = Text("KL", "KL"), Text("Perplejidad", "Perplexity")


@dataclass(frozen=True)
class Canvas:
    """Steps from `first` to `last` across, values from `low` to `high` upwards, logarithmic where asked for."""

    first: int
    last: int
    low: float
    high: float
    log: bool = False
    left: int = RIGHT

    def x(self, step: float) -> int:
        return round(self.left + (WIDTH - self.left - RIGHT) * (step - self.first) / max(1, self.last - self.first))

    def y(self, value: float) -> int:
        scale: Callable[[float], float] = math.log if self.log else float
        low, high = scale(self.low), scale(self.high)
        share = (scale(min(max(value, self.low), self.high)) - low) / ((high - low) or 1.0)
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share)

    def path(self, points: Sequence[tuple[int, float]]) -> str:
        """A line through (step, value)."""
        places = [(self.x(step), self.y(value)) for step, value in points]
        moves = [(x - u, y - v) for (u, v), (x, y) in pairwise(places)]
        return f"M{places[0][0]} {places[0][1]}" + "".join(f"l{x} {y}" for x, y in moves)


def loss_chart(learning: Learning, language: Language) -> str:
    """The loss of each step; axes alone before the first."""
    points = _fewer(learning.losses) or [(0, 0.0)]
    values = [value for _, value in points]
    canvas = Canvas(min(1, points[0][0]), max(points[-1][0], 2), 0.0, 1.05 * max(values) or 1.0, left=LEFT)
    label = LOSS_LABEL.format(first=_said(values[0]), last=_said(values[-1]))[language]
    parts = [_frame(canvas, language), _ends(canvas, language) if learning.losses else ""]
    parts += [f'<path class="loss" d="{canvas.path(points)}"/>'] if learning.losses else []
    parts += [f'<path class="check" d="{_squares(points, canvas)}"/>'] if len(learning.losses) in range(1, FEW) else []
    return _svg("loss", label, parts)


def kl_chart(learning: Learning, language: Language) -> str:
    """The KL to the original at each check; the original's own is 0."""
    values = [check.kl for check in learning.checks]
    canvas = Canvas(*_steps(learning), 0.0, 1.05 * max(*values, 1e-6))
    return _checks(learning, canvas, KL, lambda check: check.kl, 0.0, language)


def perplexity_chart(learning: Learning, language: Language) -> str:
    """The perplexity at each check, on a logarithmic axis."""
    original, values = learning.perplexity_original, [check.perplexity for check in learning.checks]
    canvas = Canvas(*_steps(learning), 0.95 * min(*values, original), 1.1 * max(*values, original), log=True)
    return _checks(learning, canvas, PERPLEXITY, lambda check: check.perplexity, original, language)


def _checks(learning: Learning, canvas: Canvas, name: Text, value: Callable[[Check], float], original: float,
            language: Language) -> str:  # fmt: skip
    """Squares for checks, between a line for PTQ and one for the original, each named at its left end."""
    checks = learning.checks
    first, last = value(checks[0]), value(checks[-1])
    label = CHECKS_LABEL.format(name=name, first=_said(first), last=_said(last), float=_said(original))[language]
    points = [(check.step, value(check)) for check in checks]
    lines = [
        f'<path class="{css}" d="M{canvas.left} {canvas.y(v)}H{WIDTH - RIGHT}"/>'
        for css, v in (("ptq", first), ("original", original))
    ]
    words = [("ptq", PTQ, first, "start"), ("original", ORIGINAL, original, "start")]
    words += [("now", NOW, last, "end")] if len(checks) > 1 else []
    parts = [
        _frame(canvas, language), *lines, f'<path class="now" d="{canvas.path(points)}"/>',
        f'<path class="check" d="{_squares(points, canvas)}"/>', *_named(words, canvas, language),
    ]  # fmt: skip
    return _svg("checks", label, parts)


def _squares(points: Sequence[tuple[int, float]], canvas: Canvas) -> str:
    return "".join(f"M{canvas.x(step) - 3} {canvas.y(value) - 3}h6v6h-6z" for step, value in points)


def _named(words: Sequence[tuple[str, Text, float, str]], canvas: Canvas, language: Language) -> list[str]:
    """Each line's name over it, and clear of its neighbour's."""
    parts = []
    for css, text, value, anchor in words:
        x, y = (canvas.left + 6 if anchor == "start" else WIDTH - RIGHT), canvas.y(value) - (9 if css == "now" else 5)
        if css == "now" and abs(canvas.y(value) - canvas.y(words[0][2])) < LABEL_GAP:
            y = canvas.y(value) + LABEL_GAP + LABEL_GAP // 2  # hardly off the line of PTQ: under both
        said = text.format(value=_said(value))[language]
        parts.append(f'<text class="{css}" x="{x}" y="{max(y, 11)}" text-anchor="{anchor}">{said}</text>')
    return parts


def gathering(learning: Learning, language: Language) -> str:
    """The weights of one layer between the values of their grid: an outline as it began, filled as it is now."""
    size = -(-len(learning.checks[0].places) // MOST_BINS)
    first, last = (_merged(check.places, size) for check in (learning.checks[0], learning.checks[-1]))
    top, floor = max(*first, *last, 1), HEIGHT - BOTTOM
    step = (WIDTH - 2 * RIGHT) / len(first)

    def outline(counts: Sequence[int]) -> str:
        heights = [floor - round((floor - TOP) * count / top) for count in counts]
        edges = [round(RIGHT + step * i) for i in range(len(counts) + 1)]
        return f"M{RIGHT} {floor}" + "".join(
            f"V{h}h{b - a}" for h, a, b in zip(heights, edges, edges[1:], strict=False)
        )

    at = [round(RIGHT + step * BINS_A_STEP / size * (place + 0.5)) for place in _values(learning)]
    ticks = "".join(f"M{x} {TOP - 6}V{floor + 5}" for x in at)
    label = PLACES_LABEL.format(n=len(at))[language]
    parts = [
        f'<path class="value" d="{ticks}"/>', f'<path class="places" d="{outline(last)}V{floor}z"/>',
        f'<path class="before" d="{outline(first)}V{floor}"/>',
        f'<path class="axis" d="M{RIGHT} {floor}H{WIDTH - RIGHT}"/>',
    ]  # fmt: skip
    return _svg("gathering", label, parts)


def _values(learning: Learning) -> list[int]:
    """The values of the grid that the histogram has room for, by their place: one bit leaves 0 out."""
    scheme = learning.recipe.rules[0].scheme
    places = list(range(len(learning.checks[0].places) // BINS_A_STEP))
    return [places[0], places[-1]] if scheme is not None and scheme.element.name == "binary" else places


def _merged(counts: Sequence[int], size: int) -> list[int]:
    return [sum(counts[at : at + size]) for at in range(0, len(counts), size)]


def _fewer(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most MOST_POINTS, each the mean of those that it stands for."""
    size = -(-len(points) // MOST_POINTS) or 1
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def _steps(learning: Learning) -> tuple[int, int]:
    first = learning.checks[0].step
    return first, max(learning.checks[-1].step, first + 1)


def _frame(canvas: Canvas, language: Language) -> str:
    """The axes, and the first and last step."""
    floor = HEIGHT - BOTTOM
    steps = "".join(
        f'<text class="tick" x="{x}" y="{HEIGHT - 6}" text-anchor="{anchor}">{said}</text>'
        for x, anchor, said in (
            (canvas.left, "start", fixed(canvas.first, language, 0)),
            (WIDTH - RIGHT, "end", STEP.format(n=_whole(canvas.last))[language]),
        )
    )
    return f'<path class="axis" d="M{canvas.left} {TOP - 4}V{floor}H{WIDTH - RIGHT}"/>{steps}'


def _ends(canvas: Canvas, language: Language) -> str:
    """The lowest and the highest value beside the axis."""
    return "".join(
        f'<text class="tick" x="{canvas.left - 5}" y="{y}" text-anchor="end">{number(value, language, 2)}</text>'
        for value, y in ((canvas.high, TOP + 4), (canvas.low, HEIGHT - BOTTOM + 4))
    )


def _svg(css: str, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="lab-qat-chart {css}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _said(value: float) -> Text:
    return Text(number(value, "es", 3), number(value, "en", 3))


def _whole(value: int) -> Text:
    return Text(fixed(value, "es", 0), fixed(value, "en", 0))
