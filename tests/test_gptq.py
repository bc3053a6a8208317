"""GPTQ gives the authors' values, does what it claims, and refuses what it cannot do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matrices import integers, label
from torch import Tensor

from quant.blocks import BLOCKS
from quant.calibrate import Flow
from quant.errors import CalibrationError, SchemeError, WeightError
from quant.formats import FORMATS
from quant.kernels.held import Held
from quant.methods import METHODS, feedback, gptq, grid, rtn
from quant.methods.base import Statistic
from quant.methods.gptq import Gptq
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.qtensor import group
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe
from quant.scheme import Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme

REFERENCE = np.load(Path(__file__).parent / "golden" / "reference.npz")
W, X = torch.from_numpy(REFERENCE["W"]), torch.from_numpy(REFERENCE["X"])
H = X.t() @ X / len(X)
GOLDEN = [key for key in REFERENCE.files if key.startswith("gptq.")]
FULL = FORMATS["float32"]
NF4_GROUPS = Scheme(FORMATS["nf4"], PerGroup(64), scale=FULL)
RANGE = Scheme(FORMATS["uint3"], PerGroup(32), Grid.RANGE, FORMATS["float16"], Offset(FORMATS["float16"]))


def output_error(got: Tensor) -> float:
    return float((X.double() @ (W - got).double().t()).square().sum())


def weight_error(got: Tensor) -> float:
    return float((W - got).double().square().sum())


def authors_symmetric(bits: int, granularity: Granularity) -> feedback.Laying:
    """Their symmetric grid: 2**bits levels, absmax * 2 / (2**bits - 1) apart, 0 at level 2**(bits - 1)."""

    def lay(columns: Tensor) -> grid.Frame:
        scheme = Scheme.integer(bits, granularity, zero_point=True, scale=FULL)
        scale = 2 * group(columns, granularity).abs().amax(-1) / (2**bits - 1)
        zero = torch.full_like(scale, 2 ** (bits - 1)).to(torch.uint8)
        return grid.Frame((columns.shape[0], columns.shape[1]), scheme, scale, zero, None, scale, scale)

    return lay


def ours(key: str) -> Tensor:
    """Decoded weights with the settings of a golden array."""
    _, bits, symmetric, groups, *act_order = key.split(".")
    knobs = Gptq(act_order=len(act_order), updated=1 - len(act_order))
    granularity: Granularity = PerChannel() if groups == "grow" else PerGroup(32)
    scheme = Scheme.integer(int(bits[1:]), granularity, zero_point=True, scale=FULL)
    if symmetric == "asym":
        return gptq.quantize(W, scheme, H, knobs).dequantize()
    lay, dead = authors_symmetric(int(bits[1:]), granularity), H.diagonal() == 0
    damped, weight = gptq.damp(H, dead, 0.01), W.masked_fill(dead, 0.0)
    order = torch.argsort(H.diagonal(), descending=True) if act_order else torch.arange(len(H))
    root = feedback.factored(damped[order][:, order])
    assert root is not None
    if groups == "g32":
        grids, codes = feedback.on_moving_grids(weight, root, 32, lay, 128)
        return grids.holding(codes, scheme).dequantize()
    frame = lay(weight)
    return frame.holding(feedback.on_grids(weight, root, feedback.Grids.cut(frame), order, 128)).dequantize()


def test_the_authors_values_in_all_their_settings() -> None:
    """On their symmetric grid the largest weight of a group lies halfway between two levels: division decides."""
    assert len(GOLDEN) == 18
    for key in GOLDEN:
        want, got = torch.from_numpy(REFERENCE[key]), ours(key)
        assert float(((got - want).abs() <= 1e-6).float().mean()) >= 0.9998, key
        assert output_error(got) == pytest.approx(output_error(want), rel=1e-3), key


def every_grid() -> list[Scheme]:
    """Grids that a formula gives, of each kind: by row and group, laid flat, nested scales, offsets, powers of two."""
    some = [s for s in integers([PerChannel(), PerGroup(64)]) if s.element.code_bits in (2, 3, 4)]
    rounded = [block.scheme for block in BLOCKS.values() if METHODS["rtn"].fits(block.scheme)]
    return [*some, Scheme.integer(4, PerTensor(), zero_point=True), NF4_GROUPS, RANGE,
            *(s for s in rounded if s.element.code_bits <= 4 and s.scale)]  # fmt: skip


def test_the_output_is_closer_than_roundings_and_the_weights_are_further_on_every_grid() -> None:
    schemes = every_grid()
    assert {"NF4_DOUBLE", "Q4_0", "Q4_1", "NVFP4_GGML", "MXFP4"} <= {scheme.name for scheme in schemes}
    for scheme in schemes:
        plain, got = rtn.quantize(W, scheme), gptq.quantize(W, scheme, H)
        assert output_error(got.dequantize()) < 0.8 * output_error(plain.dequantize()), label(scheme)
        assert weight_error(got.dequantize()) > 2 * weight_error(plain.dequantize()), label(scheme)
        assert (got.codes.dtype, got.codes.shape) == (plain.codes.dtype, plain.codes.shape), label(scheme)


def test_laid_flat_or_in_rows_the_codes_are_the_same() -> None:
    """And a nested scale is the one that the loop's values were computed with."""
    flat, rows = replace(NF4_GROUPS, granularity=Flat(64)), NF4_GROUPS
    assert torch.equal(gptq.quantize(W, flat, H).codes, gptq.quantize(W, rows, H).codes)
    ragged = replace(NF4_GROUPS, granularity=Flat(100))  # its groups begin anywhere in a row
    lost = [output_error(made.dequantize()) for made in (gptq.quantize(W, ragged, H), rtn.quantize(W, ragged))]
    assert lost[0] < 0.5 * lost[1]


def test_each_knob_does_what_it_says() -> None:
    scheme = Scheme.integer(3, PerGroup(32), zero_point=True)
    plain = gptq.quantize(W, scheme, H, Gptq(act_order=0))
    for block in (8, 40, 512):  # not all divide the matrix
        other = gptq.quantize(W, scheme, H, Gptq(act_order=0, block=block))
        assert float((other.codes == plain.codes).float().mean()) > 0.999, block
        moved = gptq.quantize(W, scheme, H, Gptq(act_order=0, block=block, updated=1))
        # A block as wide as the matrix brings nothing up to date before the groups are laid, as in the authors' code.
        assert torch.equal(moved.scales(), plain.scales()) == (block > 256), block
        assert output_error(moved.dequantize()) < output_error(rtn.quantize(W, scheme).dequantize()), block
    ordered = gptq.quantize(W, scheme, H, Gptq())
    assert torch.equal(ordered.scales(), plain.scales())
    assert output_error(ordered.dequantize()) < output_error(plain.dequantize())
    errors = [weight_error(gptq.quantize(W, scheme, H, Gptq(damping=d)).dequantize()) for d in (0.001, 0.01, 0.1, 0.5)]
    assert errors == sorted(errors, reverse=True)


def test_uncorrelated_inputs_leave_nothing_to_make_up_for() -> None:
    for scheme in (Scheme.integer(3, PerGroup(32)), NF4_GROUPS):
        for knobs in (Gptq(), Gptq(act_order=0), Gptq(act_order=0, updated=1)):
            got = gptq.quantize(W, scheme, torch.diag(torch.rand(256) + 0.1), knobs)
            assert torch.equal(got.dequantize(), rtn.quantize(W, scheme).dequantize()), (label(scheme), knobs)


def test_an_input_that_is_always_0_gets_weight_0() -> None:
    dead = (H.diagonal() == 0).nonzero().squeeze(1)
    assert len(dead) == 1
    for knobs in (Gptq(), Gptq(act_order=0), Gptq(act_order=0, updated=1)):
        got = gptq.quantize(W, Scheme.integer(4, PerGroup(32), zero_point=True), H, knobs).dequantize()
        assert float(got[:, dead].abs().max()) == 0.0


def test_fewer_tokens_than_inputs_are_enough() -> None:
    few = X[:40].t() @ X[:40] / 40
    got = gptq.quantize(W, Scheme.integer(3, PerGroup(32)), few).dequantize()
    plain = rtn.quantize(W, Scheme.integer(3, PerGroup(32))).dequantize()
    assert float((X[:40] @ (W - got).t()).square().sum()) < 0.7 * float((X[:40] @ (W - plain).t()).square().sum())


def test_what_cannot_be_done_is_said_with_what_came() -> None:
    scheme = Scheme.integer(4, PerGroup(32))
    for hessian, said in [
        (H[:8, :8], "is 8 × 8 and must be 256 × 256"), (H * torch.nan, "has 65536 values that are not finite"),
        (0 * H, "All 256 inputs of the layer are always 0"),
        (-H, "With damping 0.01, the matrix H of the inputs cannot be factored"),
    ]:  # fmt: skip
        with pytest.raises(CalibrationError, match=re.escape(said)):
            gptq.quantize(W, scheme, hessian)
    with pytest.raises(WeightError):
        gptq.quantize(W * torch.nan, scheme, H)
    method = METHODS["gptq"]
    for bad, knobs, said in [
        (BLOCKS["Q4_K"].scheme, Gptq(), "Q4_K searches"),
        (BLOCKS["NF4"].scheme, Gptq(act_order=0, updated=1), "those of NF4"),
        (scheme, Gptq(updated=1, act_order=1), "With “act_order”"),
    ]:  # fmt: skip
        with pytest.raises(SchemeError, match=said):
            method.check(bad, knobs)
    with pytest.raises(CalibrationError, match="gptq"):
        method.quantize(W, Scheme.integer(4, PerGroup(32)))


def codes_of(loaded: LoadedModel, recipe: Recipe) -> dict[str, Tensor]:
    """The codes of every layer that `recipe` stores."""
    model = quantize_model(loaded, recipe).model
    return {name: held.quantized().q.codes for name, _, held in packed_matrices(model)}


def test_a_model_gets_other_codes_than_roundings_and_they_follow_the_text(tiny: LoadedModel) -> None:
    scheme, text = Scheme.integer(3, PerGroup(32), zero_point=True), "Me gusta mucho el futbol, pero no lo es todo. "
    recipes = {
        "rtn": Recipe.uniform(scheme),
        "float inputs": Recipe.uniform(scheme, method="gptq", calibration=Calibration(tokens=1024)),
        "fewer": Recipe.uniform(scheme, method="gptq", calibration=Calibration(tokens=256)),
        "own": Recipe.uniform(scheme, method="gptq", calibration=Calibration("own", 1024, text * 30)),
        "sequential": Recipe.uniform(
            scheme, method="gptq", calibration=Calibration(tokens=1024, sequential=True)),
    }  # fmt: skip
    made = {name: codes_of(tiny, recipe) for name, recipe in recipes.items()}
    first = [layer.name for layer in linear_layers(tiny) if ".h.0." in layer.name]
    assert len(made["rtn"]) == 2 * len(first)
    for name, codes in made["float inputs"].items():
        for other in ("rtn", "fewer", "own"):
            assert not torch.equal(codes, made[other][name]), (name, other)
        # What comes before the first block is the same; after it, its quantized outputs reach the second.
        assert torch.equal(codes, made["sequential"][name]) == (name in first), name
    again = codes_of(tiny, recipes["sequential"])
    assert all(torch.equal(codes, again[name]) for name, codes in made["sequential"].items())


def test_the_hessian_is_that_of_what_quantized_blocks_give(tiny: LoadedModel) -> None:
    """The second block of a sequential run, made again by hand from a model whose first block alone is quantized."""
    scheme, short = Scheme.integer(2, PerChannel()), Calibration(tokens=512, sequential=True)
    done = quantize_model(tiny, Recipe.uniform(scheme, method="gptq", calibration=short))
    flow = Flow(tiny, short)
    flow.read(flow.blocks[0], done.model.get_submodule(flow.blocks[0].name), frozenset())
    flow.go_on()
    block, needs = flow.blocks[1], frozenset({Statistic.HESSIAN})
    for name, known in flow.read(block, tiny.model.get_submodule(block.name), needs).items():
        assert known.hessian is not None
        want = gptq.quantize(tiny.weight(name), scheme, known.hessian).codes
        got = held_in(done, name).quantized().q.codes
        assert float((got == want).float().mean()) > 0.99, name


def held_in(loaded: LoadedModel, wanted: str) -> Held:
    return next(held for name, _, held in packed_matrices(loaded.model) if name == wanted)
