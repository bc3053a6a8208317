"""From a report's figures to a document in the five parts of the assignment; numbers are looked up in `facts`."""

from __future__ import annotations

from collections.abc import Mapping

from quant.report import prose_texts as t
from quant.report.document import Block, Document, Heading, Points, Prose
from quant.report.fact import Fact, Facts
from quant.report.gathered import Report
from quant.report.naming import recipe_name
from quant.report.part_comparison import comparison_part
from quant.report.part_model import model_name, model_part
from quant.report.part_numbers import numbers_part
from quant.report.part_ptq import ptq_part
from quant.report.part_quantization import quantization_part
from quant.report.phrase import Name, Part, Sentence, listed
from quant.report.sentences import conclusions, size_said, verdict_said
from quant.text import Text

BRIEF = 2  # conclusions that stand at the beginning too


def compose(report: Report) -> tuple[Document, Mapping[str, Fact]]:
    """The document, and the numbers of the report with those of its charts."""
    facts = Facts(report.facts)
    chapters = (
        quantization_part(report), model_part(report), numbers_part(report), ptq_part(report),
        comparison_part(report, facts),
    )  # fmt: skip
    return Document(t.TITLE, _lead(report), chapters), facts.known


def _lead(report: Report) -> tuple[Block, ...]:
    """What it is a report of, and what it comes to: the same sentences that stand in their parts."""
    recipe = report.request.recipe
    given: dict[str, Part] = {"model": model_name(recipe.model), "recipe": Name(recipe_name(recipe)),
                              "made": Name.of(report.made)}  # fmt: skip
    ends = conclusions(report.rows, speed=True)[:BRIEF]
    brief = (*verdict_said(report.row.figures)[:1], *size_said(report.sizes)[:1], *ends)
    return Prose((Sentence(t.ABOUT, given),)), Heading(t.IN_BRIEF), Points(brief), Prose((_signs(),), "signs")


def _signs() -> Sentence:
    """What the signs beside tables and rows say."""
    each: list[Part] = [Text(f"{sign.value} {said.es}", f"{sign.value} {said.en}") for sign, said in t.WORTHS.items()]
    phrase = listed(each)
    text = Text(t.SIGNS.es.replace("{signs}", phrase.text.es), t.SIGNS.en.replace("{signs}", phrase.text.en))
    return Sentence(text, phrase.parts)
