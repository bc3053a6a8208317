"""Quantized matrices that learn: latent float weights behind a rounding whose gradient goes straight through.

    q = clamp(round(w / s + z), lowest, highest)        W = (q - z) s, or q s + o

Backwards the rounding counts as the identity inside the grid and as a constant beyond it (the straight-through
estimator, Bengio et al. 2013, arXiv:1308.3432), so that

    dL/dw = dL/dW [inside]       dL/ds = dL/dW (q - w / s [inside])       dL/dz = -dL/dW s [outside]

(z taken off q and w / s + z alike), which is LSQ (Esser et al. 2020, arXiv:1902.08153) and, for z, LSQ+ (Bhalgat et
al. 2020, arXiv:2004.09576). Scales are learned as s = s0 exp(t), so that one rate suits all of them, and are used as
they are stored; z is used rounded. What training multiplies by is thus what is stored, bit for bit: `quantized`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from quant.activations import Activations
from quant.errors import TrainingError
from quant.formats import NumberFormat
from quant.kernels import learner
from quant.methods.fits import straight_through
from quant.qtensor import QTensor, decoded, group, ungroup
from quant.scheme import Grid, Offset, Scheme
from quant.text import Text
from quant.weight import QuantWeight

# Grids that a scale, and a zero point or an offset, say all of, and formats of scales that a gradient can move.
GRIDS = (Grid.ABSMAX, Grid.HALF, Grid.MINMAX, Grid.SIGNED_MAX, Grid.RANGE, Grid.SEARCH)
CELL = 0.499  # of a step around a value, which surely rounds to it


def check_learns(scheme: Scheme) -> None:
    """Raise TrainingError for a scheme that a gradient cannot move."""
    stored = [scheme.scale, *([scheme.shift.store] if isinstance(scheme.shift, Offset) else [])]
    smooth = all(isinstance(how, NumberFormat) and how.code_bits > 8 for how in stored)
    if scheme.grid not in GRIDS or not smooth or not _evenly(scheme.element):
        raise TrainingError(
            Text("{name} no se puede entrenar: hacen falta valores a igual distancia (enteros, −1, 0 y 1, −1 y 1, o "
                 "−1,5 a 1,5), con escalas en coma flotante de 16 o 32 bits.",
                 "{name} cannot be trained: it takes values at equal distances (integers, −1, 0 and 1, −1 and 1, or "
                 "−1.5 to 1.5), with scales in floating point of 16 or 32 bits.")
            .format(name=scheme.name or f"{scheme.element.name}, {scheme.grid.name}")
        )  # fmt: skip


def _evenly(element: NumberFormat) -> bool:
    return element.is_integer or element.name in ("ternary", "binary", "midrise2")


@dataclass(frozen=True)
class Values:
    """What codes stand for before zero point and scale: whole numbers from `low` to `high`, or those two alone, less
    `middle`, which a zero point may join.
    """

    low: float
    high: float
    two: bool = False
    middle: float = 0.0

    @classmethod
    def of(cls, scheme: Scheme) -> Values:
        high, low = scheme.element.highest, scheme.element.lowest
        if not high.is_integer():  # no zero among them
            return cls(0.0, high - low, middle=-low)
        return cls(-high if scheme.omits_lowest else low, high, scheme.element.name == "binary")

    def nearest(self, x: Tensor) -> Tensor:
        """Those nearest to x, which is not changed."""
        return torch.where(x < 0, self.low, self.high) if self.two else x.round().clamp_(self.low, self.high)

    @property
    def reach(self) -> float:
        """How far around a value what surely rounds to it extends."""
        return CELL * (self.high - self.low) if self.two else CELL


def placed(w: Tensor, s: Tensor, z: Tensor | None) -> Tensor:
    """Where weights w [rows, groups, size] lie on the grid of s and z [rows, groups, 1], in steps from the value 0."""
    x = w * torch.where(s != 0, 1 / s, 0.0)
    return x if z is None else x.add_(z)


class FakeQuantize(torch.autograd.Function):
    """W of w [rows, groups, size], s and z [rows, groups, 1], z None for 0; q among the values of `grid`.

    In few passes, or by a C kernel in one each way; `quant.methods.grid.rounded` is the definition that both are tested
    against. dtype: of W, bfloat16 for what will be multiplied in it.
    """

    @staticmethod
    def forward(ctx: Any, w: Tensor, s: Tensor, z: Tensor | None, grid: Values, dtype: torch.dtype = torch.float32
                ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(w, s, z)
        ctx.grid = grid
        if learner.fits(w, s, z):
            return learner.fake_quantize(w, s, z, (grid.low, grid.high), two=grid.two, dtype=dtype)
        q = grid.nearest(placed(w, s, z))
        return (q * s if z is None else torch.sub(q, z).mul_(s)).to(dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None, None]:
        (w, s, z), grid = ctx.saved_tensors, ctx.grid
        gradient = gradient.contiguous()
        if learner.fits(gradient, w, s, z):
            return *learner.gradients(gradient, w, s, z, (grid.low, grid.high), two=grid.two), None, None
        x, gradient = placed(w, s, z), gradient.float()
        q = grid.nearest(x)
        of_w = gradient * (x.clamp(grid.low, grid.high) == x)
        # q - x inside; q - z beyond the ends.
        of_s = torch.linalg.vecdot(gradient, q) - torch.linalg.vecdot(of_w, x)
        of_z = None
        if z is not None:
            beyond = gradient.sum(-1) - of_w.sum(-1)
            of_s = of_s - beyond * z.squeeze(-1)
            of_z = (-beyond).unsqueeze(-1) * s
        return of_w, of_s.unsqueeze(-1), of_z, None, None


class Latent(nn.Module):
    """One matrix that learns, from what a method stored of it. weight: float32 [out, in], the float matrix that it was.

    The latent weights begin at the point nearest to `weight` that rounds to the very codes that are stored: training
    starts from the quantized model as it is, whatever method made it.
    """

    def __init__(self, stored: QuantWeight, weight: Tensor, *, learns_codes: bool) -> None:
        super().__init__()
        q = stored.q
        check_learns(q.scheme)
        self.stored, self.scheme = stored, q.scheme
        self.grid = Values.of(q.scheme)
        scale = q.scales()
        self.first_scale = scale.clone()
        self.log_scale = nn.Parameter(torch.zeros_like(scale))
        self.zero = None if q.zero is None else nn.Parameter(q.zero.float())
        self.middle = torch.full_like(scale, self.grid.middle).unsqueeze(-1) if self.grid.middle else None
        self.offset = None if q.offset is None else nn.Parameter(decoded(q.offset).clone())
        values = self._values(q)
        self.values = values  # of the codes as they were
        self.latent = nn.Parameter(self._begin(values, weight)) if learns_codes else None

    def _values(self, q: QTensor) -> Tensor:
        """float32 [rows, groups, size]: what the codes stand for, before zero point and scale, `middle` added."""
        return group(q.scheme.element.decode(q.codes).float() + self.grid.middle, q.scheme.granularity)

    def _begin(self, values: Tensor, weight: Tensor) -> Tensor:
        scale = self.first_scale.unsqueeze(-1)
        x = group(weight.detach(), self.scheme.granularity)
        x = x if self.offset is None else x - self.offset.detach().unsqueeze(-1)
        zero = self.grid.middle if self.zero is None else self.zero.detach().unsqueeze(-1)
        at = torch.where(scale != 0, x / torch.where(scale != 0, scale, 1.0), 0.0) + zero
        near = torch.minimum(torch.maximum(at, values - self.grid.reach), values + self.grid.reach)
        begin = (near - zero) * scale
        return (begin if self.offset is None else begin + self.offset.detach().unsqueeze(-1)).contiguous()

    def _parts(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Scale, zero point or middle, and offset [rows, groups, 1] as they are stored, with gradients."""
        scale = self.first_scale * self.log_scale.exp()
        assert isinstance(self.scheme.scale, NumberFormat)
        scale = straight_through(self.scheme.scale.round(scale.detach()), scale)
        zero, offset = self.middle, None
        if self.zero is not None:
            clamped = self.zero.clamp(self.scheme.element.lowest, self.scheme.element.highest)
            zero = straight_through(clamped.detach().round(), clamped).unsqueeze(-1)
        if self.offset is not None:
            assert isinstance(self.scheme.shift, Offset)
            assert isinstance(self.scheme.shift.store, NumberFormat)
            offset = straight_through(self.scheme.shift.store.round(self.offset.detach()), self.offset).unsqueeze(-1)
        return scale.unsqueeze(-1), zero, offset

    def simulated(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """`dtype` [out, in]: the quantized matrix, differentiable; `quantized().q.dequantize()` to the last bit."""
        scale, zero, offset = self._parts()
        if self.latent is None:
            w = (self.values if zero is None else self.values - zero) * scale
        else:
            w = self.latent if offset is None else self.latent - offset
            w = FakeQuantize.apply(w, scale, zero, self.grid, dtype if offset is None else torch.float32)
        return ungroup(w if offset is None else w + offset, self.stored.shape).to(dtype)

    @torch.no_grad()
    def quantized(self) -> QuantWeight:
        """What is stored now: codes, scales, and what stood beside them."""
        scale, zero, offset = self._parts()
        if self.latent is None:
            codes = self.stored.q.codes
        else:
            nearest = self.grid.nearest(self.place())
            codes = self.scheme.element.nearest(ungroup(nearest, self.stored.shape) - self.grid.middle)
        kept = None if self.zero is None or zero is None else zero.squeeze(-1).to(torch.uint8)
        q = QTensor(codes, scale.squeeze(-1), kept, self.scheme, None if offset is None else offset.squeeze(-1))
        return QuantWeight(q, self.stored.beside)

    @torch.no_grad()
    def place(self) -> Tensor:
        """float32 [rows, groups, size]: where the latent weights lie on their grid, in steps from the value 0."""
        scale, zero, offset = self._parts()
        if self.latent is None:
            return self.values
        return placed(self.latent if offset is None else self.latent - offset, scale, zero)


class LearningLinear(nn.Module):
    """y = z W^T + b of a matrix that learns, with what stands beside it, and its inputs rounded as they will be."""

    def __init__(self, matrix: Latent, bias: Tensor | None, activations: Activations) -> None:
        super().__init__()
        self.matrix, self.bias, self.activations = matrix, bias, activations

    def forward(self, x: Tensor) -> Tensor:
        """[..., out] of x [..., in], float32 or what autocast multiplies in."""
        beside = self.matrix.stored.beside
        if not beside and self.activations == Activations.FLOAT:
            return self._product(x, self.bias)  # in bfloat16 a sum of its own would come out in float32
        y = beside.product(x.reshape(-1, x.shape[-1]), self._product).view(*x.shape[:-1], -1)
        return y if self.bias is None else y + self.bias

    def _product(self, z: Tensor, bias: Tensor | None = None) -> Tensor:
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        return functional.linear(self._rounded(z), self.matrix.simulated(dtype), bias)

    def _rounded(self, z: Tensor) -> Tensor:
        """The gradient goes straight through the rounding of what comes in, too."""
        if self.activations == Activations.FLOAT:
            return z
        known = self.matrix.stored.beside.largest
        return straight_through(self.activations.rounded(z.detach(), known), z)


class LearningTable(nn.Module):
    """Rows of a table that learns. multiplier: what some models scale them by."""

    def __init__(self, matrix: Latent, multiplier: float) -> None:
        super().__init__()
        self.matrix, self.multiplier = matrix, multiplier

    def forward(self, ids: Tensor) -> Tensor:
        """float32 [..., width] of token ids [...]."""
        rows = functional.embedding(ids, self.matrix.simulated())
        return rows if self.multiplier == 1 else rows * self.multiplier
