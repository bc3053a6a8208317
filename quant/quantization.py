"""Recipe + model -> quantized model, block by block.

A quantized model holds packed codes and scales, and the float tensors that its recipe does not touch; these are shared
with the model that it was made from, and nobody writes to them. Where a method asks, a calibration text goes through
the original's blocks (`calibrate.py`), each just before its layers are quantized.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from transformers import PreTrainedModel

from quant.activations import Activations
from quant.arguments import typed
from quant.calibrate import outside
from quant.calibrate import statistics as gather
from quant.errors import CalibrationError, QuantError
from quant.kernels.cpu import hold
from quant.methods.base import NOTHING_KNOWN, Statistics
from quant.model.layers import Kind, Layer, census
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, packed_matrices, put, settle
from quant.recipe import Recipe, Rule
from quant.size import size_report
from quant.text import Text
from quant.weight import QuantWeight
from quant.work import Progress, Work, finished


@typed(QuantError)
def quantize_model(loaded: LoadedModel, recipe: Recipe) -> LoadedModel:
    """A new model with packed weights; everything not quantized is shared with `loaded`, which stays as it was.

    Raises SchemeError where the recipe does not fit a matrix, WeightError on weights that are not finite,
    CalibrationError where a method cannot get what it needs, QuantError for layers that the model does not have.

    >>> from quant import PerGroup, Recipe, Scheme, load_model, quantize_model
    >>> model = load_model()
    >>> small = quantize_model(model, Recipe.uniform(Scheme.integer(4, PerGroup(64)), table=True))
    >>> error = small.weight("transformer.h.0.mlp.c_fc") - model.weight("transformer.h.0.mlp.c_fc")
    >>> round(float(error.abs().max()), 2)
    0.11
    """
    return finished(quantize_steps(loaded, recipe))


def quantize_steps(loaded: LoadedModel, recipe: Recipe) -> Work[LoadedModel]:
    """`quantize_model` as work that can be stopped after each matrix."""
    check_float(loaded)
    size_report(loaded, recipe)  # an impossible granularity fails here, before any work
    check_runs(recipe)
    model = structural_copy(loaded.model)
    chosen = {layer.name: (layer, rule) for layer in census(loaded) if (rule := recipe.rule_of(layer))}
    total = sum(layer.parameters for layer, _ in chosen.values())
    done = 0
    for name, known in _known(loaded, recipe, chosen):
        layer, rule = chosen[name]
        replace_layer(model, layer, stored_weight(loaded, recipe, rule, layer, known), recipe.activations)
        done += layer.parameters
        yield Progress(done / total)
    settle(model)
    return replace(loaded, model=model)


def check_float(loaded: LoadedModel) -> None:
    """Raise QuantError for a model that is packed already: a second error would come on top of the first."""
    if next(packed_matrices(loaded.model), None):
        raise QuantError(
            Text("«{name}» ya está cuantizado, y cuantizarlo otra vez sumaría un error a otro: parte del original "
                 "(load_model).",
                 "“{name}” is quantized already, and to quantize it again would add one error to another: start from "
                 "the original (load_model).").format(name=loaded.name)
        )  # fmt: skip


def check_runs(recipe: Recipe) -> None:
    """Raise QuantError for what a recipe can say and no model can do yet."""
    if recipe.cache is not None:
        raise QuantError(
            Text("Las claves y los valores solo se pueden guardar en float32: deja la caché de la receta vacía.",
                 "Keys and values can only be kept in float32: leave the recipe's cache empty.")
        )  # fmt: skip


def _known(loaded: LoadedModel, recipe: Recipe, chosen: Mapping[str, tuple[Layer, Rule]]) -> Iterator[
    tuple[str, Statistics]
]:  # fmt: skip
    """The layers to quantize, in the order in which their statistics come to be known."""
    if recipe.calibration is None:
        yield from ((name, NOTHING_KNOWN) for name in chosen)
        return
    inside: set[str] = set()
    for block, statistics in gather(loaded, recipe.calibration, recipe.needs):
        inside |= statistics.keys()
        yield from ((name, statistics[name]) for name in block.linears if name in chosen)
    left = [layer for name, (layer, _) in chosen.items() if name not in inside]
    for layer in left:
        _check_multiplied(layer, chosen[layer.name][1])
    # A table that is tied to the output matrix is known by what that is given.
    given = {x.tied_to or x.name: x.name for x in left if x.tied_to or x.kind is Kind.LINEAR}
    rest = outside(loaded, recipe.calibration, recipe.needs, given) if given else {}
    yield from ((layer.name, rest.get(layer.name, NOTHING_KNOWN)) for layer in left)


def _check_multiplied(layer: Layer, rule: Rule) -> None:
    """Raise CalibrationError for a method that asks for the inputs of a table that is only looked up."""
    if rule.how.needs and layer.kind is Kind.TABLE and not layer.tied_to:
        raise CalibrationError(
            Text("El método «{method}» mira las entradas de cada matriz, y «{layer}» no tiene: solo se consulta. Dale "
                 "una regla con otro método, o déjala en float32.",
                 "Method “{method}” looks at the inputs of each matrix, and “{layer}” has none: it is only looked up. "
                 "Give it a rule with another method, or leave it in float32.")
            .format(method=rule.method, layer=layer.name)
        )  # fmt: skip


def stored_weight(loaded: LoadedModel, recipe: Recipe, rule: Rule, layer: Layer,
                  known: Statistics = NOTHING_KNOWN) -> QuantWeight:  # fmt: skip
    """One matrix of `loaded` as `rule` stores it. Raises what its method raises."""
    assert rule.scheme is not None
    made = rule.how.quantize(loaded.weight(layer.name), rule.scheme, known, rule.knobs)
    if not recipe.activations.static:
        return made
    # A table that is only looked up has no inputs, and no use for a scale.
    largest = torch.ones(1) if known.largest is None else made.beside.reaching(known.largest)
    return replace(made, beside=replace(made.beside, largest=largest))


def replace_layer(model: PreTrainedModel, layer: Layer, weight: QuantWeight, activations: Activations) -> None:
    """Put a quantized matrix where `layer` was, and where it is tied."""
    module = model.get_submodule(layer.name)
    held = hold(weight)
    if layer.kind is Kind.TABLE:
        head = model.get_submodule(layer.tied_to) if layer.tied_to else None
        put(model, layer.name, QuantEmbedding(held, float(getattr(module, "embed_scale", 1.0))))
        if layer.tied_to:
            put(model, layer.tied_to, QuantLinear(held, getattr(head, "bias", None), activations))
    else:
        put(model, layer.name, QuantLinear(held, module.bias, activations))


def structural_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The same modules anew, holding the very same parameters and buffers."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
