"""HQQ: move the zero of each group so that few weights carry the error, without data.

    minimize over z, e:    |e|_p^p + beta / 2 |W - Q(W) - e|^2,    Q(W) = scale (q - z),  q = round(W / scale + z)

with p < 1, under which one large error costs less than many small ones: outliers of W may miss so that the others fit.
Half-quadratic splitting gives two closed forms, taken in turn (Badri & Shaji 2023, mobiusml.github.io/hqq_blog):

    e = sign(d) relu(|d| - |d|**(p - 1) / beta),    d = W - Q(W)
    z = mean over the group of (q - (W - e) / scale),    beta = kappa beta

The scale stays that of the range. |d|**(p - 1) / beta is no length: on weights ten times larger the same knobs
shrink less, as in the authors' code. Theirs ends where the mean |d| of the matrix no longer falls, this one where that
of some 2,000 groups does not. It is a mean that falls: single groups may end worse than by rounding, and those that a
large weight belongs to should. A float zero is a RANGE grid's offset, -scale z. A MINMAX grid rounds it to an integer,
and that undoes almost all of it: the zero moves by less than half a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from quant.errors import SchemeError
from quant.formats import NumberFormat
from quant.methods import grid
from quant.methods.base import Method, Statistics, knob
from quant.methods.search import inverse
from quant.methods.superblock import representable
from quant.qtensor import QTensor, group
from quant.scheme import Grid, Offset, Scheme, Zero
from quant.text import Text
from quant.weight import QuantWeight

CHUNK = 131_072  # weights at a time: what a core's cache holds
LEAST = 1e-20  # |d| from here on: below 1 a power of 0 is infinite


@dataclass(frozen=True)
class Knobs:
    """The solver's, with the authors' values."""

    p: float = knob(
        0.7, 0.3, 1.0, 0.05, Text("Norma p", "Norm p"),
        Text("Cuanto menor, más se perdona un error grande y solo.",
             "The smaller it is, the more one large error is forgiven."),
    )  # fmt: skip
    beta: float = knob(
        10.0, 1.0, 1000.0, 1.0, Text("Beta", "Beta"),
        Text("Cuánto se ata el error supuesto al que hay; más alto, pasos más cortos.",
             "How closely the assumed error is tied to the real one; higher means shorter steps."),
    )  # fmt: skip
    kappa: float = knob(
        1.01, 1.0, 1.5, 0.01, Text("Kappa", "Kappa"),
        Text("Por cuánto se multiplica beta en cada vuelta.", "What beta is multiplied by at each round."),
    )  # fmt: skip
    iterations: int = knob(
        20, 1, 100, 1, Text("Vueltas", "Rounds"),
        Text("Como mucho; para antes si ningún grupo mejora.", "At most; it stops where no group improves."),
    )  # fmt: skip


def quantize(weight: Tensor, scheme: Scheme, knobs: Knobs) -> QTensor:
    """Round a float matrix [out, in] on the zeros found. Deterministic. Raises as rounding to nearest does."""
    weight = grid.checked(weight)
    plain = grid.frame(weight, scheme)
    assert plain.factor is not None, "a cast is refused"
    shape, scale = plain.factor.shape, plain.factor.view(-1)
    first = -plain.offset.view(-1) * inverse(scale) if isinstance(plain.offset, Tensor) else plain.zero
    assert first is not None, "the check asks for one"
    grouped = group(weight, scheme.granularity).view(len(scale), -1)
    chunk = max(CHUNK // grouped.shape[1], 1)
    pieces = zip(grouped.split(chunk), scale.split(chunk), first.view(-1).float().split(chunk), strict=True)
    zero = torch.cat([_Groups(x.t().contiguous(), s, scheme).solved(z, knobs) for x, s, z in pieces]).view(shape)
    frame = replace(plain, divisor=plain.factor)
    if isinstance(plain.offset, Tensor):
        assert isinstance(scheme.shift, Offset)
        assert isinstance(scheme.shift.store, NumberFormat), "checked before"
        # A group of one value has scale 0 and is all offset.
        offset = representable(torch.where(plain.factor > 0, -zero * plain.factor, plain.offset), scheme.shift.store)
        frame = replace(frame, offset=offset, subtracted=offset)
    else:
        frame = replace(frame, zero=scheme.element.encode_integers(zero))
    return frame.holding(grid.codes(weight, frame))


@dataclass(frozen=True)
class _Groups:
    """x: float32 [size, n], a group down a column; scale: [n], as stored."""

    x: Tensor
    scale: Tensor
    scheme: Scheme

    def solved(self, first: Tensor, knobs: Knobs) -> Tensor:
        """The zeros [n] that the solver ends with, in floats; as integers the first where rounding made them worse."""
        zero, beta, least = first, knobs.beta, math.inf
        for _ in range(knobs.iterations):
            ratio, codes, d = self.rounded(zero)
            size = d.abs().clamp_(min=LEAST)
            if (mean := float(size.mean())) >= least:
                break
            least = mean
            e = (size - size.pow(knobs.p - 1).div_(beta)).clamp_(min=0).copysign_(d)
            zero = (codes - ratio).add_(e.mul_(inverse(self.scale))).mean(0)
            beta *= knobs.kappa
        if not isinstance(self.scheme.shift, Zero):
            return zero
        whole = zero.round().clamp(0, self.scheme.element.highest)
        return torch.where(self.error(whole, knobs.p) < self.error(first, knobs.p), whole, first)

    def rounded(self, zero: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """W / scale, q and W - scale (q - z), [size, n]."""
        ratio = self.x * inverse(self.scale)
        codes = (ratio + zero).round_().clamp_(0, self.scheme.element.highest)
        return ratio, codes, (ratio - codes).add_(zero).mul_(self.scale)

    def error(self, zero: Tensor, p: float) -> Tensor:
        """|W - Q(W)|_p^p of each group, [n]."""
        return self.rounded(zero)[2].abs_().pow_(p).sum(0)


def _check(scheme: Scheme, knobs: Knobs) -> None:
    store = scheme.shift.store if isinstance(scheme.shift, Offset) else scheme.scale
    plain = isinstance(store, NumberFormat) and isinstance(scheme.scale, NumberFormat)
    if scheme.grid not in (Grid.RANGE, Grid.MINMAX) or not plain:
        raise SchemeError(
            Text("HQQ mueve el cero de cada grupo y {name} no lo tiene libre; hace falta la rejilla RANGE o MINMAX, "
                 "con escalas en coma flotante.",
                 "HQQ moves the zero of each group, and {name} has none to move; it takes grid RANGE or MINMAX, with "
                 "floating-point scales.")
            .format(name=scheme.name or scheme.grid.name)
        )  # fmt: skip


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: Knobs, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    return QuantWeight(quantize(weight, scheme, knobs))


METHOD: Method[Knobs] = Method(
    "hqq",
    Text("HQQ (cero libre)", "HQQ (free zero)"),
    Text("Sin datos, desplaza el cero de cada grupo (un desplazamiento con decimales) para que unos pocos pesos "
         "carguen con el error y los demás queden cerca. En el modelo incluido gana al redondeo con 4 y 3 bits; en "
         "otros, como OPT, con 3 bits pierde, y con un punto cero entero no cambia casi nada.",
         "Without data, it shifts the zero of each group (a float offset) so that a few weights bear the error and the "
         "others stay close. On the built-in model it beats rounding at 4 and 3 bits; on others, such as OPT, it loses "
         "at 3, and with a whole zero point it changes almost nothing."),
    "Badri & Shaji 2023, mobiusml.github.io/hqq_blog",
    _run,
    _check,
    knobs=Knobs,
    light=False,
)  # fmt: skip
