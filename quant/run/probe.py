"""Whether a model's keys and values can be stored rounded, found out by asking its own code before any work.

A copy of the model reads a few tokens through `cache.attend`, with nothing rounded. It must come there once a layer
with a key and a value of that layer alone, remember as many layers, and give the logits that it gives without: then
rounding there is rounding what its cache holds. Architectures with an attention of their own (gpt_neo, bloom, falcon,
gptj), with states instead of keys, or with keys that layers share are refused in words.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from quant.cache import CacheScheme
from quant.errors import QuantError, SchemeError
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.run import cache, forward, own
from quant.run.reader import empty_cache
from quant.text import Text

TOKENS, RELATIVE = 4, 1e-4
Shape = tuple[int, int]
_KNOWN: WeakKeyDictionary[LoadedModel, tuple[Shape, ...] | None] = WeakKeyDictionary()


def check_cache(loaded: LoadedModel, scheme: CacheScheme) -> None:
    """Raise SchemeError where `scheme` does not fit a head, QuantError where the model leaves no place for it."""
    for heads, width in cache_shapes(loaded):
        for side in scheme.sides:
            if side.scheme and side.run == 1:
                side.scheme.groups((heads, width))
    if any(side.run > 1 for side in scheme.sides) and not forward.known(loaded.model):
        raise SchemeError(
            Text("De «{name}» ({kind}) no se sabe qué tokens conserva su caché, y por canal hacen falta todos: usa "
                 "«token».",
                 "What tokens the cache of “{name}” ({kind}) keeps is not known, and per channel needs all of them: "
                 "use “token”.").format(name=loaded.name, kind=loaded.model.config.model_type)
        )  # fmt: skip


def cache_shapes(loaded: LoadedModel) -> tuple[Shape, ...]:
    """(heads of keys and values, numbers in each) of every layer. Raises QuantError where there are none to be had."""
    if loaded not in _KNOWN:
        _KNOWN[loaded] = _asked(loaded)
    if (found := _KNOWN[loaded]) is None:
        raise QuantError(
            Text("El código de «{name}» ({kind}) no deja redondear sus claves y valores: deja la caché en float32.",
                 "The code of “{name}” ({kind}) leaves no place to round its keys and values: leave the cache in "
                 "float32.").format(name=loaded.name, kind=loaded.model.config.model_type)
        )  # fmt: skip
    return found


def _asked(loaded: LoadedModel) -> tuple[Shape, ...] | None:
    if not loaded.remembers:
        return None
    usual = [i for i in range(min(loaded.table_rows, TOKENS + 2)) if i != loaded.bos]
    ids = torch.tensor([(usual * TOKENS)[: min(TOKENS, loaded.context)]])
    memory = empty_cache(loaded.model)
    expected = own.logits(loaded.model, ids)
    copy, _SEEN.shapes = structural_copy(loaded.model), []
    copy.config._attn_implementation = WATCHED
    found, seen = own.logits(copy, ids, memory), _SEEN.shapes
    if len(seen) != len(memory.layers) or not _close(found, expected):
        return None
    return tuple(seen) or None


class _Watched(cache.Attention):
    """Attention over what came, nothing rounded, that notes the shape of the keys."""

    def __call__(self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *others: Any, **named: Any
                 ) -> tuple[Tensor, None]:  # fmt: skip
        _SEEN.shapes.append((key.shape[1], key.shape[3]))
        return super().__call__(module, query, key, value, *others, **named)

    def _scheme(self, module: Any) -> CacheScheme:
        return CacheScheme()


_SEEN, WATCHED = threading.local(), "watched_cache"
cache.register(WATCHED, _Watched())


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, RELATIVE, RELATIVE * max(1.0, float(b.abs().max())))
