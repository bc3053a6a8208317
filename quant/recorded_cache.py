"""What few bits for keys and values cost the embedded model, measured beforehand: `assets/cache.json`.

`python -m quant.bench.cache --record` writes it. It is tied to the file of the weights by its SHA-256, as
`quant/recorded.py` is. Nothing here needs torch.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Strict

from quant.errors import ModelError
from quant.json_model import JsonModel, parsed, read_json
from quant.recorded import ASSETS, WEIGHTS, Title, sha256_of
from quant.text import Text

FILE = ASSETS / "cache.json"
AGAIN = "python -m quant.bench.cache --record"


class Cell(JsonModel):
    """One pair of bits, weights in float.

    stored_bytes: of keys and values at `RecordedCache.context` tokens. kl: mean, nats, low and high the ends of its
    95 % interval. keys_db, values_db: signal over error of all keys and values of a window.
    """

    keys: int
    values: int
    per: str
    stored_bytes: int
    kl: float
    low: float
    high: float
    keys_db: float
    values_db: float


class RecordedCache(JsonModel):
    """All pairs, and what they were measured on."""

    model_sha256: str
    versions: dict[str, str]
    text_name: str
    title: Title
    context: int
    rows: Annotated[tuple[Cell, ...], Strict(False)]

    def cell(self, keys: int, values: int, per: str) -> Cell:
        return next(row for row in self.rows if (row.keys, row.values, row.per) == (keys, values, per))


def read(path: Path, weights: Path) -> RecordedCache:
    """What was recorded of those weights. Raises ModelError where it was recorded of others."""
    found = parsed(RecordedCache, read_json(path.read_text(encoding="utf8"), path.name), path.name)
    if found.model_sha256 != sha256_of(weights):
        raise ModelError(
            Text("Lo grabado no es de los pesos del modelo incluido; vuelve a grabarlo con: {command}.",
                 "What was recorded is not of the built-in model’s weights; record it again with: {command}.")
            .format(command=AGAIN)
        )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def recorded_cache() -> RecordedCache:
    """What ships with the project. Raises ModelError as `read` does."""
    return read(FILE, WEIGHTS)
