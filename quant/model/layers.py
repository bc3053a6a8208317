"""The layer census: what a model is made of, what can be quantized, and what stays in float and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from torch import nn

from quant.model.load import LoadedModel
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
    """Every parameter of the model once, in its own order."""
    table = loaded.model.get_input_embeddings()
    head = loaded.model.get_output_embeddings()
    tied = head is not None and head.weight is table.weight
    linears = {n for n, m in loaded.model.named_modules() if isinstance(m, nn.Linear)}
    layers = []
    for tensor, parameter in loaded.model.named_parameters():
        module, _, leaf = tensor.rpartition(".")
        if parameter is table.weight:
            kind = Kind.TABLE
        elif module in linears and leaf == "weight":
            kind = Kind.LINEAR
        else:
            kind = Kind.OTHER
        layers.append(
            Layer(module, tensor, kind, tuple(parameter.shape), "lm_head" if tied and kind is Kind.TABLE else None)
        )
    return layers


def linear_layers(loaded: LoadedModel) -> list[Layer]:
    """The matrices that are multiplied, in the order of the network."""
    return [layer for layer in census(loaded) if layer.kind is Kind.LINEAR]


def table_layer(loaded: LoadedModel) -> Layer:
    """The token table."""
    return next(layer for layer in census(loaded) if layer.kind is Kind.TABLE)
