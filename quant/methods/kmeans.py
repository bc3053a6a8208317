"""k-means: 2**b values of a matrix's own, of each row's or of each group's, and for every weight a place among them.

    minimize over table, codes:    sum w_j (W_ij - table_g[codes_ij])**2      w_j: mean square of column j's input, or 1
                                                                              g: the group of row i and column j

Lloyd's algorithm: with the values fixed each weight takes the nearest, with the codes fixed each value is the weighted
mean of its weights. In one dimension a cluster is a run of the sorted weights, so that one sort and running sums of w
and w W give every mean and error, and a round costs K log n a row, whatever n is. It starts twice: from rounding's grid
with one value more (absmax leaves a code out), so that it never loses more than rounding, and from points as dense as
the cube root of the weights' density, best for many values (Panter & Dite 1951), each moved within its share by chance.
The better one of each table is kept, judged with the values as stored, in float16.

SqueezeLLM (Kim et al. 2023, arXiv:2306.07629) weighs each weight by the diagonal of the Fisher information, which
takes gradients of the loss. Here it is that of the layer's own squared error, diag(X^T X): the same for all rows, and
blind to what the rest of the model makes of an output. Its sparse outliers are a method of their own here.

A table costs 16 bits a value: 2**b * 16 / 64 more bits a weight in groups of 64, 1 at 2 bits and 4 at 4 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from quant.errors import SchemeError
from quant.formats import FORMATS
from quant.methods import grid, kquant
from quant.methods.base import Method, Statistic, Statistics, knob
from quant.qtensor import QTensor, group
from quant.scheme import Grid, Scheme
from quant.text import Text
from quant.weight import QuantWeight

CHUNK = 1 << 20  # weights sorted at a time
HALF = FORMATS["float16"]  # of the values


@dataclass(frozen=True)
class Knobs:
    """How long it looks, and what counts."""

    iterations: int = knob(
        30, 1, 100, 1, Text("Vueltas", "Rounds"),
        Text("Cuántas veces se recalculan los valores, como mucho; para antes si ya no se mueven.",
             "How often the values are computed anew, at most; it stops where they no longer move."),
    )  # fmt: skip
    weighted: int = knob(
        1, 0, 1, 1, Text("Con importancia", "By importance"),
        Text("Con 1, el error de cada columna cuenta según lo grandes que son sus entradas; con 0, todos igual.",
             "With 1 the error of each column counts by how large its inputs are; with 0 all alike."),
    )  # fmt: skip
    seed: int = knob(
        0, 0, 999, 1, Text("Semilla", "Seed"),
        Text("De dónde parten los valores: cada semilla puede acabar en otra tabla, casi igual de buena.",
             "Where the values start: each seed may end in another table, almost as good."),
    )  # fmt: skip


class _Table(NamedTuple):
    """error: float64 [n, 1]; values: float64 [n, K], rising: of n tables."""

    error: Tensor
    values: Tensor

    def or_better(self, new: _Table) -> _Table:
        """Of each table the one with the smaller error."""
        wins = new.error < self.error
        return _Table(*(torch.where(wins, n, b) for n, b in zip(new, self, strict=True)))


def quantize(weight: Tensor, scheme: Scheme, importance: Tensor | None, iterations: int, generator: Generator
             ) -> QTensor:  # fmt: skip
    """Learn the tables of a float matrix [out, in]. The same generator gives the same.

    importance: [in], how much a squared error counts in each column, the same in all unless given. Raises WeightError
    on weights or an importance that cannot be used, SchemeError for a value beyond float16, and where groups do not
    divide a row.
    """
    weight = grid.checked(weight)
    counts = kquant.usable_importance(importance, weight.shape[1])
    moved = torch.rand(1 << scheme.element.code_bits, generator=generator, dtype=torch.float64) / 2 - 0.25
    size = scheme.groups((weight.shape[0], weight.shape[1]))[2]
    runs, counted = (
        group(x, scheme.granularity).reshape(-1, size).split(max(CHUNK // size, 1))
        for x in (weight, counts.expand(weight.shape))
    )
    found = [_learned(some, w, moved, iterations) for some, w in zip(runs, counted, strict=True)]
    codes, tables = (torch.cat(part) for part in zip(*found, strict=True))
    return QTensor(codes.view(weight.shape), None, None, scheme, table=tables)


def _learned(runs: Tensor, counts: Tensor, moved: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """uint8 codes [n, size] and float32 tables [n, K] of runs [n, size] that have a table each."""
    ranked = _Sorted.of(runs, counts)
    grids = ranked.rounding(len(moved))
    best = ranked.judged(grids)
    for start in (grids, ranked.spread(moved)):
        best = best.or_better(ranked.judged(ranked.improved(start, iterations)))
    tables = best.values.float()
    middles = ((best.values[:, 1:] + best.values[:, :-1]) / 2).float()
    return torch.searchsorted(middles, runs, out_int32=True).to(torch.uint8), tables


@dataclass(frozen=True)
class _Sorted:
    """x: float32 [n, size], each run rising; w: how much each counts, alike."""

    x: Tensor
    w: Tensor

    @classmethod
    def of(cls, runs: Tensor, counts: Tensor) -> _Sorted:
        x, order = runs.sort(dim=1)
        return cls(x, counts.gather(1, order))

    @cached_property
    def sums(self) -> tuple[Tensor, Tensor]:
        """Running sums of w and of w x, float64 [n, size + 1]."""
        w = self.w.double()
        return _running(w), _running(w.mul_(self.x))

    def clusters(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of w and of w x over the weights nearest to each value, [n, K]."""
        middles = ((values[:, 1:] + values[:, :-1]) / 2).float()
        ends = torch.searchsorted(self.x, middles)
        ends = torch.nn.functional.pad(torch.nn.functional.pad(ends, (1, 0)), (0, 1), value=self.x.shape[1])
        mass, moment = (torch.diff(sums.gather(1, ends), dim=1) for sums in self.sums)
        return mass, moment

    def improved(self, values: Tensor, iterations: int) -> Tensor:
        """Lloyd's algorithm. A value that no weight is nearest to stays where it is."""
        for _ in range(iterations):
            mass, moment = self.clusters(values)
            means = torch.where(mass > 0, moment / mass.clamp(min=1e-300), values).sort(dim=1).values
            if torch.equal(means, values):
                break
            values = means
        return values

    def judged(self, values: Tensor) -> _Table:
        """These values as they are stored, with the error they leave but for a constant of the run: sum w x**2."""
        stored = grid.store(values.float(), HALF)
        assert isinstance(stored, Tensor), "a format's numbers are a tensor"
        values = stored.double().sort(dim=1).values
        mass, moment = self.clusters(values)
        return _Table((values * (values * mass - 2 * moment)).sum(1, keepdim=True), values)

    def rounding(self, count: int) -> Tensor:
        """The grid of absmax, and between 0 and the next the value that it leaves out."""
        scale = torch.maximum(self.x[:, :1].abs(), self.x[:, -1:].abs()) / (count // 2 - 1)
        places = torch.cat([torch.arange(1 - count // 2, count // 2), torch.tensor([0.5])]).sort().values
        return HALF.round(scale).double() * places

    def spread(self, moved: Tensor) -> Tensor:
        """Values as dense as the cube root of the weights' density, each moved by that part of its share."""
        gaps = torch.diff(self.x, dim=1, prepend=self.x[:, :1]).double()
        reach = gaps.pow_(2 / 3).mul_(self.w.double().pow(1 / 3)).cumsum(1)
        shares = (torch.arange(len(moved)) + 0.5 + moved) / len(moved)
        at = torch.searchsorted(reach, reach[:, -1:] * shares).clamp_(max=self.x.shape[1] - 1)
        return self.x.gather(1, at).double()


def _running(x: Tensor) -> Tensor:
    return torch.nn.functional.pad(x.cumsum(1), (1, 0))


def _check(scheme: Scheme, knobs: Knobs) -> None:
    if scheme.grid is not Grid.LEARNED:
        raise SchemeError(
            Text("k-means aprende sus propios valores; {name} ya los tiene. Usa un formato de valores aprendidos, con "
                 "una tabla por matriz, por fila o por grupo.",
                 "k-means learns values of its own; {name} has its values already. Use a format of learned values, "
                 "with a table per matrix, row or group.")
            .format(name=scheme.name or scheme.element.name)
        )  # fmt: skip


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: Knobs, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    importance = statistics.squares if knobs.weighted else None
    chance = generator or Generator().manual_seed(int(knobs.seed))
    return QuantWeight(quantize(weight, scheme, importance, int(knobs.iterations), chance))


METHOD: Method[Knobs] = Method(
    "kmeans",
    Text("Valores aprendidos (k-means)", "Learned values (k-means)"),
    Text("Aprende, para la matriz, cada fila o cada grupo, una tabla de valores colocados donde más pesos hay, y "
         "guarda de cada peso su lugar en la tabla. Se nota con 4 bits o menos: en el modelo incluido, con 3 bits y "
         "una tabla por fila, pierde menos que el redondeo con una escala por cada 64 pesos y ocupa casi lo mismo.",
         "Learns, for the matrix, each row or each group, a table of values placed where most weights are, and stores "
         "each weight's place in it. It shows at 4 bits or fewer: on the built-in model, with 3 bits and a table per "
         "row, it loses less than rounding with a scale for each 64 weights and is almost as small."),
    "Lloyd 1982; the weighting after Kim et al. 2023, arXiv:2306.07629",
    _run,
    _check,
    needs=frozenset({Statistic.SQUARES}),
    blind=lambda knobs: not knobs.weighted,
    knobs=Knobs,
    light=False,
)  # fmt: skip
