"""MKL's elementwise functions, each called once by one thread before several may call it together.

MKL chooses the code for exp, tanh and the like at the first call of each. Where the threads of one operator make that
call at once, one of them may take a less exact one for its share of the numbers: off by up to 5e-5 in 7 of 40 fresh
processes whose first elementwise function was a large `torch.tanh` on two threads, in none of 40 after this. Known as
https://github.com/pytorch/pytorch/issues/188792 (MKL before 2025.0).
"""

from __future__ import annotations

import torch

# Those that torch hands to MKL (ATen/cpu/vml.h).
FUNCTIONS = (
    torch.acos, torch.asin, torch.atan, torch.cos, torch.erf, torch.erfc, torch.erfinv, torch.exp, torch.log,
    torch.log10, torch.log2, torch.sin, torch.sqrt, torch.tan, torch.tanh, torch.trunc,
)  # fmt: skip


def settle_first_calls() -> None:
    """Let MKL choose, in five milliseconds."""
    for dtype in (torch.float32, torch.float64):
        half = torch.full((1,), 0.5, dtype=dtype)
        for function in FUNCTIONS:
            function(half)
