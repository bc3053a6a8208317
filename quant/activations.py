"""What weights are multiplied by: float32, or numbers of a format with a scale for each token or for all.

    scale = max |x| / highest          x ~ scale * v[nearest(x / scale)]

`dynamic`: the maximum is that of the inputs at hand, found while the model runs; static: that of a calibration text,
found once, beyond which inputs saturate. Jacob et al. 2018, arXiv:1712.05877; per token: Yao et al. 2022 (ZeroQuant),
arXiv:2206.01861.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import torch
from torch import Tensor

from quant.arguments import check_fields
from quant.errors import SchemeError
from quant.formats import FORMATS, NumberFormat
from quant.text import Text

SMALLEST_SCALE = torch.finfo(torch.float32).tiny


class Per(Enum):
    """What shares a scale: each token, or all of what comes in at once.

    With a dynamic scale per tensor a token is rounded differently beside others: texts are scored a window at a time,
    and what is written token by token has a scale for each.
    """

    TOKEN = "token"
    TENSOR = "tensor"


@dataclass(frozen=True)
class Activations:
    """How what comes into a layer is rounded. format: None for float32, which is then all that there is to say.

    Raises SchemeError for a format without negative numbers, or of over 8 bits, and for a static scale per token, which
    nobody can know before the token comes.

    >>> import torch
    >>> from quant import FORMATS, Activations
    >>> Activations(FORMATS["int4"]).rounded(torch.tensor([[0.1, -0.45, 0.7]])).tolist()  # steps of 0.7 / 7
    [[0.10000000149011612, -0.4000000059604645, 0.699999988079071]]
    >>> Activations.INT8.name
    'int8'
    """

    format: NumberFormat | None = None
    per: Per = Per.TOKEN
    static: bool = False

    FLOAT: ClassVar[Activations]
    INT8: ClassVar[Activations]

    def __post_init__(self) -> None:
        check_fields(self, SchemeError)
        if self.format is None:
            if (self.per, self.static) != (Per.TOKEN, False):
                raise SchemeError(
                    Text("Unas activaciones en float32 no llevan escala: no pueden ser «{per}» ni estáticas.",
                         "Activations in float32 have no scale: they can be neither “{per}” nor static.")
                    .format(per=self.per.value)
                )  # fmt: skip
            return
        if self.format.values is None or self.format.lowest >= 0:
            signed = [f.name for f in FORMATS.values() if f.values is not None and f.lowest < 0]
            raise SchemeError(
                Text("Las activaciones no se pueden redondear a {got}; se permite: {allowed}.",
                     "Activations cannot be rounded to {got}; allowed: {allowed}.")
                .format(got=self.format.name, allowed=", ".join(signed))
            )  # fmt: skip
        if self.static and self.per is Per.TOKEN:
            raise SchemeError(
                Text("Una escala estática es una para todas las activaciones («tensor»), no una por token.",
                     "A static scale is one for all activations (“tensor”), not one for each token.")
            )  # fmt: skip

    @property
    def name(self) -> str:
        """`float`, `int8`, `int4 per tensor`, `int8 per tensor, static`."""
        if self.format is None:
            return "float"
        per = "" if self.per is Per.TOKEN else f" per {self.per.value}"
        return self.format.name + per + (", static" if self.static else "")

    @property
    def shared(self) -> bool:
        """Whether what a token is rounded to depends on what comes in beside it."""
        return self.format is not None and self.per is Per.TENSOR and not self.static

    def scale(self, largest: Tensor) -> Tensor:
        """The scale for inputs of at most that magnitude; 1 where all are 0, or so small that it would be subnormal."""
        assert self.format is not None
        scale = largest / self.format.highest
        return torch.where(scale < SMALLEST_SCALE, 1.0, scale)

    def rounded(self, x: Tensor, largest: Tensor | None = None) -> Tensor:
        """float32 [..., in] of x [..., in]: the numbers that are multiplied. The definition of every path that rounds.

        largest: float32 [], of a static scale. What is not finite makes a dynamic scale so too.
        """
        if self.format is None:
            return x
        if self.static:
            assert largest is not None, "a static scale comes from calibration"
        else:
            size = x.abs()
            largest = size.amax(-1, keepdim=True) if self.per is Per.TOKEN else size.amax()
        scale = self.scale(largest)
        return self._nearest(x / scale) * scale

    def _nearest(self, scaled: Tensor) -> Tensor:
        assert self.format is not None
        if self.format.is_integer:  # symmetric: the lowest code stays unused
            return scaled.round().clamp(-self.format.highest, self.format.highest)
        return self.format.decode(self.format.nearest(scaled))


Activations.FLOAT = Activations()
Activations.INT8 = Activations(FORMATS["int8"])
