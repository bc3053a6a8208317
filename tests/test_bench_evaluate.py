"""The evaluation bench: published protocols against the loop that publishes them, memory, and what it writes."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from quant.bench import evaluate as bench
from quant.bench.evaluate import Identifiers, PeakMemory, measure, plain_loop, verify
from quant.errors import EvaluationError, ModelError
from quant.model.load import LoadedModel

CONTENT = "\n\n".join(f"En la montaña, a las {n}, hace buen tiempo; ¿y en el mar? No: llueve." for n in range(12))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "text.txt"
    path.write_text(CONTENT, encoding="utf8")
    return path


def sliding_window(model: GPT2LMHeadModel, ids: torch.Tensor, context: int, stride: int) -> tuple[float, int]:
    """Perplexity as the guide of transformers takes it: labels of -100 for what was scored before."""
    nats, tokens, previous = 0.0, 0, 0
    for begin in range(0, ids.shape[1], stride):
        end = min(begin + context, ids.shape[1])
        inputs = ids[:, begin:end]
        labels = inputs.clone()
        labels[:, : -(end - previous)] = -100
        scored = int((labels[:, 1:] != -100).sum())  # the model shifts them
        if scored:
            with torch.no_grad():
                nats += float(model(inputs, labels=labels).loss) * scored
        tokens += scored
        previous = end
        if end == ids.shape[1]:
            break
    return math.exp(nats / tokens), tokens


@pytest.mark.slow
@pytest.mark.parametrize(
    ("context", "stride"), [(64, 64), (64, 32), (64, 1), (64, 63), (32, 32), (32, 16), (17, 5), (2, 1), (2, 2)]
)
def test_a_published_protocol_is_repeated(
    hub_folder: Path, original: GPT2LMHeadModel, tiny: LoadedModel, text: Path, context: int, stride: int
) -> None:
    ids = torch.tensor([tiny.tokenizer.encode(CONTENT)])
    perplexity, tokens = sliding_window(original, ids, context, stride)
    got = verify(str(hub_folder), text, context, stride)
    assert got["perplexity"] == pytest.approx(perplexity, rel=1e-4)
    assert got["tokens_scored"] == tokens
    assert (got["context"], got["stride"], got["bos"]) == (context, stride, False)
    if stride < context:
        assert tokens == ids.shape[1] - 1  # each once, but the first


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_the_last_window_may_be_of_one_token(
    hub_folder: Path, original: GPT2LMHeadModel, tiny: LoadedModel, tmp_path: Path, extra: int
) -> None:
    ids = tiny.tokenizer.encode(CONTENT)
    content = tiny.tokenizer.decode(ids[: 2 * 16 + extra])
    ids = tiny.tokenizer.encode(content)
    assert len(ids) == 2 * 16 + extra
    path = tmp_path / "text.txt"
    path.write_text(content, encoding="utf8")
    perplexity, tokens = sliding_window(original, torch.tensor([ids]), 16, 16)
    got = verify(str(hub_folder), path, 16, 16)
    assert got["tokens_scored"] == tokens == 30 + max(0, extra - 1)
    assert got["perplexity"] == pytest.approx(perplexity, rel=1e-4)


def test_a_model_that_is_not_there_is_refused(text: Path, hub_cache: Path) -> None:
    with pytest.raises(ModelError):
        verify("nobody/nothing", text, 64, 64)


def test_memory_that_comes_and_goes_is_seen() -> None:
    with PeakMemory() as peak:
        block = torch.ones(16 * 2**20)  # 64 MiB
        time.sleep(5 * bench.POLL_S)
        del block
        time.sleep(2 * bench.POLL_S)
    assert 60 * 2**20 < peak.extra_bytes < 128 * 2**20


def test_where_nothing_is_taken_there_is_no_peak() -> None:
    with PeakMemory() as peak:
        time.sleep(3 * bench.POLL_S)
    assert 0 <= peak.extra_bytes < 16 * 2**20


def test_the_plain_loop_is_the_mean_of_the_windows_losses(original: GPT2LMHeadModel) -> None:
    windows = [torch.randint(300, (1, 20), generator=torch.Generator().manual_seed(n)) for n in range(3)]
    expected = []
    for window in windows:
        with torch.no_grad():
            logits = original(window).logits[0, :-1]
        expected.append(float(torch.nn.functional.cross_entropy(logits, window[0, 1:])))
    assert plain_loop(original, windows) == pytest.approx(sum(expected) / 3, rel=1e-5)


def test_identifiers_are_read_as_they_are_written() -> None:
    tokenizer = Identifiers(50, 49)
    assert tokenizer.encode("3 14 15", add_special_tokens=False) == [3, 14, 15]
    assert len(tokenizer.get_vocab()) == 50


@pytest.fixture
def shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench with a model that takes no time."""

    def model() -> GPT2LMHeadModel:
        config = GPT2Config(vocab_size=100, n_positions=64, n_embd=64, n_layer=1, n_head=1, bos_token_id=99)
        config.eos_token_id = 99
        return GPT2LMHeadModel(config).eval()

    monkeypatch.setattr(bench, "gpt2_124m", model)
    monkeypatch.setattr(bench, "WINDOWS", 4)
    monkeypatch.setattr(bench, "CONTEXT", 64)


@pytest.mark.usefixtures("shrunk")
def test_the_bench_measures_what_its_page_says() -> None:
    measured = measure(rounds=2)
    assert measured["tokens"] == 4 * 64
    assert set(measured["ratios"]) == {"full_vs_plain_loop", "full_vs_two_plain_loops", "second_scheme_vs_forward"}
    assert all(ratio > 0 for ratio in measured["ratios"].values())
    assert measured["peak_extra_bytes"] >= 0
    assert measured["seconds"]["plain_two"]["median"] > measured["seconds"]["plain_one"]["median"] > 0


def test_verify_is_a_command(
    hub_folder: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["evaluate", "--json", str(path), "--verify", str(hub_folder), str(text),
                                      "--context", "32", "--stride", "16"])  # fmt: skip
    bench.main()
    written = json.loads(path.read_text(encoding="utf8"))
    expected = verify(str(hub_folder), text, 32, 16)
    assert expected["perplexity"] == pytest.approx(written["perplexity"])
    assert (written["context"], written["stride"]) == (32, 16)


@pytest.mark.parametrize(
    ("content", "context", "stride", "said"),
    [
        (b"", 32, 32, "0 tokens"),
        (b"\xff\xfe", 32, 32, "UTF-8"),
        (None, 32, 32, "UTF-8"),
        (b"hola hola hola", 32, 0, "0 < stride"),
        (b"hola hola hola", 32, 33, "0 < stride"),
        (b"hola hola hola", 100_000, 32, "≤ 64"),
    ],
)
def test_a_protocol_that_cannot_be_is_refused(
    folder: Path, tmp_path: Path, content: bytes | None, context: int, stride: int, said: str
) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EvaluationError, match=said):
        bench.verify(str(folder), path, context, stride)
