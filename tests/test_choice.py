"""The choice in the address: what is written there comes back, what cannot be is reported and left alone."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.errors import QuantError, SchemeError
from quant.model.recipe import Recipe
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.ui.choice import CHOSEN_FORMATS, GRANULARITIES, GROUP_SIZES, Choice, read_query

DEFAULT = Choice("embedded")
CHOICES = st.builds(
    Choice,
    model=st.text(st.characters(exclude_categories=["Cs"])),
    bits=st.integers(2, 8),
    granularity=st.sampled_from(GRANULARITIES),
    group=st.sampled_from(GROUP_SIZES),
    zero_point=st.booleans(),
    table=st.booleans(),
    format=st.sampled_from(CHOSEN_FORMATS),
)


def read(query: str, default: Choice = DEFAULT) -> tuple[Choice, list[QuantError]]:
    return read_query(dict(parse_qsl(query, keep_blank_values=True)), default)


@given(CHOICES, CHOICES)
def test_a_choice_comes_back_from_its_address_whatever_the_default(choice: Choice, default: Choice) -> None:
    assert read(choice.query(), default) == (choice, [])


def test_an_address_is_short_and_plain() -> None:
    choice = Choice("datificate/gpt2-small-spanish", 3, "channel", 128, True, False)
    assert choice.query() == (
        "model=datificate%2Fgpt2-small-spanish&bits=3&granularity=channel&group=128&zero_point=1&table=0&format=int"
    )


def test_an_empty_address_is_the_default() -> None:
    assert read("") == (DEFAULT, [])


def test_a_part_of_an_address_changes_that_part() -> None:
    assert read("bits=8&table=1") == (Choice("embedded", bits=8, table=True), [])


def test_what_is_not_a_field_is_none_of_our_business() -> None:
    assert read("bits=8&__theme=dark&utm_source=x") == (Choice("embedded", bits=8), [])


@pytest.mark.parametrize(
    ("query", "got", "allowed_es", "allowed_en"),
    [
        ("bits=9", "9", "de 2 a 8", "from 2 to 8"),
        ("bits=1", "1", "de 2 a 8", "from 2 to 8"),
        ("bits=-4", "-4", "de 2 a 8", "from 2 to 8"),
        ("bits=", "bits = «»", "número entero", "whole number"),
        ("bits=4.5", "4.5", "número entero", "whole number"),
        ("bits=cuatro", "cuatro", "número entero", "whole number"),
        ("group=48", "48", "16, 32, 64, 128, 256", "16, 32, 64, 128, 256"),
        ("group=100000", "100000", "16, 32, 64, 128, 256", "16, 32, 64, 128, 256"),
        ("group=nan", "nan", "número entero", "whole number"),
        ("granularity=block", "block", "tensor, channel, group", "tensor, channel, group"),
        ("zero_point=yes", "yes", "número entero", "whole number"),
        ("table=true", "true", "número entero", "whole number"),
        ("format=Q9_K", "Q9_K", "Q4_K", "Q4_K"),
    ],
)
def test_a_field_that_cannot_be_is_reported_and_left_at_its_default(
    query: str, got: str, allowed_es: str, allowed_en: str
) -> None:
    choice, errors = read(query)
    assert choice == DEFAULT
    assert len(errors) == 1
    assert got in errors[0].text.es
    assert allowed_es in errors[0].text.es
    assert allowed_en in errors[0].text.en


def test_one_bad_field_does_not_spoil_the_others() -> None:
    choice, errors = read("model=x&bits=99&granularity=channel&group=7x&zero_point=1")
    assert choice == Choice("x", granularity="channel", zero_point=True)
    assert len(errors) == 2


@pytest.mark.parametrize(
    ("granularity", "expected"), [("tensor", PerTensor()), ("channel", PerChannel()), ("group", PerGroup(32))]
)
def test_a_choice_means_a_recipe(granularity: str, expected: Granularity) -> None:
    choice = Choice("embedded", 3, granularity, 32, zero_point=True, table=True)
    assert choice.recipe() == Recipe(Scheme.integer(3, expected, zero_point=True), embedding=True, model="embedded")
    assert choice.scheme().grid is Grid.MINMAX


@pytest.mark.parametrize("wrong", [{"bits": 9}, {"group": 7}, {"format": "int9"}, {"granularity": "row"}])
def test_a_choice_that_no_slider_gives_means_no_recipe(wrong: dict[str, object]) -> None:
    with pytest.raises(SchemeError):
        Choice("embedded", **wrong).recipe()  # type: ignore[arg-type]
