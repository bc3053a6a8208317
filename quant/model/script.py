"""One token through the blocks of a GPT-2 whose products are all torch's 4-bit operator, as one call of TorchScript.

A token goes through some 300 of torch's operators, and Python between them takes an eighth of the blocks' time
(bench/NOTES.md). TorchScript is deprecated; where it is gone, or does not give what Python gives, Python runs the same
function.
"""

import warnings
from collections.abc import Callable, Iterable
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from quant.formats import FORMATS
from quant.kernels.cpu import Activations
from quant.kernels.int4pack import Int4Matrix
from quant.methods import rtn
from quant.model.packed import QuantLinear
from quant.scheme import PerGroup, Scheme

Read = Callable[[Tensor, list["Block"], Tensor, int], Tensor]
ONE_AT_A_TIME = Lock()
TRIES = 3  # TorchScript watches a first run and then rewrites what it runs


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


def normal(x: Tensor, n: Normal) -> Tensor:
    return torch.layer_norm(x, n.weight.shape, n.weight, n.bias, n.epsilon)


def product(x: Tensor, p: Int4) -> Tensor:
    return torch._weight_int4pack_mm_for_cpu(x.to(torch.bfloat16), p.data, p.size, p.scales) + p.bias


def attention(qkv: Tensor, kept: Tensor, position: int) -> Tensor:
    """[1, width] of queries, keys and values [1, 3 width], of which the last two go to `kept` [2, heads, room, ...]."""
    each = qkv.view(3, 1, kept.shape[1], 1, kept.shape[3])
    kept.narrow(2, position, 1).copy_(each[1:].squeeze(1))
    both = kept.narrow(2, 0, position + 1).unsqueeze(1)
    return functional.scaled_dot_product_attention(each[0], both[0], both[1]).view(1, -1)


def read(x: Tensor, blocks: list[Block], kept: Tensor, position: int) -> Tensor:
    """float32 [1, width] after the last block of x [1, width] before the first.

    Its keys and values are stored at `position` of `kept`, float32 [2, layers, heads, room, head width].
    """
    for b, layer in zip(blocks, kept.unbind(1)):  # noqa: B905  (TorchScript has no `strict`)
        x = x + product(attention(product(normal(x, b.before_attention), b.qkv), layer, position), b.attended)
        x = x + product(functional.gelu(product(normal(x, b.before_mlp), b.up), approximate="tanh"), b.down)
    return x


def through(layers: Iterable[Any]) -> Callable[[Tensor, Tensor, int], Tensor] | None:
    """`read` of these layers of a GPT-2: x, `kept` and `position` to x. None where they are not all such `blocks`."""
    found = blocks(layers)
    if found is None:
        return None
    run = reading()
    return lambda x, kept, position: run(x, found, kept, position)


def blocks(layers: Iterable[Any]) -> list[Block] | None:
    """The layers of a GPT-2 for `read`, or None where one of their products is not the 4-bit operator's alone."""
    found = [_block(layer) for layer in layers]
    return [b for b in found if b] if all(found) else None


def _block(layer: Any) -> Block | None:
    qkv, attended = _product(layer.attn.c_attn), _product(layer.attn.c_proj)
    up, down = _product(layer.mlp.c_fc), _product(layer.mlp.c_proj)
    if not (qkv and attended and up and down):
        return None
    return Block(_normal(layer.ln_1), qkv, attended, _normal(layer.ln_2), up, down)


def _normal(norm: nn.LayerNorm) -> Normal:
    return Normal(norm.weight, norm.bias, norm.eps)


def _product(module: nn.Module) -> Int4 | None:
    if not isinstance(module, QuantLinear) or module.activations is not Activations.FLOAT or module.bias is None:
        return None
    held = module.matrix
    if not isinstance(held, Int4Matrix) or held.padded:
        return None
    return Int4(held.data, held.scales, held.size, module.bias)


def reading() -> Read:
    """`read` in TorchScript, or as it is."""
    with ONE_AT_A_TIME:  # what silences the warning is not made for several threads
        return _reading()


@cache
def _reading() -> Read:
    try:
        from torch.jit import Error
        from torch.jit.frontend import FrontendError
    except ImportError:
        return read
    example = _example()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        try:
            scripted = torch.jit.script(read)
            right = all(torch.equal(scripted(*example), read(*example)) for _ in range(TRIES))
        except (Error, FrontendError, AttributeError, OSError, RuntimeError):  # OSError: no source to compile
            return read
    return scripted if right else read


def _example() -> tuple[Tensor, list[Block], Tensor, int]:
    """Two layers of width 32 and two heads that read the second of three tokens."""
    g = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    def linear(rows: int, columns: int) -> Int4:
        q = rtn.quantize(some(rows, columns), Scheme.integer(4, PerGroup(32), scale=FORMATS["bfloat16"]))
        held = Int4Matrix.of(q)
        return Int4(held.data, held.scales, held.size, some(rows))

    def block() -> Block:
        first, second = (Normal(some(32), some(32), 1e-5) for _ in range(2))
        return Block(first, linear(96, 32), linear(32, 32), second, linear(128, 32), linear(32, 128))

    return some(1, 32), [block(), block()], some(2, 2, 2, 3, 16), 1
