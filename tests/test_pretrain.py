"""The training's parts that need no training: what is set aside, mixed, scheduled and exported."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, GPT2LMHeadModel

from quant.train import holdout, pretrain
from quant.train.holdout import draw, ngrams, set_aside
from quant.train.pretrain import BATCH, CONTEXT, MIX, Schedule, batch, load_sources, model_config, optimizers

WORDS = [
    "el",
    "agua",
    "del",
    "río",
    "baja",
    "turbia",
    "por",
    "el",
    "valle",
    "y",
    "nadie",
    "en",
    "el",
    "pueblo",
    "recuerda",
    "una",
    "crecida",
    "como",
    "aquella",
]


def sentence(seed: int, words: int = 20) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words)) + f" {seed}."


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Eight documents a source, and one evaluation text that shares a run of words with the first encyclopedia one."""
    (tmp_path / "train").mkdir()
    (tmp_path / "eval").mkdir()
    for n, name in enumerate(MIX):
        documents = [sentence(100 * n + i, 40) for i in range(8)]
        (tmp_path / "train" / f"{name}.txt").write_text("\n\n".join(documents), encoding="utf8")
    leaked = holdout.read_documents(tmp_path / "train" / "wikipedia_resumenes.txt")[0]
    (tmp_path / "eval" / "enciclopedia.txt").write_text(" ".join(leaked.split()[5:25]), encoding="utf8")
    return tmp_path


def test_what_is_set_aside_is_disjoint_and_shares_nothing_with_the_evaluation(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdout, "QUOTA_BYTES", dict.fromkeys(holdout.QUOTA_BYTES, 500))
    calibration, sample = set_aside(corpus)
    assert calibration
    assert sample
    assert not set(calibration) & set(sample)
    evaluated = ngrams((corpus / "eval" / "enciclopedia.txt").read_text(encoding="utf8"))
    assert not any(ngrams(d) & evaluated for d in calibration + sample)
    assert set_aside(corpus) == (calibration, sample)


def test_a_draw_takes_whole_documents_up_to_its_quota() -> None:
    documents = [sentence(i) for i in range(50)]
    drawn = draw(documents, 1_000, set(), random.Random(0))
    assert set(drawn) <= set(documents)
    assert 1_000 <= sum(len(d.encode()) for d in drawn) < 3_000


def test_calibration_is_never_trained_on(corpus: Path, tmp_path: Path) -> None:
    held = holdout.read_documents(corpus / "train" / "wikipedia_resumenes.txt")[2]
    near = corpus / "train" / "ud_gsd_frases.txt"
    near.write_text(" ".join(held.split()[3:30]) + "\n\n" + sentence(9_999), encoding="utf8")
    calibration = tmp_path / "calibration.txt"
    calibration.write_text(held, encoding="utf8")
    sources = load_sources(corpus, calibration)
    assert len(sources["wikipedia_resumenes"]) == 7
    assert sources["ud_gsd_frases"] == [sentence(9_999)]


def test_the_rate_warms_up_stays_and_falls_to_zero() -> None:
    rate = Schedule(warmup=100, decay=200, until=1_000)
    assert rate(0) == pytest.approx(0.01)
    assert rate(50) == pytest.approx(0.51)
    assert rate(100) == rate(800) == 1
    assert rate(900) == pytest.approx(0.5)
    assert rate(1_000) == rate(2_000) == 0


def test_a_step_sees_the_same_windows_whenever_it_runs() -> None:
    streams = {name: np.arange(i * 10_000, i * 10_000 + 5_000) for i, name in enumerate(MIX)}
    first = batch(streams, step=7)
    assert first.shape == (BATCH, CONTEXT + 1)
    assert torch.equal(first, batch(streams, step=7))
    assert not torch.equal(first, batch(streams, step=8))
    assert bool((first[:, 1:] - first[:, :-1] == 1).all())  # each row is one run of one stream


def test_the_mix_is_drawn_in_its_shares() -> None:
    streams = {name: np.full(5_000, i) for i, name in enumerate(MIX)}
    drawn = torch.cat([batch(streams, step)[:, 0] for step in range(250)])
    shares = torch.bincount(drawn, minlength=len(MIX)) / len(drawn)
    wanted = torch.tensor(list(MIX.values())) / sum(MIX.values())
    torch.testing.assert_close(shares, wanted.float(), atol=0.03, rtol=0)


def test_every_parameter_has_one_optimizer_and_muon_the_hidden_matrices() -> None:
    model = GPT2LMHeadModel(model_config())
    muon, adamw = optimizers(model, 0.02, 0.003)
    assert sum(p.numel() for p in model.parameters()) == 5_128_960
    first, second = ({id(p) for g in opt.param_groups for p in g["params"]} for opt in (muon, adamw))
    assert not first & second
    assert first | second == {id(p) for p in model.parameters()}
    assert len(first) == 5 * 4


def test_an_export_loads_with_transformers_and_begins_a_prompt_with_bos(tmp_path: Path) -> None:
    tokenizer = pretrain.train_tokenizer({name: [sentence(i) for i in range(30)] for name in MIX})
    model = GPT2LMHeadModel(model_config())
    pretrain.export(model, tokenizer, tmp_path)
    again = GPT2LMHeadModel.from_pretrained(tmp_path, dtype=torch.float32)
    torch.testing.assert_close(again.transformer.wte.weight, model.transformer.wte.weight.half().float())
    read = AutoTokenizer.from_pretrained(tmp_path)
    ids = read.encode("¡El agua, señor!")
    assert ids[0] == read.bos_token_id == 0
    assert read.decode(ids, skip_special_tokens=True) == "¡El agua, señor!"
