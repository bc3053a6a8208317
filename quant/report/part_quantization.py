"""Part one: what quantization is, with a weight of the live model as its example; PTQ and QAT, and which this is."""

from __future__ import annotations

from quant.report import prose_texts as t
from quant.report.document import Block, Chapter, Heading, Prose, Table
from quant.report.fact import Ref
from quant.report.gathered import Report
from quant.report.phrase import Formula, Link, Name, Part, Sentence, plain
from quant.report.sentences import kind_said

LETTERS: dict[str, Part] = {letter: Formula(letter) for letter in ("w", "q", "s", "z")}


def quantization_part(report: Report) -> Chapter:
    blocks: list[Block] = [
        Prose((Sentence(t.IDEA, LETTERS),)), Prose((plain(Formula(t.FORMULA)),), "formula"),
        Prose((Sentence(t.ERROR), *_example(report))), Heading(t.PTQ_QAT),
        Prose((Sentence(t.PTQ_IS, {"gptq": source("gptq")}),)),
        Prose((Sentence(t.QAT_IS, {"jacob": source("jacob"), "bengio": source("bengio")}),)), _against(),
        Prose(tuple(kind_said(report.request.recipe, "ptq.seconds" in report.facts))),
    ]  # fmt: skip
    return Chapter("quantization", t.QUANTIZATION, tuple(blocks))


def source(name: str) -> Link:
    """A paper, by its authors and year."""
    said = {"jacob": t.JACOB, "bengio": t.BENGIO, "gptq": t.GPTQ}[name]
    return Link(said, t.URLS[name])


def _example(report: Report) -> list[Sentence]:
    """A weight of the recipe's first matrix: with code and scale where it has those alone."""
    if report.matrix is None:
        return []
    given: dict[str, Part] = {"layer": Name.of(report.matrix.layer.name), "weight": Ref("example.weight"),
                              "stored": Ref("example.stored")}  # fmt: skip
    if not report.matrix.is_plain:
        return [Sentence(t.EXAMPLE_OTHER, given)]
    given |= {"code": Ref("example.code"), "scale": Ref("example.scale"), "zero": Ref("example.zero")}
    return [Sentence(t.EXAMPLE_ZERO if report.matrix.code[2] else t.EXAMPLE, given)]


def _against() -> Table:
    rows = tuple(tuple(plain(cell) for cell in row) for row in t.AGAINST_ROWS)
    return Table(Sentence(t.AGAINST), tuple(plain(cell) for cell in t.AGAINST_HEAD), rows, "words")
