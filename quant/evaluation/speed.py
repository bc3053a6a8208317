"""Tokens per second of several models on this machine, measured in alternating rounds inside one run.

Reading a prompt and writing after it are timed apart: reading is many tokens at once, limited by arithmetic; writing is
one at a time, limited by how fast weights come from memory.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from quant.generation import Sampling, stream
from quant.model.load import LoadedModel
from quant.run import own
from quant.run.reader import empty_cache
from quant.work import Progress, Work

PROMPT = "La ciudad de Madrid es"
ROUNDS = 5
NEW_TOKENS = 24
PROMPT_TOKENS = 256  # read at once, or the entire context where that is shorter


@dataclass(frozen=True)
class Speed:
    """Tokens/s of each round of one model, writing (`rounds`) and reading a prompt.

    The machine is shared, so the median and the spread are what counts.
    """

    rounds: tuple[float, ...]
    prompt_rounds: tuple[float, ...] = ()

    @property
    def prompt(self) -> Speed:
        """The rates of reading a prompt, as a Speed of their own."""
        return Speed(self.prompt_rounds)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def lowest(self) -> float:
        return min(self.rounds)

    @property
    def highest(self) -> float:
        return max(self.rounds)

    def overlaps(self, other: Speed) -> bool:
        """Whether some round of one lies within the rounds of the other: then neither is called faster."""
        return self.lowest <= other.highest and other.lowest <= self.highest


@dataclass(frozen=True)
class Pace:
    """Tokens/s of writing beside the float model's in the same rounds: what counts on a machine that others share.

    ratio: median over the rounds of quantized over float; low, high: the least and the greatest round, no interval.
    """

    tokens_per_second: float
    ratio: float
    low: float
    high: float


def speed_steps(models: Sequence[LoadedModel], rounds: int = ROUNDS) -> Work[tuple[Speed, ...]]:
    """Write NEW_TOKENS greedily with each model in turn, `rounds` times, after one round that is not counted.

    One `Speed` a model; it can be stopped after each turn of a model.
    """
    seen: list[list[tuple[float, float]]] = [[] for _ in models]
    for turn in range(rounds + 1):
        for model, values in zip(models, seen, strict=True):
            values.append((_decode_rate(model), _prompt_rate(model)))
            yield Progress((turn + 1) / (rounds + 1))
    return tuple(Speed(*map(tuple, zip(*values[1:], strict=True))) for values in seen)


def _decode_rate(model: LoadedModel) -> float:
    prompt_tokens = len(model.tokenizer.encode(PROMPT))
    steps = list(stream(model, PROMPT, Sampling(max_length=prompt_tokens + NEW_TOKENS + 1, stop_at_end=False)))
    first, last = steps[0], steps[-1]
    return (last.new_tokens - first.new_tokens) / (last.seconds - first.seconds) if len(steps) > 1 else 0.0


@torch.no_grad()
def _prompt_rate(model: LoadedModel) -> float:
    tokens = min(PROMPT_TOKENS, model.context)
    ids = torch.tensor([(model.tokenizer.encode(PROMPT) * tokens)[:tokens]])
    started = time.perf_counter()
    own.logits(model.model, ids, empty_cache(model.model), last=True)
    return tokens / (time.perf_counter() - started)
