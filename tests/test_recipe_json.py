"""Recipes as JSON: what comes back is equal, and what could not be one is refused with what is allowed."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from cases import each
from hypothesis import given
from hypothesis import strategies as st

from quant.activations import Activations, Per
from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError
from quant.floats import Specials
from quant.formats import FORMATS, exmy, learned_format
from quant.kernels.cpu import hold
from quant.methods import quantize
from quant.packing import Layout
from quant.recipe import Calibration, Recipe, Rule, cache_scheme
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.scheme import CodesFrom, Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Zero
from quant.scheme_json import scheme_from_json, scheme_to_json

HALF, SINGLE = FORMATS["float16"], FORMATS["float32"]
GRANULARITIES: list[Granularity] = [PerTensor(), PerChannel(), PerGroup(32), Flat(48)]
OTHERS = [
    *(Scheme.integer(b, g, zero_point=z) for b in range(2, 9) for g in GRANULARITIES for z in (False, True)),
    Scheme.integer(4, PerGroup(64), scale=FORMATS["bfloat16"]),
    Scheme(FORMATS["float8_e5m2"], PerTensor(), Grid.UNIT, None),
    Scheme(FORMATS["float16"], PerTensor(), Grid.UNIT, None),
    Scheme.integer(5, PerGroup(64), grid=Grid.HALF),
    Scheme.integer(3, PerChannel(), grid=Grid.SIGNED_MAX),
    Scheme(exmy(3, 2), PerGroup(32), scale=exmy(4, 3, Specials.IEEE)),
    Scheme(FORMATS["nf4"], PerGroup(32), codes_from=CodesFrom.COMPUTED),
    Scheme(FORMATS["uint4"], PerChannel(), Grid.RANGE, HALF, Offset(FORMATS["bfloat16"])),
    Scheme(FORMATS["int4"], PerGroup(8), scale=Scheme(FORMATS["int8"], PerChannel(), scale=SINGLE)),
    Scheme(FORMATS["int4"], PerGroup(8), scale=Scheme(FORMATS["uint8"], PerTensor(), Grid.RANGE, SINGLE, Offset(HALF))),
]
SCHEMES = [block.scheme for block in BLOCKS.values()] + OTHERS


def through_text(value: object) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name or f"{s.element.name} {s.granularity} {s.grid.name}")
def test_a_scheme_comes_back_equal_and_can_be_held(scheme: Scheme) -> None:
    back = scheme_from_json(through_text(scheme_to_json(scheme)))
    assert back == scheme
    assert hash(back) == hash(scheme)
    weight = torch.randn(8, 256, generator=torch.Generator().manual_seed(1))
    q = quantize(weight, back)
    data = Layout(back).pack(hold(q).quantized().q)
    assert data == Layout(scheme).pack(quantize(weight, scheme))
    assert torch.equal(hold(Layout(back).unpack(data, (8, 256))).quantized().q.codes, q.codes)


def test_everything_that_a_scheme_or_a_recipe_has_is_written() -> None:
    assert list(scheme_to_json(OTHERS[0])) == [f.name for f in fields(Scheme)]
    assert list(recipe_to_json(Recipe())) == ["scheme", "embedding", "method", "model", "activations", "overrides"]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe.uniform(BLOCKS["NVFP4"].scheme, table=True, activations=Activations.INT8),
        Recipe.uniform(
            method="rtn", model='u/«ñ» \n"', overrides=(("a.b", OTHERS[0]), ("c", BLOCKS["NF4_DOUBLE"].scheme))
        ),
    ],
)
def test_a_recipe_comes_back_equal(recipe: Recipe) -> None:
    back = recipe_from_json(through_text(recipe_to_json(recipe)))
    assert back == recipe
    assert len({back, recipe}) == 1


def changed(path: str, value: object) -> Any:
    """The JSON of a recipe with nested scales and an override, one thing in it changed; `...` leaves it out."""
    written = recipe_to_json(
        Recipe.uniform(BLOCKS["NF4_DOUBLE"].scheme, overrides=(("c", Scheme.integer(4, PerGroup(8))),))
    )
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inside: Any = written
    for step in way:
        inside = inside[step]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    return written


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("scheme/element", ..., "recipe.scheme: the field “element” is missing"),
        ("more", 1, "recipe: the field “more” is unknown; the ones that exist: scheme, embedding, method"),
        ("scheme/scale/more", 1, "recipe.scheme.scale: the field “more” is unknown"),
        ("scheme", None, "recipe.scheme: got None; allowed: {…}"),
        ("scheme", [], "recipe.scheme: got []"),
        ("embedding", 1, "recipe.embedding: got 1; allowed: bool"),
        ("method", "magic", "There is no method “magic”"),
        ("method", None, "recipe.method: got None; allowed: text"),
        ("activations", "int4", "recipe.activations: got 'int4'; allowed: float, int8"),
        ("overrides", {}, "recipe.overrides: got {}; allowed: […]"),
        ("overrides/0", ["c"], "recipe.overrides.0: the field “1” is missing"),
        ("overrides/0/0", 3, "recipe.overrides.0.0: got 3; allowed: text"),
        ("overrides/0/1/grid", "round", "recipe.overrides.0.1.grid: got 'round'; allowed: absmax, minmax"),
        ("scheme/element", "int9", "There is no format “int9”; the ones that exist: int2"),
        ("scheme/element", "e9m2", "E9M2 cannot be"),
        ("scheme/element", 4, "scheme.element: got 4"),
        ("scheme/granularity", "rows", "scheme.granularity: got 'rows'; allowed: per_tensor, per_channel"),
        ("scheme/granularity", {"per_group": 64.0}, "scheme.granularity.per_group: got 64.0; allowed: int"),
        ("scheme/granularity", {"per_group": 7}, "Groups of 7 were asked for"),
        ("scheme/granularity", {"flat": 0}, "scheme.granularity: got {'flat': 0}"),
        ("scheme/granularity", {"flat": True}, "scheme.granularity.flat: got True; allowed: int"),
        ("scheme/element", "learned9", "9 bits were asked for"),
        ("scheme/granularity", {"flat": 64, "per_group": 64}, "scheme.granularity: got"),
        ("scheme/ties", "odd", "scheme.ties: got 'odd'; allowed: even"),
        ("scheme/codes_from", None, "scheme.codes_from: got None; allowed: stored, computed"),
        ("scheme/shift", "offset", "scheme.shift: got 'offset'; allowed: null, zero"),
        ("scheme/shift", "zero", "and zero point or offset go together"),
        ("scheme/name", "Q4_0", "scheme: a scheme called “Q4_0” has to be the format of that name"),
        ("scheme/name", "mine", "scheme: a scheme called “mine”"),
        ("scheme/scale", "int4", "scheme.scale: got 'int4'; allowed:"),
        ("scheme/scale", "e8m7", "scheme.scale: got 'e8m7'; allowed:"),
        ("scheme/scale", "float64", "scheme.scale: got 'float64'"),
        ("scheme/scale", 16, "scheme.scale: got 16; allowed: text, {…}, null"),
        ("scheme/scale/shift/offset", "int4", "scheme.scale.shift.offset: got 'int4'"),
    ],
)
def test_what_is_not_a_recipe_is_refused_in_both_languages(path: str, value: object, says: str) -> None:
    with pytest.raises(QuantError) as caught:
        recipe_from_json(through_text(changed(path, value)) if value is not ... else changed(path, value))
    assert says in caught.value.text.en
    assert caught.value.text.es != caught.value.text.en


NESTED = {
    "another level": Scheme(FORMATS["int8"], PerTensor(), scale=Scheme(FORMATS["int8"], PerTensor())),
    "no scale": Scheme(FORMATS["float8_e4m3fn"], PerTensor(), Grid.UNIT, None),
    "zero points": Scheme(FORMATS["uint8"], PerTensor(), Grid.MINMAX, HALF, Zero()),
    "an offset each": Scheme(FORMATS["uint8"], PerGroup(8), Grid.RANGE, HALF, Offset(HALF)),
    "a quantized offset": Scheme(
        FORMATS["int8"], PerTensor(), Grid.CENTRED, HALF, Offset(Scheme(FORMATS["int8"], PerTensor()))
    ),
}


@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
def test_scales_that_no_matrix_holds_are_refused(nested: Scheme) -> None:
    with pytest.raises(SchemeError, match=r"^scheme: quantized scales have floating-point scales"):
        scheme_from_json(scheme_to_json(Scheme(FORMATS["int4"], PerGroup(8), scale=nested)))
    offset = Scheme(FORMATS["uint4"], PerGroup(8), Grid.RANGE, HALF, Offset(nested))
    with pytest.raises(SchemeError, match=r"^scheme: quantized scales have floating-point scales"):
        scheme_from_json(scheme_to_json(offset))


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(SchemeError) as caught:
        recipe_from_json(changed("activations", "x" * 10_000))
    assert len(str(caught.value)) < 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = ["scheme", "scheme/scale", "scheme/scale/scale", "scheme/granularity", "scheme/shift", "scheme/scale/shift",
          "scheme/element", "scheme/grid", "scheme/name", "overrides", "overrides/0", "overrides/0/1", "method",
          "activations", "embedding"]  # fmt: skip


@given(st.sampled_from(PLACES), ANYTHING | st.sampled_from([*FORMATS, *(g.value for g in Grid), "zero", "per_tensor"]))
def test_anything_else_is_refused_and_nothing_else_is_raised(path: str, value: object) -> None:
    written = changed(path, copy.deepcopy(value))
    try:
        recipe = recipe_from_json(written)
    except QuantError:
        return
    assert recipe_from_json(recipe_to_json(recipe)) == recipe


# ---- version 2


LEARNED = Scheme(learned_format(3), PerChannel(), Grid.LEARNED, None)
NEWER = [
    Recipe((Rule("linear:*.mlp.*", OTHERS[0]), Rule("*", OTHERS[1]))),
    Recipe((Rule("linear:a.b"), Rule("linear:*", OTHERS[0]))),
    Recipe((Rule("a.b", BLOCKS["Q4_0"].scheme, "search"), Rule("linear:*", BLOCKS["Q4_0"].scheme))),
    Recipe.uniform(BLOCKS["Q4_K"].scheme, method="importance", calibration=Calibration("training_sample", 1024)),
    Recipe.uniform(BLOCKS["Q4_K"].scheme, method="importance", calibration=Calibration("own", 512, "Un texto mío.")),
    Recipe.uniform(OTHERS[0], activations=Activations(FORMATS["int4"], Per.TENSOR)),
    Recipe.uniform(OTHERS[0], activations=Activations(FORMATS["int8"], Per.TENSOR, static=True)),
    Recipe.uniform(OTHERS[0], cache=cache_scheme(8, 0, "channel")),
    Recipe((Rule("table:*", OTHERS[0]),)),
]


def test_what_version_1_cannot_say_is_written_as_rules_and_comes_back_equal() -> None:
    for recipe in NEWER:
        written = recipe_to_json(recipe)
        assert written["version"] == 2, recipe
        assert recipe_from_json(through_text(written)) == recipe
    assert "version" not in recipe_to_json(Recipe())


def test_a_field_that_is_missing_takes_its_default() -> None:
    four = {"element": "int4", "granularity": {"per_group": 64}}
    assert recipe_from_json({"rules": [{"layers": "linear:*", "scheme": four}]}) == Recipe()
    assert recipe_from_json({"version": 2, "rules": [{"layers": "*", "scheme": four}]}) == Recipe.uniform(table=True)
    assert recipe_from_json({}) == Recipe()
    assert recipe_from_json({"scheme": four, "embedding": True}) == Recipe.uniform(table=True)


def test_what_is_unknown_or_wrong_in_rules_is_refused_by_name() -> None:
    four = {"element": "int4", "granularity": {"per_group": 64}}
    rule = {"layers": "linear:*", "scheme": four}
    for written, said in [
        ({"rules": [rule], "more": 1}, "recipe: the field “more” is unknown; the ones that exist: version, rules"),
        ({"rules": [rule | {"bits": 4}]}, "recipe.rules.0: the field “bits” is unknown"),
        ({"rules": [rule | {"knobs": {"share": 1}}]}, "Method “rtn” has no knobs; got “share”"),
        ({"rules": [rule | {"method": "hqq"}]}, "HQQ moves the zero of each group"),
        ({"rules": [rule | {"method": "magic"}]}, "There is no method “magic”"),
        ({"rules": [{"layers": "norm:*", "scheme": four}]}, "kind of layer that does not exist"),
        ({"rules": []}, "no rule"), ({"version": 3, "rules": [rule]}, "recipe.version: got 3; allowed: 2"),
        ({"version": 2}, "recipe: the field “rules” is missing"), ({"rules": rule}, "recipe.rules: got"),
        ({"rules": [rule], "activations": {"format": "int8", "per": "row"}}, "activations.per: got 'row'"),
        ({"rules": [rule], "activations": "int8"}, "recipe.activations: got 'int8'; allowed: {…}"),
        ({"rules": [rule], "calibration": {"text": "literatura"}}, "no calibration text “literatura”"),
    ]:  # fmt: skip
        with pytest.raises(QuantError) as caught:
            recipe_from_json(written)
        assert said in caught.value.text.en, written
        assert caught.value.text.es != caught.value.text.en


@each("name, grid", [("MXFP4_GGML", "power of two"), ("NVFP4_GGML", "absmax")])
def test_ggmls_fp4_is_written_as_version_1_wrote_it_and_opens(name: str, grid: str) -> None:
    scheme = BLOCKS[name].scheme
    written = through_text(scheme_to_json(scheme))
    assert written["grid"] == grid != scheme.grid.value
    assert scheme_from_json(written) == scheme_from_json(written | {"grid": scheme.grid.value}) == scheme
    with pytest.raises(SchemeError):
        scheme_from_json(written | {"grid": "signed max"})
    unnamed = replace(scheme, name="")
    assert scheme_to_json(unnamed)["grid"] == scheme.grid.value
    assert scheme_from_json(scheme_to_json(unnamed)) == unnamed


def test_a_scheme_whose_values_are_learned_comes_back() -> None:
    assert scheme_from_json(through_text(scheme_to_json(LEARNED))) == LEARNED
