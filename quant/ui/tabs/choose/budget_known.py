"""What is known of a budget: costs as recorded or as estimated here, the mix, the uniform recipe beside it, figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from quant.errors import ModelError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.budget import Mix, best_uniform, mix_losing, mix_within
from quant.evaluation.costs import Costs, Losses, costs
from quant.evaluation.figures import Estimate
from quant.evaluation.methods import Scored, difference
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.recipe import Recipe
from quant.recorded_choices import MeasuredJson, RecordedChoices, recorded_choices
from quant.texts import EvalText, shipped_text
from quant.ui.tabs.choose.budget_state import State

TEXT, QUICK_BYTES = "enciclopedia", 40_000  # what Métrica reads unless asked for more


@dataclass(frozen=True)
class Figures:
    """KL of a recipe on the page's text, nats. live: measured here."""

    kl: Estimate
    scored: Scored
    live: bool


@dataclass(frozen=True)
class Known:
    """A mix and the best uniform recipe of as many bytes, with their figures where there are any."""

    costs: Costs
    mix: Mix
    uniform: Mix | None
    measured: Figures | None
    uniform_measured: Figures | None

    @property
    def is_uniform(self) -> bool:
        return len(self.mix.recipe.rules) == 1

    @property
    def difference(self) -> Interval | None:
        """Of the mean KL of the mix less that of the uniform recipe, paired."""
        if self.measured is None or self.uniform_measured is None:
            return None
        return difference(self.measured.scored, self.uniform_measured.scored)


def losses_of(lab: Lab, model: str, palette: str) -> Losses | None:
    """As recorded, or as worked out here; None before."""
    record = recorded() if model == EMBEDDED else None
    found = record.of(palette) if record else None
    return found.made(model) if found else lab.losses.get((model, palette))


def known(lab: Lab, model: str, state: State) -> Known | None:
    """What is known of a budget; None before its costs are. Raises BudgetError that says the least possible."""
    losses = losses_of(lab, model, state.palette)
    if losses is None:
        return None
    loaded = lab.loaded(model)
    found = costs(loaded, losses, state.context)
    mix = mix_within(loaded, found, state.n_bytes) if state.want == "size" else mix_losing(loaded, found, state.nats)
    room = state.n_bytes if state.want == "size" else mix.n_bytes
    same = best_uniform(loaded, found, room)
    return Known(found, mix, same, figures_of(lab, mix.recipe), figures_of(lab, same.recipe) if same else None)


def figures_of(lab: Lab, recipe: Recipe) -> Figures | None:
    """As measured here, else as recorded."""
    if row := lab.rows.get(recipe, read_text()):
        return Figures(row.figures.kl_mean, row, True)
    found = _measured().get(recipe)
    return Figures(found.kl.estimate, found, False) if found else None


@lru_cache(maxsize=1)
def read_text() -> EvalText:
    return shipped_text(TEXT).part(QUICK_BYTES)


@lru_cache(maxsize=1)
def _measured() -> dict[Recipe, MeasuredJson]:
    """The recorded recipes, read once."""
    found = recorded()
    return {one.made: one for one in found.measured} if found else {}


@lru_cache(maxsize=1)
def recorded() -> RecordedChoices | None:
    """What ships of the built-in model; None where it is of other weights."""
    try:
        return recorded_choices()
    except (ModelError, FileNotFoundError):
        return None
