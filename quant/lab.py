"""What visitors share: models, a cache of quantized ones bounded in bytes, and two lanes of work.

Light work (a slider, a figure) never waits for heavy work (text, metrics): heavy work goes one at a time through
`Lab.heavy`, a lane (lane.py). Models are read only; every visitor sees the same objects.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from quant import folding
from quant.errors import CalibrationError, ModelError, shown
from quant.evaluation.compare import Comparison, Reference, compare_steps
from quant.evaluation.costs import Losses
from quant.evaluation.learning import Learnings, any_steps
from quant.evaluation.methods import Rows
from quant.lane import Lane
from quant.loading import load_model
from quant.model.layers import Layer, Place, census
from quant.model.load import EMBEDDED, LoadedModel
from quant.model.packed import packed_bytes, packed_matrices, repack
from quant.model.source import DEFAULT_HUB_ID, is_cached
from quant.qat import Trainer
from quant.quantization import quantize_steps, stored_weight, structural_copy
from quant.recipe import Recipe, Rule
from quant.text import Text, short_title
from quant.texts import EvalText
from quant.trained import shipped
from quant.weight import QuantWeight
from quant.work import Work

CACHE_BYTES = 2**30
REFERENCE_BYTES = 2**28  # hidden states of what the originals have read
MOST_REFERENCES = 64  # some hold no states, and their windows all the same
RESULT_BYTES = 2**27  # token scores of what has been measured
MOST_TRAINERS = 2  # each holds its weights five times in float32


@dataclass(frozen=True, eq=False)
class Measured:
    """Both models on a text, and when that was measured here (seconds of `time.time`)."""

    comparison: Comparison
    at: float

    @property
    def age_s(self) -> float:
        return max(0.0, time.time() - self.at)


class Lab:
    """Loaded and quantized models, shared by all visitors of one process."""

    def __init__(self, extra: Path | None = None, cache_bytes: int = CACHE_BYTES,
                 reference_bytes: int = REFERENCE_BYTES, result_bytes: int = RESULT_BYTES) -> None:  # fmt: skip
        self.heavy = Lane()
        self.training = Lane()  # its own: a training takes minutes, in which others go on writing and measuring
        self.rows = Rows()
        self.learnings = Learnings()
        self.losses: dict[tuple[str, str], Losses] = {}  # by model and palette: some kB each
        self._trainers: OrderedDict[Recipe, Trainer] = OrderedDict()
        self._extra = extra
        self._cache_bytes, self._reference_bytes, self._result_bytes = cache_bytes, reference_bytes, result_bytes
        self._loading = threading.Lock()  # its own, so that a model being loaded holds nobody else up
        self._lock = threading.RLock()
        self._loaded: dict[str, LoadedModel] = {}
        self._quantized: OrderedDict[Recipe, tuple[LoadedModel, int]] = OrderedDict()
        self._references: OrderedDict[tuple[str, EvalText], Reference] = OrderedDict()
        self._results: OrderedDict[tuple[Recipe, EvalText], Measured] = OrderedDict()

    def names(self) -> list[str]:
        """Models that can be chosen now, without the network: a folder given at start, the embedded one, the hub's."""
        own = [self._extra.resolve().name] if self._extra else []  # its name alone: addresses show it
        return [*own, EMBEDDED, *([DEFAULT_HUB_ID] if is_cached(DEFAULT_HUB_ID) else [])]

    def default(self) -> str:
        """The model a visitor starts with: the folder given at start, else the hub's when cached, else the embedded."""
        names = self.names()
        return names[0] if self._extra else DEFAULT_HUB_ID if DEFAULT_HUB_ID in names else EMBEDDED

    def loaded(self, name: str) -> LoadedModel:
        """The model called `name`, loaded once. Raises ModelError unless it is one of `names()`."""
        if name not in self._loaded:
            with self._loading:
                if name not in self._loaded:
                    if name not in self.names():
                        raise self.unknown_model(name)
                    own = self._extra if self._extra and name == self.names()[0] else None
                    self._loaded[name] = load_model(own or name)
        return self._loaded[name]

    def is_loaded(self, name: str) -> bool:
        """Whether the model called `name` is here."""
        return name in self._loaded

    def is_live(self, recipe: Recipe) -> bool:
        """Whether the model of `recipe` has been made and is still here."""
        with self._lock:
            return recipe in self._quantized

    def unknown_model(self, name: str) -> ModelError:
        """The error for a model that is not one of `names()`."""
        return ModelError(
            Text("El modelo «{name}» no está en esta página; puedes elegir: {allowed}.",
                 "The model “{name}” is not on this page; you can choose: {allowed}.")
            .format(name=shown(name), allowed=", ".join(self.names()))
        )  # fmt: skip

    def quantized(self, recipe: Recipe) -> Work[LoadedModel]:
        """The quantized model; at once when it is in the cache. Heavy work."""
        with self._lock:
            cached = self._quantized.get(recipe)
            if cached:
                self._quantized.move_to_end(recipe)
        loaded = self.loaded(recipe.model)
        if cached:
            if repack(cached[0].model):
                self._keep(recipe, cached[0], own_bytes(loaded, cached[0]))
            return cached[0]
        made = shipped(loaded, recipe) or (yield from quantize_steps(loaded, recipe))
        self._keep(recipe, made, own_bytes(loaded, made))
        return made

    def stored(self, recipe: Recipe, layer: Layer) -> QuantWeight:
        """One matrix as `recipe` stores it, or would store it where it leaves it in float32. Light work.

        Raises QuantError; CalibrationError where that takes making the model first, which no visitor has done yet: its
        method is slow or reads a text, or a step changes the weights before.
        """
        loaded, rule = self.loaded(recipe.model), recipe.shown_rule(layer)
        recipe.check_layers(census(loaded))
        why = waits_for(recipe, rule, layer)
        if why is None:
            return stored_weight(loaded, recipe, rule, layer)
        if recipe.rule_of(layer) is None:
            raise CalibrationError(
                Text("Esta matriz se queda en float32: {why}, y por eso solo se ven las que se cuantizan.",
                     "This matrix stays in float32: {why}, so that only those that are quantized can be seen.")
                .format(why=why)
            )  # fmt: skip
        with self._lock:
            live = self._quantized.get(recipe)
        held = {name: held for name, _, held in packed_matrices(live[0].model)} if live else {}
        if layer.name not in held:
            raise CalibrationError(
                Text("Para ver esta matriz hay que hacer antes el modelo: {why}. Pulsa «Escribir» en Texto o «Medir» "
                     "en Métrica, y aparecerá aquí.",
                     "This shows once the model has been made: {why}. Press “Write” in Text or “Measure” in Metrics, "
                     "and it will be here.").format(why=why)
            )  # fmt: skip
        return held[layer.name].quantized()

    def pair(self, recipe: Recipe, layer: Layer) -> tuple[Tensor, QuantWeight]:
        """A float matrix [out, in] behind what a step or a method does to its inputs, and what is stored of it.

        Light work. Raises what `stored` does.
        """
        loaded, stored = self.loaded(recipe.model), self.stored(recipe, layer)
        with self._lock:
            live = self._quantized.get(recipe)
        folds = live[0].folds if live else ()
        touched = [one for one in folds if layer.name in (*one.feed.layers, one.feed.source)]
        if not touched:
            return loaded.weight(layer.name), stored
        twin = structural_copy(loaded.model)
        for one in touched:
            folding.fold(twin, one)
        return folding.linear_of(twin, layer.name).weight, stored

    def keep(self, recipe: Recipe, model: LoadedModel) -> None:
        """Hold a model that was made elsewhere as that of `recipe`."""
        self._keep(recipe, model, own_bytes(self.loaded(recipe.model), model))

    def trainer(self, recipe: Recipe) -> Trainer | None:
        """The training of `recipe`, at whatever step it is, where it is still here."""
        with self._lock:
            return self._trainers.get(any_steps(recipe))

    def keep_trainer(self, recipe: Recipe, trainer: Trainer) -> None:
        """Hold a training, so that it can go on; those used longest ago go."""
        with self._lock:
            self._trainers[any_steps(recipe)] = trainer
            self._trainers.move_to_end(any_steps(recipe))
            while len(self._trainers) > MOST_TRAINERS:
                self._trainers.popitem(last=False)

    def forget_trainer(self, recipe: Recipe) -> None:
        """Let a training go, so that its next begins anew."""
        with self._lock:
            self._trainers.pop(any_steps(recipe), None)

    def _keep(self, recipe: Recipe, model: LoadedModel, n_bytes: int) -> None:
        with self._lock:
            self._quantized[recipe] = (model, n_bytes)
            while self.cached_bytes() > self._cache_bytes and len(self._quantized) > 1:
                self._quantized.popitem(last=False)

    def cached_bytes(self) -> int:
        """Bytes held by quantized models beyond what they share with the loaded ones."""
        return sum(n for _, n in self._quantized.values())

    def reference(self, name: str, text: EvalText) -> Reference:
        """The unquantized model on a text: what it has read so far is kept, bounded in bytes."""
        key = (name, text)
        with self._lock:
            if key in self._references:
                self._references.move_to_end(key)
                return self._references[key]
        reference = Reference(self.loaded(name), text)
        with self._lock:
            self._references[key] = reference
            while len(self._references) > 1 and self._too_many_references():
                self._references.popitem(last=False)
        return reference

    def _too_many_references(self) -> bool:
        held = sum(r.full_bytes for r in self._references.values())
        return held > self._reference_bytes or len(self._references) > MOST_REFERENCES

    def known(self, recipe: Recipe, text: EvalText) -> Measured | None:
        """What somebody has measured already."""
        with self._lock:
            found = self._results.get((recipe, text))
            if found:
                self._results.move_to_end((recipe, text))
        return found

    def results(self, model: str, text: EvalText) -> list[tuple[Recipe, Measured]]:
        """All that is known of a model on a text, what was asked for longest ago first."""
        with self._lock:
            kept = list(self._results.items())
        return [(recipe, found) for (recipe, read), found in kept if recipe.model == model and read == text]

    def measured(self, recipe: Recipe, text: EvalText, quantized: LoadedModel) -> Work[Comparison]:
        """`quantized`, the model of `recipe`, beside its original on a text; at once where that is known. Heavy work.

        Raises EvaluationError.
        """
        if known := self.known(recipe, text):
            return known.comparison
        compared = yield from compare_steps(self.reference(recipe.model, text), quantized)
        with self._lock:
            self._results[recipe, text] = Measured(compared, time.time())
            while self.result_bytes() > self._result_bytes and len(self._results) > 1:
                self._results.popitem(last=False)
        return compared

    def result_bytes(self) -> int:
        """Bytes of all that is known."""
        return sum(m.comparison.tokens.n_bytes for m in self._results.values())


def own_bytes(base: LoadedModel, model: LoadedModel) -> int:
    """Bytes of what `model` holds and does not share with `base`."""
    shared = {id(p) for p in base.model.parameters()}
    return packed_bytes(model.model) + sum(p.nbytes for p in model.model.parameters() if id(p) not in shared)


def waits_for(recipe: Recipe, rule: Rule, layer: Layer) -> Text | None:
    """Why light work does not quantize a matrix as `rule` stores it; None where it does."""
    title = short_title(rule.how.title)
    if recipe.training:
        said = Text("lleva {n} pasos de entrenamiento", "{n} steps of training come first")
        return said.format(n=recipe.training.steps)
    if rule.needs or rule.how.tune:
        said = Text("«{name}» lee antes un texto de calibración", "“{name}” reads a calibration text first")
        return said.format(name=title)
    if recipe.steps and layer.scaled is not Place.NOWHERE:
        said = Text("«{name}» cambia antes los pesos", "“{name}” changes the weights first")
        return said.format(name=short_title(recipe.steps[0].how.title))
    slow = Text("«{name}» tarda unos segundos", "“{name}” takes some seconds")
    return None if rule.how.light else slow.format(name=title)
