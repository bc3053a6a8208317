"""A quantized matrix: codes, scales and zero points, and how they become numbers again."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from quant.scheme import Scheme, Shape


@dataclass(frozen=True)
class QTensor:
    """W = (v[codes] - zero) * scale.

    codes: uint8 [out, in], bit patterns of `scheme.element`; scale: float32 [rows, groups], holding only values of
    `scheme.scale`; zero: uint8 [rows, groups] or None. `rows` and `groups` are those of the granularity.
    """

    codes: Tensor
    scale: Tensor
    zero: Tensor | None
    scheme: Scheme

    @property
    def shape(self) -> Shape:
        return self.codes.shape[0], self.codes.shape[1]

    def dequantize(self) -> Tensor:
        """The float32 matrix [out, in] that the codes stand for."""
        values = self.scheme.element.decode(self.codes).view(self.scheme.granularity.groups(self.shape))
        if self.zero is not None:
            values = values - self.zero.unsqueeze(-1)
        return (values * self.scale.unsqueeze(-1)).view(self.shape)
