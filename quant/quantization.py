"""Recipe + model -> quantized model, block by block.

A quantized model holds packed codes and scales, and the float tensors that its recipe does not touch; these are shared
with the model that it was made from, and nobody writes to them. Where a method asks, a calibration text goes through
the original's blocks (`calibrate.py`), each just before its layers are quantized.
"""

from __future__ import annotations

from dataclasses import replace

from quant.arguments import typed
from quant.blockwise import Making, check_feeds, made_of
from quant.errors import CalibrationError, QuantError
from quant.methods.base import NOTHING_KNOWN
from quant.model.copied import structural_copy as structural_copy  # others ask for it here
from quant.model.layers import Kind, Layer, census
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices, settle
from quant.qat import check_training, trained
from quant.recipe import Recipe, Rule
from quant.run.cache import scheme_of, set_scheme
from quant.run.probe import check_cache
from quant.size import size_report
from quant.text import Text
from quant.weight import QuantWeight
from quant.work import Work, finished, part

MAKING = 0.2  # of the progress, where a training follows


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
    if recipe.cache:
        check_cache(loaded, recipe.cache)
    chosen = {layer.name: (layer, rule) for layer in census(loaded) if (rule := recipe.rule_of(layer))}
    for layer, rule in chosen.values():
        _check_multiplied(layer, rule)
    check_feeds(loaded.model, chosen)
    if recipe.training:
        check_training(loaded, recipe)
    share = MAKING if recipe.training else 1.0
    making = Making(loaded, recipe, structural_copy(loaded.model), chosen)
    yield from part(making.blocks(), 0, share)
    yield from part(making.rest(), 0, share)
    settle(making.model)
    made = replace(loaded, model=making.model, folds=tuple(making.folds))
    if recipe.training:
        return (yield from part(trained(loaded, made, recipe), share, 1 - share))
    if recipe.cache:
        set_scheme(making.model, recipe.cache)
    return made


def check_float(loaded: LoadedModel) -> None:
    """Raise QuantError for a model that is packed already: a second error would come on top of the first."""
    if next(packed_matrices(loaded.model), None) or scheme_of(loaded.model):
        raise QuantError(
            Text("«{name}» ya está cuantizado, y cuantizarlo otra vez sumaría un error a otro: parte del original "
                 "(load_model).",
                 "“{name}” is quantized already, and to quantize it again would add one error to another: start from "
                 "the original (load_model).").format(name=loaded.name)
        )  # fmt: skip


def _check_multiplied(layer: Layer, rule: Rule) -> None:
    """Raise CalibrationError for a method that asks for the inputs of a table that is only looked up."""
    if rule.needs and layer.kind is Kind.TABLE and not layer.tied_to:
        raise CalibrationError(
            Text("El método «{method}» mira las entradas de cada matriz, y «{layer}» no tiene: solo se consulta. Dale "
                 "una regla con otro método, o déjala en float32.",
                 "Method “{method}” looks at the inputs of each matrix, and “{layer}” has none: it is only looked up. "
                 "Give it a rule with another method, or leave it in float32.")
            .format(method=rule.method, layer=layer.name)
        )  # fmt: skip


def stored_weight(loaded: LoadedModel, recipe: Recipe, rule: Rule, layer: Layer) -> QuantWeight:
    """One matrix of `loaded` as `rule` stores it, by a method that looks at weights alone."""
    return made_of(recipe, rule, layer, loaded.weight(layer.name), NOTHING_KNOWN)
