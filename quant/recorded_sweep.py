"""The sweep that ships with the project: some seventy recipes of the embedded model, its floor, and KL by certainty.

`python -m quant.bench.sweep --record` writes `assets/sweep.json`, tied to the weights by their SHA-256 as
`recorded.py` is. Speeds are of the machine that recorded, beside the float model in the same rounds.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from quant.errors import ModelError
from quant.evaluation.certainty import Bin
from quant.evaluation.figure_json import Figure
from quant.evaluation.floor import Floor
from quant.evaluation.sweep import Entry
from quant.evaluation.sweep_json import EntryJson, Numbers
from quant.json_model import JsonModel, parsed, read_json
from quant.recorded import ASSETS, WEIGHTS, sha256_of
from quant.text import Text

FILE = ASSETS / "sweep.json"
AGAIN = "python -m quant.bench.sweep --record"


class BinJson(JsonModel):
    """The fields of `Bin`."""

    low: float
    high: float
    count: int
    kl: Figure
    share: float

    @classmethod
    def of(cls, one: Bin) -> BinJson:
        return cls(low=one.low, high=one.high, count=one.count, kl=Figure.of(one.kl), share=round(one.share, 6))

    def made(self) -> Bin:
        return Bin(self.low, self.high, self.count, self.kl.estimate, self.share)


class Certainty(JsonModel):
    """KL of one recipe by how sure the original was; name: of its row."""

    name: str
    bins: Annotated[tuple[BinJson, ...], Strict(False)]

    def made(self) -> tuple[Bin, ...]:
        return tuple(one.made() for one in self.bins)


class RecordedSweep(JsonModel):
    """The rows, and what they are of.

    versions, threads: of what computed them; machine: the processor that speeds were measured on; text_name, protocol:
    what was read; tokens: of each document, those of every row; floor: one figure a seed.
    """

    model_sha256: str
    versions: dict[str, str]
    threads: int
    machine: str
    text_name: str
    protocol: dict[str, Any]
    perplexity_original: Figure
    float_bytes: int
    tokens: Numbers
    floor: Annotated[tuple[Figure, ...], Strict(False)]
    certainty: Annotated[tuple[Certainty, ...], Strict(False)]
    rows: Annotated[tuple[EntryJson, ...], Strict(False)]

    def entries(self) -> tuple[Entry, ...]:
        """The rows, with what all of them share."""
        shared = {"tokens": self.tokens, "text_name": self.text_name}
        return tuple(row.model_copy(update=shared).made() for row in self.rows)

    def lowest(self) -> Floor:
        """The floor."""
        return Floor(tuple(one.estimate for one in self.floor))


def read(path: Path, weights: Path) -> RecordedSweep:
    """What was recorded of those weights. Raises ModelError where it was recorded of others."""
    found = parsed(RecordedSweep, read_json(path.read_text(encoding="utf8"), path.name), path.name)
    if found.model_sha256 != sha256_of(weights):
        raise ModelError(
            Text("Lo grabado no es de los pesos del modelo incluido; vuelve a grabarlo con: {command}.",
                 "What was recorded is not of the built-in model’s weights; record it again with: {command}.")
            .format(command=AGAIN)
        )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def recorded_sweep() -> RecordedSweep:
    """What ships with the project. Raises ModelError as `read` does."""
    return read(FILE, WEIGHTS)


@lru_cache(maxsize=1)
def recorded_entries() -> tuple[Entry, ...]:
    """Its rows, made once."""
    return recorded_sweep().entries()
