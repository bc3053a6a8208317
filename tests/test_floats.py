"""Floats bit for bit: against ml_dtypes, numpy and torch's casts on every code and a million inputs a format.

ml_dtypes and numpy decode and round on their own; where they keep silent (tf32, policies, numbers between float32s),
the definition is worked out anew: by bit arithmetic, or with fractions.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import ml_dtypes
import numpy as np
import pytest
import torch
from cases import each
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from quant.errors import SchemeError
from quant.floats import FloatLayout, Overflow, Specials
from quant.formats import EXPONENT_BITS, FORMATS, MANTISSA_BITS, NumberFormat, exmy

REFERENCES: dict[str, type] = {
    name: getattr(ml_dtypes, name)
    for name in (
        "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e3m4", "float6_e2m3fn",
        "float6_e3m2fn", "float4_e2m1fn", "float8_e8m0fnu", "bfloat16",
    )
} | {"float16": np.float16}  # fmt: skip
WITHOUT_NAN = ["float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"]
EIGHT_BIT_CASTS = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"]
FLOATS = [f for f in FORMATS.values() if f.layout is not None]
RANDOM_PATTERNS, SCALED, SMALL = 480_000, 400_000, 150_000
E8M0_SMALLEST_NORMAL_INPUT = 2.0**-126


def bits_of(reference: type) -> int:
    return int(ml_dtypes.finfo(reference).bits)


def unsigned(bits: int) -> type:
    return np.uint8 if bits <= 8 else np.uint16


def known_values(reference: type) -> np.ndarray:
    """float64 by bit pattern, decoded by ml_dtypes or numpy."""
    bits = bits_of(reference)
    with np.errstate(invalid="ignore"):  # NaN
        return np.arange(2**bits).astype(unsigned(bits)).view(reference).astype(np.float64)


def cast(x: np.ndarray, reference: type) -> np.ndarray:
    """Bit patterns by ml_dtypes or numpy, int64."""
    with np.errstate(all="ignore"):
        return x.astype(reference).view(unsigned(bits_of(reference))).astype(np.int64)


def midpoints(values: np.ndarray) -> np.ndarray:
    """Every number halfway between two neighbours, and the one past the largest that decides overflow."""
    finite = np.unique(values[np.isfinite(values)])
    over = finite[-1] + (finite[-1] - finite[-2]) / 2
    return np.concatenate([[-over, over], (finite[:-1] + finite[1:]) / 2])


def beside(x: np.ndarray) -> np.ndarray:
    """Numbers exact in float32, and the float32 on each side of them."""
    exact = x.astype(np.float32)
    assert np.array_equal(exact.astype(np.float64), x)
    up, down = np.float32(np.inf), np.float32(-np.inf)
    with np.errstate(over="ignore"):  # infinity is one of the neighbours
        return np.concatenate([exact, np.nextafter(exact, up), np.nextafter(exact, down)])


@cache
def inputs(name: str) -> np.ndarray:
    """A million float32 and more: anything, the scales the format lives on, its subnormals, its ties, its ends."""
    random, values = np.random.default_rng(20261123), known_values(REFERENCES[name])
    finite = values[np.isfinite(values)]
    patterns = random.integers(0, 2**32, RANDOM_PATTERNS, dtype=np.uint32).view(np.float32)
    low, high = np.log2(np.abs(finite[finite != 0]).min()), np.log2(finite.max())
    powers = random.uniform(max(low - 4, -148), min(high + 3, 125), SCALED)
    scaled = (random.standard_normal(SCALED) * 2**powers).astype(np.float32)
    small = random.uniform(-20, 20, SMALL) * np.abs(finite[finite != 0]).min()
    ends = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(np.float32).max, -np.finfo(np.float32).max, 1e-45, -1e-45]
    return np.concatenate([
        patterns, scaled, small.astype(np.float32), beside(midpoints(values)), beside(finite),
        np.array(ends, dtype=np.float32),
    ])  # fmt: skip


def reference_inputs(name: str) -> np.ndarray:
    """`inputs`, less what ml_dtypes has no right answer for.

    Its 4 and 6 bit floats have no NaN, and make a number of one. Its e8m0 does not round to nearest among the numbers
    below 2**-126: 7e-39 becomes 2**-126, though 2**-127 is nearer.
    """
    x = inputs(name)
    if name in WITHOUT_NAN:
        x = x[~np.isnan(x)]
    if name == "float8_e8m0fnu":
        x = x[~((x > 0) & (x < E8M0_SMALLEST_NORMAL_INPUT))]
    return x


def assert_same_codes(got: Tensor, want: np.ndarray, values: np.ndarray) -> None:
    """Equal in every bit, but for which NaN a NaN is."""
    codes = got.long().numpy()
    wrong = (codes != want) & ~(np.isnan(values[codes]) & np.isnan(values[want]))
    assert not wrong.any(), f"{wrong.sum()} of {len(want)}, the first: {codes[wrong][0]}, not {want[wrong][0]}"


@each("name", REFERENCES)
def test_every_code_has_its_value_with_signs_of_zero_and_nan(name: str) -> None:
    expected = known_values(REFERENCES[name])
    assert len(expected) == 2 ** FORMATS[name].code_bits
    codes = torch.arange(len(expected))
    layout = FORMATS[name].layout
    assert layout is not None
    for values in (FORMATS[name].decode(codes).double().numpy(), layout.decode(codes).numpy()):
        assert np.array_equal(values, expected, equal_nan=True)
        number = ~np.isnan(expected)
        assert np.array_equal(np.signbit(values)[number], np.signbit(expected)[number])


@each("name", REFERENCES)
def test_a_million_float32_are_rounded_to_the_same_bits(name: str) -> None:
    x = reference_inputs(name)
    assert len(x) > 1_000_000
    want = cast(x, REFERENCES[name])
    assert_same_codes(FORMATS[name].encode(torch.from_numpy(x)), want, known_values(REFERENCES[name]))


@each(
    "name, layout",
    [
        ("float8_e4m3", FloatLayout(4, 3, Specials.IEEE, 7)),
        ("float8_e4m3b11fnuz", FloatLayout(4, 3, Specials.FNUZ, 11)),
    ],
)
def test_layouts_outside_the_registry_round_to_the_same_bits_too(name: str, layout: FloatLayout) -> None:
    reference = getattr(ml_dtypes, name)
    values = known_values(reference)
    assert np.array_equal(layout.decode(torch.arange(256)).numpy(), values, equal_nan=True)
    x = np.concatenate([beside(midpoints(values)), inputs("float8_e4m3fn")[:200_000], inputs("float8_e4m3fn")[-9:]])
    assert_same_codes(layout.encode(torch.from_numpy(x)), cast(x, reference), values)


def test_e8m0_below_its_second_value_rounds_to_the_nearest() -> None:
    # Where ml_dtypes does not: two values are left, 2**-127 (code 0) and 2**-126 (code 1), and a tie goes up.
    x = inputs("float8_e8m0fnu")
    x = x[(x > 0) & (x < E8M0_SMALLEST_NORMAL_INPUT)]
    assert len(x) > 5_000
    distances = np.abs(x.astype(np.float64) - np.array([[2.0**-127], [2.0**-126]]))
    want = (distances[1] <= distances[0]).astype(np.int64)
    assert 0 < want.mean() < 1
    assert FORMATS["float8_e8m0fnu"].encode(torch.from_numpy(x)).tolist() == want.tolist()


def test_e8m0_has_no_zero_and_no_sign() -> None:
    e8m0 = FORMATS["float8_e8m0fnu"]
    x = torch.tensor([0.0, -0.0, -1.0, -torch.inf, torch.nan, torch.inf])
    assert e8m0.encode(x).tolist() == [255] * 6
    assert e8m0.encode(x[[0, 5]], Overflow.SATURATE).tolist() == [0, 254]
    assert e8m0.decode(torch.tensor([0, 127, 254])).tolist() == [2.0**-127, 1.0, 2.0**127]


@each("name", WITHOUT_NAN)
def test_nan_is_refused_where_there_is_no_code_for_it(name: str) -> None:
    with pytest.raises(SchemeError) as caught:
        FORMATS[name].encode(torch.tensor([1.0, torch.nan]))
    assert caught.value.text.es == "Hay un NaN entre los números y este formato no tiene ningún código para él."
    assert caught.value.text.en == "There is a NaN among the numbers and this format has no code for it."


@each("name", ["float16", "float32"])
def test_float64_is_rounded_once(name: str) -> None:
    # Halfway between two neighbours but for 1 in 2**50: rounded to float32 first, it would be a tie for float16.
    reference = getattr(np, name)
    integer: type[np.unsignedinteger] = np.uint16 if name == "float16" else np.uint32
    random = np.random.default_rng(3)
    patterns = random.integers(0, np.iinfo(integer).max, 200_000, dtype=integer)
    with np.errstate(all="ignore"):
        values = patterns.view(reference).astype(np.float64)
        values = values[np.isfinite(values)]
        halfway = (values + np.nextafter(values.astype(reference), reference(np.inf)).astype(np.float64)) / 2
    halfway = halfway[np.isfinite(halfway)]
    anything = random.integers(0, 2**64, 200_000, dtype=np.uint64).view(np.float64)
    x = np.concatenate([halfway, np.nextafter(halfway, np.inf), np.nextafter(halfway, -np.inf), anything])
    x = x[~np.isnan(x)]
    with np.errstate(all="ignore"):
        want = x.astype(reference).view(integer).astype(np.int64)
        assert (x.astype(np.float32).astype(np.float16) != x.astype(np.float16)).any()
    assert FORMATS[name].encode(torch.from_numpy(x)).tolist() == want.tolist()


def test_tf32_is_float32_less_thirteen_bits_rounded_half_to_even() -> None:
    x = inputs("bfloat16")
    x = x[~np.isnan(x)]
    ties = (x.view(np.uint32)[:300_000] & np.uint32(0xFFFFE000)) | np.uint32(0x1000)
    x = np.concatenate([x, ties.view(np.float32)])
    x = x[~np.isnan(x)]
    bits = x.view(np.uint32).astype(np.int64)
    want = (bits + 0xFFF + ((bits >> 13) & 1)) >> 13
    assert FORMATS["tf32"].code_bits == 19
    assert np.array_equal(FORMATS["tf32"].encode(torch.from_numpy(x)).numpy(), want)
    kept = torch.from_numpy((want << 13).astype(np.uint32).view(np.float32))
    assert torch.equal(FORMATS["tf32"].round(torch.from_numpy(x)), kept)


def test_float64_and_float32_keep_their_own_bits() -> None:
    x = torch.from_numpy(np.random.default_rng(4).integers(0, 2**63, 1000, dtype=np.int64).view(np.float64))
    assert torch.equal(FORMATS["float64"].encode(x), x.view(torch.int64))
    assert torch.equal(FORMATS["float64"].decode(x.view(torch.int64)).nan_to_num(), x.nan_to_num())
    y = torch.from_numpy(inputs("bfloat16"))
    y = y[~y.isnan()]
    codes = FORMATS["float32"].encode(y)
    assert torch.equal(codes, y.view(torch.int32).long() & 0xFFFF_FFFF)
    assert torch.equal(FORMATS["float32"].decode(codes).view(torch.int32), y.view(torch.int32))


@each("name", ["float16", "bfloat16", *EIGHT_BIT_CASTS])
def test_torch_casts_agree(name: str) -> None:
    element = FORMATS[name]
    assert element.dtype is getattr(torch, name)
    x = torch.from_numpy(inputs(name))
    # torch 2.13 saturates E4M3, infinity too; 2.11 makes NaN of what does not fit, as it does of the other two without.
    saturates = name == "float8_e4m3fn" and not torch.tensor(1000.0).to(element.dtype).float().isnan()
    policy = Overflow.SATURATE if saturates else None
    width = torch.uint8 if element.code_bits == 8 else torch.int16
    want = x.to(element.dtype).view(width).long() & (2**element.code_bits - 1)
    values = element.decode(torch.arange(2**element.code_bits)).numpy()
    assert_same_codes(element.encode(x, policy), want.numpy(), values)


@each("name", ["float16", "bfloat16", "float32"])
def test_rounding_by_cast_is_encoding_and_decoding(name: str) -> None:
    x = torch.from_numpy(inputs("float16" if name == "float32" else name))
    there_and_back = FORMATS[name].decode(FORMATS[name].encode(x))
    assert torch.equal(FORMATS[name].round(x).nan_to_num(1.5), there_and_back.nan_to_num(1.5))


BEYOND = [1e30, -1e30, math.inf, -math.inf]


@each(
    "name, policy, expected",
    [
        ("float8_e4m3fn", None, [math.nan] * 4),
        ("float8_e4m3fn", Overflow.NAN, [math.nan] * 4),
        ("float8_e4m3fn", Overflow.SATURATE, [448, -448, 448, -448]),
        ("float8_e5m2", None, [math.inf, -math.inf, math.inf, -math.inf]),
        ("float8_e5m2", Overflow.INFINITY, [math.inf, -math.inf, math.inf, -math.inf]),
        ("float8_e5m2", Overflow.NAN, [math.nan] * 4),
        ("float8_e5m2", Overflow.SATURATE, [57344, -57344, 57344, -57344]),
        ("float8_e4m3fnuz", None, [math.nan] * 4),
        ("float8_e4m3fnuz", Overflow.SATURATE, [240, -240, 240, -240]),
        ("float8_e5m2fnuz", None, [math.nan] * 4),
        ("float8_e5m2fnuz", Overflow.SATURATE, [57344, -57344, 57344, -57344]),
        ("float8_e3m4", None, [math.inf, -math.inf, math.inf, -math.inf]),
        ("float6_e2m3fn", None, [7.5, -7.5, 7.5, -7.5]),
        ("float6_e3m2fn", None, [28, -28, 28, -28]),
        ("float4_e2m1fn", Overflow.SATURATE, [6, -6, 6, -6]),
        ("float16", Overflow.SATURATE, [65504, -65504, 65504, -65504]),
        ("float16", Overflow.NAN, [math.nan] * 4),
        ("int4", None, [7, -8, 7, -8]),
        ("uint4", Overflow.SATURATE, [15, 0, 15, 0]),
        ("nf4", None, [1, -1, 1, -1]),
    ],
)
def test_overflow_follows_its_policy(name: str, policy: Overflow | None, expected: list[float]) -> None:
    codes = FORMATS[name].encode(torch.tensor(BEYOND), policy)
    assert FORMATS[name].decode(codes).tolist() == pytest.approx(expected, nan_ok=True, abs=0)


@each("name", [n for n in REFERENCES if n != "float8_e8m0fnu"])
def test_what_rounds_down_to_the_largest_does_not_overflow(name: str) -> None:
    element, (over, below) = FORMATS[name], np.unique(midpoints(known_values(REFERENCES[name])))[[-1, -2]]
    for policy in Overflow:
        if policy in allowed_policies(element):
            just_fits = float(np.nextafter(over, 0))
            assert (
                element.decode(element.encode(torch.tensor([just_fits], dtype=torch.float64), policy)).item()
                == element.highest
            )
    assert below < element.highest < over


def allowed_policies(element: NumberFormat) -> list[Overflow]:
    values = element.decode(torch.arange(2**element.code_bits))
    has = {Overflow.INFINITY: values.isinf().any(), Overflow.NAN: values.isnan().any(), Overflow.SATURATE: True}
    return [policy for policy in Overflow if has[policy]]


@each("name", REFERENCES)
def test_a_policy_without_a_code_is_refused_with_those_that_have_one(name: str) -> None:
    allowed = allowed_policies(FORMATS[name])
    for policy in Overflow:
        if policy in allowed:
            FORMATS[name].encode(torch.ones(1), policy)
            continue
        with pytest.raises(SchemeError) as caught:
            FORMATS[name].encode(torch.ones(1), policy)
        names = ", ".join(p.value for p in allowed)
        assert caught.value.text.es == f"Desbordamiento «{policy.value}»: este formato admite {names}."
        assert caught.value.text.en == f"Overflow “{policy.value}”: this format allows {names}."


@each("name", ["int4", "nf4", "ternary"])
def test_what_only_holds_finite_numbers_refuses_the_rest(name: str) -> None:
    for x, policy in ((1.0, Overflow.INFINITY), (1.0, Overflow.NAN), (math.nan, None)):
        with pytest.raises(SchemeError) as caught:
            FORMATS[name].encode(torch.tensor([x]), policy)
        assert caught.value.text.es.startswith(f"{name} solo guarda números finitos")
        assert caught.value.text.en.startswith(f"{name} holds finite numbers only")


@each("element", FLOATS)
def test_negative_zero_and_what_rounds_to_it_keep_the_sign_where_there_is_one(element: NumberFormat) -> None:
    layout = element.layout
    assert layout is not None
    if not layout.signed or layout.specials is Specials.FNUZ:
        return
    codes = element.encode(torch.tensor([0.0, -0.0], dtype=torch.float64))
    sign = 1 << (element.code_bits - 1)
    assert [int(c) & (2**element.code_bits - 1) for c in codes] == [0, sign]
    if element.name not in ("float64", "float32"):
        tiny = element.properties.smallest_positive / 3
        assert element.encode(torch.tensor([tiny, -tiny], dtype=torch.float64)).tolist() == [0, sign]


ANY_FINITE = st.floats(allow_nan=False, allow_infinity=False)
WORTH_ROUNDING = [f for f in FLOATS if f.name not in ("float64", "float8_e8m0fnu")]


@given(ANY_FINITE | st.floats(-1e5, 1e5) | st.floats(-1, 1), st.sampled_from(WORTH_ROUNDING))
def test_no_value_is_nearer_in_exact_arithmetic(x: float, element: NumberFormat) -> None:
    layout = element.layout
    assert layout is not None
    code = int(layout.encode(torch.tensor([abs(x)], dtype=torch.float64), Overflow.SATURATE))
    around = torch.arange(max(code - 1, 0), min(code + 1, layout.largest_code) + 1)
    distances = [abs(Fraction(v) - Fraction(abs(x))) for v in layout.decode(around).tolist()]
    chosen = distances[int((around == code).nonzero())]
    assert chosen == min(distances)
    if distances.count(chosen) == 2 and layout.mantissa_bits:
        assert code % 2 == 0


FINFO = [(n, r) for n, r in REFERENCES.items() if n != "float8_e8m0fnu"]
FINFO += [("float32", np.float32), ("float64", np.float64)]


@each("name, reference", FINFO)
def test_properties_are_those_of_finfo(name: str, reference: type) -> None:
    info, properties = ml_dtypes.finfo(reference), FORMATS[name].properties
    assert properties.largest == FORMATS[name].highest == -FORMATS[name].lowest == float(info.max)
    assert properties.smallest_normal == float(info.smallest_normal)
    assert properties.smallest_subnormal == properties.smallest_positive == float(info.smallest_subnormal)
    assert properties.epsilon == float(info.eps)
    assert properties.significant_bits == info.nmant + 1
    assert properties.digits == pytest.approx((info.nmant + 1) * math.log10(2))
    assert FORMATS[name].code_bits == info.bits


def test_tf32_has_the_range_of_float32_and_the_precision_of_float16() -> None:
    tf32, single, half = (FORMATS[n].properties for n in ("tf32", "float32", "float16"))
    assert (tf32.epsilon, tf32.smallest_normal) == (half.epsilon, single.smallest_normal)
    assert tf32.largest == (2 - 2**-10) * 2.0**127
    assert tf32.smallest_subnormal == 2.0**-136


def test_bfloat16_has_eight_significant_bits_and_float16_eleven() -> None:
    assert FORMATS["bfloat16"].properties.significant_bits == 8
    assert FORMATS["float16"].properties.significant_bits == 11


def test_the_properties_of_e8m0_are_those_of_a_power_of_two() -> None:
    properties = FORMATS["float8_e8m0fnu"].properties
    assert (properties.largest, properties.smallest_positive) == (2.0**127, 2.0**-127)
    assert (properties.smallest_normal, properties.smallest_subnormal) == (2.0**-127, None)
    assert (properties.distinct_values, properties.significant_bits, properties.epsilon) == (255, 1, 1.0)
    assert FORMATS["float8_e8m0fnu"].lowest == 2.0**-127


@each("element", [f for f in FORMATS.values() if f.code_bits <= 19])
def test_distinct_values_are_the_finite_ones_with_one_zero(element: NumberFormat) -> None:
    values = element.decode(torch.arange(2**element.code_bits)).numpy()
    assert element.properties.distinct_values == len(np.unique(values[np.isfinite(values)]))
    assert element.properties.largest == values[np.isfinite(values)].max()
    assert element.lowest == values[np.isfinite(values)].min()
    assert element.properties.smallest_positive == values[values > 0].min()


@each("name, bits, exponents", [("float32", 32, 8), ("float64", 64, 11)])
def test_wide_formats_count_all_patterns_but_infinities_nans_and_one_zero(name: str, bits: int, exponents: int) -> None:
    assert FORMATS[name].properties.distinct_values == 2**bits - 2 * 2 ** (bits - 1 - exponents) - 1


EXMY = [(e, m) for e in EXPONENT_BITS for m in MANTISSA_BITS]


@each("specials", [Specials.FINITE, Specials.IEEE])
@each("exponent_bits", EXPONENT_BITS)
def test_every_exmy_decodes_and_encodes_each_of_its_patterns(exponent_bits: int, specials: Specials) -> None:
    for mantissa_bits in MANTISSA_BITS:
        if specials is Specials.IEEE and (exponent_bits < 2 or mantissa_bits < 1):
            continue
        element = exmy(exponent_bits, mantissa_bits, specials)
        assert element.code_bits == 1 + exponent_bits + mantissa_bits
        codes = torch.arange(2**element.code_bits)
        values = element.decode(codes)
        number, half = ~values.isnan(), 2 ** (element.code_bits - 1)
        back = element.encode(values[number])
        assert torch.equal(back.long(), codes[number])
        positive = values[:half][number[:half]]
        assert bool((positive[1:] > positive[:-1]).all())
        assert torch.equal(values[half:][number[half:]], -positive)
        assert torch.equal(number[half:], number[:half])
        nans = 2 * (2**mantissa_bits - 1) if specials is Specials.IEEE else 0
        assert int((~number).sum()) == nans
        assert int(values.isinf().sum()) == (2 if specials is Specials.IEEE else 0)
        assert element.properties.distinct_values == len(codes) - nans - values.isinf().sum() - 1
        assert element.highest == values[values.isfinite()].max()


@each("exponent_bits, mantissa_bits", EXMY)
def test_every_exmy_follows_the_formula(exponent_bits: int, mantissa_bits: int) -> None:
    element = exmy(exponent_bits, mantissa_bits)
    bias = 2 ** (exponent_bits - 1) - 1
    codes = np.unique(np.random.default_rng(5).integers(0, 2 ** (exponent_bits + mantissa_bits), 50))
    for code in codes.tolist():
        e, m = divmod(code, 2**mantissa_bits)
        one = 1 if e else 0
        exact = (one + Fraction(m, 2**mantissa_bits)) * Fraction(2) ** (max(e, 1) - bias)
        assert Fraction(element.decode(torch.tensor([code])).item()) == exact


@each(
    "exponent_bits, mantissa_bits, specials",
    [
        (0, 3, Specials.FINITE), (9, 3, Specials.FINITE), (4, -1, Specials.FINITE), (4, 11, Specials.FINITE),
        (1, 3, Specials.IEEE), (4, 0, Specials.IEEE), (0, 0, Specials.FINITE), (4, 3, Specials.FNUZ),
        (4, 3, Specials.FN), (4.0, 3, Specials.FINITE), (4, 3.5, Specials.FINITE), ("4", 3, Specials.FINITE),
        (None, 3, Specials.FINITE), (True, 3, Specials.FINITE), (math.nan, 3, Specials.FINITE),
    ],
)  # fmt: skip
def test_an_impossible_exmy_is_refused_with_what_is_possible(
    exponent_bits: object, mantissa_bits: object, specials: Specials
) -> None:
    with pytest.raises(SchemeError) as caught:
        exmy(exponent_bits, mantissa_bits, specials)  # type: ignore[arg-type]
    es, en = caught.value.text.es, caught.value.text.en
    assert es.startswith(f"E{exponent_bits}M{mantissa_bits} no puede ser")
    assert en.startswith(f"E{exponent_bits}M{mantissa_bits} cannot be")
    assert "de 1 a 8 bits de exponente y de 0 a 10 de mantisa" in es
    assert "1 to 8 exponent bits and 0 to 10 mantissa bits" in en
    assert "al menos 2 y 1" in es
    assert "at least 2 and 1" in en


@each(
    "built, reference",
    [
        (exmy(4, 3, Specials.IEEE), ml_dtypes.float8_e4m3),
        (exmy(3, 4, Specials.IEEE), ml_dtypes.float8_e3m4),
        (exmy(5, 2, Specials.IEEE), ml_dtypes.float8_e5m2),
        (exmy(5, 10, Specials.IEEE), np.float16),
        (exmy(8, 7, Specials.IEEE), ml_dtypes.bfloat16),
        (exmy(2, 1), ml_dtypes.float4_e2m1fn),
        (exmy(2, 3), ml_dtypes.float6_e2m3fn),
        (exmy(3, 2), ml_dtypes.float6_e3m2fn),
    ],
)
def test_an_exmy_that_has_a_name_is_that_format(built: NumberFormat, reference: type) -> None:
    values = known_values(reference)
    assert np.array_equal(built.decode(torch.arange(len(values))).double().numpy(), values, equal_nan=True)
    x = beside(midpoints(values))
    assert_same_codes(built.encode(torch.from_numpy(x)), cast(x, reference), values)


def test_an_exmy_is_one_key_however_often_it_is_built() -> None:
    assert exmy(4, 3) == exmy(4, 3)
    assert len({exmy(4, 3), exmy(4, 3), exmy(4, 3, Specials.IEEE), exmy(3, 4)}) == 3
    assert exmy(4, 3).nearest(torch.tensor([0.3])).item() == exmy(4, 3).encode(torch.tensor([0.3])).item()
