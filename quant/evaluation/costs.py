"""What each way to store each part of a model costs, in bytes and in nats: what a budget is divided by.

For every way of a palette the entire model is quantized once, and each of its parts costs

    measured    the KL of the float model with that part alone so stored (`sensitivity.py`), a pass over the text each
    estimated   half of gradient times change at the model with all parts so stored (`proxies.py`), one pass for all

on a calibration text, never one that is measured on. Keys and values are always measured, with weights in float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from quant.allocation import Option
from quant.blocks import BLOCKS
from quant.cache import CACHE_BITS, CacheScheme, cache_scheme
from quant.errors import BudgetError, asked
from quant.evaluation.compare import Reference, compare
from quant.evaluation.layer_error import folded
from quant.evaluation.proxies import gradient
from quant.evaluation.sensitivity import KEYS, VALUES, matrices_of, with_part
from quant.model.copied import structural_copy
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.run.cache import set_scheme
from quant.scheme import PerGroup, Scheme
from quant.size import FLOAT_BYTES, cache_bytes, size_report
from quant.text import Text
from quant.texts import EvalText, calibration_text
from quant.work import Progress, Work, part

TEXT_BYTES = 16_000  # of the mixture of calibration texts: some 4,800 tokens of the embedded model
ESTIMATED_WINDOWS = 8
MEASURED, ESTIMATED = "measured", "estimated"


@dataclass(frozen=True)
class Way:
    """One way to store any matrix. name: as it is called on the page and in a file of results."""

    name: str
    scheme: Scheme
    method: str

    def recipe(self, model: str) -> Recipe:
        """All matrices stored so."""
        return Recipe.uniform(self.scheme, table=True, method=self.method, model=model)


def integers(bits: int) -> Way:
    return Way(f"int{bits}", Scheme.integer(bits, PerGroup(64), zero_point=True), "gptq")


# What a budget may choose from, by what will run it.
PALETTES: dict[str, tuple[Way, ...]] = {
    "integers": tuple(map(integers, (2, 3, 4, 5, 6, 8))),
    "llamacpp": (
        *(Way(name, BLOCKS[name].scheme, "importance") for name in ("Q2_K", "Q3_K", "IQ4_XS", "Q4_K", "Q5_K", "Q6_K")),
        Way("Q8_0", BLOCKS["Q8_0"].scheme, "rtn"),
    ),
}  # fmt: skip
PALETTE_TITLES = {
    "integers": Text("Enteros de 2 a 8 bits con GPTQ", "Integers of 2 to 8 bits by GPTQ"),
    "llamacpp": Text("Formatos K de llama.cpp", "llama.cpp’s K formats"),
}


def palette(name: str) -> tuple[Way, ...]:
    """Raises BudgetError for one that there is not."""
    if name not in PALETTES:
        raise BudgetError(
            Text("No hay una paleta de formatos «{got}»; hay {allowed}.",
                 "There is no palette of formats “{got}”; there are {allowed}.")
            .format(got=asked(name), allowed=", ".join(PALETTES))
        )  # fmt: skip
    return PALETTES[name]


@dataclass(frozen=True)
class Losses:
    """Nats that each part costs, stored in each way of a palette.

    model, palette: names; how: MEASURED or ESTIMATED. matrices: by way, then by layer; together: by way, of all
    matrices so stored; cache: by KEYS and VALUES, then by bits, empty where it was not asked for.
    """

    model: str
    palette: str
    how: str
    matrices: Mapping[str, Mapping[str, float]]
    together: Mapping[str, float]
    cache: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Costs:
    """Options of every part, by its name; KEYS and VALUES last, whose options are called by their bits.

    parameters: weights of all matrices; kept_bytes: of what stays in float32; context: tokens, for keys and values, 0
    where they stay as they are and count for nothing.
    """

    losses: Losses
    parts: Mapping[str, tuple[Option, ...]]
    parameters: int
    kept_bytes: int
    context: int = 0

    @property
    def matrices(self) -> list[str]:
        return [name for name in self.parts if name not in (KEYS, VALUES)]

    def of(self, name: str, option: str) -> Option:
        return next(one for one in self.parts[name] if one.name == option)


class Keeper(Protocol):
    """Who loads and quantizes, and keeps what originals have read: the lab."""

    def loaded(self, name: str) -> LoadedModel: ...
    def quantized(self, recipe: Recipe) -> Work[LoadedModel]: ...
    def reference(self, name: str, text: EvalText) -> Reference: ...


def sensitivity_text() -> EvalText:
    """What effects are measured on: a part of the mixture of calibration texts."""
    title = Text("Una mezcla de todo lo incluido", "A mixture of all that is included")
    return EvalText("mixture", title, calibration_text("mixture")).part(TEXT_BYTES)


def losses(keeper: Keeper, model: str, palette_name: str, text: EvalText | None = None, *, how: str = ESTIMATED,
           cache: bool = False) -> Work[Losses]:  # fmt: skip
    """Every part stored in every way of a palette. text: `sensitivity_text` unless said; cache: keys and values too.

    Raises BudgetError for a palette that there is not, and SchemeError where one does not fit the model.
    """
    ways, loaded = palette(palette_name), keeper.loaded(model)
    for way in ways:
        size_report(loaded, way.recipe(model))
    reference = keeper.reference(model, text or sensitivity_text())
    matrices, together = dict[str, dict[str, float]](), dict[str, float]()
    share = 1 / (len(ways) + cache)
    for place, way in enumerate(ways):
        made = yield from part(keeper.quantized(way.recipe(model)), place * share, share / 2)
        together[way.name] = kl(reference, made)
        lost = _measured(reference, made) if how == MEASURED else _estimated(reference, made)
        matrices[way.name] = yield from part(lost, (place + 0.5) * share, share / 2)
    cached = (yield from part(_cached(reference), 1 - share, share)) if cache else {}
    return Losses(model, palette_name, how, matrices, together, cached)


def costs(loaded: LoadedModel, found: Losses, context: int = 0) -> Costs:
    """The options that a budget chooses from, with their bytes; keys and values of `context` tokens unless that is 0.

    What is below 0 by chance, of an estimate, is taken as 0.
    """
    options: dict[str, list[Option]] = {}
    for way in palette(found.palette):
        sizes = {r.layer.name: r.stored_bytes for r in size_report(loaded, way.recipe(found.model)).rows if r.quantized}
        for name, n_bytes in sizes.items():
            options.setdefault(name, []).append(Option(way.name, n_bytes, max(0.0, found.matrices[way.name][name])))
    for name, by_bits in found.cache.items() if context else ():
        options[name] = [Option(str(n), cached_bytes(loaded, name, n, context), lost) for n, lost in by_bits.items()]
    layers = census(loaded)
    return Costs(
        found, {name: tuple(some) for name, some in options.items()},
        sum(layer.parameters for layer in layers if layer.kind is not Kind.OTHER),
        FLOAT_BYTES * sum(layer.parameters for layer in layers if layer.kind is Kind.OTHER), context,
    )  # fmt: skip


def cached_bytes(loaded: LoadedModel, name: str, bits: int, context: int) -> int:
    """What the keys, or the values, of so many tokens take."""
    size = cache_bytes(loaded, Recipe(model=loaded.name, cache=_one_sided(name, bits)), context)
    return size.keys_bytes if name == KEYS else size.values_bytes


def _one_sided(name: str, bits: int) -> CacheScheme | None:
    return cache_scheme(bits, 0) if name == KEYS else cache_scheme(0, bits)


def _measured(reference: Reference, made: LoadedModel) -> Work[dict[str, float]]:
    original, names = replace(reference.loaded, model=folded(reference.loaded, made)), matrices_of(made)
    found = {}
    for done, name in enumerate(names):
        found[name] = kl(reference, with_part(original, made, name))
        yield Progress((done + 1) / len(names))
    return found


def _estimated(reference: Reference, made: LoadedModel) -> Work[dict[str, float]]:
    yield Progress(0.0)
    return gradient(reference.loaded, made, reference.windows[:ESTIMATED_WINDOWS])


def _cached(reference: Reference) -> Work[dict[str, dict[int, float]]]:
    """Keys and values at each number of bits, weights in float."""
    loaded, found = reference.loaded, dict[str, dict[int, float]]()
    sides = [(name, bits) for name in (KEYS, VALUES) for bits in CACHE_BITS]
    for done, (name, bits) in enumerate(sides):
        scheme = _one_sided(name, bits)
        assert scheme is not None
        model = structural_copy(loaded.model)
        set_scheme(model, scheme)
        found.setdefault(name, {})[bits] = kl(reference, replace(loaded, model=model))
        yield Progress((done + 1) / len(sides))
    return found


def kl(reference: Reference, model: LoadedModel) -> float:
    """Mean nats a token."""
    return float(compare(reference, model).tokens.kl.mean())
