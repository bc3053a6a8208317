"""Charts as marks on a sheet, which a template draws as SVG: no script, no font, nothing to fetch.

Each number on them is one of the report's, the ends of an axis and its ticks too. Widths and places are in the units of
the sheet, which is 680 wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant.plots.style import log_axis
from quant.report.fact import Facts, Ref, Section, Shown, Worth
from quant.report.phrase import Name, Part
from quant.text import Text

WIDTH = 680
LEFT, TOP, BOTTOM = 64, 16, 46
LABELS = 240  # room for the names of points at the right
LETTERS = 36  # of a name
LINE = 15  # between two names
STEPS = (1, 2, 2.5, 5, 10)
TICK = Text("Marca del eje: {axis}", "Tick of the axis: {axis}")


@dataclass(frozen=True)
class Rect:
    """css: original, quantized, other, sign, exponent, mantissa."""

    x: float
    y: float
    width: float
    height: float
    css: str


@dataclass(frozen=True)
class Line:
    """A line from point to point. css: axis, grid, ends, leader, original, quantized."""

    points: str
    css: str


@dataclass(frozen=True)
class Dot:
    """css: live, measured or recorded, and `behind` where another is better."""

    x: float
    y: float
    css: str


@dataclass(frozen=True)
class Label:
    """A part of the report's text. anchor: start, middle or end."""

    x: float
    y: float
    said: Part
    anchor: str = "start"
    css: str = ""


@dataclass(frozen=True)
class Chart:
    """Marks on a sheet. title: what it is a picture of, for whoever does not see it."""

    title: Text
    height: float
    rects: tuple[Rect, ...] = ()
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    labels: tuple[Label, ...] = ()
    width: float = WIDTH


@dataclass(frozen=True)
class Bar:
    """A bar with its name above it and its number behind it."""

    name: Part
    value: float
    said: Ref
    css: str


@dataclass(frozen=True)
class Point:
    """A recipe: bytes, KL and the ends of its interval. css: as of `Dot`."""

    name: Text
    n_bytes: float
    kl: float
    low: float
    high: float
    css: str


def bars(title: Text, rows: Sequence[Bar]) -> Chart:
    """Lengths from zero, one under another."""
    room, step = WIDTH - 110, 46
    most = max(row.value for row in rows) or 1.0
    rects, labels = [], []
    for i, row in enumerate(rows):
        y, width = 8 + i * step, max(1.0, room * row.value / most)
        labels.append(Label(0, y + 12, row.name, css="name"))
        rects.append(Rect(0, y + 18, _r(width), 18, row.css))
        labels.append(Label(_r(width + 8), y + 32, row.said, css="value"))
    return Chart(title, 8 + step * len(rows), tuple(rects), labels=tuple(labels))


@dataclass(frozen=True)
class Fields:
    """A number format: its name and the bits of sign, exponent and mantissa, each with its number."""

    name: Part
    bits: tuple[int, int, int]
    said: tuple[Ref, Ref, Ref]


def fields(title: Text, names: tuple[Text, Text, Text], rows: Sequence[Fields]) -> Chart:
    """What the bits of each format are for, a row each, on one scale."""
    left, step, head = 84, 38, 30
    unit = (WIDTH - left) / max(sum(row.bits) for row in rows)
    rects, labels, kinds = [], [], ("sign", "exponent", "mantissa")
    for key, name, kind in zip((left, left + 96, left + 212), names, kinds, strict=True):
        rects.append(Rect(key, 5, 12, 12, kind))
        labels.append(Label(key + 18, 15, name, css="key"))
    for i, row in enumerate(rows):
        x, y = float(left), head + i * step
        labels.append(Label(0, y + 19, row.name, css="name"))
        for kind, count, said in zip(kinds, row.bits, row.said, strict=True):
            rects.append(Rect(_r(x), y, _r(unit * count - 1), 28, kind))
            labels.append(Label(_r(x + (unit * count - 1) / 2), y + 19, said, "middle", "inside"))
            x += unit * count
    return Chart(title, head + step * len(rows), tuple(rects), labels=tuple(labels))


def histogram(title: Text, edges: np.ndarray, before: np.ndarray, after: np.ndarray, ends: tuple[Ref, Ref]) -> Chart:
    """Two histograms on the same bins: the weights as an outline, what is stored of them as bars.

    edges: [bins + 1]; before, after: counts [bins]. Heights are roots of counts, so that rare weights are seen.
    ends: the smallest and the largest weight, which stand where they lie.
    """
    height, base = 220, 190
    x = np.linspace(8, WIDTH - 8, len(edges))
    most = math.sqrt(max(before.max(), after.max()))
    tall = [(base - 10) * np.sqrt(counts) / most for counts in (before, after)]
    width = float(x[1] - x[0])
    rects = [Rect(_r(left), _r(base - h), _r(width), _r(h), "quantized")
             for left, h in zip(x[:-1], tall[1], strict=True) if h > 0]  # fmt: skip
    outline = [(x[0], base), *((a, base - h) for left, right, h in zip(x[:-1], x[1:], tall[0], strict=True)
                               for a in (left, right)), (x[-1], base)]  # fmt: skip
    lines = [Line(_points(outline), "original"), Line(_points([(8, base), (WIDTH - 8, base)]), "axis")]
    labels = [Label(8, base + 20, ends[0], "start", "tick"), Label(WIDTH - 8, base + 20, ends[1], "end", "tick")]
    return Chart(title, height, tuple(rects), tuple(lines), labels=tuple(labels))


def against_bytes(title: Text, axes: tuple[Text, Text], points: Sequence[Point], facts: Facts,
                  shown: tuple[Shown, Shown]) -> Chart:  # fmt: skip
    """KL against bytes, KL on a logarithmic axis, with intervals; names at the right, each led to its point.

    axes: what is said of bytes and of KL; shown: how the numbers of their ticks are printed. There is a point whose KL
    is more than 0; those of 0 lie on the floor.
    """
    positive = [p.kl for p in points if p.kl > 0]
    low = min([*positive, *(p.low for p in points if p.low > 0)]) / 1.4
    high = max([*positive, *(p.high for p in points if math.isfinite(p.high))]) * 1.4
    right = WIDTH - LABELS
    height = max(330, TOP + BOTTOM + LINE * (len(points) + 1))
    floor = height - BOTTOM
    ticks = round_ticks(min(p.n_bytes for p in points), max(p.n_bytes for p in points))
    span = (ticks[0], ticks[-1])

    def across(n_bytes: float) -> float:
        return LEFT + 14 + (right - LEFT - 28) * (n_bytes - span[0]) / (span[1] - span[0])

    def up(kl: float) -> float:
        at = math.log(max(kl, low) / low) / math.log(high / low)
        return floor - (floor - TOP) * min(1.0, at)

    lines, labels = [Line(_points([(LEFT, floor), (right, floor)]), "axis")], []
    for i, tick in enumerate(ticks):
        ref = _tick(facts, f"axis.bytes.{i}", axes[0], tick, shown[0], "bytes")
        labels.append(Label(_r(across(tick)), floor + 18, ref, "middle", "tick"))
        lines.append(Line(_points([(across(tick), TOP), (across(tick), floor)]), "grid"))
    marks = log_axis(low, high, "es")["tickvals"]
    assert isinstance(marks, list)
    for i, tick in enumerate(marks):
        ref = _tick(facts, f"axis.kl.{i}", axes[1], tick, shown[1], "nats")
        labels.append(Label(LEFT - 8, _r(up(tick) + 4), ref, "end", "tick"))
        lines.append(Line(_points([(LEFT, up(tick)), (right, up(tick))]), "grid"))
    labels += [Label(_r((LEFT + right) / 2), height - 6, axes[0], "middle", "axis-name"),
               Label(0, TOP - 4, axes[1], "start", "axis-name")]  # fmt: skip
    dots = []
    ordered = sorted(points, key=lambda p: -p.kl)
    for point, y in zip(ordered, spread([up(p.kl) for p in ordered], TOP + 8, floor), strict=True):
        at = across(point.n_bytes), up(point.kl)
        if math.isfinite(point.high) and point.high > point.low:
            lines.append(Line(_points([(at[0], up(point.low)), (at[0], up(point.high))]), "ends"))
        lines.append(Line(_points([(at[0] + 6, at[1]), (right + 4, y), (right + 10, y)]), "leader"))
        dots.append(Dot(_r(at[0]), _r(at[1]), point.css))
        labels.append(Label(right + 14, _r(y + 4), Name(_short(point.name)), "start", f"point {point.css}"))
    return Chart(title, height, (), tuple(lines), tuple(dots), tuple(labels))


def _short(name: Text) -> Text:
    """A name as far as there is room for it."""
    cut = (said if len(said) <= LETTERS else said[: LETTERS - 1].rstrip(" ·") + "…" for said in (name.es, name.en))
    return Text(*cut)


def spread(places: Sequence[float], first: float, last: float) -> list[float]:
    """Falling places, moved apart until any two are LINE from each other, between `first` and `last` where they fit."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + LINE if found else first))
    limit = last
    for i in reversed(range(len(found))):
        found[i] = min(found[i], limit)
        limit = found[i] - LINE
    return found


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round numbers from at most `low` to at least `high`, at equal steps; two where both are one."""
    if high <= low:
        low, high = low * 0.9, high * 1.1 or 1.0
    power = 10 ** math.floor(math.log10((high - low) / (most - 1)))
    for step in (s * factor for factor in (power, 10 * power) for s in STEPS):
        first, last = math.floor(low / step), math.ceil(high / step)
        if last - first < most:
            return [step * i for i in range(first, last + 1)]
    raise AssertionError((low, high))


def _tick(facts: Facts, id_: str, axis: Text, value: float, shown: Shown, unit: str) -> Ref:
    name = TICK.format(axis=axis)
    return facts.add(Section.AXES, id_, name, value, shown, unit=unit, worth=Worth.STATED)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _r(value: float) -> float:
    return round(float(value), 1)
