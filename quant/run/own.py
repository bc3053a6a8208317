"""A model's own forward pass, whatever its architecture calls its arguments: the definition of what it computes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from quant.errors import ModelError
from quant.model.skeleton import REFUSALS
from quant.text import Text

CACHES = ("past_key_values", "cache_params")  # what an architecture calls what it remembers


@torch.no_grad()
def logits(model: PreTrainedModel, ids: Tensor, memory: Cache | None = None, *, last: bool = False) -> Tensor:
    """The logits [batch, n, vocabulary] of token ids [batch, n], or of the last one alone, in the model's own type.

    memory: what it has read before and now adds to; without one every token is new. Raises ModelError where the
    architecture's own code fails.
    """
    asked: dict[str, Any] = {"use_cache": memory is not None, "return_dict": True}
    if memory is not None:
        asked[_cache_name(model)] = memory
    if last and "logits_to_keep" in _parameters(model):
        asked["logits_to_keep"] = 1
    with speaking(model, ids.shape[1]):
        found: Tensor = model(ids, **{name: value for name, value in asked.items() if _takes(model, name)}).logits
    return found[:, -1:] if last else found


@contextmanager
def speaking(model: PreTrainedModel, tokens: int) -> Iterator[None]:
    """Turn what an architecture's own code raises into a ModelError."""
    try:
        yield
    except REFUSALS as error:
        raise ModelError(
            Text("El código de esta arquitectura ({kind}) no puede leer así {n} tokens: su configuración no lo admite.",
                 "The code of this architecture ({kind}) cannot read {n} tokens so: its configuration does not allow "
                 "it.").format(kind=model.config.model_type, n=tokens)
        ) from error  # fmt: skip


def _parameters(model: PreTrainedModel) -> Mapping[str, inspect.Parameter]:
    kind: Any = type(model)
    return _signature(kind).parameters


@cache
def _signature(kind: Any) -> inspect.Signature:
    return inspect.signature(kind.forward)


def _takes(model: PreTrainedModel, name: str) -> bool:
    return name in _parameters(model) or any(p.kind is p.VAR_KEYWORD for p in _parameters(model).values())


def _cache_name(model: PreTrainedModel) -> str:
    return next((name for name in CACHES if name in _parameters(model)), CACHES[0])
