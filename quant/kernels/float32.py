"""Products with float32 weights.

torch's `linear` calls MKL, which leaves half of the vector unit of an AMD processor unused; oneDNN, which torch ships
too, does not (2.2 times as fast there). Its operator is private: it is tried once, and `linear` serves where it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> Tensor:
    """x [..., in] times weight [out, in] plus bias [out]; with `gelu`, its tanh form after. No gradient."""
    if fused := onednn():
        return fused(x, weight, bias, *(("gelu", [], "tanh") if gelu else ("none", [], "")))
    y = functional.linear(x, weight, bias)
    return functional.gelu(y, approximate="tanh") if gelu else y


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
