"""The floor: noise of bfloat16's size; KL by how sure the original was."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import SENTENCES
from working import steps

from quant.evaluation.certainty import EDGES, by_certainty
from quant.evaluation.compare import Reference, TokenScores, compare
from quant.evaluation.floor import Changed, changed, floor, noise, to_bfloat16
from quant.model.load import LoadedModel
from quant.text import Text
from quant.texts import EvalText

TEXT = EvalText("twelve", Text("Doce", "Twelve"), tuple(f"{SENTENCES[i % 6]} {SENTENCES[i % 5]}" for i in range(12)))


@pytest.fixture(scope="module")
def reference(tiny: LoadedModel) -> Reference:
    return Reference(tiny, TEXT)


def test_the_noise_is_as_large_as_the_error_of_rounding_and_as_it_is_spread() -> None:
    x = torch.randn(200_000, generator=torch.Generator().manual_seed(1)) * 3
    error, added = (to_bfloat16(x) - x).double(), (noise(0)(x) - x).double()
    assert float(added.square().mean().sqrt()) == pytest.approx(float(error.square().mean().sqrt()), rel=0.01)
    power = torch.exp2(torch.floor(torch.log2(x.abs()))).double()
    assert float((added.abs() / power).max()) <= 2**-8 * 1.001
    assert float((error.abs() / power).max()) <= 2**-8
    assert abs(float((added / power).mean())) < 1e-4
    assert torch.equal(noise(0)(x), noise(0)(x))
    assert not torch.equal(noise(0)(x), noise(1)(x))
    assert torch.equal(noise(0)(torch.zeros(3)), torch.zeros(3)), "nothing is added to nothing"


def test_the_floor_is_what_rounding_to_bfloat16_costs(tiny: LoadedModel, reference: Reference) -> None:
    same = compare(reference, changed(tiny, lambda x: x)).tokens.kl.mean()
    rounded = compare(reference, changed(tiny, to_bfloat16)).tokens.kl.mean()
    said, found = steps(floor(reference, (0, 1, 2)))
    assert same < rounded / 50
    assert rounded / 2 < found.mean < rounded * 2
    assert found.low <= found.mean <= found.high
    assert len({one.value for one in found.seeds}) == 3
    assert [len(s.so_far.seeds) for s in said if s.so_far] == [1, 2, 3]
    assert said[-1].fraction == 1


def test_noise_comes_after_each_linear_layer_of_the_blocks_and_each_block(tiny: LoadedModel) -> None:
    seen: list[tuple[int, ...]] = []

    def look(x: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(x.shape))
        return x

    made = changed(tiny, look)
    changed_ = [name for name, m in made.model.named_modules() if type(m) is Changed]
    assert len(changed_) == 2 * 4
    assert not any("lm_head" in name for name in changed_)
    made.model(torch.tensor([[1, 2, 3]]))
    assert len(seen) == 2 * (4 + 1)
    assert not [m for m in tiny.model.modules() if type(m) is Changed], "the original is not touched"


def scores(p: list[float], kl: list[float], documents: list[int]) -> TokenScores:
    n, zero = len(p), np.zeros(len(p))
    return TokenScores(zero, zero, np.array(kl), zero, np.array(p), zero, np.array(documents),
                       np.array(documents), np.arange(n))  # fmt: skip


def test_bins_hold_every_token_once_by_its_probability() -> None:
    found = by_certainty(scores([0.005, 0.01, 0.3, 0.5, 0.95, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0, 7.0], [0] * 6))
    assert [(one.low, one.count, one.kl.value) for one in found] == [
        (0.0, 1, 1.0), (0.01, 1, 2.0), (0.1, 1, 3.0), (0.5, 1, 4.0), (0.9, 2, 6.0),
    ]  # fmt: skip
    assert sum(one.share for one in found) == pytest.approx(1)
    assert all(one.kl.interval is None for one in found), "too few documents"
    assert by_certainty(scores([0.005], [0.0], [0]))[0].share == 0


def test_a_bin_has_the_interval_of_its_own_tokens() -> None:
    drawn = np.random.default_rng(0)
    documents = np.repeat(np.arange(20), 30)
    p, kl = drawn.uniform(0, 1, 600), drawn.exponential(1, 600)
    found = by_certainty(scores(list(p), list(kl), list(documents)))
    for one, (low, high) in zip(found[1:], list(pairwise(EDGES))[1:], strict=True):
        inside = (p >= low) & (p < high)
        assert one.count == int(inside.sum())
        assert one.kl.value == pytest.approx(kl[inside].mean())
        assert one.kl.interval
        assert one.kl.value in one.kl.interval
