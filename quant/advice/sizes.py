"""What could run on a target and how large it would be, exactly, before anything is measured.

Sizes need no measuring: the layout says them. What each recipe loses does, and is not guessed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from quant.activations import Activations
from quant.advice.rules import Memory, Wants
from quant.blocks import BLOCKS
from quant.errors import QuantError
from quant.format_names import scheme_named
from quant.formats import FORMATS
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.size import size_report

# Of a target that reads everything: one of each kind, largest first.
OF_EVERYTHING = ("Q8_0", "int8 channel", "Q6_K", "Q5_K", "Q4_K", "NVFP4", "NF4", "int4 g64 zero", "IQ4_XS", "MXFP4",
                 "Q3_K", "Q2_K")  # fmt: skip


@dataclass(frozen=True)
class Sized:
    """A recipe that nobody has measured yet. name: of its format, and of what is multiplied where that is rounded."""

    name: str
    recipe: Recipe
    stored_bytes: int
    cache_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.stored_bytes + self.cache_bytes


def sizes(loaded: LoadedModel, wants: Wants, memory: Memory) -> tuple[Sized, ...]:
    """The formats that the target reads and that this model's matrices can have, largest first, by rounding.

    Raises QuantError where what the model remembers cannot be told.
    """
    found = []
    for name, recipe in recipes(wants, loaded.name):
        try:
            stored = size_report(loaded, recipe).stored_bytes
        except QuantError:
            continue  # blocks that do not divide a row of this model
        found.append(Sized(name, recipe, stored, memory(recipe, wants)))
    return tuple(sorted(found, key=lambda one: (-one.total_bytes, one.name)))


def recipes(wants: Wants, model: str) -> Iterator[tuple[str, Recipe]]:
    """A recipe for each format that the target reads, or for each pair where activations are to be rounded too."""
    target = wants.runs_on
    if wants.rounds_activations:
        for pair in target.both:
            kind = activations_named(pair.activations)
            yield (
                f"{pair.weights} × {pair.activations}",
                Recipe.uniform(scheme_named(pair.weights), model=model, activations=kind),
            )
        return
    for name in OF_EVERYTHING if target.reads_everything else target.formats:
        yield name, Recipe.uniform(scheme_named(name), model=model)


def activations_named(name: str) -> Activations:
    """What is multiplied, by the name that `Activations.name` gives it: of a block format, or with a scale a token."""
    return Activations(scheme=BLOCKS[name].scheme) if name in BLOCKS else Activations(FORMATS[name])
