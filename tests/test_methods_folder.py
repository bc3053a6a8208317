"""The comparison of methods on a folder that holds a model of another kind: Llama's, with grouped keys and values."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from letters import DOCUMENTS, text_of
from transformers import LlamaConfig, LlamaForCausalLM

from quant.bench import methods as bench
from quant.bench.tiny import VOCABULARY, tokenizer
from quant.lab import Lab

TEXT = text_of(*DOCUMENTS[:3])
NAMES = ("rtn", "gptq", "awq", "hadamard")  # nothing, inputs, scales that are folded, and a rotation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of chance; groups of 64 fit its rows, and its four heads share two of keys and values."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=128, intermediate_size=192, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=1, pad_token_id=2,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter *= 4  # born so small that all tokens are almost equally likely
    path = tmp_path_factory.mktemp("llama")
    model.save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


def test_every_kind_of_method_has_a_row_on_a_llama(folder: Path, tmp_path: Path) -> None:
    lab, file = Lab(folder), tmp_path / "methods.json"
    table = bench.Table(file, lab, lab.names()[0], TEXT)
    table.measure(NAMES, [3])
    table.also("cache", lambda: bench.cache_rows(lab, table.model, TEXT))
    found = json.loads(file.read_text(encoding="utf8"))
    assert found["skipped"] == {}
    assert [row["name"] for row in found["rows"]] == [row.name for row in table.ordered()]
    rows = {row.name: row for row in table.rows}
    assert set(rows) == set(NAMES)
    for name, row in rows.items():
        assert row.kl.value is not None, name
        assert math.isfinite(row.kl.value), name
        assert row.kl.value > 0, name
        assert 3 < row.bits_per_weight < 4, name
        assert row.weight_db is not None, name
        assert row.output_db is not None, name
    for name in ("gptq", "awq"):
        assert rows[name].output_db > rows["rtn"].output_db, name  # type: ignore[operator]
    assert rows["gptq"].weight_db < rows["rtn"].weight_db  # type: ignore[operator]
    assert found["ratios"]["kl_3bit_best"] in NAMES
    assert found["cache"]["k8v4_kl"] > 0
    assert found["cache"]["k4v8_kl"] > 0
