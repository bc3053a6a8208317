"""Recipe + model -> quantized model.

A quantized model holds packed codes and scales, and the float tensors that its recipe does not touch; these are shared
with the model that it was made from, and nobody writes to them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch import Tensor
from transformers import PreTrainedModel

from quant.activations import Activations
from quant.errors import QuantError
from quant.kernels.cpu import hold
from quant.methods.base import NOTHING_KNOWN, Statistics
from quant.model.layers import Kind, Layer, census
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, put, settle
from quant.recipe import Recipe, Rule
from quant.size import size_report
from quant.text import Text
from quant.weight import QuantWeight


def quantize_model(loaded: LoadedModel, recipe: Recipe) -> LoadedModel:
    """A new model with packed weights; everything not quantized is shared with `loaded`, which stays as it was."""
    for result in quantize_steps(loaded, recipe):
        if isinstance(result, LoadedModel):
            return result
    raise AssertionError("quantize_steps ends with the model")


def quantize_steps(loaded: LoadedModel, recipe: Recipe) -> Iterator[float | LoadedModel]:
    """The quantized model, after the fraction done for each matrix."""
    size_report(loaded, recipe)  # an impossible granularity fails here, before any work
    check_runs(recipe)
    model = structural_copy(loaded.model)
    chosen = [(layer, rule) for layer in census(loaded) if (rule := recipe.rule_of(layer))]
    total = sum(layer.parameters for layer, _ in chosen)
    done = 0
    for layer, rule in chosen:
        weight = quantize_weight(loaded.weight(layer.name), rule)
        replace_layer(model, layer, weight, recipe.activations)
        done += layer.parameters
        yield done / total
    settle(model)
    yield LoadedModel(loaded.name, model, loaded.tokenizer, loaded.origin, loaded.revision)


def check_runs(recipe: Recipe) -> None:
    """Raise QuantError for what a recipe can say and no model can do yet."""
    if recipe.cache is not None:
        raise QuantError(
            Text("Las claves y los valores solo se pueden guardar en float32: deja la caché de la receta vacía.",
                 "Keys and values can only be kept in float32: leave the recipe's cache empty.")
        )  # fmt: skip


def quantize_weight(weight: Tensor, rule: Rule, statistics: Statistics = NOTHING_KNOWN) -> QuantWeight:
    """One matrix [out, in] by a rule that has a scheme. Raises what its method raises."""
    assert rule.scheme is not None
    return rule.how.quantize(weight, rule.scheme, statistics, rule.knobs)


def replace_layer(model: PreTrainedModel, layer: Layer, weight: QuantWeight, activations: Activations) -> None:
    """Put a quantized matrix where `layer` was, and where it is tied."""
    module = model.get_submodule(layer.name)
    held = hold(weight)
    if layer.kind is Kind.TABLE:
        put(model, layer.name, QuantEmbedding(held, float(getattr(module, "embed_scale", 1.0))))
        if layer.tied_to:
            put(model, layer.tied_to, QuantLinear(held, None, activations))
    else:
        put(model, layer.name, QuantLinear(held, module.bias, activations))


def structural_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The same modules anew, holding the very same parameters and buffers."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
