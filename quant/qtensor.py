"""A quantized matrix: codes, scales, zero points or offsets, and how they become numbers again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quant.scheme import Granularity, Scheme, Shape


@dataclass(frozen=True)
class QTensor:
    """W = (v[codes] - zero) * scale or v[codes] * scale + offset.

    codes: [out, in] bit patterns of `scheme.element`, uint8 up to 8 bits, int64 above. scale: float32 [rows, groups]
    holding only values of `scheme.scale`, a QTensor of that shape where the scales are quantized in turn, or None where
    there are none. zero: uint8 [rows, groups] or None. offset: like scale, or [1, 1] for the whole matrix, or None.
    table: float32 [rows * groups, 2**bits] of float16 values where these are learned, those of a row's groups one after
    another (W = table[group, codes]), or None. `rows` and `groups` are those of the granularity.
    """

    codes: Tensor
    scale: Tensor | QTensor | None
    zero: Tensor | None
    scheme: Scheme
    offset: Tensor | QTensor | None = None
    table: Tensor | None = None

    @property
    def shape(self) -> Shape:
        return self.codes.shape[0], self.codes.shape[1]

    def scales(self) -> Tensor:
        """float32 [rows, groups] that the codes are multiplied by (1 for a plain cast)."""
        rows, groups, _ = self.scheme.groups(self.shape)
        return torch.ones(rows, groups) if self.scale is None else decoded(self.scale)

    def dequantize(self) -> Tensor:
        """The float32 matrix [out, in] that the codes stand for."""
        if self.table is not None:
            return looked_up(self.table, self.codes)
        values = self.scheme.element.decode(self.codes).float()  # E8M7 without infinity decodes to float64
        if self.scale is None:
            return values
        grouped = group(values, self.scheme.granularity)
        if self.zero is not None:
            grouped = grouped - self.zero.unsqueeze(-1)
        grouped = grouped * decoded(self.scale).unsqueeze(-1)
        if self.offset is not None:
            grouped = grouped + decoded(self.offset).unsqueeze(-1)
        return ungroup(grouped, self.shape)


def looked_up(table: Tensor, codes: Tensor) -> Tensor:
    """float32 [out, in]: the values at the places `codes` [out, in] of tables [n, 2**bits], each of 1/n of them."""
    return table.gather(1, codes.reshape(len(table), -1).long()).view(codes.shape)


def decoded(stored: Tensor | QTensor) -> Tensor:
    """The numbers that scales or offsets stand for, however they are stored."""
    return stored.dequantize() if isinstance(stored, QTensor) else stored


def group(matrix: Tensor, granularity: Granularity) -> Tensor:
    """[out, in] as [rows, groups, size]: a view, but where the last group is short and zeros fill it."""
    rows, groups, size = granularity.groups((matrix.shape[0], matrix.shape[1]))
    missing = rows * groups * size - matrix.numel()
    if missing:
        matrix = torch.nn.functional.pad(matrix.reshape(-1), (0, missing))
    return matrix.reshape(rows, groups, size)


def ungroup(grouped: Tensor, shape: Shape) -> Tensor:
    """The inverse of `group`."""
    return grouped.reshape(-1)[: shape[0] * shape[1]].view(shape)
