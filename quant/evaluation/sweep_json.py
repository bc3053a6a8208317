"""An entry of a sweep as JSON, in the store of a run and in what ships recorded."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Strict

from quant.evaluation.figure_json import DIGITS, EVERY_DIGIT, Figure, short
from quant.evaluation.sweep import Entry, Pace
from quant.json_model import JsonModel
from quant.recipe_json import recipe_from_json, recipe_to_json

Numbers = Annotated[tuple[float, ...], Strict(False)]


class PaceJson(JsonModel):
    """How fast it writes, and over the float model: median, least and greatest round."""

    tokens_per_second: float
    ratio: float
    low: float
    high: float

    @classmethod
    def of(cls, pace: Pace, digits: int = DIGITS) -> PaceJson:
        return cls(**{name: float(f"{value:.{digits}g}") for name, value in vars(pace).items()})

    def made(self) -> Pace:
        return Pace(self.tokens_per_second, self.ratio, self.low, self.high)


class EntryJson(JsonModel):
    """One recipe; the fields are those of `Entry`."""

    name: str
    recipe: dict[str, Any]
    bits_per_weight: float
    stored_bytes: int
    kl: Figure
    perplexity: Figure
    seconds: float | None = None
    kl_sums: Numbers | None = None
    tokens: Numbers | None = None
    text_name: str = ""
    pace: PaceJson | None = None

    @classmethod
    def of(cls, entry: Entry, digits: int = EVERY_DIGIT) -> EntryJson:
        """An entry to so many significant digits."""
        sums = entry.kl_sums and tuple(float(f"{one:.{digits}g}") for one in entry.kl_sums)
        return cls(
            name=entry.name, recipe=recipe_to_json(entry.recipe), bits_per_weight=entry.bits_per_weight,
            stored_bytes=entry.stored_bytes, kl=Figure.of(entry.kl, digits),
            perplexity=Figure.of(entry.perplexity, digits),
            seconds=None if entry.seconds is None else short(entry.seconds, digits), kl_sums=sums or None,
            tokens=entry.tokens, text_name=entry.text_name,
            pace=None if entry.pace is None else PaceJson.of(entry.pace, digits),
        )  # fmt: skip

    def made(self, live: bool = False) -> Entry:
        """The entry. Raises QuantError for a recipe that no longer can be."""
        entry = Entry(
            self.name, recipe_from_json(self.recipe), self.bits_per_weight, self.stored_bytes, self.kl.estimate,
            self.perplexity.estimate, self.seconds, None, self.kl_sums, self.tokens, self.text_name, live=live,
        )  # fmt: skip
        return entry.at(self.pace.made()) if self.pace else entry
