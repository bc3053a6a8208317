"""Nearest value of a small table: the lookup against the search, both against brute force, each tie by its rule."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from cases import each
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from quant.errors import SchemeError
from quant.floats import Overflow, Specials
from quant.formats import ELEMENTS, FORMATS, NumberFormat, exmy
from quant.nearest import BUCKETS, Ties, rounder

TABLES = [FORMATS[name] for name in ELEMENTS]
BUILT = [exmy(1, 0), exmy(1, 6), exmy(7, 0), exmy(2, 5), exmy(4, 3, Specials.IEEE), exmy(2, 1, Specials.IEEE)]
ODD = [f for f in TABLES if f.layout is not None and f.layout.signed] + [FORMATS[n] for n in ("ternary", "binary")]
# A midpoint that is no float32 is rounded to one, half an ulp away: the two distances then differ by up to an ulp.
MIDPOINT_SLACK = 2.0**-23


def finite(element: NumberFormat) -> np.ndarray:
    """Its values, rising, each once, float64."""
    values = element.decode(torch.arange(2**element.code_bits)).double().numpy()
    return np.unique(values[np.isfinite(values)])


def halfway(element: NumberFormat) -> np.ndarray:
    """float64, all exact in float32 but some of NF4's and of the dynamic table's."""
    values = finite(element)
    return (values[:-1] + values[1:]) / 2


@cache
def adversarial(element: NumberFormat) -> Tensor:
    """Each midpoint and the float32 on both sides of it, each value likewise, any finite bit pattern, the extremes."""
    random = np.random.default_rng(6)
    near = np.concatenate([halfway(element), finite(element)]).astype(np.float32)
    up, down = np.float32(np.inf), np.float32(-np.inf)
    patterns = random.integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    scaled = (random.uniform(-1.1, 1.1, 20_000) * finite(element).max()).astype(np.float32)
    largest = np.finfo(np.float32).max
    ends = np.array([0.0, -0.0, 1e-45, -1e-45, largest, -largest], dtype=np.float32)
    with np.errstate(over="ignore"):  # infinity is one of the neighbours
        x = np.concatenate([near, np.nextafter(near, up), np.nextafter(near, down), patterns, scaled, ends])
    return torch.from_numpy(x[np.isfinite(x)])


@each("ties", Ties)
@each("element", TABLES + BUILT)
def test_the_lookup_is_the_search(element: NumberFormat, ties: Ties) -> None:
    table, x = element.rounder(ties), adversarial(element)
    assert torch.equal(table.lookup(x), table.search(x))
    assert table.lookup(x).dtype == torch.uint8


@each("ties", Ties)
@each("element", TABLES)
def test_no_registered_table_has_two_midpoints_in_a_bucket_so_the_lookup_is_always_fast(
    element: NumberFormat, ties: Ties
) -> None:
    split = element.rounder(ties).split
    assert split is not None
    assert len(split) == BUCKETS


def test_a_table_too_dense_for_the_lookup_is_searched() -> None:
    values = 1 + torch.arange(16) * 2.0**-20
    table = rounder(values, Ties.UP)
    assert table.split is None
    assert table.lookup(values).tolist() == list(range(16))
    assert torch.equal(table.lookup(values + 2.0**-22), table.search(values + 2.0**-22))


@each("ties", Ties)
@each("element", TABLES + BUILT)
def test_the_value_is_a_nearest_one_by_brute_force(element: NumberFormat, ties: Ties) -> None:
    x = adversarial(element)[:8000]
    got = element.decode(element.nearest(x, ties)).double().numpy()
    exact = x.double().numpy()
    least = np.abs(exact[:, None] - finite(element)).min(1)
    slack = 0 if exact_midpoints(element) else MIDPOINT_SLACK * np.abs(exact)
    assert (np.abs(exact - got) <= least + slack).all()


def exact_midpoints(element: NumberFormat) -> bool:
    middles = halfway(element)
    return bool((middles.astype(np.float32) == middles).all())


def test_only_learned_tables_have_midpoints_that_float32_cannot_hold() -> None:
    assert [f.name for f in TABLES if not exact_midpoints(f)] == ["nf4", "fp4_bnb", "dynamic8"]


@each("element", TABLES)
@each("ties", [Ties.UP, Ties.DOWN, Ties.AWAY, Ties.ZERO])
def test_each_tie_goes_where_its_rule_says(element: NumberFormat, ties: Ties) -> None:
    if not exact_midpoints(element):
        return
    values, middles = finite(element), halfway(element)
    below, above = values[:-1], values[1:]
    larger = np.where(np.abs(above) > np.abs(below), above, below)
    smaller = np.where(np.abs(above) > np.abs(below), below, above)
    even_sized = np.abs(above) == np.abs(below)  # -1 and 1, or 1/2 and -1/2: only where zero is no value
    want = {Ties.UP: above, Ties.DOWN: below, Ties.AWAY: larger, Ties.ZERO: smaller}[ties]
    got = element.decode(element.nearest(torch.from_numpy(middles).float(), ties)).double().numpy()
    assert np.array_equal(got[~even_sized], want[~even_sized])
    if ties in (Ties.UP, Ties.DOWN):
        assert np.array_equal(got, want)


@each("element", TABLES)
def test_ties_to_the_first_go_to_the_lower_bit_pattern(element: NumberFormat) -> None:
    if not exact_midpoints(element):
        return
    middles = torch.from_numpy(halfway(element))
    values = element.decode(torch.arange(2**element.code_bits)).double().nan_to_num(torch.inf, torch.inf, torch.inf)
    # argmin keeps the first of the best, as a loop with `<` does.
    want = (values - middles.view(-1, 1)).abs().numpy().argmin(1)
    assert element.nearest(middles.float(), Ties.FIRST).tolist() == want.tolist()


@each("element", [f for f in TABLES if f.layout is not None])
def test_float_ties_go_to_the_even_significand(element: NumberFormat) -> None:
    layout = element.layout
    assert layout is not None
    codes = element.nearest(torch.from_numpy(halfway(element)).float(), Ties.EVEN).long()
    if layout.mantissa_bits:
        assert not (codes & 1).any()
    else:
        assert np.array_equal(element.decode(codes).double().numpy(), finite(element)[1:])  # no even one: away from 0


@each("element", [f for f in TABLES if f.is_integer])
def test_integer_ties_go_to_the_even_integer(element: NumberFormat) -> None:
    middles = torch.from_numpy(halfway(element)).float()
    assert torch.equal(element.decode(element.nearest(middles)), torch.round(middles))


@each(
    "name, x, expected",
    [
        ("float4_e2m1fn", 0.75, {"even": 1.0, "away": 1.0, "zero": 0.5, "first": 0.5, "up": 1.0, "down": 0.5}),
        ("float4_e2m1fn", -0.75, {"even": -1.0, "away": -1.0, "zero": -0.5, "first": -0.5, "up": -0.5, "down": -1.0}),
        ("float4_e2m1fn", 2.5, {"even": 2.0, "away": 3.0, "zero": 2.0, "first": 2.0, "up": 3.0, "down": 2.0}),
        ("int4", -2.5, {"even": -2.0, "away": -3.0, "zero": -2.0, "first": -3.0, "up": -2.0, "down": -3.0}),
        ("int4", -0.5, {"even": 0.0, "away": -1.0, "zero": 0.0, "first": 0.0, "up": 0.0, "down": -1.0}),
        ("ternary", 0.5, {"even": 0.0, "away": 1.0, "zero": 0.0, "first": 0.0, "up": 1.0, "down": 0.0}),
        ("binary", 0.0, {"away": 1.0, "up": 1.0, "down": -1.0, "first": -1.0}),
    ],
)
def test_ties_that_can_be_checked_by_eye(name: str, x: float, expected: dict[str, float]) -> None:
    for rule, value in expected.items():
        got = FORMATS[name].decode(FORMATS[name].nearest(torch.tensor([x]), Ties(rule))).item()
        assert got == value, rule


@each("element", [f for f in TABLES if f.layout is not None])
def test_the_table_rounds_as_the_definition_that_saturates(element: NumberFormat) -> None:
    layout, x = element.layout, adversarial(element)
    assert layout is not None
    x = torch.where(x == 0, 0.0, x)  # of -0 itself the table makes +0
    want = layout.encode(x if layout.signed else x.clamp(min=0), Overflow.SATURATE)
    assert torch.equal(element.nearest(x).long(), want)


@each("element", [f for f in TABLES if f.layout and f.layout.signed])
def test_what_rounds_to_zero_keeps_its_sign_but_minus_zero_itself_does_not(element: NumberFormat) -> None:
    layout = element.layout
    assert layout is not None
    tiny = element.properties.smallest_positive / 4
    codes = element.nearest(torch.tensor([tiny, -tiny, 0.0, -0.0])).tolist()
    assert codes == [0, 0 if layout.specials is Specials.FNUZ else layout.sign_bit, 0, 0]
    assert element.nearest(torch.tensor([-tiny]), Ties.FIRST).tolist() == [0]


@each("element", TABLES)
def test_what_is_too_large_saturates_and_so_does_infinity(element: NumberFormat) -> None:
    x = torch.tensor([torch.inf, 3e38, -3e38, -torch.inf])
    high, low = element.highest, element.lowest
    assert element.decode(element.nearest(x)).tolist() == [high, high, low, low]


@each("element", TABLES)
def test_each_value_is_its_own_nearest(element: NumberFormat) -> None:
    codes = torch.arange(2**element.code_bits)
    values = element.decode(codes)
    values = values[values.isfinite()]
    for ties in Ties:
        assert torch.equal(element.decode(element.nearest(values, ties)), values)


def test_the_shape_and_the_layout_in_memory_do_not_matter() -> None:
    x = torch.randn(6, 8, 4, generator=torch.Generator().manual_seed(0))
    element = FORMATS["float4_e2m1fn"]
    assert torch.equal(element.nearest(x).view(-1), element.nearest(x.view(-1)))
    turned = x.transpose(0, 2)
    assert torch.equal(element.nearest(turned), element.nearest(turned.contiguous()))
    for ties in Ties:
        assert torch.equal(element.rounder(ties).search(turned), element.rounder(ties).lookup(turned))
    assert element.nearest(torch.zeros(0, 3)).shape == (0, 3)


@each("name", ["float16", "bfloat16", "tf32", "float32", "float64"])
def test_a_wide_format_has_no_table_and_the_error_names_those_that_do(name: str) -> None:
    with pytest.raises(SchemeError) as caught:
        FORMATS[name].nearest(torch.zeros(1))
    assert caught.value.text.es == f"{name} no cabe en códigos de 8 bits; se permite: {', '.join(ELEMENTS)}."
    assert caught.value.text.en == f"{name} does not fit in 8-bit codes; allowed: {', '.join(ELEMENTS)}."


SOME = st.sampled_from(TABLES)
ANY_RULE = st.sampled_from(list(Ties))
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-8, 8, width=32)


@given(FLOAT32, SOME, ANY_RULE)
def test_no_value_is_nearer(x: float, element: NumberFormat, ties: Ties) -> None:
    got = float(element.decode(element.nearest(torch.tensor([x]), ties)))
    best = min(abs(v - x) for v in finite(element).tolist())
    slack = 0.0 if exact_midpoints(element) else abs(x) * MIDPOINT_SLACK
    assert abs(got - x) <= best + slack


@given(st.data(), SOME)
def test_encoding_what_was_decoded_gives_the_same_value(data: st.DataObject, element: NumberFormat) -> None:
    code = data.draw(st.integers(0, 2**element.code_bits - 1))
    value = element.decode(torch.tensor([code]))
    if value.isfinite():
        assert element.decode(element.encode(value)).item() == value.item()
        assert element.decode(element.nearest(value)).item() == value.item()


@given(FLOAT32, FLOAT32, SOME, ANY_RULE)
def test_rounding_never_turns_the_order_round(a: float, b: float, element: NumberFormat, ties: Ties) -> None:
    low, high = element.decode(element.nearest(torch.tensor(sorted([a, b])), ties)).tolist()
    assert low <= high


@given(FLOAT32, st.sampled_from(ODD), st.sampled_from([Ties.EVEN, Ties.AWAY, Ties.ZERO]))
def test_rounding_is_odd_where_the_format_is(x: float, element: NumberFormat, ties: Ties) -> None:
    if element.name == "binary" and x == 0:
        return  # there is no zero to go to
    there, back = element.decode(element.nearest(torch.tensor([x, -x]), ties)).tolist()
    assert there == -back


@given(FLOAT32, st.sampled_from(["nf4", "fp4_bnb", "iq4", "dynamic8"]))
def test_the_tables_round_down_in_a_tie_and_nowhere_else(x: float, name: str) -> None:
    element = FORMATS[name]
    values, got = finite(element), float(element.decode(element.nearest(torch.tensor([x]))))
    rank = int((np.float32(x) > np.float32((values[:-1] + values[1:]) / 2)).sum())
    assert got == values[rank]
    assert math.isfinite(got)
