"""Métodos, keys and values: bytes at once, what is recorded and still so, sentences, and rows measured live."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from quant.bench.cache import kl
from quant.cache import CACHE_BITS, CachePer
from quant.errors import ModelError
from quant.evaluation.cache import cache_text
from quant.evaluation.compare import Reference
from quant.lab import Lab
from quant.loading import load_model
from quant.model.load import EMBEDDED
from quant.recorded import WEIGHTS
from quant.recorded_cache import FILE, read, recorded_cache
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.methods import cache as section
from quant.ui.tabs.methods.cache import MEASURED, Pair, measuring, sentences, show


def test_the_table_is_whole_and_of_these_weights(tmp_path: Path) -> None:
    found = recorded_cache()
    assert [(c.per, c.keys, c.values) for c in found.rows] == [
        (per.value, k, v) for per in CachePer for k in CACHE_BITS for v in CACHE_BITS
    ]
    assert all(c.low <= c.kl <= c.high for c in found.rows)
    (tmp_path / "other").write_bytes(b"other weights")
    assert read(FILE, WEIGHTS) == found
    with pytest.raises(ModelError, match=r"quant\.bench\.cache --record"):
        read(FILE, tmp_path / "other")


def test_a_recorded_cell_comes_out_again() -> None:
    found = recorded_cache().cell(4, 8, "token")
    assert kl(Reference(load_model(), cache_text()), 4, 8, "token").value == pytest.approx(found.kl, rel=0.02)


def test_what_the_lesson_says_is_so() -> None:
    found = recorded_cache()
    good, bad = found.cell(8, 4, "token"), found.cell(4, 8, "token")
    assert good.stored_bytes == bad.stored_bytes
    assert bad.kl > 5 * good.kl, "keys need the bits"
    both = found.cell(4, 4, "token")
    assert both.keys_db > both.values_db, "though they are rebuilt better"
    assert found.cell(4, 4, "channel").kl < both.kl / 5
    said = [s.en for s in sentences(found, Pair(8, 4))]
    assert f"{bad.kl / good.kl:.2g} times more. Spend the bits on the keys." in said[0]
    assert "better" in said[1]
    assert "Per channel" in said[2]
    for bits, gains in (
        ((8, 4), "values"),
        ((16, 4), "values"),
        ((8, 16), "keys"),
        ((4, 4), "keys"),
        ((2, 16), "keys"),
    ):
        assert f"gained by the {gains}" in sentences(found, Pair(*bits))[2].en, bits
    assert "canales grandes" not in sentences(found, Pair(16, 4))[2].es
    assert "times less" in sentences(found, Pair(4, 8))[0].en
    assert "nothing is noticed" in sentences(found, Pair(16, 16))[0].en
    for pair in (Pair(k, v, per.value) for per in CachePer for k in CACHE_BITS for v in CACHE_BITS):
        assert all("{" not in text.es + text.en for text in sentences(found, pair)), pair


def test_bytes_and_table_follow_the_controls_at_once() -> None:
    lab, choice = Lab(), Choice(EMBEDDED)
    shown = show(lab, "es", choice, Pair(8, 4), 512)
    assert "676" in shown.said, "2 x 5 layers x 4 heads x 512 tokens of 64 numbers and a scale"
    assert shown.table.count('class="chosen"') == 1
    assert shown.table.count('class="equal"') >= 1
    assert 'data-recipe="keys=8&amp;values=4&amp;cache_per=token"' in shown.table
    longer = show(lab, "es", choice, Pair(8, 4), 8192)
    assert longer.table == shown.table
    assert "Este modelo lee 512 tokens como mucho" in longer.said
    assert "como mucho" not in shown.said
    wrong = show(lab, "en", replace(choice, bits=99), Pair(8, 4), 512)
    assert 'role="alert"' in wrong.said
    assert wrong.table


def test_rows_come_one_by_one_and_stay(hub_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(section, "TEXT_BYTES", 400)
    monkeypatch.setattr(section, "MEASURED", MEASURED[::3])
    lab = Lab(hub_folder)
    action = measuring(lab, "en")
    frames = list(action.frames((lab.names()[0], 64)))
    counts = [frame.said.count("data-recipe") for frame in frames]
    assert counts[-1] == 2
    assert counts == sorted(counts)
    assert "lab-progress" not in frames[-1].said
    again = list(action.frames((lab.names()[0], 64)))
    assert again[-1] == frames[-1]
    assert len(again) < len(frames), "what is known comes at once"
