"""Every way to multiply gives the definition's product, within what its own arithmetic rounds; and is what is named.

Products are compared with float64 ones of the very same weights. U is half the spacing of float32 at 1, B that of
bfloat16; a sum of K products in any order is off by at most about K * U times the sum of their magnitudes. Magnitudes
are those of the parts of a weight, (|v| + |zero|) * |scale| + |offset|, since a kernel may add the parts up apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from cases import each
from matrices import BLOCK_SCHEMES, CASTS, UNALIGNED, UNUSUAL, any_matrix, integers, label
from torch import Tensor

from quant.activations import Activations
from quant.formats import FORMATS
from quant.kernels import compiled, cpu, float32, int4pack, prefill, ready, reference
from quant.kernels.cpu import COMPILED, DECODED, EXPANDED, FEW, INT4PACK, INT8, LIMBS, Kernel
from quant.kernels.expanded import Expanded
from quant.kernels.held import Held
from quant.kernels.int4pack import Int4Matrix
from quant.kernels.matrix import PackedMatrix
from quant.methods import quantize
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.qtensor import QTensor, decoded, group, ungroup
from quant.scheme import Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Shape

U, B = 2.0**-24, 2.0**-8
SMALLEST = 2.0**-149  # numbers below 2^-126 have this spacing, and no relative precision
BOTH = (Activations.FLOAT, Activations.INT8)
TOKENS = [1, 2, FEW, FEW + 1, 33]
CENTRED = Scheme(FORMATS["int8"], PerChannel(), Grid.CENTRED, FORMATS["float16"], Offset(FORMATS["float16"]))
SCHEMES = [
    *BLOCK_SCHEMES, *UNUSUAL, CENTRED, *CASTS, *integers([PerChannel(), PerGroup(64)]), *integers(UNALIGNED[-2:]),
    *(Scheme.integer(bits, PerTensor()) for bits in (2, 5, 8)),
]  # fmt: skip
INTS = [Scheme.integer(8, g, scale=FORMATS[s]) for g in (PerTensor(), PerChannel()) for s in ("float16", "float32")]
INTS += [  # -128 among their codes
    Scheme.integer(8, PerChannel(), grid=grid, scale=FORMATS["bfloat16"]) for grid in (Grid.SIGNED_MAX, Grid.HALF)
]
FOURS = [Scheme.integer(4, PerGroup(size), scale=FORMATS["bfloat16"]) for size in (32, 64, 128, 256)]
FOURS += [Scheme.integer(4, PerGroup(32), grid=grid) for grid in (Grid.SIGNED_MAX, Grid.HALF)]
FOURS += [Scheme.integer(bits, PerGroup(64), zero_point=zero) for bits in (2, 3, 4) for zero in (False, True)]
FOURS += [Scheme.integer(4, g, zero_point=zero) for g in (PerTensor(), PerChannel()) for zero in (False, True)]
HAS_INT_MM = pytest.mark.skipif(not cpu.int_mm(), reason="torch multiplies no 8-bit integers here")
HAS_INT4 = pytest.mark.skipif(not int4pack.available(), reason="torch has no 4-bit operator here")
HAS_COMPILER = pytest.mark.skipif(not compiled.available(), reason="no C compiler")


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a compiler."""
    monkeypatch.setattr(compiled, "supported", lambda matrix: False)
    monkeypatch.setattr(compiled, "available", lambda: False)


@pytest.fixture
def fresh_probes() -> Iterator[None]:
    """Operators are tried again, and once more after the test."""
    probes = (cpu.int_mm, int4pack.available)
    for probe in probes:
        probe.cache_clear()
    yield
    for probe in probes:
        probe.cache_clear()


def columns_of(scheme: Scheme) -> int:
    return 512 if scheme.block > 1 or scheme in UNUSUAL else 75


def numbers_of(scheme: Scheme, shape: Shape, seed: int = 0) -> QTensor:
    """Any matrix, but that a plain cast to a wide range is of usual numbers: sums must stay within float32."""
    if scheme.grid is not Grid.UNIT or scheme.element.highest < 1e6:
        return any_matrix(scheme, shape, seed)
    return quantize(torch.randn(shape, generator=torch.Generator().manual_seed(seed)), scheme)


def tokens(n: int, columns: int, seed: int = 0) -> Tensor:
    """Normal numbers; the second token is zeros, the third has an outlier, the fourth is tiny."""
    x = torch.randn(n, columns, generator=torch.Generator().manual_seed(seed))
    scale = torch.ones(n, 1)
    if n > 3:
        x[2, columns // 2] = 3e3
        scale[1], scale[3] = 0, 1e-20
    return x * scale


def biases(rows: int) -> list[Tensor | None]:
    return [None, torch.randn(rows, generator=torch.Generator().manual_seed(7))]


def magnitudes(q: QTensor) -> Tensor:
    """float64 [out, in]: (|v| + |zero|) * |scale| + |offset| of each weight."""
    parts = group(q.scheme.element.decode(q.codes).double().abs(), q.scheme.granularity)
    if q.zero is not None:
        parts = parts + q.zero.unsqueeze(-1)
    if q.scale is not None:
        parts = parts * decoded(q.scale).double().abs().unsqueeze(-1)
    if q.offset is not None:
        parts = parts + decoded(q.offset).double().abs().unsqueeze(-1)
    return ungroup(parts, q.shape)


def product(x: Tensor, q: QTensor, bias: Tensor | None = None) -> Tensor:
    """float64, and exact but for float64's own rounding."""
    y = x.double() @ q.dequantize().double().t()
    return y if bias is None else y + bias


def assert_within(got: Tensor, want: Tensor, bound: Tensor) -> None:
    assert got.dtype == torch.float32
    assert got.shape == want.shape
    off = (got.double() - want).abs()
    assert bool((off <= bound).all()), f"{float((off / bound).max()):.3g} times the bound"


def float_bound(x: Tensor, q: QTensor, bias: Tensor | None = None) -> Tensor:
    """Of float32 sums in any order: K products and their sums, and five roundings more to decode, scale and add."""
    total = x.double().abs() @ magnitudes(q).t() + (0 if bias is None else bias.double().abs())
    return (q.shape[1] + 6) * (1.01 * U * total + SMALLEST)


def limb_bound(x: Tensor, q: QTensor, bias: Tensor | None = None) -> Tensor:
    """Whole-number sums are exact, so K is not in it.

    An activation is off by U|x| (its quotient) and U * 130 / 127 of the token's largest (the third digit's half step,
    1 / (2 * 254^2 * 127), and the products by 254). The digits' sums, |x| and 2.6 / 127 of the largest in all, are
    rounded at most six times; the bias once.
    """
    largest = x.abs().amax(-1, keepdim=True).double()
    total = (7 * x.double().abs() + 1.2 * largest) @ magnitudes(q).t()
    return 1.01 * U * (total + (0 if bias is None else bias.double().abs())) + SMALLEST


def whole_product(x: Tensor, q: QTensor) -> Tensor:
    """W8A8 as defined, float64: whole numbers multiplied exactly, then both scales."""
    digits, scale = reference.int8_activations(x.float())
    return (digits.double() @ q.dequantize().double().t()) * scale


def int4_bound(x: Tensor, q: QTensor, y: Tensor, rounded: float) -> Tensor:
    """Activations rounded by `rounded`, float32 sums, the result rounded to bfloat16."""
    total = x.double().abs() @ magnitudes(q).t()
    return 1.01 * (rounded + (q.shape[1] + 6) * U) * (1 + B) * total + B * y.abs() + SMALLEST


# What was named is what ran

PATHS: dict[str, tuple[object, str]] = {
    "compiled": (compiled, "matvec"), "int8": (cpu, "_int8_product"), "limbs": (cpu, "_limb_product"),
    "int4pack": (Int4Matrix, "linear"), "expanded": (cpu, "_plain"), "decoded": (reference, "linear"),
}  # fmt: skip


def paths_used(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> list[str]:
    """The names of the kernels that `work` goes through."""
    used: list[str] = []

    def spied(name: str, original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def spy(*arguments: object, **named: object) -> Tensor:
            used.append(name)
            return original(*arguments, **named)

        return spy

    with monkeypatch.context() as patch:
        for name, (where, attribute) in PATHS.items():
            patch.setattr(where, attribute, spied(name, getattr(where, attribute)))
        work()
    return used


def assert_named(monkeypatch: pytest.MonkeyPatch, held: Held, activations: Activations, want: Kernel) -> None:
    x = tokens(1, held.shape[1])
    assert cpu.kernel(held, activations) is want
    assert paths_used(monkeypatch, lambda: cpu.linear(x, held, None, activations)) == [want.name]
    assert f"{held.nbytes} bytes, {want.name}" in repr(QuantLinear(held, None, activations))


@HAS_COMPILER
@each("activations", BOTH)
@each("scheme", [INTS[1], FOURS[0], BLOCK_SCHEMES[0], CASTS[0]])
def test_compiled_is_named_and_runs(scheme: Scheme, activations: Activations, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_named(monkeypatch, cpu.hold(any_matrix(scheme, (17, 512))), activations, COMPILED)


@HAS_INT_MM
@pytest.mark.usefixtures("uncompiled")
@each("scheme", INTS)
def test_whole_numbers_are_named_and_run(scheme: Scheme, monkeypatch: pytest.MonkeyPatch) -> None:
    held = cpu.hold(any_matrix(scheme, (17, 40)))
    assert_named(monkeypatch, held, Activations.FLOAT, LIMBS)
    assert_named(monkeypatch, held, Activations.INT8, INT8)


@HAS_INT4
@pytest.mark.usefixtures("uncompiled")
@each("activations", BOTH)
@each("scheme", FOURS)
def test_int4pack_is_named_and_runs(scheme: Scheme, activations: Activations, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_named(monkeypatch, cpu.hold(any_matrix(scheme, (17, 512))), activations, INT4PACK)


@pytest.mark.usefixtures("uncompiled")
@each("activations", BOTH)
def test_a_float_copy_and_the_definition_are_named_and_run(
    activations: Activations, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scheme in [*BLOCK_SCHEMES, CASTS[0], CENTRED, *integers([PerGroup(16)])]:
        matrix = PackedMatrix.of(any_matrix(scheme, (9, 512)))
        if not Int4Matrix.fits(matrix):
            assert_named(monkeypatch, cpu.hold(matrix.qtensor()), activations, EXPANDED)
        if not cpu.is_int8(matrix):
            assert_named(monkeypatch, matrix, activations, DECODED)


def test_every_kernel_is_described_in_both_languages() -> None:
    kernels = [COMPILED, INT8, LIMBS, INT4PACK, EXPANDED, DECODED]
    assert [k.name for k in kernels] == list(PATHS)
    for k in kernels:
        assert k.summary.es
        assert k.summary.en
        assert k.summary.es != k.summary.en
        assert f"\n    {k.name} " in str(cpu.__doc__)


# What each gives


@each("scheme", SCHEMES)
def test_the_definition(scheme: Scheme, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one tile, in several, in single rows."""
    columns = columns_of(scheme)
    q = numbers_of(scheme, (19, columns))
    matrix = PackedMatrix.of(q)
    for n, bias in zip((1, 9), biases(19), strict=True):
        x = tokens(n, columns)
        for tile in (2**20, 7 * columns, 1):
            monkeypatch.setattr(reference, "TILE_VALUES", tile)
            assert_within(reference.linear(x, matrix, bias), product(x, q, bias), float_bound(x, q, bias))


@pytest.mark.parametrize("in_c", [pytest.param(True, marks=HAS_COMPILER), False])
@each("scheme", SCHEMES)
def test_any_format_is_multiplied(scheme: Scheme, in_c: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a compiler and without; float32 and bfloat16; few tokens and many."""
    if not in_c:
        monkeypatch.setattr(compiled, "supported", lambda matrix: False)
    columns = columns_of(scheme)
    q = numbers_of(scheme, (19, columns), 1)
    held = cpu.hold(q)
    for n in TOKENS:
        for dtype, bias in zip((torch.float32, torch.bfloat16), biases(19), strict=True):
            x = tokens(n, columns, n).to(dtype)
            got = cpu.linear(x, held, bias)
            bound = float_bound(x, q, bias)
            if isinstance(held, Int4Matrix) and n <= FEW:
                bound = bound + int4_bound(x, q, product(x, q), B)
            elif cpu.kernel(held) is LIMBS:
                bound = limb_bound(x, q, bias)
            assert_within(got, product(x, q, bias), bound)


@pytest.mark.parametrize("in_c", [pytest.param(True, marks=HAS_COMPILER), False])
@each("scheme", [BLOCK_SCHEMES[0], UNUSUAL[7], *integers([PerChannel()])[-4:], *FOURS])
def test_any_format_takes_8_bit_activations(scheme: Scheme, in_c: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rounded activations whatever multiplies them, few tokens or many."""
    if not in_c:
        monkeypatch.setattr(compiled, "supported", lambda matrix: False)
    q = any_matrix(scheme, (19, 512), 2)
    held = cpu.hold(q)
    for n in TOKENS:
        for bias in biases(19):
            x = tokens(n, 512, n)
            want = whole_product(x, q)
            digits, scale = reference.int8_activations(x)
            if isinstance(held, Int4Matrix) and n <= FEW:  # 7-bit digits are bfloat16 as they are
                bound = int4_bound(digits * scale, q, want, 0.0) + (U * bias.abs() if bias is not None else 0)
            else:
                bound = float_bound(digits * scale, q, bias)
            assert_within(cpu.linear(x, held, bias, Activations.INT8), want + (0 if bias is None else bias), bound)


@HAS_INT_MM
@pytest.mark.usefixtures("uncompiled")
@each("shape", [(19, 75), (1, 512), (33, 8), (8, 2), (5, 3072)])
@each("scheme", INTS)
def test_limbs_are_as_exact_as_float32(scheme: Scheme, shape: Shape) -> None:
    q = any_matrix(scheme, shape, 3)
    held = PackedMatrix.of(q)
    for n in TOKENS:
        for bias in biases(shape[0]):
            x = tokens(n, shape[1], n)
            assert_within(cpu.linear(x, held, bias), product(x, q, bias), limb_bound(x, q, bias))


@HAS_INT_MM
@each("shape", [(19, 75), (1, 512), (33, 8), (8, 2), (5, 3072)])
@each("scheme", INTS)
def test_whole_numbers_are_multiplied_exactly(scheme: Scheme, shape: Shape, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result is right to four roundings of itself, however much cancels: K is not in it, nor are magnitudes."""
    monkeypatch.setattr(compiled, "supported", lambda matrix: False)
    q = any_matrix(scheme, shape, 4)
    held = PackedMatrix.of(q)
    assert isinstance(q.scale, Tensor)
    values = q.scheme.element.decode(q.codes).long()
    for n in TOKENS:
        x = tokens(n, shape[1], n)
        digits, scale = reference.int8_activations(x)
        want = (digits.long() @ values.t()).double() * scale * q.scale.double().view(1, -1)
        got = cpu.linear(x, held, None, Activations.INT8)
        assert_within(got, want, 4.01 * U * want.abs() + 2 * SMALLEST)
        bias = biases(shape[0])[1]
        assert torch.equal(cpu.linear(x, held, bias, Activations.INT8), got + bias)


@HAS_INT_MM
@HAS_COMPILER
def test_few_tokens_of_8_bits_equal_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to FEW go through the step's kernel, more through whole numbers: a text read in pieces is the same text."""
    q = any_matrix(INTS[1], (40, 512), 5)
    held, x = PackedMatrix.of(q), tokens(FEW + 1, 512)
    few = torch.cat([cpu.linear(x[i : i + 1], held, None, Activations.INT8) for i in range(len(x))])
    digits, scale = reference.int8_activations(x)
    bound = float_bound(digits * scale, q)
    assert_within(few, cpu.linear(x, held, None, Activations.INT8).double(), bound)
    if prefill.has_int8():  # in C, another way
        assert paths_used(monkeypatch, lambda: cpu.linear(x, held, None, Activations.INT8)) == []
    with monkeypatch.context() as patch:
        patch.setattr(prefill, "has_int8", lambda: False)
        used = paths_used(monkeypatch, lambda: cpu.linear(x, held, None, Activations.INT8))
        assert used == ["int8"]
        assert_within(few, cpu.linear(x, held, None, Activations.INT8).double(), bound)
    assert paths_used(monkeypatch, lambda: cpu.linear(x[:FEW], held, None, Activations.INT8)) == ["compiled"]


@HAS_INT4
@each("shape", [(16, 256), (17, 512), (1, 256), (50, 768)])
def test_int4pack_rounds_activations_and_results_only(shape: Shape) -> None:
    for scheme in FOURS:
        q = any_matrix(scheme, shape, 6)
        held = Int4Matrix.of(PackedMatrix.of(q))
        for n in TOKENS:
            x = tokens(n, shape[1], n)
            want = product(x, q)
            assert_within(held.linear(x), want, int4_bound(x, q, want, B))
            exact = x.bfloat16().float()
            want = product(exact, q)
            assert_within(held.linear(exact), want, int4_bound(exact, q, want, 0.0))


def test_two_bfloat16_hold_every_float16_scale_and_zero_point() -> None:
    """Exactly: whatever the code and the zero point, the operator's weights add up to those that were quantized."""
    scales = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.float16).double()
    scales = scales[scales.isfinite()]
    for factor in range(-int4pack.MIDDLE, int4pack.MIDDLE + 1):
        upper, lower = (half.double() for half in int4pack.halves((factor * scales).float()))
        assert torch.equal(upper + lower, factor * scales), factor


@HAS_INT4
def test_int4pack_holds_the_very_weights() -> None:
    """Its copy decoded: codes by a product with ones for scales, then both parts of the scales and of the zeros."""
    for scheme in FOURS:
        for shape in ((16, 256), (17, 512), (150, 256)):
            q = any_matrix(scheme, shape, 7)
            held = Int4Matrix.of(PackedMatrix.of(q))
            ones = torch.tensor([1.0, 0.0]).bfloat16().expand_as(held.scales).contiguous()
            each = torch.eye(2 * shape[1], dtype=torch.bfloat16)
            codes = torch.ops.aten._weight_int4pack_mm_for_cpu(each, held.data, held.size, ones).t().double()
            scale, zero = (part.t().double().repeat_interleave(held.size, 1) for part in held.scales.unbind(-1))
            upper, lower = (codes * scale + zero)[: shape[0]].split(shape[1], dim=1)
            assert torch.equal(upper + lower, q.dequantize().double()), (label(scheme), shape)


@HAS_INT4
def test_int4pack_gives_back_what_it_holds() -> None:
    for scheme in FOURS:
        for shape in ((16, 256), (17, 512), (1, 256), (150, 256)):
            q = any_matrix(scheme, shape, 7)
            packed = PackedMatrix.of(q)
            held = Int4Matrix.of(packed)
            back = held.quantized().q
            assert torch.equal(back.codes, q.codes), label(scheme)
            assert torch.equal(held.rows(), q.dequantize()), label(scheme)
            assert torch.equal(held.rows(shape[0] // 3), q.dequantize()[shape[0] // 3 :]), label(scheme)
            rows = -(-shape[0] // int4pack.ROWS) * int4pack.ROWS
            groups = shape[1] // held.size
            assert held.nbytes == packed.nbytes + rows * shape[1] + rows * groups * 8, label(scheme)


def test_a_float_copy_is_the_definition_and_is_counted() -> None:
    for scheme in SCHEMES:
        shape = (19, columns_of(scheme))
        packed = PackedMatrix.of(any_matrix(scheme, shape, 7))
        held = Expanded.of(packed)
        assert torch.equal(held.rows().nan_to_num(), packed.rows().nan_to_num()), label(scheme)
        assert held.nbytes == packed.nbytes + 4 * shape[0] * shape[1], label(scheme)
        held.rows(2, 5).zero_()  # the caller's own
        assert torch.equal(held.rows(2, 5).nan_to_num(), packed.rows(2, 5).nan_to_num()), label(scheme)
        assert (held.shape, held.scheme) == (packed.shape, packed.scheme)
        assert torch.equal(held.quantized().q.codes, packed.qtensor().codes), label(scheme)
    with pytest.raises(IndexError):
        held.rows(3, 20)


@pytest.mark.usefixtures("uncompiled")
def test_a_float_copy_is_multiplied_as_the_original_is() -> None:
    held = cpu.hold(any_matrix(BLOCK_SCHEMES[0], (37, 512), 3))
    assert isinstance(held, Expanded)
    for bias in biases(37):
        for n in TOKENS:
            x = tokens(n, 512, n)
            assert torch.equal(cpu.linear(x, held, bias), float32.linear(x, held.values, bias))
            assert torch.equal(ready.packed(held, bias, Activations.FLOAT)(x), float32.linear(x, held.values, bias))
            want = float32.linear(x, held.values, bias, gelu=True)
            assert torch.equal(cpu.linear(x, held, bias, gelu=True), want)
            room = torch.empty(n, 37)
            assert cpu.linear(x, held, bias, out=room).shape == room.shape


@HAS_INT4
@pytest.mark.usefixtures("uncompiled")
def test_what_is_scored_and_many_tokens_are_as_defined() -> None:
    for scheme in FOURS:
        q = any_matrix(scheme, (19, 512), 3)
        held = cpu.hold(q)
        assert isinstance(held, Int4Matrix), label(scheme)
        for bias in biases(19):
            for n in TOKENS:
                x = tokens(n, 512, n)
                for got in (QuantLinear(held, bias)(x, exact=True), *([cpu.linear(x, held, bias)] if n > FEW else [])):
                    assert_within(got, product(x, q, bias), float_bound(x, q, bias))


# Which form is held


@HAS_INT4
@pytest.mark.usefixtures("uncompiled")
def test_int4pack_is_held_only_where_the_scheme_fits() -> None:
    for scheme in FOURS:
        assert Int4Matrix.fits(PackedMatrix.of(any_matrix(scheme, (3, 768)))), label(scheme)
    half, zeros = FORMATS["float16"], {"zero_point": True}
    refused = [
        Scheme.integer(4, PerGroup(16)), Scheme.integer(4, PerGroup(48)), Scheme.integer(5, PerGroup(64)),
        Scheme.integer(5, PerGroup(64), **zeros), Scheme.integer(4, PerGroup(64), scale=FORMATS["float32"]),
        Scheme(FORMATS["int4"], PerGroup(64), Grid.CENTRED, half, Offset(half)), Scheme(FORMATS["nf4"], PerGroup(64)),
        Scheme(FORMATS["uint4"], PerGroup(32), Grid.RANGE, half, Offset(half)),
        Scheme(FORMATS["float4_e2m1fn"], PerGroup(64)),
    ]  # fmt: skip
    for scheme in refused:
        assert not Int4Matrix.fits(PackedMatrix.of(any_matrix(scheme, (3, 768)))), label(scheme)
        assert isinstance(cpu.hold(any_matrix(scheme, (3, 768))), Expanded), label(scheme)
    for columns in (72, 40):  # that no group of the operator's divides
        assert not Int4Matrix.fits(PackedMatrix.of(any_matrix(Scheme.integer(4, PerChannel()), (3, columns))))


@HAS_COMPILER
def test_with_a_compiler_nothing_is_rearranged() -> None:
    for scheme in FOURS:
        assert isinstance(cpu.hold(any_matrix(scheme, (3, 256))), PackedMatrix)


def test_without_vectors_the_operator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its plain code is slower than float32."""
    for capability in ("DEFAULT", "NEON", "SVE256"):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda capability=capability: capability)
        assert not int4pack.available.__wrapped__()


# Operators that are missing, fail or lie


def missing(*_: object) -> Tensor:
    raise AttributeError("no such operator")


def failing(*_: object) -> Tensor:
    raise NotImplementedError("not on this processor")


_int_mm = torch._int_mm


def saturating(a: Tensor, b: Tensor) -> Tensor:
    """Adds pairs of products in 16 bits, of numbers from 0 to 255 on one side, as vpmaddubsw does."""
    products = (a.int() + 128).unsqueeze(-1) * b.int().unsqueeze(0)
    pairs = products.view(len(a), -1, 2, b.shape[1]).sum(2).clamp(-(2**15), 2**15 - 1)
    return (pairs.sum(1) - 128 * b.int().sum(0)).int()


def without_the_lowest(a: Tensor, b: Tensor) -> Tensor:
    return _int_mm(a.clamp(min=-127), b.clamp(min=-127))


def wrong_for_one_row(a: Tensor, b: Tensor) -> Tensor:
    return _int_mm(a, b) + (len(a) == 1)


def wrong_for_several(a: Tensor, b: Tensor) -> Tensor:
    return _int_mm(a, b) + (len(a) > 1)


@pytest.mark.usefixtures("uncompiled", "fresh_probes")
@pytest.mark.parametrize(
    "broken", [missing, failing, saturating, without_the_lowest, wrong_for_one_row, wrong_for_several, None]
)
def test_without_int_mm_a_float_copy_serves(
    broken: Callable[..., Tensor] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken is None:
        monkeypatch.delattr(torch, "_int_mm")
    else:
        monkeypatch.setattr(torch, "_int_mm", broken)
    assert not cpu.int_mm()
    q = any_matrix(INTS[1], (19, 75), 8)
    held = cpu.hold(q)
    for activations in BOTH:
        assert_named(monkeypatch, held, activations, EXPANDED)
        assert_named(monkeypatch, PackedMatrix.of(q), activations, DECODED)
        for n in TOKENS:
            x = tokens(n, 75, n)
            got = cpu.linear(x, held, None, activations)
            want = product(x, q) if activations == Activations.FLOAT else whole_product(x, q)
            assert_within(got, want, float_bound(x, q) * 1.01)


@HAS_INT_MM
@pytest.mark.usefixtures("uncompiled")
def test_too_few_and_too_many_inputs_are_left_to_the_definition() -> None:
    """127 * 128 * 132104 is the last multiple below 2^31. Of a single input, torch gives memory as it found it."""
    one = torch.ones(1, 1, dtype=torch.uint8)
    for columns, want in ((1, DECODED), (2, LIMBS), (132_104, LIMBS), (132_105, DECODED)):
        q = QTensor(one.expand(1, columns).contiguous(), torch.ones(1, 1), None, INTS[1])
        assert cpu.kernel(PackedMatrix.of(q)) is want


def operator(name: str) -> Callable[..., Tensor]:
    return getattr(torch.ops.aten, name)


def first_scales_only(x: Tensor, data: Tensor, size: int, scales: Tensor) -> Tensor:
    return REAL["product"](x, data, size, scales[:1].expand_as(scales).contiguous())


def no_zeros(x: Tensor, data: Tensor, size: int, scales: Tensor) -> Tensor:
    return REAL["product"](x, data, size, scales * torch.tensor([1.0, 0.0]).bfloat16())


def other_order(codes: Tensor, tiles: int) -> Tensor:
    pairs = codes.view(len(codes), -1, 2).flip(-1).reshape(codes.shape)
    return REAL["convert"](pairs, tiles)


def other_rows(codes: Tensor, tiles: int) -> Tensor:
    return REAL["convert"](codes.roll(1, 0), tiles)


def slightly_off(x: Tensor, data: Tensor, size: int, scales: Tensor) -> Tensor:
    return REAL["product"](x, data, size, scales) * 1.01


NAMES = {"convert": "_convert_weight_to_int4pack_for_cpu", "product": "_weight_int4pack_mm_for_cpu"}
REAL: dict[str, Callable[..., Tensor]] = {}


@pytest.mark.usefixtures("uncompiled", "fresh_probes")
@pytest.mark.parametrize(
    ("which", "broken"),
    [("convert", missing), ("product", missing), ("convert", failing), ("product", failing),
     ("product", first_scales_only), ("product", no_zeros),
     ("product", slightly_off), ("convert", other_order), ("convert", other_rows)],
)  # fmt: skip
def test_without_int4pack_a_float_copy_serves(
    which: str, broken: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not int4pack.available():
        pytest.skip("torch has no 4-bit operator here")
    int4pack.available.cache_clear()
    REAL.update({kind: operator(name) for kind, name in NAMES.items()})
    monkeypatch.setattr(torch.ops.aten, NAMES[which], broken)
    assert not int4pack.available()
    q = any_matrix(FOURS[1], (17, 256), 9)
    held = cpu.hold(q)
    assert isinstance(held, Expanded)
    x = tokens(9, 256)
    assert_within(cpu.linear(x, held), product(x, q), float_bound(x, q))


# The activations


def test_8_bit_activations_are_rounded_token_by_token() -> None:
    x = torch.tensor([[0.0, 0.0], [127.0, -1.5], [-254.0, 3.0], [1.0, 0.5]])
    digits, scale = reference.int8_activations(x)
    assert digits.tolist() == [[0, 0], [127, -2], [-127, 2], [127, 64]]  # 1.5 and 63.5 go to the even number
    assert scale.tolist() == [[1.0], [1.0], [2.0], [pytest.approx(1 / 127)]]


@each("size", [1e-45, 2e-43, 9e-43, 1e-38, 1.4e-36, 1.6e-36, 1e-30, 3e38])
def test_8_bit_activations_stay_within_127(size: float) -> None:
    x = size * torch.linspace(-1, 1, 101).view(1, -1)
    digits, scale = reference.int8_activations(x)
    assert float(digits.abs().max()) <= 127
    assert float((digits * scale - x).abs().max()) <= max(size / 127 * 0.5001, 1.5e-36)


@each("bad", [torch.nan, torch.inf, -torch.inf])
@each("activations", BOTH)
@each("scheme", [INTS[1], FOURS[0], BLOCK_SCHEMES[0]])
@pytest.mark.parametrize("in_c", [pytest.param(True, marks=HAS_COMPILER), False])
def test_what_is_not_finite_is_not_made_finite(
    scheme: Scheme, activations: Activations, in_c: bool, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_c:
        monkeypatch.setattr(compiled, "supported", lambda matrix: False)
    held = cpu.hold(any_matrix(scheme, (19, 512)))
    for n in (1, 9):
        x = torch.randn(n, 512, generator=torch.Generator().manual_seed(0))
        x[-1, 5] = bad
        y = cpu.linear(x, held, None, activations)
        assert not bool(y[-1].isfinite().any())
        assert bool(y[:-1].isfinite().all())


# Shapes


@pytest.mark.usefixtures("uncompiled")
@each("scheme", [INTS[1], FOURS[0], BLOCK_SCHEMES[0]])
@each("activations", BOTH)
def test_any_number_of_dimensions(scheme: Scheme, activations: Activations) -> None:
    held = cpu.hold(any_matrix(scheme, (19, 256)))
    x = tokens(6, 256)
    want = cpu.linear(x, held, None, activations)
    for shape in ((2, 3), (1, 6), (6, 1, 1)):
        assert torch.equal(cpu.linear(x.view(*shape, 256), held, None, activations), want.view(*shape, 19))
    assert torch.equal(cpu.linear(x.t().contiguous().t(), held, None, activations), want)
    assert cpu.linear(x[0], held, None, activations).shape == (19,)
    assert cpu.linear(x[:0], held, None, activations).shape == (0, 19)


@pytest.mark.parametrize("in_c", [pytest.param(True, marks=HAS_COMPILER), False])
@each("scheme", [INTS[1], FOURS[0], *BLOCK_SCHEMES, UNUSUAL[5]])
def test_rows_are_the_definition_s(scheme: Scheme, in_c: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not in_c:
        monkeypatch.setattr(compiled, "supported", lambda matrix: False)
    q = any_matrix(scheme, (7, 512), 10)
    held, want = cpu.hold(q), q.dequantize()
    assert torch.equal(cpu.rows(held), want)
    assert torch.equal(cpu.rows(held, 2, 5), want[2:5])
    assert torch.equal(cpu.rows(held, 6), want[6:])
    ids = torch.tensor([[3, 0, 3], [6, 6, 1]])
    assert torch.equal(QuantEmbedding(held)(ids), want[ids])


# What is decided beforehand


@pytest.mark.parametrize("in_c", [pytest.param(True, marks=HAS_COMPILER), False])
@each("scheme", [INTS[0], INTS[1], *FOURS[1:4], BLOCK_SCHEMES[0], UNUSUAL[5]])
@each("activations", BOTH)
def test_what_is_decided_beforehand_computes_the_same(
    scheme: Scheme, activations: Activations, in_c: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_c:
        monkeypatch.setattr(compiled, "supported", lambda matrix: False)
    q = any_matrix(scheme, (37, 512), 13)
    held = cpu.hold(q)
    for bias in biases(37):
        multiply = ready.packed(held, bias, activations)
        for n in (1, 2, FEW):
            x = tokens(n, 512, n)
            want = cpu.linear(x, held, bias, activations)
            if cpu.kernel(held, activations) is LIMBS and n == 1:  # its digits are added up in another order
                assert_within(multiply(x), product(x, q, bias), limb_bound(x, q, bias))
            else:
                assert torch.equal(multiply(x), want)


@pytest.mark.usefixtures("uncompiled")
@each("bad", [torch.nan, torch.inf, -torch.inf])
@each("scheme", [INTS[1], FOURS[1]])
def test_what_is_decided_beforehand_makes_nothing_finite(scheme: Scheme, bad: float) -> None:
    x = tokens(1, 512)
    x[0, 5] = bad
    assert not bool(ready.packed(cpu.hold(any_matrix(scheme, (19, 512))), None, Activations.FLOAT)(x).isfinite().any())


@each("bias", biases(7))
def test_a_float_matrix_is_multiplied_as_it_is(bias: Tensor | None) -> None:
    weight, x = torch.randn(7, 75, generator=torch.Generator().manual_seed(1)), tokens(3, 75)
    assert torch.equal(ready.plain(weight, bias)(x), float32.linear(x, weight, bias))


@pytest.mark.usefixtures("uncompiled")
def test_rounded_weights_with_outliers_and_rows_of_zeros() -> None:
    weight = torch.randn(20, 256, generator=torch.Generator().manual_seed(11))
    weight[3], weight[5, 9] = 0, 1e4
    for scheme in (*INTS, *FOURS[:2], Scheme.integer(3, PerGroup(32))):
        q = quantize(weight, scheme)
        held, x = cpu.hold(q), tokens(5, 256)
        y = cpu.linear(x, held)
        assert bool((y[:, 3] == 0).all())
        want = product(x, q)
        if isinstance(held, Int4Matrix):
            assert_within(y, want, int4_bound(x, q, want, B))
        else:
            assert_within(y, want, limb_bound(x, q) if cpu.kernel(held) is LIMBS else float_bound(x, q))


def test_without_onednn_the_definition_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float32, "onednn", lambda: None)
    q = any_matrix(BLOCK_SCHEMES[0], (19, 512), 12)
    x = tokens(5, 512)
    assert_within(reference.linear(x, PackedMatrix.of(q)), product(x, q), float_bound(x, q))
