"""The peers run the same network: their logits and greedy tokens are those of transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from quant.bench.peers import Peer, peers

VOCABULARY, WINDOW, NEW = 300, 256, 12
PROMPT = [5, 17, 250, 3, 99, 42, 7, 131]
# Mean square of the logits' error over that of the logits, about four times what is seen; another network gives 1 to 2.
TOLERANCES = {
    "llamacpp_f32": 2e-6, "llamacpp_q8_0": 2e-3, "llamacpp_q4_0": 0.2, "ctranslate2_float32": 1e-10,
    "ctranslate2_int8": 3e-3,
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=WINDOW, n_embd=64, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():  # norms and biases too, so that each has to be in its place
        torch.nn.init.normal_(parameter, parameter.mean().item(), 0.2)
    return model


@pytest.fixture(scope="module")
def found(model: GPT2LMHeadModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Peer]:
    return {peer.name: peer for peer in peers(model, tmp_path_factory.mktemp("peers"), threads=1)}


@torch.no_grad()
def expected_logits(model: GPT2LMHeadModel, ids: list[int]) -> np.ndarray:
    return model(torch.tensor([ids])).logits[0].numpy()


def peer_or_skip(found: dict[str, Peer], name: str) -> Peer:
    pytest.importorskip("llama_cpp" if name.startswith("llamacpp") else "ctranslate2")
    return found[name]


@pytest.mark.parametrize("name", TOLERANCES)
def test_logits_are_those_of_transformers(name: str, model: GPT2LMHeadModel, found: dict[str, Peer]) -> None:
    expected, got = expected_logits(model, PROMPT), peer_or_skip(found, name).read(PROMPT)
    assert got.shape == (len(PROMPT), VOCABULARY)
    assert np.square(got - expected).mean() < TOLERANCES[name] * np.square(expected).mean()


@pytest.mark.parametrize("name", ["llamacpp_f32", "ctranslate2_float32"])
def test_greedy_tokens_are_those_of_transformers(name: str, model: GPT2LMHeadModel, found: dict[str, Peer]) -> None:
    peer, ids = peer_or_skip(found, name), list(PROMPT)
    for _ in range(NEW + 1):
        ids.append(int(expected_logits(model, ids)[-1].argmax()))
    tokens, seconds = peer.greedy(PROMPT, NEW)
    assert tokens == ids[len(PROMPT) :]
    assert seconds > 0


@pytest.mark.parametrize("name", TOLERANCES)
def test_runs_are_timed_and_do_not_depend_on_the_last(name: str, found: dict[str, Peer]) -> None:
    peer = peer_or_skip(found, name)
    first = peer.greedy(PROMPT, NEW)[0]
    assert peer.prefill(PROMPT * 4) > 0
    assert peer.decode(PROMPT[:3], NEW) > 0
    assert peer.greedy(PROMPT, NEW)[0] == first


@pytest.mark.parametrize(
    ("name", "table"),
    [("llamacpp_f32", "f32"), ("llamacpp_q8_0", "q8_0"), ("ctranslate2_float32", "float32"),
     ("ctranslate2_int8", "int8")],
)  # fmt: skip
def test_bytes_are_those_of_the_weights(name: str, table: str, model: GPT2LMHeadModel, found: dict[str, Peer]) -> None:
    peer, parameters = peer_or_skip(found, name), sum(p.numel() for p in model.parameters())
    vectors_and_positions = sum(p.numel() for p in model.parameters() if p.ndim == 1) + WINDOW * 64
    weight_bytes = {"f32": 4, "float32": 4, "q8_0": 34 / 32, "int8": 1}[table]
    expected = (parameters - vectors_and_positions) * weight_bytes + vectors_and_positions * 4
    assert peer.table == table
    assert 0 <= peer.file_bytes - expected < 12_000  # names, shapes; CTranslate2's scales


def test_without_engines_there_are_no_peers(
    model: GPT2LMHeadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quant.bench.peers.find_spec", lambda _: None)
    assert peers(model, tmp_path, threads=1) == []
    assert not list(tmp_path.iterdir())
