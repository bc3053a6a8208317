"""What is compared at equal bits per weight: every method, and every transform before plain rounding, by its name.

`standard` gives each its recipe: the same element bits and groups of 64 weights, with a zero point where the method
takes one. HQQ moves a zero by less than a step, so it gets the float offset that it is meant for, at 0.2 bits more. A
method that stores its scales otherwise (a search with offsets, a learned table) gets the scheme whose bits
per weight lie nearest to that; what stands beside the codes is counted, so that "equal" is a figure and not a promise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from quant.errors import SchemeError
from quant.formats import FORMATS, integer_format, learned_format
from quant.methods import METHODS, TRANSFORMS
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Step
from quant.scheme import Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme
from quant.size import size_report
from quant.text import Text

GROUP = 64
BASELINE = "rtn"  # what every other is measured against
OWN_GRID = {"hqq": Grid.RANGE}  # an integer zero point leaves it nothing to move: it would be rounding by another name
LEAST_BITS, MOST_BITS = 2, 8
MORE = Text("{title}, y redondeo", "{title}, then rounding")


@dataclass(frozen=True)
class Contender:
    """A method, or a transform of the float weights and then rounding. source: the paper."""

    name: str
    method: str
    steps: tuple[Step, ...]
    title: Text
    summary: Text
    source: str


def contenders() -> dict[str, Contender]:
    """All of them by name, as they are registered."""
    found = {m.name: Contender(m.name, m.name, (), m.title, m.summary, m.source) for m in METHODS.values()}
    return found | {
        t.name: Contender(t.name, BASELINE, (Step(t.name),), MORE.format(title=t.title), t.summary, t.source)
        for t in TRANSFORMS.values()
    }


def standard(name: str, bits: int, loaded: LoadedModel) -> Recipe:
    """The recipe of a contender at `bits` bits, linear layers alone.

    Raises SchemeError for a method that takes no format of so many bits, and where groups of 64 do not fit the model.
    """
    one = contenders()[name]
    usual = Scheme.integer(bits, PerGroup(GROUP), zero_point=True)
    fitting = [scheme for scheme in schemes(bits) if METHODS[one.method].fits(scheme)]
    if not fitting:
        raise SchemeError(
            Text("«{name}» no admite ningún formato de {bits} bits.", "“{name}” takes no format of {bits} bits.")
            .format(name=one.title, bits=bits)
        )  # fmt: skip
    if one.method in OWN_GRID:
        return _recipe(one, Scheme.integer(bits, PerGroup(GROUP), grid=OWN_GRID[one.method]), loaded)
    if usual in fitting:
        return _recipe(one, usual, loaded)
    target = size_report(loaded, Recipe.uniform(usual, model=loaded.name)).quantized_bits_per_weight

    def distance(recipe: Recipe) -> float:
        return abs(size_report(loaded, recipe).quantized_bits_per_weight - target)

    return min((_recipe(one, scheme, loaded) for scheme in fitting), key=distance)


def schemes(bits: int) -> Iterator[Scheme]:
    """Ways to store `bits` bits a weight with about as many bytes of scales; the one that most methods take first."""
    half, groups = FORMATS["float16"], PerGroup(GROUP)
    unsigned, signed = integer_format(bits, signed=False), integer_format(bits, signed=True)
    yield Scheme.integer(bits, groups, zero_point=True)
    yield Scheme.integer(bits, groups)
    yield Scheme(signed, groups, Grid.SEARCH, half)
    yield Scheme(unsigned, groups, Grid.SEARCH, half, Offset(half))
    yield Scheme(unsigned, groups, Grid.RANGE, half, Offset(half))
    yield Scheme(learned_format(bits), PerChannel(), Grid.LEARNED, None)
    yield Scheme(learned_format(bits), PerTensor(), Grid.LEARNED, None)


def _recipe(one: Contender, scheme: Scheme, loaded: LoadedModel) -> Recipe:
    return Recipe.uniform(scheme, method=one.method, model=loaded.name, steps=one.steps)
