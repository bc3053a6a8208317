"""Matrices that learn: gradients written out and against the definition, and what is simulated is what is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quant import BLOCKS, FORMATS, PerChannel, PerGroup, PerTensor, Scheme, quantize
from quant.errors import TrainingError
from quant.estimator import FakeQuantize, Latent, LearningLinear, LearningTable, Values, check_learns
from quant.formats import learned_format
from quant.methods.grid import Frame, rounded
from quant.qtensor import QTensor, group, ungroup
from quant.scheme import Flat, Grid
from quant.weight import QuantWeight

SCHEMES = {
    "2 bits, zero point": Scheme.integer(2, PerGroup(16), zero_point=True),
    "4 bits, absmax": Scheme.integer(4, PerChannel()),
    "3 bits, per tensor": Scheme.integer(3, PerTensor(), zero_point=True),
    "4 bits, signed max": Scheme.integer(4, PerGroup(16), grid=Grid.SIGNED_MAX),
    "4 bits, half": Scheme.integer(4, PerGroup(16), grid=Grid.HALF),
    "2 bits, offset": Scheme.integer(2, PerGroup(16), grid=Grid.RANGE),
    "flat groups": Scheme(FORMATS["int4"], Flat(24)),
    "ternary": Scheme(FORMATS["ternary"], PerGroup(16), Grid.SEARCH),
    "binary": Scheme(FORMATS["binary"], PerGroup(16), Grid.SEARCH),
    "mid-rise": Scheme(FORMATS["midrise2"], PerGroup(16), Grid.SEARCH),
    "Q4_0": BLOCKS["Q4_0"].scheme,
    "Q4_1": BLOCKS["Q4_1"].scheme,
    "bfloat16 scales": Scheme.integer(4, PerGroup(16), scale=FORMATS["bfloat16"]),
}
REFUSED = {
    "nested scales": BLOCKS["Q4_K"].scheme,
    "float values": BLOCKS["NF4"].scheme,
    "powers of two": BLOCKS["MXFP4"].scheme,
    "a plain cast": Scheme(FORMATS["bfloat16"], PerTensor(), Grid.UNIT, None),
    "a learned table": Scheme(learned_format(2), PerChannel(), Grid.LEARNED, None),
}


def matrix(seed: int = 0, shape: tuple[int, int] = (6, 32)) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def latent(scheme: Scheme, weight: torch.Tensor, *, learns_codes: bool = True) -> Latent:
    return Latent(QuantWeight(quantize(weight, scheme)), weight, learns_codes=learns_codes)


def test_gradients_are_those_written_out() -> None:
    # Values 0 to 3, scale 0.5, zero point 1: w / s + z = 1.4, 3.6 (above), -1 (below), 2.6.
    w = torch.tensor([[[0.2, 1.3, -1.0, 0.8]]], requires_grad=True)
    s, z = torch.tensor([[[0.5]]], requires_grad=True), torch.tensor([[[1.0]]], requires_grad=True)
    got = FakeQuantize.apply(w, s, z, Values(0.0, 3.0))
    assert got.flatten().tolist() == [0.0, 1.0, -0.5, 1.0]  # codes 1, 3, 0, 3
    got.backward(torch.tensor([[[1.0, 10.0, 100.0, 1000.0]]]))
    assert w.grad is not None
    assert w.grad.flatten().tolist() == [1.0, 0.0, 0.0, 1000.0]
    # Inside q - (w / s + z) = -0.4 and 0.4; beyond the ends q - z = 2 and -1.
    assert s.grad is not None
    assert float(s.grad) == pytest.approx(1 * -0.4 + 10 * 2 + 100 * -1 + 1000 * 0.4, rel=1e-5)
    assert z.grad is not None
    assert float(z.grad) == pytest.approx(-(10 + 100) * 0.5)


@pytest.mark.parametrize("name", ["2 bits, zero point", "4 bits, absmax", "2 bits, offset", "4 bits, half"])
def test_values_and_gradients_are_those_of_the_definition(name: str) -> None:
    scheme, weight = SCHEMES[name], matrix(3)
    made = latent(scheme, weight)
    with torch.no_grad():  # some beyond the ends
        assert made.latent is not None
        made.latent.mul_(1.3)
        made.log_scale.add_(0.05)
    weights = torch.randn(weight.shape, generator=torch.Generator().manual_seed(9))
    (made.simulated() * weights).sum().backward()
    scale = made.quantized().q.scales().requires_grad_()
    flat = made.latent.detach().reshape(weight.shape).clone().requires_grad_()
    stored = made.quantized().q
    offset = None if stored.offset is None else stored.offset.clone().requires_grad_()
    shift = offset if stored.zero is None else stored.zero.float()
    grids = Frame(weight.shape, scheme, scale.detach(), stored.zero, stored.offset, scale, scale, offset, shift)  # type: ignore[arg-type]
    want = rounded(flat, grids)
    assert torch.equal(want.detach(), made.simulated().detach())
    (want * weights).sum().backward()
    assert torch.allclose(made.latent.grad.reshape(weight.shape), flat.grad, atol=1e-6)
    # d/dt of s0 exp(t) is s times d/ds, of the scale before it was rounded.
    exact = made.first_scale * made.log_scale.detach().exp()
    assert torch.allclose(made.log_scale.grad, scale.grad * exact, rtol=1e-4, atol=1e-5)
    if offset is not None:
        assert made.offset is not None
        assert torch.allclose(made.offset.grad, offset.grad, rtol=1e-4, atol=1e-5)


def test_a_grid_without_a_zero_learns_as_the_definition_says() -> None:
    scheme, weight = SCHEMES["mid-rise"], matrix(3)
    made = latent(scheme, weight)
    assert made.latent is not None
    with torch.no_grad():
        made.latent.mul_(1.4)  # some beyond the ends
    weights = torch.randn(weight.shape, generator=torch.Generator().manual_seed(9))
    (made.simulated() * weights).sum().backward()
    scale = made.quantized().q.scales().requires_grad_()
    flat = made.latent.detach().reshape(weight.shape).clone().requires_grad_()
    places = group(flat, scheme.granularity) / scale.unsqueeze(-1)
    values = torch.tensor([-1.5, -0.5, 0.5, 1.5])
    nearest = values[(places.detach().unsqueeze(-1) - values).abs().argmin(-1)]
    inside = places + (nearest - places).detach()  # straight through
    want = torch.where(places.detach().abs() <= 1.5, inside, nearest) * scale.unsqueeze(-1)
    assert torch.allclose(ungroup(want, weight.shape), made.simulated(), rtol=1e-6)
    (ungroup(want, weight.shape) * weights).sum().backward()
    assert flat.grad is not None
    assert torch.allclose(made.latent.grad.reshape(weight.shape), flat.grad, atol=1e-6)  # type: ignore[union-attr]
    assert scale.grad is not None
    exact = made.first_scale * made.log_scale.detach().exp()
    assert torch.allclose(made.log_scale.grad, scale.grad * exact, rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("learns_codes", [True, False])
def test_it_starts_from_what_is_stored(name: str, learns_codes: bool) -> None:
    weight = matrix()
    made = latent(SCHEMES[name], weight, learns_codes=learns_codes)
    assert torch.equal(made.simulated().detach(), made.stored.dequantize())
    assert torch.equal(made.quantized().q.codes, made.stored.q.codes)


def test_it_starts_from_codes_that_rounding_would_not_choose() -> None:
    scheme, weight = SCHEMES["2 bits, zero point"], matrix()
    q = quantize(weight, scheme)
    other = replace(q, codes=3 - q.codes)
    made = Latent(QuantWeight(other), weight, learns_codes=True)
    assert torch.equal(made.quantized().q.codes, other.codes)
    assert torch.equal(made.simulated().detach(), other.dequantize())


@pytest.mark.parametrize("name", SCHEMES)
@given(seed=st.integers(0, 2**16), learns_codes=st.booleans(), size=st.sampled_from([0.01, 0.3, 3.0]))
def test_what_is_simulated_is_what_is_stored(name: str, seed: int, learns_codes: bool, size: float) -> None:
    made = latent(SCHEMES[name], matrix(seed), learns_codes=learns_codes)
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(size * torch.randn(parameter.shape, generator=g))
    stored = made.quantized().q
    assert torch.equal(made.simulated().detach(), stored.dequantize())
    assert isinstance(stored, QTensor)
    if not learns_codes:
        assert torch.equal(stored.codes, made.stored.q.codes)


def test_a_group_of_zeros_stays_one_and_gets_no_nan() -> None:
    weight = matrix()
    weight[0, :16] = 0
    made = latent(SCHEMES["2 bits, zero point"], weight)
    made.simulated().sum().backward()
    assert not made.simulated()[0, :16].any()
    assert all(torch.isfinite(p.grad).all() for p in made.parameters() if p.grad is not None)


def test_codes_alone_move_where_weights_learn() -> None:
    made = latent(SCHEMES["2 bits, zero point"], matrix(), learns_codes=False)
    assert made.latent is None
    assert {name for name, _ in made.named_parameters()} == {"log_scale", "zero"}


@pytest.mark.parametrize("name", REFUSED)
def test_schemes_that_no_gradient_moves_are_refused(name: str) -> None:
    with pytest.raises(TrainingError, match="cannot be trained"):
        check_learns(REFUSED[name])


def test_modules_multiply_and_look_up_what_is_stored() -> None:
    weight, x, bias = matrix(), matrix(5, (3, 32)), matrix(7, (1, 6))[0]
    made = latent(SCHEMES["4 bits, absmax"], weight)
    from quant import Activations

    want = made.stored.dequantize()
    assert torch.allclose(LearningLinear(made, bias, Activations.FLOAT)(x), x @ want.t() + bias, atol=1e-5)
    rounded_x = Activations.INT8.rounded(x)
    assert torch.allclose(LearningLinear(made, None, Activations.INT8)(x), rounded_x @ want.t(), atol=1e-5)
    ids = torch.tensor([[1, 5]])
    assert torch.equal(LearningTable(made, 2.0)(ids), 2 * want[ids])
