"""The layer census: what a model is made of, what can be quantized, and what stays in float and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from quant.model.chain import blocks_of, has_blocks
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, is_linear
from quant.scheme import Shape


class Kind(Enum):
    """LINEAR: a matrix that is multiplied; TABLE: the token table; OTHER: vectors and positions, left in float."""

    LINEAR = "linear"
    TABLE = "table"
    OTHER = "other"


class Place(Enum):
    """Where what is done to the inputs of a matrix can be undone: NOWHERE, in what FEEDS it, or BESIDE its codes."""

    NOWHERE = "nowhere"
    FEEDS = "feeds"
    BESIDE = "beside"


@dataclass(frozen=True)
class Layer:
    """One parameter tensor of a model, a tied one listed once. `name` is the module; `tensor` the parameter.

    scaled, rotated: where a scale of its inputs, or a rotation of them, is undone; NOWHERE outside the blocks.
    """

    name: str
    tensor: str
    kind: Kind
    shape: tuple[int, ...]
    tied_to: str | None = None
    scaled: Place = Place.NOWHERE
    rotated: Place = Place.NOWHERE

    @property
    def parameters(self) -> int:
        n = 1
        for side in self.shape:
            n *= side
        return n

    @property
    def matrix(self) -> Shape:
        """(out, in) of a LINEAR or TABLE."""
        return self.shape[0], self.shape[1]


def census(loaded: LoadedModel) -> list[Layer]:
    """Every parameter of the model once, in its own order; the same whether it is packed or not."""
    return layers_of(loaded.model)


def layers_of(model: PreTrainedModel) -> list[Layer]:
    """The census of the modules alone."""
    places = _places(model)
    head = model.get_output_embeddings()
    table = model.get_input_embeddings()
    tied = head is not None and _weight(head) is _weight(table)
    layers, seen = [], set()
    for name, module in model.named_modules():
        for leaf, tensor in _tensors(module):
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            kind = Kind.OTHER
            if leaf == "weight" and module is table:
                kind = Kind.TABLE
            elif leaf == "weight" and is_linear(module):
                kind = Kind.LINEAR
            tied_to = _name_of(model, head) if tied and kind is Kind.TABLE else None
            inside = places.get(name, NOWHERE) if kind is Kind.LINEAR else NOWHERE
            layers.append(Layer(name, f"{name}.{leaf}", kind, tuple(tensor.shape), tied_to, *inside))
    return layers


NOWHERE = (Place.NOWHERE, Place.NOWHERE)


def _places(model: PreTrainedModel) -> dict[str, tuple[Place, Place]]:
    """Of each linear layer of a block: where a scale of its inputs and a rotation of them are undone."""
    blocks = blocks_of(model) if has_blocks(model) else ()
    found = {name: (Place.BESIDE, Place.BESIDE) for block in blocks for name in block.linears}
    for feed in (feed for block in blocks for feed in block.feeds):
        scaled = Place.FEEDS if feed.folds_scale else Place.BESIDE
        rotated = Place.FEEDS if feed.head_width else Place.BESIDE
        found |= dict.fromkeys(feed.layers, (scaled, rotated))
    return found


def _weight(module: nn.Module) -> object:
    return module.matrix if isinstance(module, QuantLinear | QuantEmbedding) else module.weight


def _tensors(module: nn.Module) -> list[tuple[str, Any]]:
    """A module's own parameters by name, a packed matrix as its `weight`, before the others."""
    packed = [("weight", module.matrix)] if isinstance(module, QuantLinear | QuantEmbedding) else []
    return packed + list(module.named_parameters(recurse=False))


def _name_of(model: nn.Module, wanted: nn.Module | None) -> str:
    return next(name for name, module in model.named_modules() if module is wanted)


def linear_layers(loaded: LoadedModel) -> list[Layer]:
    """The matrices that are multiplied, in the order of the network."""
    return [layer for layer in census(loaded) if layer.kind is Kind.LINEAR]


def table_layer(loaded: LoadedModel) -> Layer:
    """The token table."""
    return next(layer for layer in census(loaded) if layer.kind is Kind.TABLE)
