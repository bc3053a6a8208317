"""Numbers as each language writes them, and texts that hold both halves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.text import NO_BREAK, Text, fixed, number, rounded, size

FINITE = st.floats(-1e300, 1e300)


@pytest.mark.parametrize(
    ("value", "digits", "es", "en"),
    [
        (3.14159, 4, "3,142", "3.142"),
        (3.14159, 1, "3", "3"),
        (-0.5, 4, "−0,5", "−0.5"),
        (0.00234, 2, "0,0023", "0.0023"),
        (0.0001, 2, "0,0001", "0.0001"),
        (0.0, 4, "0", "0"),
        (9.9996, 4, "10,00", "10.00"),
        (12.5, 4, "12,5", "12.5"),
        (4.25, 4, "4,25", "4.25"),
        (16.0, 4, "16", "16"),
        (448.0, 4, "448", "448"),
        (100.0, 2, "100", "100"),
        (4.2500001, 4, "4,250", "4.250"),
        (1234.5678, 4, "1235", "1,235"),
        (1234567.0, 4, f"1{NO_BREAK}234{NO_BREAK}567", "1,234,567"),
        (1234.5678, 6, "1234,57", "1,234.57"),
    ],
)
def test_number_keeps_the_digits_asked_for(value: float, digits: int, es: str, en: str) -> None:
    assert (number(value, "es", digits), number(value, "en", digits)) == (es, en)


@pytest.mark.parametrize(
    ("value", "es"),
    [
        (1e-5, "1 × 10⁻⁵"),
        (-2.5e12, "−2,5 × 10¹²"),
        (1e9, "1 × 10⁹"),
        (9.8765e-38, "9,877 × 10⁻³⁸"),
    ],
)
def test_very_large_and_very_small_numbers_get_a_power_of_ten(value: float, es: str) -> None:
    assert number(value, "es") == es
    assert number(value, "en") == es.replace(",", ".")


@pytest.mark.parametrize(("value", "written"), [(math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "nan")])
def test_numbers_that_are_not_finite_have_a_spelling(value: float, written: str) -> None:
    assert number(value, "es") == number(value, "en") == written


def read(written: str) -> float:
    """The value of a number as the Spanish page writes it."""
    plain = written.replace(NO_BREAK, "").replace(",", ".").replace("−", "-")
    mantissa, _, power = plain.partition(" × 10")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(f"{mantissa}e{exponent or 0}")


@given(FINITE, st.integers(1, 8))
def test_number_is_off_by_half_of_its_last_digit_at_most(value: float, digits: int) -> None:
    assert read(number(value, "es", digits)) == pytest.approx(value, rel=0.5000001 * 10 ** (1 - digits), abs=0)


@pytest.mark.parametrize(
    ("value", "es", "en"),
    [
        (4.0001, "4", "4"),
        (6.999, "7", "7"),
        (4.2501, "4,25", "4.25"),
        (2.0971, "2,10", "2.10"),
        (1000.2, "1000", "1,000"),
    ],
)
def test_rounded_leaves_out_decimals_that_are_all_zeros(value: float, es: str, en: str) -> None:
    assert (rounded(value, "es", 3), rounded(value, "en", 3)) == (es, en)


def test_fixed_has_the_decimals_asked_for() -> None:
    assert fixed(1234.5678, "es", 2) == "1234,57"
    assert fixed(1234.5678, "en", 2) == "1,234.57"
    assert fixed(2.0, "es", 0) == "2"
    assert fixed(0.005, "en", 1) == "0.0"


@pytest.mark.parametrize(
    ("n_bytes", "es"),
    [
        (0, f"0{NO_BREAK}B"),
        (999, f"999{NO_BREAK}B"),
        (1_000, f"1{NO_BREAK}kB"),
        (165_888, f"166{NO_BREAK}kB"),
        (10_264_152, f"10,3{NO_BREAK}MB"),
        (497_759_232, f"498{NO_BREAK}MB"),
    ],
)
def test_sizes_use_powers_of_ten(n_bytes: int, es: str) -> None:
    assert size(n_bytes, "es") == es
    assert size(n_bytes, "en") == es.replace(",", ".")


def test_spanish_does_not_separate_four_digits() -> None:
    assert size(1_234_567_890, "es") == f"1235{NO_BREAK}MB"
    assert size(1_234_567_890, "en") == f"1,235{NO_BREAK}MB"
    assert fixed(12345, "es", 0) == f"12{NO_BREAK}345"


def test_a_text_is_read_by_language() -> None:
    text = Text("peso", "weight")
    assert (text["es"], text["en"]) == ("peso", "weight")


def test_format_writes_each_number_in_its_language() -> None:
    filled = Text("{n} pesos de {x}", "{n} weights of {x}").format(n=12345, x=0.25)
    assert filled == Text("12345 pesos de 0,25", "12345 weights of 0.25")


def test_format_gives_a_nested_text_its_own_half() -> None:
    inner = Text("pocos: {x}", "few: {x}").format(x=1.5)
    assert Text("Hay {what}.", "There are {what}.").format(what=inner) == Text("Hay pocos: 1,5.", "There are few: 1.5.")


def test_format_leaves_braces_in_a_field_alone() -> None:
    assert Text("«{name}»", "“{name}”").format(name="{0}") == Text("«{0}»", "“{0}”")
