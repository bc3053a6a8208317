"""Pesos in words: what decibels are good for, what is stored and what would be, and a method that has yet to read."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cases import each

from quant.blocks import BLOCKS
from quant.evaluation.weights import decibels, weight_view
from quant.lab import Lab
from quant.methods import METHODS
from quant.packing import Layout
from quant.recorded import recorded
from quant.scheme import PerGroup, Scheme
from quant.text import Language
from quant.ui.shared.layer_names import layer_choices
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.tabs.weights import texts as t
from quant.ui.tabs.weights.cards import ladder
from quant.ui.tabs.weights.tab import show, shown_or_problem

LAYER, TABLE = "transformer.h.0.mlp.c_fc", "transformer.wte"
LANGUAGES: tuple[Language, ...] = ("es", "en")


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def said(lab: Lab, language: Language = "es", layer: str = LAYER, **recipe: Any) -> str:
    return show(lab, language, Choice(lab.default(), **recipe), layer, True).said


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", "", markup))


def plain(markup: str) -> str:
    """The words without what a term explains, and without a space before a comma."""
    return re.sub(r" +([,;])", r"\1", words(re.sub(r"(?s)<span class=\"lab-term-said.*?</span>", "", markup)))


def test_the_bits_of_a_code_are_those_that_are_packed(lab: Lab) -> None:
    """Five ternary codes share a byte: their format's two bits are not what they take."""
    assert Layout(BLOCKS["TQ1_0"].scheme).code_bits == 1.625
    for name, bits in (("TQ2_0", 2), ("Q5_K", 5), ("Q6_K", 6), ("Q3_K", 3), ("MXFP4", 4), ("IQ4_XS", 4)):
        assert Layout(BLOCKS[name].scheme).code_bits == bits
    assert Layout(Scheme.integer(3, PerGroup(64))).code_bits == 3
    assert "códigos de 1,62 bits" in said(lab, format="TQ1_0")


def test_a_matrix_that_the_recipe_leaves_alone_is_simulated_and_says_how_to_add_it(lab: Lab) -> None:
    for language in LANGUAGES:
        left, added = (said(lab, language, TABLE, table=table) for table in (False, True))
        assert t.WEIGHTS_TABLE_LEFT[language] in left
        assert 'data-recipe="table=1"' in left
        assert "lab-mark packed" not in left
        assert "lab-mark packed" in added
        assert "data-recipe" not in added


def test_decibels_are_compared_with_what_was_recorded(lab: Lab) -> None:
    loaded = lab.loaded(lab.default())
    steps = ladder(loaded, LAYER)
    assert [row.bits for _, row in steps] == [row.bits for row in recorded().by_bits.values()]
    for near, row in steps:
        assert near == pytest.approx(weight_view(loaded.weight(LAYER), Scheme.integer(row.bits, PerGroup(64))).sqnr_db)
    assert "Con 4 bits y grupos de 64, esta matriz da 19,3 dB" in words(said(lab, bits=4, group=32))
    four = words(said(lab, bits=4))
    assert "Con esta receta" in four
    assert "pérdida apreciable" in four
    assert "sube un 12" in four
    three = words(said(lab, "en", bits=3))
    assert "broken" in three
    assert "is multiplied by 2.2" in three
    assert "se multiplica por 13" in words(said(lab, bits=4, granularity="tensor"))  # its own, not that of 2 bits


def test_a_recipe_that_explains_the_decibels_says_whether_it_is_better(lab: Lab) -> None:
    """Q4_K's 23.1 dB lie between those of 4 and of 5 bits."""
    assert "esta matriz da 25,9 dB, algo mejor que ahora;" in plain(said(lab, format="Q4_K"))
    assert "this matrix gives 44.5 dB, worse than now;" in plain(said(lab, "en", format="cast_bfloat16"))
    assert "esta matriz da 19,3 dB;" in plain(said(lab, format="MXFP4"))  # 18.8 dB: half a bit less is nothing
    assert "con todas las capas así, el veredicto" in plain(said(lab, format="MXFP4"))


def test_what_was_recorded_without_the_token_table_says_so_beside_it(lab: Lab) -> None:
    assert "en todas las capas, sin contar esta tabla, el veredicto" in plain(said(lab, layer=TABLE))
    assert "con todas las capas así, sin contar esta tabla," in plain(said(lab, layer=TABLE, format="Q4_K", table=True))
    assert "en todas las capas, el veredicto" in plain(said(lab, layer=TABLE, table=True))  # recorded with it
    assert "sin contar" not in said(lab)


@each("language", LANGUAGES)
def test_the_links_to_one_scale_lead_somewhere_from_every_format(lab: Lab, language: Language) -> None:
    for format_, first in (
        ("int", ""),
        ("float8_e4m3fn", ""),
        ("Q4_K", "format=int&"),
        ("cast_float16", "format=int&"),
    ):
        choice = Choice(lab.default(), format=format_)
        links = re.findall('data-recipe="([^"]*)"', str(show(lab, language, choice, LAYER, True).tries))
        assert [html.unescape(link) for link in links] == [first + query for query in t.WEIGHTS_TRIES]
        for link in links:
            asked, errors = read_query(dict(parse_qsl(html.unescape(link))), choice)
            assert errors == []
            assert asked.has_granularity


def test_no_error_in_float16_is_put_down_to_the_weights_and_not_to_float16(lab: Lab) -> None:
    for language in LANGUAGES:
        assert t.WEIGHTS_CAME_SO.format(format="float16")[language] in said(lab, language, format="cast_float16")
        assert "float16" not in said(lab, language, format="cast_bfloat16")


def test_before_a_method_has_read_its_text_the_original_is_seen_and_nothing_empty(lab: Lab) -> None:
    reading = next(name for name, method in METHODS.items() if method.needs)
    choice = Choice(lab.default(), format="Q4_K", method=reading)
    shown = shown_or_problem(lab, "es", choice, LAYER, True)
    assert "lab-notice" in shown.said
    assert shown.histogram is not None
    assert sum(shown.histogram.data[0].y) == 1024 * 256
    assert shown.occupancy is not None
    assert shown.occupancy.layout.annotations[0].text
    assert "262\u202f144" in str(shown.caption)


def test_the_names_in_the_list_fit_a_phone(lab: Lab) -> None:
    for language in LANGUAGES:
        assert max(len(title) for title, _ in layer_choices(lab.loaded(lab.default()), language)) <= 28


@each("language", LANGUAGES)
def test_no_digit_is_claimed_that_was_not_rounded(lab: Lab, language: Language) -> None:
    comma = "," if language == "es" else "."
    for recipe, bits in (
        ({"bits": 4}, f"4{comma}25"),
        ({"bits": 4, "granularity": "tensor"}, "4"),  # and one scale
        ({"format": "cast_float16"}, "16"),
        ({"format": "MXFP4"}, f"4{comma}25"),
    ):
        assert f"<b>{bits}</b>" in said(lab, language, **recipe)  # type: ignore[arg-type]


def test_infinite_decibels_are_those_of_no_error(lab: Lab) -> None:
    weight = lab.loaded(lab.default()).weight(LAYER)
    assert decibels(weight, Choice(lab.default(), format="cast_float16").scheme()) == float("inf")
