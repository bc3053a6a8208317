"""The usual mistake after a training with quantization in the loop: it learned one grid, and is stored on another.

What it learned is written out as a dense float model, as anybody would save it, and a second tool rounds that:

    W' = round_B(dequantize(codes, scales of A))        A the scheme that was trained, B the one that it is stored by

The training moved each weight to a value of grid A. Where B has those values too nothing is lost; where it has not,
every weight is rounded once more, and nothing has learned to live with that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from torch import nn

from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.training_plan import GROUP, ROUNDING, SCHEMES
from quant.methods import METHODS, method_for
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, packed_matrices
from quant.quantization import quantize_steps
from quant.recipe import Recipe, Rule
from quant.scheme import PerGroup, Scheme
from quant.size import size_report
from quant.text import Text
from quant.texts import EvalText
from quant.work import Progress, Work, part

EXPORTS = {2: ("Q2_K",), 3: ("Q3_K",), 4: ("Q4_0", "Q4_K")}  # what another tool offers for as many bits


class Keeper(Protocol):
    """Who makes models and keeps them: the lab."""

    def loaded(self, name: str) -> LoadedModel: ...
    def quantized(self, recipe: Recipe) -> Work[LoadedModel]: ...
    def reference(self, name: str, text: EvalText) -> Reference: ...


@dataclass(frozen=True)
class Exported:
    """What a trained model costs on another grid, in mean nats to the float one, beside plain rounding to that grid.

    own: as it was trained to be stored. moved: written out and stored by `scheme`. rounded: the original by `scheme`.
    """

    scheme: Scheme
    own: float
    moved: float
    rounded: float


def others(scheme: Scheme) -> list[Scheme]:
    """The schemes that what was trained for one of SCHEMES may be stored by instead; none for another."""
    bits = next((name for name, one in SCHEMES.items() if one == scheme), "")
    if bits in ("1", "1.58"):
        return [Scheme.integer(2, GROUP, zero_point=True), BLOCKS["TQ1_0" if bits == "1" else "TQ2_0"].scheme]
    if not bits:
        return []
    n = scheme.element.code_bits
    first = Scheme.integer(n, GROUP, zero_point=not scheme.element.is_integer)
    plain = [first, Scheme.integer(n, PerGroup(32), zero_point=True)]
    return plain + [BLOCKS[name].scheme for name in EXPORTS[n]]


def export_costs(keeper: Keeper, recipe: Recipe, text: EvalText) -> Work[tuple[Exported, ...]]:
    """The trained model of `recipe` on each of the other grids that fit its matrices, one after another. Heavy work.

    Raises QuantError for what cannot be written out, and for a text that cannot be scored.
    """
    assert recipe.rules[0].scheme is not None
    loaded, found = keeper.loaded(recipe.model), list[Exported]()
    learned = yield from part(keeper.quantized(recipe), 0, 0)
    reference = keeper.reference(recipe.model, text)
    own = _kl(reference, learned)
    schemes = [scheme for scheme in others(recipe.rules[0].scheme) if _fits(loaded, stored_on(recipe, scheme))]
    for i, scheme in enumerate(schemes):
        yield Progress(i / len(schemes), tuple(found))
        moved = yield from part(exported(loaded, learned, recipe, scheme), i / len(schemes), 0)
        rounded = yield from part(keeper.quantized(stored_on(recipe, scheme)), i / len(schemes), 0)
        found.append(Exported(scheme, own, _kl(reference, moved), _kl(reference, rounded)))
    return tuple(found)


def _fits(loaded: LoadedModel, recipe: Recipe) -> bool:
    try:
        size_report(loaded, recipe)
    except SchemeError:
        return False
    return True


def _kl(reference: Reference, model: LoadedModel) -> float:
    return float(compare(reference, model).tokens.kl.mean())


def dense(loaded: LoadedModel, learned: LoadedModel) -> LoadedModel:
    """`loaded` with the matrices that `learned`, a quantized model of it, stores, written out in float32.

    Raises QuantError where something stands beside the codes, or the weights were changed first: that takes more than
    the matrices to write out.
    """
    if learned.folds or any(held.quantized().beside for _, _, held in packed_matrices(learned.model)):
        raise QuantError(
            Text("Este modelo guarda más que códigos y escalas, y no se puede pasar a otra rejilla así.",
                 "This model stores more than codes and scales, and cannot be moved to another grid like this.")
        )  # fmt: skip
    model = structural_copy(loaded.model)
    written: dict[int, nn.Parameter] = {}
    for name, module in learned.model.named_modules():
        if isinstance(module, QuantLinear | QuantEmbedding):
            key = id(module.matrix)
            if key not in written:
                written[key] = nn.Parameter(module.matrix.quantized().dequantize(), requires_grad=False)
            model.get_submodule(name).weight = written[key]
    return replace(loaded, model=model)


def stored_on(recipe: Recipe, scheme: Scheme) -> Recipe:
    """`recipe` without its training, by plain rounding to `scheme`."""
    method = ROUNDING if METHODS[ROUNDING].fits(scheme) else method_for(scheme).name
    rules = tuple(Rule(rule.layers, scheme, method) for rule in recipe.rules)
    return replace(recipe, rules=rules, training=None)


def exported(loaded: LoadedModel, learned: LoadedModel, recipe: Recipe, scheme: Scheme) -> Work[LoadedModel]:
    """`learned`, the model of `recipe`, written out and rounded to `scheme`. Raises QuantError as `dense` does."""
    return (yield from quantize_steps(dense(loaded, learned), stored_on(recipe, scheme)))
