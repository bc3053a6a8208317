"""Loss against bytes, or against speed, as SVG: the front named, what it dominates faded, the floor a line.

KL lies on a logarithmic axis, and so does the cost; a KL of 0 has no place there and is drawn on the lowest line. A
name is written beside a point of the front where it hides no other; every other shows its own under the pointer, and a
tap loads the recipe. What the points mean in words and figures is the table's to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from quant.evaluation.figures import Estimate
from quant.evaluation.floor import Floor
from quant.text import Language, Text, number

HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 440, 28, 54, 58, 16
WIDE, NARROW = 900, 380
KL = Text("↑ KL con el original (nats)", "↑ KL to the original (nats)")
COSTS = {
    "bytes": Text("MB del modelo entero →", "MB of the entire model →"),
    "speed": Text("velocidad al escribir, frente a float32 (veces) →", "speed of writing, against float32 (times) →"),
}
FLOOR = Text("suelo de bfloat16: {kl}", "bfloat16 floor: {kl}")
LABEL = Text("{cost}, {n} recetas; los números están en la tabla de debajo",
             "{cost}, {n} recipes; the numbers are in the table below")  # fmt: skip
LETTER, LINE = 7.3, 15  # pixels of a letter and a line of a name
STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)


@dataclass(frozen=True)
class Dot:
    """A recipe. name: a few words; said: all that is known of it; address: the query that loads it, None where no link
    can say it. cost: MB or times the speed, with the ends of its bar where it has one; on_front, knee: of the picture.
    """

    name: str
    said: Text
    address: str | None
    cost: float
    kl: Estimate
    on_front: bool
    knee: bool
    live: bool
    ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class Canvas:
    """One drawing: its width and what its axes reach."""

    width: int
    low: float
    high: float
    least: float
    most: float

    def x(self, cost: float) -> float:
        share = math.log(cost / self.low) / math.log(self.high / self.low)
        return LEFT + (self.width - LEFT - RIGHT) * share

    def y(self, kl: float) -> float:
        share = math.log(max(kl, self.least) / self.least) / math.log(self.most / self.least)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(share, 1.0)


Box = tuple[float, float, float, float]  # left, top, right, bottom
Spot = tuple[float, float, str]  # x, y and anchor of a name


def pareto_svg(dots: Sequence[Dot], lowest: Floor | None, cost: str, language: Language) -> str:
    """The picture for a desktop and for a phone; the page shows one of them. cost: a key of COSTS."""
    known = [dot for dot in dots if math.isfinite(dot.kl.value) and dot.cost > 0]
    if not known:
        return ""
    return "".join(
        _svg(known, lowest, cost, _canvas(known, lowest, width), css, language)
        for width, css in ((WIDE, "wide"), (NARROW, "narrow"))
    )


def _canvas(dots: Sequence[Dot], lowest: Floor | None, width: int) -> Canvas:
    costs = [end for dot in dots for end in (dot.ends or (dot.cost, dot.cost))]
    kls = [dot.kl.value for dot in dots if dot.kl.value > 0] + ([lowest.low] if lowest else [])
    tops = [dot.kl.interval.high if dot.kl.interval else dot.kl.value for dot in dots]
    room = (max(costs) / min(costs)) ** 0.04 if max(costs) > min(costs) else 1.2
    least = min(kls, default=1e-6) / 2
    return Canvas(width, min(costs) / room, max(costs) * room**2, least, max([*tops, least * 10]) * 1.5)


def _svg(dots: Sequence[Dot], lowest: Floor | None, cost: str, canvas: Canvas, css: str, language: Language) -> str:
    label = LABEL.format(cost=COSTS[cost], n=len(dots))[language]
    faded = [dot for dot in dots if not dot.on_front]
    best = sorted((dot for dot in dots if dot.on_front), key=lambda dot: dot.cost)
    places = placed(best, canvas)
    parts = [
        *_levels(canvas, language), *_costs(canvas, cost, language), *_floor(lowest, canvas, language),
        _line(best, canvas), *(_mark(dot, canvas, None, language) for dot in faded),
        *(_mark(dot, canvas, places.get(place), language) for place, dot in enumerate(best)),
    ]  # fmt: skip
    return (
        f'<svg class="pareto {css}" viewBox="0 0 {canvas.width} {HEIGHT}" role="group" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _levels(canvas: Canvas, language: Language) -> list[str]:
    """A line for each power of ten of the KL, the axis named above."""
    parts = [f'<text class="axis" x="0" y="{TOP - 12}">{KL[language]}</text>']
    for power in range(math.ceil(math.log10(canvas.least)), math.floor(math.log10(canvas.most)) + 1):
        y, shown = canvas.y(10.0**power), number(10.0**power, language, 1)
        parts.append(
            f'<line class="level" x1="{LEFT}" x2="{canvas.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{shown}</text>'
        )
    return parts


def _costs(canvas: Canvas, cost: str, language: Language) -> list[str]:
    y, parts = HEIGHT - BOTTOM, []
    parts.append(f'<line class="base" x1="{LEFT}" x2="{canvas.width - RIGHT}" y1="{y}" y2="{y}"/>')
    for tick in ticks(canvas.low, canvas.high, 4 if canvas.width < WIDE else 9):
        x, shown = canvas.x(tick), number(tick, language, 2)
        parts.append(
            f'<line class="level" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 5}"/>'
            f'<text class="tick" x="{x:.1f}" y="{y + 20}" text-anchor="middle">{shown}</text>'
        )
    return [*parts, f'<text class="axis" x="{LEFT}" y="{HEIGHT - 10}">{COSTS[cost][language]}</text>']


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values between the ends of a logarithmic axis, `most` or fewer: every one, every other, ..."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [v for power in powers for step in STEPS if low <= (v := round(step * 10.0**power, 9)) <= high]
    return found[:: math.ceil(len(found) / most)] if found else []


def _floor(lowest: Floor | None, canvas: Canvas, language: Language) -> list[str]:
    """What lies under it cannot be told apart: a tint, a line, its name."""
    if lowest is None:
        return []
    y, width = canvas.y(lowest.mean), canvas.width - LEFT - RIGHT
    said = FLOOR.format(kl=Text(number(lowest.mean, "es", 2), number(lowest.mean, "en", 2)))[language]
    return [
        f'<rect class="under" x="{LEFT}" y="{y:.1f}" width="{width}" height="{HEIGHT - BOTTOM - y:.1f}"/>',
        f'<line class="floor" x1="{LEFT}" x2="{canvas.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
        f'<text class="floor-name" x="{LEFT + 6}" y="{y + 16:.1f}">{said}</text>',
    ]


def _line(best: Sequence[Dot], canvas: Canvas) -> str:
    points = " ".join(f"{canvas.x(dot.cost):.1f},{canvas.y(dot.kl.value):.1f}" for dot in best)
    return f'<polyline class="front" points="{points}"/>' if len(best) > 1 else ""


def placed(best: Sequence[Dot], canvas: Canvas) -> dict[int, Spot]:
    """Where the names of the front go, by their places in it: x, y and anchor. One without room is left out.

    The knee is placed first, then the ends, then the rest; a name covers no mark of the front and no other name.
    """
    spots = [(canvas.x(dot.cost), canvas.y(dot.kl.value)) for dot in best]
    taken: list[Box] = [(x - 7, y - 7, x + 7, y + 7) for x, y in spots]
    ends = {0, len(best) - 1}
    order = sorted(range(len(best)), key=lambda place: (not best[place].knee, place not in ends, place))
    found = {}
    for place in order:
        for spot in _beside(spots[place]):
            box = _box(spot, LETTER * len(best[place].name))
            if _inside(box, canvas) and not any(_over(box, other) for other in taken):
                found[place] = spot
                taken.append(box)
                break
    return found


def _beside(at: tuple[float, float]) -> list[Spot]:
    """Above to the right, right, left below, left, above, below."""
    x, y = at
    return [
        (x + 9, y - 6, "start"), (x + 11, y + 5, "start"), (x - 9, y + 16, "end"), (x - 11, y + 5, "end"),
        (x, y - 12, "middle"), (x, y + 22, "middle"), (x + 9, y + 18, "start"), (x - 9, y - 8, "end"),
    ]  # fmt: skip


def _box(spot: Spot, long: float) -> Box:
    x, y, anchor = spot
    left = x if anchor == "start" else x - long if anchor == "end" else x - long / 2
    return left, y - LINE + 3, left + long, y + 3


def _inside(box: Box, canvas: Canvas) -> bool:
    return box[0] >= LEFT and box[2] <= canvas.width and box[1] >= TOP and box[3] <= HEIGHT - BOTTOM + 4


def _over(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _mark(dot: Dot, canvas: Canvas, spot: Spot | None, language: Language) -> str:
    """Bars, mark and name: a link that loads the recipe where there is one. On a narrow canvas a finger needs room."""
    x, y = canvas.x(dot.cost), canvas.y(dot.kl.value)
    css = " ".join(["point", "best" if dot.on_front else "faded", "measured" if dot.live else "recorded"])
    shown, said = spot or _fallback(dot, x, y, canvas), escape(dot.said[language])
    words = (
        f'<text class="name{"" if spot else " hovered"}" x="{shown[0]:.1f}" y="{shown[1]:.1f}" '
        f'text-anchor="{shown[2]}">{escape(dot.name)}</text>'
    )
    ring = f'<circle class="knee" cx="{x:.1f}" cy="{y:.1f}" r="11"/>' if dot.knee else ""
    inside = (
        f"<title>{said}</title>{_bars(dot, canvas)}{ring}"
        f'<circle class="touch" cx="{x:.1f}" cy="{y:.1f}" r="{12 if dot.on_front else 8}"/>'
        f'<rect class="square" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>{words}'
    )
    if dot.address is None:
        return f'<g class="{css}" tabindex="0" role="img" aria-label="{said}">{inside}</g>'
    address = escape(dot.address)
    return (
        f'<a class="{css}" href="?{address}&amp;tab=elige" data-recipe="{address}" data-recipe-whole '
        f'aria-label="{said}">{inside}</a>'
    )


def _fallback(dot: Dot, x: float, y: float, canvas: Canvas) -> Spot:
    """Where a name shows under the pointer: on the side that has room."""
    right = x + 11 + LETTER * len(dot.name) <= canvas.width
    return (x + 9, y - 8, "start") if right else (x - 9, y - 8, "end")


def _bars(dot: Dot, canvas: Canvas) -> str:
    """The interval of the KL and the rounds of the speed."""
    x, y, line = canvas.x(dot.cost), canvas.y(dot.kl.value), ""
    if dot.kl.interval:
        low, high = canvas.y(dot.kl.interval.low), canvas.y(dot.kl.interval.high)
        line += f"M{x:.1f} {low:.1f} V{high:.1f} M{x - 4:.1f} {low:.1f} h8 M{x - 4:.1f} {high:.1f} h8"
    if dot.ends:
        left, right = canvas.x(dot.ends[0]), canvas.x(dot.ends[1])
        line += f"M{left:.1f} {y:.1f} H{right:.1f}"
    return f'<path class="whisker" d="{line}"/>' if line else ""
