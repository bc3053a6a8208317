"""What is compared: each contender does something of its own, and what is recorded is of the code that ships."""

from __future__ import annotations

import torch

from quant.evaluation.contenders import BASELINE, contenders, standard
from quant.methods import METHODS
from quant.model.layers import census
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe


def test_no_contender_is_rounding_under_another_name(tiny: LoadedModel) -> None:
    for name in contenders():
        if name == BASELINE:
            continue
        recipe = standard(name, 3, tiny)
        scheme = recipe.rules[0].scheme
        assert scheme is not None
        if not METHODS[BASELINE].fits(scheme):
            continue  # a learned table: rounding has none
        rounded = quantize_model(tiny, Recipe.uniform(scheme, method=BASELINE, model=tiny.name))
        made = quantize_model(tiny, recipe)
        same = all(torch.equal(made.weight(at.name), rounded.weight(at.name)) for at in census(tiny))
        assert not same, name
