"""What has been measured in this visit: the table, its warnings, and files that read back as what was measured."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import each
from markupsafe import escape

from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate, Figures
from quant.evaluation.quality import Protocol
from quant.evaluation.verdict import RANKS_APART, judge
from quant.lab import Lab
from quant.size import SizeReport, size_report
from quant.text import Language, Text, number, size
from quant.texts import EvalText
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import texts as metrics_texts
from quant.ui.tabs.metrics.history import Entry, as_csv, as_json, disagreements, history_html, plain
from quant.ui.tabs.metrics.measure import Asked, measuring

OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24
OTHER = "La barca volvía despacio, con las redes vacías, y nadie en el muelle se atrevió a preguntar. " * 6
LANGUAGES: tuple[Language, Language] = ("es", "en")
ESTIMATES = [name for name, kind in Figures.__annotations__.items() if kind == "Estimate"]


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(extra=hub_folder)


@pytest.fixture(scope="module")
def report(lab: Lab) -> SizeReport:
    choice = Choice(lab.default())
    return size_report(lab.loaded(choice.model), choice.recipe())


@pytest.fixture(scope="module")
def tried(lab: Lab) -> list[Entry]:
    """Two recipes on one text and one on another, too short for intervals. Read only."""
    entries: list[Entry] = []
    for bits, own in ((3, OWN), (5, OWN), (4, OTHER)):
        entries = measured(lab, Choice(lab.default(), bits=bits), own, entries)
    return entries


def measured(lab: Lab, choice: Choice, own: str, history: list[Entry]) -> list[Entry]:
    """The history that a measurement leaves."""
    frames = list(measuring(lab, "es").frames(Asked(choice, "own", "quick", own, history)))
    *_, after = (f.history for f in frames if f.history is not None)
    assert isinstance(after, list)
    return after


def entry(report: SizeReport, recipe: str, log_ratio: float, kl: float, text: str = "enciclopedia") -> Entry:
    """A measurement with the given outcome, as if made."""
    interval = Interval(log_ratio - 0.01, log_ratio + 0.01)
    sure = Estimate(log_ratio, interval)
    plain_kl, ppl = Estimate(kl, Interval(kl / 2, kl * 2)), sure.through(lambda nats: 30 * math.exp(nats))
    figures = Figures(
        Protocol(text, 512, 512, True, 12, 24, 10_000, 40_000), Text("12 documentos", "12 documents"),
        Estimate(30.0, Interval(28, 32)), ppl, Estimate(1.2), Estimate(1.2), sure, plain_kl, plain_kl, plain_kl,
        plain_kl, 20 * kl, Estimate(0.95), Estimate(0.01), judge(log_ratio, interval, kl, 0.95),
    )  # fmt: skip
    name, title = Text(recipe, recipe), Text(f"Título {text}", f"Title {text}")
    return Entry(("embedded", EvalText(text, title, (text,))), name, f"r={recipe}", title, figures, report)


def rows(html: str) -> list[str]:
    """The rows of the table's body."""
    return re.findall("<tr>.*?</tr>", html.partition("<tbody>")[2].partition("</tbody>")[0])


def downloads(html: str) -> dict[str, str]:
    """What each link saves, by file name."""
    links = re.findall(r'<a download="([^"]+)" href="data:([^;]+);[^"]*?base64,([^"]*)"', html)
    return {name: base64.b64decode(data, validate=True).decode() for name, _, data in links}


def strict(content: str) -> Any:
    """JSON as the standard has it: no NaN, no Infinity."""

    def refused(name: str) -> None:
        pytest.fail(f"{name} is not JSON")

    return json.loads(content, parse_constant=refused)


def test_nothing_tried_yet_says_what_will_come_here() -> None:
    for language in LANGUAGES:
        assert escape(metrics_texts.HISTORY_EMPTY[language]) in history_html([], language)
        assert "<table" not in history_html([], language)
        assert downloads(history_html([], language)) == {}


def test_csv_and_json_hold_the_figures_exactly(tried: list[Entry]) -> None:
    from_csv, from_json = list(csv.DictReader(io.StringIO(as_csv(tried)))), strict(as_json(tried))
    assert len(from_csv) == len(from_json) == len(tried) == 3
    assert len(ESTIMATES) > 10
    for cells, row, e in zip(from_csv, from_json, tried, strict=True):
        assert list(cells) == list(row)
        for name in ESTIMATES:
            value: Estimate = getattr(e.figures, name)
            ends = (value.interval.low, value.interval.high) if value.interval else (None, None)
            for key, expected in zip((name, f"{name}_low", f"{name}_high"), (value.value, *ends), strict=True):
                assert row[key] == expected
                assert (float(cells[key]) if cells[key] else None) == expected
        assert row["kl_max"] == float(cells["kl_max"]) == e.figures.kl_max
        assert row["stored_bytes"] == int(cells["stored_bytes"]) == e.report.stored_bytes
        assert row["verdict"] == cells["verdict"] == e.figures.judgement.verdict.value.en
        assert row["protocol_tokens"] == int(cells["protocol_tokens"]) == e.figures.protocol.tokens
        assert row["link"] == cells["link"] == "?" + e.address
    assert [row["kl_mean_low"] is None for row in from_json] == [False, False, True]  # the last text is short
    assert from_csv[2]["kl_mean_low"] == ""


def test_numbers_in_files_have_points_whatever_the_language(tried: list[Entry]) -> None:
    cells = [value for row in csv.DictReader(io.StringIO(as_csv(tried))) for value in row.values()]
    assert not [c for c in cells if re.fullmatch(r"-?\d+,\d+", c)]
    assert any(re.fullmatch(r"\d+\.\d+", c) for c in cells)


@each("language", LANGUAGES)
def test_links_save_the_files(tried: list[Entry], language: Language) -> None:
    files = downloads(history_html(tried, language))
    assert {Path(name).suffix for name in files} == {".csv", ".json"}
    by_kind = {Path(name).suffix: content for name, content in files.items()}
    assert by_kind[".csv"].removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}") == as_csv(tried)
    assert by_kind[".json"] == as_json(tried)
    assert strict(by_kind[".json"]) == [plain(e) for e in tried]


@each("language", LANGUAGES)
def test_each_text_has_its_baseline_above_what_was_tried_on_it(tried: list[Entry], language: Language) -> None:
    shown = rows(history_html(tried, language))
    base = escape(metrics_texts.HISTORY_BASE[language])
    assert [base in row for row in shown] == [True, False, False, True, False]
    for row, e in zip((shown[0], shown[3]), (tried[0], tried[2]), strict=True):
        assert number(e.figures.perplexity_original.value, language, 3) in row
        assert size(e.report.float_bytes, language) in row
    for row, e in zip((shown[1], shown[2], shown[4]), tried, strict=True):
        assert escape(e.recipe[language]) in row
        assert size(e.report.stored_bytes, language) in row
        assert number(e.figures.perplexity_quantized.value, language, 3) in row
        assert number(e.figures.kl_mean.value, language, 3) in row
        assert escape(e.figures.judgement.verdict.value[language]) in row


@each("language", LANGUAGES)
def test_rows_have_a_cell_for_each_heading(tried: list[Entry], language: Language) -> None:
    for row in rows(history_html(tried, language)):
        assert len(re.findall("<t[hd][ >]", row)) == len(metrics_texts.HISTORY_HEAD)


def test_the_same_recipe_again_takes_the_place_of_its_row(lab: Lab, tried: list[Entry]) -> None:
    again = measured(lab, Choice(lab.default(), bits=3), OWN, tried)
    assert sorted(e.address for e in again) == sorted(e.address for e in tried)
    assert again[-1].figures.kl_mean == tried[0].figures.kl_mean
    assert again[-1] is not tried[0]
    assert len(tried) == 3  # the list of before is left as it was
    elsewhere = measured(lab, Choice(lab.default(), bits=3), OTHER, tried)
    assert len(elsewhere) == 4
    assert len(measured(lab, Choice(lab.default(), bits=3, table=True), OWN, tried)) == 4


@each("language", LANGUAGES)
def test_better_perplexity_with_worse_kl_is_warned_of_once(report: SizeReport, language: Language) -> None:
    lucky, close = entry(report, "suerte", 0.01, 0.30), entry(report, "parecido", 0.03, 0.02)
    words = escape(RANKS_APART[language].partition("{")[0])
    shown = history_html([lucky, close], language)
    assert shown.count(words) == 1
    warning = disagreements([lucky, close])
    assert len(warning) == 1
    assert "suerte" in warning[0][language]
    assert "parecido" in warning[0][language]
    assert history_html([close, lucky], language).count(words) == 1


def test_nothing_is_warned_of_where_both_agree_or_texts_differ(report: SizeReport) -> None:
    better, worse = entry(report, "mejor", 0.01, 0.02), entry(report, "peor", 0.03, 0.30)
    lucky = entry(report, "suerte", 0.02, 0.01, text="literatura")  # another text: not to be ranked with them
    assert disagreements([better, worse]) == []
    assert disagreements([better]) == []
    for language in LANGUAGES:
        assert RANKS_APART[language].partition("{")[0] not in history_html([better, worse, lucky], language)


def test_entries_of_one_text_stand_together_whatever_was_tried_between(report: SizeReport) -> None:
    names = [("uno", "enciclopedia"), ("dos", "literatura"), ("tres", "enciclopedia")]
    shown = rows(history_html([entry(report, name, 0.1, 0.1, text) for name, text in names], "es"))
    found = [next((name for name, _ in names if name in row), "") for row in shown]
    assert found == ["", "uno", "tres", "", "dos"]


@each("language", LANGUAGES)
def test_what_names_a_recipe_is_escaped(report: SizeReport, language: Language) -> None:
    bad = "<img src=x onerror=alert(1)>"
    lucky, close = entry(report, bad, 0.01, 0.30), entry(report, "parecido", 0.03, 0.02)
    shown = history_html([replace(lucky, title=Text(bad, bad)), close], language)
    assert "<img" not in shown
    assert escape(bad) in shown
    assert bad in downloads(shown).popitem()[1]


def test_two_pasted_texts_are_never_set_against_each_other(lab: Lab, tried: list[Entry]) -> None:
    turned = " ".join(reversed(OWN.split()))
    after = measured(lab, Choice(lab.default(), bits=3), turned, [tried[0]])
    assert len(after) == 2
    assert after[0].key != after[1].key
    assert after[0].title != after[1].title


def test_what_is_not_a_number_leaves_the_file_valid(report: SizeReport) -> None:
    broken = entry(report, "roto", 0.1, 0.2)
    figures = replace(broken.figures, kl_max=math.nan, perplexity_quantized=Estimate(math.inf))
    (row,) = strict(as_json([replace(broken, figures=figures)]))
    assert row["kl_max"] is None
    assert row["perplexity_quantized"] is None
