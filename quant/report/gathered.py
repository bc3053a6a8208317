"""All that a report says, measured or computed, before a word of it is written: heavy work through the lab.

What somebody has measured already is not measured again. `gather` ends with a frozen `Report`, in which every number
has an id, a name in both languages and a unit.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from quant.evaluation.methods import Row, row
from quant.evaluation.sweep import Entry
from quant.generation import Sampling, Step, encode_prompt, side_by_side
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.report.casts import Casts, cast_steps
from quant.report.fact import Fact, Facts
from quant.report.facts_compared import add_compared
from quant.report.facts_model import add_model
from quant.report.facts_numbers import add_numbers
from quant.report.facts_ptq import add_ptq
from quant.report.matrix import Matrix, add_matrix, matrix_of
from quant.report.rows import Compared, compared
from quant.size import SizeReport, size_report
from quant.texts import EvalText, shipped_text
from quant.work import Progress, Work, part

PROMPT = "Me gusta mucho el futbol"
SAMPLING = Sampling()  # the notebook's
TEXT, TEXT_BYTES = "enciclopedia", 40_000  # what the page measures unless asked otherwise: the same figures
PACKAGES = ("torch", "transformers", "tokenizers", "numpy")
READ, CAST, WRITTEN = 0.5, 0.3, 0.2  # shares of the time on the embedded model; they add up to 1


@dataclass(frozen=True)
class Request:
    """Of which recipe a report is asked. link: the address of the page with the recipe, where there is one; entries:
    rows of a sweep of the same model on the same text.
    """

    recipe: Recipe
    text: EvalText
    prompt: str = PROMPT
    sampling: Sampling = SAMPLING
    link: str = ""
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, eq=False)
class Report:
    """What a report is written from. facts: its numbers by id; row: the live recipe, measured; written: by the original
    and by the quantized model, with how much of either the prompt is, in characters; rows: what it is compared with.
    """

    request: Request
    loaded: LoadedModel
    facts: Mapping[str, Fact]
    row: Row
    written: tuple[Step, Step]
    sizes: SizeReport
    casts: Casts
    rows: tuple[Compared, ...]
    matrix: Matrix | None
    made: str
    versions: Mapping[str, str]


def request(recipe: Recipe, link: str = "", entries: tuple[Entry, ...] = ()) -> Request:
    """The report of a recipe on the text and with the prompt that the page measures and writes with."""
    return Request(recipe, shipped_text(TEXT).part(TEXT_BYTES), link=link, entries=entries)


def check(lab: Lab, asked: Request) -> None:
    """Raise QuantError for what no report can be made of, before any work."""
    loaded = lab.loaded(asked.recipe.model)
    size_report(loaded, asked.recipe)
    lab.reference(asked.recipe.model, asked.text)
    encode_prompt(loaded, asked.prompt, asked.sampling.max_length)


def gather(lab: Lab, asked: Request) -> Work[Report]:
    """Measure what is missing. Heavy work. Raises QuantError as `check` does."""
    check(lab, asked)
    recipe, loaded = asked.recipe, lab.loaded(asked.recipe.model)
    sizes = size_report(loaded, recipe)
    live = yield from part(row(lab, recipe, asked.text), 0, READ)
    quantized = yield from part(lab.quantized(recipe), READ, 0)
    casts = yield from part(cast_steps(lab, recipe.model, asked.text), READ, CAST)
    written = yield from part(_write(loaded, quantized, asked), READ + CAST, WRITTEN)
    rows = compared(lab, live, asked.text, asked.entries)
    matrix = matrix_of(lab, recipe)
    facts = Facts()
    add_model(facts, loaded, live, asked.sampling, written, sizes)
    add_numbers(facts, loaded, casts)
    add_ptq(facts, loaded, recipe, sizes, live)
    if matrix:
        add_matrix(facts, matrix)
    add_compared(facts, rows)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Report(asked, loaded, facts.known, live, written, sizes, casts, rows, matrix, made, versions())


def _write(original: LoadedModel, quantized: LoadedModel, asked: Request) -> Work[tuple[Step, Step]]:
    """Both go on from the prompt, a token each in turn."""
    most = min(asked.sampling.max_length, original.context)
    pair: tuple[Step, Step] | None = None
    for pair in side_by_side(original, quantized, asked.prompt, asked.sampling):
        yield Progress(max(len(step.ids) for step in pair) / most)
    assert pair is not None, "a prompt leaves room for a token"
    return pair


def versions() -> dict[str, str]:
    """Of what computed the figures."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
