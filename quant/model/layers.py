"""The layer census: what a model is made of, what can be quantized, and what stays in float and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, is_linear
from quant.scheme import Shape


class Kind(Enum):
    """LINEAR: a matrix that is multiplied; TABLE: the token table; OTHER: vectors and positions, left in float."""

    LINEAR = "linear"
    TABLE = "table"
    OTHER = "other"


@dataclass(frozen=True)
class Layer:
    """One parameter tensor of a model, a tied one listed once. `name` is the module; `tensor` the parameter."""

    name: str
    tensor: str
    kind: Kind
    shape: tuple[int, ...]
    tied_to: str | None = None

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
            layers.append(Layer(name, f"{name}.{leaf}", kind, tuple(tensor.shape), tied_to))
    return layers


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
