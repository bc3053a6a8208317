"""The readable truth of multiplying by a stored matrix: decode a tile of its rows, multiply, forget the tile."""

from __future__ import annotations

import torch
from torch import Tensor

from quant.activations import Activations
from quant.kernels import float32
from quant.kernels.held import Held

TILE_VALUES = 2**20  # decoded weights alive at once: 4 MB
ONES = 1.5 * 2**23  # float32 numbers of this size are whole


def linear(x: Tensor, matrix: Held, bias: Tensor | None = None) -> Tensor:
    """x [..., in] times matrix [out, in] plus bias [out]: float32 [..., out], for every holder there is."""
    x = x.float()
    step = max(1, TILE_VALUES // matrix.shape[1])
    starts = range(0, matrix.shape[0], step)
    y = torch.cat([float32.linear(x, matrix.rows(i, min(i + step, matrix.shape[0]))) for i in starts], dim=-1)
    return y if bias is None else y + bias


def int8_activations(x: Tensor) -> tuple[Tensor, Tensor]:
    """x [..., in] as whole numbers from -127 to 127 (float32, ties to even) and their scales [..., 1]: absmax / 127.

    One scale a token, found while it runs ("dynamic"); a token of zeros has scale 1, and one whose scale would be
    subnormal (then x / scale may pass 127) counts as zeros. What is not finite makes the scale so too.
    """
    scale = Activations.INT8.scale(x.abs().amax(-1, keepdim=True))
    return nearest(x / scale), scale


def nearest(x: Tensor) -> Tensor:
    """float32 x, below 2^22 in size, to whole numbers, ties to even.

    `round`, but that torch starts its threads for it from 2,048 numbers on, which costs many times its work.
    """
    return (x + ONES).sub_(ONES)
