"""One token after another through a GPT-2 by torch's own operators: `gpt2.hidden`, looked up beforehand.

Serves where the compiled step does not (run/step.py). The weights are the model's own, as it holds them when this
is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from quant.kernels import cpu, ready
from quant.kernels.ready import Product
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.run.cache import scheme_of
from quant.run.gpt2 import Cache

Row = Callable[[int], Tensor]


@dataclass(frozen=True)
class _Block:
    before_attention: Product
    qkv: Product
    attended: Product
    before_mlp: Product
    up: Product
    down: Product


class SingleStep:
    """A GPT-2 that `gpt2.supports`, one token at a time. Raises ValueError where its keys and values are rounded."""

    def __init__(self, model: PreTrainedModel) -> None:
        if scheme_of(model):
            raise ValueError("keys and values are stored rounded: gpt2.hidden runs this model")
        body: Any = model.transformer
        self._token, self._position = _row(body.wte), _row(body.wpe)
        self._heads = model.config.n_head
        self._blocks = [
            _Block(_normal(b.ln_1), _product(b.attn.c_attn), _product(b.attn.c_proj),
                   _normal(b.ln_2), _product(b.mlp.c_fc), _product(b.mlp.c_proj))
            for b in body.h
        ]  # fmt: skip
        self._last, self._head = _normal(body.ln_f), _product(model.lm_head)

    def read(self, token: int, cache: Cache) -> Tensor:
        """float32 logits [1, vocabulary] after one more token, which is added to the cache."""
        with torch.inference_mode():  # a tenth of the time less than no_grad
            logits = self._logits(token, self._position(cache.length), cache)
        cache.length += 1
        return logits.to(torch.float32, copy=True)  # a tensor like any other, that may be written to

    def _logits(self, token: int, position: Tensor, cache: Cache) -> Tensor:
        return self._head(self._last(self._through(self._token(token) + position, cache)))

    def _through(self, x: Tensor, cache: Cache) -> Tensor:
        for layer, block in enumerate(self._blocks):
            x = x + block.attended(self._attention(block.qkv(block.before_attention(x)), cache, layer))
            x = x + block.down(functional.gelu(block.up(block.before_mlp(x)), approximate="tanh"))
        return x

    def _attention(self, qkv: Tensor, cache: Cache, layer: int) -> Tensor:
        """[1, width] of queries, keys and values [1, 3 width]."""
        qkv = qkv.view(3, 1, self._heads, 1, -1)
        keys, values = cache.extend(layer, qkv[1:])
        return functional.scaled_dot_product_attention(qkv[0], keys, values).view(1, -1)


def _product(module: nn.Module) -> Product:
    if type(module) is QuantLinear:
        return ready.packed(module.matrix, module.bias, module.activations)
    assert type(module) is nn.Linear, "gpt2.supports says so"
    return ready.plain(module.weight, module.bias)


def _normal(norm: nn.LayerNorm) -> Product:
    shape, weight, bias, epsilon = norm.normalized_shape, norm.weight, norm.bias, norm.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, epsilon)


def _row(table: nn.Module) -> Row:
    """float32 [1, width] of a table."""
    if isinstance(table, QuantEmbedding):
        matrix = table.matrix
        return lambda i: cpu.rows(matrix, i, i + 1)
    assert isinstance(table, nn.Embedding)
    weight = table.weight
    return lambda i: weight[i : i + 1]
