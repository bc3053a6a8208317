"""Methods side by side on one model and one text: what each costs, and which of two is better beyond chance.

All read the very same windows, so that two methods are compared document by document: what makes a text hard for both
cancels. One is called better where the interval of the difference of their mean KL (`bootstrap.py`) leaves 0 out, and a
tie otherwise, however the two figures are ordered.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, TypeVar

import numpy as np

from quant.evaluation.bootstrap import Interval, clusters_of, mean_interval
from quant.evaluation.compare import Comparison, Reference
from quant.evaluation.contenders import standard
from quant.evaluation.figures import Figures, figures
from quant.evaluation.layer_error import layer_errors
from quant.evaluation.speed import Pace
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Rule, Step
from quant.size import size_report
from quant.texts import EvalText
from quant.work import Progress, Work, part

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
MOST_ROWS = 2000
SLOW_KNOBS = ("steps", "iterations", "batch", "rank")  # that a method's time grows with
MAKING, READING = 0.5, 0.45  # shares of a row's progress; the rest looks at its layers


@dataclass(frozen=True)
class Row:
    """One recipe, measured. bits_per_weight: of the tensors that it quantizes, what stands beside them included;
    stored_bytes: of the entire model.

    seconds: to quantize, None where the model was there already and nobody had timed it; cached: whether it was there.
    weight_db, output_db: see `layer_error.py`; the latter None for an architecture that is not read block by block.
    kl_sums, tokens: KL in nats and scored tokens of each document, None where the text is too short for intervals.
    """

    recipe: Recipe
    bits_per_weight: float
    stored_bytes: int
    seconds: float | None
    cached: bool
    weight_db: float
    output_db: float | None
    figures: Figures
    kl_sums: tuple[float, ...] | None
    tokens: tuple[float, ...] | None


class Scored(Protocol):
    """What can be told from another by its KL, document by document."""

    @property
    def kl_sums(self) -> tuple[float, ...] | None: ...
    @property
    def tokens(self) -> tuple[float, ...] | None: ...


class Rows:
    """Rows that somebody has measured in this process, and how long each contender took. For any thread."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[Recipe, EvalText], Row] = OrderedDict()
        self._seconds: OrderedDict[Recipe, float] = OrderedDict()
        self._pace: OrderedDict[str, float] = OrderedDict()
        self._written: OrderedDict[Recipe, Pace] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, recipe: Recipe, text: EvalText) -> Row | None:
        with self._lock:
            return self._rows.get((recipe, text))

    def of(self, model: str, text: EvalText) -> list[Row]:
        """All rows of a model on a text, the oldest first."""
        with self._lock:
            kept = list(self._rows.items())
        return [row for (recipe, read), row in kept if recipe.model == model and read == text]

    def put(self, text: EvalText, row: Row) -> None:
        with self._lock:
            _keep(self._rows, (row.recipe, text), row)

    def made(self, recipe: Recipe, parameters: int, seconds: float) -> None:
        """A model was quantized: so many weights in so long."""
        with self._lock:
            _keep(self._seconds, recipe, seconds)
            _keep(self._pace, pace_key(recipe), seconds / max(1, parameters))

    def read(self, name: str, text: EvalText, seconds: float) -> None:
        """A quantized model was scored on a text."""
        with self._lock:
            _keep(self._pace, f"{name} {text.n_bytes}", seconds)

    def seconds(self, recipe: Recipe) -> float | None:
        """How long the model of `recipe` took when it was made here."""
        return self._seconds.get(recipe)

    def wrote(self, recipe: Recipe, pace: Pace) -> None:
        """How fast a model writes was measured."""
        with self._lock:
            _keep(self._written, recipe, pace)

    def pace(self, recipe: Recipe) -> Pace | None:
        """How fast the model of `recipe` writes here, where that was measured."""
        return self._written.get(recipe)

    def expected(self, recipe: Recipe, parameters: int, text: EvalText) -> float | None:
        """Seconds that a row would take, from earlier ones; None where its method has not been timed here."""
        making, reading = self._pace.get(pace_key(recipe)), self._pace.get(f"{recipe.model} {text.n_bytes}")
        return None if making is None or reading is None else making * parameters + reading


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    """Keep one more, of MOST_ROWS at most: what was set longest ago goes first."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MOST_ROWS:
        kept.popitem(last=False)


def pace_key(recipe: Recipe) -> str:
    """What the time of a recipe hangs on most: methods, transforms, steps of a search, and tokens that are read."""
    used: list[Rule | Step] = [*recipe.steps, *(rule for rule in recipe.rules if rule.scheme)]
    tokens = [f"{recipe.calibration.tokens}"] if recipe.calibration else []
    return " ".join([*map(_pace_of, used), *tokens])


def _pace_of(used: Rule | Step) -> str:
    knobs = {name: value for name, value in asdict(used.knobs).items() if name in SLOW_KNOBS}
    return " ".join([used.how.name, *(f"{name}={value}" for name, value in knobs.items())])


class Maker(Protocol):
    """Who loads, quantizes and scores, and remembers: the lab."""

    rows: Rows

    def loaded(self, name: str) -> LoadedModel: ...
    def is_live(self, recipe: Recipe) -> bool: ...
    def quantized(self, recipe: Recipe) -> Work[LoadedModel]: ...
    def reference(self, name: str, text: EvalText) -> Reference: ...
    def measured(self, recipe: Recipe, text: EvalText, quantized: LoadedModel) -> Work[Comparison]: ...


def rows(maker: Maker, recipes: Sequence[Recipe], text: EvalText) -> Work[tuple[Row, ...]]:
    """A row for each recipe, in their order; those that are finished are known so far. Heavy work.

    Raises QuantError for a recipe that the model cannot have and for a text that cannot be scored, before any work.
    """
    for recipe in recipes:
        size_report(maker.loaded(recipe.model), recipe)
        maker.reference(recipe.model, text)
    found: list[Row] = []
    for place, recipe in enumerate(recipes):
        for step in (work := Kept(row(maker, recipe, text))):
            yield Progress((place + step.fraction) / len(recipes), tuple(found))
        found.append(work.result)
        yield Progress(len(found) / len(recipes), tuple(found))
    return tuple(found)


def row(maker: Maker, recipe: Recipe, text: EvalText) -> Work[Row]:
    """One row; at once where somebody has had it measured on this text."""
    if known := maker.rows.get(recipe, text):
        return known
    original, cached = maker.loaded(recipe.model), maker.is_live(recipe)
    report = size_report(original, recipe)
    weights = sum(r.layer.parameters for r in report.rows if r.quantized)
    making = Clock()
    quantized = yield from part(making.of(maker.quantized(recipe)), 0, MAKING)
    if not cached:
        maker.rows.made(recipe, weights, making.seconds)
    reading = Clock()
    compared = yield from part(reading.of(maker.measured(recipe, text, quantized)), MAKING, READING)
    errors = yield from part(reading.of(layer_errors(original, quantized)), MAKING + READING, 1 - MAKING - READING)
    maker.rows.read(recipe.model, text, reading.seconds)
    sums, counts = by_document(compared)
    made = Row(
        recipe, report.quantized_bits_per_weight, report.stored_bytes, maker.rows.seconds(recipe), cached,
        errors.weights, errors.outputs, figures(compared), sums, counts,
    )  # fmt: skip
    maker.rows.put(text, made)
    return made


def by_document(compared: Comparison) -> tuple[tuple[float, ...], tuple[float, ...]] | tuple[None, None]:
    """KL and tokens of each document, or of each window where there are few documents; None where there are few."""
    t = compared.tokens
    clusters = clusters_of(t.window, t.document)
    if clusters is None:
        return None, None
    return tuple(map(float, clusters.sums(t.kl))), tuple(map(float, clusters.counts))


def difference(a: Scored, b: Scored) -> Interval | None:
    """The interval of the mean KL of `a` less that of `b`, paired; None where they did not score the same tokens."""
    if a.kl_sums is None or b.kl_sums is None or a.tokens != b.tokens:
        return None
    return mean_interval(np.array(a.kl_sums) - np.array(b.kl_sums), np.array(a.tokens))


def below(a: Scored, b: Scored) -> bool:
    """Whether `a` loses less than `b` beyond chance; where neither does, they tie."""
    interval = difference(a, b)
    return interval is not None and interval.high < 0


def standard_recipes(loaded: LoadedModel, names: Sequence[str], bits: int) -> Mapping[str, Recipe]:
    """The recipes of some contenders at equal bits, by name. Raises SchemeError where one takes no such format."""
    return {name: standard(name, bits, loaded) for name in names}


class Clock:
    """Seconds spent in a work alone, not in whoever asks it for its next step."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def of(self, work: Work[T]) -> Work[T]:
        while True:
            start = time.perf_counter()
            try:
                step = next(work)
            except StopIteration as done:
                self.seconds += time.perf_counter() - start
                result: T = done.value
                return result
            self.seconds += time.perf_counter() - start
            yield step


class Kept:
    """A work to loop over, whose result stays."""

    def __init__(self, work: Work[Row]) -> None:
        self._work = work
        self.result: Row

    def __iter__(self) -> Generator[Progress[Row], None, None]:
        self.result = yield from self._work
