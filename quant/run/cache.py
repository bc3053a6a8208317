"""Attention over keys and values that are stored rounded, for every way in which a model runs.

    y_t = softmax(q_t K^T) V          with k_j, v_j as the cache holds them when token t asks: rounded, or, of a run of
                                      tokens that is not complete at t, as they were computed

What a query sees depends on its own position alone, so one pass over a text, token after token, and after going back
give the same. The scheme is the model's attention itself (`config._attn_implementation`, which transformers' code of
each architecture looks up): whoever runs the modules runs it, and a fast path that has an attention of its own asks
`scheme_of` first. Simulated: the cache keeps float32, which `forget` needs of a run that opens again, and each step
rounds what it reads.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

from quant.cache import CachePer, CacheScheme, Side
from quant.kernels import prefill
from quant.methods import grid


class Named(str):
    """What transformers calls attention over a rounded cache, one name for all, and which one it is: `scheme`.

    So the scheme lives as long as the configuration that has it, and is copied along.
    """

    NAME = "rounded_cache"
    scheme: CacheScheme

    def __new__(cls, scheme: CacheScheme) -> Self:
        made = super().__new__(cls, cls.NAME)
        made.scheme = scheme
        return made

    def __deepcopy__(self, _: object) -> Self:
        return self  # neither part of it changes

    def __reduce__(self) -> tuple[type[Self], tuple[CacheScheme]]:
        return type(self), (self.scheme,)


def scheme_of(model: PreTrainedModel) -> CacheScheme | None:
    """How `model` stores keys and values; None: float32."""
    name = model.config._attn_implementation
    return name.scheme if isinstance(name, Named) else None


def set_scheme(model: PreTrainedModel, scheme: CacheScheme) -> None:
    """Let `model` store keys and values so, for good. Of a model whose configuration nobody else uses."""
    model.config._attn_implementation = Named(scheme)


def attend(scheme: CacheScheme, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """float32 [batch, n, heads * width]: causal attention of queries [batch, heads, n, width], the last n of the keys.

    keys, values: [batch, heads, past + n, width], from the first token on, unrounded.
    """
    n = queries.shape[2]
    k, v = scheme.sides
    if n == 1 or k.run == v.run == 1:  # every query sees just what is stored now
        return prefill.attention(queries, stored(k, keys), stored(v, values))
    return attend_masked(scheme, queries, keys, values, None, queries.shape[-1] ** -0.5).flatten(2)


def attend_masked(scheme: CacheScheme, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None,
                  scale: float, softcap: float | None = None) -> Tensor:  # fmt: skip
    """float32 [batch, n, heads, width]: `attend` with what an architecture of transformers asks for besides.

    keys, values: may have fewer heads, each for several of the queries'. mask: added to the scores [..., n, past + n],
    hugely negative where a token is not to be seen, or true where it is; None: all up to the query's own are. softcap:
    the largest score.
    """
    n, times = queries.shape[2], queries.shape[1] // keys.shape[1]
    k, v = scheme.sides
    scores = queries @ _spread(stored(k, keys), times).mT
    if k.run > 1:
        scores = torch.where(_closed(k, n, keys.shape[2]), scores, queries @ _spread(keys, times).mT)
    scores = scores * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    weights, rounded = torch.softmax(_masked(scores, mask), dim=-1), _spread(stored(v, values), times)
    if v.run == 1:
        seen = weights @ rounded
    else:
        closed = weights * _closed(v, n, values.shape[2])
        seen = closed @ rounded + (weights - closed) @ _spread(values, times)
    return seen.transpose(1, 2).contiguous()


def stored(side: Side, x: Tensor) -> Tensor:
    """Keys or values [batch, heads, tokens, width] as the cache holds them: complete runs rounded, the rest not."""
    complete = x.shape[2] // side.run * side.run
    if side.scheme is None or not complete:
        return x
    turned = side.per is CachePer.CHANNEL and not side.casts
    rows = x[:, :, :complete].mT if turned else x
    matrix = rows.reshape(-1, rows.shape[-1]).float()
    frame = grid.frame(matrix, side.scheme)
    rounded = frame.holding(grid.codes(matrix, frame)).dequantize().view(rows.shape)
    return torch.cat([rounded.mT, x[:, :, complete:]], 2) if turned else rounded


def _closed(side: Side, n: int, total: int) -> Tensor:
    """bool [n, total]: whether the run of a token (column) is complete when each of the last n tokens asks."""
    asking, tokens = torch.arange(total - n, total).unsqueeze(1), torch.arange(total)
    return (tokens // side.run + 1) * side.run <= asking + 1


def _masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores [..., n, total] where a token is seen, hugely negative elsewhere.

    A block may be called as its float original was, which attends otherwise and takes other masks (`calibrate.Flow`).
    """
    if mask is None:
        n, total = scores.shape[-2:]
        mask = torch.arange(total) <= torch.arange(total - n, total).unsqueeze(1)
    return scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask


def _spread(x: Tensor, times: int) -> Tensor:
    """Keys or values of grouped heads, for each head that shares them."""
    return x if times == 1 else x.repeat_interleave(times, 1)


class Attention:
    """`attend_masked` as transformers calls it, over the cache that the module's configuration names."""

    def __call__(self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
                 scaling: float | None = None, softcap: float | None = None, **others: Any
                 ) -> tuple[Tensor, None]:  # fmt: skip
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return attend_masked(self._scheme(module), query, key, value, attention_mask, scale, softcap), None

    def _scheme(self, module: Any) -> CacheScheme:
        scheme: CacheScheme = module.config._attn_implementation.scheme
        return scheme


def register(name: str, attention: Attention) -> None:
    """Let transformers call `attention` by that name, with masks that are added to the scores."""
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, eager_mask)


register(Named.NAME, Attention())
