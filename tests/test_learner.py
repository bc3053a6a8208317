"""The C kernels of training against the passes that torch takes: values and codes bit for bit, sums to rounding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quant.estimator import FakeQuantize, Values
from quant.kernels import learner

pytestmark = pytest.mark.skipif(not learner.fits(), reason="no compiler here")

GRIDS = {
    "2 bits": Values(0.0, 3.0), "8 bits": Values(-128.0, 127.0), "two values": Values(-1.0, 1.0, two=True),
    "mid-rise": Values(0.0, 3.0, middle=1.5),
}  # fmt: skip
Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


def drawn(seed: int, size: int, groups: int, grid: Values, *, shifted: bool) -> Parts:
    """Weights on and beyond the grid, some at the middle between two values, some groups without a scale."""
    g = torch.Generator().manual_seed(seed)
    s = torch.rand(3, groups, 1, generator=g) + 0.01
    reach = 0.75 * (grid.high - grid.low)
    x = (torch.rand(3, groups, size, generator=g) - 0.5) * 2 * reach
    x = torch.where(torch.rand(x.shape, generator=g) < 0.2, x.floor() + 0.5, x)
    z = torch.randint(0, 4, s.shape, generator=g).float() if shifted else None
    z = torch.full_like(s, grid.middle) if grid.middle else z
    w = (x if z is None else x - z) * s
    s[torch.rand(s.shape, generator=g) < 0.1] = 0
    return w, s, z


def through(w: torch.Tensor, s: torch.Tensor, z: torch.Tensor | None, grid: Values, dtype: torch.dtype
            ) -> list[torch.Tensor]:  # fmt: skip
    """The rounded matrix, and what a random gradient of it is worth to each part."""
    parts = [p.clone().requires_grad_() for p in (w, s, z) if p is not None]
    y = FakeQuantize.apply(*parts, *([None] if z is None else []), grid, dtype)
    gradient = torch.randn(w.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    y.backward(gradient)
    return [y.detach(), *(p.grad for p in parts if p.grad is not None)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", GRIDS)
@given(seed=st.integers(0, 2**16), size=st.sampled_from([8, 16, 24, 64, 100, 256]), groups=st.integers(1, 5),
       shifted=st.booleans())  # fmt: skip
def test_it_gives_what_the_passes_give(
    name: str, dtype: torch.dtype, seed: int, size: int, groups: int, shifted: bool
) -> None:
    grid = GRIDS[name]
    parts = drawn(seed, size, groups, grid, shifted=shifted)
    got = through(*parts, grid, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "fits", lambda *_: False)
        want = through(*parts, grid, dtype)
    assert got[0].dtype is dtype
    assert torch.equal(got[0], want[0])
    assert torch.equal(got[1], want[1])
    for a, b in zip(got[2:], want[2:], strict=True):
        # Of products up to a grid's end, in another order.
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5 * size * max(abs(grid.low), grid.high))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same(threads: int) -> None:
    grid, before = GRIDS["2 bits"], torch.get_num_threads()
    parts = drawn(5, 64, 700, grid, shifted=True)
    want = through(*parts, grid, torch.float32)
    torch.set_num_threads(threads)
    try:
        got = through(*parts, grid, torch.float32)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def test_what_is_not_a_number_stays_so_and_learns_nothing() -> None:
    grid = GRIDS["8 bits"]
    w = torch.tensor([[[torch.nan, torch.inf, -torch.inf, 1e30, 0.4, 0.5, 1.5, -0.5]]])
    y, of_w, *_ = through(w, torch.ones(1, 1, 1), None, grid, torch.float32)
    assert y.flatten().isnan().tolist() == [True] + [False] * 7
    assert y.flatten()[1:].tolist() == [127, -128, 127, 0, 0, 2, 0]
    assert of_w.flatten()[:4].tolist() == [0, 0, 0, 0]
    assert (of_w.flatten()[4:] != 0).all()


@pytest.mark.parametrize("value", [1.0, -1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, 3e38, 1e-40, 0.0])
def test_bfloat16_is_rounded_as_torch_does(value: float) -> None:
    w, s = torch.ones(1, 1, 8), torch.full((1, 1, 1), value)
    got = learner.fake_quantize(w * value, s, None, (-8.0, 7.0), two=False, dtype=torch.bfloat16)
    whole = learner.fake_quantize(w * value, s, None, (-8.0, 7.0), two=False, dtype=torch.float32)
    assert torch.equal(got, whole.to(torch.bfloat16))
