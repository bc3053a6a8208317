"""Recipe -> quantized model. A recipe is a value: cache key, link and printed code at once.

A quantized model holds packed codes and scales, and the float tensors that its recipe does not touch; the latter are
shared with the model that it was made from.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from quant.errors import QuantError
from quant.formats import FORMATS
from quant.kernels.cpu import Activations, hold
from quant.methods import METHODS, method_for
from quant.methods.base import Method
from quant.model.layers import Kind, Layer, census
from quant.model.load import EMBEDDED, LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, put, settle
from quant.packing import Layout
from quant.scheme import PerGroup, Scheme
from quant.text import Text
from quant.weight import QuantWeight


@dataclass(frozen=True)
class Recipe:
    """What to quantize and how. `embedding` True applies the scheme to the token table too (it stays tied).

    method: a name in METHODS; empty for the one that the scheme is meant for. activations: what the weights are
    multiplied by. overrides: (layer, scheme) for layers, the table among them, that are stored another way.
    """

    scheme: Scheme = field(default_factory=lambda: Scheme.integer(4, PerGroup(64)))
    embedding: bool = False
    method: str = ""
    model: str = EMBEDDED
    activations: Activations = Activations.FLOAT
    overrides: tuple[tuple[str, Scheme], ...] = ()

    def __post_init__(self) -> None:
        if self.method and self.method not in METHODS:
            raise QuantError(
                Text("No existe el método «{got}»; los que hay: {allowed}.",
                     "There is no method “{got}”; the ones that exist: {allowed}.")
                .format(got=self.method, allowed=", ".join(METHODS))
            )  # fmt: skip

    @property
    def chosen_method(self) -> Method[Any]:
        """The one for `scheme`; what overrides it is stored by the method that its own scheme is meant for."""
        return METHODS[self.method] if self.method else method_for(self.scheme)

    def scheme_of(self, layer: Layer) -> Scheme | None:
        """How this recipe stores `layer`; None where it leaves it in float."""
        if layer.kind is Kind.OTHER:  # the bias of a layer has its name
            return None
        for name, scheme in self.overrides:
            if name == layer.name:
                return scheme
        covered = layer.kind is Kind.LINEAR or (layer.kind is Kind.TABLE and self.embedding)
        return self.scheme if covered else None

    def quantize(self, weight: Tensor, layer: Layer) -> QuantWeight:
        """The weight [out, in] of a layer that it stores."""
        scheme = self.scheme_of(layer)
        assert scheme is not None
        method = self.chosen_method if scheme == self.scheme else method_for(scheme)
        return method.quantize(weight, scheme)


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
    layers = census(loaded)
    _check_names(recipe, layers)
    rows = []
    for layer in layers:
        scheme = recipe.scheme_of(layer)
        float_bytes = layer.parameters * FORMATS["float32"].code_bits // 8
        stored = Layout(scheme).nbytes(layer.matrix) if scheme else float_bytes
        rows.append(LayerSize(layer, scheme is not None, float_bytes, stored))
    return SizeReport(tuple(rows))


def _check_names(recipe: Recipe, layers: list[Layer]) -> None:
    matrices = [layer.name for layer in layers if layer.kind is not Kind.OTHER]
    for name, _ in recipe.overrides:
        if name not in matrices:
            raise QuantError(
                Text("La receta nombra la capa «{name}», que este modelo no tiene; sus matrices: {allowed}.",
                     "The recipe names a layer “{name}” that this model does not have; its matrices: {allowed}.")
                .format(name=name, allowed=", ".join(matrices[:6]) + ("…" if len(matrices) > 6 else ""))
            )  # fmt: skip


def quantize_model(loaded: LoadedModel, recipe: Recipe) -> LoadedModel:
    """A new model with packed weights; everything not quantized is shared with `loaded`, which stays as it was."""
    for result in quantize_steps(loaded, recipe):
        if isinstance(result, LoadedModel):
            return result
    raise AssertionError("quantize_steps ends with the model")


def quantize_steps(loaded: LoadedModel, recipe: Recipe) -> Iterator[float | LoadedModel]:
    """The same, yielding the fraction done after each matrix and, last, the model."""
    size_report(loaded, recipe)  # an impossible granularity fails here, before any work
    model = structural_copy(loaded.model)
    chosen = [layer for layer in census(loaded) if recipe.scheme_of(layer)]
    total = sum(layer.parameters for layer in chosen)
    done = 0
    for layer in chosen:
        weight = recipe.quantize(loaded.weight(layer.name), layer)
        replace_layer(model, layer, weight, recipe.activations)
        done += layer.parameters
        yield done / total
    settle(model)
    yield LoadedModel(loaded.name, model, loaded.tokenizer, loaded.origin, loaded.revision)


def replace_layer(model: PreTrainedModel, layer: Layer, weight: QuantWeight, activations: Activations) -> None:
    """Put a quantized matrix where `layer` was, and where it is tied."""
    module = model.get_submodule(layer.name)
    if layer.kind is Kind.TABLE:
        table = hold(weight)
        put(model, layer.name, QuantEmbedding(table, float(getattr(module, "embed_scale", 1.0))))
        if layer.tied_to:
            put(model, layer.tied_to, QuantLinear(table, None, activations))
    else:
        put(model, layer.name, QuantLinear(hold(weight), module.bias, activations))


def structural_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The same modules anew, holding the very same parameters and buffers."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
