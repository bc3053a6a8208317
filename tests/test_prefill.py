"""The C kernels for many tokens against torch: attention, and whole numbers times whole numbers."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from cases import each
from torch import Tensor
from torch.nn import functional

from quant.kernels import native, prefill
from quant.kernels.reference import int8_activations

EPSILON = 2.0**-24  # of float32, half a step


@pytest.fixture(params=["compiled", "torch"])
def attending(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to attend."""
    if request.param == "torch":
        monkeypatch.setattr(prefill, "available", lambda: False)
    elif not prefill.available():
        pytest.skip("no compiler here")
    return


def drawn(batch: int, heads: int, n: int, past: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values as they lie in one product: [batch, tokens, 3, heads, width], seen by head."""
    g = torch.Generator().manual_seed(seed)
    together = torch.randn(batch, n + past, 3, heads, width, generator=g)
    q, k, v = together.permute(2, 0, 3, 1, 4)
    return q[:, :, past:], k, v


def expected(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The formula, in float64: [batch, n, heads * width]."""
    n, total = q.shape[2], k.shape[2]
    scores = q.double() @ k.double().transpose(-1, -2) / math.sqrt(q.shape[-1])
    seen = torch.ones(n, total, dtype=torch.bool).tril(total - n)
    y = torch.softmax(scores.masked_fill(~seen, -math.inf), -1) @ v.double()
    return y.transpose(1, 2).reshape(len(q), n, -1)


def bound(q: Tensor, k: Tensor, v: Tensor) -> float:
    """Error of the sums: of `width` products in a score (which moves a weight by as much), and of the weighted mean."""
    width, total = q.shape[-1], k.shape[2]
    score = EPSILON * width * float(q.abs().amax() * k.abs().amax()) * math.sqrt(width)
    return float(v.abs().amax()) * (2 * score + EPSILON * (total + 16))


@pytest.mark.usefixtures("attending")
@each("heads, width", [(1, 16), (3, 48), (2, 64), (1, 80), (2, 128), (1, 256), (2, 24)])
@each("n, past", [(1, 0), (1, 31), (2, 0), (5, 7), (6, 0), (17, 0), (48, 1), (49, 0), (130, 33)])
def test_attention_is_the_formula(heads: int, width: int, n: int, past: int) -> None:
    q, k, v = drawn(2, heads, n, past, width)
    got = prefill.attention(q, k, v)
    assert got.shape == (2, n, heads * width)
    assert (got - expected(q, k, v)).abs().max() <= bound(q, k, v)


@each("way", ["torch's OpenMP", "threads of its own", "one thread"])
def test_two_at_once_on_whatever_threads_there_are(way: str) -> None:
    """Each thread's memory is its own, and of any size before."""
    library = native.many_tokens()
    if library is None:
        pytest.skip("no compiler here")
    library.share_openmp(None if way == "threads of its own" else native.openmp())
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if way == "one thread" else 2)
    inputs = [drawn(1, 3, n, 0, 48, seed=n) for n in (200, 7, 130, 64)]
    try:
        with ThreadPoolExecutor(2) as pool:
            for got, (q, k, v) in zip(
                pool.map(lambda qkv: prefill.attention(*qkv), inputs * 8), inputs * 8, strict=True
            ):
                assert (got - expected(q, k, v)).abs().max() <= bound(q, k, v)
    finally:
        torch.set_num_threads(threads)
        library.share_openmp(native.openmp())


PARALLEL_WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
PARALLEL = ctypes.CFUNCTYPE(None, PARALLEL_WORK, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)


def test_work_runs_where_openmp_says_even_if_that_is_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def parallel(work: Callable[[int], None], argument: int, threads: int, flags: int) -> None:
        asked.append(threads)
        work(argument)

    library = native.many_tokens()
    if library is None:
        pytest.skip("no compiler here")
    called = PARALLEL(parallel)
    library.share_openmp(ctypes.cast(called, ctypes.c_void_p))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    q, k, v = drawn(1, 3, 130, 5, 48)
    try:
        assert (prefill.attention(q, k, v) - expected(q, k, v)).abs().max() <= bound(q, k, v)
    finally:
        library.share_openmp(native.openmp())
    assert asked == [3]


@pytest.mark.skipif(sys.platform != "linux" or not torch.backends.openmp.is_available(), reason="another OpenMP")
def test_torch_s_own_openmp_is_found() -> None:
    assert native.openmp() is not None


@pytest.mark.usefixtures("attending")
def test_what_comes_later_is_not_seen() -> None:
    q, k, v = drawn(1, 2, 70, 0, 32)
    whole = prefill.attention(q, k, v)
    k[:, :, 40:], v[:, :, 40:] = 1e20, 1e30
    assert torch.equal(prefill.attention(q, k, v)[:, :40], whole[:, :40])


@pytest.mark.usefixtures("attending")
@each("factor", [0.0, 1e-20, 30.0, 1e4])
def test_scores_far_apart_or_all_equal(factor: float) -> None:
    """The largest is taken off before e is raised to them: nothing overflows, and equal scores give a mean."""
    q, k, v = drawn(1, 1, 50, 0, 16, seed=3)
    q = q * factor
    got, want = prefill.attention(q, k, v), expected(q, k, v)
    assert got.isfinite().all()
    if factor < 1:
        means = v[0, 0].double().cumsum(0) / torch.arange(1, 51).unsqueeze(1)
        torch.testing.assert_close(got[0].double(), means, rtol=1e-5, atol=1e-6)
    elif factor < 100:
        assert (got - want).abs().max() <= bound(q, k, v)


@pytest.mark.usefixtures("attending")
def test_caches_are_read_where_they_lie() -> None:
    q, k, v = drawn(1, 3, 9, 4, 32)
    room = torch.full((2, 3, 40, 32), math.nan)
    room[0, :, :13], room[1, :, :13] = k[0], v[0]
    got = prefill.attention(q, room[None, 0, :, :13], room[None, 1, :, :13])
    assert torch.equal(got, prefill.attention(q, k, v))


bytes_only = pytest.mark.skipif(not prefill.has_int8(), reason="no compiler, or no instruction for bytes")


def product(x: Tensor, w: Tensor, scales: Tensor, bias: Tensor | None, gelu: bool) -> Tensor:
    """The definition in float64: digits times codes are whole numbers, exact there."""
    digits, scale = int8_activations(x)
    y = (digits.double() @ w.double().t()) * scale.double() * scales.double()
    y = y if bias is None else y + bias.double()
    return functional.gelu(y, approximate="tanh") if gelu else y


@bytes_only
@each("gelu", [False, True])
@each("n, inputs, outputs", [(1, 16, 1), (5, 48, 17), (6, 64, 64), (7, 256, 65), (40, 768, 130)])
def test_whole_numbers_are_multiplied_exactly(n: int, inputs: int, outputs: int, gelu: bool) -> None:
    g = torch.Generator().manual_seed(n)
    x = torch.randn(n, inputs, generator=g)
    x[0] *= 100  # a scale for each token
    w = torch.randint(-128, 128, (outputs, inputs), dtype=torch.int8, generator=g)
    scales, bias = torch.rand(outputs, generator=g) / 100, torch.randn(outputs, generator=g)
    for b in (None, bias):
        want = product(x, w, scales, b, gelu)
        plain = product(x, w, scales, b, gelu=False)
        got = prefill.int8_linear(x, w, scales, b, gelu=gelu)
        # A whole number to float32, two factors, a bias: four roundings; gelu's slope is below 1.13.
        assert ((got - want).abs() <= 1.13 * 5 * EPSILON * (plain.abs() + bias.abs()) + 2e-7 * plain.abs()).all()


@bytes_only
def test_the_largest_bytes_do_not_overflow_and_zeros_stay_zero() -> None:
    inputs = 3072
    x = torch.ones(8, inputs)
    x[1] *= -1
    x[2] = 0
    w = torch.full((20, inputs), -128, dtype=torch.int8)
    w[10:] = 127
    got = prefill.int8_linear(x, w, torch.ones(20), None)
    ones = torch.ones(10)
    torch.testing.assert_close(got[0], torch.cat([-128 * inputs * ones, 127 * inputs * ones]))
    torch.testing.assert_close(got[1], -got[0])
    assert torch.equal(got[2], torch.zeros(20))


@bytes_only
def test_ties_go_to_even_as_in_the_definition() -> None:
    x = torch.arange(-127, 129, 1.0).clamp(max=127).repeat(2, 1) + torch.tensor([[0.0], [0.5]])
    x[1] = x[1].clamp(-127, 127)
    eye = torch.eye(256).to(torch.int8)
    digits, scale = int8_activations(x)
    assert torch.equal(prefill.int8_linear(x, eye, torch.ones(256), None), digits * scale)
