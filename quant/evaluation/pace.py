"""How fast the recipes of a sweep write, beside the float model, in alternating rounds.

A few recipes at a time take turns with the float model, so that what slows the machine for a while slows both; the
figure is the median over the rounds of one over the other. Speed hangs on how weights are stored and not on the method
that chose the codes: recipes that are stored alike are timed once, by whichever is quickest to make.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from quant.evaluation.methods import Maker
from quant.evaluation.speed import ROUNDS, Pace, Speed, speed_steps
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Rule
from quant.work import Progress, Work, part

TOGETHER = 4  # recipes that take turns with the float model
MAKING = 0.5  # share of the progress


def paces(maker: Maker, recipes: Sequence[Recipe], rounds: int = ROUNDS) -> Work[dict[Recipe, Pace]]:
    """How fast each of some recipes of one model writes. Heavy work, and it wants the machine to itself.

    Raises QuantError for a recipe that cannot be made.
    """
    if not recipes:
        return {}
    loaded = maker.loaded(recipes[0].model)
    alike: dict[object, list[Recipe]] = {}
    for recipe in recipes:
        alike.setdefault(stored_alike(recipe, loaded), []).append(recipe)
    groups = list(alike.values())
    found: dict[Recipe, Pace] = {}
    for start in range(0, len(groups), TOGETHER):
        now = groups[start : start + TOGETHER]
        at, share = start / len(groups), len(now) / len(groups)
        models = [loaded]
        for place, group in enumerate(now):
            each = MAKING * share / len(now)
            models.append((yield from part(maker.quantized(quickest(maker, group, loaded)), at + place * each, each)))
        speeds = yield from part(speed_steps(models, rounds), at + MAKING * share, (1 - MAKING) * share)
        for group, speed in zip(now, speeds[1:], strict=True):
            found |= dict.fromkeys(group, pace := pace_of(speed, speeds[0]))
            for recipe in group:
                maker.rows.wrote(recipe, pace)
        yield Progress(at + share, dict(found))
    return found


def pace_of(speed: Speed, original: Speed) -> Pace:
    """Of a model and the float model in the same rounds."""
    ratios = [a / b for a, b in zip(speed.rounds, original.rounds, strict=True)]
    return Pace(speed.median, statistics.median(ratios), min(ratios), max(ratios))


def stored_alike(recipe: Recipe, loaded: LoadedModel) -> object:
    """What the speed of a recipe hangs on: the scheme of each matrix, what stands beside it, activations and cache."""
    layers = []
    for layer in census(loaded):
        rule = None if layer.kind is Kind.OTHER else recipe.rule_of(layer)
        if rule is not None:
            layers.append((layer.name, rule.scheme, tuple(sorted(recipe.parts_beside(rule, layer).items()))))
    return tuple(layers), recipe.activations, recipe.cache


def quickest(maker: Maker, group: Sequence[Recipe], loaded: LoadedModel) -> Recipe:
    """Of recipes that are stored alike one that is there already, else one that reads no text and does not learn.

    Where none of them is so, the same schemes each filled by its own method, where that is stored alike.
    """
    found = list(group)
    plain = replace(group[0], rules=tuple(Rule(r.layers, r.scheme) for r in group[0].rules), steps=(), training=None)
    if stored_alike(plain, loaded) == stored_alike(group[0], loaded):
        found.append(plain)
    return min(found, key=lambda r: (not maker.is_live(r), r.reads, any(not rule.how.light for rule in _stored(r))))


def _stored(recipe: Recipe) -> list[Rule]:
    return [rule for rule in recipe.rules if rule.scheme]
