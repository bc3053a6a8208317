"""Matrices side by side in memory that the system maps in large pages, as decoding reads them.

A step reads every weight once: its order in memory, from one cache line to the next, is worth a fifth to two fifths of
its time, and pages of 2 MB instead of 4 KB from a twelfth to a fifth more (bench/NOTES.md).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor

from quant.kernels.matrix import Codes, Numbers, PackedMatrix

LINE, PAGE = 64, 2 << 20  # bytes


def in_large_pages(size: int) -> Tensor:
    """uint8 [size or more] of fresh memory, 0, which the system hands out 2 MB at a time where it can."""
    memory, start = _mapped(size)
    return torch.frombuffer(memory, dtype=torch.uint8, offset=start)


def in_one_arena(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Copies of contiguous CPU tensors, side by side, each from a cache line on; freed with the last of them."""
    return [place.copy_(tensor) for tensor, place in zip(tensors, _places(tensors), strict=True)]


def move_to_one_arena(tensors: Sequence[Tensor]) -> None:
    """The same of the tensors themselves, one after another: no two of them exist twice at a time."""
    for tensor, place in zip(tensors, _places(tensors), strict=True):
        tensor.data = place.copy_(tensor.data)


def _places(tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    """Room for each tensor in turn, in a storage of its own, so that who saves one does not save them all."""
    starts, size = [], 0
    for tensor in tensors:
        starts.append(size)
        size += -(-tensor.nbytes // LINE) * LINE
    memory, first = _mapped(size)
    for tensor, start in zip(tensors, starts, strict=True):
        n = tensor.numel()
        place = torch.frombuffer(memory, dtype=tensor.dtype, count=n, offset=first + start) if n else tensor.clone()
        yield place.view(tensor.shape)


def _mapped(size: int) -> tuple[mmap.mmap, int]:
    """Memory that begins a large page at the offset given, and is that size from there on."""
    # Python's own flags make it shared, and of that Linux makes no large pages unless it is told to elsewhere.
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    memory = mmap.mmap(-1, -(-size // PAGE) * PAGE + PAGE, **private)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel built without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory, -torch.frombuffer(memory, dtype=torch.uint8).data_ptr() % PAGE


def settled(matrices: Sequence[PackedMatrix]) -> list[PackedMatrix]:
    """The same matrices, their parts in one arena in this order."""
    parts = [codes for m in matrices for codes in _parts(m)]
    moved = iter([replace(c, data=d) for c, d in zip(parts, in_one_arena([c.data for c in parts]), strict=True)])
    return [_rebuilt(m, moved) for m in matrices]


def _parts(m: PackedMatrix) -> Iterator[Codes]:
    yield m.codes
    for numbers in (m.scale, m.offset):
        if numbers:
            yield numbers.codes
            if numbers.inner:
                yield numbers.inner
    if m.zero:
        yield m.zero


def _rebuilt(m: PackedMatrix, moved: Iterator[Codes]) -> PackedMatrix:
    """`m` with its parts replaced by the next of `moved`, in the order of `_parts`."""
    codes = next(moved)
    scale, offset = (_renumbered(numbers, moved) for numbers in (m.scale, m.offset))
    return replace(m, codes=codes, scale=scale, offset=offset, zero=next(moved) if m.zero else None)


def _renumbered(numbers: Numbers | None, moved: Iterator[Codes]) -> Numbers | None:
    if numbers is None:
        return None
    codes = next(moved)
    return replace(numbers, codes=codes, inner=next(moved) if numbers.inner else None)
