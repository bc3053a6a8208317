"""The exact bytes of a model under a recipe, tensor by tensor, known before anything is quantized."""

from __future__ import annotations

from dataclasses import dataclass

from quant.formats import FORMATS
from quant.model.layers import Layer, census
from quant.model.load import LoadedModel
from quant.packing import Layout
from quant.recipe import Recipe, Rule
from quant.weight import part_bytes


@dataclass(frozen=True)
class LayerSize:
    """Bytes of one parameter tensor: as float32, and as the recipe stores it (float32 where it does not touch it)."""

    layer: Layer
    quantized: bool
    float_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class SizeReport:
    """Exact bytes of a model under a recipe, tensor by tensor."""

    rows: tuple[LayerSize, ...]

    @property
    def float_bytes(self) -> int:
        return sum(r.float_bytes for r in self.rows)

    @property
    def stored_bytes(self) -> int:
        return sum(r.stored_bytes for r in self.rows)

    @property
    def bits_per_weight(self) -> float:
        """Stored bits over parameters, of the entire model, what stays in float included."""
        return 8 * self.stored_bytes / sum(r.layer.parameters for r in self.rows)

    @property
    def quantized_bits_per_weight(self) -> float:
        """Stored bits over parameters of the quantized tensors alone: codes, scales, zero points, padding."""
        chosen = [r for r in self.rows if r.quantized]
        return 8 * sum(r.stored_bytes for r in chosen) / sum(r.layer.parameters for r in chosen)


def size_report(loaded: LoadedModel, recipe: Recipe) -> SizeReport:
    """What `recipe` would occupy.

    Raises SchemeError when its granularity does not fit a matrix, QuantError when it names a layer that is not there.
    """
    layers = census(loaded)
    recipe.check_layers(layers)
    rows = []
    for layer in layers:
        rule = recipe.rule_of(layer)
        float_bytes = layer.parameters * FORMATS["float32"].code_bits // 8
        stored = stored_bytes(recipe, rule, layer) if rule else float_bytes
        rows.append(LayerSize(layer, rule is not None, float_bytes, stored))
    return SizeReport(tuple(rows))


def stored_bytes(recipe: Recipe, rule: Rule, layer: Layer) -> int:
    """Codes, scales and what stands beside them, of a layer that `rule` stores."""
    assert rule.scheme is not None
    beside = recipe.parts_beside(rule, layer).items()
    return Layout(rule.scheme).nbytes(layer.matrix) + sum(part_bytes(name, sides) for name, sides in beside)
