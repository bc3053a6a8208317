"""The drawer beyond a format: knobs, steps, grids, activations, keys and values; and back from a recipe to its link."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

import gradio as gr
import pytest

from quant.activations import Activations, Per
from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError
from quant.formats import FORMATS
from quant.lab import Lab
from quant.methods import METHODS, TRANSFORMS
from quant.methods.base import NoKnobs, Transform, knob, knobs_of
from quant.model.layers import census
from quant.model.load import EMBEDDED
from quant.recipe import Calibration, Recipe, Rule, Step
from quant.scheme import Grid, PerChannel, PerGroup, Scheme
from quant.text import Language, Text
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.choice import Choice, query_of, read_query, recipe_of
from quant.ui.sidebar.controls import TITLES, Controls
from quant.ui.sidebar.fields import ACTIVATIONS, FIELDS, SECTIONS
from quant.ui.sidebar.formats import CHOSEN_FORMATS, INTEGER
from quant.ui.sidebar.knobs import (
    Owner,
    check_known,
    differing,
    known_knobs,
    read_knobs,
    said_knobs,
    sliders,
    written_knobs,
)
from quant.ui.sidebar.offers import LEARNED, LEARNED_GROUPS, VARIANTS, step_names
from quant.ui.sidebar.status import about, status_line
from quant.ui.sidebar.together import fitting_methods, reads_text
from quant.ui.tabs.start.picture import picture
from quant.ui.tabs.weights.tab import shown_or_problem

LANGUAGES: tuple[Language, ...] = ("es", "en")


@dataclass(frozen=True)
class Probe:
    """Knobs of every kind."""

    damping: float = knob(0.01, 0.001, 0.5, 0.001, Text("Amortiguación", "Damping"), Text("Más [[token]]", "More"))
    block: int = knob(128, 16, 256, 16, Text("Bloque", "Block"), Text("Columnas", "Columns"))
    ordered: int = knob(0, 0, 1, 1, Text("Orden", "Order"), Text("Por tamaño", "By size"))


PROBE = Owner(Transform("probe", Text("Sonda", "Probe"), Text("", ""), "", knobs=Probe), "probe.")


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def read(query: str, default: Choice | None = None) -> tuple[Choice, list[QuantError]]:
    return read_query(dict(parse_qsl(query, keep_blank_values=True)), default or Choice(EMBEDDED))


# ---- knobs as text, values and sliders


def test_knobs_come_back_from_their_text_which_says_only_what_differs() -> None:
    knobs = Probe(0.05, 64, 1)
    text = written_knobs(differing(PROBE, knobs))
    assert text == "probe.damping:0.05,probe.block:64,probe.ordered:1"
    assert PROBE.made(read_knobs(text)) == knobs
    assert type(PROBE.made({"probe.block": 64.0}).block) is int
    assert written_knobs(differing(PROBE, Probe())) == ""
    assert known_knobs([PROBE], {"probe.block": 128, "probe.damping": 0.1, "other": 1}) == {"probe.damping": 0.1}
    assert said_knobs(PROBE, {"probe.damping": 0.05}) == Text("Amortiguación 0,05", "Damping 0.05")


def test_knobs_that_cannot_be_are_refused_by_name() -> None:
    for written in ("damping", "damping:", ":1", "damping:x", "damping:nan", "damping:inf", "a:1,a:2", "a:1;b:2"):
        with pytest.raises(SchemeError, match="name:number"):
            read_knobs(written)
    for given, words in (({"probe.block": 8}, "16 to 256"), ({"probe.block": 16.5}, "16 to 256")):
        with pytest.raises(SchemeError, match=words):
            PROBE.made(given)
    with pytest.raises(SchemeError, match=r"no knob “alpha”.*probe\.damping"):
        check_known([PROBE], {"alpha": 1})


def test_every_knob_has_a_slider_or_a_tick_that_stands_where_it_was_turned() -> None:
    shown = sliders([PROBE], {"probe.damping": 0.05}, "es")
    assert shown.count('type="range"') == 2
    assert shown.count('type="checkbox"') == 1
    assert 'value="0.05" data-usual="0.01" data-moved' in shown
    assert "<output>0,05</output>" in shown
    assert "lab-term" in shown  # words of the glossary are explained
    assert sliders([Owner(TRANSFORMS["hadamard"])], {}, "en") == "" or TRANSFORMS["hadamard"].knobs is not NoKnobs


def test_knobs_of_another_method_wait_in_the_drawer_and_are_refused_in_an_address() -> None:
    left = Choice(EMBEDDED, knobs="probe.damping:0.05")
    assert left.recipe() == Choice(EMBEDDED).recipe()
    assert left.turned == {}
    with pytest.raises(SchemeError, match=r"have no knobs; got “probe.damping”"):
        recipe_of(left, "")
    choice, errors = read("bits=3&knobs=probe.damping:0.05")
    assert (choice, len(errors)) == (Choice(EMBEDDED, bits=3), 1)
    with pytest.raises(SchemeError, match="name:number"):
        replace(left, knobs="x").recipe()


# ---- everything that the drawer can say comes back from its address and from its recipe


def choices() -> Iterator[Choice]:
    """Every method with each knob at its ends, every step, grid, kind of activations; keys and values."""
    for name, method in METHODS.items():
        format_ = next(f for f in CHOSEN_FORMATS if name in fitting_methods(Choice(EMBEDDED, format=f, bits=4)))
        yield Choice(EMBEDDED, format=format_, method=name)
        for turned, ends in knobs_of(method.knobs).items():  # one by one: some do not go together
            for value in (ends.low, ends.high):
                knobs = written_knobs(known_knobs([Owner(method)], {turned: value}))
                with suppress(SchemeError):  # what needs another knob beside it
                    made = Choice(EMBEDDED, format=format_, method=name, knobs=knobs)
                    made.recipe()
                    yield made
    plain = Choice(EMBEDDED)
    yield from (replace(plain, steps=steps) for steps in step_names())
    yield from (replace(plain, grid=grid, bits=bits) for grid in VARIANTS for bits in (2, 4, 8))
    yield from (replace(plain, activations=kind, tokens=1024, sequential=True) for kind in ACTIVATIONS)
    yield from (replace(plain, keys=keys, values=4, cache_group=32) for keys in (0, 16, 8))
    yield from (replace(plain, format=name, granularity="channel", table=True) for name in CHOSEN_FORMATS)
    yield replace(plain, format="Q4_0", method="importance", calibration="training_sample", sequential=True, tokens=256)


def test_whatever_the_drawer_says_comes_back_from_its_address_and_from_its_recipe() -> None:
    for choice in choices():
        address = choice.query()
        assert read(address) == (choice, []), address
        found = query_of(choice.recipe())
        assert found is not None, address
        assert read(found)[0].recipe() == choice.recipe(), address
        for said in (choice.describe(), choice.short(), choice.brief(), choice.label()):
            assert said.es, address
            assert said.en, address


def test_a_recipe_that_the_drawer_cannot_say_has_no_address() -> None:
    q4 = Scheme.integer(4, PerGroup(64))
    for recipe in (
        Recipe((Rule("linear:*", q4), Rule("transformer.wte", Scheme.integer(8, PerChannel())))),
        Recipe((Rule("*.mlp.*", q4),)),
        Recipe.uniform(Scheme.integer(4, PerGroup(48))),
        Recipe.uniform(BLOCKS["Q4_0"].scheme, method="importance", calibration=Calibration(tokens=3000)),
        Recipe.uniform(q4, activations=Activations(FORMATS["int6"])),
    ):
        assert query_of(recipe) is None


def test_an_address_says_what_is_not_as_it_comes_and_a_link_can_take_it_back() -> None:
    live = Choice(EMBEDDED, steps="hadamard", keys=8, values=4, context=4096)
    assert live.query() == Choice(EMBEDDED).query() + "&steps=hadamard&keys=8&values=4"
    assert read("steps=&keys=0&values=0", live)[0] == Choice(EMBEDDED, context=4096)
    assert read("context=4096")[0].context == 4096  # in the address, but no part of the recipe
    # A method that was live before gives way where the format that is asked for does not take it.
    weighted = Choice(EMBEDDED, format="Q4_0", method="importance")
    choice, errors = read("format=cast_bfloat16", weighted)
    assert errors == []
    assert choice.recipe() == Choice(EMBEDDED, format="cast_bfloat16").recipe()


def test_what_cannot_be_is_reported_and_left_as_it_comes() -> None:
    for query, words in (
        ("grid=third", "“third”"), ("steps=magic", "“magic”"), ("steps=hadamard,hadamard", "“hadamard,hadamard”"),
        ("keys=5", "keys = 5"), ("cache_per=row", "“row”"), ("tokens=100", "tokens = 100"),
        ("calibration=literatura", "“literatura”"), ("knobs=a", "“a”"), ("context=7", "context = 7"),
    ):  # fmt: skip
        choice, errors = read(query)
        assert choice == Choice(EMBEDDED), query
        assert len(errors) == 1, query
        assert words in errors[0].text.en, query


# ---- what the parts mean


def test_grids_steps_activations_and_text_are_those_of_the_recipe() -> None:
    plain = Choice(EMBEDDED)
    grids = {"": Grid.ABSMAX, "signed": Grid.SIGNED_MAX, "offset": Grid.RANGE}
    for name, grid in grids.items():
        assert replace(plain, grid=name).scheme().grid is grid, name
        assert replace(plain, grid=name, zero_point=True).scheme().grid is (grid if name else Grid.MINMAX), name
    assert replace(plain, steps="hadamard").recipe().steps == (Step("hadamard"),)
    static = replace(plain, activations="int8-static", tokens=2048, sequential=True).recipe()
    assert static.activations == Activations(FORMATS["int8"], Per.TENSOR, static=True)
    assert static.calibration == Calibration(tokens=2048, sequential=True)
    assert replace(plain, tokens=2048).recipe().calibration is None
    assert replace(plain, format="MXFP4", activations="int8").recipe() == replace(plain, format="MXFP4").recipe()
    assert replace(plain, activations="int4").arithmetic == "W4A4"
    cached = replace(plain, keys=8, values=4).recipe().cache
    assert cached is not None
    assert (cached.keys, cached.values) != (None, None)
    assert cached.keys != cached.values
    assert plain.recipe().cache is None


def test_a_choice_names_all_that_it_says() -> None:
    choice = Choice(EMBEDDED, grid="signed", steps="hadamard", activations="int4", keys=8, values=4)
    title = TRANSFORMS["hadamard"].title
    for said in (choice.describe(), choice.short(), choice.brief()):
        for part in ("W4A4", title.en, "keys", "8"):
            assert part in said.en
        assert "claves" in said.es
    assert "máx/−8" in choice.brief().es
    assert "8.0" not in choice.describe().es


def test_a_learned_table_is_offered_as_soon_as_a_method_learns_one() -> None:
    learned = Scheme(FORMATS["int4"], PerChannel()) if LEARNED not in CHOSEN_FORMATS else Choice(
        EMBEDDED, format=LEARNED, bits=3, granularity="group").scheme()  # fmt: skip
    fits = [name for name in METHODS if LEARNED in CHOSEN_FORMATS and METHODS[name].fits(learned)]
    assert (LEARNED in CHOSEN_FORMATS) is bool(fits)
    if fits:
        assert learned.granularity == PerChannel()
        assert Choice(EMBEDDED, format=LEARNED, bits=3).recipe().rules[0].method in fits
        grouped = Choice(EMBEDDED, format=LEARNED_GROUPS, bits=2, group=128, granularity="channel")
        assert grouped.scheme().granularity == PerGroup(128)
        assert grouped.recipe().rules[0].method in fits
        assert "128" in grouped.describe().es
        with pytest.raises(SchemeError, match="16 values for each group of 16 weights"):
            Choice(EMBEDDED, format=LEARNED_GROUPS, bits=4, group=16).scheme()


def test_a_method_whose_knobs_let_it_read_no_text_reads_none() -> None:
    for name, format_ in (("kmeans", LEARNED), ("low_rank", INTEGER)):
        looking = Choice(EMBEDDED, format=format_, method=name)
        blind = replace(looking, knobs="weighted:0")
        assert looking.recipe().calibration is not None
        assert blind.recipe().calibration is None
        assert not blind.recipe().needs
        assert reads_text(looking)
        assert not reads_text(blind)


# ---- the drawer


def test_the_drawer_unfolds_what_an_address_moved_and_hides_what_a_format_leaves_out() -> None:
    made = {field.name: gr.Dropdown() for field in FIELDS}
    sections = {name: gr.Accordion(render=False) for name in SECTIONS}
    controls = Controls(Lab(), "es", made, gr.Radio(), gr.HTML(), gr.HTML(), gr.HTML(), gr.HTML(), sections)
    assert set(TITLES) == set(SECTIONS)
    plain = Choice(EMBEDDED)
    for choice, opened in (
        (plain, set()), (replace(plain, steps="hadamard"), {"method"}), (replace(plain, keys=8), {"cache"}),
        (replace(plain, activations="int8-static", values=4), {"activations", "cache"}),
    ):  # fmt: skip
        shown = controls.show(choice)
        assert {name for name in SECTIONS if shown.get(sections[name], {}).get("open")} == opened
        assert set(shown) <= set(controls.shown)
        fitted = controls.fit(choice)
        assert set(fitted) <= set(controls.fitted)
        assert not any(fitted.get(section, {}).get("open") for section in sections.values())
    assert controls.fit(replace(plain, format="Q4_K"))[sections["activations"]]["visible"] is False
    for choice, seen in ((plain, False), (replace(plain, activations="int8-static"), True)):
        assert controls.fit(choice)[made["tokens"]]["visible"] is seen
    left = controls.fit(replace(plain, knobs="probe.damping:0.05"))
    assert left[made["knobs"]] == ""
    assert made["knobs"] not in controls.fit(plain)


def test_the_line_says_what_keys_and_values_take_where_it_is_asked(lab: Lab) -> None:
    plain = Choice(EMBEDDED)
    assert "tokens" not in status_line(lab, "es", plain)
    for choice, n in ((replace(plain, keys=8, values=4), "512"), (replace(plain, context=4096), "4096")):
        for said in (status_line(lab, "es", choice), about(lab, "es", choice)):
            assert f"claves y valores de {n} tokens" in said
    wrong = status_line(lab, "es", replace(plain, knobs="x"))
    assert 'role="alert"' in wrong
    assert "Ajustes «x»" in wrong


# ---- light work


def test_light_work_says_by_which_button_a_model_is_made_and_makes_none(lab: Lab) -> None:
    weighted = Choice(EMBEDDED, format="Q4_0", method="importance")
    for choice, why in (
        (weighted, "lee antes un texto"),
        (Choice(EMBEDDED, method="gptq"), "«GPTQ» lee antes un texto"),
        (Choice(EMBEDDED, steps="hadamard"), "cambia antes los pesos"),
    ):
        shown = shown_or_problem(lab, "es", choice, None, True)
        assert why in str(shown.said)
        assert "«Medir» en Métrica" in str(shown.said)
        assert 'role="alert"' not in str(shown.said)
        assert shown.histogram is not None
        assert shown.census is not None
        drawn = picture(lab, "es", choice)
        assert why in drawn
        assert not lab.is_live(choice.recipe())


def test_a_step_leaves_alone_what_it_does_not_reach(lab: Lab) -> None:
    """The token table stands outside the blocks: it is seen at once."""
    table = next(layer for layer in census(lab.loaded(EMBEDDED)) if layer.kind.value == "table")
    for table_too in (True, False):
        rotated = Choice(EMBEDDED, steps="hadamard", table=table_too)
        plain = replace(rotated, steps="")
        a, b = (lab.stored(choice.recipe(), table) for choice in (rotated, plain))
        assert a.q.codes.equal(b.q.codes)


def test_every_text_of_a_section_is_in_both_languages() -> None:
    for name in SECTIONS:
        assert TITLES[name].es != TITLES[name].en
    assert set(t.VARIANTS) >= set(VARIANTS)
