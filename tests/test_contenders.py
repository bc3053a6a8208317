"""What is compared: each contender does something of its own, and what is recorded is of the recipes as they are."""

from __future__ import annotations

import torch

from quant.errors import SchemeError
from quant.evaluation.contenders import BASELINE, contenders, standard
from quant.loading import load_model
from quant.methods import METHODS
from quant.model.layers import census
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.recorded_methods import RECORDED_BITS, recorded_methods


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


# Holds once `python -m quant.bench.methods --record` has been run on the code as it is.
def test_every_contender_is_recorded_as_it_is_now() -> None:
    """A row of the very recipe for each contender at 8, 4, 3 and 2 bits, or no format of so many bits."""
    loaded, wrong = load_model(), []
    for bits in RECORDED_BITS:
        rows = {row.name: row for row in recorded_methods().at(bits)}
        for name in contenders():
            try:
                recipe = standard(name, bits, loaded)
            except SchemeError:
                recipe = None
            row = rows.get(name)
            if (row.made if row else None) != recipe:
                wrong.append(f"{name} at {bits} bits")
    assert not wrong, wrong
