"""What storing keys and values in few bits does to the numbers themselves, by layer; `measure` says what it costs.

    dB = 10 log10(sum x^2 / sum (x - x^)^2)     over all keys, or values, of a layer

The two need not agree. A query is multiplied by the keys and a softmax follows, so an error of the keys moves weight
from one token to another; one of the values is averaged over all that are attended to. And what is the same in every
key of a head moves all scores alike and changes nothing, however large it makes the signal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from quant.cache import CacheScheme
from quant.errors import EvaluationError
from quant.evaluation.compare import Reference
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.run import own
from quant.run.cache import set_scheme, stored
from quant.run.probe import cache_shapes, check_cache
from quant.run.reader import empty_cache
from quant.text import Text
from quant.texts import EvalText, shipped_text, text_of

TEXT, TEXT_BYTES = "enciclopedia", 52_000  # whole articles: the longer the context, the more the keys count


def cache_text() -> EvalText:
    """What the pairs of the page are measured on, recorded and live."""
    return shipped_text(TEXT).part(TEXT_BYTES)


@dataclass(frozen=True)
class LayerError:
    """Signal over error of one layer's keys and values, dB; infinite without error."""

    keys_db: float
    values_db: float


@dataclass(frozen=True)
class CacheError:
    """Of every layer, and over all of them together."""

    layers: tuple[LayerError, ...]
    keys_db: float
    values_db: float


def with_cache(loaded: LoadedModel, scheme: CacheScheme) -> LoadedModel:
    """`loaded` with its own weights, its keys and values stored so. Raises SchemeError, QuantError."""
    check_cache(loaded, scheme)
    model = structural_copy(loaded.model)
    set_scheme(model, scheme)
    return replace(loaded, model=model)


@torch.no_grad()
def cache_error(loaded: LoadedModel, scheme: CacheScheme, text: EvalText | str = "enciclopedia") -> CacheError:
    """What `scheme` does to the keys and values of `loaded` on the first window of a text, not yet fed back.

    Raises EvaluationError, SchemeError and QuantError.

    >>> from quant import cache_scheme, load_model
    >>> found = cache_error(load_model(), cache_scheme(8, 4), "La ciudad de Madrid es la capital de España.")
    >>> found.keys_db > found.values_db
    True
    """
    check_cache(loaded, scheme)
    found = states(loaded, text)
    layers = [tuple(_powers(x, stored(side, x)) for side, x in zip(scheme.sides, kv, strict=True)) for kv in found]
    totals = [[sum(layer[i][j] for layer in layers) for j in range(2)] for i in range(2)]
    each = tuple(LayerError(*(_decibels(*powers) for powers in layer)) for layer in layers)
    return CacheError(each, *(_decibels(*powers) for powers in totals))


@torch.no_grad()
def states(loaded: LoadedModel, text: EvalText | str) -> tuple[tuple[Tensor, Tensor], ...]:
    """Keys and values [1, heads, tokens, width] of every layer, of the longest window of a text."""
    cache_shapes(loaded)
    windows = Reference(loaded, text_of(text), at_least=1).windows
    if not windows:
        raise EvaluationError(Text("No hay texto que leer.", "There is no text to read."))
    ids = max((w.inputs for w in windows), key=len)
    memory = empty_cache(loaded.model)
    own.logits(loaded.model, ids[None], memory, last=True)
    return tuple((layer.keys, layer.values) for layer in memory.layers)


def _powers(x: Tensor, rounded: Tensor) -> tuple[float, float]:
    """Of the numbers, and of their error."""
    return float(x.double().square().sum()), float((x.double() - rounded.double()).square().sum())


def _decibels(signal: float, noise: float) -> float:
    return 10 * math.log10(signal / noise) if signal and noise else math.inf
