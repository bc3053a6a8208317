"""One token through a GPT-2 whose products are all torch's 4-bit operator, written for TorchScript (scripted.py).

A token goes through some 300 of torch's operators, after each of which the processor's caches are cold: Python between
them takes an eighth of the time, and a field read here or a view made there a tenth of what is left (bench/NOTES.md).
So fields are unpacked at once, and the views of all layers are made together.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


# TorchScript reads the annotations of these as they stand: no `from __future__ import annotations`, no aliases.
class Normal(NamedTuple):
    """A LayerNorm."""

    weight: Tensor
    bias: Tensor
    epsilon: float


class Int4(NamedTuple):
    """A linear module: what the operator takes, and a bias."""

    data: Tensor
    scales: Tensor
    size: int
    bias: Tensor


class Block(NamedTuple):
    """A layer of GPT-2."""

    before_attention: Normal
    qkv: Int4
    attended: Int4
    before_mlp: Normal
    up: Int4
    down: Int4


class Table(NamedTuple):
    """The tokens' rows as the operator holds them. `place`, `shift`: `Int4Matrix.order`, of blocks of `rows`."""

    data: Tensor
    scales: Tensor
    place: Tensor
    shift: Tensor
    rows: int


class Head(NamedTuple):
    """What makes logits of the last block's result. data, scales, size: what the operator takes."""

    last: Normal
    data: Tensor
    scales: Tensor
    size: int


def row(token: int, table: Table) -> Tensor:
    """float32 [1, width] of a token."""
    data, scales, place, shift, rows = table
    first = token // rows * rows
    at = token - first if first + rows <= scales.shape[1] else token - first + rows
    start = first * place.shape[1] // 2
    found = data.view(-1).narrow(0, start, data.numel() - start).index_select(0, place[at])
    values = ((found >> shift[at]) & 15).to(torch.float32) - 8
    return (values.view(scales.shape[0], -1) * scales.select(1, token).narrow(1, 0, 1)).view(1, -1)


def normal(x: Tensor, norm: Normal) -> Tensor:
    weight, bias, epsilon = norm
    return torch.native_layer_norm(x, weight.shape, weight, bias, epsilon)[0]


def product(x: Tensor, module: Int4) -> Tensor:
    data, scales, size, bias = module
    return torch._weight_int4pack_mm_for_cpu(x.to(torch.bfloat16), data, size, scales) + bias


def attention(qkv: Tensor, here: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """[1, width] of queries, keys and values [1, 3 width], of which the last two go `here` [2, heads, 1, head width].

    keys, values: [1, heads, n, head width], all up to this token's, whose places are `here`.
    """
    width = qkv.shape[1] // 3
    query, both = qkv.split([width, 2 * width], 1)
    here.copy_(both.view(here.shape))
    # What `scaled_dot_product_attention` comes to after it has asked itself which way to go.
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return flash(query.view(1, keys.shape[1], 1, -1), keys, values)[0].view(1, -1)


def read(x: Tensor, blocks: list[Block], kept: Tensor, position: int) -> Tensor:
    """float32 [1, width] after the last block of x [1, width] before the first.

    Its keys and values are stored at `position` of `kept`, float32 [2, layers, heads, room, head width].
    """
    here = kept.narrow(3, position, 1).unbind(1)
    keys, values = kept.narrow(3, 0, position + 1).unsqueeze(2).unbind(0)
    # TorchScript has no `strict`
    for block, h, k, v in zip(blocks, here, keys.unbind(0), values.unbind(0)):  # noqa: B905
        before_attention, qkv, attended, before_mlp, up, down = block
        x = x + product(attention(product(normal(x, before_attention), qkv), h, k, v), attended)
        x = x + product(functional.gelu(product(normal(x, before_mlp), up), approximate="tanh"), down)
    return x


def logits(
    token: int, there: Tensor, table: Table, blocks: list[Block], head: Head, kept: Tensor, position: int
) -> Tensor:
    """bfloat16 [1, rows of the head] after `token`, whose position has the embedding `there` [1, width]."""
    last, data, scales, size = head
    x = normal(read(row(token, table) + there, blocks, kept, position), last)
    return torch._weight_int4pack_mm_for_cpu(x.to(torch.bfloat16), data, size, scales)
