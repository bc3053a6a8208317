"""Range against precision: one bar a format, from its smallest value to its largest, at its significant bits.

SVG drawn once in two widths, so that on a phone nothing shrinks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from quant.evaluation.numbers import FormatRange
from quant.plots.style import EXPONENT, MANTISSA
from quant.text import Language, Text

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 330, 58, 8, 48, 46
WIDE, NARROW = 780, 370
LOW, HIGH, STEP = -150, 130, 30
LABEL = Text(
    "Alcance y precisión de {n} formatos; los mismos datos están en la tabla de debajo",
    "Range and precision of {n} formats; the same figures are in the table below",
)
BITS = Text("bits significativos (precisión)", "significant bits (precision)")
SIZE = Text("magnitud", "magnitude")


def ranges_svg(formats: Sequence[FormatRange], names: dict[str, str], language: Language) -> str:
    """`names`: the short name drawn above each bar. Solid: normal numbers; hatched: subnormals."""
    return _svg(formats, names, language, WIDE, "wide") + _svg(formats, names, language, NARROW, "narrow")


def _svg(formats: Sequence[FormatRange], names: dict[str, str], language: Language, width: int, css: str) -> str:
    ranked = sorted(formats, key=lambda f: (f.significant_bits, f.low))
    columns = [list(group) for _, group in groupby(ranked, key=lambda f: f.significant_bits)]
    gap = 0.7  # of a bar's place, between one precision and the next
    step = (width - LEFT - RIGHT) / (len(ranked) + gap * (len(columns) - 1))
    thick = min(26.0, 0.62 * step)
    parts = [_line(2**0, v, width) for v in range(LOW + STEP, HIGH, STEP)]
    at = float(LEFT)
    for column in columns:
        middle = at + step * len(column) / 2
        parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 20}">{column[0].significant_bits}</text>')
        for i, one in enumerate(column):
            parts.append(_bar(one, names[one.name], at + step * (i + 0.5), thick, css))
        at += step * (len(column) + gap)
    label = LABEL.format(n=len(ranked))[language]
    hatch = (
        f'<defs><pattern id="lab-hatch-{css}" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="3" height="6" fill="{MANTISSA}"/></pattern></defs>'
    )
    return (
        f'<svg class="lab-ranges {css}" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{label}">{hatch}'
        f"{''.join(parts)}"
        f'<text x="{(width + LEFT) / 2:.0f}" y="{HEIGHT - 8}">{BITS[language]}</text>'
        f'<text transform="translate(13 {(HEIGHT + TOP - BOTTOM) / 2:.0f}) rotate(-90)">{SIZE[language]}</text></svg>'
    )


def _y(power: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (HIGH - power) / (HIGH - LOW)


def _line(base: int, power: int, width: int) -> str:
    """A level of the axis; 1 is drawn stronger."""
    y = _y(power)
    label = f'2<tspan dy="-6" font-size="10">{str(power).replace("-", "−")}</tspan>' if power else str(base)
    css = ' class="one"' if power == 0 else ""
    return (
        f'<line{css} x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="end" x="{LEFT - 8}" y="{y + 5:.1f}">{label}</text>'
    )


def _bar(one: FormatRange, name: str, x: float, thick: float, css: str) -> str:
    top, normal, bottom = _y(one.high), _y(one.normal), _y(one.low)
    left = f'x="{x - thick / 2:.1f}" width="{thick:.1f}"'
    subnormal = (
        f'<rect {left} y="{normal:.1f}" height="{bottom - normal:.1f}" fill="url(#lab-hatch-{css})" class="edge"/>'
        if bottom > normal
        else ""
    )
    turned = f'transform="translate({x + 4:.1f} {top - 7:.1f}) rotate(-90)" class="start"'
    flat = f'x="{x:.1f}" y="{top - 7:.1f}"'
    return (
        f'<rect {left} y="{top:.1f}" height="{max(normal - top, 2):.1f}" fill="{EXPONENT}"/>{subnormal}'
        f"<text {turned if css == 'narrow' else flat}>{name}</text>"
    )
