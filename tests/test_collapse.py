"""Where a recipe loses is found where it was put; what recovers it is measured; one change at a time."""

from __future__ import annotations

import math

import pytest
import torch

from quant.activations import Activations
from quant.cache import cache_scheme
from quant.calibrate import Flow, windows
from quant.evaluation.collapse import Collapse, collapse_steps, error_map
from quant.evaluation.figures import Estimate
from quant.evaluation.fixes import WORST_FLOAT, fixes
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.plots.collapse import depth_figure, error_figure
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe, Rule, Step
from quant.scheme import PerChannel, PerTensor, Scheme
from quant.text import Text
from quant.ui.tabs.methods.collapse import Tried, _best, _fix
from quant.work import finished

SHORT = Calibration(tokens=512)
EIGHT, TWO = Scheme.integer(8, PerChannel()), Scheme.integer(2, PerTensor())
BAD = "transformer.h.1.mlp.c_fc"


def found(tiny: LoadedModel, recipe: Recipe) -> Collapse:
    return finished(collapse_steps(tiny, quantize_model(tiny, recipe), SHORT))


def test_the_layer_that_was_spoilt_loses_most_and_the_models_part_after_its_block(tiny: LoadedModel) -> None:
    spoilt = found(tiny, Recipe((Rule(BAD, TWO), Rule("linear:*", EIGHT))))
    assert spoilt.ranked[0].layer.name == BAD
    assert spoilt.worst is not None
    assert spoilt.worst.layer.name == BAD
    assert spoilt.depth_db[1] > spoilt.depth_db[0] + 6
    even = found(tiny, Recipe.uniform(EIGHT))
    assert even.depth_db[1] < spoilt.depth_db[1] - 6
    assert len(even.losses) == len(linear_layers(tiny))


def test_what_a_rounded_cache_loses_is_found_too(tiny: LoadedModel) -> None:
    plain, cached = (found(tiny, Recipe.uniform(EIGHT, cache=scheme)) for scheme in (None, cache_scheme(2, 2)))
    assert all(b > a for a, b in zip(plain.depth_db, cached.depth_db, strict=True))
    ids = windows(tiny, SHORT)
    small = quantize_model(tiny, Recipe((Rule("linear:*"),), cache=cache_scheme(2, 2)))
    for loaded in (tiny, small):  # whose blocks are called with another mask, and with their own
        flow = Flow(loaded, SHORT)
        for block in flow.blocks:
            flow.read(block, small.model.get_submodule(block.name), frozenset())
            flow.go_on()
        with torch.no_grad():
            want = small.model(ids, use_cache=False, output_hidden_states=True).hidden_states
        got = small.model.transformer.ln_f(flow.inputs)
        torch.testing.assert_close(got, want[-1], rtol=1e-3, atol=1e-3)


def test_a_model_like_its_original_loses_nothing_anywhere(tiny: LoadedModel) -> None:
    same = finished(collapse_steps(tiny, tiny, SHORT))
    assert {one.loss_db for one in same.losses} == {-math.inf}
    assert set(same.depth_db) == {-math.inf}


def test_layers_are_compared_behind_what_was_folded(tiny: LoadedModel) -> None:
    rotated, plain = (found(tiny, Recipe.uniform(EIGHT, steps=steps)) for steps in ((Step("hadamard"),), ()))
    assert {one.layer for one in rotated.losses} == {one.layer for one in plain.losses} == set(linear_layers(tiny))
    assert max(one.loss_db for one in rotated.losses) < -20
    assert rotated.worst is not None
    assert float(rotated.worst.cells.max()) < 0.1


def test_the_channel_through_which_the_error_comes_is_found(tiny: LoadedModel) -> None:
    layer = linear_layers(tiny)[0]
    error = torch.full(layer.matrix, 0.01)
    squares = torch.ones(layer.matrix[1])
    squares[7] = 100 * layer.matrix[1]
    seen = error_map(layer, error, squares)
    assert seen.worst_input == 7
    assert seen.worst_share == pytest.approx(100 / 101, rel=0.02)
    assert seen.outlier_ratio == pytest.approx(math.sqrt(100 * layer.matrix[1]))
    assert seen.cells.max() == seen.cells[:, 7 * seen.cells.shape[1] // layer.matrix[1]].max()
    for language in ("es", "en"):
        assert error_figure(seen, language).data
        assert depth_figure((-20.0, -3.0), language).data


def test_each_fix_changes_one_thing_and_none_is_the_recipe_itself(tiny: LoadedModel) -> None:
    worst = linear_layers(tiny)[0]
    for recipe in (
        Recipe.uniform(Scheme.integer(4, PerTensor()), table=True, activations=Activations.INT8),
        Recipe.uniform(Scheme.integer(3, PerChannel(), zero_point=True)),
        Recipe((Rule("linear:*"),)),
    ):
        tried = fixes(recipe, worst, SHORT)
        assert recipe not in [fix.recipe for fix in tried]
        assert len({fix.recipe for fix in tried}) == len(tried)
        assert all(fix.name.es != "" for fix in tried)
    names = {fix.name.en for fix in fixes(Recipe.uniform(Scheme.integer(4, PerTensor()), table=True), worst, SHORT)}
    assert {"With a zero point", "Groups of 64", "The layer that loses most, in float32",
            "The token table, in float32"} <= names  # fmt: skip


def tried(name: Text, sums: list[float]) -> Tried:
    """A row whose documents lose so much, ten tokens each."""
    mean = sum(sums) / len(sums) / 10
    return Tried(name, Recipe(), 1000, Estimate(mean, None), tuple(sums), (10.0,) * len(sums))


def test_what_recovers_most_is_said_with_what_ties_with_it_and_nothing_where_chance_could_do_it() -> None:
    hard = [(1.0 + i % 7) for i in range(40)]  # what makes a document hard cancels
    flicker = [0.4 * (-1) ** i for i in range(40)]
    rows = [
        tried(Text("Como está", "As it is"), [10 * x for x in hard]),
        tried(WORST_FLOAT, [9.9 * x for x in hard]),
        tried(Text("A", "A"), [5 * x for x in hard]),
        tried(Text("B", "B"), [5 * x + f + 0.01 for x, f in zip(hard, flicker, strict=True)]),
        tried(Text("C", "C"), [10 * x + f for x, f in zip(hard, flicker, strict=True)]),
        tried(Text("D", "D"), [5.5 * x for x in hard]),
    ]
    said = _best(rows, "es")
    assert "Lo que más recupera es «A» (empata con «B»): la KL pasa de" in said
    assert "apenas recupera (1,0\u00a0%): la pérdida está repartida" in said
    assert "recovers most (ties with “B”)" in _best(rows, "en")
    assert "spread" not in _best([row for row in rows if row.name != WORST_FLOAT], "en")
    assert "No fix can be told clearly" in _best([rows[0], rows[4]], "en")
    cells = [_fix(row, rows[0], "en")[-1] for row in rows]
    assert cells == ["—", "1.0%", "50%", "50%", "no clear difference", "45%"]
