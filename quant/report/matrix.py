"""One matrix of the model before and after: the chart and the worked example of a report."""

from __future__ import annotations

from dataclasses import dataclass

from quant.errors import CalibrationError
from quant.evaluation.weights import WeightView, weight_view
from quant.lab import Lab
from quant.model.layers import Layer, linear_layers, table_layer
from quant.recipe import Recipe
from quant.report.fact import Facts, Section, Worth, digits
from quant.scheme import Zero
from quant.text import Text
from quant.weight import QuantWeight

FIRST = Text("Primer peso de la matriz", "First weight of the matrix")
STORED = Text("Lo que queda de él", "What is left of it")


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix, and what is stored of it. first: its first weight, and what is stored of that."""

    layer: Layer
    view: WeightView
    stored: QuantWeight
    first: tuple[float, float]

    @property
    def is_plain(self) -> bool:
        """Whether what is stored of a weight is an integer, a scale and at most a zero point."""
        scheme = self.stored.scheme
        integer = scheme.element.is_integer and isinstance(scheme.shift, Zero | None)
        return integer and not self.stored.behind.beside

    @property
    def code(self) -> tuple[int, float, int]:
        """Of the first weight, of a plain matrix: its integer, the scale, the zero point."""
        q = self.stored.q
        zero = 0 if q.zero is None else int(q.zero[0, 0])
        return int(q.scheme.element.decode(q.codes[:1, :1])[0, 0]), float(q.scales()[0, 0]), zero


def matrix_of(lab: Lab, recipe: Recipe) -> Matrix | None:
    """The first matrix that the recipe stores; None where none is, and where it cannot be seen by itself."""
    loaded = lab.loaded(recipe.model)
    layers = [*linear_layers(loaded), table_layer(loaded)]
    layer = next((layer for layer in layers if recipe.rule_of(layer)), None)
    if layer is None:
        return None
    try:
        weight, stored = lab.pair(recipe, layer)
    except CalibrationError:  # its model has gone from the cache again
        return None
    first = float(weight[0, 0]), float(stored.behind.dequantize()[0, 0])
    return Matrix(layer, weight_view(weight, stored), stored, first)


def add_matrix(facts: Facts, matrix: Matrix) -> None:
    """Its example, its error, and where its histogram begins and ends."""
    before, after = matrix.first
    facts.add(Section.QUANTIZATION, "example.weight", FIRST, before, digits(5))
    facts.add(Section.QUANTIZATION, "example.stored", STORED, after, digits(5))
    if matrix.is_plain:
        code, scale, zero = matrix.code
        facts.add(Section.QUANTIZATION, "example.code", Text("Su código", "Its code"), code, digits(3))
        facts.add(Section.QUANTIZATION, "example.scale", Text("Su escala", "Its scale"), scale, digits(5))
        facts.add(Section.QUANTIZATION, "example.zero", Text("Su punto cero", "Its zero point"), zero, digits(3))
    view = matrix.view
    name = Text("Señal sobre error de la matriz", "Signal over error of the matrix")
    facts.add(Section.PTQ, "matrix.db", name, view.sqnr_db, digits(3), unit="dB")
    for id_, name, value in (
        ("matrix.low", Text("Comienzo del histograma", "Beginning of the histogram"), view.edges[0]),
        ("matrix.high", Text("Final del histograma", "End of the histogram"), view.edges[-1]),
    ):
        facts.add(Section.AXES, id_, name, float(value), digits(3), worth=Worth.COMPUTED)
