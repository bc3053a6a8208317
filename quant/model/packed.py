"""Modules that hold packed weights, and what stands beside them: what a quantized model is made of.

A float copy of a matrix exists only tile by tile, while it is multiplied (`kernels/reference.py`), or whole for the one
product of a long prompt (`kernels/cpu.py`); between two calls only where no kernel multiplies it as it is packed
(`kernels/expanded.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from quant.activations import Activations
from quant.errors import SchemeError
from quant.kernels import compiled, cpu
from quant.kernels.arena import move_to_one_arena, settled
from quant.kernels.expanded import Expanded
from quant.kernels.held import Held, Repaired
from quant.kernels.int4pack import Int4Matrix
from quant.kernels.matrix import PackedMatrix
from quant.text import Text

_WRITING: ContextVar[bool] = ContextVar("writing", default=False)


@contextmanager
def writing() -> Iterator[None]:
    """Let the modules that are called meanwhile write in whatever arithmetic is fastest here."""
    before = _WRITING.set(True)
    try:
        yield
    finally:
        _WRITING.reset(before)


class QuantLinear(nn.Module):
    """y = x W^T + b with W held in any way; takes the place of an `nn.Linear` in any model."""

    def __init__(self, matrix: Held, bias: Tensor | None = None, activations: Activations = Activations.FLOAT) -> None:
        super().__init__()
        self.matrix, self.activations = matrix, activations
        self.out_features, self.in_features = matrix.shape
        self.bias = bias

    def forward(self, x: Tensor, *, gelu: bool = False, out: Tensor | None = None, exact: bool | None = None) -> Tensor:
        """float32 [..., out] of x [..., in]; with `gelu`, its tanh form after.

        out: where it may be written. exact: as defined, even where this machine writes a few tokens in another
        arithmetic; so it is unless said, but while `writing`.
        """
        exact = not _WRITING.get() if exact is None else exact
        return cpu.linear(x, self.matrix, self.bias, self.activations, gelu=gelu, out=out, exact=exact)

    @property
    def weight(self) -> Tensor:
        """float32 [out, in], decoded anew: for architectures whose own code asks a linear layer for its weight.

        Raises SchemeError where inputs are to be rounded too: who takes the weight alone would leave that out.
        """
        if self.activations != Activations.FLOAT:
            raise SchemeError(
                Text("Esta arquitectura multiplica ella misma por sus pesos, y así no se pueden redondear las "
                     "activaciones: déjalas en float32.",
                     "This architecture multiplies by its weights itself, so that activations cannot be rounded: leave "
                     "them in float32.")
            )  # fmt: skip
        return cpu.rows(self.matrix)

    def extra_repr(self) -> str:
        name = cpu.kernel(self.matrix, self.activations).name
        return f"{self.in_features}, {self.out_features}, {self.matrix.nbytes} bytes, {name}"


class QuantEmbedding(nn.Module):
    """Rows of a stored table, decoded as they are asked for. `multiplier`: what some models scale them by."""

    def __init__(self, matrix: Held, multiplier: float = 1.0) -> None:
        super().__init__()
        self.matrix, self.multiplier = matrix, multiplier
        self.num_embeddings, self.embedding_dim = matrix.shape

    def forward(self, ids: Tensor) -> Tensor:
        """float32 [..., width] of token ids [...]."""
        asked, where = ids.reshape(-1).unique(return_inverse=True)
        rows = torch.cat([cpu.rows(self.matrix, i, i + 1) for i in asked.tolist()])[where]
        return (rows if self.multiplier == 1 else rows * self.multiplier).view(*ids.shape, -1)

    @property
    def weight(self) -> Tensor:
        """float32 [rows, width], decoded anew: for architectures whose own code asks a table for its weight."""
        return cpu.rows(self.matrix)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, {self.matrix.nbytes} bytes"


def is_linear(module: nn.Module) -> bool:
    """Whether a module multiplies by its weight, adds its bias, and does nothing else.

    What inherits from nn.Linear may compute in another way (routers of experts, grouped projections).
    """
    kind: Any = type(module)
    return isinstance(module, QuantLinear) or (isinstance(module, nn.Linear) and _multiplies(kind))


@cache
def _multiplies(kind: Any) -> bool:
    """Whether modules of a class that inherits from nn.Linear compute what that does, tried on a small one."""
    if kind.forward is nn.Linear.forward:
        return True
    x = torch.tensor([[1.0, -2.0, 0.5]])
    try:
        small = kind(3, 2, bias=True, device="cpu").float().requires_grad_(False)
        return torch.allclose(small(x), nn.functional.linear(x, small.weight, small.bias))
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return False


def packed_matrices(model: nn.Module) -> Iterator[tuple[str, QuantLinear | QuantEmbedding, Held]]:
    """Each packed matrix of a model once, a tied one as the table: name of the module, the module, what it holds."""
    seen: set[int] = set()
    modules = sorted(model.named_modules(), key=lambda named: not isinstance(named[1], QuantEmbedding))
    for name, module in modules:
        if isinstance(module, QuantLinear | QuantEmbedding) and id(module.matrix) not in seen:
            seen.add(id(module.matrix))
            yield name, module, module.matrix


def packed_bytes(model: nn.Module) -> int:
    """Bytes of all packed matrices, a tied one counted once."""
    return sum(held.nbytes for _, _, held in packed_matrices(model))


def settle(model: nn.Module) -> None:
    """Move all packed matrices, in the order in which the model has them, to where a step reads them fastest."""
    modules = [m for m in model.modules() if isinstance(m, QuantLinear | QuantEmbedding)]
    held = {id(m.matrix): m.matrix for m in modules}
    bases = {id(base): base for base in map(_base, held.values())}
    loose = {key: base for key, base in bases.items() if type(base) is PackedMatrix}
    moved = dict(zip(loose, settled(list(loose.values())), strict=True))
    now = {key: _with_base(h, moved[id(_base(h))]) for key, h in held.items() if id(_base(h)) in moved}
    for module in modules:
        module.matrix = now.get(id(module.matrix), module.matrix)
    copies = [base.copy for base in bases.values() if isinstance(base, Int4Matrix | Expanded)]
    move_to_one_arena([part for copy in copies for part in copy])


def repack(model: nn.Module) -> bool:
    """Drop the copies that stood in for kernels which have been compiled since; whether there were any."""
    modules = [m for m in model.modules() if isinstance(m, QuantLinear | QuantEmbedding)]
    held = {id(m.matrix): m.matrix for m in modules}
    copies = {key: base for key, h in held.items() if isinstance(base := _base(h), Int4Matrix | Expanded)}
    now = {key: _with_base(held[key], c.packed) for key, c in copies.items() if compiled.supported(c.packed)}
    for module in modules:
        module.matrix = now.get(id(module.matrix), module.matrix)
    if now:
        settle(model)
    return bool(now)


def _base(held: Held) -> Held:
    """The codes without what stands beside them."""
    return held.base if type(held) is Repaired else held


def _with_base(held: Held, base: Held) -> Held:
    return replace(held, base=base) if type(held) is Repaired else base


def settle_floats(model: nn.Module) -> None:
    """Move float matrices likewise: the linear ones to one arena, each table to its own, which may outlive them."""
    kinds = (nn.Linear, nn.Embedding)
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    weights = {id(m.weight): m.weight for m in model.modules() if isinstance(m, kinds)}
    move_to_one_arena([w for key, w in weights.items() if key not in tables])
    for key in tables:
        move_to_one_arena([weights[key]])


def put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Set the submodule called `name`."""
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, module)
