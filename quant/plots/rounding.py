"""Real weights and the grid they are moved to, as SVG: drawn at every move of a slider, so plotly is too heavy."""

from __future__ import annotations

import numpy as np

from quant.evaluation.weights import RoundingSample
from quant.plots.style import ERROR, ORIGINAL, QUANTIZED
from quant.text import Language, Text, fixed

HEIGHT, LEFT, TOP, BOTTOM = 240, 54, 16, 14
WIDE, NARROW = 720, 380  # a desktop and a phone: drawn twice, so that nothing shrinks
FEW_LINES = 40
MOST_LINES = 300  # finer grids would only paint the picture grey
LABEL = Text(
    "{n} pesos reales y la rejilla de {levels} valores a la que se mueven",
    "{n} real weights and the grid of {levels} values they move to",
)


def rounding_svg(sample: RoundingSample, language: Language) -> str:
    """Each weight as a blue circle, its rounded value as an orange square, the error as the line between them."""
    return _svg(sample, language, WIDE, "wide") + _svg(sample, language, NARROW, "narrow")


def _svg(sample: RoundingSample, language: Language, width: int, css: str) -> str:
    both = np.concatenate([sample.original, sample.rounded])
    reach = max(float(np.abs(both).max()), 1e-12) * 1.08

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value + reach) / (2 * reach))

    visible = [g for g in sample.grid if abs(g) <= reach]
    drawn = visible if len(visible) <= MOST_LINES else [0.0]
    parts = [_grid_line(y(g), width, bool(g == 0), len(visible)) for g in drawn]
    for value in (-reach / 1.08, 0.0, reach / 1.08):
        text = fixed(value, language, 2)
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y(value) + 5:.1f}" text-anchor="end">{text}</text>')
    step = (width - LEFT - 10) / len(sample.original)
    for i, (w, r) in enumerate(zip(sample.original, sample.rounded, strict=True)):
        x = LEFT + step * (i + 0.5)
        parts.append(
            f'<rect class="stored" x="{x - 4.5:.1f}" y="{y(r) - 4.5:.1f}" width="9" height="9" fill="{QUANTIZED}"/>'
            f'<circle cx="{x:.1f}" cy="{y(w):.1f}" r="3.5" fill="{ORIGINAL}"/>'
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y(w):.1f}" y2="{y(r):.1f}" stroke="{ERROR}" stroke-width="3"/>'
        )
    label = LABEL.format(n=len(sample.original), levels=len(sample.grid))[language]
    return (
        f'<svg class="rounding {css}" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _grid_line(y: float, width: int, is_zero: bool, lines: int) -> str:
    opacity = 0.9 if is_zero else 0.45 if lines <= FEW_LINES else 0.12
    return f'<line class="level" x1="{LEFT}" x2="{width - 8}" y1="{y:.1f}" y2="{y:.1f}" opacity="{opacity}"/>'
