"""Tokens in words, for both sections that show them one by one: how they are written, and how far they moved."""

from __future__ import annotations

import math

from markupsafe import Markup

from quant.evaluation.drift import UNFINISHED, Candidate
from quant.text import NO_BREAK, Language, number
from quant.ui.shared import html
from quant.ui.tabs.text import drift_texts

EDGES = (1.25, 2.0, 4.0)  # times more or less likely, from which a token is tinted 1, 2 or 3
SEEN = str.maketrans({" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\N{NO-BREAK SPACE}": "⍽"})
LINE_END = Markup("<i>↵</i>\n")


def level(log_change: float) -> int:
    """-3 (lost most) to 3 (gained most); 0 is hardly moved."""
    size = sum(abs(log_change) >= math.log(edge) for edge in EDGES)
    return size if log_change > 0 else -size


def percent(p: float, language: Language) -> str:
    """A probability, never rounded up to certainty."""
    share = 100 * p
    text = f">{NO_BREAK}{number(99.9, language, 3)}" if 99.95 <= share < 100 else number(share, language, 3)
    return text + html.percent_sign(language)


def times(log_change: float, language: Language) -> str:
    """How many times likelier (×) or less likely (÷)."""
    factor = math.exp(min(abs(log_change), 700))
    return f"{'÷' if log_change < 0 else '×'}{NO_BREAK}{number(factor, language, 3 if factor < 9.95 else 2)}"


def visible(piece: str) -> str:
    """A piece of text with its spaces and line ends to be seen."""
    return piece.translate(SEEN)


def token_name(candidate: Candidate, language: Language) -> str:
    """What a token writes, when it can be written."""
    if UNFINISHED in candidate.piece:
        return drift_texts.DRIFT_PARTIAL.format(id=candidate.id)[language]
    return visible(candidate.piece) or drift_texts.DRIFT_UNWRITTEN.format(id=candidate.id)[language]


def word_of(shown: str) -> str:
    """For a sentence: without the space that begins most tokens, unless there is nothing else."""
    return shown.strip("·") or shown


def split_spaces(piece: str) -> tuple[str, str]:
    """The spaces that begin a piece, which take no tint (a line may end after them), and the rest, never empty."""
    word = piece.lstrip(" ") or piece
    return piece[: len(piece) - len(word)], word
