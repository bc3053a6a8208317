"""What float32, float16 and bfloat16 keep of a model: of its weights by arithmetic, of what it says by measuring.

The formats are the project's own definition (`floats.py`). Signal over error is of all linear weights together,

    10 log10(sum w^2 / sum (w - cast(w))^2)        in decibels, infinite without error

and a relative error is |w - cast(w)| / |w|. A model of at most SMALL parameters is also cast and measured; of a larger
one that would take minutes, so that it is measured only where somebody has had it done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from quant.evaluation.methods import Row, row
from quant.evaluation.numbers import ModelNumbers, Share, exact_formats, model_numbers
from quant.formats import FORMATS, NumberFormat
from quant.lab import Lab
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.scheme import Grid, PerTensor, Scheme
from quant.texts import EvalText
from quant.work import Progress, Work, part

FLOATS = ("float32", "float16", "bfloat16")
SMALL = 20_000_000


@dataclass(frozen=True)
class Cast:
    """A format and what it does to a model's linear weights. share: None of float32, which they are in; lost_db: signal
    over error; row: measured, None where it was not.
    """

    format: NumberFormat
    share: Share | None
    lost_db: float
    row: Row | None


@dataclass(frozen=True)
class Casts:
    """The three formats. exact: those of 16 bits that hold every weight as it is."""

    numbers: ModelNumbers
    casts: tuple[Cast, ...]
    exact: tuple[str, ...]


def cast_recipe(model: str, name: str) -> Recipe:
    """Every matrix in a format without scales."""
    return Recipe.uniform(Scheme(FORMATS[name], PerTensor(), Grid.UNIT, None), table=True, model=model)


def casts_to_measure(lab: Lab, model: str, text: EvalText) -> list[Recipe]:
    """The casts that the report measures."""
    recipes = [cast_recipe(model, name) for name in FLOATS[1:]]
    if lab.loaded(model).parameters <= SMALL:
        return recipes
    return [recipe for recipe in recipes if lab.rows.get(recipe, text)]


def cast_steps(lab: Lab, model: str, text: EvalText) -> Work[Casts]:
    """Read the weights, and measure what is measured. Heavy work."""
    loaded, recipes = lab.loaded(model), casts_to_measure(lab, model, text)
    measured: dict[str, Row] = {}
    for i, recipe in enumerate(recipes):
        found = yield from part(row(lab, recipe, text), i / len(recipes), 1 / len(recipes))
        scheme = recipe.rules[0].scheme
        assert scheme is not None, "a cast stores everything"
        measured[scheme.element.name] = found
    yield Progress(1.0)
    numbers = model_numbers(loaded)
    shares = {share.format: share for share in numbers.shares}
    casts = [
        Cast(FORMATS[name], shares.get(name), lost_db(loaded, FORMATS[name]), measured.get(name)) for name in FLOATS
    ]
    return Casts(numbers, tuple(casts), exact_formats(loaded))


def lost_db(loaded: LoadedModel, element: NumberFormat) -> float:
    """Signal over error of all linear weights after a cast, in decibels."""
    signal = noise = 0.0
    for layer in linear_layers(loaded):
        weight = loaded.weight(layer.name)
        signal += float(weight.double().square().sum())
        noise += float((element.round(weight).double() - weight.double()).square().sum())
    return 10 * math.log10(signal / noise) if noise else math.inf


def kept(value: float, element: NumberFormat) -> tuple[float, float]:
    """A number in a format, and its relative error."""
    held = float(element.round(torch.tensor([value], dtype=torch.float32))[0])
    return held, abs(held - value) / abs(value) if value else 0.0


def losing(casts: Sequence[Cast]) -> list[Cast]:
    """Those in which some weight is not the same."""
    return [cast for cast in casts if math.isfinite(cast.lost_db)]
