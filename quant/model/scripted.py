"""The functions of script.py in TorchScript, for a model.

TorchScript is deprecated; where it is gone, or does not give what Python gives, single.py reads without it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from threading import RLock
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

ONE_AT_A_TIME = RLock()  # what silences TorchScript's warning is not made for several threads
SCHEME = Scheme.integer(4, PerGroup(32), scale=FORMATS["bfloat16"])
TRIES = 3  # TorchScript watches a first run and then rewrites what it runs


class Functions(NamedTuple):
    """`read` and `logits`, and what they want the blocks held in."""

    read: Callable[..., Tensor]
    logits: Callable[..., Tensor]
    hold: Callable[[list[Block]], list[Block]]


def whole(model: Any) -> Callable[[int, Tensor, Tensor, int], Tensor] | None:
    """`logits` of this GPT-2, of its vocabulary alone: token, `there`, `kept` and `position` to them.

    None where a product, the table included, is not the 4-bit operator's alone, or there is no TorchScript.
    """
    body, found = model.transformer, blocks(model.transformer.h)
    table, head = _table(body.wte), _head(body.ln_f, model.lm_head)
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
    return Normal(norm.weight, norm.bias, norm.eps)


def _product(module: nn.Module) -> Int4 | None:
    if not isinstance(module, QuantLinear) or module.activations is not Activations.FLOAT or module.bias is None:
        return None
    held = module.matrix
    if not isinstance(held, Int4Matrix) or held.padded:
        return None
    return Int4(held.data, held.scales, held.size, module.bias)


def functions() -> Functions | None:
    """In TorchScript, where it gives what Python gives."""
    with ONE_AT_A_TIME:
        return _functions()


@cache
def _functions() -> Functions | None:
    try:
        from torch.jit import Error
        from torch.jit.frontend import FrontendError
    except ImportError:
        return None
    example = _example()
    try:
        wanted = _results(Functions(read, logits, list), *example)
        found = Functions(_script(read), _script(logits), _script)
        right = all(_same(_results(found, *example), wanted) for _ in range(TRIES))
    except (Error, FrontendError, AttributeError, OSError, RuntimeError):  # OSError: no source to compile
        return None
    return found if right else None


def _script(what: Any) -> Any:
    """A function, or a list that TorchScript then need not translate at every call."""
    with ONE_AT_A_TIME, warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return torch.jit.script(what)


def _results(run: Functions, table: Table, blocks: list[Block], head: Head) -> list[Tensor]:
    """What two layers and two heads give for the second of three tokens, from both parts of the table, and keep."""
    held, kept = run.hold(blocks), torch.zeros(2, 2, 2, 3, 16)
    x, last = torch.linspace(-1, 1, 32)[None], table.scales.shape[1] - 1
    through = [run.read(x, held, kept, 1)]
    return [*through, *(run.logits(token, x, table, held, head, kept, 1) for token in (3, last)), kept]


def _same(some: list[Tensor], others: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def _example() -> tuple[Table, list[Block], Head]:
    """Of width 32 and two layers, with a table of a whole block of rows and a part of one."""
    g = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    def matrix(rows: int, columns: int) -> Int4Matrix:
        return Int4Matrix.of(rtn.quantize(some(rows, columns), SCHEME))

    def linear(rows: int, columns: int) -> Int4:
        held = matrix(rows, columns)
        return Int4(held.data, held.scales, held.size, some(rows))

    def normal() -> Normal:
        return Normal(some(32), some(32), 1e-5)

    def block() -> Block:
        return Block(normal(), linear(96, 32), linear(32, 32), normal(), linear(128, 32), linear(32, 128))

    tokens = matrix(block_rows() + ROWS, 32)
    table = Table(tokens.data, tokens.scales, *tokens.order(), block_rows())
    return table, [block(), block()], Head(normal(), tokens.data, tokens.scales, tokens.size)
