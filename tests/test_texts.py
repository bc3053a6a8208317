"""The page's sentences: the same fields in both languages, one way of addressing the reader, typographic quotes."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest

from quant import ui
from quant.text import Text


def halves(value: object) -> Iterator[Text]:
    """Every Text inside a constant."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from halves(item)
    elif isinstance(value, dict):
        yield from halves(list(value.values()))


MODULES = [import_module(m.name) for m in walk_packages(ui.__path__, "quant.ui.") if m.name.endswith("texts")]
ALL = [text for texts in MODULES for name, value in vars(texts).items() if name.isupper() for text in halves(value)]


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_there_are_many() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize("text", ALL, ids=lambda text: text.en[:40])
def test_both_halves_say_the_same_fields(text: Text) -> None:
    assert fields(text.es) == fields(text.en)
    assert bool(text.es) == bool(text.en)


@pytest.mark.parametrize("text", ALL, ids=lambda text: text.en[:40])
def test_spanish_says_tu_and_quotes_as_spanish_does(text: Text) -> None:
    assert not re.search(r"\b(usted|ustedes|vosotros|haga|pulse|mueva|elija|escriba)\b", text.es, re.IGNORECASE)
    assert not re.search(r"[\"“”]", text.es)
    assert not re.search(r"[«»¿¡]", text.en)
    assert text.es.count("¿") == text.es.count("?")
