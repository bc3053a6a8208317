"""What the page shows before a model is loaded is what the embedded model does: a row is computed again here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quant.bench import recorded as bench
from quant.changes import changed_spans
from quant.errors import ModelError, QuantError
from quant.evaluation.compare import Reference
from quant.evaluation.verdict import Verdict
from quant.loading import load_model
from quant.recipe_json import recipe_from_json
from quant.recorded import FILE, WEIGHTS, Recorded, Row, read, recorded, sha256_of
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.tabs.metrics import measure

TOLERANCE = 1e-3  # another processor adds in another order
FIGURES = ("perplexity", "log_ratio", "kl_mean", "same_top")


@pytest.fixture(scope="module")
def kept() -> Recorded:
    return recorded()


def test_it_is_of_the_weights_that_ship(kept: Recorded) -> None:
    assert kept.model_sha256 == sha256_of(WEIGHTS)
    assert kept.published_bytes == WEIGHTS.stat().st_size


def test_a_row_computed_again_is_the_same(kept: Recorded) -> None:
    original, three = load_model(), next(k for k in bench.KEPT if k == bench.Kept(3))
    again = Row(**bench.row(three, original, Reference(original, bench.default_text()))[0])
    was = kept.by_bits[3]
    exact = set(Row.model_fields) - set(FIGURES)
    assert [name for name in exact if getattr(again, name) != getattr(was, name)] == []
    for name in FIGURES:
        for part, value in getattr(was, name).model_dump().items():
            assert getattr(getattr(again, name), part) == pytest.approx(value, rel=TOLERANCE, abs=1e-5), (name, part)


def test_the_original_is_the_same_too(kept: Recorded) -> None:
    original = load_model()
    assert kept.original_text == bench.written(original)[1]
    assert list(kept.weights) == original.weight(kept.layer)[0, : len(kept.weights)].tolist()
    assert kept.parameters == original.parameters


def test_what_is_read_is_what_the_page_measures_by_default() -> None:
    assert bench.default_text() == measure.chosen_text(bench.TEXT, "quick", "")
    assert bench.QUICK_BYTES == measure.QUICK_BYTES


def test_an_address_its_recipe_and_its_row_are_one(kept: Recorded) -> None:
    for row in kept.rows:
        params = dict(pair.split("=") for pair in row.address.split("&"))
        choice, errors = read_query(params, Choice("embedded"))
        assert errors == []
        assert choice.query() == row.address
        assert choice.recipe() == recipe_from_json(row.recipe)
        assert (choice.bits, choice.granularity, choice.table) == (row.bits, row.granularity, row.table)


def test_the_fall_is_clean_in_text_and_in_figures(kept: Recorded) -> None:
    """The prompt was chosen for that; the figures are what they are."""
    falling = [kept.by_bits[bits] for bits in (8, 7, 6, 5, 4, 3, 2)]
    for name in ("same_characters", "stored_bytes", "bits_per_weight"):
        values = [getattr(row, name) for row in falling]
        assert values == sorted(values, reverse=True), name
    assert [row.kl_mean.value for row in falling] == sorted(row.kl_mean.value for row in falling)
    words = [list(Verdict).index(row.judged) for row in falling]
    assert words == sorted(words)


def test_what_is_marked_is_what_changed(kept: Recorded) -> None:
    for row in kept.rows:
        assert row.changed == changed_spans(kept.original_text, row.text)
        assert len(row.codes) == len(row.levels) == len(kept.weights) == 16


def test_other_weights_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "model.safetensors"
    other.write_bytes(WEIGHTS.read_bytes() + b" ")
    with pytest.raises(ModelError, match=r"bench\.recorded"):
        read(FILE, other)


def test_a_record_that_lacks_or_adds_a_field_is_refused_by_name(tmp_path: Path) -> None:
    value: dict[str, Any] = json.loads(FILE.read_text(encoding="utf8"))
    for change, name in ((lambda v: v.pop("prompt"), "prompt"), (lambda v: v.update(moon=1), "moon")):
        spoilt = dict(value)
        change(spoilt)
        path = tmp_path / "recorded.json"
        path.write_text(json.dumps(spoilt), encoding="utf8")
        with pytest.raises(QuantError, match=name):
            read(path, WEIGHTS)


def test_what_is_recorded_comes_with_its_bits(kept: Recorded) -> None:
    assert [bench.Kept(r.bits, r.granularity, r.table) for r in kept.rows] == list(bench.KEPT)
    assert replace(bench.KEPT[0], bits=4) in bench.KEPT
