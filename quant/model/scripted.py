"""The functions of script.py in TorchScript, for a model.

TorchScript is deprecated; where it is gone, or does not give what these functions give in Python, single.py reads
without it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quant.formats import FORMATS
from quant.kernels.cpu import Activations
from quant.kernels.int4pack import ROWS, Int4Matrix, block_rows
from quant.methods import rtn
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.model.script import Block, Head, Int4, Normal, Table, logits, read
from quant.scheme import PerGroup, Scheme

ONE_AT_A_TIME = Lock()
TRIES = 3  # TorchScript watches a first run and then rewrites what it runs


class Functions(NamedTuple):
    """`read` and `logits`, and what they want the blocks held in."""

    read: Callable[..., Tensor]
    logits: Callable[..., Tensor]
    hold: Callable[[list[Block]], Any]


def whole(model: Any) -> Callable[[int, Tensor, Tensor, int], Tensor] | None:
    """`logits` of this GPT-2, of its vocabulary alone: token, `there`, `kept` and `position` to them.

    None where a product, the table included, is not the 4-bit operator's alone, or there is no TorchScript.
    """
    body = model.transformer
    found, table, head = blocks(body.h), _table(body.wte), _head(body.ln_f, model.lm_head)
    if not (found and table and head) or not (run := functions()):
        return None
    held, out = run.hold(found), model.lm_head.matrix.shape[0]
    return lambda token, there, kept, position: run.logits(token, there, table, held, head, kept, position)[:, :out]


def through(model: Any) -> Callable[[Tensor, Tensor, int], Tensor] | None:
    """`read` of this GPT-2: x, `kept` and `position` to x. None where `blocks` is, or there is no TorchScript."""
    found = blocks(model.transformer.h)
    if not found or not (run := functions()):
        return None
    held = run.hold(found)
    return lambda x, kept, position: run.read(x, held, kept, position)


def blocks(layers: nn.ModuleList) -> list[Block] | None:
    """The layers of a GPT-2 for `read`, or None where one of their products is not the 4-bit operator's alone."""
    found = [_block(layer) for layer in layers]
    return [b for b in found if b] if all(found) else None


def _block(layer: Any) -> Block | None:
    qkv, attended = _product(layer.attn.c_attn), _product(layer.attn.c_proj)
    up, down = _product(layer.mlp.c_fc), _product(layer.mlp.c_proj)
    if not (qkv and attended and up and down):
        return None
    return Block(_normal(layer.ln_1), qkv, attended, _normal(layer.ln_2), up, down)


def _table(module: nn.Module) -> Table | None:
    if not isinstance(module, QuantEmbedding) or not isinstance(module.matrix, Int4Matrix):
        return None
    held = module.matrix
    return Table(held.data, held.scales, *held.order(), block_rows())


def _head(last: nn.LayerNorm, module: nn.Module) -> Head | None:
    if not isinstance(module, QuantLinear) or module.activations is not Activations.FLOAT or module.bias is not None:
        return None
    held = module.matrix
    return Head(_normal(last), held.data, held.scales, held.size) if isinstance(held, Int4Matrix) else None


def _normal(norm: nn.LayerNorm) -> Normal:
    return Normal(norm.weight, norm.bias, float(norm.eps))


def _product(module: nn.Module) -> Int4 | None:
    if not isinstance(module, QuantLinear) or module.activations is not Activations.FLOAT or module.bias is None:
        return None
    held = module.matrix
    if not isinstance(held, Int4Matrix) or held.padded:
        return None
    return Int4(held.data, held.scales, held.size, module.bias)


def functions() -> Functions | None:
    """In TorchScript, where it gives what Python gives."""
    with ONE_AT_A_TIME:  # what silences the warning is not made for several threads
        return _functions()


@cache
def _functions() -> Functions | None:
    try:
        from torch import ScriptList  # one that TorchScript need not translate at every call
        from torch.jit import Error
        from torch.jit.frontend import FrontendError
    except ImportError:
        return None
    example = _example()
    try:
        wanted = _results(Functions(read, logits, list), *example)
        found = Functions(_script(read), _script(logits), ScriptList)
        right = all(_same(_results(found, *example), wanted) for _ in range(TRIES))
    # OSError: no source to compile; ValueError: an annotation that it cannot read.
    except (Error, FrontendError, AttributeError, OSError, RuntimeError, TypeError, ValueError):
        return None
    return found if right else None


def _script(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        scripted: Callable[..., Tensor] = torch.jit.script(function)
    return scripted


def _results(run: Functions, table: Table, blocks: list[Block], head: Head) -> list[Tensor]:
    """What two layers of four heads give for the second of three tokens, from both parts of the table, and keep."""
    held, kept = run.hold(blocks), torch.zeros(2, 2, 4, 3, 16)
    x, last = torch.linspace(-1, 1, 64)[None], table.scales.shape[1] - 1
    through = [run.read(x, held, kept, 1)]
    return [*through, *(run.logits(token, x, table, held, head, kept, 1) for token in (3, last)), kept]


def _same(some: list[Tensor], others: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def _example() -> tuple[Table, list[Block], Head]:
    """Of width 64 and two layers that differ, with a table of a whole block of rows and a part of one."""
    g = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    def matrix(rows: int, columns: int, group: int) -> Int4Matrix:
        scheme = Scheme.integer(4, PerGroup(group), scale=FORMATS["bfloat16"])
        return Int4Matrix.of(rtn.quantize(some(rows, columns), scheme))

    def linear(rows: int, columns: int, group: int) -> Int4:
        held = matrix(rows, columns, group)
        return Int4(held.data, held.scales, held.size, some(rows))

    def normal(epsilon: float) -> Normal:
        return Normal(some(64), some(64), epsilon)

    def block(group: int, epsilon: float) -> Block:
        return Block(
            normal(epsilon), linear(192, 64, group), linear(64, 64, 32),
            normal(epsilon), linear(256, 64, 32), linear(64, 256, group),
        )  # fmt: skip

    tokens, outputs = matrix(block_rows() + ROWS, 64, 32), matrix(block_rows(), 64, 64)
    table = Table(tokens.data, tokens.scales, *tokens.order(), block_rows())
    head = Head(normal(1e-3), outputs.data, outputs.scales, outputs.size)
    return table, [block(32, 1e-5), block(64, 0.1)], head
