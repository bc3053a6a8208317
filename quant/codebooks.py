"""Sixteen or 256 values that no exponent and mantissa give: the tables of NF4, FP4, dynamic 8-bit and IQ4.

NF4 and FP4 are indexed as bitsandbytes indexes them; the dynamic table is rising and so is IQ4's.
"""

from __future__ import annotations

import torch
from torch import Tensor

# QLoRA, appendix E: quantiles of a normal distribution, scaled so that the ends are -1 and 1 and one value is 0.
NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip

# bitsandbytes' FP4 by bit pattern: twelfths of the largest, 0.0625 in place of a subnormal; the sign is the top bit,
# but both its zeros are plus zero.
_FP4_TWELFTHS = (0.0, 0.0625, 8.0, 12.0, 4.0, 6.0, 2.0, 3.0)
FP4 = tuple(v / 12 for v in _FP4_TWELFTHS) + tuple(-v / 12 if v else 0.0 for v in _FP4_TWELFTHS)

# The non-linear 4-bit table of ggml's IQ4 formats, in units of the scale.
IQ4 = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)

_EXPONENTS = 7


def dynamic_table() -> Tensor:
    """The signed dynamic table of 8-bit optimizers, float32 [256], rising.

    For each power of ten from 1e-6 to 1, twice as many values as for the one before: the midpoints of 2**i equal
    steps between a tenth of it and itself. 0 and 1 complete the 256. Dettmers et al. 2022, arXiv:2110.02861, 2.2.
    """
    values = [0.0, 1.0]
    for i in range(_EXPONENTS):
        ends = torch.linspace(0.1, 1, 2**i + 1)  # NumPy's differs in the last bit, and bitsandbytes uses torch's
        middles = (ends[:-1] + ends[1:]) / 2 * 10.0 ** (i + 1 - _EXPONENTS)
        values += [*middles.tolist(), *(-middles).tolist()]
    return torch.tensor(sorted(values))
