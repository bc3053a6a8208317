"""A training as it is watched: seconds are given, and every few of them the model is packed, scored, and looked at.

What is scored is the packed model, through the kernels that everything else goes through, on a part of an evaluation
text: nothing that it learns from. The seconds are those of training alone; scoring stops the clock.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from quant.errors import TrainingError
from quant.estimator import Latent
from quant.evaluation.compare import Reference, compare
from quant.generation import Sampling, generate
from quant.model.load import LoadedModel
from quant.qat import Trainer, check_training
from quant.recipe import Recipe
from quant.size import size_report
from quant.texts import EvalText
from quant.work import Progress, Work, part

CHECK_BYTES = 6_000  # of the evaluation text that is read at each check: some 1,700 tokens
FIRST_CHECK_S, CHECK_S = 2.0, 5.0
SHOWN_TOKENS = 24
BINS_A_STEP, MOST_VALUES = 12, 16  # of the histogram, for each value of the grid
MOST_LOSSES = 400
MOST_LEARNINGS = 64  # some tens of kB each
LEAST_SECONDS, MOST_SECONDS = 5.0, 86_400.0


@dataclass(frozen=True)
class Check:
    """The packed model at a step. kl: mean nats to the float model; text: how it goes on from the prompt, greedily.

    places: how many weights of the layer that is shown lie in each bin, BINS_A_STEP to a step of the grid, from half a
    step below the lowest value to half a step above the highest; those beyond are in the outer bins.
    """

    step: int
    seconds: float
    kl: float
    perplexity: float
    text: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Learning:
    """A training so far. recipe: of the model as last packed; losses: (step, nats), thinned; checks: the first is PTQ.

    perplexity_original, text_original: of the float model, on what the checks read and from their prompt. problem: why
    it stopped by itself.
    """

    recipe: Recipe
    losses: tuple[tuple[int, float], ...]
    checks: tuple[Check, ...]
    perplexity_original: float
    text_original: str
    seconds: float
    problem: TrainingError | None = None

    @property
    def recovered(self) -> float:
        """The share of the KL that PTQ lost which is won back; below 0 where more is lost."""
        first, last = self.checks[0].kl, self.checks[-1].kl
        return 1 - last / first if first else 0.0


@dataclass(frozen=True)
class Watched:
    """What the checks look at. layer: whose weights are counted, a packed matrix by name."""

    text: EvalText
    prompt: str
    layer: str


class Keeper(Protocol):
    """Who loads and quantizes, and keeps trainings that may go on: the lab."""

    def loaded(self, name: str) -> LoadedModel: ...
    def quantized(self, recipe: Recipe) -> Work[LoadedModel]: ...
    def reference(self, name: str, text: EvalText) -> Reference: ...
    def keep(self, recipe: Recipe, model: LoadedModel) -> None: ...
    def trainer(self, recipe: Recipe) -> Trainer | None: ...
    def keep_trainer(self, recipe: Recipe, trainer: Trainer) -> None: ...


def learning(keeper: Keeper, recipe: Recipe, seconds: float, watched: Watched, *,
             check_s: float = CHECK_S) -> Work[Learning]:  # fmt: skip
    """Train for `seconds`, from where `recipe` left off: a run of its name that is kept goes on from its last step,
    whatever number of steps the recipe says. check_s: between two checks. Heavy work.

    Each check is known so far, and its model kept under its own recipe. One whose rate has fallen to zero ends there;
    one that diverges ends with its last good weights and the reason. Raises TrainingError for what cannot be trained,
    EvaluationError for the text.
    """
    assert recipe.training is not None
    loaded = keeper.loaded(recipe.model)
    size_report(loaded, recipe)
    trainer = keeper.trainer(recipe)
    if trainer is None:
        check_training(loaded, recipe)
        made = yield from part(keeper.quantized(replace(recipe, training=None, cache=None)), 0, 0)
        trainer = Trainer(loaded, made, recipe)
    keeper.keep_trainer(recipe, trainer)
    run = _Run(keeper, trainer, watched, check_s)
    run.check()
    yield Progress(0.0, run.known())
    while run.seconds < seconds and run.problem is None and not trainer.ended:
        run.advance()
        if run.due() or run.seconds >= seconds or run.problem or trainer.ended:
            run.check()
        yield Progress(min(1.0, run.seconds / seconds), run.known())
    return run.known()


def joined(before: Learning | None, now: Learning) -> Learning:
    """Two stretches of one training as one: what came before, as far as the step at which `now` begins.

    Of a training that began anew nothing is left of what was before.
    """
    first = now.checks[0].step
    if before is None or first == 0 or before.checks[0].step > first:
        return now
    whole = not before.losses or before.losses[-1][0] <= first
    spent = before.seconds if whole else [c for c in before.checks if c.step <= first][-1].seconds
    checks = tuple(c for c in before.checks if c.step < first)
    later = tuple(replace(c, seconds=c.seconds + spent) for c in now.checks)
    losses = (*(one for one in before.losses if one[0] <= first), *now.losses)
    return replace(now, losses=thinned(list(losses)), checks=(*checks, *later), seconds=now.seconds + spent)


class Learnings:
    """What trainings have shown so far, by their recipes whatever their steps; those used longest ago go."""

    def __init__(self, most: int = MOST_LEARNINGS) -> None:
        self._most, self._kept, self._lock = most, OrderedDict[Recipe, Learning](), threading.Lock()

    def get(self, recipe: Recipe) -> Learning | None:
        with self._lock:
            return self._kept.get(any_steps(recipe))

    def beside(self, recipe: Recipe) -> list[Learning]:
        """All that were trained of its model on its grids, its own among them: rungs of equal bytes."""
        grids = [(rule.layers, rule.scheme) for rule in recipe.rules]
        with self._lock:
            return [
                learning for kept, learning in self._kept.items()
                if kept.model == recipe.model and [(rule.layers, rule.scheme) for rule in kept.rules] == grids
            ]  # fmt: skip

    def keep(self, recipe: Recipe, learning: Learning) -> None:
        with self._lock:
            self._kept[any_steps(recipe)] = learning
            self._kept.move_to_end(any_steps(recipe))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def any_steps(recipe: Recipe) -> Recipe:
    """What trainings have in common that differ by how far they have come."""
    assert recipe.training is not None
    return replace(recipe, training=replace(recipe.training, steps=1))


class _Run:
    """One stretch of a training."""

    def __init__(self, keeper: Keeper, trainer: Trainer, watched: Watched, check_s: float) -> None:
        self.keeper, self.trainer, self.watched, self.check_s = keeper, trainer, watched, check_s
        self.loaded, self.text = trainer.loaded, watched.text.part(CHECK_BYTES)
        self.reference = keeper.reference(self.loaded.name, self.text)
        self.seconds = self._checked = 0.0
        self.problem: TrainingError | None = None
        self.losses: list[tuple[int, float]] = []
        self.checks: list[Check] = []
        self.perplexity, self.recipe = 0.0, trainer.so_far()
        self.original = _continued(self.loaded, watched.prompt)

    def advance(self) -> None:
        start = time.perf_counter()
        try:
            loss = self.trainer.advance()
        except TrainingError as error:
            self.problem = error
        else:
            self.losses.append((self.trainer.step, loss))
        self.seconds += time.perf_counter() - start

    def due(self) -> bool:
        """Whether it is time for a check; the first comes sooner."""
        return self.seconds - self._checked >= (
            self.check_s if len(self.checks) > 1 else min(FIRST_CHECK_S, self.check_s)
        )

    def check(self) -> None:
        packed = self.trainer.packed()
        compared = compare(self.reference, packed)
        self.perplexity = compared.original.perplexity
        with self.trainer.averaged():
            places = counted(self.trainer.matrices[self.watched.layer])
        self.checks.append(
            Check(
                self.trainer.step, self.seconds, float(compared.tokens.kl.mean()), compared.quantized.perplexity,
                _continued(packed, self.watched.prompt), places,
            )
        )  # fmt: skip
        self.recipe = self.trainer.so_far()
        self.keeper.keep(self.recipe, packed)
        self._checked = self.seconds

    def known(self) -> Learning:
        return Learning(
            self.recipe, thinned(self.losses), tuple(self.checks), self.perplexity, self.original,
            self.seconds, self.problem,
        )  # fmt: skip


def _continued(model: LoadedModel, prompt: str) -> str:
    length = len(model.tokenizer.encode(prompt)) + SHOWN_TOKENS
    return generate(model, prompt, Sampling(max_length=length, do_sample=False)).text


def thinned(losses: list[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """At most MOST_LOSSES points, each the mean of those that it stands for."""
    size = -(-len(losses) // MOST_LOSSES)
    parts = [losses[at : at + size] for at in range(0, len(losses), size or 1)]
    return tuple((p[-1][0], sum(loss for _, loss in p) / len(p)) for p in parts)


@torch.no_grad()
def counted(matrix: Latent) -> tuple[int, ...]:
    """The histogram of `Check.places`; of a grid of many values its middle."""
    low, high = matrix.grid.low, matrix.grid.high
    if high - low >= MOST_VALUES:
        middle = (low + high) // 2
        low, high = middle - MOST_VALUES // 2, middle + MOST_VALUES // 2 - 1
    bins = int(high - low + 1) * BINS_A_STEP
    place: Tensor = matrix.place().flatten().clamp(low - 0.5, high + 0.5)
    return tuple(map(int, torch.histc(place, bins, low - 0.5, high + 0.5)))
