"""Learned rounding: the authors' arithmetic, a smaller error of the block than rounding's, and a text that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from quant.activations import Activations, Per
from quant.blocks import BLOCKS
from quant.calibrate import Flow, outside
from quant.errors import CalibrationError, SchemeError
from quant.methods import METHODS, rtn
from quant.methods.autoround import Knobs, Learned, _move, tune
from quant.methods.base import BlockProblem, Statistic, Statistics, Target, alone
from quant.model.layers import Kind, census, linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model, quantize_steps
from quant.recipe import Calibration, Recipe
from quant.scheme import Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.size import size_report
from quant.work import finished

_FILE = Path(__file__).parent / "golden" / "autoround.npz"
GOLDEN = {name: torch.from_numpy(array) for name, array in np.load(_FILE).items()}
STEPS = 100
SCHEMES = {
    "asym": lambda bits, size=32: Scheme.integer(bits, PerGroup(size), zero_point=True),
    "sym": lambda bits, size=32: replace(Scheme.integer(bits, PerGroup(size)), grid=Grid.SIGNED_MAX),
}


def test_the_same_offsets_and_ranges_give_the_values_of_the_authors_code() -> None:
    w, near = GOLDEN["W"], 0
    for name, scheme in SCHEMES.items():
        for bits in (2, 3, 4, 8):
            learned = replace(Learned.of(Target(w, scheme(bits))), offset=GOLDEN["V"],
                              kept=torch.stack([GOLDEN["low"], GOLDEN["high"]], -1))  # fmt: skip
            got, want = learned.rounded(), GOLDEN[f"qdq.{name}{bits}"]
            q = learned.stored()
            assert torch.equal(q.dequantize(), got), (name, bits)
            scale = GOLDEN[f"scale.{name}{bits}"]
            used = (w.view(24, 4, 32) != 0).any(-1)  # theirs gives a group of zeros a scale of 1e-5
            assert torch.equal(q.scales()[used], scale[used]), (name, bits)
            near += int((~torch.isclose(got, want, rtol=1e-6, atol=1e-9)).sum())
    assert near == 0


def problem(scheme: Scheme, windows: int = 1) -> BlockProblem:
    """The golden file's block: two matrices, GELU between them, beside a residual."""
    states = GOLDEN["X"].view(windows, -1, 32)

    def run(w: Mapping[str, Tensor], which: Tensor) -> Tensor:
        x = states[which]
        return x + functional.gelu(x @ w["up"].t()) @ w["down"].t()

    weights = {name: GOLDEN[name] for name in ("up", "down")}
    targets = {name: Target(weight, scheme) for name, weight in weights.items()}
    return BlockProblem(targets, states, run(weights, torch.arange(windows)), run)


def loss(given: BlockProblem, weights: Mapping[str, Tensor]) -> float:
    return float((given.run(weights, torch.arange(len(given.inputs))) - given.outputs).square().mean())


def learned(given: BlockProblem, seed: int = 0, **knobs: int) -> dict[str, Tensor]:
    made = finished(tune(given, Knobs(**knobs), torch.Generator().manual_seed(seed)))
    return {name: weight.dequantize() for name, weight in made.items()}


def test_the_first_step_goes_where_the_authors_code_goes_and_the_last_loses_about_as_much() -> None:
    ratios = []
    for name, bits in (("asym", 4), ("asym", 3), ("sym", 4), ("sym", 3)):
        given, key = problem(SCHEMES[name](bits)), f"{name}{bits}"
        first, best = GOLDEN[f"loss.{key}"].tolist()
        start = {n: Learned.of(target) for n, target in given.targets.items()}
        assert loss(given, {n: each.rounded() for n, each in start.items()}) == pytest.approx(first, rel=1e-4), key
        _move(given, start, torch.arange(1), 0.01, True)
        for n, each in start.items():
            # Weights beyond the grid by less than half a step have a gradient there, and none here.
            moved = each.offset != 0
            assert float(moved.float().mean()) > 0.9, (key, n)
            same = (each.offset.sign() == -GOLDEN[f"{n}.sign.{key}"])[moved]
            assert float(same.float().mean()) > 0.999, (key, n)
        ratios.append(loss(given, learned(given, steps=STEPS)) / best)
    # Signed descent amplifies the last bit of a gradient: single runs differ by a fifth either way.
    assert max(ratios) < 1.25
    assert torch.tensor(ratios).log().mean().exp() < 1.03


def test_more_steps_lose_less_and_none_more_than_rounding() -> None:
    """On average over three seeds: two runs of one length differ by as much as a tenth."""

    def lost(given: BlockProblem, **knobs: int) -> list[float]:
        return [loss(given, learned(given, seed, **knobs)) for seed in range(3)]

    for name, scheme in SCHEMES.items():
        given = problem(scheme(3), windows=32)
        plain = loss(given, {n: rtn.quantize(t.weight, t.scheme).dequantize() for n, t in given.targets.items()})
        runs = [[plain], *(lost(given, steps=steps) for steps in (1, 10, 50, 200))]
        assert max(max(run) for run in runs) <= plain, (name, runs)
        means = [sum(run) / len(run) for run in runs]
        assert all(b < a for a, b in pairwise(means[1:])), (name, means)
        assert means[-1] < 0.5 * plain, (name, means)
        fixed = lost(given, steps=50, clip=0)
        assert means[-2] < sum(fixed) / len(fixed) < plain, (name, fixed, means)


def recipe(tokens: int = 512, *, steps: int = 20, table: bool = False, scheme: Scheme | None = None, **others: object
           ) -> Recipe:  # fmt: skip
    scheme = scheme or SCHEMES["asym"](3)
    calibration = Calibration(tokens=tokens)
    return Recipe.uniform(scheme, method="autoround", knobs=Knobs(steps=steps), table=table,
                          **({"calibration": calibration} | others))  # type: ignore[arg-type]  # fmt: skip


def block_errors(loaded: LoadedModel, made: LoadedModel) -> list[float]:
    """Of the output of each block on the float model's states."""
    flow, errors = Flow(loaded, Calibration(tokens=512)), []
    for each in flow.blocks:
        flow.read(each, made.model.get_submodule(each.name), frozenset())
        got = flow.outputs.clone()
        flow.read(each, loaded.model.get_submodule(each.name), frozenset())
        errors.append(float((got - flow.outputs).square().mean()))
        flow.go_on()
    return errors


def codes(made: LoadedModel) -> dict[str, Tensor]:
    return {name: held.quantized().q.codes for name, _, held in packed_matrices(made.model)}


def test_blocks_lose_less_than_by_rounding_and_the_text_decides_not_the_run(tiny: LoadedModel) -> None:
    for name, scheme in SCHEMES.items():
        plain = quantize_model(tiny, Recipe.uniform(scheme(3)))
        made = quantize_model(tiny, recipe(scheme=scheme(3)))
        for ours, theirs in zip(block_errors(tiny, made), block_errors(tiny, plain), strict=True):
            assert ours < 0.8 * theirs, name
        found = codes(made)
        assert set(found) == {x.name for x in linear_layers(tiny)}, "every linear layer is stored"
        assert not any(torch.equal(c, codes(plain)[n]) for n, c in found.items()), name
    again = codes(quantize_model(tiny, recipe(scheme=SCHEMES["sym"](3))))
    assert all(torch.equal(c, again[n]) for n, c in found.items())
    own = Calibration(text="own", own="El mar estaba en calma y la barca no se movía. " * 20, tokens=512)
    for other in (recipe(scheme=SCHEMES["sym"](3), calibration=own),
                  Recipe.uniform(SCHEMES["sym"](3), method="autoround", knobs=Knobs(steps=20, seed=1),
                                 calibration=Calibration(tokens=512))):  # fmt: skip
        moved = codes(quantize_model(tiny, other))
        assert not any(torch.equal(c, moved[n]) for n, c in found.items())


def test_a_matrix_in_no_block_is_learned_on_its_output(tiny: LoadedModel) -> None:
    g = torch.Generator().manual_seed(0)
    x, w = torch.randn(300, 64, generator=g) @ torch.randn(64, 64, generator=g), torch.randn(40, 64, generator=g)
    hessian, scheme = x.t() @ x / len(x), SCHEMES["asym"](3)
    plain = rtn.quantize(w, scheme).dequantize()
    made = METHODS["autoround"].quantize(w, scheme, Statistics(300, hessian=hessian)).dequantize()

    def trace(other: Tensor) -> float:
        return float((((other - w) @ hessian) * (other - w)).sum() / len(w))

    given = alone("m", Target(w, scheme), hessian)
    assert loss(given, {"m": plain}) == pytest.approx(trace(plain), rel=1e-4)
    assert trace(made) < 0.8 * trace(plain)
    with pytest.raises(CalibrationError, match="autoround"):
        METHODS["autoround"].quantize(w, scheme)
    whole = quantize_model(tiny, recipe(table=True))
    rounded = quantize_model(tiny, Recipe.uniform(scheme, table=True))
    table = next(x.name for x in census(tiny) if x.kind is Kind.TABLE)
    assert not torch.equal(codes(whole)[table], codes(rounded)[table])
    hessian = outside(tiny, Calibration(tokens=512), frozenset({Statistic.HESSIAN}), {"lm_head": table})[table].hessian
    assert hessian is not None
    errors = [(((m.weight(table) - tiny.weight(table)) @ hessian) * (m.weight(table) - tiny.weight(table))).sum()
              for m in (whole, rounded)]  # fmt: skip
    assert errors[0] < 0.8 * errors[1]


def test_it_stops_after_any_step_and_leaves_nothing_behind(tiny: LoadedModel) -> None:
    before = tiny.fingerprint()
    work = quantize_steps(tiny, recipe(steps=20))
    fractions = [next(work).fraction for _ in range(30)]
    work.close()
    assert fractions == sorted(fractions)
    assert len(set(fractions)) >= 29, "one a step, and one where a block is stored"
    assert tiny.fingerprint() == before
    assert not any(p.requires_grad for p in tiny.model.parameters())


def test_a_static_scale_of_the_inputs_is_stored_beside(tiny: LoadedModel) -> None:
    made = recipe(steps=1, activations=replace(Activations.INT8, per=Per.TENSOR, static=True))
    want = {row.layer.name: row.stored_bytes for row in size_report(tiny, made).rows if row.quantized}
    held = {name: h.nbytes for name, _, h in packed_matrices(quantize_model(tiny, made).model)}
    assert held == want


def test_what_stores_no_whole_numbers_is_refused_and_every_other_grid_is_as_trained() -> None:
    method, w = METHODS["autoround"], torch.randn(8, 256, generator=torch.Generator().manual_seed(0))
    for name in ("NF4", "MXFP4", "Q4_K", "IQ4_NL", "TQ2_0"):
        with pytest.raises(SchemeError):
            method.check(BLOCKS[name].scheme, Knobs())
    for scheme in (*(BLOCKS[n].scheme for n in ("Q8_0", "Q4_0", "Q4_1")), Scheme.integer(4, PerTensor()),
                   Scheme.integer(2, PerChannel(), zero_point=True)):  # fmt: skip
        method.check(scheme, Knobs())
        each = Learned.of(Target(w, scheme))
        torch.testing.assert_close(each.rounded(), rtn.quantize(w, scheme).dequantize(), rtol=1e-6, atol=0)
        moved = replace(each, offset=torch.rand(w.shape) - 0.5, kept=1 - 0.4 * torch.rand(each.kept.shape))
        assert torch.equal(moved.stored().dequantize(), moved.rounded())
        assert (moved.stored().codes != each.stored().codes).any()
