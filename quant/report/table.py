"""The CSV beside the report: a row for each number of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from quant.report.fact import Fact
from quant.text import Text

COLUMNS = ("id", "section", "name_es", "name_en", "value", "low", "high", "unit", "worth", "shown_es", "ends_es",
           "shown_en", "ends_en")  # fmt: skip
NONE = Text("", "")


def as_csv(facts: Mapping[str, Fact]) -> str:
    """Values as they were computed, with decimal points; beside them how each language prints them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(fact) for fact in facts.values())
    return out.getvalue()


def _row(fact: Fact) -> list[object]:
    low, high = (fact.ends.low, fact.ends.high) if fact.ends else ("", "")
    ends = fact.ends_shown or NONE
    names = (fact.name.es.replace("`", ""), fact.name.en.replace("`", ""))
    return [fact.id, fact.section.value, *names, repr(fact.value), low, high, fact.unit,
            fact.worth.name.lower(), fact.shown.es, ends.es, fact.shown.en, ends.en]  # fmt: skip
