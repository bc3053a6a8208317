"""What the timing of all methods makes sure of before it gives a figure."""

from __future__ import annotations

import pytest

from quant.bench.methods_speed import KNOBS, SCHEMES, checked, recipe_of, usual_scheme
from quant.methods import METHODS
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe, Rule
from quant.scheme import PerGroup, Scheme


def test_every_method_has_a_usual_scheme_and_a_recipe() -> None:
    for name, method in METHODS.items():
        assert usual_scheme(name) is not None, name
        made = recipe_of(name, 256)
        assert made.rules[0].method == name
        assert made.reads == bool(method.needs or method.tune), name
    assert set(KNOBS) <= set(METHODS)


def test_a_layer_that_is_not_stored_as_asked_is_found(tiny: LoadedModel) -> None:
    recipe, names = Recipe.uniform(SCHEMES[0]), [layer.name for layer in linear_layers(tiny)]
    assert checked(tiny, recipe, quantize_model(tiny, recipe)) == len(names)
    other = Scheme.integer(4, PerGroup(32))
    for wrong, said in ((Recipe((Rule(names[0]), Rule("linear:*", SCHEMES[0]))), "left in float"),
                        (Recipe.uniform(SCHEMES[0], overrides=[(names[0], other)]), "other bytes")):  # fmt: skip
        with pytest.raises(AssertionError, match=said):
            checked(tiny, recipe, quantize_model(tiny, wrong))
