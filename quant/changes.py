"""What of a text is another than in the text it is compared with: spans of characters, for a page to mark.

Both are cut into words, each with the space before it. A run of at least two words that stands in both, in the same
order, is the same; whatever lies between such runs has changed. A single word in common ("de", "la") is chance: without
that rule the babble of a broken model looks a third right. The rejected alternative, to mark all that follows the first
difference, paints a paraphrase and babble alike.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

Span = tuple[int, int]
LEAST_RUN = 2  # words
WORD = re.compile(r"\s*\S+")


def changed_spans(original: str, text: str) -> tuple[Span, ...]:
    """(start, end) of each part of `text` that is not in `original` at its place, in order; characters.

    >>> changed_spans("es una onda que se mueve", "es una forma que se mueve")
    ((7, 12),)
    >>> changed_spans("es una onda", "es una onda"), changed_spans("", "de la")
    ((), ((0, 5),))
    """
    before, after = WORD.findall(original), list(WORD.finditer(text))
    matcher = SequenceMatcher(None, [w.strip() for w in before], [w[0].strip() for w in after], autojunk=False)
    spans, at = [], 0
    for block in matcher.get_matching_blocks():
        kept = block.size >= LEAST_RUN or block.size == len(after) == len(before)
        if not (kept or block.b == len(after)):
            continue
        if block.b > at:
            spans.append((_first_letter(after[at]), after[block.b - 1].end()))
        at = block.b + block.size
    return tuple(spans)


def same_characters(original: str, text: str) -> int:
    """How many characters both begin with.

    >>> same_characters("la luz", "la luna")
    5
    """
    pairs = zip(original, text, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(original), len(text)))


def _first_letter(word: re.Match[str]) -> int:
    return word.end() - len(word[0].lstrip())
