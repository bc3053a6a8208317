"""Reading tokens one after another, by the fastest way that a model has; what was read can be forgotten again.

GPT-2 keeps keys and values in a cache of fixed size: a few tokens at a time go through the compiled step where there is
one, more through `gpt2.hidden`, and both fill the same cache. Other architectures go through their own code.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from quant.kernels.cpu import FEW
from quant.model.packed import writing
from quant.run import forward, gpt2, step
from quant.run.gpt2 import Cache
from quant.run.single import SingleStep


class Reader(Protocol):
    """A model that has read `length` tokens."""

    @property
    def length(self) -> int: ...

    def read(self, ids: list[int], *, every: bool = False) -> Tensor:
        """Read tokens: float32 logits [1, vocabulary] after the last, or [n, vocabulary] after each with `every`."""
        ...

    def forget(self, length: int) -> None:
        """Go back to when `length` tokens had been read."""
        ...


def reader(model: PreTrainedModel, room: int) -> Reader:
    """One that has read nothing, with room for that many tokens."""
    return Gpt2Reader(model, room) if gpt2.supports(model) else OwnReader(model)


class Gpt2Reader:
    """A GPT-2, float or packed."""

    def __init__(self, model: PreTrainedModel, room: int) -> None:
        self._model, self._cache = model, Cache.of(model, room)
        self._compiled = step.NativeGpt2(model) if step.supports(model) else None
        self._single = None if self._compiled else SingleStep(model)

    @property
    def length(self) -> int:
        return self._cache.length

    @torch.no_grad()
    def read(self, ids: list[int], *, every: bool = False) -> Tensor:
        cache = self._cache
        if self._compiled and len(ids) <= FEW:
            logits = self._compiled.step(ids, cache.keys, cache.values, cache.length, every)
            cache.length += len(ids)
            return logits
        if self._single and len(ids) == 1:
            return self._single.read(ids[0], cache)
        states = gpt2.hidden(self._model, torch.tensor([ids]), cache)[0]
        return forward.logits(self._model, states if every else states[-1:], exact=False)

    def forget(self, length: int) -> None:
        assert 0 <= length <= self._cache.length
        self._cache.length = length


class OwnReader:
    """Any causal language model of transformers, by its own code and cache."""

    def __init__(self, model: PreTrainedModel) -> None:
        # By the configuration, sliding layers would drop what they no longer see, which `forget` may bring back.
        usual = set(getattr(model.config, "layer_types", None) or ()) <= {"full_attention", "sliding_attention"}
        self._model, self._cache, self.length = model, DynamicCache(config=None if usual else model.config), 0

    @torch.no_grad()
    def read(self, ids: list[int], *, every: bool = False) -> Tensor:
        with writing():
            output = self._model(
                torch.tensor([ids]), past_key_values=self._cache, use_cache=True, logits_to_keep=0 if every else 1
            )
        self.length += len(ids)
        return output.logits[0].float()

    def forget(self, length: int) -> None:
        assert 0 <= length <= self.length
        self._cache.crop(length - self.length)  # negative: how many to drop
        self.length = length
