"""The page's sentences: the same fields in both languages, one way of addressing the reader, typographic quotes."""

from __future__ import annotations

import re
import string

from cases import each
from sentences import ALL

from quant.text import Text


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_there_are_many() -> None:
    assert len(ALL) > 100


@each("text", ALL)
def test_both_halves_say_the_same_fields(text: Text) -> None:
    assert fields(text.es) == fields(text.en)
    assert bool(text.es) == bool(text.en)


@each("text", ALL)
def test_spanish_says_tu_and_quotes_as_spanish_does(text: Text) -> None:
    assert not re.search(r"\b(usted|ustedes|vosotros|haga|pulse|mueva|elija|escriba)\b", text.es, re.IGNORECASE)
    text = Text(*(re.sub("<[^>]*>", "", said) for said in (text.es, text.en)))
    assert not re.search(r"[\"“”]", text.es)
    assert not re.search(r"[«»¿¡]", text.en)
    assert text.es.count("¿") == text.es.count("?")
