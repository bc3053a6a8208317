"""What is compared: each contender does something of its own, and what is recorded is of the code that ships."""

from __future__ import annotations

import torch

from quant.bench import methods as bench
from quant.errors import SchemeError
from quant.evaluation.contenders import BASELINE, code_of, contenders, standard
from quant.loading import load_model
from quant.methods import METHODS
from quant.model.layers import census
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.recorded_methods import RECORDED_BITS, Recorded, recorded_methods


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


def test_a_row_that_older_code_made_is_not_shown() -> None:
    was = recorded_methods()
    row = next(row for row in was.rows if row.name == BASELINE and row.bits == 3)
    fresh, stale = (row.model_copy(update={"code": code}) for code in (code_of(BASELINE), "0" * 12))
    for given, seen in ((fresh, 1), (stale, 0)):
        found = Recorded(**{**was.model_dump(), "rows": [given.model_dump()]})
        assert len(found.at(3)) == seen
    assert all(code_of(name) == bench.code_of(name) for name in contenders()), "the digest that is recorded"


# Holds once `python -m quant.bench.methods --record` has been run on the code as it is.
def test_every_contender_is_recorded_as_it_is_now() -> None:
    """A row of the very recipe and code for each contender at 8, 4, 3 and 2 bits, or no format of so many bits."""
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
