"""Low-rank repair: the best correction of its rank, weighted by the inputs or not, and every byte of it counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from quant.methods import METHODS, low_rank, rtn
from quant.methods.base import Statistics
from quant.methods.low_rank import LowRankKnobs
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe
from quant.scheme import PerChannel, PerGroup, Scheme

REFERENCE = np.load(Path(__file__).parent / "golden" / "reference.npz")
W, X = torch.from_numpy(REFERENCE["W"]), torch.from_numpy(REFERENCE["X"])
KNOWN = Statistics(len(X), X.square().mean(0))
SCHEME = Scheme.integer(3, PerGroup(64), zero_point=True)
METHOD = METHODS["low_rank"]


def made(rank: int, weighted: int, weight: Tensor = W) -> Tensor:
    return METHOD.quantize(weight, SCHEME, KNOWN, LowRankKnobs(rank, weighted)).dequantize()


def test_it_is_the_best_correction_of_its_rank() -> None:
    """As torch's own singular values have it, but for what float16 rounds off."""
    error = W - rtn.quantize(W, SCHEME).dequantize()
    scale = low_rank.column_scale(KNOWN.squares if KNOWN.squares is not None else W[0])
    for part, by in ((error, None), (error.t()[:90], None), (error, scale)):
        scaled = part if by is None else part * by
        values = torch.linalg.svdvals(scaled.double())
        for rank in (1, 8, 64):
            found = low_rank.repair(part, rank, by)
            left = part - found.a.float() @ found.b.float()
            left = left if by is None else left * by
            want = float(values[rank:].square().sum())
            assert abs(float(left.double().square().sum()) - want) < 1e-3 * float(values.square().sum()), rank


def test_the_error_falls_with_the_rank_and_below_roundings() -> None:
    plain = rtn.quantize(W, SCHEME).dequantize()
    weights = [float((W - got).square().sum()) for got in (plain, *(made(r, 0) for r in (1, 2, 4, 8, 16, 32, 64)))]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] < 0.3 * weights[0]
    by = X.square().mean(0)
    scaled = [float(((W - got).square() * by).sum()) for got in (plain, *(made(r, 1) for r in (1, 4, 16, 64)))]
    assert scaled == sorted(scaled, reverse=True)


def test_weighted_by_the_inputs_the_output_loses_less_on_them() -> None:
    for rank in (1, 4, 16):
        plain, weighted = made(rank, 0), made(rank, 1)
        output = [float((X @ (W - got).t()).square().sum()) for got in (plain, weighted)]
        weights = [float((W - got).square().sum()) for got in (plain, weighted)]
        assert output[1] < 0.9 * output[0], rank
        assert weights[1] > weights[0], rank


def test_a_matrix_that_rounding_keeps_exactly_and_inputs_of_nothing_are_no_trouble() -> None:
    exact = torch.arange(-4.0, 4.0).repeat(4, 32)
    for weighted in (0, 1):
        q = METHOD.quantize(exact, Scheme.integer(3, PerChannel(), zero_point=True), KNOWN, LowRankKnobs(4, weighted))
        assert torch.equal(q.dequantize(), exact)
    for squares in (torch.zeros(256), torch.tensor([1e12] + [0.0] * 255), torch.full((256,), 1e-12)):
        got = METHOD.quantize(W, SCHEME, Statistics(1, squares), LowRankKnobs(8)).dequantize()
        assert bool(torch.isfinite(got).all())


def test_every_byte_beside_the_codes_is_counted(tiny: LoadedModel) -> None:
    for rank, shape in ((1, (96, 256)), (64, (96, 256)), (64, (24, 256))):
        weight, knobs = W[: shape[0]], LowRankKnobs(rank)
        q = METHOD.quantize(weight, SCHEME, KNOWN, knobs)
        assert q.beside.nbytes == METHOD.extra_bytes(SCHEME, shape, knobs) == 2 * sum(shape) * min(rank, shape[0])
        assert not torch.equal(q.dequantize(), q.q.dequantize())
    recipe = Recipe.uniform(Scheme.integer(3, PerGroup(32)), method="low_rank", knobs=LowRankKnobs(4),
                            calibration=Calibration(tokens=256))  # fmt: skip
    done = quantize_model(tiny, recipe)
    shapes = {layer.name: layer.matrix for layer in linear_layers(tiny)}
    for name, _, held in packed_matrices(done.model):
        assert held.quantized().beside.nbytes == 2 * 4 * sum(shapes[name]), name
