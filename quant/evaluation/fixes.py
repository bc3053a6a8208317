"""What could be tried where a recipe loses too much: one change each, so that what each recovers can be told.

The rules are stated once, here: a grid that fits better (zero point, smaller groups), a method that looks at the
inputs, more bits or float for the layer that loses most, and float again for what else is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from quant.activations import Activations
from quant.errors import SchemeError
from quant.methods import METHODS, TRANSFORMS
from quant.model.layers import Layer
from quant.recipe import Calibration, Recipe, Rule, Step
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, Scheme
from quant.text import Text

TRIED = ("importance", "hqq", "gptq", "awq")  # methods, where they can fill the scheme
WIDER_BITS = 8
WORST_FLOAT = Text("La capa que más pierde, en float32", "The layer that loses most, in float32")


@dataclass(frozen=True)
class Fix:
    """One change of a recipe, and what it is called."""

    name: Text
    recipe: Recipe


def fixes(recipe: Recipe, worst: Layer | None, calibration: Calibration) -> list[Fix]:
    """The changes that can be made to `recipe`; those that it makes already are left out."""
    found: dict[Recipe, Fix] = {}
    for fix in _all(recipe, worst, calibration):
        if fix.recipe != recipe:
            found.setdefault(fix.recipe, fix)
    return list(found.values())


def _all(recipe: Recipe, worst: Layer | None, calibration: Calibration) -> Iterator[Fix]:
    yield from _grids(recipe)
    yield from _methods(recipe, calibration)
    if worst is not None:
        yield from _one_layer(recipe, worst)
    yield from _rest(recipe)


def _grids(recipe: Recipe) -> Iterator[Fix]:
    """The same bits on a grid that fits better. Only of a recipe with one rule that says so."""
    rule = recipe.rules[-1]
    scheme = rule.scheme
    if scheme is None or scheme.name or not scheme.element.is_integer:
        return
    bits = scheme.element.code_bits
    if scheme.grid is not Grid.MINMAX and bits > 1:
        yield from _with(recipe, Text("Con punto cero", "With a zero point"),
                         Scheme.integer(bits, scheme.granularity, zero_point=True))  # fmt: skip
    smaller = _smaller(scheme.granularity)
    if smaller is not None:
        yield from _with(recipe, Text(f"Grupos de {smaller.size}", f"Groups of {smaller.size}"),
                         replace(scheme, granularity=smaller))  # fmt: skip


def _smaller(granularity: Granularity) -> PerGroup | None:
    if isinstance(granularity, PerGroup):
        return PerGroup(granularity.size // 2) if granularity.size >= 32 else None
    return PerGroup(64)


def _with(recipe: Recipe, name: Text, scheme: Scheme) -> Iterator[Fix]:
    rule = recipe.rules[-1]
    try:
        changed = replace(rule, scheme=scheme)
    except SchemeError:  # a method that cannot fill it
        return
    yield Fix(name, replace(recipe, rules=(*recipe.rules[:-1], changed)))


def _methods(recipe: Recipe, calibration: Calibration) -> Iterator[Fix]:
    rule = recipe.rules[-1]
    for method in (METHODS[name] for name in TRIED if name in METHODS):
        if rule.scheme is None or method.name == rule.method or not method.fits(rule.scheme):
            continue
        changed = Rule(rule.layers, rule.scheme, method.name)
        try:
            yield Fix(method.title, replace(recipe, rules=(*recipe.rules[:-1], changed), calibration=calibration))
        except SchemeError:  # scales after a rotation
            continue


def _one_layer(recipe: Recipe, worst: Layer) -> Iterator[Fix]:
    rule = recipe.rule_of(worst)
    if rule is None or rule.scheme is None:
        return
    if rule.scheme.element.code_bits < WIDER_BITS:
        granularity = rule.scheme.granularity
        wide = Scheme.integer(WIDER_BITS, granularity if isinstance(granularity, PerGroup) else PerChannel())
        name = Text("La capa que más pierde, a 8 bits", "The layer that loses most, at 8 bits")
        yield Fix(name, replace(recipe, rules=(Rule(worst.name, wide), *recipe.rules)))
    yield Fix(WORST_FLOAT, replace(recipe, rules=(Rule(worst.name), *recipe.rules)))


def _rest(recipe: Recipe) -> Iterator[Fix]:
    rule = recipe.rules[-1]
    if rule.layers == "*" and rule.scheme is not None:
        name = Text("La tabla de tokens, en float32", "The token table, in float32")
        yield Fix(name, replace(recipe, rules=(*recipe.rules[:-1], replace(rule, layers="linear:*"))))
    if recipe.cache is not None:
        name = Text("Claves y valores, en float32", "Keys and values, in float32")
        yield Fix(name, replace(recipe, cache=None))
    if recipe.activations == Activations.FLOAT:
        return
    name = Text("Las activaciones, en float32", "Activations, in float32")
    yield Fix(name, replace(recipe, activations=Activations.FLOAT))
    for step in (Step(name) for name in ("smooth", "hadamard") if name in TRANSFORMS):
        try:
            yield Fix(step.how.title, replace(recipe, steps=(*recipe.steps, step)))
        except SchemeError:
            continue
