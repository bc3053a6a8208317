"""A model on its way from float to packed, block by block.

    for each block:    the transforms, and the scales that methods ask for, are folded (folding.py)
                       the calibration text goes through it, and its layers' inputs are looked at (calibrate.py)
                       each of its matrices is stored by its rule's method, or all together where that tunes a block
                       its outputs, in float or quantized (`Calibration.sequential`), are what the next block is given

What lies in no block comes last. Nothing of this is done where no rule and no transform asks for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from quant import folding
from quant.activations import Activations
from quant.calibrate import Flow, outside
from quant.errors import SchemeError
from quant.kernels.cpu import hold
from quant.methods.base import NOTHING_KNOWN, BlockProblem, Statistic, Statistics, Target, alone
from quant.model.chain import Block, Feed, Fold, Link, blocks_of
from quant.model.layers import Kind, Layer, Place
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, put
from quant.recipe import Recipe, Rule
from quant.text import Text
from quant.weight import QuantWeight
from quant.work import Progress, Work, part


@dataclass
class Making:
    """A model on its way from float to packed: `model` is the copy whose layers are replaced, one after another."""

    loaded: LoadedModel
    recipe: Recipe
    model: PreTrainedModel
    chosen: Mapping[str, tuple[Layer, Rule]]
    left: set[str] = field(init=False)
    folds: list[Fold] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = set(self.chosen)

    @property
    def done(self) -> float:
        """The share of what is to be stored that is."""
        return 1 - self._share(list(self.left))

    def blocks(self) -> Work[None]:
        """Every block in turn, where one has to be seen as a whole."""
        calibration = self.recipe.calibration
        if calibration is None and not self.recipe.steps:
            return
        flow = Flow(self.loaded, calibration) if calibration else None
        for block in blocks_of(self.model):
            known = self._prepared(block, flow)
            yield from self._tuned(block, flow, known)
            for name in (n for n in block.linears if n in self.left):
                yield self._store(name, known.get(name, NOTHING_KNOWN))
            if flow and calibration and calibration.sequential:
                flow.read(block, self.model.get_submodule(block.name), frozenset())
            if flow:
                flow.go_on()

    def rest(self) -> Work[None]:
        """What lies in no block, or needs none."""
        layers = [layer for name, (layer, _) in self.chosen.items() if name in self.left]
        calibration, known = self.recipe.calibration, dict[str, Statistics]()
        # A table that is tied to the output matrix is known by what that is given.
        given = {x.tied_to or x.name: x.name for x in layers if x.tied_to or x.kind is Kind.LINEAR}
        if calibration and given:
            known = outside(self.loaded, calibration, self.recipe.needs, given)
        for layer in layers:
            seen = known.get(layer.name, NOTHING_KNOWN)
            if self.chosen[layer.name][1].how.tune and seen.hessian is not None:
                yield from self._tuned_alone(layer, seen)
            else:
                yield self._store(layer.name, seen)

    def _prepared(self, block: Block, flow: Flow | None) -> dict[str, Statistics]:
        """Scale and rotate what the recipe says; what the layers are then given."""
        for step in self.recipe.steps:
            known = self._read(block, flow, step.how.needs)
            for feed in self._feeds(block, step.how.rotates):
                if step.how.scales is None:
                    self._fold(feed, None)
                else:
                    weights = [folding.linear_of(self.model, name).weight for name in feed.layers]
                    self._fold(feed, step.how.scales(weights, known[feed.layers[0]], step.knobs))
        return self._scaled(block, flow) or self._read(block, flow, self._needs(block))

    def _needs(self, block: Block) -> frozenset[Statistic]:
        """What the methods of its layers want to know; one that tunes the block asks the block itself."""
        rules = [self.chosen[name][1] for name in block.linears if name in self.chosen]
        scale = frozenset({Statistic.LARGEST}) if self.recipe.activations.static else frozenset()
        return scale.union(*(rule.needs for rule in rules if not rule.how.tune))

    def _scaled(self, block: Block, flow: Flow | None) -> dict[str, Statistics]:
        """Scale the inputs of the layers whose method wants that; what all are then given, or nothing where none does.

        `check_feeds` has made sure that the layers of a feed are at one.
        """
        known: dict[str, Statistics] = {}
        for feed in self._feeds(block, rotating=False):
            rules = {name: self.chosen[name][1] for name in feed.layers if name in self.chosen}
            name, rule = next(iter(rules.items()))
            if rule.how.scales is None:
                continue
            known = known or self._read(block, flow, self.recipe.needs)
            weights = [folding.linear_of(self.model, n).weight for n in rules]
            schemes = [scheme for one in rules.values() if (scheme := one.scheme)]
            scale = rule.how.scales(weights, schemes, known[name], rule.knobs)
            self._fold(feed, scale)
            # Nothing else changes, so that the text need not go through the block again.
            known |= {name: known[name].divided(scale) for name in feed.layers}
        return known

    def _fold(self, feed: Feed, scale: Tensor | None) -> None:
        self.folds.append(Fold(feed, scale))
        folding.fold(self.model, self.folds[-1])

    def _read(self, block: Block, flow: Flow | None, needs: frozenset[Statistic]) -> dict[str, Statistics]:
        if flow is None:
            return dict.fromkeys(block.linears, NOTHING_KNOWN)
        return flow.read(block, self.model.get_submodule(block.name), needs)

    def _feeds(self, block: Block, rotating: bool) -> Iterator[Feed]:
        """The feeds of what is quantized. Of an unknown kind each layer is fed alone, and undoes all itself."""
        feeds = block.feeds or tuple(Feed((name,), "", Link.NONLINEAR) for name in block.linears)
        for feed in feeds:
            here = tuple(name for name in feed.layers if name in self.chosen)
            if here:  # what is folded into a source reaches all that this one feeds
                folds = feed.head_width is not None if rotating else feed.folds_scale
                yield feed if folds else replace(feed, layers=here)

    def _tuned(self, block: Block, flow: Flow | None, known: Mapping[str, Statistics]) -> Work[None]:
        """Store the layers of the methods that look at all of a block."""
        rules = {rule: None for n in block.linears if n in self.left and (rule := self.chosen[n][1]).how.tune}
        # What was read last, before anything of the block is stored: for all of the rules, and for the next block.
        for rule in rules:
            assert flow is not None
            assert rule.how.tune is not None
            names = [n for n in block.linears if n in self.left and self.chosen[n][1] == rule]
            problem = self._problem(block, flow, names)
            tuning = rule.how.tune(problem, rule.knobs, generator(rule, block.name))
            made = yield from part(tuning, self.done, self._share(names))
            stored = [self._put(n, reached(self.recipe, made[n], known.get(n, NOTHING_KNOWN))) for n in names]
            yield stored[-1]

    def _tuned_alone(self, layer: Layer, known: Statistics) -> Work[None]:
        """Store a layer of such a method that lies in no block, by the products of its inputs."""
        rule = self.chosen[layer.name][1]
        assert rule.how.tune is not None
        assert rule.scheme is not None
        assert known.hessian is not None
        problem = alone(layer.name, Target(self.loaded.weight(layer.name), rule.scheme), known.hessian)
        tuning = rule.how.tune(problem, rule.knobs, generator(rule, layer.name))
        made = yield from part(tuning, self.done, self._share([layer.name]))
        yield self._put(layer.name, reached(self.recipe, made[layer.name], known))

    def _share(self, names: list[str]) -> float:
        total = sum(layer.parameters for layer, _ in self.chosen.values())
        return sum(self.chosen[name][0].parameters for name in names) / total

    def _problem(self, block: Block, flow: Flow, names: list[str]) -> BlockProblem:
        module = self.model.get_submodule(block.name)
        targets, places = {}, {}
        for name in names:
            linear, scheme = folding.linear_of(self.model, name), self.chosen[name][1].scheme
            assert scheme is not None
            targets[name] = Target(linear.weight, scheme)
            places[name] = next(n for n, p in module.named_parameters() if p is linear.weight)

        def run(weights: Mapping[str, Tensor], windows: Tensor) -> Tensor:
            given = {places[name]: weight for name, weight in weights.items()}
            with swapped(module, given):
                return flow.through(block, module, flow.inputs[windows])

        return BlockProblem(targets, flow.inputs, flow.outputs, run)

    def _store(self, name: str, known: Statistics) -> Progress[None]:
        layer, rule = self.chosen[name]
        inside = layer.scaled is not Place.NOWHERE
        weight = folding.linear_of(self.model, name).weight if inside else self.loaded.weight(name)
        return self._put(name, made_of(self.recipe, rule, layer, weight, known))

    def _put(self, name: str, made: QuantWeight) -> Progress[None]:
        layer, before = self.chosen[name][0], folding.beside_of(self.model, name)
        if before:
            made = replace(made, beside=replace(made.beside, pre_scale=before.pre_scale, hadamard=before.hadamard))
        replace_layer(self.model, layer, made, self.recipe.activations)
        self.left.discard(name)
        return Progress(self.done)


def check_feeds(model: PreTrainedModel, chosen: Mapping[str, tuple[Layer, Rule]]) -> None:
    """Raise SchemeError where a method scales an input for layers that another method or other knobs store.

    What is left in float32 may read it too: its results stay as they were.
    """
    if not any(rule.how.scales for _, rule in chosen.values()):
        return
    for feed in (feed for block in blocks_of(model) for feed in block.feeds):
        rules = {name: chosen[name][1] for name in feed.layers if name in chosen}
        scaling = next((name for name, rule in rules.items() if rule.how.scales), None)
        if scaling is None:
            continue
        mine = rules[scaling]
        other = next((n for n, r in rules.items() if (r.method, r.knobs) != (mine.method, mine.knobs)), None)
        if other is not None:
            raise SchemeError(
                Text("«{one}» y «{other}» leen la misma entrada, y el método «{method}» la escala para todas las capas "
                     "que la leen: dales el mismo método con los mismos ajustes, o deja una de ellas en float32.",
                     "“{one}” and “{other}” read the same input, and method “{method}” scales it for all layers that "
                     "read it: give them the same method with the same knobs, or leave one of them in float32.")
                .format(one=scaling, other=other, method=mine.method)
            )  # fmt: skip


def made_of(recipe: Recipe, rule: Rule, layer: Layer, weight: Tensor, known: Statistics) -> QuantWeight:
    """A float matrix [out, in] as `rule` stores it. Raises what its method raises."""
    assert rule.scheme is not None
    made = rule.how.quantize(weight, rule.scheme, known, rule.knobs, generator(rule, layer.name))
    return reached(recipe, made, known)


def reached(recipe: Recipe, made: QuantWeight, known: Statistics) -> QuantWeight:
    """`made` with how far its inputs reach beside it, where the recipe rounds them by a static scale."""
    if not recipe.activations.static:
        return made
    # A table that is only looked up has no inputs, and no use for a scale.
    largest = torch.ones(1) if known.largest is None else made.beside.reaching(known.largest)
    return replace(made, beside=replace(made.beside, largest=largest))


def generator(rule: Rule, name: str) -> torch.Generator:
    """The chance of one layer: the same for the same seed, whatever is quantized beside it."""
    seed = asdict(rule.knobs).get("seed", 0)
    return torch.Generator().manual_seed(zlib.crc32(f"{int(seed)} {name}".encode()))


def replace_layer(model: PreTrainedModel, layer: Layer, weight: QuantWeight, activations: Activations) -> None:
    """Put a quantized matrix where `layer` was, and where it is tied."""
    module = model.get_submodule(layer.name)
    module = module.linear if isinstance(module, folding.Prefixed) else module
    held = hold(weight)
    if layer.kind is Kind.TABLE:
        head = model.get_submodule(layer.tied_to) if layer.tied_to else None
        put(model, layer.name, QuantEmbedding(held, float(getattr(module, "embed_scale", 1.0))))
        if layer.tied_to:
            put(model, layer.tied_to, QuantLinear(held, getattr(head, "bias", None), activations))
    else:
        put(model, layer.name, QuantLinear(held, module.bias, activations))


@contextmanager
def swapped(module: nn.Module, given: Mapping[str, Tensor]) -> Iterator[None]:
    """Let `module` compute with the tensors `given`, by the names of its parameters, in place of these."""
    owners = {name: module.get_submodule(name.rpartition(".")[0]) for name in given}
    own = {name: owners[name]._parameters.pop(name.rpartition(".")[2]) for name in given}
    try:
        for name, tensor in given.items():
            owners[name].__dict__[name.rpartition(".")[2]] = tensor
        yield
    finally:
        for name, parameter in own.items():
            leaf = name.rpartition(".")[2]
            del owners[name].__dict__[leaf]
            owners[name]._parameters[leaf] = parameter
