"""The bench of writing without a compiler covers what the sidebar offers, and groups only what runs alike."""

from __future__ import annotations

import itertools

from quant.activations import Activations
from quant.bench import nocompiler as bench
from quant.model.load import EMBEDDED
from quant.scheme import PerGroup, Scheme
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.fields import GRANULARITIES, GROUP_SIZES
from quant.ui.sidebar.formats import CHOSEN_FORMATS
from quant.ui.sidebar.offers import TABLES


def test_every_recipe_of_the_page_is_there() -> None:
    known = {case for _, case in bench.recipes()}
    places = [(g, 64) for g in GRANULARITIES if g != "group"] + [("group", size) for size in GROUP_SIZES]
    formats = [name for name in CHOSEN_FORMATS if name not in TABLES]  # a table is looked up in a float32 copy
    kinds = ("float", "int8")  # the others are simulated, and multiplied as float is
    bits_of = {"int": range(2, 9)}  # every other format brings its own
    for name, (granularity, group), table in itertools.product(formats, places, (False, True)):
        for bits, zero_point, activations in itertools.product(bits_of.get(name, (2, 8)), (False, True), kinds):
            choice = Choice(
                model=EMBEDDED, bits=bits, granularity=granularity, group=group, zero_point=zero_point, table=table,
                format=name, activations=activations,
            )  # fmt: skip
            recipe = choice.recipe()
            assert bench.Case(choice.scheme(), table, recipe.activations) in known, choice


def test_recipes_are_grouped_by_what_they_run() -> None:
    def way(bits: int, group: int, activations: Activations = Activations.FLOAT) -> bench.Way:
        return bench.way(bench.Case(Scheme.integer(bits, PerGroup(group)), activations=activations))

    assert way(4, 64) == way(3, 64) == way(2, 64)
    assert way(5, 64) == way(7, 16) == way(4, 16)
    ways = (way(4, 64), way(4, 128), way(5, 64), way(4, 64, Activations.INT8))
    assert len(set(ways)) == len(ways)
