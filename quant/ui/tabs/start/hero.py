"""The opening: a slider that takes bits away from the embedded model, and everything that then changes.

All of it is recorded (quant/recorded.py), so that it is there before a model is loaded, and said here once for each
stop of the slider; hero.js only shows one stop or another. The first state is already in the HTML.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from quant.changes import Span
from quant.evaluation.verdict import WORDS, Verdict
from quant.recorded import Recorded, Row, recorded
from quant.text import Language, Text, number, size
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.tabs.start import hero_texts as t

FOLDER = Path(__file__).parent
SCRIPT = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf8") for name in ("hero_draw", "hero"))
STYLE = "".join((FOLDER / f"{name}.css").read_text(encoding="utf8") for name in ("slider", "hero"))
FILE = "tabs/start/hero.html.j2"
ORIGINAL = "original"
STOPS = (ORIGINAL, "8", "6", "5", "4", "3", "2")
FIRST = "4"
MOST_LINES = 31  # of a grid; more are a band
LEFT, RIGHT = 3.0, 97.0  # per cent of the width where the first and the last weight stand
HALF = 45.0  # per cent of the height from the middle to the largest value
MARKS = ("dot o", "square q", "dash e")


@dataclass(frozen=True)
class Stop:
    """All that is seen at one stop of the slider, in words and markup of one language.

    rest, codes: per cent of the bar; levels: where the sixteen squares stand, per cent of the height, none at the
    original.
    """

    key: str
    said: str
    value: str
    size: str
    of: str
    parts: Markup
    rest: float
    codes: float
    text: Markup
    told: str
    chip: Markup
    perplexity: str
    kl: str
    caption: str
    grid: Markup
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Mark:
    """One weight of the picture: per cent of its width and height."""

    x: float
    weight: float
    level: float


# ---- the words of a stop


def marked_text(prompt: str, text: str, changed: Sequence[Span]) -> Markup:
    """The prompt in bold, then the text with what changed marked; line breaks as spaces, dots where it was cut."""
    parts, at, text = [], 0, text.rstrip(" \n—,;:.") + "…"
    for start, end in changed:
        parts += [(text[at:start], False), (text[start:end], True)]
        at = end
    shown = [(part.replace("\n", " "), is_changed) for part, is_changed in [*parts, (text[at:], False)] if part]
    return Markup(macros(FILE).text(prompt, shown))


def stop_of(kept: Recorded, row: Row, language: Language) -> Stop:
    """What is seen at the bits of a row."""
    rest, packed = _still_float32(kept, row), row.stored_bytes
    shown, levels = size(packed, language), 2**row.bits - 1
    largest = max(abs(w) for w in kept.weights)
    errors = [abs(w - level) for w, level in zip(kept.weights, row.levels, strict=True)]
    error = number(100 * sum(errors) / len(errors) / largest, language, 2)
    parts = t.SIZE_PARTS.format(codes=size(packed - rest, language), bits=row.bits)
    whole = t.SIZE_REST.format(rest=size(rest, language))
    return Stop(
        key=str(row.bits), said=_said(t.AT, language, bits=row.bits),
        value=_said(t.VALUE, language, bits=row.bits, size=shown, verdict=_word(row, language)),
        size=shown, of=_said(t.SIZE_OF, language, whole=size(kept.float_bytes, language)),
        parts=macros(FILE).parts(marked(whole[language], language), parts[language]),
        rest=_share(rest, kept), codes=_share(packed - rest, kept),
        text=marked_text(kept.prompt, row.text, row.changed), told=_told(row, language),
        chip=_chip(row.judged, WORDS[row.judged], language),
        perplexity=" → ".join(number(p.value, language, 3) for p in (kept.perplexity_original, row.perplexity)),
        kl=_said(t.NATS, language, kl=number(row.kl_mean.value, language, 2)),
        caption=_said(t.WEIGHTS, language, bits=row.bits, levels=levels, error=error),
        grid=_grid(row, _reach(kept)), levels=tuple(_height(level, _reach(kept)) for level in row.levels),
    )  # fmt: skip


def original_stop(kept: Recorded, language: Language) -> Stop:
    """What is seen where nothing is taken away."""
    shown = size(kept.float_bytes, language)
    published = t.SIZE_PUBLISHED.format(published=size(kept.published_bytes, language))
    return Stop(
        key=ORIGINAL, said=t.AT_ORIGINAL[language], value=_said(t.VALUE_ORIGINAL, language, size=shown),
        size=shown, of=t.SIZE_OF_ORIGINAL[language], parts=macros(FILE).parts(published[language], ""), rest=100.0,
        codes=0.0, text=marked_text(kept.prompt, kept.original_text, ()), told=t.THE_ORIGINAL[language],
        chip=_chip(Verdict.INDISTINGUISHABLE, t.ORIGINAL_CHIP, language),
        perplexity=number(kept.perplexity_original.value, language, 3),
        kl=_said(t.NATS, language, kl="0"), caption=t.WEIGHTS_ORIGINAL[language], grid=Markup(""), levels=(),
    )  # fmt: skip


def stops(kept: Recorded, language: Language) -> list[Stop]:
    rows = [stop_of(kept, kept.by_bits[int(key)], language) for key in STOPS if key != ORIGINAL]
    return [original_stop(kept, language), *rows]


def _chip(verdict: Verdict, word: Text, language: Language) -> Markup:
    sign, css = shared_texts.VERDICTS[verdict]
    return Markup(macros(html.PIECES).chip(css, sign, word[language]))


def _word(row: Row, language: Language) -> str:
    """The verdict within a sentence."""
    return WORDS[row.judged][language].lower()


def _told(row: Row, language: Language) -> str:
    return (t.CHANGED if row.changed else t.SAME)[language]


def _said(text: Text, language: Language, **fields: object) -> str:
    return text.format(**fields)[language]


# ---- where things stand


def _still_float32(kept: Recorded, row: Row) -> int:
    """Bytes of what a row leaves in float32: the token table, positions, biases, norms."""
    quantized = (kept.float_bytes - row.stored_bytes) / (4 - row.bits_per_weight / 8)
    return round(kept.float_bytes - 4 * quantized)


def _share(n_bytes: int, kept: Recorded) -> float:
    return round(100 * n_bytes / kept.float_bytes, 2)


def _reach(kept: Recorded) -> float:
    """The largest value of any row's grid, or weight."""
    shown = [kept.by_bits[int(key)] for key in STOPS if key != ORIGINAL]
    return max(abs(v) for values in (kept.weights, *(row.levels for row in shown)) for v in values)


def _height(value: float, reach: float) -> float:
    return round(50 - HALF * value / reach, 2)


def _grid(row: Row, reach: float) -> Markup:
    """The lines of a row's grid that the picture holds, or a band where they would touch."""
    highest = 2 ** (row.bits - 1) - 1
    ends = [_height(sign * highest * row.scale, reach) for sign in (1, -1)]
    if 2 * highest + 1 > MOST_LINES:
        return Markup(macros(FILE).grid([], (ends[0], round(ends[1] - ends[0], 2))))
    return Markup(macros(FILE).grid([_height(code * row.scale, reach) for code in range(-highest, highest + 1)], None))


def marks(kept: Recorded, stop: Stop) -> list[Mark]:
    n = len(kept.weights)
    heights = [_height(w, _reach(kept)) for w in kept.weights]
    xs = [round(LEFT + (RIGHT - LEFT) * i / (n - 1), 2) for i in range(n)]
    return [Mark(*place) for place in zip(xs, heights, stop.levels or heights, strict=True)]


# ---- the element


@cache
def hero(language: Language) -> Markup:
    """The markup of `<lab-hero>` at its first stop. Raises ModelError where the recording is of other weights."""
    kept = recorded()
    shown = stops(kept, language)
    place = STOPS.index(FIRST)
    first = asdict(shown[place]) | {
        "place": place, "at": round(place / (len(STOPS) - 1), 4), "marks": marks(kept, shown[place])
    }  # fmt: skip
    names = [t.ORIGINAL_STOP[language], *STOPS[1:]]
    legend = list(zip(MARKS, (name[language] for name in t.LEGEND), strict=True))
    return Markup(macros(FILE).hero(_data(shown, language), _words(kept, language), first, legend,
                                    _kind("recorded", t.RECORDED, language), names, language))  # fmt: skip


def _data(shown: Sequence[Stop], language: Language) -> str:
    strings = {
        "play": t.PLAY[language], "pause": t.PAUSE[language], "writing": t.WRITING[language],
        "unfinished": t.UNFINISHED[language], "unwritten": t.UNWRITTEN[language],
        "live": _kind("measured", t.LIVE, language), "recorded": _kind("recorded", t.RECORDED, language),
        "changed": t.CHANGED[language], "same": t.SAME[language], "original": t.THE_ORIGINAL[language],
    }  # fmt: skip
    return json.dumps({"stops": [asdict(stop) for stop in shown], "strings": strings}, ensure_ascii=False)


def _words(kept: Recorded, language: Language) -> dict[str, Any]:
    """What never changes."""
    said = {
        "question": t.QUESTION, "bits": t.BITS, "not_a_measure": t.NOT_A_MEASURE, "play": t.PLAY, "own": t.OWN,
        "shown": t.SHOWN_RECIPE, "other": t.OTHER_RECIPE, "between": t.BETWEEN, "use": t.USE_THIS,
        "back": t.BACK.format(prompt=kept.prompt),
    }  # fmt: skip
    explained = {name: marked(text[language], language) for name, text in (("perplexity", t.PERPLEXITY), ("kl", t.KL))}
    return (
        {name: text[language] for name, text in said.items()}
        | explained
        | {"recorded": html.mark("recorded", language)}
    )


def _kind(kind: str, name: Text, language: Language) -> Markup:
    return Markup(macros(FILE).kind(html.mark(kind, language), name[language], shared_texts.BADGES[kind][1][language]))
