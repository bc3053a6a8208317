"""What rounding activations costs the embedded model, measured beforehand: the table is there before anything is run.

`python -m quant.bench.activations` writes `assets/activations.json`, tied to the weights by their SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from quant.errors import ModelError
from quant.evaluation.verdict import Verdict
from quant.json_model import JsonModel, parsed, read_json
from quant.recorded import ASSETS, WEIGHTS, Figure, Title, sha256_of
from quant.text import Text

FILE = ASSETS / "activations.json"
AGAIN = "python -m quant.bench.activations"


class CostRow(JsonModel):
    """One case, by the fields of `Case`, and its figures: KL and log_ratio in nats, same_top a share."""

    weight_bits: int
    activations: str
    step: str
    kl_mean: Figure
    log_ratio: Figure
    same_top: Figure
    perplexity: Figure
    verdict: str

    @property
    def judged(self) -> Verdict:
        return Verdict[self.verdict]


class RecordedCosts(JsonModel):
    """The cases, what computed them and what was read, as in `Recorded`."""

    model_sha256: str
    versions: dict[str, str]
    text_name: str
    title: Title
    protocol: dict[str, Any]
    perplexity_original: Figure
    rows: Annotated[tuple[CostRow, ...], Strict(False)]

    @property
    def text_title(self) -> Text:
        return Text(self.title.es, self.title.en)

    @property
    def by_case(self) -> Mapping[tuple[int, str, str], CostRow]:
        return {(row.weight_bits, row.activations, row.step): row for row in self.rows}


def read(path: Path, weights: Path) -> RecordedCosts:
    """What was recorded of those weights. Raises ModelError where it was recorded of others."""
    found = parsed(RecordedCosts, read_json(path.read_text(encoding="utf8"), path.name), path.name)
    if found.model_sha256 != sha256_of(weights):
        raise ModelError(
            Text("Lo grabado no es de los pesos del modelo incluido; vuelve a grabarlo con: {command}.",
                 "What was recorded is not of the built-in model’s weights; record it again with: {command}.")
            .format(command=AGAIN)
        )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def recorded_costs() -> RecordedCosts:
    """What ships with the project. Raises ModelError as `read` does."""
    return read(FILE, WEIGHTS)
