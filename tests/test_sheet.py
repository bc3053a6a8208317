"""The teacher's sheet in the README: its links are recipes of the page, its figures those that are recorded."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from quant.recorded import Recorded, Row, recorded
from quant.text import NO_BREAK, Language, fixed, number, size
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.tabs.table import TITLES
from quant.ui.tour.steps import factor, four_bits, rise

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf8")
LANGUAGES: tuple[Language, ...] = ("es", "en")
FACTOR = r"(?:por|by) \d+(?:[.,]\d+)?(?![\d.,]* ?%)"
FIGURE = re.compile(rf"\d+(?:[.,]\d+)? ?(?:MB|%)|(?<!→ )(?<!por )(?<!by )\b\d+[.,]\d+|→ \d+(?:[.,]\d+)?|{FACTOR}")


def sheet(language: Language) -> str:
    block = re.search(rf"<!-- sheet {language} -->(.*?)<!-- /sheet -->", README, re.DOTALL)
    assert block, f"no sheet in '{language}'"
    return block[1]


def percent(share: float, language: Language) -> str:
    return fixed(100 * share, language, 0) + ("%" if language == "en" else " %")


def figures(found: Recorded, row: Row, language: Language) -> list[str]:
    """Whatever the sheet may say of a recipe."""
    times = f"{'por' if language == 'es' else 'by'} {number(factor(row), language, 2)}"
    return [
        number(row.perplexity.value, language, 3), f"→ {number(row.perplexity.value, language, 3)}",
        percent(row.same_top.value, language), rise(row, language), times, number(factor(row), language, 2),
        size(row.stored_bytes, language), number(found.float_bytes / row.stored_bytes, language, 3),
    ]  # fmt: skip


def plain(text: str) -> str:
    return text.replace(NO_BREAK, " ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_of_the_sheet_is_recorded(language: Language) -> None:
    found = recorded()
    known = [figure for row in found.rows for figure in figures(found, row, language)]
    known += [number(found.perplexity_original.value, language, 3), size(found.table_bytes, language)]
    said = FIGURE.findall(sheet(language))
    assert len(said) > 20
    assert [figure for figure in said if figure not in set(map(plain, known))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_link_has_the_figures_of_its_recipe(language: Language) -> None:
    found = recorded()
    rows = (found.by_bits[8], four_bits(found), four_bits(found, granularity="tensor"))
    lines = [line for line in sheet(language).splitlines() if line.startswith("| `?")]
    for line, row in zip(lines, rows, strict=True):
        address = line.split("`")[1]
        asked = {name: values[0] for name, values in parse_qs(address.removeprefix("?")).items()}
        assert asked.pop("tab") in TITLES
        choice, errors = read_query(asked, Choice("embedded"))
        assert errors == []
        assert choice.query() == row.address
        of_row = set(map(plain, figures(found, row, language))) | {number(found.perplexity_original.value, language, 3)}
        said = FIGURE.findall(line.split("|")[3])
        assert [figure for figure in said if figure not in of_row] == []
        assert plain(size(row.stored_bytes, language)) in line


def test_both_sheets_have_the_same_links_and_as_many_questions() -> None:
    links = [re.findall(r"`(\?[^`]*)`", sheet(language)) for language in LANGUAGES]
    assert links[0] == links[1]
    assert sheet("es").count("\n|") == sheet("en").count("\n|")
