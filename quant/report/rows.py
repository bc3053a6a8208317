"""The recipes that a report compares, and when one of them is better than another.

`a` loses less than `b` where the interval of their paired difference of KL says so; where the two were not read
document by document, only where their intervals do not meet, which asks for more. Neither less: a tie. `a` is better
than `b` where it takes no more bytes and loses less, or takes clearly fewer and ties.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from quant.errors import ModelError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate, Figures, figures
from quant.evaluation.methods import Row, below, by_document
from quant.evaluation.sweep import Entry
from quant.evaluation.verdict import Verdict
from quant.lab import Lab, Measured
from quant.model.load import EMBEDDED
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json
from quant.recorded import Recorded, recorded
from quant.report.fact import Worth
from quant.report.naming import recipe_name
from quant.size import size_report
from quant.text import Text
from quant.texts import EvalText

MOST = 24  # the live recipe and those measured last, then the recorded ones
FEWER = 0.99  # of the bytes: from there on fewer is clearly fewer


@dataclass(frozen=True)
class Compared:
    """A recipe in the comparison. worth: measured here or recorded; live: the report's own. verdict: None where only
    its figures are known.
    """

    name: Text
    entry: Entry
    worth: Worth
    verdict: Verdict | None = None
    live: bool = False


def less(a: Compared, b: Compared) -> bool:
    """Whether `a` loses less than `b` beyond chance; anything does than a model that no longer gives numbers."""
    if not math.isfinite(b.entry.kl.value):
        return math.isfinite(a.entry.kl.value)
    if a.entry.kl_sums is not None and b.entry.kl_sums is not None and a.entry.tokens == b.entry.tokens:
        return below(a.entry, b.entry)
    first, second = a.entry.kl.interval, b.entry.kl.interval
    return first is not None and second is not None and first.high < second.low


def tied(a: Compared, b: Compared) -> bool:
    """Whether nobody can say which of the two loses less."""
    return not less(a, b) and not less(b, a)


def better(a: Compared, b: Compared) -> bool:
    """Whether nothing speaks for `b` beside `a`."""
    bytes_a, bytes_b = a.entry.stored_bytes, b.entry.stored_bytes
    return (bytes_a <= bytes_b and less(a, b)) or (bytes_a < FEWER * bytes_b and tied(a, b))


def frontier(rows: Sequence[Compared]) -> list[Compared]:
    """Those that give numbers and that none is better than, the smallest first."""
    able = [row for row in rows if math.isfinite(row.entry.kl.value)]
    best = [row for row in able if not any(better(other, row) for other in able)]
    return sorted(best, key=lambda row: (row.entry.stored_bytes, row.entry.kl.value))


def steepest(rows: Sequence[Compared]) -> tuple[Compared, Compared] | None:
    """Neighbours on the frontier between which KL grows by the largest factor: (larger, smaller); None of one alone."""
    pairs = [(large, small) for small, large in pairwise(frontier(rows)) if large.entry.kl.value > 0]
    return max(pairs, key=lambda pair: pair[1].entry.kl.value / pair[0].entry.kl.value, default=None)


def neighbours(rows: Sequence[Compared], live: Compared) -> tuple[Compared | None, Compared | None]:
    """The next smaller and the next larger on the frontier; None where there is none, and where `live` is not on it."""
    best = frontier(rows)
    if live not in best:
        return None, None
    place = best.index(live)
    return best[place - 1] if place else None, best[place + 1] if place + 1 < len(best) else None


def compared(lab: Lab, live: Row, text: EvalText, entries: Sequence[Entry] = ()) -> tuple[Compared, ...]:
    """The live recipe, others of its model that were measured on the same text, and the recorded ones; no recipe twice.

    entries: rows of a sweep of that model on that text. Other visitors' own texts are nobody else's: a recipe that read
    one is left out.
    """
    model = live.recipe.model
    found = {live.recipe: of_row(live, live=True)}
    for entry in entries:
        found.setdefault(entry.recipe, Compared(Text(entry.name, entry.name), entry, Worth.MEASURED))
    for row in reversed(lab.rows.of(model, text)):
        if _shows(row.recipe):
            found.setdefault(row.recipe, of_row(row))
    for recipe, measured in reversed(lab.results(model, text)):
        if len(found) < MOST and _shows(recipe) and recipe not in found:
            found[recipe] = of_measured(lab, recipe, measured)
    shown = dict(list(found.items())[:MOST])
    for known in _recorded_of(model, text):
        shown.setdefault(known.entry.recipe, known)
    return tuple(sorted(shown.values(), key=lambda row: (row.entry.stored_bytes, row.entry.kl.value)))


def known_beside(lab: Lab, recipe: Recipe, text: EvalText) -> int:
    """How many recipes a report of `recipe` would compare it with now, without measuring any. Light work."""
    measured = [row.recipe for row in lab.rows.of(recipe.model, text)]
    measured += [found for found, _ in lab.results(recipe.model, text)]
    shown = [found for found in dict.fromkeys(measured) if _shows(found) and found != recipe][: MOST - 1]
    recorded_too = [row.entry.recipe for row in _recorded_of(recipe.model, text)]
    return len(shown) + sum(found not in (recipe, *shown) for found in recorded_too)


def of_row(row: Row, live: bool = False) -> Compared:
    f = row.figures
    entry = _entry(row.recipe, row.bits_per_weight, row.stored_bytes, f, row.seconds, (row.kl_sums, row.tokens))
    return Compared(recipe_name(row.recipe), entry, Worth.MEASURED, f.judgement.verdict, live)


def of_measured(lab: Lab, recipe: Recipe, measured: Measured) -> Compared:
    """A recipe that was measured in another tab."""
    f, report = figures(measured.comparison), size_report(lab.loaded(recipe.model), recipe)
    entry = _entry(recipe, report.quantized_bits_per_weight, report.stored_bytes, f, None,
                   by_document(measured.comparison))  # fmt: skip
    return Compared(recipe_name(recipe), entry, Worth.MEASURED, f.judgement.verdict)


def _entry(recipe: Recipe, bits: float, stored: int, f: Figures, seconds: float | None,
           documents: tuple[tuple[float, ...] | None, tuple[float, ...] | None]) -> Entry:  # fmt: skip
    return Entry(recipe_name(recipe).es, recipe, bits, stored, f.kl_mean, f.perplexity_quantized, seconds, None,
                 *documents)  # fmt: skip


def _shows(recipe: Recipe) -> bool:
    read, trained = recipe.calibration, recipe.training
    return not (read and read.own) and not (trained and trained.own)


def _recorded_of(model: str, text: EvalText) -> list[Compared]:
    """What ships recorded, of the embedded model on the text that the page measures."""
    found = _known() if model == EMBEDDED else None
    if found is None or (found.text_name, found.protocol["n_bytes"]) != (text.name, text.n_bytes):
        return []
    rows = []
    for row in found.rows:
        recipe = recipe_from_json(row.recipe)
        kl, perplexity = (Estimate(f.value, Interval(f.low, f.high)) for f in (row.kl_mean, row.perplexity))
        entry = Entry(recipe_name(recipe).es, recipe, row.bits_per_weight, row.stored_bytes, kl, perplexity)
        rows.append(Compared(recipe_name(recipe), entry, Worth.RECORDED, row.judged))
    return rows


def _known() -> Recorded | None:
    try:
        return recorded()
    except (ModelError, FileNotFoundError):
        return None
