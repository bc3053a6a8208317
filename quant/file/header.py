"""The header of a quantized model's file: what it says of itself, as JSON, and how many bytes it all takes.

    {"format", "version", "writer", "name", "revision", "recipe", "config", "tensors", "sha256"}

One key of safetensors' metadata holds it, so that the order of the metadata, which is not fixed, cannot matter. Version
1 has a recipe of version 1 and nothing beside its matrices; it is written wherever it can say it all.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from quant.errors import ModelError, shown
from quant.json_model import JsonModel, parsed, read_json, refused
from quant.model.layers import Layer
from quant.model.tokenizer import FILE_NAME
from quant.packing import Layout
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json, recipe_to_json, version_1_says
from quant.text import Text
from quant.weight import part_dtype

KEY, FORMAT, VERSIONS = "quant", "quantized model", (1, 2)
WRITER = "quant-lab 0.1.0"
BESIDE = ".beside."  # between the name of a module and that of a part
CODES, FLOATS, HALVES, PLACES = "U8", "F32", "F16", "I64"  # safetensors' names
WIDTH = {CODES: 1, HALVES: 2, FLOATS: 4, PLACES: 8}
KINDS = {torch.float32: FLOATS, torch.float16: HALVES, torch.int64: PLACES}
LENGTH_BYTES = ALIGNED = 8
Spec = tuple[str, list[int]]  # dtype and shape of a tensor in the file


class HeaderJson(JsonModel):
    """The fields of a header."""

    format: str
    version: int
    writer: str = ""
    name: str = ""
    revision: str = ""
    recipe: dict[str, Any]
    config: dict[str, Any]
    tensors: list[Any]
    sha256: str


@dataclass(frozen=True)
class Header:
    """tensors: [name, shape, id] for each parameter; id 0 is the recipe's last rule, i its i-th, null float32.

    sha256: of the header with an empty one, and of the data of all tensors in order of name.
    """

    name: str
    revision: str
    recipe: Recipe
    config: dict[str, Any]
    tensors: list[Any]
    sha256: str = ""
    writer: str = WRITER

    @property
    def version(self) -> int:
        """The oldest that can say it all."""
        return 1 if version_1_says(self.recipe) else 2

    @property
    def text(self) -> str:
        """As it is written."""
        return compact({
            "format": FORMAT, "version": self.version, "writer": self.writer, "name": self.name,
            "revision": self.revision, "recipe": recipe_to_json(self.recipe), "config": self.config,
            "tensors": self.tensors, "sha256": self.sha256,
        })  # fmt: skip

    def sealed(self, data: Iterable[Tensor]) -> Header:
        """This header with the SHA-256 of itself and of `data`."""
        return replace(self, sha256=seal(replace(self, sha256="").text, data))

    @classmethod
    def parsed(cls, text: str) -> Header:
        """As it was read. Raises QuantError where anything is wrong, and names what is missing or unknown."""
        value = read_json(text, "header")
        if not isinstance(value, dict):
            raise refused("header", value, ["{…}"])
        came = (value.get("format"), value.get("version"))
        if came not in [(FORMAT, version) for version in VERSIONS]:
            raise ModelError(
                Text("ha llegado el formato {came}; se admite {allowed}", "got format {came}; allowed: {allowed}")
                .format(came=shown(repr(came)), allowed=", ".join(repr((FORMAT, v)) for v in VERSIONS))
            )  # fmt: skip
        got = parsed(HeaderJson, value, "header")
        recipe = recipe_from_json(got.recipe)
        return cls(got.name, got.revision, recipe, got.config, got.tensors, got.sha256, got.writer)


def seal(text: str, data: Iterable[Tensor]) -> str:
    """SHA-256 of a header as it was written, its own sum left empty, and of `data`."""
    value = json.loads(text)
    total = hashlib.sha256(compact(value | {"sha256": ""}).encode())
    for tensor in data:
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def compact(value: object) -> str:
    """JSON without spaces, letters as they are: what safetensors writes too."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def table(layers: Iterable[Layer], recipe: Recipe) -> list[Any]:
    """`Header.tensors`."""
    places = {rule: (place + 1) % len(recipe.rules) for place, rule in reversed([*enumerate(recipe.rules)])}
    rules = [(x, recipe.rule_of(x)) for x in layers]
    return [[x.tensor, list(x.shape), places[rule] if rule else None] for x, rule in rules]


def specs(layers: Iterable[Layer], recipe: Recipe) -> dict[str, Spec]:
    """Each tensor of the model as the file has it. Raises SchemeError where the recipe does not fit."""
    found: dict[str, Spec] = {}
    for layer in layers:
        rule = recipe.rule_of(layer)
        if rule is None or rule.scheme is None:
            found[layer.tensor] = (FLOATS, list(layer.shape))
            continue
        found[layer.tensor] = (CODES, [Layout(rule.scheme).nbytes(layer.matrix)])
        for part, sides in recipe.parts_beside(rule, layer).items():
            found[f"{layer.name}{BESIDE}{part}"] = (KINDS[part_dtype(part)], list(sides))
    return found


def file_bytes(tensors: Mapping[str, Spec], header: Header) -> int:
    """Bytes of a safetensors file: a length, JSON up to a multiple of 8, and the data, the wide ones first, by name."""
    entries: dict[str, Any] = {"__metadata__": {KEY: header.text}}
    end = 0
    for name, (dtype, shape) in sorted(tensors.items(), key=lambda item: (-WIDTH[item[1][0]], item[0])):
        start, end = end, end + math.prod(shape) * WIDTH[dtype]
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
    words = {CODES: "uint8", FLOATS: "float32", HALVES: "float16", PLACES: "int64"}
    return Text(*[f"{words.get(spec[0], spec[0])} {spec[1]}"] * 2) if spec else Text("ninguno", "none")
