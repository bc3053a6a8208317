"""Hadamard's matrix: a rotation that spreads one large number over many, without a multiplication by anything but 1.

    H_1 = [1],   H_2n = [H_n, H_n; H_n, -H_n] / sqrt(2)

It is symmetric and its own inverse. A vector whose length is no power of two is rotated in blocks of the largest one
that divides it. Source: Sylvester 1867; against outliers: QuaRot, Ashkboos et al. 2024, arXiv:2404.00456.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

SMALLEST_BLOCK, LARGEST_BLOCK = 8, 1024  # fewer numbers spread nothing; beyond, a product costs more than it brings


def block_size(n: int) -> int | None:
    """The largest power of two that divides `n`, up to LARGEST_BLOCK; None under SMALLEST_BLOCK."""
    size = min(n & -n, LARGEST_BLOCK)
    return size if size >= SMALLEST_BLOCK else None


def rotated(x: Tensor, size: int) -> Tensor:
    """float32 [..., n] of x [..., n]: each run of `size` numbers times H; twice gives `x` again.

    >>> import torch
    >>> from quant.hadamard import rotated
    >>> rotated(torch.tensor([[8.0, 0, 0, 0]]), 4).tolist()
    [[4.0, 4.0, 4.0, 4.0]]
    """
    return (x.reshape(-1, size) @ matrix(size)).view(x.shape)


@cache
def matrix(size: int) -> Tensor:
    """float32 [size, size]; `size` is a power of two."""
    found = torch.ones(1, 1)
    while len(found) < size:
        found = torch.cat([torch.cat([found, found], 1), torch.cat([found, -found], 1)]) * 0.5**0.5
    return found
