"""Training with quantization in the loop (QAT), from a quantized model on: `recipe.training` says how.

    PTQ (`quantize_steps`) gives codes and scales        latent weights begin where they round to those codes
    each step: a batch of windows through the float model (the teacher) and through the simulated one (the student)
        distillation   mean over tokens of KL(teacher || student), and, much at first, the squared distance of the
                       states after each block over their variance (TinyBERT, Jiao et al. 2020, arXiv:1909.10351)
        language       cross-entropy of the next token
        the gradient goes straight through every rounding (estimator.py); AdamW
        what is learned is averaged over the steps, later ones counting more (Shamir & Zhang 2013, arXiv:1212.1824)
    at any time: the average is packed, by the very numbers that it is simulated with

Distillation from the float model is what the field recommends over the language loss for a model that is to stay what
it was (arXiv:2601.20088); the average makes every step a good one to stop at. The windows of step i follow from
(seed, i) alone, and so do its rate and the weight of the states: a run that goes on sees what one without a break would
have seen. Same numbers on the same machine and number of threads.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn

from quant.errors import TrainingError
from quant.estimator import LearningTable, check_learns
from quant.kernels.cpu import hold
from quant.model.copied import structural_copy
from quant.model.layers import census
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, put, settle
from quant.recipe import Recipe
from quant.run.cache import set_scheme
from quant.student import LEARNING, Divergence, apart, arithmetic, in_one_pass, learned, parameter_groups, student_of
from quant.text import Text
from quant.training import DISTILLATION, rate_at, share_at, states_at
from quant.training_text import Windows
from quant.work import Progress, Work

BETAS = (0.9, 0.99)
CLIP = 1.0  # of the gradient's norm
# The mean of so many losses may be at most so many times that of the first ones, taken before the rate is whole, and a
# nat more.
FIRST, RECENT, PATIENCE = 3, 10, 3.0


def check_training(loaded: LoadedModel, recipe: Recipe, ids: Tensor | None = None) -> None:
    """Raise TrainingError for what cannot be trained, before any work. ids: as `Windows` takes them."""
    for layer in census(loaded):
        if rule := recipe.rule_of(layer):
            assert rule.scheme is not None
            check_learns(rule.scheme)
    if recipe.training:
        Windows(loaded, recipe.training, ids)


@dataclass(frozen=True, eq=False)
class Kept:
    """What a training was at a step: enough to go back to it."""

    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: list[Tensor]


class Trainer:
    """A quantized model that learns; `step` counts from 0, and nothing runs between two calls of `advance`."""

    def __init__(self, loaded: LoadedModel, made: LoadedModel, recipe: Recipe, ids: Tensor | None = None) -> None:
        """made: `loaded` as `recipe` without its training stores it. ids: as `Windows` takes them. Raises
        TrainingError.
        """
        assert recipe.training is not None
        check_training(loaded, recipe, ids)
        self.loaded, self.made, self.recipe, self.training = loaded, made, recipe, recipe.training
        self.windows = Windows(loaded, self.training, ids)
        self.teacher = in_one_pass(structural_copy(loaded.model))
        self.student = in_one_pass(student_of(loaded, made, self.training))
        self.matrices = {n: m.matrix for n, m in self.student.named_modules() if isinstance(m, LEARNING)}
        self.optimizer = torch.optim.AdamW(
            parameter_groups(list(self.matrices.values())), betas=BETAS, weight_decay=0.0, fused=True
        )
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.average = [p.detach().clone() for p in self.parameters]
        self.step = 0
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._kept = self._now()

    @property
    def ended(self) -> bool:
        """Whether its rate has fallen to zero."""
        return 0 < self.training.decay_steps <= self.step

    def advance(self) -> float:
        """One step; its KL or cross-entropy in nats. Raises TrainingError once it diverges, back at its last good
        weights.
        """
        windows = self.windows.batch(self.step)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * rate_at(self.step, self.training)
        loss, states = self._losses(windows)
        shown = float(loss.detach())
        if not self._healthy(shown):
            raise self._diverged()
        (loss + states_at(self.step) * states).backward()
        nn.utils.clip_grad_norm_(self.parameters, CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, share_at(self.step, self.training))
        return shown

    def _losses(self, windows: Tensor) -> tuple[Tensor, Tensor | float]:
        """What the training is named after, and what helps it on."""
        inputs, targets = windows[:, :-1], windows[:, 1:].flatten()
        distils = self.training.loss == DISTILLATION
        with arithmetic():
            student = self.student(inputs, use_cache=False, output_hidden_states=distils)
        logits = student.logits.flatten(0, 1).float()
        if not distils:
            return nn.functional.cross_entropy(logits, targets), 0.0
        with torch.no_grad(), arithmetic():
            teacher = self.teacher(inputs, use_cache=False, output_hidden_states=True)
        loss: Tensor = Divergence.apply(logits, teacher.logits.flatten(0, 1).float())
        return loss, apart(student.hidden_states or (), teacher.hidden_states or ())

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the student be the average meanwhile."""
        own = [p.detach().clone() for p in self.parameters]
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.average)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, own)

    def packed(self) -> LoadedModel:
        """The model as it is now, stored: what `quantize_model` would give of so many steps."""
        model = structural_copy(self.made.model)
        with self.averaged():
            held = {id(matrix): hold(matrix.quantized()) for matrix in self.matrices.values()}
        for name, learning in [(n, m) for n, m in self.student.named_modules() if isinstance(m, LEARNING)]:
            now = held[id(learning.matrix)]
            if isinstance(learning, LearningTable):
                put(model, name, QuantEmbedding(now, learning.multiplier))
            else:
                put(model, name, QuantLinear(now, learning.bias, learning.activations))
        settle(model)
        if self.recipe.cache:
            set_scheme(model, self.recipe.cache)
        return replace(self.made, model=model)

    def so_far(self) -> Recipe:
        """The recipe of the model as it is now: without a training before the first step."""
        return replace(self.recipe, training=replace(self.training, steps=self.step) if self.step else None)

    def state(self) -> dict[str, Any]:
        """All that `resume` needs to go on as if there had been no break."""
        return {
            "step": self.step, "model": learned(self.student), "optimizer": self.optimizer.state_dict(),
            "average": self.average,
        }  # fmt: skip

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of the same recipe."""
        self.step = state["step"]
        self.student.load_state_dict(state["model"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        torch._foreach_copy_(self.average, state["average"])
        self._kept = self._now()

    def _healthy(self, loss: float) -> bool:
        """Whether losses stay in the region in which they began; keeps the weights while they do."""
        if not math.isfinite(loss):
            return False
        self._recent.append(loss)
        if len(self._first) < FIRST:
            self._first.append(loss)
        if mean(self._recent) > PATIENCE * mean(self._first) + 1:
            return False
        if self.step % RECENT == 0:
            self._kept = self._now()
        return True

    def _now(self) -> Kept:
        return Kept(**copy.deepcopy(self.state()))

    def _diverged(self) -> TrainingError:
        at = self.step
        self.resume(asdict(self._kept))
        self.optimizer.zero_grad()
        self._recent.clear()
        return TrainingError(
            Text("El entrenamiento se ha disparado en el paso {at}: la pérdida deja de bajar y crece. Se queda como "
                 "estaba en el {step}; prueba con un ritmo menor que {rate}.",
                 "The training diverged at step {at}: the loss grows in place of falling. It stays as it was at step "
                 "{step}; try a rate below {rate}.")
            .format(at=at, step=self.step, rate=f"{self.training.rate:g}")
        )  # fmt: skip


def trained(loaded: LoadedModel, made: LoadedModel, recipe: Recipe) -> Work[LoadedModel]:
    """`made` after the steps of `recipe.training`, as work that can be stopped after each. Raises TrainingError."""
    assert recipe.training is not None
    trainer = Trainer(loaded, made, recipe)
    while trainer.step < recipe.training.steps:
        trainer.advance()
        yield Progress(trainer.step / recipe.training.steps)
    return trainer.packed()
