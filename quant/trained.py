"""The packed matrices of a trained model alone: what a recorded training adds to the float model that it came from.

    <matrix>.weight          uint8, the bytes of `Layout(scheme).pack`
    <matrix>.beside.<part>   what stands beside its codes
    metadata["recipe"]       the recipe, JSON, its training included

A 2-bit model of four million weights takes 1.2 MB. Everything else is the float model's, whose weights it is tied to by
what lists it (`recorded_training.py`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from quant.blockwise import replace_layer
from quant.errors import ModelError, QuantError
from quant.file.beside import check_parts
from quant.file.header import BESIDE
from quant.json_model import read_json
from quant.model.copied import structural_copy
from quant.model.layers import census
from quant.model.load import EMBEDDED, LoadedModel
from quant.model.packed import packed_matrices, settle
from quant.packing import Layout
from quant.packing.bits import as_tensor
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.recorded_training import FILE, FOLDER, recorded_training
from quant.run.cache import set_scheme
from quant.text import Text
from quant.weight import Beside, QuantWeight

KEY = "recipe"


def save_matrices(trained: LoadedModel, recipe: Recipe, path: Path) -> int:
    """Write what `trained` holds packed; the bytes written."""
    tensors = {}
    for name, _, held in packed_matrices(trained.model):
        weight = held.quantized()
        tensors[f"{name}.weight"] = as_tensor(Layout(held.scheme).pack(weight.q))
        tensors |= {f"{name}{BESIDE}{part}": t.contiguous() for part, t in weight.beside.parts().items()}
    save_file(tensors, path, metadata={KEY: _written(recipe)})
    return path.stat().st_size


def load_matrices(loaded: LoadedModel, recipe: Recipe, path: Path) -> LoadedModel:
    """`loaded` with those matrices in place of its own. Raises ModelError for a file of another recipe, or none."""
    model = structural_copy(loaded.model)
    try:
        with safe_open(path, framework="pt") as file:
            if not _is_of((file.metadata() or {}).get(KEY, ""), recipe):
                raise ModelError(
                    Text("«{file}» no es de esta receta.", "“{file}” is not of this recipe.").format(file=path.name)
                )
            names = list(file.keys())
            for layer in census(loaded):
                rule = recipe.rule_of(layer)
                if rule is None or rule.scheme is None:
                    continue
                q = Layout(rule.scheme).unpack(file.get_tensor(layer.tensor).numpy().tobytes(), layer.matrix)
                start = layer.name + BESIDE
                parts = {n.removeprefix(start): file.get_tensor(n).clone() for n in names if n.startswith(start)}
                check_parts(layer.name, parts, layer.matrix)
                replace_layer(model, layer, QuantWeight(q, Beside.of(parts)), recipe.activations)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            Text("No se puede leer «{file}».", "“{file}” cannot be read.").format(file=path.name)
        ) from error
    settle(model)
    if recipe.cache:
        set_scheme(model, recipe.cache)
    return replace(loaded, model=model)


def shipped(loaded: LoadedModel, recipe: Recipe) -> LoadedModel | None:
    """The model of a recorded training that ships with the project, at once; None for any other recipe.

    Its keys and values are as `recipe` stores them: the training is the same. Raises ModelError for a damaged file.
    """
    if recipe.training is None or loaded.name != EMBEDDED or not FILE.is_file():
        return None
    run = recorded_training().of(replace(recipe, cache=None))
    return None if run is None else load_matrices(loaded, recipe, FOLDER / run.file)


def _written(recipe: Recipe) -> str:
    return json.dumps(recipe_to_json(replace(recipe, cache=None)), sort_keys=True)


def _is_of(written: str, recipe: Recipe) -> bool:
    """Whether that is what is written of `recipe`, by this version or by one that knew fewer fields."""
    try:
        return recipe_from_json(read_json(written, KEY)) == replace(recipe, cache=None)
    except QuantError:
        return False
