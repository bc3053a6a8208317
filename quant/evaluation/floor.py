"""The floor: what the rounding of a run in bfloat16 costs by itself, under which two recipes cannot be told apart.

The float model is run with noise of the size of bfloat16's rounding error in every layer, and its KL to itself without
noise is taken as any other's. Where: on what every linear layer of the blocks gives (queries, keys, values, the
attention's output, both products of the feed-forward part), and on what every block hands to the next. How much: each
value x gets a number drawn evenly between minus and plus half of bfloat16's spacing at x,

    x + u * 2^(floor(log2 |x|) - 8),  u in [-1, 1)

which is how the error of rounding x to the nearest of its 8 significant bits is spread (Widrow and Kollár 2008). The
table, the norms, the attention weights and the logits stay in float32: a run that rounds those too lies higher. Several
seeds give a mean and how far they spread.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor, nn

from quant.evaluation.compare import Reference, compare_steps
from quant.evaluation.figures import Estimate, figures
from quant.model.chain import blocks_of
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.work import Progress, Work, part

EXPONENT_BITS = 0x7F800000  # of a float32
HALF_SPACING = 2.0**-8  # of bfloat16, times the power of two at or below |x|
SEEDS = (0, 1, 2)
Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Floor:
    """KL in nats of the float model with noise, one a seed; each with its interval over documents."""

    seeds: tuple[Estimate, ...]

    @property
    def mean(self) -> float:
        return statistics.mean(one.value for one in self.seeds)

    @property
    def low(self) -> float:
        return min(one.value for one in self.seeds)

    @property
    def high(self) -> float:
        return max(one.value for one in self.seeds)


def floor(reference: Reference, seeds: Sequence[int] = SEEDS) -> Work[Floor]:
    """The floor of a model on a text; the seeds that are done are known so far. Heavy work.

    Raises ModelError for a model without a list of blocks, EvaluationError for a text that cannot be scored.
    """
    found: list[Estimate] = []
    for place, seed in enumerate(seeds):
        noisy = changed(reference.loaded, noise(seed))
        compared = yield from part(compare_steps(reference, noisy), place / len(seeds), 1 / len(seeds))
        found.append(figures(compared).kl_mean)
        yield Progress((place + 1) / len(seeds), Floor(tuple(found)))
    return Floor(tuple(found))


def noise(seed: int) -> Change:
    """Add to each value its share of bfloat16's rounding error, drawn evenly."""
    generator = Generator().manual_seed(seed)

    def add(x: Tensor) -> Tensor:
        power = (x.contiguous().view(torch.int32) & EXPONENT_BITS).view(torch.float32)
        return x + (2 * torch.rand(x.shape, generator=generator) - 1) * (power * HALF_SPACING)

    return add


def to_bfloat16(x: Tensor) -> Tensor:
    """Rounded to the nearest: what a run in bfloat16 does, always the same."""
    return x.bfloat16().float()


class Changed(nn.Linear):
    """A linear layer whose output is changed. A class of its own, so that no fast path takes it for a plain one."""

    change: Change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(nn.functional.linear(x, self.weight, self.bias))


def changed(loaded: LoadedModel, change: Change) -> LoadedModel:
    """A copy of a float model, sharing its weights, with `change` after each linear layer of the blocks and each block.

    Raises ModelError for a model without a list of blocks.
    """
    model = structural_copy(loaded.model)
    for block in blocks_of(model):
        for name in block.linears:
            linear = model.get_submodule(name)
            linear.__class__ = Changed
            object.__setattr__(linear, "change", change)
        model.get_submodule(block.name).register_forward_hook(_after(change))
    return replace(loaded, model=model)


def _after(change: Change) -> Callable[..., Any]:
    """A block gives its states, or a tuple that begins with them."""

    def hook(_: nn.Module, __: Any, given: Any) -> Any:
        return change(given) if isinstance(given, Tensor) else (change(given[0]), *given[1:])

    return hook
