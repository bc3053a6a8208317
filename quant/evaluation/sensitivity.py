"""How much each part of a model costs when it alone is quantized: each matrix, the token table, the keys, the values.

    effect of a part       KL(original || original with that part as the recipe stores it), mean nats a token
    additivity             sum of the effects over the KL of all parts together
    control                the KL with nothing quantized, which must be 0
    noise                  the KL with normal noise of the same norm in place of the rounding error: where it is less,
                           the error falls where it hurts, and a better objective could avoid some of it

A part of a quantized model is put into the float model as it is stored there, whatever method made it; where a method
scaled or rotated inputs, the float model is the one after that, which gives the same logits. So a recipe whose blocks
were calibrated one after another on what the ones before gave (`Calibration.sequential`) is taken apart too, and its
parts then make up for errors that are not there. Beside it stand the cheap guesses (`proxies.py`), and how well each
ranks the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from quant.cache import CacheScheme
from quant.evaluation.compare import Comparison, Reference, compare
from quant.evaluation.figures import Estimate, figures
from quant.evaluation.layer_error import folded
from quant.folding import Prefixed
from quant.model.copied import structural_copy
from quant.model.layers import Kind, Layer, census
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, put
from quant.run.cache import scheme_of, set_scheme
from quant.work import Progress, Work

KEYS, VALUES = "keys", "values"  # parts that are no matrices


@dataclass(frozen=True)
class Effect:
    """One part, quantized alone. name: of the layer, or KEYS or VALUES; kl: nats; noise: nats, None for a part that is
    no matrix.
    """

    name: str
    kl: Estimate
    noise: float | None = None


@dataclass(frozen=True)
class Sensitivity:
    """The effects known so far, in the order of the network; together: of all parts, once it is known.

    control: nats with nothing quantized. proxies: by their names, a guess for each matrix, by its name.
    """

    effects: tuple[Effect, ...] = ()
    control: float = 0.0
    together: Estimate | None = None
    proxies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The sum of the effects, nats."""
        return sum(effect.kl.value for effect in self.effects)

    @property
    def additivity(self) -> float | None:
        """The sum of the effects over the effect of all parts together; None before that is known, or where it is 0."""
        return self.total / self.together.value if self.together and self.together.value else None

    @property
    def ranked(self) -> list[Effect]:
        """From the part that costs most."""
        return sorted(self.effects, key=lambda effect: -effect.kl.value)


def sensitivity_steps(reference: Reference, quantized: LoadedModel) -> Work[Sensitivity]:
    """Measure every part of `quantized` alone, on the text of `reference`, which has read its original."""
    original = replace(reference.loaded, model=folded(reference.loaded, quantized))
    found = Sensitivity(control=_kl(compare(reference, reference.loaded)).value)
    names = parts_of(quantized)
    for done, name in enumerate(names):
        noise = None if name in (KEYS, VALUES) else _kl(compare(reference, with_noise(original, quantized, name))).value
        kl = _kl(compare(reference, with_part(original, quantized, name)))
        found = replace(found, effects=(*found.effects, Effect(name, kl, noise)))
        yield Progress((done + 1) / (len(names) + 1), found)
    return replace(found, together=_kl(compare(reference, quantized)))


def parts_of(quantized: LoadedModel) -> list[str]:
    """The names of what is stored otherwise than in float: matrices in the order of the network, then keys, values."""
    cache = scheme_of(quantized.model) or CacheScheme()
    return matrices_of(quantized) + [KEYS] * (cache.keys is not None) + [VALUES] * (cache.values is not None)


def matrices_of(quantized: LoadedModel) -> list[str]:
    """The names of the matrices that are stored, in the order of the network."""
    names = [layer.name for layer in census(quantized) if layer.kind is not Kind.OTHER]
    return [n for n in names if isinstance(quantized.model.get_submodule(n), QuantLinear | QuantEmbedding)]


def with_part(original: LoadedModel, quantized: LoadedModel, name: str) -> LoadedModel:
    """The float model with one part as `quantized` stores it. original: with the folds of `quantized`."""
    model = structural_copy(original.model)
    if name in (KEYS, VALUES):
        cache = scheme_of(quantized.model)
        assert cache is not None
        set_scheme(model, only(cache, name))
        return replace(original, model=model)
    for place in filter(None, (name, layer_of(quantized, name).tied_to)):
        put(model, place, quantized.model.get_submodule(place))
    return replace(original, model=model)


def only(cache: CacheScheme, name: str) -> CacheScheme:
    """Keys or values alone as `cache` stores them."""
    return replace(cache, values=None) if name == KEYS else replace(cache, keys=None)


def with_noise(original: LoadedModel, quantized: LoadedModel, name: str) -> LoadedModel:
    """The float model with normal noise on one matrix, as large as the error of `quantized` there (Frobenius norm)."""
    weight, stored = pair(original, quantized, name)
    noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    noisy = nn.Parameter(weight + noise * ((stored - weight).norm() / noise.norm()), False)
    model = structural_copy(original.model)
    for place in filter(None, (name, layer_of(quantized, name).tied_to)):
        module_of(model, place).weight = noisy
    return replace(original, model=model)


def pair(original: LoadedModel, quantized: LoadedModel, name: str) -> tuple[Tensor, Tensor]:
    """float32 [out, in] twice: a matrix after the folds of `quantized`, and what is stored of it there."""
    module = quantized.model.get_submodule(name)
    assert isinstance(module, QuantLinear | QuantEmbedding)
    return module_of(original.model, name).weight.detach(), module.matrix.quantized().behind.dequantize()


def layer_of(loaded: LoadedModel, name: str) -> Layer:
    return next(layer for layer in census(loaded) if layer.name == name)


def module_of(model: nn.Module, name: str) -> Any:
    """The linear layer or the table called `name`, behind what it does to its inputs first."""
    found = model.get_submodule(name)
    return found.linear if isinstance(found, Prefixed) else found


def _kl(compared: Comparison) -> Estimate:
    return figures(compared).kl_mean
