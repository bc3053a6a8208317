"""The recipe that should lose least within so many bytes, or take least at so many nats, and whether it does.

The costs of parts (`costs.py`) are added up and divided exactly (`allocation.py`): that is the prediction. The recipe
is then measured on an evaluation text, beside the best uniform one of at most the same bytes: a mix that does not beat
that is not worth its trouble, and is not to be shown without it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from quant.allocation import Allotted, front
from quant.cache import cache_scheme
from quant.evaluation.bootstrap import Interval
from quant.evaluation.costs import KEYS, VALUES, Costs, Way, palette
from quant.evaluation.methods import Maker, Row, difference, row
from quant.model.layers import census
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Rule
from quant.size import cache_bytes, size_report
from quant.texts import EvalText
from quant.work import Work, part

UNIFORM_CACHE = (16, 8, 6, 4, 3, 2)


@dataclass(frozen=True)
class Mix:
    """A recipe made for a budget. allotted: of each part of its costs, in their order, the option; n_bytes: of weights,
    and of keys and values where they count; predicted: nats.
    """

    recipe: Recipe
    allotted: Allotted
    n_bytes: int
    predicted: float


@dataclass(frozen=True)
class Answer:
    """A mix and the best uniform recipe of at most as many bytes, None where none fits, both measured."""

    mix: Mix
    measured: Row
    uniform: Mix | None
    uniform_measured: Row | None

    @property
    def ratio(self) -> float | None:
        """The KL of the mix over the uniform recipe's."""
        if self.uniform_measured is None:
            return None
        return self.measured.figures.kl_mean.value / self.uniform_measured.figures.kl_mean.value

    @property
    def difference(self) -> Interval | None:
        """Of the mean KL of the mix less that of the uniform recipe, paired; None where it cannot be told."""
        return difference(self.measured, self.uniform_measured) if self.uniform_measured else None


def mix_within(loaded: LoadedModel, costs: Costs, n_bytes: int) -> Mix:
    """The mix that is predicted to lose least within so many bytes of weights, and of keys and values where `costs`
    counts them. Raises BudgetError that says the least possible.
    """
    room = front(list(costs.parts.values()))
    if n_bytes < room.n_bytes[0] + costs.kept_bytes:
        room = replace(room, n_bytes=room.n_bytes + costs.kept_bytes)
        room.within(n_bytes)  # raises, with what stays in float counted in
    return mixed(loaded, costs, room.within(n_bytes - costs.kept_bytes))


def mix_losing(loaded: LoadedModel, costs: Costs, most: float) -> Mix:
    """The smallest mix that is predicted to lose at most so many nats. Raises BudgetError that says the least."""
    return mixed(loaded, costs, front(list(costs.parts.values())).losing(most))


def mixed(loaded: LoadedModel, costs: Costs, allotted: Allotted) -> Mix:
    """The recipe of a choice: the way of most weights for all, and a rule before it for each matrix that differs."""
    chosen = dict(zip(costs.parts, allotted.names, strict=True))
    ways = {way.name: way for way in palette(costs.losses.palette)}
    weight_of = {layer.name: layer.parameters for layer in census(loaded)}
    counts: Counter[str] = Counter()
    for name in costs.matrices:
        counts[chosen[name]] += weight_of[name]
    usual = counts.most_common(1)[0][0]
    apart = [_rule(name, ways[chosen[name]]) for name in costs.matrices if chosen[name] != usual]
    keys, values = (int(chosen.get(side, "0")) for side in (KEYS, VALUES))
    recipe = Recipe((*apart, _rule("*", ways[usual])), loaded.name, cache=cache_scheme(keys, values))
    return Mix(recipe, allotted, taken(loaded, costs, recipe), allotted.loss)


def _rule(layers: str, way: Way) -> Rule:
    return Rule(layers, way.scheme, way.method)


def taken(loaded: LoadedModel, costs: Costs, recipe: Recipe) -> int:
    """Bytes of weights, and of keys and values of `costs.context` tokens."""
    stored = size_report(loaded, recipe).stored_bytes
    return stored + (cache_bytes(loaded, recipe, costs.context).stored_bytes if costs.context else 0)


def uniform(loaded: LoadedModel, costs: Costs) -> list[Mix]:
    """Every recipe that stores all matrices alike, and keys and values alike where they count, by rising bytes."""
    found = []
    for way in palette(costs.losses.palette):
        for bits in UNIFORM_CACHE if costs.context else (0,):
            names = [str(bits) if name in (KEYS, VALUES) else way.name for name in costs.parts]
            options = [costs.of(part_, name) for part_, name in zip(costs.parts, names, strict=True)]
            allotted = Allotted(tuple(names), sum(o.n_bytes for o in options), sum(o.loss for o in options))
            found.append(mixed(loaded, costs, allotted))
    return sorted(found, key=lambda mix: mix.n_bytes)


def best_uniform(loaded: LoadedModel, costs: Costs, n_bytes: int) -> Mix | None:
    """Of the uniform recipes within so many bytes the one that is predicted to lose least; None where none fits."""
    fitting = [mix for mix in uniform(loaded, costs) if mix.n_bytes <= n_bytes]
    return min(fitting, key=lambda mix: mix.predicted) if fitting else None


def answered(maker: Maker, costs: Costs, mix: Mix, n_bytes: int, text: EvalText) -> Work[Answer]:
    """Measure a mix, and the best uniform recipe within `n_bytes`."""
    same = best_uniform(maker.loaded(costs.losses.model), costs, n_bytes)
    measured = yield from part(row(maker, mix.recipe, text), 0, 0.5)
    beside = (yield from part(row(maker, same.recipe, text), 0.5, 0.5)) if same else None
    return Answer(mix, measured, same, beside)
