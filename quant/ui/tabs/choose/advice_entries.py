"""The candidates of a recommendation: what ships recorded of the built-in model, and what was measured here."""

from __future__ import annotations

from functools import lru_cache

from quant.errors import ModelError
from quant.evaluation.methods import Row
from quant.evaluation.sweep import Entry
from quant.format_names import format_name
from quant.lab import Lab
from quant.methods import method_for
from quant.model.load import EMBEDDED
from quant.recipe import Recipe, Rule
from quant.recorded_choices import MeasuredJson, recorded_choices
from quant.recorded_methods import Compared, recorded_methods
from quant.recorded_sweep import recorded_sweep
from quant.text import Text, short_title
from quant.texts import EvalText, shipped_text
from quant.ui.tabs.methods.compare_rows import QUICK_BYTES

TEXT = "enciclopedia"


def entries(lab: Lab, model: str) -> list[Entry]:
    """Of each recipe the row that was measured here, else the recorded one; the recorded ones first."""
    found = {one.recipe: one for one in recorded_entries()} if model == EMBEDDED else {}
    return list((found | {row.recipe: of_row(row) for row in lab.rows.of(model, _read())}).values())


def live(lab: Lab, entry: Entry) -> bool:
    """Whether it was measured here."""
    return lab.rows.get(entry.recipe, _read()) is not None


@lru_cache(maxsize=1)
def recorded_entries() -> tuple[Entry, ...]:
    """What ships with the project, of the sweep, of the comparison of methods and of budgets, no recipe twice.

    Nothing where it is of other weights.
    """
    try:
        rows: list[Compared | MeasuredJson] = [*recorded_methods().rows, *recorded_choices().measured]
        swept = recorded_sweep().entries()
    except (ModelError, FileNotFoundError):
        return ()
    return tuple({one.recipe: one for one in (*map(of_recorded, rows), *swept)}.values())


def of_recorded(row: Compared | MeasuredJson) -> Entry:
    """A row of the comparison of methods, or of a budget, as a candidate."""
    recipe = row.made
    return Entry(
        entry_name(recipe), recipe, row.bits_per_weight, row.stored_bytes, row.kl.estimate, row.perplexity.estimate,
        row.seconds if isinstance(row, Compared) else None, None, row.kl_sums, row.tokens,
    )  # fmt: skip


def of_row(row: Row) -> Entry:
    """A row that was measured here as a candidate."""
    return Entry(
        entry_name(row.recipe), row.recipe, row.bits_per_weight, row.stored_bytes, row.figures.kl_mean,
        row.figures.perplexity_quantized, row.seconds, None, row.kl_sums, row.tokens,
    )  # fmt: skip


def entry_name(recipe: Recipe) -> str:
    """In a few words, alike in both languages: formats, then methods other than a format's own, then steps."""
    rules = [rule for rule in recipe.rules if rule.scheme]
    parts = [" + ".join(dict.fromkeys(_stored(rule) for rule in rules))]
    methods = [rule.how for rule in rules if rule.scheme and rule.how is not method_for(rule.scheme)]
    parts += dict.fromkeys(_alike(how.title, how.name) for how in methods)
    parts += [_alike(step.how.title, step.name) for step in recipe.steps]
    parts += [recipe.activations.name] if recipe.activations.name != "float" else []
    if recipe.cache:
        keys, values = (side.scheme.element.code_bits if side.scheme else 32 for side in recipe.cache.sides)
        parts.append(f"K{keys} V{values}")
    return " · ".join(parts + ["QAT"] * bool(recipe.training))


def _alike(title: Text, name: str) -> str:
    """What of a title is the same in both languages, such as GPTQ or (AutoRound); else the name in an address."""
    short = short_title(title)
    pairs = zip(_pieces(short.es), _pieces(short.en), strict=False)
    return next((es for es, en in pairs if es == en), name)


def _pieces(title: str) -> list[str]:
    """All of it, what stands before the brackets, and what stands in them."""
    before, _, inside = title.partition(" (")
    return [title, before, inside.rstrip(")")] if inside else [title]


def _stored(rule: Rule) -> str:
    assert rule.scheme is not None
    return format_name(rule.scheme) or rule.scheme.element.name


@lru_cache(maxsize=1)
def _read() -> EvalText:
    return shipped_text(TEXT).part(QUICK_BYTES)
