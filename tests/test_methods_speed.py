"""What the timing of all methods makes sure of before it gives a figure."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from quant.bench.methods_speed import KNOBS, SCHEMES, checked, measure_one, recipe_of, usual_scheme
from quant.methods import METHODS
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d
from quant.quantization import quantize_model
from quant.recipe import Recipe, Rule
from quant.scheme import PerGroup, Scheme
from quant.text import Text


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


def test_every_method_is_timed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPT-2 of the same vocabulary and a third of the width, the narrowest that every usual scheme takes."""
    for name, knobs in {"autoround": {"steps": 1}, "kmeans": {"iterations": 1}}.items():
        monkeypatch.setitem(KNOBS, name, knobs)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=256, n_head=4, n_positions=128)).eval()
    turn_conv1d(model.requires_grad_(False))

    def small(tokenizer: Any, layers: int) -> LoadedModel:
        assert layers == 1
        return LoadedModel("124M", model, tokenizer, Text("pesos aleatorios", "random weights"), "")

    for name in METHODS:
        run = measure_one(name, layers=1, tokens=256, make=small)
        assert run["seconds"] > 0, name
        assert run["as_rounding"] == 4 or name != "rtn", name
