"""What has been measured in this browser: the table, its warnings, files that read back, and what comes back to us."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from cases import each
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate, Figures
from quant.evaluation.quality import Protocol
from quant.evaluation.verdict import RANKS_APART, judge
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.size import SizeReport, size_report
from quant.text import Language, Text, number, size
from quant.texts import EvalText, own_text
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import history_texts as h
from quant.ui.tabs.metrics import texts as metrics_texts
from quant.ui.tabs.metrics.history import as_csv, as_json, disagreements, history_html, plain, to_paste
from quant.ui.tabs.metrics.kept import ESTIMATES, MOST, Entry, added, as_kept, restored
from quant.ui.tabs.metrics.kept import entry as kept_entry
from quant.ui.tabs.metrics.measure import Asked, measuring
from quant.ui.tabs.metrics.picture import picture_html

OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24
OTHER = "La barca volvía despacio, con las redes vacías, y nadie en el muelle se atrevió a preguntar. " * 6
LANGUAGES: tuple[Language, Language] = ("es", "en")
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


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
    """The history that a measurement leaves in a browser that has kept `history`."""
    asked = Asked(choice, "own", "quick", own, json.loads(json.dumps(as_kept(history))))
    frames = list(measuring(lab, "es").frames(asked))
    after = [f.history for f in frames if f.history is not None]
    assert after, frames[-1].said
    entries, lost = restored(json.loads(json.dumps(after[-1])))
    assert lost == 0
    return entries


def entry(report: SizeReport, bits: int, log_ratio: float, kl: float, text: str = "enciclopedia") -> Entry:
    """A measurement with the given outcome, as if made."""
    interval = Interval(log_ratio - 0.01, log_ratio + 0.01)
    sure = Estimate(log_ratio, interval)
    plain_kl, ppl = Estimate(kl, Interval(kl / 2, kl * 2)), sure.through(lambda nats: 30 * math.exp(nats))
    figures = Figures(
        Protocol(text, 512, 512, True, 12, 24, 10_000, 40_000), Text("12 documentos", "12 documents"),
        Estimate(30.0, Interval(28, 32)), ppl, Estimate(1.2), Estimate(1.2), sure, plain_kl, plain_kl, plain_kl,
        plain_kl, 20 * kl, Estimate(0.95), Estimate(0.01), judge(log_ratio, interval, kl, 0.95),
    )  # fmt: skip
    return kept_entry(Choice(EMBEDDED, bits=bits), EvalText(text, Text(text, text), (text,)), figures, report)


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
        assert escape(h.HISTORY_EMPTY[language]) in history_html([], language)
        assert "<table" not in history_html([], language)
        assert downloads(history_html([], language)) == {}


def test_csv_and_json_hold_the_figures_exactly(tried: list[Entry]) -> None:
    from_csv, from_json = list(csv.DictReader(io.StringIO(as_csv(tried)))), strict(as_json(tried))
    assert len(from_csv) == len(from_json) == len(tried) == 3
    assert len(ESTIMATES) > 10
    for cells, row, e in zip(from_csv, from_json, tried, strict=True):
        assert list(cells) == list(row)
        for name in ESTIMATES:
            value = e.figure(name)
            ends = (value.interval.low, value.interval.high) if value.interval else (None, None)
            for key, expected in zip((name, f"{name}_low", f"{name}_high"), (value.value, *ends), strict=True):
                assert row[key] == expected
                assert (float(cells[key]) if cells[key] else None) == expected
        assert row["kl_max"] == float(cells["kl_max"]) == e.kl_max
        assert row["stored_bytes"] == int(cells["stored_bytes"]) == e.stored_bytes
        assert row["verdict"] == cells["verdict"] == e.judgement.verdict.value.en
        assert row["protocol_tokens"] == int(cells["protocol_tokens"]) == e.protocol.tokens
        assert row["link"] == cells["link"] == "?" + e.address
    assert [row["kl_mean_low"] is None for row in from_json] == [False, False, True]  # the last text is short
    assert from_csv[2]["kl_mean_low"] == ""


def test_the_english_file_has_points_and_the_spanish_one_what_spanish_spreadsheets_take(tried: list[Entry]) -> None:
    english = [value for row in csv.DictReader(io.StringIO(as_csv(tried))) for value in row.values()]
    assert not [c for c in english if re.fullmatch(r"-?\d+,\d+", c)]
    assert any(re.fullmatch(r"\d+\.\d+", c) for c in english)
    spanish = list(csv.DictReader(io.StringIO(as_csv(tried, "es")), delimiter=";"))
    assert list(spanish[0])[: len(h.COLUMNS)] == [head.es for head in h.COLUMNS]
    assert len(h.COLUMNS) == 12
    assert not [c for row in spanish for c in row.values() if re.fullmatch(r"-?\d+\.\d+", c)]
    for row, e in zip(spanish, tried, strict=True):
        assert float(row["Perplejidad del cuantizado"].replace(",", ".")) == e.figure("perplexity_quantized").value
        change = 100 * math.expm1(e.figure("log_ratio").value)
        assert float(row["Cambio de perplejidad (%)"].replace(",", ".")) == pytest.approx(change)
        assert row["Receta"] == e.recipe.es


def test_every_figure_is_in_the_spanish_file_once(tried: list[Entry]) -> None:
    columns = as_csv(tried, "es").splitlines()[0].split(";")
    assert len(columns) == len(set(columns))
    assert set(columns) >= {name for name in plain(tried[0]) if name not in h.IN_MAIN_COLUMNS}


@each("language", LANGUAGES)
def test_what_is_copied_is_a_table_for_the_clipboard(tried: list[Entry], language: Language) -> None:
    lines = [line.split("\t") for line in to_paste(tried, language).splitlines()]
    assert [len(line) for line in lines] == [12] * 4
    assert lines[0] == [head[language] for head in h.COLUMNS]
    assert f'data-copy="{escape(to_paste(tried, language))}"' in history_html(tried, language)
    point = "," if language == "es" else "."
    assert re.fullmatch(rf"\d+\{point}\d+", lines[1][6])


@each("language", LANGUAGES)
def test_links_save_the_files(tried: list[Entry], language: Language) -> None:
    files = downloads(history_html(tried, language))
    by_kind = {Path(name).suffix: content for name, content in files.items()}
    assert set(by_kind) == {".csv", ".json"}
    assert by_kind[".csv"] == MARK + as_csv(tried, language)
    assert strict(by_kind[".json"]) == [plain(e) for e in tried]


@each("language", LANGUAGES)
def test_each_text_has_its_baseline_above_what_was_tried_on_it(tried: list[Entry], language: Language) -> None:
    shown = rows(history_html(tried, language))
    base = escape(metrics_texts.HISTORY_BASE[language])
    assert [base in row for row in shown] == [True, False, False, True, False]
    for row, e in zip((shown[0], shown[3]), (tried[0], tried[2]), strict=True):
        assert number(e.figure("perplexity_original").value, language, 3) in row
        assert size(e.float_bytes, language) in row
    for row, e in zip((shown[1], shown[2], shown[4]), tried, strict=True):
        assert escape(e.choice.brief()[language]) in row
        assert f'data-recipe="{escape(e.address)}"' in row
        assert size(e.stored_bytes, language) in row
        assert number(e.figure("perplexity_quantized").value, language, 3) in row
        assert number(e.figure("kl_mean").value, language, 3) in row
        assert escape(e.judgement.verdict.value[language]) in row


def test_the_change_is_paired_and_its_interval_is_not_that_of_two_perplexities(report: SizeReport) -> None:
    shown = rows(history_html([entry(report, 4, 0.110134, 0.18)], "es"))[1].replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "+12 %" in shown
    assert "+11 % – +13 %" in shown  # of the pair; the original's own interval, 28 to 32, is wider than the change
    assert "28" not in shown


@each("language", LANGUAGES)
def test_rows_have_a_cell_for_each_heading(tried: list[Entry], language: Language) -> None:
    for row in rows(history_html(tried, language)):
        assert len(re.findall("<t[hd][ >]", row)) == len(h.HISTORY_HEAD)


def test_the_same_recipe_again_takes_the_place_of_its_row(lab: Lab, tried: list[Entry]) -> None:
    again = measured(lab, Choice(lab.default(), bits=3), OWN, tried)
    assert sorted(e.address for e in again) == sorted(e.address for e in tried)
    assert again[-1] == tried[0]
    assert len(tried) == 3  # the list of before is left as it was
    elsewhere = measured(lab, Choice(lab.default(), bits=3), OTHER, tried)
    assert len(elsewhere) == 4
    assert len(measured(lab, Choice(lab.default(), bits=3, table=True), OWN, tried)) == 4


@each("language", LANGUAGES)
def test_better_perplexity_with_worse_kl_is_warned_of_once(report: SizeReport, language: Language) -> None:
    lucky, close = entry(report, 3, 0.01, 0.30), entry(report, 5, 0.03, 0.02)
    words = escape(RANKS_APART[language].partition("{")[0])
    assert history_html([lucky, close], language).count(words) == 1
    warning = disagreements([lucky, close])
    assert len(warning) == 1
    assert lucky.recipe[language] in warning[0][language]
    assert close.recipe[language] in warning[0][language]
    assert history_html([close, lucky], language).count(words) == 1


def test_nothing_is_warned_of_where_both_agree_or_texts_differ(report: SizeReport) -> None:
    better, worse = entry(report, 5, 0.01, 0.02), entry(report, 4, 0.03, 0.30)
    lucky = entry(report, 3, 0.02, 0.01, text="literatura")  # another text: not to be ranked with them
    assert disagreements([better, worse]) == []
    assert disagreements([better]) == []
    for language in LANGUAGES:
        assert RANKS_APART[language].partition("{")[0] not in history_html([better, worse, lucky], language)


def test_entries_of_one_text_stand_together_whatever_was_tried_between(report: SizeReport) -> None:
    names = [(3, "enciclopedia"), (4, "literatura"), (5, "enciclopedia")]
    shown = rows(history_html([entry(report, bits, 0.1, 0.1, text) for bits, text in names], "es"))
    found = [next((bits for bits, _ in names if f"{bits} bits · " in row), 0) for row in shown]
    assert found == [0, 3, 5, 0, 4]


def test_two_pasted_texts_are_never_set_against_each_other(lab: Lab, tried: list[Entry]) -> None:
    turned = " ".join(reversed(OWN.split()))
    after = measured(lab, Choice(lab.default(), bits=3), turned, [tried[0]])
    assert len(after) == 2
    assert after[0].key != after[1].key
    assert after[0].title != after[1].title


def test_what_is_not_a_number_leaves_the_file_valid(report: SizeReport) -> None:
    broken = entry(report, 2, 0.1, 0.2)
    estimates = broken.estimates | {"perplexity_quantized": [None, None, None]}
    (row,) = strict(as_json([broken.model_copy(update={"estimates": estimates, "kl_max": None})]))
    assert row["kl_max"] is None
    assert row["perplexity_quantized"] is None


def test_a_pasted_text_is_called_by_its_beginning_and_is_not_kept(lab: Lab, tried: list[Entry]) -> None:
    assert tried[0].title == own_text(OWN).title
    assert "viajeros" not in json.dumps(as_kept(tried), ensure_ascii=False)


# ---- what comes back from a browser


def kept(report: SizeReport) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(as_kept([entry(report, 4, 0.11, 0.2)])))[0]
    return value


def test_what_a_browser_kept_is_what_it_was_given(tried: list[Entry]) -> None:
    assert restored(json.loads(json.dumps(as_kept(tried)))) == (tried, 0)
    assert restored(None) == ([], 0)
    assert restored([]) == ([], 0)


@each("change", [
    {"address": "bits=99"}, {"address": "x" * 401}, {"address": "nonsense"}, {"address": 5}, {"text": "otra"},
    {"digest": "<b>"}, {"start": "a" * 25}, {"start": "a\x00b"}, {"estimates": {}}, {"estimates": None},
    {"estimates": {"kl_mean": [1, 2, 3]}}, {"kl_max": float("nan")}, {"kl_max": "1"}, {"stored_bytes": 0},
    {"stored_bytes": 2**60}, {"stored_bytes": 1.5}, {"bits_whole": -1}, {"bits_whole": 1e9}, {"written": []},
    {"written": [{"token_bytes": 1, "rounds": [], "prompt_rounds": [1.0]}] * 2}, {"protocol": {}}, {"more": 1},
])  # fmt: skip
def test_what_does_not_fit_is_left_out_and_said(report: SizeReport, change: dict[str, Any]) -> None:
    good = kept(report)
    entries, lost = restored([good, good | change])
    assert (len(entries), lost) == (1, 1)
    assert escape(h.HISTORY_LOST.format(n=1).es) in history_html(entries, "es", lost)


def test_a_missing_field_is_left_out_too(report: SizeReport) -> None:
    for name in kept(report):
        found, lost = restored([{k: v for k, v in kept(report).items() if k != name}])
        assert (found, lost) == ([], 1), name


def test_only_so_many_are_kept_and_the_oldest_go_first(report: SizeReport) -> None:
    one = kept(report)
    many = [one | {"digest": f"{i:016x}"} for i in range(3 * MOST)]
    entries, lost = restored(many)
    assert [e.digest for e in entries] == [f"{i:016x}" for i in range(2 * MOST, 3 * MOST)]
    assert lost == 2 * MOST
    assert len(added(entries, entry(report, 5, 0.1, 0.1))) == MOST


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_no_history_is_read_without_an_error(value: object) -> None:
    """Entries that are entries but for a part: the tests below."""
    assert restored(value) == ([], len(value) if isinstance(value, list) else int(value is not None))


@given(st.data())
def test_a_single_changed_field_never_breaks_the_page(report: SizeReport, data: st.DataObject) -> None:
    one = kept(report)
    name = data.draw(st.sampled_from(sorted(one)))
    entries, _ = restored([one | {name: data.draw(JSON)}])
    for language in LANGUAGES:
        assert history_html(entries, language)
        assert picture_html(entries, EMBEDDED, language)


ODD = st.sampled_from([None, 1e308, -1e308, 5e-324, 0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 700.0, 1e6, -1e6, 1e7]) | st.floats(
    allow_nan=False, allow_infinity=False
)


@given(st.sampled_from(ESTIMATES), st.lists(st.tuples(st.integers(0, 2), ODD), min_size=1, max_size=3))
def test_no_estimate_of_a_valid_entry_breaks_the_page(
    report: SizeReport, name: str, changes: list[tuple[int, float | None]]
) -> None:
    """Whatever stands in the place of a value or of an end: it is left out, or all that shows it works."""
    one = kept(report)
    for at, value in changes:
        one["estimates"][name][at] = value
    entries, lost = restored([one])
    assert len(entries) + lost == 1
    for language in LANGUAGES:
        assert history_html(entries, language, lost)
        assert picture_html(entries, EMBEDDED, language)
        if entries:
            assert len(list(csv.reader(io.StringIO(as_csv(entries, language))))) == 2
            assert len(strict(as_json(entries))) == 1


@each(
    "name, three",
    [
        ("same_top", [None, None, None]), ("same_top", [1.2, None, None]), ("same_top", [-0.1, None, None]),
        ("same_top", [1e308, None, None]), ("probability_rms", [2.0, None, None]),
        ("perplexity_original", [0.0, None, None]), ("perplexity_quantized", [-3.0, None, None]),
        ("perplexity_original", [30.0, 31.0, 32.0]), ("log_ratio", [0.1, 0.2, 0.05]), ("kl_mean", [0.1, 0.0, 0.05]),
        ("log_ratio", [1e308, None, None]), ("kl_mean", [-1e308, None, None]),
    ],
)  # fmt: skip
def test_a_figure_that_cannot_be_is_left_out(report: SizeReport, name: str, three: list[float | None]) -> None:
    good = kept(report)
    entries, lost = restored([good, good | {"estimates": good["estimates"] | {name: three}}])
    assert (len(entries), lost) == (1, 1)


def test_a_broken_models_entry_is_read_back(report: SizeReport) -> None:
    one = kept(report)
    none = [None, None, None]
    one["estimates"] |= {"log_ratio": none, "perplexity_quantized": none, "kl_mean": [0.2, 0.1, None]}
    entries, lost = restored([one])
    assert lost == 0
    assert picture_html(entries, EMBEDDED, "es")
    assert entries[0].judgement.verdict.name == "BROKEN"


@each("language", LANGUAGES)
def test_what_a_browser_says_is_escaped(report: SizeReport, language: Language) -> None:
    bad = '<img src=x onerror="a">'
    entries, lost = restored([kept(report) | {"text": "own", "start": bad}])
    assert (len(entries), lost) == (1, 0)
    shown = history_html(entries, language) + picture_html(entries, EMBEDDED, language)
    assert "<img" not in shown
    assert escape(bad) in shown
