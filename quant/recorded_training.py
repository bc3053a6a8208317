"""The longer trainings that ship with the project: their curves, and the models that they ended with.

`python -m quant.bench.qat --record` writes `assets/training.json` and beside it one packed file for each run, tied to
the embedded weights by their SHA-256: of other weights nothing is shown rather than figures of another model.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from quant.errors import ModelError
from quant.evaluation.learning import Check, Learning
from quant.json_model import JsonModel, parsed, read_json
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json
from quant.recorded import ASSETS, WEIGHTS, sha256_of
from quant.recorded_methods import Figure
from quant.text import Text

FILE, FOLDER = ASSETS / "training.json", ASSETS / "training"
AGAIN = "python -m quant.bench.qat --record"


class CheckJson(JsonModel):
    """A check of `Learning`."""

    step: int
    seconds: float
    kl: float
    perplexity: float
    text: str
    places: Annotated[tuple[int, ...], Strict(False)]


class Run(JsonModel):
    """One training. name: of its bits, as a plan has them (`1`, `1.58`, `2m`, `2`...); file: of the packed model.

    recipe: with the steps that were made; losses and checks as those of `Learning`. kl, perplexity: of the model that
    it ended with on the whole default text; kl_rounding, kl_gptq: of the same scheme without training, there, None
    where the method cannot fill it; bits_per_weight: of what is trained; stored_bytes: of the entire model.
    """

    name: str
    recipe: dict[str, Any]
    file: str
    seconds: float
    losses: Annotated[tuple[Annotated[tuple[int, float], Strict(False)], ...], Strict(False)]
    checks: Annotated[tuple[CheckJson, ...], Strict(False)]
    perplexity_original: float
    text_original: str
    kl: Figure
    perplexity: Figure
    kl_rounding: Figure | None
    perplexity_rounding: Figure | None
    kl_gptq: Figure | None
    bits_per_weight: float
    stored_bytes: int

    @property
    def made(self) -> Recipe:
        return recipe_from_json(self.recipe)

    @property
    def learning(self) -> Learning:
        """The run as a live one is shown."""
        checks = tuple(Check(**check.model_dump()) for check in self.checks)
        return Learning(
            self.made, self.losses, checks, self.perplexity_original, self.text_original, self.seconds
        )  # fmt: skip


class RecordedTraining(JsonModel):
    """All runs, and what made them."""

    model_sha256: str
    versions: dict[str, str]
    threads: int
    text_name: str
    perplexity_whole: Figure
    runs: Annotated[tuple[Run, ...], Strict(False)]

    def of(self, recipe: Recipe) -> Run | None:
        """The run whose model is that of `recipe`."""
        return next((run for run in self.runs if run.made == recipe), None)


def read(path: Path, weights: Path) -> RecordedTraining:
    """What was recorded of those weights. Raises ModelError where it was recorded of others."""
    found = parsed(RecordedTraining, read_json(path.read_text(encoding="utf8"), path.name), path.name)
    if found.model_sha256 != sha256_of(weights):
        raise ModelError(
            Text("Los entrenamientos grabados no son de los pesos del modelo incluido; vuelve a grabarlos con: "
                 "{command}.",
                 "The recorded trainings are not of the built-in model’s weights; record them again with: {command}.")
            .format(command=AGAIN)
        )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def recorded_training() -> RecordedTraining:
    """What ships with the project. Raises ModelError as `read` does."""
    return read(FILE, WEIGHTS)
