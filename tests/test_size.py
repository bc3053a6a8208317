"""Bytes in memory: each tensor once, whatever its type, and what the process says of itself."""

from __future__ import annotations

import copy
import gc
import mmap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from quant.evaluation import memory
from quant.evaluation.memory import Held, held_in_memory, held_layers, packed_bits, process_bytes
from quant.model.layers import Kind
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.size import size_report


def by_kind(loaded: LoadedModel) -> dict[Kind, Held]:
    return {held.kind: held for held in held_in_memory(loaded)}


def test_each_kind_is_there_once(tiny: LoadedModel) -> None:
    assert [held.kind for held in held_in_memory(tiny)] == list(Kind)


def test_the_tiny_model_by_hand(tiny: LoadedModel) -> None:
    rows = tiny.model.config.vocab_size
    others = 64 * 64 + 2 * (64 * 2 * 2 + 192 + 64 + 256 + 64) + 2 * 64  # positions, two blocks, the last norm
    assert by_kind(tiny) == {
        Kind.LINEAR: Held(Kind.LINEAR, 8, 4 * 2 * 12 * 64 * 64),
        Kind.TABLE: Held(Kind.TABLE, 1, 4 * rows * 64),  # tied: once
        Kind.OTHER: Held(Kind.OTHER, 1 + 2 * 8 + 2, 4 * others),
    }


def test_the_sum_is_all_parameters_each_once(tiny: LoadedModel) -> None:
    storages = {p.data_ptr(): p.nbytes for p in [*tiny.model.parameters(), tiny.model.lm_head.weight]}
    assert sum(held.n_bytes for held in held_in_memory(tiny)) == sum(storages.values()) == 4 * tiny.parameters
    assert sum(held.tensors for held in held_in_memory(tiny)) == len(storages)


def test_a_head_of_its_own_is_counted_too(tiny: LoadedModel) -> None:
    config = GPT2Config(vocab_size=20, n_positions=8, n_embd=16, n_layer=1, n_head=1, tie_word_embeddings=False)
    model = GPT2LMHeadModel(config)
    turn_conv1d(model)
    held = by_kind(replace(tiny, model=model))
    assert held[Kind.TABLE] == Held(Kind.TABLE, 1, 4 * 20 * 16)
    assert held[Kind.LINEAR] == Held(Kind.LINEAR, 5, 4 * (12 * 16 * 16 + 20 * 16))
    assert sum(h.n_bytes for h in held.values()) == sum(p.nbytes for p in model.parameters())


def test_it_is_what_is_held_now_not_what_would_be_stored(tiny: LoadedModel) -> None:
    report = size_report(tiny, Recipe.uniform(table=True))
    packed = {h.kind: h for h in held_in_memory(quantize_model(tiny, Recipe.uniform(table=True)))}
    for kind, held in packed.items():
        rows = [r for r in report.rows if r.layer.kind is kind]
        assert (held.tensors, held.n_bytes) == (len(rows), sum(r.stored_bytes for r in rows))
        assert bool(held.kernels) == (kind is not Kind.OTHER)
    half = copy.deepcopy(tiny.model).to(torch.float16)
    for held, whole in zip(held_in_memory(replace(tiny, model=half)), held_in_memory(tiny), strict=True):
        assert held == replace(whole, n_bytes=whole.n_bytes // 2)


def test_each_packed_matrix_says_what_multiplies_it(tiny: LoadedModel) -> None:
    assert all(h.kernel is None for h in held_layers(tiny))
    for h in held_layers(quantize_model(tiny, Recipe())):
        assert bool(h.kernel) == (h.layer.kind is Kind.LINEAR)


def test_bits_in_memory_are_those_of_the_file_where_the_order_is_the_same(tiny: LoadedModel) -> None:
    recipe = Recipe.uniform(table=True)
    held = packed_bits(held_layers(quantize_model(tiny, recipe)))
    assert held == pytest.approx(size_report(tiny, recipe).quantized_bits_per_weight) == pytest.approx(4.25, abs=0.01)
    with pytest.raises(ValueError, match="packed"):
        packed_bits(held_layers(tiny))


def test_the_process_holds_more_when_it_holds_more() -> None:
    gc.collect()
    before = process_bytes()
    assert before is not None
    assert before > 50 * 2**20  # torch alone takes more
    n_bytes = 128 * 2**20
    with mmap.mmap(-1, n_bytes) as block:  # pages of its own, which malloc cannot have lying about already
        block.write(b"\1" * n_bytes)
        after = process_bytes()
    assert after is not None
    assert 0.9 * n_bytes < after - before


def test_the_status_file_is_read_in_kibibytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  999 kB\nVmHWM:\t  888 kB\nVmRSS:\t  123 kB\nThreads:\t2\n")
    monkeypatch.setattr(memory, "STATUS", status)
    assert process_bytes() == 123 * 1024


def test_a_system_that_does_not_say_gives_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "STATUS", tmp_path / "absent")
    monkeypatch.setattr(memory.sys, "platform", "win32")
    assert process_bytes() is None


def test_without_a_status_file_the_system_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "STATUS", tmp_path / "absent")
    assert process_bytes() is None  # elsewhere the same call counts in other units
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert process_bytes()
