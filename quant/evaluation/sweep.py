"""A sweep: many recipes of one model on one text, a row each.

Rows are independent, so that a sweep can be stopped after any of them, go on later (`sweep_store.py`) or be spread over
machines. Quality comes from `methods.row`; how fast a recipe writes is another pass (`pace.py`), since that takes the
machine to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from quant.errors import EvaluationError, QuantError
from quant.evaluation.figures import Estimate
from quant.evaluation.methods import Maker, Row, row
from quant.evaluation.speed import Pace as Pace
from quant.recipe import Recipe
from quant.size import size_report
from quant.text import Text
from quant.texts import EvalText
from quant.work import Progress, Work


@dataclass(frozen=True)
class Entry:
    """One recipe, measured, as a sweep keeps it and a choice reads it.

    name: a few words, the same in both languages, such as "Q4_K · importance"; bits_per_weight: of the tensors that it
    quantizes; stored_bytes: of the entire model's weights; kl: nats to the original; seconds: to quantize, None where
    nobody timed it; tokens_per_second: median of writing, None where it was not measured. kl_sums, tokens: of each
    document, by which two entries are compared in pairs; None where the text is too short for that. text_name: of the
    text that was read; live: measured here, not recorded.
    """

    name: str
    recipe: Recipe
    bits_per_weight: float
    stored_bytes: int
    kl: Estimate
    perplexity: Estimate
    seconds: float | None = None
    tokens_per_second: float | None = None
    kl_sums: tuple[float, ...] | None = None
    tokens: tuple[float, ...] | None = None
    text_name: str = ""
    pace: Pace | None = None
    live: bool = False

    def at(self, pace: Pace | None) -> Entry:
        """The same with how fast it writes."""
        return replace(self, pace=pace, tokens_per_second=None if pace is None else pace.tokens_per_second)


@dataclass(frozen=True)
class Named:
    """A recipe of a sweep and its name."""

    name: str
    recipe: Recipe


class Kept(Protocol):
    """Where finished rows stay: a file, or nothing."""

    def get(self, one: Named) -> Entry | None: ...
    def put(self, entry: Entry) -> None: ...


Skip = Callable[[Named, QuantError], None]


def sweep(
    maker: Maker, asked: Sequence[Named], text: EvalText, store: Kept | None = None, skip: Skip | None = None
) -> Work[tuple[Entry, ...]]:
    """An entry for each recipe, in their order; those that are finished are known so far. Heavy work.

    store: rows that are there are not made again, and each that is finished is put there at once. skip: told of a
    recipe that cannot be made, which is then left out. Raises EvaluationError where no recipe is asked for; without
    `skip`, QuantError for one that cannot be made: before any work where the model cannot have it.
    """
    if not asked:
        raise EvaluationError(
            Text("El barrido no tiene ninguna receta: elige al menos un formato y un método que vayan juntos.",
                 "The sweep has no recipe: choose at least one format and one method that go together.")
        )  # fmt: skip
    if skip is None:
        for one in asked:
            size_report(maker.loaded(one.recipe.model), one.recipe)
    found: list[Entry] = []
    for place, one in enumerate(asked):
        work = Result(_entry(maker, one, text, store, place / len(asked), 1 / len(asked)))
        try:
            for fraction in work:
                yield Progress(fraction, tuple(found))
            found.append(work.result)
        except QuantError as error:
            if skip is None:
                raise
            skip(one, error)
        yield Progress((place + 1) / len(asked), tuple(found))
    return tuple(found)


def _entry(
    maker: Maker, one: Named, text: EvalText, store: Kept | None, start: float, share: float
) -> Generator[float, None, Entry]:
    """Its entry, from the store where it is there; on the way how far the sweep has come."""
    if store is not None and (known := store.get(one)):
        return known
    work = row(maker, one.recipe, text)
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            made = entry_of(one.name, done.value, text)
            if store is not None:
                store.put(made)
            return made
        yield start + share * step.fraction


class Result:
    """A generator to loop over, whose result stays."""

    def __init__(self, work: Generator[float, None, Entry]) -> None:
        self._work = work
        self.result: Entry

    def __iter__(self) -> Generator[float, None, None]:
        self.result = yield from self._work


def entry_of(name: str, made: Row, text: EvalText) -> Entry:
    """What was just measured."""
    return Entry(
        name, made.recipe, made.bits_per_weight, made.stored_bytes, made.figures.kl_mean,
        made.figures.perplexity_quantized, made.seconds, None, made.kl_sums, made.tokens, text.name, live=True,
    )  # fmt: skip
