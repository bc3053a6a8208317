"""A recipe as the Python that makes it, whatever its rules: what a link of the page may not be able to say."""

from __future__ import annotations

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.methods import method_for
from quant.recipe import Recipe, Rule
from quant.scheme import Scheme
from quant.ui.tabs.methods.compare_python import scheme_code

NEEDED = {
    "Grid.": "from quant.scheme import Grid, Offset",
    "learned_format": "from quant.formats import learned_format",
}


def recipe_python(recipe: Recipe) -> str:
    """Lines that end with `recipe`, of one without cache, steps or training, its knobs as they come."""
    rules = recipe.rules
    if len(rules) == 1 and rules[0].layers in ("*", "linear:*"):
        parts = [_stored(rules[0].scheme), *_method(rules[0])]
        parts += ["table=True"] * (rules[0].layers == "*") + _activations(recipe.activations)
        made = [f"recipe = Recipe.uniform({', '.join(parts)})"]
    else:
        lines = [f'    Rule("{rule.layers}", {", ".join([_stored(rule.scheme), *_method(rule)])}),' for rule in rules]
        rest = "".join(f", {part}" for part in _activations(recipe.activations))
        made = ["recipe = Recipe((", *lines, f"){rest})"]
    needed = [line for word, line in NEEDED.items() if any(word in line_ for line_ in made)]
    return "\n".join(["from quant import *", *needed, "", *made])


def _stored(scheme: Scheme | None) -> str:
    if scheme is None:
        return "None"
    return f'BLOCKS["{scheme.name}"].scheme' if scheme.name in BLOCKS else scheme_code(scheme)


def _method(rule: Rule) -> list[str]:
    own = rule.scheme is None or rule.how is method_for(rule.scheme)
    return [] if own else [f'method="{rule.method}"']


def _activations(kind: Activations) -> list[str]:
    if kind == Activations.FLOAT:
        return []
    if kind.scheme is not None:
        return [f"activations=Activations(scheme={_stored(kind.scheme)})"]
    assert kind.format is not None
    return [f'activations=Activations(FORMATS["{kind.format.name}"])']
