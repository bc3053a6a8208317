"""What the parts of the embedded model cost, as it ships: `python -m quant.bench.choose --record` writes it.

`assets/choices.json` is tied to the weights by their SHA-256: of other weights nothing is shown rather than figures of
another model. So the page divides a budget at once; costs of another model are made live, and take the same shape.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from quant.errors import ModelError
from quant.evaluation.costs import MEASURED, Losses
from quant.json_model import JsonModel, parsed, read_json
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json
from quant.recorded import ASSETS, WEIGHTS, sha256_of
from quant.recorded_methods import Figure
from quant.text import Text

FILE = ASSETS / "choices.json"
AGAIN = "python -m quant.bench.choose --record"
Numbers = Annotated[tuple[float, ...], Strict(False)]


class LossesJson(JsonModel):
    """`Losses` of one palette, measured."""

    palette: str
    matrices: dict[str, dict[str, float]]
    together: dict[str, float]
    cache: dict[str, dict[str, float]]

    def made(self, model: str) -> Losses:
        cache = {side: {int(bits): loss for bits, loss in by.items()} for side, by in self.cache.items()}
        return Losses(model, self.palette, MEASURED, self.matrices, self.together, cache)


class EffectJson(JsonModel):
    """`Effect`: one part of a recipe, quantized alone; proxies: its guesses by name, none for what is no matrix."""

    name: str
    kl: Figure
    noise: float | None
    proxies: dict[str, float]


class SensitivityJson(JsonModel):
    """`Sensitivity` of one recipe. ranks: of each guess, Spearman's coefficient with the effects of the matrices."""

    recipe: dict[str, Any]
    effects: Annotated[tuple[EffectJson, ...], Strict(False)]
    together: Figure
    control: float
    ranks: dict[str, float]

    @property
    def made(self) -> Recipe:
        return recipe_from_json(self.recipe)

    @property
    def additivity(self) -> float:
        """The sum of the effects over the effect of all parts together."""
        assert self.together.value
        return sum(effect.kl.estimate.value for effect in self.effects) / self.together.value

    @property
    def noise_ratio(self) -> float:
        """The median, over matrices, of the KL under noise of the same norm over that under the error itself."""
        ratios = sorted(e.noise / e.kl.value for e in self.effects if e.noise is not None and e.kl.value)
        return ratios[len(ratios) // 2]


class MeasuredJson(JsonModel):
    """A recipe of a budget, measured on the page's default text; the fields are those of `evaluation.methods.Row`."""

    recipe: dict[str, Any]
    bits_per_weight: float
    stored_bytes: int
    kl: Figure
    perplexity: Figure
    kl_sums: Numbers | None
    tokens: Numbers | None

    @property
    def made(self) -> Recipe:
        return recipe_from_json(self.recipe)


class RecordedChoices(JsonModel):
    """All of it, and what made it. text_name: what `measured` was read on; costs are of `sensitivity_text`."""

    model_sha256: str
    versions: dict[str, str]
    threads: int
    text_name: str
    losses: Annotated[tuple[LossesJson, ...], Strict(False)]
    sensitivities: Annotated[tuple[SensitivityJson, ...], Strict(False)]
    measured: Annotated[tuple[MeasuredJson, ...], Strict(False)]

    def of(self, palette: str) -> LossesJson | None:
        return next((one for one in self.losses if one.palette == palette), None)


def read(path: Path, weights: Path) -> RecordedChoices:
    """What was recorded of those weights. Raises ModelError where it was recorded of others."""
    found = parsed(RecordedChoices, read_json(path.read_text(encoding="utf8"), path.name), path.name)
    if found.model_sha256 != sha256_of(weights):
        raise ModelError(
            Text("Los costes grabados no son de los pesos del modelo incluido; vuelve a grabarlos con: {command}.",
                 "The recorded costs are not of the built-in model’s weights; record them again with: {command}.")
            .format(command=AGAIN)
        )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def recorded_choices() -> RecordedChoices:
    """What ships with the project. Raises ModelError as `read` does."""
    return read(FILE, WEIGHTS)
