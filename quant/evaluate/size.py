"""Bytes: what a model's tensors take in memory now, by kind, and what the whole process holds."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from quant.model.layers import Kind, census
from quant.model.load import LoadedModel

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Held:
    """Bytes of one kind of tensor in memory, tied ones counted once."""

    kind: Kind
    tensors: int
    n_bytes: int


def held_in_memory(loaded: LoadedModel) -> list[Held]:
    """What the parameters of a model occupy as they are now, kind by kind. Decoded copies count as what they are."""
    parameters = dict(loaded.model.named_parameters())
    by_kind: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    for layer in census(loaded):
        by_kind[layer.kind].append(parameters[layer.tensor].nbytes)
    return [Held(kind, len(sizes), sum(sizes)) for kind, sizes in by_kind.items()]


def process_bytes() -> int | None:
    """Resident memory of this process; None on a system that does not say."""
    if STATUS.exists():
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes there; the most there ever was
