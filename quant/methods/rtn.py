"""Round to nearest: divide by the scale, round half to even, clip. Every other method is measured against it.

    codes = clip(round(W * (1 / scale)) + zero, lowest, highest)

The arithmetic is that of `torch.fake_quantize_per_channel_affine`, which multiplies by the float32 reciprocal.
Scales are rounded to their stored format *before* the codes are computed, so that what is stored is what was meant.
"""

from __future__ import annotations

import torch
from torch import Tensor

from quant.errors import SchemeError, WeightError
from quant.qtensor import QTensor
from quant.scheme import Grid, Scheme
from quant.text import Text


def quantize(weight: Tensor, scheme: Scheme) -> QTensor:
    """Round a float matrix [out, in] to `scheme`. Deterministic.

    A group of zeros gets scale 0 and decodes to zeros, and so does one too small for the format of the scales. Raises
    WeightError on NaN, infinity or a tensor that is not a matrix, SchemeError where the granularity does not divide
    it or a scale overflows its format.
    """
    grouped = _checked(weight).view(scheme.granularity.groups((weight.shape[0], weight.shape[1])))
    scale, zero = _absmax(grouped, scheme) if scheme.grid is Grid.ABSMAX else _minmax(grouped, scheme)
    inverse = torch.where(scale > 0, 1 / scale, 0.0)
    rounded = torch.round(grouped * inverse.unsqueeze(-1))
    if zero is None:
        # The lowest code (-8 of -8..7) is left out: the grid is symmetric, so that zero and signs are exact.
        rounded.clamp_(-scheme.element.highest, scheme.element.highest)
    else:
        rounded += zero.unsqueeze(-1)
    codes = scheme.element.encode_integers(rounded)
    return QTensor(codes.view(weight.shape), scale, zero, scheme)


def _checked(weight: Tensor) -> Tensor:
    if weight.ndim != 2 or weight.numel() == 0:
        raise WeightError(
            Text("Ha llegado un tensor de dimensiones {shape}; hace falta una matriz [salidas, entradas] no vacía.",
                 "Got a tensor of shape {shape}; a non-empty matrix [out, in] is needed.")
            .format(shape=str(tuple(weight.shape)))
        )  # fmt: skip
    weight = weight.detach().float().contiguous()
    # min and max carry NaN and infinity.
    low, high = torch.aminmax(weight)
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        bad = int((~torch.isfinite(weight)).sum())
        raise WeightError(
            Text("{bad} pesos no son finitos (NaN o infinito); solo se pueden cuantizar números finitos.",
                 "{bad} weights are not finite (NaN or infinity); only finite numbers can be quantized.")
            .format(bad=bad)
        )  # fmt: skip
    return weight


def _absmax(grouped: Tensor, scheme: Scheme) -> tuple[Tensor, None]:
    low, high = torch.aminmax(grouped, dim=-1)
    return _stored_scale(torch.maximum(-low, high) / scheme.element.highest, scheme), None


def _minmax(grouped: Tensor, scheme: Scheme) -> tuple[Tensor, Tensor]:
    """Scale and integer zero point of a range stretched to contain 0, so that 0 stays exact."""
    low, high = torch.aminmax(grouped, dim=-1)
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = _stored_scale((high - low) / scheme.element.highest, scheme)
    zero = torch.where(scale > 0, torch.round(-low / scale), 0.0)
    return scale, scheme.element.encode_integers(zero)


def _stored_scale(scale: Tensor, scheme: Scheme) -> Tensor:
    stored = scheme.scale.round(scale)
    if not bool(torch.isfinite(stored).all()):
        raise SchemeError(
            Text("La escala {value} no cabe en {name} (máximo {highest}); usa bfloat16 o float32.",
                 "Scale {value} does not fit in {name} (largest {highest}); use bfloat16 or float32.")
            .format(value=float(scale.max()), name=scheme.scale.name, highest=scheme.scale.highest)
        )  # fmt: skip
    return torch.where(torch.isfinite(1 / stored), stored, 0.0)  # below 2**-128 there is no reciprocal to multiply by
