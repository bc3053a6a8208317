"""What the section Barrido is of: which recipes were asked for, and which rows are known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from quant.errors import EvaluationError, ModelError
from quant.evaluation.certainty import Bin, by_certainty
from quant.evaluation.contenders import contenders
from quant.evaluation.floor import Floor
from quant.evaluation.pareto import front, knee
from quant.evaluation.sweep import Entry, Named, entry_of
from quant.evaluation.sweep_recipes import SWEPT_FORMATS, TABLES, swept, usual
from quant.evaluation.verdict import BROKEN_KL
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.recorded_sweep import RecordedSweep, recorded_entries, recorded_sweep
from quant.texts import EvalText, shipped_text
from quant.ui.tabs.choose import sweep_texts as t

TEXT, TEXT_BYTES = "enciclopedia", 40_000  # what Métrica reads unless asked for more, and what was recorded
SEPARATOR = ":"


@dataclass(frozen=True)
class State:
    """What a live sweep measures. In an address: "int4,Q4_K:rtn,gptq:float32"; nothing for what is as it comes."""

    formats: tuple[str, ...] = ("int8", "int4", "int3", "Q4_K")
    methods: tuple[str, ...] = ("rtn", "gptq")
    tables: tuple[str, ...] = ("float32",)

    @classmethod
    def read(cls, written: str) -> State:
        """Raises EvaluationError for what no sweep can be; names that no longer exist are left out."""
        if not written:
            return cls()
        parts = written.split(SEPARATOR)
        if len(parts) != 3:
            raise EvaluationError(t.BAD_STATE.format(got=written[:60]))
        known = (SWEPT_FORMATS, tuple(contenders()), TABLES)
        asked = [part.split(",") for part in parts]
        return cls(*(tuple(n for n in names if n in said) for names, said in zip(known, asked, strict=True)))

    def recipes(self, lab: Lab, model: str) -> tuple[Named, ...]:
        """Those that there are, and that the model can have."""
        return _swept(self, lab.loaded(model))


@lru_cache(maxsize=32)
def _swept(state: State, loaded: LoadedModel) -> tuple[Named, ...]:
    return tuple(swept(state.formats, state.methods, state.tables, loaded))


@lru_cache(maxsize=4)
def _usual(loaded: LoadedModel) -> tuple[Named, ...]:
    return tuple(usual(loaded))


@lru_cache(maxsize=1)
def read_text() -> EvalText:
    return shipped_text(TEXT).part(TEXT_BYTES)


@lru_cache(maxsize=1)
def known() -> RecordedSweep | None:
    """What ships recorded; None where it is of other weights or missing."""
    try:
        return recorded_sweep()
    except (ModelError, FileNotFoundError):
        return None


@dataclass(frozen=True)
class Seen:
    """The rows in view, smallest first, and where the floor lies. view, scope: keys of VIEWS and SCOPES."""

    entries: tuple[Entry, ...]
    lowest: Floor | None
    view: str
    machine: str

    @property
    def points(self) -> list[tuple[float, float]]:
        return [(cost(entry, self.view), entry.kl.value) for entry in self.entries]

    @property
    def best(self) -> list[Entry]:
        """The front, least cost first."""
        return [self.entries[place] for place in sorted(front(self.points), key=lambda p: self.points[p])]

    @property
    def knee(self) -> Entry | None:
        """Of what is not broken by the verdict's rule: nobody is to be led to a model that babbles."""
        whole = [entry for entry in self.entries if entry.kl.value < BROKEN_KL]
        points = [(cost(entry, self.view), entry.kl.value) for entry in whole]
        place = knee(points, self.lowest.mean if self.lowest else 0.0)
        return None if place is None else whole[place]

    @property
    def under(self) -> list[Entry]:
        """Those that cannot be told from one another, smallest first."""
        lowest = self.lowest
        return [] if lowest is None else [entry for entry in self.entries if entry.kl.value <= lowest.mean]


def cost(entry: Entry, view: str) -> float:
    """What less of is better: bytes, or the time of a token over float32's."""
    return entry.stored_bytes if view == "bytes" or entry.pace is None else 1 / entry.pace.ratio


def seen(lab: Lab, model: str, state: State, view: str, scope: str) -> Seen:
    """Of each recipe the row measured here, else the recorded one; of those asked for and of the usual ones."""
    found = [entry for entry in every(lab, model, state) if scope == "all" or not stores_table(entry)]
    if view == "speed":
        found = [entry for entry in found if entry.pace]
    recorded = known() if model == EMBEDDED else None
    return Seen(tuple(found), recorded.lowest() if recorded else None, view, recorded.machine if recorded else "")


def every(lab: Lab, model: str, state: State) -> list[Entry]:
    """All rows that are known of a model, smallest first."""
    before = {e.recipe: e for e in recorded_entries()} if model == EMBEDDED and known() else {}
    found: dict[object, Entry] = {}
    for one in (*_usual(lab.loaded(model)), *state.recipes(lab, model)):
        if entry := live(lab, one) or before.get(one.recipe):
            found[one.recipe] = entry
    return sorted(found.values(), key=lambda e: (e.stored_bytes, e.kl.value))


def live(lab: Lab, one: Named) -> Entry | None:
    """The row of a recipe that was measured in this process, with its speed where that was."""
    row = lab.rows.get(one.recipe, read_text())
    return None if row is None else entry_of(one.name, row, read_text()).at(lab.rows.pace(one.recipe))


def stores_table(entry: Entry) -> bool:
    """Whether the token table is stored otherwise than in float32."""
    return any(not rule.layers.startswith("linear:") for rule in entry.recipe.rules)


def certainty(lab: Lab, model: str, entries: Sequence[Entry]) -> dict[str, tuple[Bin, ...]]:
    """KL by certainty of a few recipes, by name: as recorded, or of what was measured here where nothing is."""
    recorded = known() if model == EMBEDDED else None
    if recorded:
        return {one.name: one.made() for one in recorded.certainty}
    found = {e.name: lab.known(e.recipe, read_text()) for e in entries if e.live}
    bins = {name: by_certainty(one.comparison.tokens) for name, one in found.items() if one}
    return dict(list(bins.items())[:5])
