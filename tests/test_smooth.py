"""SmoothQuant and LLM.int8(): the authors' numbers on fixed inputs, and what they promise to the activations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from quant.activations import Activations, Per
from quant.calibrate import statistics
from quant.errors import SchemeError, WeightError
from quant.formats import FORMATS
from quant.methods import METHODS, TRANSFORMS, llm_int8, smooth
from quant.methods.base import Statistic, Statistics
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe, Step
from quant.scheme import PerChannel, PerGroup, Scheme
from quant.size import size_report
from quant.weight import QuantWeight

FOLDER = Path(__file__).parent / "golden"
SMOOTH, INT8 = np.load(FOLDER / "smoothquant.npz"), np.load(FOLDER / "llm_int8.npz")
EIGHT, EIGHT_TENSOR = Scheme.integer(8, PerChannel()), Activations(FORMATS["int8"], Per.TENSOR)
SHORT = Calibration(tokens=512)


def smoothed(name: str) -> Tensor:
    return torch.from_numpy(SMOOTH[name])


def int8(name: str) -> Tensor:
    return torch.from_numpy(INT8[name])


def product(made: QuantWeight, x: Tensor) -> Tensor:
    """With inputs of 8 bits, one scale for all."""
    return made.beside.product(x, lambda z: EIGHT_TENSOR.rounded(z) @ made.q.dequantize().t())


def test_the_scales_are_those_of_the_authors_norm_and_weights() -> None:
    weights = [smoothed(f"W{k}") for k in range(3)]
    for alpha in (0.25, 0.5, 0.8):
        got = smooth.scales(weights, Statistics(1, largest=smoothed("largest")), smooth.Knobs(alpha))
        norm = smoothed("norm.weight") / got, smoothed("norm.bias") / got
        for mine, name in zip(norm, ("weight", "bias"), strict=True):
            torch.testing.assert_close(mine, smoothed(f"a{alpha}.norm.{name}"), rtol=1e-5, atol=0)
    got = smooth.scales(weights, Statistics(1, largest=smoothed("largest")), smooth.Knobs())
    for k, weight in enumerate(weights):
        torch.testing.assert_close(weight * got, smoothed(f"a0.5.W{k}"), rtol=1e-5, atol=1e-8)


def test_half_way_a_column_of_inputs_and_its_weights_reach_the_same() -> None:
    weights, largest = [smoothed(f"W{k}") for k in range(3)], smoothed("largest")
    scale = smooth.scales(weights, Statistics(1, largest=largest), smooth.Knobs())
    torch.testing.assert_close(largest / scale, (torch.cat(weights) * scale).abs().amax(0), rtol=1e-4, atol=1e-5)
    dead = smooth.scales(weights, Statistics(1, largest=largest.index_fill(0, torch.tensor([4]), 0.0)), smooth.Knobs())
    assert float(dead[4]) == 1
    assert torch.equal(dead[5:], scale[5:])


def test_smoothing_lowers_what_activations_per_tensor_lose(tiny: LoadedModel) -> None:
    for _, known in statistics(tiny, SHORT, frozenset({Statistic.LARGEST, Statistic.INPUTS})):
        for name, seen in known.items():
            assert seen.inputs is not None
            assert seen.largest is not None
            wild = torch.where(torch.arange(seen.inputs.shape[1]) % 16 == 3, 30.0, 1.0)
            weight, x = tiny.weight(name), seen.inputs * wild
            scale = smooth.scales([weight], Statistics(1, largest=seen.largest * wild), smooth.Knobs())
            want = x @ weight.t()
            plain, smoothed = (
                (EIGHT_TENSOR.rounded(x / s) @ (weight * s).t() - want).square().sum() for s in (torch.ones(1), scale)
            )
            assert float(smoothed) < 0.5 * float(plain), name


def test_the_product_is_bitsandbytes_but_for_the_weights_of_the_columns_kept_which_are_not_rounded() -> None:
    x, weight, columns = int8("X"), int8("W"), int8("columns")
    largest = x.abs().amax(0)
    assert llm_int8.threshold(largest, len(columns)) < 6 < float(largest[columns].min())
    scheme = Scheme.integer(8, PerChannel(), scale=FORMATS["float32"])
    made = METHODS["llm_int8"].quantize(weight, scheme, Statistics(1, largest=largest), llm_int8.Knobs(len(columns)))
    assert made.beside.outliers is not None
    assert torch.equal(made.beside.outliers.columns, columns)
    others = torch.ones(x.shape[1], dtype=torch.bool).index_fill(0, columns, False)
    assert torch.equal(made.q.codes.view(torch.int8)[:, others], int8("codes")[:, others])
    torch.testing.assert_close(made.q.scales(), int8("absmax")[:, None] / 127)
    got = made.beside.product(x, lambda z: Activations.INT8.rounded(z) @ made.q.dequantize().t())
    rest = got - x[:, columns] @ made.beside.outliers.values.float().t()
    torch.testing.assert_close(rest, int8("rest"), rtol=1e-3, atol=1e-3)  # theirs is float16
    rounded_columns = (int8("codes").float() * int8("absmax")[:, None] / 127)[:, columns]
    theirs = got + x[:, columns] @ (rounded_columns - weight[:, columns]).t()
    torch.testing.assert_close(theirs, int8("y"), rtol=1e-2, atol=1e-2)  # their layer on a processor is less exact
    exact = x @ weight.t()
    assert float((got - exact).norm()) < 0.9 * float((int8("y") - exact).norm())
    assert float((int8("y") - exact).norm()) < 0.5 * float((int8("y.plain") - exact).norm())


def test_the_columns_kept_are_exact_and_their_bytes_are_known_before_any_text(tiny: LoadedModel) -> None:
    for columns in (1, 5):
        recipe = Recipe.uniform(EIGHT, method="llm_int8", knobs=llm_int8.Knobs(columns), activations=EIGHT_TENSOR,
                                calibration=SHORT)  # fmt: skip
        want = {row.layer.name: row.stored_bytes for row in size_report(tiny, recipe).rows if row.quantized}
        held = {name: h for name, _, h in packed_matrices(quantize_model(tiny, recipe).model)}
        assert {name: h.nbytes for name, h in held.items()} == want
        for layer in linear_layers(tiny):
            outliers = held[layer.name].quantized().beside.outliers
            assert outliers is not None
            assert len(outliers.columns) == columns
            assert torch.equal(held[layer.name].rows()[:, outliers.columns],
                               tiny.weight(layer.name)[:, outliers.columns].half().float())  # fmt: skip
            plain = want[layer.name] - 8 * columns - 2 * columns * layer.matrix[0]
            assert plain == next(row.stored_bytes for row in size_report(tiny, Recipe.uniform(EIGHT)).rows
                                 if row.layer == layer)  # fmt: skip


def test_more_columns_lose_less_and_none_beyond_the_matrix_are_asked_for() -> None:
    generator = torch.Generator().manual_seed(5)
    weight, x = torch.randn(24, 32, generator=generator), torch.randn(64, 32, generator=generator)
    x = x * torch.linspace(0, 3, 32).exp()
    known, want, losses = Statistics(1, largest=x.abs().amax(0)), x @ weight.t(), []
    for columns in (1, 2, 4, 8, 16, 40):
        made = METHODS["llm_int8"].quantize(weight, EIGHT, known, llm_int8.Knobs(columns))
        losses.append(float((product(made, x) - want).square().sum()))
        assert made.beside.nbytes == METHODS["llm_int8"].extra_bytes(EIGHT, (24, 32), llm_int8.Knobs(columns))
    assert losses == sorted(losses, reverse=True), losses
    assert losses[-1] < 1e-3 * losses[0]


def test_what_cannot_be_done_is_said() -> None:
    known = Statistics(1, largest=torch.arange(32.0))
    weight = torch.zeros(4, 32)
    weight[0, 31] = 1e6
    with pytest.raises(WeightError, match="does not fit in float16"):
        METHODS["llm_int8"].quantize(weight, Scheme.integer(8, PerGroup(32), scale=FORMATS["float32"]), known)
    for values in ({"columns": 0}, {"columns": 2.5}):
        with pytest.raises(SchemeError, match="columns = "):
            METHODS["llm_int8"].set_knobs(values)
    with pytest.raises(SchemeError, match="alpha = 2"):
        TRANSFORMS["smooth"].set_knobs({"alpha": 2})
    with pytest.raises(SchemeError, match="After a rotation"):
        Recipe.uniform(EIGHT, steps=(Step("hadamard"), Step("smooth")))
