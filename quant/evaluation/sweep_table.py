"""The tidy table of a sweep: one row a run, one column a variable, units in the names. What is downloaded and reported.

Columns are the fields of `TableRow`, in their order. An interval is two columns, low and high; what was not measured is
empty in CSV and null in JSON.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from quant.evaluation.figures import Estimate
from quant.evaluation.pareto import front
from quant.evaluation.sweep import Entry
from quant.recipe import Recipe
from quant.recipe_json import recipe_to_json

Link = Callable[[Recipe], str | None]


@dataclass(frozen=True)
class TableRow:
    """One run. Bits per weight are of the quantized tensors, bytes of the entire model, seconds of quantizing.

    speed_ratio: tokens/s over the float model's in the same rounds, with the least and the greatest round. on_front: no
    other row of the table is as small and as faithful. recipe: JSON; link: the query that loads it, where there is one.
    """

    name: str
    model: str
    text: str
    method: str
    weight_bits: float
    model_bytes: int
    kl_nats: float | None
    kl_low_nats: float | None
    kl_high_nats: float | None
    perplexity: float | None
    perplexity_low: float | None
    perplexity_high: float | None
    quantize_seconds: float | None
    tokens_per_second: float | None
    speed_ratio: float | None
    speed_ratio_low: float | None
    speed_ratio_high: float | None
    on_front: bool
    measured_here: bool
    recipe: str
    link: str | None


def table(entries: Sequence[Entry], link: Link = lambda recipe: None) -> tuple[TableRow, ...]:
    """A row for each entry, in their order. link: the query of a recipe."""
    best = front([(e.stored_bytes, e.kl.value) for e in entries])
    return tuple(_row(entry, place in best, link) for place, entry in enumerate(entries))


def _row(entry: Entry, on_front: bool, link: Link) -> TableRow:
    rule, pace = entry.recipe.rules[-1], entry.pace
    ratio, slowest, fastest = (pace.ratio, pace.low, pace.high) if pace else (None, None, None)
    steps = [step.name for step in entry.recipe.steps]
    return TableRow(
        entry.name, entry.recipe.model, entry.text_name, "+".join([*steps, rule.method]), entry.bits_per_weight,
        entry.stored_bytes, *_ends(entry.kl), *_ends(entry.perplexity), entry.seconds, entry.tokens_per_second,
        ratio, slowest, fastest, on_front, entry.live,
        json.dumps(recipe_to_json(entry.recipe), ensure_ascii=False), link(entry.recipe),
    )  # fmt: skip


def _ends(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    ends = estimate.interval
    found = (estimate.value, ends.low, ends.high) if ends else (estimate.value, None, None)
    value, low, high = (one if one is None or math.isfinite(one) else None for one in found)
    return value, low, high


def as_records(rows: Sequence[TableRow]) -> list[dict[str, Any]]:
    """As JSON has it; the recipe is a value of its own there, not a text."""
    return [asdict(row) | {"recipe": json.loads(row.recipe)} for row in rows]


def as_csv(rows: Sequence[TableRow]) -> str:
    """With a header and decimal points."""
    out = io.StringIO()
    names = [field.name for field in fields(TableRow)]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return out.getvalue()
