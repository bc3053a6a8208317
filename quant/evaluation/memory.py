"""Bytes: what a model's tensors take in memory now, by kind, and what the whole process holds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quant.activations import Activations
from quant.kernels.cpu import Kernel, kernel
from quant.kernels.expanded import Expanded
from quant.kernels.held import Repaired
from quant.kernels.int4pack import Int4Matrix
from quant.kernels.matrix import PackedMatrix
from quant.model.layers import Kind, Layer, census
from quant.model.load import LoadedModel
from quant.model.packed import QuantLinear, packed_matrices

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class HeldLayer:
    """Bytes of one tensor in memory; of a packed one, what multiplies it, and the bytes that one token reads of it."""

    layer: Layer
    n_bytes: int
    kernel: Kernel | None
    read_bytes: int


@dataclass(frozen=True)
class Held:
    """Bytes of one kind of tensor in memory, tied ones counted once, and what multiplies the packed ones."""

    kind: Kind
    tensors: int
    n_bytes: int
    kernels: tuple[Kernel, ...] = ()


def held_in_memory(loaded: LoadedModel) -> list[Held]:
    """What a model's tensors occupy as they are now, kind by kind: floats as floats, packed matrices as their bytes."""
    held = held_layers(loaded)
    return [_together(kind, [h for h in held if h.layer.kind is kind]) for kind in Kind]


def _together(kind: Kind, held: Sequence[HeldLayer]) -> Held:
    kernels = {h.kernel.name: h.kernel for h in held if h.kernel}
    return Held(kind, len(held), sum(h.n_bytes for h in held), tuple(kernels.values()))


def held_layers(loaded: LoadedModel) -> list[HeldLayer]:
    """Each tensor of a model once, a tied one as the table."""
    packed = {name: module for name, module, _ in packed_matrices(loaded.model)}
    parameters = dict(loaded.model.named_parameters())
    found = []
    for layer in census(loaded):
        if layer.tensor in parameters:
            n_bytes = parameters[layer.tensor].nbytes
            found.append(HeldLayer(layer, n_bytes, None, n_bytes))
            continue
        held = packed[layer.name].matrix
        found.append(HeldLayer(layer, held.nbytes, kernel(held, _activations(loaded, layer)), _read_bytes(held)))
    return found


def _activations(loaded: LoadedModel, layer: Layer) -> Activations:
    """What a packed matrix is multiplied by; a table that is tied to the output matrix where it serves as that."""
    module = loaded.model.get_submodule(layer.tied_to or layer.name)
    return module.activations if isinstance(module, QuantLinear) else Activations.FLOAT


def _read_bytes(held: object) -> int:
    """Bytes that one product with a few tokens reads: of a matrix with a copy for an operator, that copy alone."""
    if isinstance(held, Repaired):
        return _read_bytes(held.base) + held.beside.nbytes
    if isinstance(held, Int4Matrix | Expanded):
        return sum(part.nbytes for part in held.copy)
    assert isinstance(held, PackedMatrix)
    return held.nbytes


def packed_bits(held: Sequence[HeldLayer]) -> float:
    """Bits in memory of one weight of the packed matrices: codes, scales, zero points, padding. Raises ValueError."""
    packed = [h for h in held if h.kernel]
    if not packed:
        raise ValueError("no matrix is packed")
    return 8 * sum(h.n_bytes for h in packed) / sum(h.layer.parameters for h in packed)


def process_bytes() -> int | None:
    """Resident memory of this process; None on a system that does not say."""
    if STATUS.exists():
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes there; the most there ever was
