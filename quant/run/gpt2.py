"""GPT-2's forward pass, its own modules called in our own loop: the same numbers as transformers', in half the time.

transformers computes GELU in seven passes over memory and its products in MKL; here GELU is part of the product, and
keys and values go to a cache of fixed size. The weights are those of the model that is passed, float or packed: nothing
is copied. Source of the architecture: Radford et al. 2019; transformers' `modeling_gpt2`, which this is tested against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import GPT2LMHeadModel, PreTrainedModel

from quant.cache import CacheScheme
from quant.kernels import float32, prefill
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.run.cache import attend, scheme_of


@dataclass(eq=False)
class Cache:
    """Keys and values of what has been read: float32 [2, layers, heads, room, head width], filled up to `length`."""

    both: Tensor
    length: int = 0

    def __post_init__(self) -> None:
        self.keys, self.values = self.both  # [layers, heads, room, head width] each
        self._layers = [layer.unsqueeze(1) for layer in self.both.unbind(1)]

    @classmethod
    def of(cls, model: PreTrainedModel, room: int) -> Cache:
        """An empty one for `room` tokens."""
        c = model.config
        return cls(torch.empty(2, c.n_layer, c.n_head, room, c.n_embd // c.n_head))

    def extend(self, layer: int, new: Tensor) -> tuple[Tensor, Tensor]:
        """Store keys and values [2, 1, heads, n, width] of n more tokens; this layer's so far, [1, heads, ...] each.

        `length` itself grows once the last layer has been through. Raises RuntimeError where there is no room.
        """
        n = new.shape[3]
        self._layers[layer].narrow(3, self.length, n).copy_(new)
        keys, values = self._layers[layer].narrow(3, 0, self.length + n).unbind()
        return keys, values


def supports(model: nn.Module) -> bool:
    """Whether `model` is a GPT-2 as published (no cross attention, no unusual scaling, its tanh GELU), float or packed.

    One whose modules another library has replaced is not: they are known by their very type.
    """
    if not isinstance(model, GPT2LMHeadModel) or not all(map(_is_ours, _layers(model))):
        return False
    body = model.transformer
    norms = [body.ln_f, *(n for b in body.h for n in (b.ln_1, b.ln_2))]
    if type(body.wpe) is not nn.Embedding or not all(type(n) is nn.LayerNorm for n in norms):
        return False
    c = model.config
    usual = c.scale_attn_weights and not c.scale_attn_by_inverse_layer_idx and not c.reorder_and_upcast_attn
    return usual and not c.add_cross_attention and c.activation_function in ("gelu_new", "gelu_pytorch_tanh")


def _layers(model: Any) -> list[nn.Module]:
    blocks = model.transformer.h
    inner = [m for b in blocks for m in (b.attn.c_attn, b.attn.c_proj, b.mlp.c_fc, b.mlp.c_proj)]
    return [*inner, model.lm_head, model.transformer.wte]


def _is_ours(module: nn.Module) -> bool:
    if type(module) is QuantEmbedding:
        return module.multiplier == 1
    return type(module) in (nn.Linear, nn.Embedding, QuantLinear)


@torch.no_grad()
def hidden(model: PreTrainedModel, ids: Tensor, cache: Cache | None = None) -> Tensor:
    """float32 [batch, n, width]: what the output matrix multiplies, for token ids [batch, n], causal.

    With a `cache` (batch 1) the tokens follow those that it holds, and are added to it. Without one they are scored:
    every product is exact.
    """
    body, past, exact = model.transformer, cache.length if cache else 0, cache is None
    scheme = scheme_of(model)
    x = body.wte(ids) + body.wpe.weight[past : past + ids.shape[1]]
    for layer, block in enumerate(body.h):
        x = x + _attention(block.attn, _normal(block.ln_1, x), layer, cache, scheme)
        x = x + _mlp(block.mlp, _normal(block.ln_2, x), exact)
    if cache:
        cache.length += ids.shape[1]
    return _normal(body.ln_f, x)


def product(module: nn.Module, x: Tensor, *, gelu: bool = False, exact: bool = False) -> Tensor:
    """A linear module applied to x [..., in]; with `gelu`, its tanh form after. exact: `QuantLinear.forward`."""
    if type(module) is nn.Linear:
        return float32.linear(x, module.weight, module.bias, gelu=gelu)
    if type(module) is QuantLinear:
        return module(x, gelu=gelu, exact=exact)
    y = module(x)
    return functional.gelu(y, approximate="tanh") if gelu else y


def _normal(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    return functional.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def _mlp(mlp: Any, x: Tensor, exact: bool) -> Tensor:
    return product(mlp.c_proj, product(mlp.c_fc, x, gelu=True, exact=exact), exact=exact)


def _attention(attn: Any, x: Tensor, layer: int, cache: Cache | None, scheme: CacheScheme | None) -> Tensor:
    batch, n, _ = x.shape
    heads, exact = attn.num_heads, cache is None
    queries, keys, values = qkv = (
        product(attn.c_attn, x, exact=exact).view(batch, n, 3, heads, -1).permute(2, 0, 3, 1, 4)
    )
    if cache:
        keys, values = cache.extend(layer, qkv[1:])
    attended = attend(scheme, queries, keys, values) if scheme else prefill.attention(queries, keys, values)
    return product(attn.c_proj, attended, exact=exact)
