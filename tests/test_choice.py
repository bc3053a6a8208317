"""The choice in the address: what is written there comes back, what cannot be is reported and left alone."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
import pytest
from cases import each
from hypothesis import given
from hypothesis import strategies as st

from quant.activations import Activations
from quant.errors import QuantError, SchemeError
from quant.lab import Lab
from quant.methods import METHODS
from quant.recipe import Calibration, Recipe
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.ui.sidebar.choice import Choice, read_query, recipe_of
from quant.ui.sidebar.controls import Controls
from quant.ui.sidebar.fields import ACTIVATIONS, FIELDS, GRANULARITIES, GROUP_SIZES
from quant.ui.sidebar.formats import CHOSEN_FORMATS
from quant.ui.sidebar.kinds import OneOf, Slide
from quant.ui.sidebar.knobs import written_knobs
from quant.ui.sidebar.together import fitting_methods, has_methods, owners

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
    activations=st.sampled_from(ACTIVATIONS),
)


def can_be(choice: Choice) -> bool:
    """Whether it means a recipe: a table of 16 values for each 16 weights does not."""
    try:
        choice.recipe()
    except QuantError:
        return False
    return True


POSSIBLE = CHOICES.filter(can_be)


def read(query: str, default: Choice = DEFAULT) -> tuple[Choice, list[QuantError]]:
    return read_query(dict(parse_qsl(query, keep_blank_values=True)), default)


@given(POSSIBLE, POSSIBLE)
def test_a_choice_comes_back_from_its_address_whatever_the_default(choice: Choice, default: Choice) -> None:
    assert read(choice.query(), default) == (choice, [])


def test_an_address_is_short_and_plain() -> None:
    choice = Choice("datificate/gpt2-small-spanish", 3, "channel", 128, True, False)
    assert choice.query() == (
        "model=datificate%2Fgpt2-small-spanish&bits=3&granularity=channel&group=128&zero_point=1&table=0&format=int"
        "&activations=float"
    )


def test_an_empty_address_is_the_default() -> None:
    assert read("") == (DEFAULT, [])


def test_a_part_of_an_address_changes_that_part() -> None:
    assert read("bits=8&table=1") == (Choice("embedded", bits=8, table=True), [])


def test_what_is_not_a_field_is_none_of_our_business() -> None:
    assert read("bits=8&__theme=dark&utm_source=x") == (Choice("embedded", bits=8), [])


@each(
    "query, got, allowed_es, allowed_en",
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
        ("activations=int5", "int5", "float, int8", "float, int8"),
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


@each("granularity, expected", [("tensor", PerTensor()), ("channel", PerChannel()), ("group", PerGroup(32))])
def test_a_choice_means_a_recipe(granularity: str, expected: Granularity) -> None:
    choice = Choice("embedded", 3, granularity, 32, zero_point=True, table=True)
    assert choice.recipe() == Recipe.uniform(Scheme.integer(3, expected, zero_point=True), table=True, model="embedded")
    assert choice.scheme().grid is Grid.MINMAX


@each("wrong", [{"bits": 9}, {"group": 7}, {"format": "int9"}, {"granularity": "row"},
                                   {"activations": "int5"}, {"activations": "int5", "format": "Q4_K"}])  # fmt: skip
def test_a_choice_that_no_slider_gives_means_no_recipe(wrong: dict[str, object]) -> None:
    with pytest.raises(SchemeError):
        Choice("embedded", **wrong).recipe()  # type: ignore[arg-type]


@each("bits, name", [(8, "W8A8"), (4, "W4A8")])
def test_rounded_activations_are_named_after_both_numbers_of_bits(bits: int, name: str) -> None:
    choice, plain = Choice("embedded", bits, activations="int8"), Choice("embedded", bits)
    assert choice.recipe().activations == Activations.INT8
    assert plain.recipe().activations == Activations.FLOAT
    for said in (choice.describe(), choice.short(), choice.label()):
        assert name in said.es
        assert name in said.en
    assert choice.arithmetic == name
    assert plain.arithmetic == "float32"
    assert "A8" not in plain.describe().es + plain.label().en


def test_activations_wait_in_the_sidebar_while_a_format_brings_its_own_bits() -> None:
    choice = Choice("embedded", format="Q4_K", activations="int8")
    assert choice.recipe() == Choice("embedded", format="Q4_K").recipe()
    assert choice.arithmetic == "float32"
    assert "A8" not in choice.short().es
    assert choice.label().es == "Q4_K"
    assert read(choice.query())[0].activations == "int8"


def test_a_cast_is_called_by_its_format() -> None:
    assert Choice("embedded", format="cast_float16").label().en == "float16"
    assert Choice("embedded", bits=3).label().es == "3 bits"


# ---- methods


def test_what_an_address_says_fits_together_whatever_the_order() -> None:
    """The method is that of a grid which the address names after it."""
    query = {"method": "hqq", "grid": "offset", "zero_point": "0", "bits": "4"}
    assert read_query(query, DEFAULT) == (Choice("embedded", method="hqq", grid="offset"), [])
    choice, errors = read("method=gptq&knobs=damping:0.05&format=Q4_K&bits=3")
    assert choice == Choice("embedded", bits=3, format="Q4_K"), "what cannot be is left alone, the rest is not"
    assert ["gptq" in errors[0].text.es, "damping" in errors[1].text.es] == [True, True]
    assert "no tienen ajustes" in read("knobs=damping:0.05")[1][0].text.es


def test_a_link_is_read_beside_values_that_are_no_recipe() -> None:
    """A program may send anything as what was live before."""
    before = Choice("embedded", knobs="Hola", training="5:weights:distillation:training_sample:0:0.001")
    choice, errors = read_query({"bits": "3"}, before)
    assert choice.training == ""
    assert ["Hola" in error.text.es for error in errors] == [True]


def test_any_choice_that_the_drawer_can_make_comes_back_from_its_address() -> None:
    chance, tried = random.Random(17), 0
    while tried < 400:
        choice = _by_chance(chance)
        try:
            choice.recipe()
        except QuantError:
            continue
        tried += 1
        assert read(choice.query()) == (choice, []), choice.query()


def _by_chance(chance: random.Random) -> Choice:
    """A value for each field of the recipe, and a method and knobs that go with it."""
    values: dict[str, Any] = {}
    for field in FIELDS:
        kind = field.kind
        if field.name in ("model", "method", "knobs", "mix", "training") or not field.of_recipe:
            continue
        of = (
            kind.values
            if isinstance(kind, OneOf)
            else range(kind.low, kind.high + 1)
            if isinstance(kind, Slide)
            else ()
        )
        values[field.name] = chance.choice(list(of)) if of else chance.random() < 0.5
    choice = Choice("embedded", **values)
    choice = replace(choice, method=chance.choice(["", *fitting_methods(choice)]))
    turned = {
        owner.prefix + name: chance.choice([knob.low, knob.high])
        for owner in owners(choice) for name, knob in owner.knobs.items() if chance.random() < 0.3
    }  # fmt: skip
    return replace(choice, knobs=written_knobs(turned))


def test_a_method_is_chosen_where_there_is_a_choice() -> None:
    for name in CHOSEN_FORMATS:
        choice = Choice("embedded", format=name)
        want = [method for method in METHODS if METHODS[method].fits(choice.scheme())]
        assert fitting_methods(choice) == want, name
        assert has_methods(choice) is (len(want) > 1), name
    assert {"rtn", "search", "importance"} <= set(fitting_methods(Choice("embedded", format="Q4_0")))
    assert "rtn" not in fitting_methods(Choice("embedded", format="Q4_K"))
    assert {"rtn"} <= set(fitting_methods(Choice("embedded", format="cast_bfloat16"))) <= set(METHODS) - {"importance"}
    assert not has_methods(Choice("embedded", group=7))


def test_the_method_is_that_of_the_recipe_and_is_named() -> None:
    plain, chosen = Choice("embedded", format="Q4_0"), Choice("embedded", format="Q4_0", method="search")
    assert plain.recipe().rules[0].method == "rtn"
    assert chosen.recipe().rules[0].method == "search"
    assert "método: Búsqueda de escalas" in chosen.describe().es
    assert "method:" not in plain.describe().en
    weighted = replace(chosen, method="importance")
    assert weighted.recipe().calibration == Calibration()
    assert "method=importance" in weighted.query()
    assert "method" not in plain.query(), "an address says what is not as usual"
    # It waits in the sidebar, as bits do, while a format is chosen that has no choice.
    cast = Choice("embedded", format="cast_bfloat16")
    assert replace(cast, method="importance").recipe() == cast.recipe()


def test_a_method_that_cannot_fill_the_format_is_refused() -> None:
    """Where it was asked for: by an address or a program. The sidebar itself never shows it."""
    asked = Choice("embedded", format="Q4_K", method="rtn")
    with pytest.raises(
        SchemeError, match="“rtn” will not do for this format: “Q4_K” is only filled by search or importance"
    ):
        recipe_of(asked, "")
    choice, errors = read_query({"format": "Q4_K", "method": "rtn"}, Choice("embedded"))
    assert choice == Choice("embedded", format="Q4_K")
    assert [e.text.es for e in errors] == [
        "«rtn» no vale para este formato: «Q4_K» solo se rellena con search o importance."
    ]
    assert asked.recipe() == replace(asked, method="").recipe()


def test_the_sidebar_offers_the_methods_that_fit_and_forgets_one_that_no_longer_does() -> None:
    made = {field.name: gr.Dropdown() for field in FIELDS}
    controls = Controls(Lab(), "es", made, gr.Radio(), gr.HTML(), gr.HTML(), gr.HTML(), gr.HTML(), {})
    method = controls.by_name["method"]
    for shown in (controls.fit, controls.show):
        update = shown(Choice("embedded", format="Q4_K", method="rtn"))[method]
        assert [name for _, name in update["choices"]] == ["", *fitting_methods(Choice("embedded", format="Q4_K"))]
        assert update["value"] == ""
        assert update["visible"]
    kept = controls.fit(Choice("embedded", format="Q4_0", method="search"))[method]
    assert "value" not in kept
    cast = Choice("embedded", format="cast_bfloat16", method="importance")
    assert controls.fit(cast)[method]["value"] == ""
    assert controls.fit(cast)[method]["visible"] is has_methods(cast)


def test_a_recipe_that_is_no_json_is_refused_however_deep() -> None:
    for written in ("{", "[" * 100_000, "[]", '{"version": 2}'):
        with pytest.raises(SchemeError):
            recipe_of(Choice("embedded"), written)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(SchemeError, match="Method “magic”: it must be one of rtn, "):
        Choice("embedded", format="Q4_K", method="magic").recipe()
