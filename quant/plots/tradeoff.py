"""Size against quality as SVG: the zones of the verdict's rule, the original, what is recorded, what was measured.

The height of a point is the change of perplexity, r - 1 for a ratio r, on an axis that is linear up to LINEAR and
logarithmic beyond, y = sign(c) ln(1 + |c| / LINEAR): eight bits cost a few thousandths and two bits a factor of
hundreds, and a purely logarithmic axis has no place for 0, where the original stands. Four to eight bits lie close
together and the original far from them, so that the axis of sizes is cut between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.evaluation.verdict import BROKEN_RATIO, SMALL_RATIO, Verdict
from quant.plots.style import PERCENT
from quant.text import Language, Text, fixed, number

LINEAR = 0.01  # change of perplexity up to which the axis is linear
MOST_NATS = 12.0  # of the log ratio: what lies higher is drawn there
HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 426, 26, 58, 62, 14
WIDE, NARROW = 900, 380
FAR = 0.14  # of the width: the place of the original, beyond the cut
TICKS = (0.0, 0.01, 0.05, 0.2, 1.0, 4.0, 19.0, 99.0, 999.0, 9999.0)  # changes of perplexity
MB = 1e6
SIZES = {"bits": Text("bits por peso, todo el modelo", "bits per weight, whole model"),
         "mb": Text("MB de pesos empaquetados", "MB of packed weights")}  # fmt: skip
CHANGE = Text("↑ perplejidad, frente a la del original", "↑ perplexity, against the original’s")
ZONES = {
    "small": Text("perplejidad: hasta {limit}", "perplexity: up to {limit}"),
    "noticeable": Text("más de {limit}", "above {limit}"),
    "broken": Text("desde {limit}", "from {limit}"),
}
SIGNS = {
    Verdict.INDISTINGUISHABLE: "=", Verdict.SMALL: "≈", Verdict.NOTICEABLE: "▲", Verdict.BROKEN: "✗",
}  # fmt: skip
ORIGINAL = Text("original", "original")
LABEL = Text(
    "Tamaño contra calidad: {n} recetas y el original; los números están en la tabla de debajo",
    "Size against quality: {n} recipes and the original; the numbers are in the table below",
)
RECORDED = Text("grabado", "recorded")
OPEN = Text(
    "{name}: {size}, {change}, {kind}. Cargar esta receta", "{name}: {size}, {change}, {kind}. Load this recipe"
)
MEASURED = Text("medido", "measured")


@dataclass(frozen=True)
class Point:
    """A recipe. label: a word or two beside the mark; name: it in full; log_ratio: of the perplexities, paired.

    verdict: on the recipe, by all measures: its sign stands beside the label, since the zones are of perplexity alone.
    """

    label: Text
    name: Text
    address: str
    bits: float
    n_bytes: int
    log_ratio: Estimate
    recorded: bool
    verdict: Verdict

    def beside(self, language: Language, width: int) -> str:
        """The label with the sign of the verdict; a phone has room for the number alone."""
        label = self.label[language]
        return f"{label.removesuffix(' bits') if width < WIDE else label} {SIGNS[self.verdict]}"


@dataclass(frozen=True)
class Canvas:
    """One drawing: its width, whether sizes are bits or MB, and what the axes reach."""

    width: int
    unit: str
    low: float
    high: float
    top: float
    bottom: float

    def x(self, size: float) -> float:
        room = (self.width - LEFT - RIGHT) * (1 - FAR)
        return LEFT + room * (size - self.low) / (self.high - self.low)

    @property
    def x_original(self) -> float:
        return self.width - RIGHT - (self.width - LEFT - RIGHT) * FAR * 0.42

    def y(self, change: float) -> float:
        share = (placed(change) - self.bottom) / (self.top - self.bottom)
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def placed(change: float) -> float:
    """Where a change of perplexity lies on the axis."""
    return math.copysign(math.log1p(abs(change) / LINEAR), change)


def ratio_text(change: float, language: Language) -> str:
    """A change as it stands at the axis: +5 %, × 20."""
    if change >= 1:
        return f"× {_plain(1 + change, language)}"
    sign = "+" if change > 0 else "−"
    return "=" if change == 0 else f"{sign}{_plain(abs(100 * change), language)}{PERCENT[language]}"


def _plain(value: float, language: Language) -> str:
    """Two significant digits, without a zero that only fills: 2, not 2.0."""
    return fixed(value, language, 0) if float(f"{value:.2g}").is_integer() else number(value, language, 2)


def tradeoff_svg(points: Sequence[Point], original_bytes: int, language: Language) -> str:
    """The picture four times: in bits and in MB, for a desktop and a phone; the page shows one of them."""
    return "".join(
        _svg(points, original_bytes, _canvas(points, width, unit), css, language)
        for unit in SIZES
        for width, css in ((WIDE, "wide"), (NARROW, "narrow"))
    )


def _size(point: Point, unit: str) -> float:
    return point.bits if unit == "bits" else point.n_bytes / MB


def _canvas(points: Sequence[Point], width: int, unit: str) -> Canvas:
    sizes = [_size(p, unit) for p in points]
    spread = max(max(sizes) - min(sizes), 0.05 * max(sizes))
    lows, highs = zip(*(_ends(p) for p in points), strict=True)
    top = max(placed(_change(max(highs))) * 1.12, placed(BROKEN_RATIO - 1) * 1.25)
    bottom = min(placed(_change(min(lows))) - 0.3, -1.3)
    return Canvas(width, unit, min(sizes) - 0.09 * spread, max(sizes) + 0.12 * spread, top, bottom)


def _ends(point: Point) -> tuple[float, float]:
    ends = point.log_ratio.interval or Interval(point.log_ratio.value, point.log_ratio.value)
    return ends.low, ends.high


def _change(nats: float) -> float:
    return math.expm1(min(nats, MOST_NATS))


def _svg(points: Sequence[Point], original_bytes: int, canvas: Canvas, css: str, language: Language) -> str:
    label = LABEL.format(n=len(points))[language]
    drawn = sorted(points, key=lambda p: _size(p, canvas.unit), reverse=True)
    # Names change sides where they are long, as neighbours lie close; on a phone each stands over its own mark.
    above = {id(p): i % 2 == 0 or canvas.width < WIDE for i, p in enumerate(drawn)}
    parts = [
        *_zones(canvas, language), *_levels(canvas, language), *_sizes(canvas, original_bytes, language),
        _original(canvas, language),
        *(_mark(p, canvas, above[id(p)], language) for p in drawn), *(_whiskers(p, canvas) for p in drawn),
    ]  # fmt: skip
    return (
        f'<svg class="tradeoff {canvas.unit} {css}" viewBox="0 0 {canvas.width} {HEIGHT}" role="group" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _zones(canvas: Canvas, language: Language) -> list[str]:
    """The bands of the rule on perplexity, each named where points are rare."""
    ends = [canvas.bottom, placed(SMALL_RATIO - 1), placed(BROKEN_RATIO - 1), canvas.top]
    limits = {"small": SMALL_RATIO - 1, "noticeable": SMALL_RATIO - 1, "broken": BROKEN_RATIO - 1}
    heights = [TOP + (HEIGHT - TOP - BOTTOM) * (1 - (e - canvas.bottom) / (canvas.top - canvas.bottom)) for e in ends]
    width, parts = canvas.width - LEFT - RIGHT, []
    for (name, words), low, high in zip(ZONES.items(), heights, heights[1:], strict=False):
        said = words.format(limit=ratio_text(round(limits[name], 9), language))[language]
        place = f'x="{canvas.width - RIGHT - 8}" y="{high + 19:.1f}" text-anchor="end"'
        if name == "small":  # the original and what costs nothing stand in the middle of its band
            place = f'x="{canvas.width - RIGHT - 8}" y="{low - 8:.1f}" text-anchor="end"'
            if canvas.width < WIDE:
                place = f'x="{LEFT + 8}" y="{low - 8:.1f}"'
        parts.append(
            f'<rect class="zone {name}" x="{LEFT}" y="{high:.1f}" width="{width}" height="{low - high:.1f}"/>'
            f'<text class="zone-name" {place}>{said}</text>'
        )
    return parts


def _levels(canvas: Canvas, language: Language) -> list[str]:
    """The axis of changes, its name above it."""
    parts = [f'<text class="axis" x="0" y="{TOP - 11}">{CHANGE[language]}</text>']
    for change in TICKS:
        y = canvas.y(change)
        if not TOP - 1 <= y <= HEIGHT - BOTTOM:
            continue
        css = "base" if change == 0 else "level"
        parts.append(
            f'<line class="{css}" x1="{LEFT}" x2="{canvas.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{ratio_text(change, language)}</text>'
        )
    return parts


def _sizes(canvas: Canvas, original_bytes: int, language: Language) -> list[str]:
    """The axis of sizes with its cut, and the size of the original beyond it."""
    y, parts = HEIGHT - BOTTOM, []
    sizes = _round_sizes(canvas.low, canvas.high, 4 if canvas.width < WIDE else 8)
    decimals = int(any(size % 1 for size in sizes))  # of the step, so that no two ticks read the same
    for size in sizes:
        x, shown = canvas.x(size), fixed(size, language, decimals)
        parts.append(f'<line class="level" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 5}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{y + 21}" text-anchor="middle">{shown}</text>')
    far = 32.0 if canvas.unit == "bits" else original_bytes / MB
    shown = number(far, language, 3 if far < 32 else 2)
    x, cut = canvas.x_original, LEFT + (canvas.width - LEFT - RIGHT) * (1 - FAR)
    parts.append(
        f'<text class="tick" x="{x:.1f}" y="{y + 21}" text-anchor="middle">{shown}</text>'
        f'<path class="cut" d="M{cut - 5:.1f} {y + 7} l6 -14 M{cut + 2:.1f} {y + 7} l6 -14"/>'
        f'<text class="axis" x="{LEFT}" y="{HEIGHT - 12}">{SIZES[canvas.unit][language]} →</text>'
    )
    return parts


def _round_sizes(low: float, high: float, most: int) -> list[float]:
    """Round values between the ends, `most` or fewer."""
    step = 0.5
    while (high - low) / step > most:
        step *= 2
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step) + 1)]


def _original(canvas: Canvas, language: Language) -> str:
    x, y = canvas.x_original, canvas.y(0.0)
    place = f'x="{x:.1f}" y="{y - 19:.1f}" text-anchor="middle"'
    if canvas.width < WIDE:  # over the marks' own names, from the edge
        place = f'x="{canvas.width - 2}" y="{y - 32:.1f}" text-anchor="end"'
    name = f'<text class="name" {place}>{ORIGINAL[language]}</text>'
    return f'<circle class="original" cx="{x:.1f}" cy="{y:.1f}" r="7"/>{name}'


def _whiskers(point: Point, canvas: Canvas) -> str:
    """The interval of what was measured, wider than its mark, which it may not reach beyond."""
    if point.recorded or point.log_ratio.interval is None:
        return ""
    x, (low, high) = canvas.x(_size(point, canvas.unit)), (canvas.y(_change(end)) for end in _ends(point))
    line = f"M{x:.1f} {low:.1f} V{high:.1f} M{x - 9:.1f} {low:.1f} h18 M{x - 9:.1f} {high:.1f} h18"
    return f'<path class="whisker" d="{line}"/>'


def _mark(point: Point, canvas: Canvas, above: bool, language: Language) -> str:
    """A link that loads the recipe: the mark, its name, and an area that a finger hits."""
    x, y = canvas.x(_size(point, canvas.unit)), canvas.y(_change(point.log_ratio.value))
    shown, kind = (number(_size(point, canvas.unit), language, 3), (RECORDED if point.recorded else MEASURED))
    unit = "MB" if canvas.unit == "mb" else "bits"
    said = OPEN.format(
        name=point.name, size=f"{shown} {unit}", change=ratio_text(_rounded(point), language), kind=kind
    )[language]
    css, address = ("recorded" if point.recorded else "measured"), escape(point.address)
    name, name_y = escape(point.beside(language, canvas.width)), y - (19 if canvas.width == WIDE else 12)
    name_y = name_y if above else y + 29
    return (
        f'<a class="point {css}" href="?{address}&amp;tab=metrica" data-recipe="{address}" data-recipe-whole '
        f'aria-label="{escape(said)}"><title>{escape(said)}</title>'
        f'<circle class="touch" cx="{x:.1f}" cy="{y:.1f}" r="14"/>'
        f'<rect class="square" x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12"/>'
        f'<text class="name" x="{x:.1f}" y="{name_y:.1f}" text-anchor="middle">{name}</text></a>'
    )


def _rounded(point: Point) -> float:
    """The change to a ten thousandth: what rounds to nothing reads “=”."""
    return round(_change(point.log_ratio.value), 4)
