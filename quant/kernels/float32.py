"""Products with float32 weights.

torch's `linear` calls MKL, which leaves half of the vector unit of an AMD processor unused; oneDNN, which torch ships
too, does not (2.2 times as fast there). On Intel's MKL is a twelfth faster, but for what oneDNN fuses. oneDNN's
operator is private: it is tried once, and `linear` serves where it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

CPUS = Path("/proc/cpuinfo")
PART = 4096  # outputs at a time, where they have to be copied


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> Tensor:
    """x [..., in] times weight [out, in] plus bias [out]; with `gelu`, its tanh form after. No gradient."""
    fused = onednn()
    if fused and gelu:
        return fused(x, weight, bias, "gelu", [], "tanh")
    if fused and onednn_is_faster():
        return fused(x, weight, bias, "none", [], "")
    y = functional.linear(x.contiguous(), weight, bias)  # of a turned one it adds up in another order
    return functional.gelu(y, approximate="tanh") if gelu else y


def linear_into(out: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """x [n, in] times weight [out, in], written to `out` [n, out], which may be some columns of a larger one.

    For results of hundreds of megabytes: finding that much new memory takes the system a fifth of the product's time.
    """
    if not onednn_is_faster():
        return torch.mm(x.contiguous(), weight.t(), out=out)
    for first in range(0, len(weight), PART):  # its operator writes to memory of its own
        part = weight[first : first + PART]
        out[:, first : first + len(part)] = linear(x, part)
    return out


@cache
def onednn() -> Callable[..., Tensor] | None:
    """oneDNN's product with what follows it fused in, or None where this torch or this processor has none."""
    if not torch.backends.mkldnn.is_available():
        return None
    x = torch.linspace(-2, 2, 8).view(2, 4)
    weight = torch.linspace(-1, 1, 12).view(3, 4)
    want = functional.gelu(functional.linear(x, weight), approximate="tanh")
    try:
        operator = torch.ops.mkldnn._linear_pointwise
        right = torch.allclose(operator(x, weight, None, "gelu", [], "tanh"), want, atol=1e-5)
    except (AttributeError, RuntimeError):  # NotImplementedError, a RuntimeError, among them
        return None
    return operator if right else None


@cache
def onednn_is_faster() -> bool:
    """Whether oneDNN serves for plain products too: wherever it is, but on Intel's processors.

    By the maker and not by trying: the two differ in their last bits, and a busy machine would choose now one, now the
    other.
    """
    return onednn() is not None and not (CPUS.is_file() and "GenuineIntel" in CPUS.read_text(encoding="ascii"))
