"""The exact bytes of a model under a recipe, tensor by tensor, and of what it remembers, before anything is made."""

from __future__ import annotations

from dataclasses import dataclass

from quant.arguments import typed
from quant.cache import CachePer, CacheScheme, Side
from quant.errors import QuantError
from quant.formats import FORMATS
from quant.model.layers import Layer, census
from quant.model.load import LoadedModel
from quant.packing import Layout
from quant.recipe import Recipe, Rule
from quant.run.probe import Shape, cache_shapes
from quant.text import Text
from quant.weight import part_bytes

FLOAT_BYTES = FORMATS["float32"].code_bits // 8


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
        """Stored bits over parameters of the quantized tensors alone: codes, scales, zero points, padding.

        Those of float32 where none is quantized (a recipe of the cache alone).
        """
        chosen = [r for r in self.rows if r.quantized]
        if not chosen:
            return 8.0 * FLOAT_BYTES
        return 8 * sum(r.stored_bytes for r in chosen) / sum(r.layer.parameters for r in chosen)


@dataclass(frozen=True)
class CacheSize:
    """Bytes of the keys and values of so many tokens as a recipe stores them, and in float32, as the page keeps them.

    half_bytes: in 16 bits, as most programs keep them.
    """

    keys_bytes: int
    values_bytes: int
    float_bytes: int

    @property
    def stored_bytes(self) -> int:
        return self.keys_bytes + self.values_bytes

    @property
    def half_bytes(self) -> int:
        return self.float_bytes // 2


@typed(QuantError)
def cache_bytes(loaded: LoadedModel, recipe: Recipe, context: int) -> CacheSize:
    """What `loaded` remembers of `context` tokens under the cache of `recipe`: codes, scales, zero points, padding.

    Tokens of a run that is not complete count as what they are, float32. Raises QuantError for no tokens, and for a
    model whose keys and values cannot be told.

    >>> from quant import Recipe, cache_bytes, cache_scheme, load_model
    >>> eight = cache_bytes(load_model(), Recipe(cache=cache_scheme(8, 8)), 512)
    >>> eight.stored_bytes, eight.float_bytes
    (1351680, 5242880)
    """
    if context < 1:
        raise QuantError(
            Text("El contexto es de {got} tokens; hace falta al menos 1.",
                 "The context is of {got} tokens; at least 1 is needed.").format(got=context)
        )  # fmt: skip
    shapes = cache_shapes(loaded)
    keys, values = (recipe.cache or CacheScheme()).sides
    floats = 2 * sum(heads * width for heads, width in shapes) * context * FLOAT_BYTES
    return CacheSize(_side_bytes(keys, shapes, context), _side_bytes(values, shapes, context), floats)


def _side_bytes(side: Side, shapes: tuple[Shape, ...], context: int) -> int:
    """Of keys or of values; each layer is stored by itself."""
    complete = context // side.run * side.run if side.scheme else 0
    total = 0
    for heads, width in shapes:
        total += heads * width * (context - complete) * FLOAT_BYTES
        if side.scheme and complete:
            by_channel = side.per is CachePer.CHANNEL and not side.casts
            rows = (heads * width, complete) if by_channel else (heads * complete, width)
            total += Layout(side.scheme).nbytes(rows)
    return total


def size_report(loaded: LoadedModel, recipe: Recipe) -> SizeReport:
    """What `recipe` would occupy.

    Raises SchemeError when its granularity does not fit a matrix, QuantError when it names a layer that is not there.
    """
    layers = census(loaded)
    recipe.check_layers(layers)
    rows = []
    for layer in layers:
        rule = recipe.rule_of(layer)
        float_bytes = layer.parameters * FLOAT_BYTES
        stored = stored_bytes(recipe, rule, layer) if rule else float_bytes
        rows.append(LayerSize(layer, rule is not None, float_bytes, stored))
    return SizeReport(tuple(rows))


def stored_bytes(recipe: Recipe, rule: Rule, layer: Layer) -> int:
    """Codes, scales and what stands beside them, of a layer that `rule` stores."""
    assert rule.scheme is not None
    beside = recipe.parts_beside(rule, layer).items()
    return Layout(rule.scheme).nbytes(layer.matrix) + sum(part_bytes(name, sides) for name, sides in beside)
