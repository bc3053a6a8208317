"""Which rows the section Comparar shows: those measured here, and the recorded ones where those are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from quant.errors import EvaluationError, ModelError, QuantError
from quant.evaluation.contenders import BASELINE, LEAST_BITS, MOST_BITS, contenders, standard
from quant.evaluation.methods import below
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.recipe import Recipe
from quant.recorded_methods import Compared, Recorded, best_of, of_row, ranked, recorded_methods, tied_with
from quant.texts import EvalText, shipped_text
from quant.ui.tabs.methods import compare_texts as t

QUICK_BYTES = 40_000  # what Métrica reads unless asked for more: the same figures
FIRST_BITS = 3  # where methods differ most, and none is broken yet
SEPARATOR = ":"


@dataclass(frozen=True)
class State:
    """What is compared: bits, contenders by name, the text. In an address: "3:rtn,gptq:enciclopedia"."""

    bits: int
    names: tuple[str, ...]
    text: str

    @classmethod
    def usual(cls) -> State:
        return cls(FIRST_BITS, tuple(contenders()), next(iter(t.TEXTS)))

    @classmethod
    def read(cls, written: str) -> State:
        """Raises EvaluationError for what no comparison can be."""
        if not written:
            return cls.usual()
        parts = written.split(SEPARATOR)
        if (
            len(parts) == 3
            and parts[0] in [str(bits) for bits in range(LEAST_BITS, MOST_BITS + 1)]
            and parts[2] in t.TEXTS
        ):
            names = tuple(name for name in contenders() if name in parts[1].split(","))
            return cls(int(parts[0]), names, parts[2])
        raise EvaluationError(t.BAD_STATE.format(got=written[:60]))

    def recipes(self, lab: Lab, model: str) -> tuple[dict[str, Recipe], list[str]]:
        """The recipes by name, and the names of those that take no such format."""
        return _recipes(self.names, self.bits, lab.loaded(model))

    @property
    def read_text(self) -> EvalText:
        return _part(self.text)


@lru_cache(maxsize=16)  # of models that the lab keeps anyway; the slider goes to and fro over seven
def _recipes(names: tuple[str, ...], bits: int, loaded: LoadedModel) -> tuple[dict[str, Recipe], list[str]]:
    found, left = {}, []
    for name in names:
        try:
            found[name] = standard(name, bits, loaded)
        except QuantError:
            left.append(name)
    return found, left


@lru_cache(maxsize=4)
def _part(name: str) -> EvalText:
    return shipped_text(name).part(QUICK_BYTES)


@dataclass(frozen=True)
class Shown:
    """The rows of a comparison, the one that loses least first. left: names that take no format of so many bits;
    recipes: of all the others by name, measured or not.
    """

    state: State
    rows: tuple[Compared, ...]
    left: tuple[str, ...]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        """How many of the ticked methods take a format of so many bits."""
        return len(self.state.names) - len(self.left)

    @property
    def best(self) -> Compared:
        return best_of(self.rows)

    @property
    def base(self) -> Compared | None:
        return next((row for row in self.rows if row.name == BASELINE), None)

    @property
    def ties(self) -> list[Compared]:
        return tied_with(self.best, self.rows) if self.best.kl_sums else []

    @property
    def worse(self) -> list[Compared]:
        """Those that lose more than rounding, beyond chance."""
        return [row for row in self.rows if self.base and below(self.base, row)]

    @property
    def surprise(self) -> Compared | None:
        """The one whose weights lie further than rounding's and whose outputs lie closer, by the most."""
        base = self.base
        if base is None or base.weight_db is None or base.output_db is None:
            return None
        low, high = base.weight_db - 0.1, base.output_db + 0.1
        known = [r for r in self.rows if r.weight_db is not None and r.output_db is not None]
        found = [r for r in known if (r.weight_db or 0) < low and (r.output_db or 0) > high]
        return max(found, key=lambda r: r.output_db or 0.0, default=None)


def shown(lab: Lab, model: str, state: State) -> Shown:
    """Of each contender the row that was measured here, else the recorded one of the very same recipe."""
    recipes, left = state.recipes(lab, model)
    before = {row.name: row for row in recorded_of(model, state.text, state.bits)}
    rows = []
    for name, recipe in recipes.items():
        if live := lab.rows.get(recipe, state.read_text):
            rows.append(of_row(name, state.bits, live))
        elif name in before and before[name].made == recipe:
            rows.append(before[name])
    return Shown(state, tuple(ranked(rows)), tuple(left), recipes)


def all_bits(lab: Lab, model: str, state: State) -> list[Shown]:
    """The same contenders at every number of bits of which something is known."""
    found = [shown(lab, model, State(bits, state.names, state.text)) for bits in range(LEAST_BITS, MOST_BITS + 1)]
    return [one for one in found if one.rows]


def recorded_of(model: str, text: str, bits: int) -> Sequence[Compared]:
    """What was recorded of that model on that text; nothing of another, or where it is of other weights."""
    found = _known() if model == EMBEDDED else None
    return found.at(bits) if found and found.text_name == text else ()


@lru_cache(maxsize=1)
def _known() -> Recorded | None:
    try:
        return recorded_methods()
    except (ModelError, FileNotFoundError):
        return None
