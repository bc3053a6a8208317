"""Bytes: what a model's tensors take in memory now, by kind, and what the whole process holds."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from quant.kernels.cpu import Activations, Kernel, kernel
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Held:
    """Bytes of one kind of tensor in memory, tied ones counted once, and what multiplies the packed ones."""

    kind: Kind
    tensors: int
    n_bytes: int
    kernels: tuple[Kernel, ...] = ()


def held_in_memory(loaded: LoadedModel) -> list[Held]:
    """What a model's tensors occupy as they are now, kind by kind: floats as floats, packed matrices as their bytes."""
    packed = {name: module for name, module, _ in packed_matrices(loaded.model)}
    parameters = dict(loaded.model.named_parameters())
    sizes: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    kernels: dict[Kind, dict[str, Kernel]] = {kind: {} for kind in Kind}
    for layer in census(loaded):
        if layer.tensor in parameters:
            sizes[layer.kind].append(parameters[layer.tensor].nbytes)
            continue
        module = packed[layer.name]
        sizes[layer.kind].append(module.matrix.nbytes)
        used = kernel(module.matrix, getattr(module, "activations", Activations.FLOAT))
        kernels[layer.kind][used.name] = used
    return [Held(kind, len(sizes[kind]), sum(sizes[kind]), tuple(kernels[kind].values())) for kind in Kind]


def process_bytes() -> int | None:
    """Resident memory of this process; None on a system that does not say."""
    if STATUS.exists():
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes there; the most there ever was
