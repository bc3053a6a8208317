"""AWQ: columns with large inputs are scaled up before rounding, extreme weights clipped, by the error of the outputs.

    scales    s_j = m_j**a / sqrt(max_j m_j**a * min_j m_j**a),    m_j = mean |X_j|
              a in {0, 1/n, ..., (n-1)/n} minimizes  sum over the matrices that read X of |X (W - Q(W diag(s))/s)^T|^2
    clip      in each group c in {1, 1 - 1/n, ...} minimizes  |X_g (W_g - Q(clamp(W_g, -c max|W_g|, c max|W_g|)))^T|^2

X / s reaches W diag(s): whoever calls `scales` folds s into what feeds the matrices, or puts it beside them. A column
that is scaled up loses less to rounding by that factor, and its group little, as long as few are. a = 0 changes
nothing, so that the search never loses to rounding on the inputs that it sees. Lin et al. 2023, arXiv:2306.00978, and
the authors' code (llm-awq), whose scales, clips and values tests/golden/awq.npz holds.

Of all scales the outputs are computed roughly, of the three best and of a = 0 in full: on the embedded model that finds
what looking at all in full finds, in 100 of 100 searches (bench/NOTES.md).

Here it differs in four things. The error is that of the outputs of the matrices, where the authors take for the inputs
of attention what attention gives, and for Llama's gate and up what the MLP gives: a method sees no module. Inputs are
the sample of up to 512 that calibration keeps, which is what the authors clip by; their scales see all. They clip all
matrices but queries and keys, since the error of a score is not that of its parts; here a matrix has no name, and in
GPT-2 queries, keys and values are one: `clip` is for all, or by a rule of its own for some. And a grid is the scheme's:
the authors' is min-max with a scale in float16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from quant.errors import CalibrationError
from quant.methods import rtn
from quant.methods.base import Method, Statistic, Statistics, knob
from quant.methods.fits import check_formula
from quant.methods.trials import pieces, rounded_
from quant.qtensor import group, ungroup
from quant.scheme import PerTensor, Scheme
from quant.text import Text
from quant.weight import QuantWeight

SMALLEST = 1e-4  # of m**a, for inputs that are always 0
DIRECTIONS, TURNS = 64, 3  # of the inputs in which they go together, and rounds of subspace iteration to find them
LEFT = 3  # scales that lose least by that, whose outputs are looked at in full

Loss = Callable[[Tensor], float]  # of errors float32 [rows, in], which it may overwrite


@dataclass(frozen=True)
class Knobs:
    """steps: n above; clip: 1 or 0; shrink: the largest part of a group's range that clipping may take off."""

    steps: int = knob(
        20, 2, 40, 1, Text("pasos de la búsqueda", "steps of the search"),
        Text("Cuántos exponentes y cuántos recortes se prueban.", "How many exponents and how many clips are tried."),
    )  # fmt: skip
    clip: int = knob(
        1, 0, 1, 1, Text("recortar", "clip"),
        Text("1 busca en cada grupo hasta dónde recortar los pesos; 0 los deja enteros.",
             "1 searches in each group how far to clip the weights; 0 leaves them whole."),
    )  # fmt: skip
    shrink: float = knob(
        0.5, 0.05, 0.9, 0.05, Text("recorte máximo", "most that is clipped"),
        Text("La parte del rango de un grupo que el recorte puede quitar como mucho.",
             "The part of a group's range that clipping may take off at most."),
    )  # fmt: skip


def scales(weights: Sequence[Tensor], schemes: Sequence[Scheme], known: Statistics, knobs: Knobs) -> Tensor:
    """float32 [in]: of the steps of the search the one that loses least on the outputs of `weights` [out, in].

    Raises CalibrationError for inputs of another width.
    """
    inputs = _inputs(known, weights[0].shape[1])
    tried = [scale_at(inputs.abs().mean(0), step / knobs.steps) for step in range(int(knobs.steps))]
    together = [(weight.detach().float(), scheme) for weight, scheme in zip(weights, schemes, strict=True)]
    nearly = _lost(together, tried, _nearly(inputs)).argsort()[:LEFT]
    left = sorted({0, *nearly.tolist()})  # in the order of the search, of which the first is plain rounding
    lost = _lost(together, [tried[step] for step in left], lambda error: _square(inputs @ error.t()))
    return tried[left[int(lost.argmin())]]


def scale_at(mean: Tensor, exponent: float) -> Tensor:
    """float32 [in], the s of inputs of that mean magnitude [in]: its largest and its smallest are each other's inverse.

    >>> import torch
    >>> scale_at(torch.tensor([1.0, 4.0, 16.0]), 0.5).tolist()
    [0.5, 1.0, 2.0]
    """
    scale = mean.pow(exponent).clamp(min=SMALLEST)
    return scale / (scale.max() * scale.min()).sqrt()


def _lost(weights: Sequence[tuple[Tensor, Scheme]], scales: Sequence[Tensor], loss: Loss) -> Tensor:
    """float64 [scales]: the sum of `loss` over the errors of all weights so scaled."""
    lost = torch.zeros(len(scales), dtype=torch.float64)
    for weight, scheme in weights:
        for some in (weight[rows] for rows in pieces((weight.shape[0], weight.shape[1]), scheme)):
            for place, scale in enumerate(scales):
                lost[place] += loss(rounded_(some * scale, scheme).div_(scale).sub_(some))
    return lost


def _nearly(inputs: Tensor) -> Loss:
    """|X e|^2 for inputs X [k, in], as if they went together in DIRECTIONS directions alone, at an eighth of the price.

    With Q [k, DIRECTIONS] close to the first singular vectors, |X e|^2 = |Q^T X e|^2 + |(X - Q Q^T X) e|^2, of which
    the second counts each column alone.
    """
    products, basis = inputs @ inputs.t(), torch.randn(len(inputs), DIRECTIONS, generator=Generator().manual_seed(0))
    for _ in range(TURNS):
        basis = torch.linalg.qr(products @ basis).Q
    main = basis.t() @ inputs
    rest = (inputs.square().sum(0) - main.square().sum(0)).clamp(min=0).sqrt()
    return lambda error: _square(main @ error.t()) + _square(error.mul_(rest))


def _square(x: Tensor) -> float:
    """Sum of the squares."""
    return float(x.view(-1) @ x.view(-1))


def clipped(weight: Tensor, scheme: Scheme, inputs: Tensor, knobs: Knobs) -> Tensor:
    """float32 [out, in]: `weight` with each group clipped where the rounding of it then loses least on its outputs."""
    loss, shape = _Loss.of(scheme, weight, inputs), (weight.shape[0], weight.shape[1])
    return torch.cat([_clipped(weight[rows], scheme, loss, knobs) for rows in pieces(shape, scheme)])


def _clipped(weight: Tensor, scheme: Scheme, loss: _Loss, knobs: Knobs) -> Tensor:
    """Some rows of it, as `pieces` cuts them."""
    shape, grouped = (weight.shape[0], weight.shape[1]), group(weight, scheme.granularity)
    largest = torch.maximum(-grouped.amin(-1, keepdim=True), grouped.amax(-1, keepdim=True))
    best, least = largest, torch.full_like(largest, math.inf)
    for step in range(max(1, int(knobs.shrink * knobs.steps))):
        limit = largest * (1 - step / knobs.steps)
        error = rounded_(ungroup(_within(grouped, limit), shape), scheme).sub_(weight)
        lost = loss(error).unsqueeze(-1)
        best, least = torch.where(lost < least, limit, best), torch.minimum(lost, least)
    return ungroup(_within(grouped, best), shape)


def _within(grouped: Tensor, limit: Tensor) -> Tensor:
    """Groups [rows, groups, size] clamped to -limit ... limit [rows, groups, 1], a tenth of what `clamp` takes."""
    clamped = torch.minimum(grouped, limit)
    return torch.maximum(clamped, -limit, out=clamped)


@dataclass(frozen=True, eq=False)
class _Loss:
    """The mean squared error that each group of weights brings into the outputs, whatever the others bring.

    A group is cut where a row ends, into runs of `size` columns; the errors of the runs add up. inputs: float32
    [runs of a row, tokens, size], or what is shorter: their products [runs of a row, size, size].
    """

    scheme: Scheme
    size: int
    inputs: Tensor | None
    products: Tensor | None

    @classmethod
    def of(cls, scheme: Scheme, weight: Tensor, inputs: Tensor) -> _Loss:
        columns = weight.shape[1]
        whole = isinstance(scheme.granularity, PerTensor)
        size = columns if whole else math.gcd(scheme.groups((weight.shape[0], columns))[2], columns)
        cut = inputs.reshape(len(inputs), -1, size).transpose(0, 1) / math.sqrt(len(inputs))
        return cls(scheme, size, None, cut.mT @ cut) if size < len(inputs) else cls(scheme, size, cut, None)

    def __call__(self, error: Tensor) -> Tensor:
        """float32 [rows, groups] of errors [out, in] of the weights."""
        runs = error.reshape(len(error), -1, self.size).transpose(0, 1)
        if self.products is not None:
            each = ((runs @ self.products) * runs).sum(-1)
        else:
            assert self.inputs is not None
            each = (runs @ self.inputs.mT).square_().sum(-1)
        rows, groups, length = self.scheme.groups((error.shape[0], error.shape[1]))
        flat = each.t().reshape(-1)  # the runs in the order of the matrix laid flat
        missing = rows * groups * (length // self.size) - len(flat)
        return torch.nn.functional.pad(flat, (0, missing)).view(rows, groups, -1).sum(-1)


def _inputs(known: Statistics, columns: int) -> Tensor:
    """float32 [k, in]. Raises CalibrationError for those of another matrix."""
    assert known.inputs is not None, "the method needs them"
    if known.inputs.ndim != 2 or known.inputs.shape[1] != columns:
        raise CalibrationError(
            Text("Las entradas son de {got}, y la matriz tiene {columns} columnas: calibra con las entradas de esta "
                 "misma capa.",
                 "The inputs are {got}, and the matrix has {columns} columns: calibrate on the inputs of this very "
                 "layer.")
            .format(got=" × ".join(map(str, known.inputs.shape)), columns=columns)
        )  # fmt: skip
    return known.inputs


def _check(scheme: Scheme, knobs: Knobs) -> None:
    check_formula(scheme)


def _run(weight: Tensor, scheme: Scheme, known: Statistics, knobs: Knobs, generator: Generator | None) -> QuantWeight:
    if knobs.clip:
        weight = clipped(weight.detach().float(), scheme, _inputs(known, weight.shape[1]), knobs)
    return QuantWeight(rtn.quantize(weight, scheme))


METHOD = Method(
    "awq",
    Text("AWQ: escalar y recortar", "AWQ: scale and clip"),
    Text("Agranda las columnas que reciben entradas grandes, para que pierdan menos al redondear, y recorta los pesos "
         "extremos donde eso acerca la salida a la original. Ayuda con 3 y 4 bits cuando unas pocas entradas dominan, "
         "y necesita poco texto de calibración.",
         "Scales up the columns that have large inputs, so that they lose less in the rounding, and clips extreme "
         "weights where that brings the output closer to the original's. It helps at 3 and 4 bits where a few inputs "
         "dominate, and needs little calibration text."),
    "Lin et al. 2023, arXiv:2306.00978",
    _run,
    _check,
    needs=frozenset({Statistic.INPUTS}),
    knobs=Knobs,
    scales=scales,
    light=False,
)  # fmt: skip
