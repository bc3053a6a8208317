"""AWQ: the authors' scales and clips on a fixed input; never worse than rounding by the error that it looks at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matrices import BLOCK_SCHEMES, label
from torch import Tensor

from quant.calibrate import statistics
from quant.errors import CalibrationError, SchemeError
from quant.formats import FORMATS
from quant.methods import METHODS, awq, rtn
from quant.methods.base import Statistic, Statistics
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.qtensor import group
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe, Rule, Step
from quant.scheme import Flat, PerChannel, PerGroup, PerTensor, Scheme

GOLDEN = np.load(Path(__file__).parent / "golden" / "awq.npz")
FLOAT32 = FORMATS["float32"]
CASES = {
    f"b{bits}.{name}": Scheme.integer(bits, granularity, zero_point=True, scale=FLOAT32)
    for bits in (4, 3)
    for name, granularity in (("g32", PerGroup(32)), ("grow", PerChannel()))
}
KNOBS = awq.Knobs()
SHORT = Calibration(tokens=512)


def golden(name: str) -> Tensor:
    return torch.from_numpy(GOLDEN[name])


def inputs_alone(x: Tensor) -> Statistics:
    return Statistics(len(x), inputs=x)


def error(weight: Tensor, made: Tensor, x: Tensor) -> float:
    """Squared error of the outputs."""
    return float((x @ (made - weight).t()).square().sum())


def test_the_scales_are_the_authors() -> None:
    x, together = golden("X"), {"qkv": [golden(name) for name in "qkv"], "fc1": [golden("fc1")]}
    for name, scheme in CASES.items():
        for which, weights in together.items():
            got = awq.scales(weights, [scheme] * len(weights), inputs_alone(x), KNOBS)
            torch.testing.assert_close(got, golden(f"{name}.{which}.scale"), rtol=1e-6, atol=0, msg=f"{name} {which}")
            assert float(got.max()) > 1.5, "a scale was found at all"


def test_the_scale_is_the_one_that_looking_at_all_in_full_finds() -> None:
    """On inputs that go together in many directions, unlike one another in size; not so by columns alone."""
    generator, scheme, by_column = torch.Generator().manual_seed(5), Scheme.integer(3, PerGroup(32), zero_point=True), 0
    for _ in range(6):
        mixed = torch.randn(96, 192, generator=generator) * torch.logspace(0, -1.5, 96).unsqueeze(1)
        x = (torch.randn(256, 96, generator=generator) + 2) @ mixed * torch.rand(192, generator=generator).exp()
        weights = [torch.randn(64, 192, generator=generator) for _ in range(2)]
        tried = [awq.scale_at(x.abs().mean(0), step / KNOBS.steps) for step in range(KNOBS.steps)]
        made = [[rtn.quantize(w * s, scheme).dequantize() / s - w for w in weights] for s in tried]
        full = [sum(float((x @ off.t()).square().sum()) for off in both) for both in made]
        columns = [sum(float((off.square() @ x.square().sum(0)).sum()) for off in both) for both in made]
        best = min(range(KNOBS.steps), key=full.__getitem__)
        assert torch.equal(awq.scales(weights, [scheme] * 2, inputs_alone(x), KNOBS), tried[best])
        by_column += min(range(KNOBS.steps), key=columns.__getitem__) == best
    assert by_column < 6


def test_clips_and_values_are_the_authors() -> None:
    """But for a few groups whose range clipping makes symmetric: their zero point lies halfway between two codes.

    So do their clipped weights, and which way they go depends on the last bit of a division.
    """
    for name, scheme in CASES.items():
        scale, limit = golden(f"{name}.fc1.scale"), golden(f"{name}.fc1.clip").unsqueeze(-1)
        weight, x, theirs = golden("fc1") * scale, golden("X") / scale, golden(f"{name}.fc1.values")
        grouped = group(weight, scheme.granularity)
        mine = group(awq.clipped(weight, scheme, x, KNOBS), scheme.granularity)
        made = METHODS["awq"].quantize(weight, scheme, inputs_alone(x)).dequantize()
        same = group((made - theirs).abs() <= 1e-6, scheme.granularity).all(-1)
        assert torch.equal(mine[same], grouped.clamp(-limit, limit)[same]), name
        symmetric = [-r.amin(-1) == r.amax(-1) for r in (mine, grouped.clamp(-limit, limit))]
        assert bool((same | symmetric[0] | symmetric[1]).all()), name
        assert float(same.float().mean()) > 0.97, name
        assert float(((made - theirs).abs() > 1e-6).float().mean()) < 0.02, name
        assert error(weight, made, x) == pytest.approx(error(weight, theirs, x), rel=0.02), name
        assert float((mine != grouped).float().mean()) > 0.005, "something is clipped"


def test_it_loses_less_than_rounding_on_the_outputs_of_nearly_every_layer(tiny: LoadedModel) -> None:
    for bits, zero_point in ((4, True), (4, False), (3, True)):
        scheme, wins, count = Scheme.integer(bits, PerGroup(32), zero_point=zero_point), 0, 0
        for block, known in statistics(tiny, SHORT, frozenset({Statistic.INPUTS})):
            for feed in block.feeds:
                weights, seen = [tiny.weight(name) for name in feed.layers], known[feed.layers[0]]
                assert seen.inputs is not None
                scale = awq.scales(weights, [scheme] * len(weights), seen, KNOBS)
                for weight in weights:
                    scaled = replace(seen, inputs=seen.inputs / scale)
                    made = METHODS["awq"].quantize(weight * scale, scheme, scaled).dequantize() / scale
                    plain = rtn.quantize(weight, scheme).dequantize()
                    wins += error(weight, made, seen.inputs) < error(weight, plain, seen.inputs)
                    count += 1
        assert wins >= 0.8 * count > 0, (bits, zero_point)


def test_the_error_of_each_group_is_what_it_alone_brings_into_the_outputs() -> None:
    generator = torch.Generator().manual_seed(3)
    off, x = torch.randn(6, 48, generator=generator), torch.randn(40, 48, generator=generator)
    for granularity in (PerTensor(), PerChannel(), PerGroup(16), Flat(16), Flat(96)):
        scheme = Scheme.integer(4, granularity)
        got = awq._Loss.of(scheme, off, x)(off)
        rows, groups, size = scheme.groups((6, 48))
        want = torch.zeros(rows, groups).view(-1)
        for place in range(len(want)):
            alone = torch.zeros(6 * 48)
            alone[place * size : (place + 1) * size] = off.view(-1)[place * size : (place + 1) * size]
            want[place] = (x @ alone.view(6, 48).t()).square().sum() / 40
        torch.testing.assert_close(got, want.view(rows, groups), rtol=1e-4, atol=1e-4, msg=str(granularity))
    ragged = Scheme.integer(4, Flat(20))  # the groups cut rows, and the last one is short
    assert awq._Loss.of(ragged, off, x)(off).shape == (1, 15)


def test_it_fills_every_grid_that_a_formula_gives_and_refuses_the_others() -> None:
    weight = torch.randn(8, 256, generator=torch.Generator().manual_seed(0))
    seen = inputs_alone(torch.randn(32, 256, generator=torch.Generator().manual_seed(1)))
    quick = awq.Knobs(steps=4)
    for scheme in BLOCK_SCHEMES:
        if rtn.METHOD.fits(scheme):
            scale = awq.scales([weight], [scheme], seen, quick)
            assert bool(((scale > 0) & scale.isfinite()).all()), label(scheme)
            assert METHODS["awq"].quantize(weight, scheme, seen, quick).scheme == scheme
        else:
            with pytest.raises(SchemeError, match="searches for its"):
                Recipe.uniform(scheme, method="awq")
    with pytest.raises(SchemeError, match="After a rotation"):
        Recipe.uniform(method="awq", steps=(Step("hadamard"),))
    with pytest.raises(SchemeError, match="shrink = 2: it must be"):
        METHODS["awq"].set_knobs({"shrink": 2})


def test_inputs_that_are_always_zero_leave_scales_that_can_be_undone() -> None:
    weight, scheme = torch.randn(8, 32), Scheme.integer(4, PerChannel())
    x = torch.randn(16, 32)
    x[:, 3] = 0
    some, none = (awq.scales([weight], [scheme], inputs_alone(seen), KNOBS) for seen in (x, torch.zeros(16, 32)))
    assert bool(((some > 0) & some.isfinite()).all())
    assert torch.equal(none, torch.ones(32))
    narrow = inputs_alone(x[:, :16])
    for give in (lambda: awq.scales([weight], [scheme], narrow, KNOBS),
                 lambda: METHODS["awq"].quantize(weight, scheme, narrow)):  # fmt: skip
        with pytest.raises(CalibrationError, match="The inputs are 16 × 16, and the matrix has 32 columns"):
            give()


def test_codes_differ_from_roundings_and_follow_the_text_and_the_knobs(tiny: LoadedModel) -> None:
    scheme, before = Scheme.integer(4, PerGroup(32)), tiny.fingerprint()
    recipes = [Recipe.uniform(scheme)] + [
        Recipe((Rule("linear:*", scheme, "awq", knobs),), calibration=replace(SHORT, text=text))
        for text, knobs in (("calibration", KNOBS), ("training_sample", KNOBS), ("calibration", awq.Knobs(clip=0)))
    ]
    made = [{n: h.rows() for n, _, h in packed_matrices(quantize_model(tiny, r).model)} for r in recipes]
    for name in made[0]:
        for i in range(len(made)):
            assert not any(torch.equal(made[i][name], made[j][name]) for j in range(i)), (name, i)
    again = {n: h.rows() for n, _, h in packed_matrices(quantize_model(tiny, recipes[1]).model)}
    assert all(torch.equal(again[name], rows) for name, rows in made[1].items())
    assert tiny.fingerprint() == before
