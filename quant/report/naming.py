"""A few words for a recipe, any recipe: for a row of a table and a point in a chart."""

from __future__ import annotations

from quant.activations import Activations
from quant.methods import method_for
from quant.recipe import Recipe, Rule
from quant.scheme import Flat, Granularity, Grid, PerChannel, PerGroup, Scheme, Zero
from quant.text import Text, short_title

MOST = 3  # formats of a mixture that are named
BETWEEN = " · "
PER_TENSOR = Text("una escala por matriz", "one scale per matrix")
PER_CHANNEL = Text("una escala por canal", "one scale per channel")
PER_GROUP = Text("grupos de {n}", "groups of {n}")
ZERO = Text("punto cero", "zero point")
LEARNED = Text("tabla de {n} bits", "table of {n} bits")
TABLE = Text("con la tabla", "with the table")
SHORT = {"float32": "FP32", "float16": "FP16", "bfloat16": "BF16"}
ACTIVATIONS = Text("activaciones {name}", "{name} activations")
CACHE = Text("claves y valores", "keys and values")
TRAINED = Text("{n} pasos de entrenamiento", "{n} steps of training")
NOTHING = Text("float32", "float32")
MIXED = Text("mezcla de {names}", "mix of {names}")


def recipe_name(recipe: Recipe) -> Text:
    """What is stored how, in a few words, without the model."""
    rules = [rule for rule in recipe.rules if rule.scheme]
    schemes = list(dict.fromkeys(rule.scheme for rule in rules if rule.scheme))
    parts = _mixed(schemes) if len(schemes) > 1 else [scheme_name(s) for s in schemes]
    if len(schemes) == 1:
        shared = granularity_name(schemes[0])
        parts += [shared] if shared else []
        parts += [ZERO] * isinstance(schemes[0].shift, Zero)
    parts += [TABLE] * any(covers_table(rule) for rule in rules)
    parts += list(dict.fromkeys(m for rule in rules if (m := chosen_method(rule))))
    parts += [short_title(step.how.title) for step in recipe.steps]
    if recipe.activations != Activations.FLOAT:
        parts.append(ACTIVATIONS.format(name=recipe.activations.name))
    parts += [CACHE] * bool(recipe.cache)
    parts += [TRAINED.format(n=recipe.training.steps)] if recipe.training else []
    return joined(parts or [NOTHING])


def cast_name(recipe: Recipe) -> Text:
    """Of a recipe of one format, that format alone."""
    schemes = [rule.scheme for rule in recipe.rules if rule.scheme]
    return scheme_name(schemes[0]) if len(schemes) == 1 else recipe_name(recipe)


def scheme_name(scheme: Scheme) -> Text:
    """A format by the name that it goes by: INT4, Q4_K, bfloat16."""
    element = scheme.element
    if scheme.name:
        return Text(scheme.name, scheme.name)
    if element.learned:
        return LEARNED.format(n=element.code_bits)
    name = f"INT{element.code_bits}" if element.is_integer else SHORT.get(element.name, element.name)
    return Text(name, name)


def granularity_name(scheme: Scheme) -> Text | None:
    """What shares a scale; None of a published block format, whose name says it, and where there are no scales."""
    if scheme.name or scheme.grid is Grid.UNIT:
        return None
    return per(scheme.granularity)


def per(granularity: Granularity) -> Text:
    if isinstance(granularity, PerGroup | Flat):
        return PER_GROUP.format(n=granularity.size)
    return PER_CHANNEL if isinstance(granularity, PerChannel) else PER_TENSOR


def chosen_method(rule: Rule) -> Text | None:
    """Its method's name, where it is not the one that its scheme is meant for."""
    if rule.scheme is None or rule.how is method_for(rule.scheme):
        return None
    return short_title(rule.how.title)


def covers_table(rule: Rule) -> bool:
    """Whether it says of the token table how it is stored, by its pattern."""
    return rule.layers == "*" or rule.layers.startswith("table:")


def joined(parts: list[Text], between: str = BETWEEN) -> Text:
    return Text(between.join(part.es for part in parts), between.join(part.en for part in parts))


def _mixed(schemes: list[Scheme]) -> list[Text]:
    names = list(dict.fromkeys(scheme_name(scheme) for scheme in schemes))
    shown = joined(names[:MOST], ", ")
    more = "…" if len(names) > MOST else ""
    return [MIXED.format(names=Text(shown.es + more, shown.en + more))]
