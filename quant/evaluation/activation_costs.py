"""What each way to round activations costs: the recipes that a table compares, alike but for what is looked at.

Weights of 8 bits in groups of 64 lose next to nothing, so that what is lost is the activations'; with weights of 4 bits
the same kinds are W4A4. Each kind stands alone and after each transform of the weights, and float32, where only weights
are rounded, is what to compare with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from quant.activations import ACTIVATIONS
from quant.errors import QuantError
from quant.methods import TRANSFORMS
from quant.model.layers import census
from quant.model.load import EMBEDDED, LoadedModel
from quant.recipe import Recipe, Step
from quant.scheme import PerGroup, Scheme
from quant.texts import EvalText, shipped_text

WEIGHT_BITS, GROUP = (8, 4), 64
KINDS = tuple(ACTIVATIONS)
STEPS = ("", *TRANSFORMS)
TEXT, TEXT_BYTES = "enciclopedia", 40_000


@dataclass(frozen=True)
class Case:
    """One cell: bits of the weights, a key of ACTIVATIONS, and a transform's name or none."""

    weight_bits: int
    activations: str
    step: str = ""

    def recipe(self, model: str = EMBEDDED) -> Recipe:
        steps = (Step(self.step),) if self.step else ()
        scheme = Scheme.integer(self.weight_bits, PerGroup(GROUP))
        return Recipe.uniform(scheme, model=model, activations=ACTIVATIONS[self.activations], steps=steps)


def cases(weight_bits: int) -> tuple[Case, ...]:
    """All of a table: kind after kind, each alone and after each transform."""
    return tuple(Case(weight_bits, kind, step) for kind in KINDS for step in STEPS)


def text() -> EvalText:
    """What all are measured on: what the page measures by default."""
    return shipped_text(TEXT).part(TEXT_BYTES)


def possible(loaded: LoadedModel, weight_bits: int) -> Iterator[tuple[Case, QuantError | None]]:
    """Each case, with what stands in its way on that model. Light: nothing is quantized."""
    layers = census(loaded)
    for case in cases(weight_bits):
        try:
            case.recipe().check_layers(layers)
        except QuantError as error:
            yield case, error
        else:
            yield case, None
