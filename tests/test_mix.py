"""A recipe of several rules in the drawer, the address and the words of the page."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from quant.blocks import BLOCKS
from quant.cache import cache_scheme
from quant.errors import QuantError
from quant.model.load import EMBEDDED
from quant.recipe import Calibration, Recipe, Rule
from quant.scheme import PerGroup, Scheme
from quant.training import Training
from quant.ui.sidebar.choice import Choice, choice_of, query_of, read_query
from quant.ui.sidebar.mixed import MOST_LETTERS, read_mix, written_mix
from quant.ui.sidebar.status import about_mix


def integers(bits: int) -> Scheme:
    return Scheme.integer(bits, PerGroup(64), zero_point=True)


APART = (
    Rule("transformer.wte", integers(6), "gptq"),
    Rule("transformer.h.0.mlp.c_fc", BLOCKS["Q6_K"].scheme, "importance"),
    Rule("linear:*.attn.c_proj", None),
)
MIXED = Recipe((*APART, Rule("*", integers(3), "gptq")), EMBEDDED, cache=cache_scheme(8, 4))


def test_a_mix_goes_through_the_address() -> None:
    query = query_of(MIXED)
    assert query is not None
    choice, errors = read_query(dict(parse_qsl(query, keep_blank_values=True)), Choice(EMBEDDED))
    assert errors == []
    assert choice.recipe() == MIXED
    assert (choice.bits, choice.table, choice.keys, choice.method) == (3, True, 8, "gptq")
    assert choice_of(MIXED) == choice
    assert len(choice.mix) < 500


def test_its_calibration_is_kept_where_only_the_mix_reads_one() -> None:
    read = Calibration("novels", 1024)
    recipe = Recipe((APART[0], Rule("*", integers(3), "rtn")), EMBEDDED, calibration=read)
    choice = choice_of(recipe)
    assert choice is not None
    assert choice.recipe() == recipe
    assert choice.recipe().calibration == read


def test_a_mix_goes_where_its_last_rule_moves_on() -> None:
    live = choice_of(MIXED)
    assert live is not None
    for name, value in (("bits", 4), ("method", ""), ("table", False), ("group", 32)):
        moved = replace(live, **{name: value})
        assert moved.recipe().rules == moved.recipe().rules[-1:], name
        assert moved.mixed == (), name
        asked, errors = read_query({name: str(int(value)) if name != "method" else str(value)}, live)
        assert (asked.mix, errors) == ("", []), name
    for name, value in (("keys", 4), ("context", 4096), ("activations", "int8")):
        assert replace(live, **{name: value}).mixed == APART, name
    assert read_query({"mix": ""}, live) == (replace(live, mix=""), [])
    _, errors = read_query({"bits": "5", "mix": live.mix}, Choice(EMBEDDED))
    assert len(errors) == 1, "a link whose mix is of another recipe says so"


def test_a_training_is_of_the_mix_too() -> None:
    plain = Recipe((Rule("transformer.h.0.mlp.c_fc", integers(2)), Rule("*", integers(3))), EMBEDDED)
    trained = replace(plain, training=Training(20))
    choice = choice_of(trained)
    assert choice is not None
    assert choice.recipe() == trained
    assert replace(choice, mix="").recipe().training is None


def letters(data: bytes) -> str:
    return "abcdef." + base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "bad",
    [
        "nonsense", "abcdef.", "abcdef.ñ", letters(b"no zlib"), letters(zlib.compress(b"[]")),
        letters(zlib.compress(b'[{"layers":"*","scheme":{"element":"int99"}}]')),
        letters(zlib.compress(b'[{"layers":"*","more":1}]')), letters(zlib.compress(b'[{"layers":"moe:*"}]')),
        letters(zlib.compress(b"[" + b" " * 10**7 + b"]")), "abcdef." + "a" * MOST_LETTERS,
    ],
)  # fmt: skip
def test_what_is_no_mix_is_reported(bad: str) -> None:
    with pytest.raises(QuantError):
        read_mix(bad)
    choice, errors = read_query({"bits": "5", "mix": bad}, Choice(EMBEDDED))
    assert (choice.bits, choice.mix, len(errors)) == (5, "", 1)


def test_the_page_says_so() -> None:
    choice = choice_of(MIXED)
    assert choice is not None
    assert choice.brief().es.startswith("mezcla de 4 formatos")
    assert "mix" in choice.label().en
    said = about_mix("es", choice)
    assert "3 matrices" in said
    assert 'data-recipe="mix="' in said
    assert about_mix("es", Choice(EMBEDDED)) == ""
    assert written_mix(Recipe()) == ""
