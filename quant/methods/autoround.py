"""AutoRound: learn for each weight whether it goes up or down, and for each group how much of its range is kept.

    codes = nearest(W / s + V) + zero,   V in [-1/2, 1/2]        s, zero: the grid from alpha min(W) to beta max(W)
    minimize over V, alpha, beta:   mean (block(X; W) - block(X; W^))^2                        X: states of a text

    V <- V - rate sign(dloss/dV),   alpha, beta alike, at most 1;   rate: 1/steps at first, then in a line to 0

so that the steps add up to 1/2, and no weight ends more than one code from where rounding puts it. The gradient goes
straight through the rounding; of the weights that were tried those are kept that lose least.
Cheng et al. 2023, arXiv:2309.05516 (SignRound, now AutoRound).

Where this is not the authors' code (auto-round 0.16): they keep the weights whose own random batch lost least, here
candidates are judged on the entire text, rounding among them, so that the result never loses more than rounding does;
they aim at what the float model gives for float states, here at what the float block gives for the states that it is
handed; a weight beyond the end of its grid by less than half a step has no gradient here.

A matrix that lies in no block (the token table) is learned alone, on tr((W - W^) H (W - W^)^T) with H = X^T X / tokens:
the same loop, given as many inputs as H has columns, whose products are H. A step on few of them does better than one
on all: the one direction that all inputs share would move every weight of a row at once.
AdaRound (Nagel et al. 2020, arXiv:2004.10568) learns the same choice by a sigmoid, with the range fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from quant.errors import SchemeError
from quant.methods.base import BlockProblem, Method, Statistic, Statistics, Target, alone, knob
from quant.methods.fits import ends as ends_of
from quant.methods.fits import searched
from quant.methods.grid import Frame, checked, codes, rounded, spanning
from quant.qtensor import QTensor, group, ungroup
from quant.scheme import Grid, Scheme
from quant.text import Text
from quant.weight import QuantWeight
from quant.work import Progress, Work, finished

JUDGED = 5  # times that candidates are judged on the entire text, after rounding itself
BEYOND = (Grid.CENTRED, Grid.POWER_OF_TWO, Grid.POWER_OF_TWO_GGML, Grid.ABSMAX_GGML, Grid.UNIT)  # not by ends alone


@dataclass(frozen=True)
class Knobs:
    """How long to learn, from how much at a time, what, and by which chance."""

    steps: int = knob(
        200,
        1,
        1000,
        1,
        Text("pasos", "steps"),
        Text(
            "Cuántas veces se mueven los redondeos de un bloque: más pasos, más finos, y el tiempo crece a la par.",
            "How often the roundings of a block are moved: more steps are finer, and the time grows with them.",
        ),
    )
    batch: int = knob(
        1,
        1,
        64,
        1,
        Text("ventanas por paso", "windows a step"),
        Text(
            "Cuántas ventanas del texto de calibración se miran en cada paso.",
            "How many windows of the calibration text are looked at in each step.",
        ),
    )
    clip: int = knob(
        1,
        0,
        1,
        1,
        Text("aprender el rango", "learn the range"),
        Text(
            "1: aprende también cuánto se recortan los extremos de cada grupo; 0: solo los redondeos.",
            "1: also learns how far the ends of each group are clipped; 0: the roundings alone.",
        ),
    )
    seed: int = knob(
        0,
        0,
        9999,
        1,
        Text("semilla", "seed"),
        Text("Decide qué ventanas se miran en cada paso.", "Decides which windows are looked at in each step."),
    )


@dataclass(frozen=True, eq=False)
class Learned:
    """What is learned of a matrix. offset: float32 [out, in], V; kept: float32 [rows, groups, 2], alpha and beta.

    weight: float32 [out, in]; ends: float32 [rows, groups, 2], the least and the largest of each group.
    """

    weight: Tensor
    scheme: Scheme
    ends: Tensor
    offset: Tensor
    kept: Tensor

    @classmethod
    def of(cls, target: Target) -> Learned:
        """As plain rounding has it. Raises WeightError and SchemeError."""
        weight = checked(target.weight)
        ends = torch.stack(ends_of(group(weight, target.scheme.granularity)), -1)
        return cls(weight, target.scheme, ends, torch.zeros_like(weight), torch.ones_like(ends))

    def moved(self) -> tuple[Tensor, Frame]:
        """W + s V, float32 [out, in], and the grids to round it on. Differentiable."""
        shape = (self.weight.shape[0], self.weight.shape[1])
        frame = spanning(self.ends * self.kept, shape, self.scheme)
        assert frame.divisor is not None, "integers have a scale"
        steps = group(self.offset, self.scheme.granularity) * frame.divisor.unsqueeze(-1)
        return self.weight + ungroup(steps, shape), frame

    def rounded(self) -> Tensor:
        """W^, float32 [out, in]. Differentiable."""
        return rounded(*self.moved())

    def stored(self) -> QTensor:
        """Codes and scales of exactly that."""
        moved, frame = self.moved()
        return frame.holding(codes(moved, frame))


# ---- the loop


def tune(problem: BlockProblem, knobs: Knobs, generator: Generator) -> Work[dict[str, QuantWeight]]:
    """Learn all targets of a block together. The progress is that of the steps."""
    learned = {name: Learned.of(target) for name, target in problem.targets.items()}
    best, least = _stored(learned), _loss(problem, learned)
    turns = _turns(len(problem.inputs), knobs.batch, generator)
    for step in range(1, knobs.steps + 1):
        _move(problem, learned, next(turns), (1 - (step - 1) / knobs.steps) / knobs.steps, knobs.clip == 1)
        if step * JUDGED % knobs.steps < JUDGED:
            loss = _loss(problem, learned)
            if loss < least:
                best, least = _stored(learned), loss
        yield Progress(step / knobs.steps)
    return {name: QuantWeight(q) for name, q in best.items()}


def _turns(count: int, size: int, generator: Generator) -> Iterator[Tensor]:
    """int64 [size] at a time of `count` windows by chance, all of them before any comes again."""
    size = min(size, count)
    while True:
        yield from (part for part in torch.randperm(count, generator=generator).split(size) if len(part) == size)


def _move(problem: BlockProblem, learned: Mapping[str, Learned], windows: Tensor, rate: float, clip: bool) -> None:
    """One step of signed descent on these windows."""
    moving = [part for each in learned.values() for part in ((each.offset, each.kept) if clip else (each.offset,))]
    with torch.enable_grad():
        for part in moving:
            part.requires_grad_()
        out = problem.run({name: each.rounded() for name, each in learned.items()}, windows)
        gradients = torch.autograd.grad((out - problem.outputs[windows]).square().mean(), moving)
    for part, gradient in zip(moving, gradients, strict=True):
        part.requires_grad_(False).sub_(gradient.sign_(), alpha=rate)
    for each in learned.values():
        each.kept.clamp_(max=1)


@torch.no_grad()
def _loss(problem: BlockProblem, learned: Mapping[str, Learned]) -> float:
    """Mean squared error of the block's output on the entire text."""
    weights = {name: each.rounded() for name, each in learned.items()}
    total = 0.0
    for windows in torch.arange(len(problem.inputs)).split(8):
        total += float((problem.run(weights, windows) - problem.outputs[windows]).square().sum())
    return total / problem.outputs.numel()


@torch.no_grad()
def _stored(learned: Mapping[str, Learned]) -> dict[str, QTensor]:
    return {name: each.stored() for name, each in learned.items()}


# ---- as a method


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: Knobs, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    assert statistics.hessian is not None
    generator = generator or torch.Generator().manual_seed(knobs.seed)
    problem = alone("", Target(checked(weight), scheme), statistics.hessian)
    return finished(tune(problem, knobs, generator))[""]


def _check(scheme: Scheme, knobs: Knobs) -> None:
    if scheme.grid in (Grid.SEARCH, Grid.LEARNED):
        raise searched(scheme)
    if not scheme.element.is_integer or isinstance(scheme.scale, Scheme) or scheme.grid in BEYOND:
        raise SchemeError(
            Text("AutoRound aprende hacia qué entero va cada peso, y {name} no guarda enteros con una escala por grupo "
                 "en coma flotante: elige enteros de 2 a 8 bits.",
                 "AutoRound learns which whole number each weight goes to, and {name} does not store whole numbers "
                 "with one floating-point scale a group: choose integers of 2 to 8 bits.")
            .format(name=scheme.name or scheme.element.name)
        )  # fmt: skip


METHOD = Method(
    "autoround",
    Text("Redondeo aprendido (AutoRound)", "Learned rounding (AutoRound)"),
    Text("Aprende, bloque a bloque y con un texto de calibración, si cada peso sube o baja y cuánto se recorta cada "
         "grupo, para que la salida del bloque cambie lo menos posible. Tarda minutos y se puede parar.",
         "Learns, block by block and on a calibration text, whether each weight goes up or down and how far each group "
         "is clipped, so that the block's output changes least. It takes minutes and can be stopped."),
    "Cheng et al. 2023, arXiv:2309.05516",
    _run,
    _check,
    needs=frozenset({Statistic.HESSIAN}),
    knobs=Knobs,
    tune=tune,
    light=False,
)  # fmt: skip
