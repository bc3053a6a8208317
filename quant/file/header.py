"""The header of a quantized model's file: what it says of itself, as JSON, and how many bytes it all takes.

    {"format", "version", "writer", "name", "revision", "recipe", "config", "tensors", "sha256"}

One key of safetensors' metadata holds it, so that the order of the metadata, which is not fixed, cannot matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from quant.errors import ModelError, shown
from quant.model.layers import Layer
from quant.model.tokenizer import FILE_NAME
from quant.packing import Layout
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json, recipe_to_json, record, typed
from quant.text import Text

KEY, FORMAT, VERSION = "quant", "quantized model", 1
WRITER = "quant-lab 0.1.0"
FIELDS = ("format", "version", "writer", "name", "revision", "recipe", "config", "tensors", "sha256")
CODES, FLOATS = "U8", "F32"  # safetensors' names
WIDTH = {CODES: 1, FLOATS: 4}
LENGTH_BYTES = ALIGNED = 8
Spec = tuple[str, list[int]]  # dtype and shape of a tensor in the file


@dataclass(frozen=True)
class Header:
    """tensors: [name, shape, id] for each parameter; id 0 is the recipe's scheme, i that of its i-th override, null
    float32. sha256: of the header with an empty one, and of the data of all tensors in order of name."""

    name: str
    revision: str
    recipe: Recipe
    config: dict[str, Any]
    tensors: list[Any]
    sha256: str = ""
    writer: str = WRITER

    @property
    def text(self) -> str:
        """As it is written."""
        return compact({
            "format": FORMAT, "version": VERSION, "writer": self.writer, "name": self.name, "revision": self.revision,
            "recipe": recipe_to_json(self.recipe), "config": self.config, "tensors": self.tensors,
            "sha256": self.sha256,
        })  # fmt: skip

    def sealed(self, data: Iterable[Tensor]) -> Header:
        """This header with the SHA-256 of itself and of `data`."""
        total = hashlib.sha256(replace(self, sha256="").text.encode())
        for tensor in data:
            total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
        return replace(self, sha256=total.hexdigest())

    @classmethod
    def parsed(cls, text: str) -> Header:
        """As it was read. Raises QuantError where anything is missing, unknown or of another type."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                Text("su cabecera no es JSON ({detail})", "its header is not JSON ({detail})")
                .format(detail=shown(str(error)))
            ) from error  # fmt: skip
        got = typed(value, dict, "header")
        came = (got.get("format"), got.get("version"))
        if came != (FORMAT, VERSION):
            raise ModelError(
                Text("ha llegado el formato {came}; se admite {allowed}", "got format {came}; allowed: {allowed}")
                .format(came=shown(repr(came)), allowed=repr((FORMAT, VERSION)))
            )  # fmt: skip
        record(got, "header", FIELDS)
        name, revision, sha256, writer = (typed(got[n], str, n) for n in ("name", "revision", "sha256", "writer"))
        config, tensors = typed(got["config"], dict, "config"), typed(got["tensors"], list, "tensors")
        return cls(name, revision, recipe_from_json(got["recipe"]), config, tensors, sha256, writer)


def compact(value: object) -> str:
    """JSON without spaces, letters as they are: what safetensors writes too."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def table(layers: Iterable[Layer], recipe: Recipe) -> list[Any]:
    """`Header.tensors`."""
    places = {rule: (place + 1) % len(recipe.rules) for place, rule in reversed([*enumerate(recipe.rules)])}
    rules = [(x, recipe.rule_of(x)) for x in layers]
    return [[x.tensor, list(x.shape), places[rule] if rule else None] for x, rule in rules]


def specs(layers: Iterable[Layer], recipe: Recipe) -> dict[str, Spec]:
    """Each parameter as the file has it. Raises SchemeError where the recipe does not fit."""
    found: dict[str, Spec] = {}
    for layer in layers:
        scheme = recipe.scheme_of(layer)
        packed = (CODES, [Layout(scheme).nbytes(layer.matrix)]) if scheme else None
        found[layer.tensor] = packed or (FLOATS, list(layer.shape))
    return found


def file_bytes(tensors: Mapping[str, Spec], header: Header) -> int:
    """Bytes of a safetensors file: a length, JSON up to a multiple of 8, and the data, the wide ones first, by name."""
    entries: dict[str, Any] = {"__metadata__": {KEY: header.text}}
    end = 0
    for name, (dtype, shape) in sorted(tensors.items(), key=lambda item: (-WIDTH[item[1][0]], item[0])):
        start, end = end, end + _product(shape) * WIDTH[dtype]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    length = len(compact(entries).encode())
    return LENGTH_BYTES + length + -length % ALIGNED + end


def check_tensors(header: Header, layers: list[Layer], got: Mapping[str, Spec]) -> None:
    """Raise ModelError unless the file has the tensors of its configuration and recipe, and a tokenizer, only."""
    want = specs(layers, header.recipe)
    own = {name: spec for name, spec in got.items() if not FILE_NAME.fullmatch(name)}
    wrong = sorted(name for name in own.keys() | want.keys() if own.get(name) != want.get(name))
    if wrong:
        came, allowed = own.get(wrong[0]), want.get(wrong[0])
        raise ModelError(
            Text("{n} tensores no son los de su receta; «{name}»: ha llegado {came} y se admite {allowed}",
                 "{n} tensors are not those of its recipe; “{name}”: got {came}, allowed is {allowed}")
            .format(n=len(wrong), name=shown(wrong[0]), came=_described(came), allowed=_described(allowed))
        )  # fmt: skip
    if header.tensors != table(layers, header.recipe) or len(own) == len(got):
        raise ModelError(
            Text("su tabla de tensores no es la de su receta y su configuración, o le falta el tokenizador",
                 "its table of tensors is not that of its recipe and configuration, or it has no tokenizer")
        )  # fmt: skip
    for name, (dtype, _) in got.items():
        if name not in own and dtype != CODES:
            raise ModelError(
                Text("«{name}»: ha llegado {dtype}; se admite {allowed}", "“{name}”: got {dtype}; allowed: {allowed}")
                .format(name=name, dtype=dtype, allowed=CODES)
            )  # fmt: skip


def _described(spec: Spec | None) -> Text:
    words = {CODES: "uint8", FLOATS: "float32"}
    return Text(*[f"{words.get(spec[0], spec[0])} {spec[1]}"] * 2) if spec else Text("ninguno", "none")


def _product(shape: list[int]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product
