"""quant.train.average: weights between two models', a tokenizer that is theirs, and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel

from quant.loading import load_model
from quant.model.load import EMBEDDED_FOLDER
from quant.texts import shipped_text
from quant.train.average import calibration, write_average


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The embedded model, moved."""
    folder = tmp_path / "other"
    model = GPT2LMHeadModel.from_pretrained(EMBEDDED_FOLDER, dtype=torch.float32)
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((EMBEDDED_FOLDER / "tokenizer.json").read_bytes())
    return folder


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_weights_lie_between_the_two(other: Path, tmp_path: Path, share: float) -> None:
    write_average(EMBEDDED_FOLDER, other, share, tmp_path / "average")
    a, b, got = (
        GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).state_dict()
        for folder in (EMBEDDED_FOLDER, other, tmp_path / "average")
    )
    for name, weight in got.items():
        torch.testing.assert_close(weight, (1 - share) * a[name] + share * b[name], rtol=2**-10, atol=1e-7)
    loaded = load_model(tmp_path / "average")
    assert loaded.tokenizer.get_vocab() == load_model().tokenizer.get_vocab()


def test_another_vocabulary_is_refused(other: Path, tmp_path: Path) -> None:
    (other / "tokenizer.json").write_text("{}", encoding="utf8")
    with pytest.raises(ValueError, match="one vocabulary"):
        write_average(EMBEDDED_FOLDER, other, 0.5, tmp_path / "average")


def test_the_share_is_chosen_on_a_text_of_its_own() -> None:
    """Neither evaluation text shares a document with it."""
    documents = set(calibration().documents)
    assert len(documents) > 100
    for name in ("enciclopedia", "literatura"):
        assert not documents & set(shipped_text(name).documents)
