"""HTML by templates: what is text is escaped, what is markup is not escaped again, nothing is missing in silence."""

from __future__ import annotations

from html import unescape

import pytest
from jinja2 import Environment, UndefinedError
from markupsafe import Markup

from quant.ui.shared import html
from quant.ui.shared.templates import ENVIRONMENT, FOLDER, macros

BAD = "<img src=x onerror=\"alert('&')\">"


def test_every_file_of_templates_compiles_and_has_no_line_break() -> None:
    files = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.j2"))
    assert len(files) > 5
    for file in files:
        assert "\n" not in ENVIRONMENT.loader.get_source(Environment(), file)[0], file  # type: ignore[union-attr]
        assert ENVIRONMENT.autoescape
        macros(file)


def test_text_is_escaped_and_markup_is_not_escaped_again() -> None:
    pieces = (
        html.verdict(BAD), html.caption(BAD), html.notice(BAD), html.waiting(BAD), html.heading(3, BAD),
        html.cards([(BAD, BAD, BAD)]), html.table([BAD], [[BAD, BAD]]),
        html.row_name(BAD, html.badge("packed", "es"), BAD),
        html.cell(BAD, BAD), html.folded(BAD, html.caption(BAD)),
    )  # fmt: skip
    for piece in pieces:
        assert isinstance(piece, Markup)
        assert "<img" not in piece
        assert BAD in unescape(piece)
        assert "&amp;lt;" not in html.cards([("", "", piece)])


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        ENVIRONMENT.from_string("{{ missing }}").render()


def test_what_is_said_when_work_stops_keeps_its_markup() -> None:
    kept = html.stopped(html.progress(html.t.QUANTIZING, 0.5, "es") + html.caption("a & b"), "es")
    assert kept.endswith('<p class="lab-caption">a &amp; b</p>')
