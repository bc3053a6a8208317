"""Texto before anything is written: what was recorded of the live recipe, and where it gives way."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from quant.errors import ModelError
from quant.model.load import EMBEDDED
from quant.recorded import recorded
from quant.text import Language, Text
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.tabs.text import before
from quant.ui.tabs.text.before import before_writing, pair

LANGUAGES: tuple[Language, Language] = ("es", "en")


def plain(markup: str) -> list[str]:
    """The text of each column."""
    return [html.unescape(re.sub("<[^>]+>", "", one)) for one in re.findall(r"<p lang=.*?</p>", markup, re.DOTALL)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_recorded_recipe_shows_both_texts_whole(language: Language) -> None:
    found = recorded()
    for row in found.rows:
        choice, errors = read_query(dict(re.findall(r"(\w+)=([^&]*)", row.address)), Choice(EMBEDDED))
        assert errors == []
        shown = plain(before_writing(choice, language))
        wanted = [found.prompt + text for text in (found.original_text, row.text)]
        assert [" ".join(one.split()) for one in shown] == [" ".join(one.split()) for one in wanted]


def test_the_first_word_that_differs_is_marked_in_both_and_none_where_they_agree() -> None:
    found = recorded()
    marks = {row.bits: re.findall(r"<mark[^>]*>(.*?)</mark>", pair(found, row, "es")) for row in found.rows[:7]}
    assert marks[8] == []
    assert marks[4] == ["onda", "forma"]
    assert len(marks[2]) == 2
    shorter = replace_row(found.rows[0], found.original_text[:20])
    assert len(re.findall("<mark", pair(found, shorter, "es"))) == 1, "a text that ends has no word there"


def replace_row(row: before.Row, text: str) -> before.Row:
    return row.model_copy(update={"text": text, "same_characters": len(text)})


def test_what_is_not_recorded_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert before_writing(replace(Choice(EMBEDDED), bits=5, zero_point=True), "es") == ""
    assert before_writing(Choice("nadie/nada"), "es") == ""

    def other() -> None:
        raise ModelError(Text("de otros pesos", "of other weights"))

    monkeypatch.setattr(before, "recorded", other)
    assert before_writing(Choice(EMBEDDED), "es") == ""
