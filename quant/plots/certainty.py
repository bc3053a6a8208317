"""KL by how sure the original was, as SVG: a line a recipe, a point a bin with its interval; KL on a log axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from markupsafe import escape

from quant.evaluation.certainty import Bin
from quant.plots.style import ERROR, EXPONENT, MANTISSA_LINE, QUANTIZED_LINE, SIGN
from quant.text import Language, Text, fixed, number

HEIGHT, TOP, BOTTOM, LEFT = 340, 28, 66, 58
SIZES = {"wide": (900, 150), "narrow": (380, 12)}  # width, and the room for names on the right
COLOURS = (MANTISSA_LINE, EXPONENT, SIGN, QUANTIZED_LINE, ERROR)
SHAPES = ("●", "■", "▲", "◆", "✚")
KL = Text("↑ KL (nats)", "↑ KL (nats)")
SURE = Text("probabilidad que daba el original al token que vino (%) →",
            "probability that the original gave to the token that came (%) →")  # fmt: skip
LABEL = Text(
    "KL según lo seguro que estaba el original, de {n} recetas", "KL by how sure the original was, {n} recipes"
)
HOVER = Text(
    "{name}, {low} a {high} %: KL {kl} en {count} tokens", "{name}, {low} to {high}%: KL {kl} in {count} tokens"
)
LEAST = 1e-7


def certainty_svg(found: Mapping[str, Sequence[Bin]], language: Language) -> str:
    """For a desktop and a phone; the page shows one."""
    known = {name: bins for name, bins in found.items() if bins}
    if not known:
        return ""
    return "".join(_svg(known, width, right, css, language) for css, (width, right) in SIZES.items())


def _svg(found: Mapping[str, Sequence[Bin]], width: int, right: int, css: str, language: Language) -> str:
    edges = sorted({(one.low, one.high) for bins in found.values() for one in bins})
    values = [max(one.kl.value, LEAST) for bins in found.values() for one in bins]
    least, most = min(values) / 2, max(values) * 2.5
    step = (width - LEFT - right) / len(edges)
    xs = {edge: LEFT + step * (place + 0.5) for place, edge in enumerate(edges)}

    def y(kl: float) -> float:
        share = math.log(max(kl, least) / least) / math.log(most / least)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(share, 1.0)

    parts = [f'<text class="axis" x="0" y="{TOP - 12}">{KL[language]}</text>']
    for power in range(math.ceil(math.log10(least)), math.floor(math.log10(most)) + 1):
        at, shown = y(10.0**power), number(10.0**power, language, 1)
        parts.append(f'<line class="level" x1="{LEFT}" x2="{width - right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{at + 5:.1f}" text-anchor="end">{shown}</text>')
    for (low, high), x in xs.items():
        shown = f"{percent(low, language)}–{percent(high, language)}"
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 42}" text-anchor="middle">{shown}</text>')
    said = SURE[language] if width > 500 else SURE[language].replace(" (%) →", ", %")
    size = "" if width > 500 else ' style="font-size:11.5px"'
    parts.append(f'<text class="axis" x="{8 if size else LEFT}" y="{HEIGHT - 16}"{size}>{said}</text>')
    for place, (name, bins) in enumerate(found.items()):
        parts += _recipe(name, bins, place, xs, y, width, language)
    label = LABEL.format(n=len(found))[language]
    return (
        f'<svg class="certainty {css}" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _recipe(name: str, bins: Sequence[Bin], place: int, xs: Mapping[tuple[float, float], float],
            y: Callable[[float], float], width: int,
            language: Language) -> list[str]:  # fmt: skip
    colour, shape = COLOURS[place % len(COLOURS)], SHAPES[place % len(SHAPES)]
    points = [(xs[one.low, one.high], y(one.kl.value)) for one in bins]
    line = " ".join(f"{x:.1f},{at:.1f}" for x, at in points)
    parts = [f'<polyline class="path" stroke="{colour}" points="{line}"/>']
    for one, (x, at) in zip(bins, points, strict=True):
        said = HOVER.format(
            name=name, low=Text(percent(one.low, "es"), percent(one.low, "en")),
            high=Text(percent(one.high, "es"), percent(one.high, "en")), kl=one.kl.value,
            count=Text(fixed(one.count, "es", 0), fixed(one.count, "en", 0)),
        )[language]  # fmt: skip
        if one.kl.interval:
            low, high = y(one.kl.interval.low), y(one.kl.interval.high)
            parts.append(f'<path class="bar" stroke="{colour}" d="M{x:.1f} {low:.1f} V{high:.1f}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{at + 5:.1f}" text-anchor="middle" style="fill:{colour}">{shape}'
            f"<title>{escape(said)}</title></text>"
        )
    x, at = points[-1] if width > 500 else points[0]
    side = (x + 14, at + 5, "start") if width > 500 else (x - 26, at - 11, "start")
    parts.append(
        f'<text class="name" x="{side[0]:.1f}" y="{side[1]:.1f}" text-anchor="{side[2]}">{escape(name)}</text>'
    )
    return parts


def percent(probability: float, language: Language) -> str:
    """Of a probability, without its sign."""
    return number(round(100 * probability, 6), language, 3)
