"""What a report of the live recipe would hold now: what is known, what would be measured, and how long that takes."""

from __future__ import annotations

from markupsafe import Markup

from quant.errors import QuantError
from quant.lab import Lab
from quant.model.layers import Kind, census
from quant.recipe import Recipe
from quant.report.casts import casts_to_measure
from quant.report.gathered import Request, request
from quant.report.naming import cast_name
from quant.report.rows import known_beside
from quant.text import Language, Text, listed, number
from quant.ui.shared import html
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.choose import report_texts as t


def state(lab: Lab, choice: Choice, language: Language) -> Markup:
    """One or two sentences; nothing for a choice that the line on top already refuses. Light work."""
    try:
        asked = request(choice.recipe())
        missing = missing_of(lab, asked)
    except QuantError:
        return html.NOTHING
    others = known_beside(lab, asked.recipe, asked.text)
    if not missing:
        return html.caption(t.ALL_KNOWN.format(others=others)[language])
    said = t.TO_MEASURE.format(missing=_names(missing, asked.recipe), others=others)[language]
    return html.caption(f"{said} {seconds(lab, asked, missing)[language]}")


def missing_of(lab: Lab, asked: Request) -> list[Recipe]:
    """The recipes that the report would have measured, of those that it needs."""
    needed = [asked.recipe, *casts_to_measure(lab, asked.recipe.model, asked.text)]
    return [recipe for recipe in dict.fromkeys(needed) if lab.rows.get(recipe, asked.text) is None]


def seconds(lab: Lab, asked: Request, missing: list[Recipe]) -> Text:
    """How long measuring them takes: by earlier ones of this machine, or as it was measured once."""
    weights = sum(layer.parameters for layer in census(lab.loaded(asked.recipe.model)) if layer.kind is Kind.LINEAR)
    expected = [lab.rows.expected(recipe, weights, asked.text) for recipe in missing]
    known = [one for one in expected if one is not None]
    if len(known) < len(expected):
        return t.RECORDED_SECONDS
    total = Text(*(number(max(1.0, sum(known)), language, 2) for language in ("es", "en")))
    return t.SECONDS.format(seconds=total)


def _names(missing: list[Recipe], own: Recipe) -> Text:
    names = [t.YOUR_RECIPE if recipe == own else cast_name(recipe) for recipe in missing]
    return Text(listed([n.es for n in names], t.AND.es), listed([n.en for n in names], t.AND.en))
