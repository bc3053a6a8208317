"""What weights are multiplied by: float32, or numbers of a format with a scale for each token, for all, or for a block.

    scale = max |x| / highest          x ~ scale * v[nearest(x / scale)]

`dynamic`: the maximum is that of the inputs at hand, found while the model runs; static: that of a calibration text,
found once, beyond which inputs saturate. Jacob et al. 2018, arXiv:1712.05877; per token: Yao et al. 2022 (ZeroQuant),
arXiv:2206.01861.

With a scale for each block of a token, what comes in [tokens, in] is a matrix that a `Scheme` stores, as weights are:
int4 in groups, MXFP4 (OCP MX 1.0), NVFP4 (NVIDIA, arXiv:2509.25149). NVFP4's second scale, float32, is one for each
token, as if each were a tensor of its own, so that a token is rounded alike when it is scored and when it is written.
`Per.TENSOR` gives NVIDIA's, one for all that comes in; ggml's format has none, and what is huge saturates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

from quant.arguments import check_fields
from quant.blocks import BLOCKS
from quant.errors import SchemeError
from quant.formats import FORMATS, NumberFormat
from quant.methods.grid import codes, frame
from quant.scheme import Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.text import Text

SMALLEST_SCALE = torch.finfo(torch.float32).tiny
# Grids that a formula gives while the model runs, and formats of scales that no input overflows.
GRIDS = (Grid.ABSMAX, Grid.MINMAX, Grid.POWER_OF_TWO, Grid.POWER_OF_TWO_GGML, Grid.ABSMAX_GGML)
SCALES = (FORMATS["float32"], FORMATS["bfloat16"], FORMATS["float8_e8m0fnu"])


class Per(Enum):
    """What shares a scale: each token, or all of what comes in at once.

    With a dynamic scale per tensor a token is rounded differently beside others: texts are scored a window at a time,
    and what is written token by token has a scale for each.
    """

    TOKEN = "token"
    TENSOR = "tensor"


@dataclass(frozen=True)
class Activations:
    """How what comes into a layer is rounded. format and scheme: None for float32, which is then all there is to say.

    scheme: how the matrix [tokens, in] of what comes in is stored, in place of a format with one scale a token or for
    all; where it has a scale for the entire matrix, `per` says whether that is a token or all. Raises SchemeError for a
    format without negative numbers, or of over 8 bits, for a static scale per token, which nobody can know before the
    token comes, and for a scheme that cannot follow what comes in.

    >>> import torch
    >>> from quant import FORMATS, Activations
    >>> Activations(FORMATS["int4"]).rounded(torch.tensor([[0.1, -0.45, 0.7]])).tolist()  # steps of 0.7 / 7
    [[0.10000000149011612, -0.4000000059604645, 0.699999988079071]]
    >>> Activations.INT8.name
    'int8'
    >>> from quant import BLOCKS
    >>> Activations(scheme=BLOCKS["MXFP4"].scheme).rounded(torch.full((1, 32), 0.7))[0, 0].item()  # 6 / 8
    0.75
    """

    format: NumberFormat | None = None
    per: Per = Per.TOKEN
    static: bool = False
    scheme: Scheme | None = None

    FLOAT: ClassVar[Activations]
    INT8: ClassVar[Activations]

    def __post_init__(self) -> None:
        check_fields(self, SchemeError)
        if self.scheme is not None:
            self._check_scheme(self.scheme)
            return
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

    def _check_scheme(self, scheme: Scheme) -> None:
        """Raise SchemeError unless `scheme` has a scale for each run of a token, by a formula, that never overflows."""
        if self.format is not None or self.static:
            raise SchemeError(
                Text("Un esquema por bloques ya dice su formato, y sus escalas son dinámicas: no admite otro formato "
                     "ni «estática».",
                     "A scheme of blocks already says its format, and its scales are dynamic: it takes neither another "
                     "format nor “static”.")
            )  # fmt: skip
        if self.per is Per.TENSOR and scheme == _each_token(scheme):
            raise SchemeError(
                Text("«{got}» no tiene ninguna escala para todas las activaciones: tiene que ser por token.",
                     "“{got}” has no scale for all activations: it has to be per token.")
                .format(got=scheme.name or scheme.grid.name)
            )  # fmt: skip
        fits = list(_levels(scheme))[-1].scale in SCALES or scheme.grid is Grid.ABSMAX_GGML  # which saturates
        if not fits or scheme.grid not in GRIDS or not isinstance(scheme.granularity, PerGroup | PerChannel):
            raise SchemeError(
                Text("«{got}» no vale para activaciones: hace falta una escala por grupo o por token, de una rejilla "
                     "{grids}, guardada en {scales}.",
                     "“{got}” does not do for activations: it takes a scale for each group or token, of a grid "
                     "{grids}, stored in {scales}.")
                .format(got=scheme.name or scheme.grid.name, grids=", ".join(grid.name for grid in GRIDS),
                        scales=", ".join(scale.name for scale in SCALES))
            )  # fmt: skip

    def check_inputs(self, layer: str, inputs: int) -> None:
        """Raise SchemeError where a layer's `inputs` cannot be cut into the blocks of the scheme."""
        if self.scheme is not None and inputs % self.scheme.block:
            raise SchemeError(
                Text("Las activaciones en {name} van en bloques de {block}, y «{layer}» tiene {inputs} entradas, que "
                     "no es múltiplo.",
                     "Activations in {name} come in blocks of {block}, and “{layer}” has {inputs} inputs, not a "
                     "multiple.").format(name=self.name, block=self.scheme.block, layer=layer, inputs=inputs)
            )  # fmt: skip

    @property
    def name(self) -> str:
        """`float`, `int8`, `int4 per tensor`, `int8 per tensor, static`, `int4 in groups of 32`, `MXFP4`."""
        if self.scheme is not None:
            size = f" in groups of {self.scheme.block}" if self.scheme.block > 1 else ""
            name = self.scheme.name or self.scheme.element.name + size
        else:
            name = "float" if self.format is None else self.format.name
        per = "" if self.per is Per.TOKEN else f" per {self.per.value}"
        return name + per + (", static" if self.static else "")

    @property
    def shared(self) -> bool:
        """Whether what a token is rounded to depends on what comes in beside it."""
        return self.per is Per.TENSOR and not self.static

    def scale(self, largest: Tensor) -> Tensor:
        """The scale for inputs of at most that magnitude; 1 where all are 0, or so small that it would be subnormal."""
        assert self.format is not None
        scale = largest / self.format.highest
        return torch.where(scale < SMALLEST_SCALE, 1.0, scale)

    def rounded(self, x: Tensor, largest: Tensor | None = None) -> Tensor:
        """float32 [..., in] of x [..., in]: the numbers that are multiplied. The definition of every path that rounds.

        largest: float32 [], of a static scale. What is not finite makes a dynamic scale so too.
        """
        if self.scheme is not None:
            return _stored(x, self.scheme if self.shared else _each_token(self.scheme))
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


def _levels(scheme: Scheme) -> Iterator[Scheme]:
    """A scheme, and those of its scales in turn."""
    yield scheme
    if isinstance(scheme.scale, Scheme):
        yield from _levels(scheme.scale)


def _stored(x: Tensor, scheme: Scheme) -> Tensor:
    """float32 [..., in] of x [..., in], stored by `scheme` and read again; NaN where a token is not finite."""
    flat = x.reshape(-1, x.shape[-1]).float()
    usable = torch.isfinite(flat).all(-1, keepdim=True)
    known = flat if bool(usable.all()) else torch.where(usable, flat, 0.0)
    grid = frame(known, scheme)
    read = grid.holding(codes(known, grid)).dequantize()
    return (read if known is flat else torch.where(usable, read, torch.nan)).view(x.shape)


@cache
def _each_token(scheme: Scheme) -> Scheme:
    """The scheme whose scales for the entire matrix are for each token: how it stores a matrix of one token."""
    scale = _each_token(scheme.scale) if isinstance(scheme.scale, Scheme) else scheme.scale
    alone = PerChannel() if isinstance(scheme.granularity, PerTensor) else scheme.granularity
    return replace(scheme, scale=scale, granularity=alone)


Activations.FLOAT = Activations()
Activations.INT8 = Activations(FORMATS["int8"])
# What the page offers, by what its address calls each. int4-g32 has float32 scales, which nothing overflows.
ACTIVATIONS: dict[str, Activations] = {
    "float": Activations.FLOAT,
    "int8": Activations.INT8,
    "int8-tensor": Activations(FORMATS["int8"], Per.TENSOR),
    "int8-static": Activations(FORMATS["int8"], Per.TENSOR, static=True),
    "int4": Activations(FORMATS["int4"]),
    "int4-g32": Activations(scheme=Scheme.integer(4, PerGroup(32), scale=FORMATS["float32"])),
    "mxfp4": Activations(scheme=BLOCKS["MXFP4"].scheme),
    "nvfp4": Activations(scheme=BLOCKS["NVFP4"].scheme),
}
