"""What the page calls a layer: «Bloque 1 · MLP, entrada» rather than `transformer.h.0.mlp.c_fc`."""

from __future__ import annotations

import re

import gradio as gr

from quant.errors import ModelError
from quant.lab import Lab
from quant.model.layers import Kind, Layer, census
from quant.model.load import LoadedModel
from quant.text import Language, Text
from quant.ui.shared import texts as t

BLOCK = re.compile(r"(?:^|\.)(?:h|layers)\.(\d+)\.(.+)$")


def layer_title(layer: Layer, language: Language) -> str:
    """A readable name; one that is not GPT-2's keeps its own."""
    if layer.kind is Kind.TABLE:
        return t.TOKEN_TABLE[language].capitalize()
    return name_title(layer.name, language)


def name_title(name: str, language: Language) -> str:
    """A readable name of a linear layer; one that is not GPT-2's keeps its own."""
    found = BLOCK.search(name)
    if not found:
        return name
    block, part = int(found[1]) + 1, found[2]
    known = t.PARTS[part][language] if part in t.PARTS else part
    return f"{t.BLOCK.format(n=block)[language]} · {known}"


def matrices(loaded: LoadedModel) -> list[Layer]:
    """The matrices a visitor can look at: the linear layers and the token table."""
    return [layer for layer in census(loaded) if layer.kind is not Kind.OTHER]


def layer_choices(loaded: LoadedModel, language: Language) -> list[tuple[str, str]]:
    """(title, name) of each matrix, in as few letters as a phone's list has room for."""
    return [(layer_title(m, language), m.name) for m in matrices(loaded)]


def default_layer(loaded: LoadedModel) -> str:
    """The first MLP matrix, whose histogram is the textbook bell; the first of all where there is none."""
    names = [m.name for m in matrices(loaded)]
    return next((n for n in names if "mlp" in n), names[0])


def find_layer(loaded: LoadedModel, name: str) -> Layer:
    """The matrix called `name`. Raises ModelError for one that the model does not have."""
    by_name = {m.name: m for m in matrices(loaded)}
    if name not in by_name:
        raise ModelError(
            Text("El modelo no tiene una matriz «{name}»; tiene: {allowed}.",
                 "The model has no matrix “{name}”; it has: {allowed}.").format(name=name, allowed=", ".join(by_name))
        )  # fmt: skip
    return by_name[name]


def layer_in_view(loaded: LoadedModel, name: str | None) -> Layer:
    """The matrix that the page shows: `name`, or the default right after the model was changed for another."""
    known = {m.name for m in matrices(loaded)}
    return find_layer(loaded, name if name in known and name else default_layer(loaded))


def layer_list(lab: Lab, language: Language) -> gr.Dropdown:
    """The list from which a tab's matrix is chosen; the page keeps those of all tabs equal."""
    loaded = lab.loaded(lab.default())
    return gr.Dropdown(
        layer_choices(loaded, language), value=default_layer(loaded), label=t.WEIGHTS_LAYER[language],
        elem_classes="lab-layer",
        allow_custom_value=True,  # the list is of the model in view, which an address may have chosen
    )  # fmt: skip
