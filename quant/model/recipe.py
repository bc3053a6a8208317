"""Recipe -> quantized model. A recipe is a value: cache key, link and printed code at once.

Until weights are held packed, a quantized model holds float32 copies of the decoded values ("simulated"): its text
and its quality are exactly those of the quantized weights, its memory and its speed are those of float32.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import nn
from transformers import PreTrainedModel

from quant.errors import QuantError
from quant.formats import FORMATS
from quant.methods import METHODS, Method, method_for
from quant.model.layers import Kind, Layer, census
from quant.model.load import EMBEDDED, LoadedModel
from quant.packing import Layout
from quant.scheme import PerGroup, Scheme
from quant.text import Text


@dataclass(frozen=True)
class Recipe:
    """What to quantize and how. `embedding` True applies the scheme to the token table too (it stays tied).

    method: a name in METHODS; empty for the one that the scheme is meant for.
    """

    scheme: Scheme = field(default_factory=lambda: Scheme.integer(4, PerGroup(64)))
    embedding: bool = False
    method: str = ""
    model: str = EMBEDDED

    def __post_init__(self) -> None:
        if self.method and self.method not in METHODS:
            raise QuantError(
                Text("No existe el método «{got}»; los que hay: {allowed}.",
                     "There is no method “{got}”; the ones that exist: {allowed}.")
                .format(got=self.method, allowed=", ".join(METHODS))
            )  # fmt: skip

    @property
    def chosen_method(self) -> Method:
        return METHODS[self.method] if self.method else method_for(self.scheme)

    def covers(self, layer: Layer) -> bool:
        """Whether this recipe quantizes `layer`."""
        return layer.kind is Kind.LINEAR or (layer.kind is Kind.TABLE and self.embedding)


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
        """Stored bits over parameters, whole model, what stays in float included."""
        return 8 * self.stored_bytes / sum(r.layer.parameters for r in self.rows)

    @property
    def quantized_bits_per_weight(self) -> float:
        """The same over the quantized tensors alone: codes, scales, zero points, padding."""
        chosen = [r for r in self.rows if r.quantized]
        return 8 * sum(r.stored_bytes for r in chosen) / sum(r.layer.parameters for r in chosen)


def size_report(loaded: LoadedModel, recipe: Recipe) -> SizeReport:
    """What `recipe` would occupy. Raises SchemeError when its granularity does not fit a matrix."""
    layout = Layout(recipe.scheme)
    rows = []
    for layer in census(loaded):
        quantized = recipe.covers(layer)
        float_bytes = layer.parameters * FORMATS["float32"].code_bits // 8
        stored = layout.nbytes(layer.matrix) if quantized else float_bytes
        rows.append(LayerSize(layer, quantized, float_bytes, stored))
    return SizeReport(tuple(rows))


def quantize_model(loaded: LoadedModel, recipe: Recipe) -> LoadedModel:
    """A new model with decoded weights; everything not quantized is shared with `loaded`, which stays as it was."""
    for result in quantize_steps(loaded, recipe):
        if isinstance(result, LoadedModel):
            return result
    raise AssertionError("quantize_steps ends with the model")


def quantize_steps(loaded: LoadedModel, recipe: Recipe) -> Iterator[float | LoadedModel]:
    """The same, yielding the fraction done after each matrix and, last, the model."""
    size_report(loaded, recipe)  # an impossible granularity fails here, before any work
    method = recipe.chosen_method
    model = structural_copy(loaded.model)
    chosen = [layer for layer in census(loaded) if recipe.covers(layer)]
    total = sum(layer.parameters for layer in chosen)
    done = 0
    for layer in chosen:
        decoded = method.run(loaded.weight(layer.name), recipe.scheme).dequantize()
        parameter = nn.Parameter(decoded, requires_grad=False)
        model.get_submodule(layer.name).weight = parameter
        if layer.tied_to:
            model.get_submodule(layer.tied_to).weight = parameter
        done += layer.parameters
        yield done / total
    yield LoadedModel(loaded.name, model, loaded.tokenizer, loaded.origin, loaded.revision)


def structural_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The same modules anew, holding the very same parameters and buffers."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
