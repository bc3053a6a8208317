"""The comparison of methods that ships with the project: every contender at 8, 4, 3 and 2 bits on the embedded model.

`python -m quant.bench.methods --record` writes `assets/methods.json`, tied to the weights by their SHA-256: of other
weights nothing is shown rather than figures of another model. A live row takes the same shape (`of_row`), so that the
page draws both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from quant.errors import ModelError
from quant.evaluation.contenders import BASELINE, contenders
from quant.evaluation.figure_json import Figure, short
from quant.evaluation.methods import Row, below
from quant.json_model import JsonModel, parsed, read_json
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.recorded import ASSETS, WEIGHTS, sha256_of
from quant.text import Text

FILE = ASSETS / "methods.json"
AGAIN = "python -m quant.bench.methods --record"
RECORDED_BITS = (8, 4, 3, 2)
EQUAL_BITS = 0.25  # per weight, by which what stands beside the codes may exceed rounding's and still count as equal
Numbers = Annotated[tuple[float, ...], Strict(False)]


class Compared(JsonModel):
    """A row of the comparison, live or recorded. name: of the contender; bits: of its codes; code: a digest of the
    files that its maths are in, by which a row that older ones made is known. The other fields are those of `Row`.
    """

    name: str
    bits: int
    recipe: dict[str, Any]
    bits_per_weight: float
    stored_bytes: int
    seconds: float | None
    weight_db: float | None
    output_db: float | None
    kl: Figure
    perplexity: Figure
    kl_sums: Numbers | None
    tokens: Numbers | None
    code: str = ""
    live: bool = False

    @property
    def made(self) -> Recipe:
        return recipe_from_json(self.recipe)


class Recorded(JsonModel):
    """The rows, and what they are of. versions: of what computed them; text_name, protocol: what was read."""

    model_sha256: str
    versions: dict[str, str]
    threads: int
    text_name: str
    protocol: dict[str, Any]
    perplexity_original: Figure
    rows: Annotated[tuple[Compared, ...], Strict(False)]

    def at(self, bits: int) -> list[Compared]:
        """The rows at `bits` bits, of what is still there to be compared."""
        return [row for row in self.rows if row.bits == bits and row.name in contenders()]


def of_row(name: str, bits: int, row: Row) -> Compared:
    """A row that has just been measured."""
    return Compared(
        name=name, bits=bits, recipe=recipe_to_json(row.recipe), bits_per_weight=row.bits_per_weight,
        stored_bytes=row.stored_bytes, seconds=row.seconds, weight_db=short(row.weight_db),
        output_db=None if row.output_db is None else short(row.output_db), kl=Figure.of(row.figures.kl_mean),
        perplexity=Figure.of(row.figures.perplexity_quantized), kl_sums=row.kl_sums, tokens=row.tokens, live=True,
    )  # fmt: skip


def ranked(rows: Sequence[Compared]) -> list[Compared]:
    """By their KL, least first."""
    return sorted(rows, key=lambda row: row.kl.estimate.value)


def is_fair(row: Compared, rows: Sequence[Compared]) -> bool:
    """Whether a row takes no more bits per weight than rounding does, but for EQUAL_BITS: else it wins by its bytes."""
    usual = baseline(rows)
    return usual is None or row.bits_per_weight <= usual.bits_per_weight + EQUAL_BITS


def best_of(rows: Sequence[Compared]) -> Compared:
    """The one that loses least of those that take about the same bits. There is one."""
    return next(row for row in [*ranked([r for r in rows if is_fair(r, rows)]), *ranked(rows)])


def tied_with(best: Compared, rows: Sequence[Compared]) -> list[Compared]:
    """Those of which `best` cannot be told beyond chance."""
    return [row for row in rows if row is not best and is_fair(row, rows) and not below(best, row)]


def baseline(rows: Sequence[Compared]) -> Compared | None:
    return next((row for row in rows if row.name == BASELINE), None)


def read(path: Path, weights: Path) -> Recorded:
    """What was recorded of those weights. Raises ModelError where it was recorded of others."""
    found = parsed(Recorded, read_json(path.read_text(encoding="utf8"), path.name), path.name)
    if found.model_sha256 != sha256_of(weights):
        raise ModelError(
            Text("Lo grabado no es de los pesos del modelo incluido; vuelve a grabarlo con: {command}.",
                 "What was recorded is not of the built-in model’s weights; record it again with: {command}.")
            .format(command=AGAIN)
        )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def recorded_methods() -> Recorded:
    """What ships with the project. Raises ModelError as `read` does."""
    return read(FILE, WEIGHTS)
