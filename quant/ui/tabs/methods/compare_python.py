"""The rows of a comparison as Python that makes them again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from quant.evaluation.contenders import BASELINE
from quant.recipe import Calibration, Recipe, Step
from quant.scheme import Grid, PerGroup, Scheme, Zero
from quant.ui.tabs.methods.compare_rows import QUICK_BYTES, Shown

IMPORTS = {
    "Grid.": "from quant.scheme import Grid, Offset",
    "learned_format": "from quant.formats import learned_format",
}


def python_of(s: Shown) -> str:
    """A notebook's cell: the recipe of each ticked method, and how they are measured. There is one."""
    recipes = [f'    "{name}": {recipe_code(recipe)},' for name, recipe in s.recipes.items()]
    model = next(recipe.model for recipe in s.recipes.values())
    needed = [line for word, line in IMPORTS.items() if any(word in recipe for recipe in recipes)]
    return "\n".join([
        "from quant import *", *needed, "from quant.texts import shipped_text", "",
        f'model = load_model("{model}")', "recipes = {", *recipes, "}",
        f'text = shipped_text("{s.state.text}").part({QUICK_BYTES})',
        "for name, recipe in recipes.items():",
        "    seen = measure(model, quantize_model(model, recipe), text)",
        "    print(name, seen.kl_mean, seen.perplexity_quantized)",
    ])  # fmt: skip


def recipe_code(recipe: Recipe) -> str:
    """A uniform recipe of linear layers as Python, what is as it comes left out."""
    rule = recipe.rules[-1]
    assert rule.scheme is not None
    parts = [scheme_code(rule.scheme)]
    parts += [] if rule.method == BASELINE else [f'method="{rule.method}"']
    if moved := _moved(rule.knobs, rule.how.knobs()):
        parts += [f'knobs=METHODS["{rule.method}"].set_knobs({moved})']
    if recipe.calibration and (moved := _moved(recipe.calibration, Calibration())):
        parts += [f"calibration=Calibration(**{moved})"]
    if recipe.steps:
        parts += ["steps=(" + " ".join(f"{_step_code(step)}," for step in recipe.steps) + ")"]
    return f"Recipe.uniform({', '.join(parts)})"


def _step_code(step: Step) -> str:
    moved = _moved(step.knobs, step.how.knobs())
    return f'Step("{step.name}", TRANSFORMS["{step.name}"].set_knobs({moved}))' if moved else f'Step("{step.name}")'


def _moved(given: Any, usual: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not as they come."""
    as_it_comes = asdict(usual)
    return {name: value for name, value in asdict(given).items() if value != as_it_comes[name]}


def scheme_code(scheme: Scheme) -> str:
    """A scheme as Python: by its short name where it has one."""
    groups = scheme.granularity
    granularity = f"PerGroup({groups.size})" if isinstance(groups, PerGroup) else str(groups)
    integers = scheme.element.is_integer and isinstance(scheme.granularity, PerGroup)
    if integers and scheme.grid in (Grid.ABSMAX, Grid.MINMAX):
        zero = ", zero_point=True" if isinstance(scheme.shift, Zero) else ""
        return f"Scheme.integer({scheme.element.code_bits}, {granularity}{zero})"
    element = f'FORMATS["{scheme.element.name}"]' if not scheme.element.learned else (
        f"learned_format({scheme.element.code_bits})"
    )  # fmt: skip
    scale = "None" if scheme.scale is None else 'FORMATS["float16"]'
    shift = "" if scheme.shift is None else ', Offset(FORMATS["float16"])'
    return f"Scheme({element}, {granularity}, Grid.{scheme.grid.name}, {scale}{shift})"
