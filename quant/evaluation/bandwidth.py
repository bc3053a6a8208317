"""Why fewer bytes write faster: the bytes of weights that one token reads, and how fast this machine can read bytes.

Writing reads every matrix once for each token, so that while the model is larger than the processor's caches

    tokens/s <= bandwidth / bytes per token

whatever the arithmetic (the roofline of Williams et al. 2009, where it slopes). The bandwidth is measured, not taken
from a data sheet: a probe reads a block much larger than the caches. A probe can be unlucky, so that the limit is the
larger of the probe and the best row, a row being a model that the caches cannot hold.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from quant.evaluation.memory import held_layers
from quant.evaluation.speed import Speed
from quant.model.layers import Kind
from quant.model.load import LoadedModel
from quant.text import Text

CPUS = Path("/sys/devices/system/cpu")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
LEAST_BYTES, MOST_BYTES, CACHES = 2**28, 2**30, 4  # the block: four times the caches, within reason
REPEATS, LIMIT_S = 60, 0.8  # as many as fit: whatever else runs here makes most of them slow


@dataclass(frozen=True)
class Placed:
    """One model as a point: weights read for each token against tokens written a second.

    label: a word or two for the figure; name: the recipe in full.
    """

    label: Text
    name: Text
    token_bytes: int
    speed: Speed

    @property
    def bytes_per_s(self) -> float:
        return self.token_bytes * self.speed.median


@dataclass(frozen=True)
class Machine:
    """What a machine reads. cache_bytes: its last level of cache, all of it; None where the system does not say."""

    bandwidth: float
    cache_bytes: int | None

    def holds(self, placed: Placed) -> bool:
        """Whether a model is read from the caches: it fits in them or, where nobody says, outruns the memory."""
        if self.cache_bytes is None:
            return placed.bytes_per_s > self.bandwidth
        return placed.token_bytes < self.cache_bytes

    def with_rows(self, rows: Iterable[Placed]) -> Machine:
        """This machine with its bandwidth raised to the best of the rows that are too large for the caches."""
        return Machine(
            max([self.bandwidth, *(r.bytes_per_s for r in rows if not self.holds(r))]), self.cache_bytes
        )  # fmt: skip


def bytes_per_token(loaded: LoadedModel) -> int:
    """Bytes of weights that writing one token reads: each matrix that is multiplied once, the output table among them.

    Left out: the one row of the table that looks the token up, biases and norms, and the cache of keys and values,
    which grows with the text.
    """
    return sum(
        held.read_bytes
        for held in held_layers(loaded)
        if held.layer.kind is Kind.LINEAR or (held.layer.kind is Kind.TABLE and held.layer.tied_to)
    )


def this_machine() -> Machine:
    """This machine as it is measured here, once for the process."""
    return Machine(read_bandwidth(), cache_bytes())


@cache
def read_bandwidth() -> float:
    """Bytes a second that torch's threads read from memory: the best of some sums over a block; about a second."""
    block = torch.ones(_block_bytes() // torch.int64.itemsize, dtype=torch.int64)
    started, best = time.perf_counter(), 0.0
    for _ in range(REPEATS):
        before = time.perf_counter()
        block.sum()
        after = time.perf_counter()
        best = max(best, block.nbytes / (after - before))
        if after - started > LIMIT_S:
            break
    return best


def _block_bytes() -> int:
    return min(max(LEAST_BYTES, CACHES * (cache_bytes() or 0)), MOST_BYTES)


def cache_bytes() -> int | None:
    """Bytes of the processor's last level of cache, each one counted once; None where the system does not say."""
    found: dict[tuple[int, str], int] = {}
    for index in CPUS.glob("cpu[0-9]*/cache/index*"):
        files = [index / name for name in ("level", "shared_cpu_list", "size")]
        if not all(f.is_file() for f in files):
            continue
        level, shared, size = (f.read_text(encoding="ascii").strip() for f in files)
        found[int(level), shared] = int(size[:-1]) * UNITS[size[-1]] if size[-1:] in UNITS else int(size)
    last = max((level for level, _ in found), default=0)
    return sum(n for (level, _), n in found.items() if level == last) or None
