"""Reading tokens one after another, by the fastest way that a model has; what was read can be forgotten again.

GPT-2 keeps keys and values in a cache of fixed size: a few tokens at a time go through the compiled step where there is
one, more through `gpt2.hidden`, and both fill the same cache. Other architectures go through their own code and cache;
where that cache cannot go back (a state, not a list of keys), what is kept is read again, and where an architecture
remembers nothing right, everything is read again each time.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from quant.kernels.cpu import FEW
from quant.model.packed import writing
from quant.run import forward, gpt2, own, step
from quant.run.cache import scheme_of
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


def reader(model: PreTrainedModel, room: int, *, remembers: bool = True) -> Reader:
    """One that has read nothing, with room for that many tokens. remembers: `LoadedModel.remembers`."""
    if gpt2.supports(model):
        return Gpt2Reader(model, room)
    return OwnReader(model) if remembers else Rereader(model)


class Gpt2Reader:
    """A GPT-2, float or packed."""

    def __init__(self, model: PreTrainedModel, room: int) -> None:
        self._model, self._cache = model, Cache.of(model, room)
        self._compiled = step.NativeGpt2(model) if step.supports(model) else None
        self._single = None if self._compiled or scheme_of(model) else SingleStep(model)

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
        self._model, self._cache = model, empty_cache(model)
        self._read: list[int] = []
        self._unread: list[int] = []  # kept, and to be read again

    @property
    def length(self) -> int:
        return len(self._read) + len(self._unread)

    @torch.no_grad()
    def read(self, ids: list[int], *, every: bool = False) -> Tensor:
        new = self._unread + ids
        with writing():
            found = own.logits(self._model, torch.tensor([new]), self._cache, last=not every)
        self._read, self._unread = self._read + new, []
        return found[0, -len(ids) :].float() if every else found[0].float()

    def forget(self, length: int) -> None:
        assert 0 <= length <= self.length
        kept = (self._read + self._unread)[:length]
        if length <= len(self._read) and all(type(layer) is DynamicLayer for layer in self._cache.layers):
            if length < len(self._read):
                self._cache.crop(length - len(self._read))  # negative: how many to drop
            self._read, self._unread = kept, []
        elif length < self.length:
            self._cache, self._read, self._unread = empty_cache(self._model), [], kept


def empty_cache(model: PreTrainedModel) -> DynamicCache:
    """What `model` has read: nothing yet."""
    # By the configuration, sliding layers would drop what they no longer see, which `forget` may bring back.
    usual = set(getattr(model.config, "layer_types", None) or ()) <= {"full_attention", "sliding_attention"}
    return DynamicCache(config=None if usual and forward.known(model) else model.config)


class Rereader:
    """A causal language model whose cache does not give what one pass gives: each time it reads everything again."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._ids: list[int] = []

    @property
    def length(self) -> int:
        return len(self._ids)

    @torch.no_grad()
    def read(self, ids: list[int], *, every: bool = False) -> Tensor:
        self._ids = self._ids + ids
        with writing():
            found = own.logits(self._model, torch.tensor([self._ids]), last=not every)[0].float()
        return found[-len(ids) :] if every else found

    def forget(self, length: int) -> None:
        assert 0 <= length <= self.length
        self._ids = self._ids[:length]
