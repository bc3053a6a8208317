"""What version 0.1.0 saved still opens, and what it could say is still written byte for byte as it wrote it.

golden/version1 was made by its own code: a file of a tiny GPT-2 with its logits, recipes, and addresses of the page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from quant.file.quantized import load_quantized, read_recipe, save_quantized
from quant.recipe import Recipe, Rule
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.ui.sidebar.choice import Choice, read_query

FOLDER = Path(__file__).parent / "golden" / "version1"
SAVED = json.loads((FOLDER / "recipes.json").read_text(encoding="utf8"))


def header(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return dict(json.loads(file.metadata()["quant"]))


def test_a_file_opens_computes_what_it_did_and_is_written_again_as_it_was(tmp_path: Path) -> None:
    model, recipe = load_quantized(FOLDER / "model.safetensors"), read_recipe(FOLDER / "model.safetensors")
    assert [(rule.layers, rule.method) for rule in recipe.rules] == [("transformer.h.0.mlp.c_fc", "rtn"), ("*", "rtn")]
    with torch.no_grad():
        logits = model.model(torch.tensor([[0, 5, 9, 3, 200]])).logits
    torch.testing.assert_close(logits, torch.from_numpy(np.load(FOLDER / "logits.npy")), rtol=1e-4, atol=1e-4)
    save_quantized(model, recipe, tmp_path / "again")
    old, new = header(FOLDER / "model.safetensors"), header(tmp_path / "again")
    assert old["version"] == new["version"] == 1
    for field in ("format", "writer", "name", "revision", "recipe", "tensors"):  # transformers adds to configurations
        assert old[field] == new[field], field
    before, after = (load_file(p) for p in (FOLDER / "model.safetensors", tmp_path / "again"))
    for name, tensor in before.items():
        if not name.startswith("tokenizer/"):
            assert torch.equal(tensor, after[name]), name


def test_recipes_come_back_and_are_written_as_they_were() -> None:
    for name, written in SAVED["recipes"].items():
        recipe = recipe_from_json(written)
        assert isinstance(recipe, Recipe), name
        assert recipe_to_json(recipe) == written | {"method": written["method"].replace("rtn", "")}, name
    # An override of the very scheme of the recipe was stored by the recipe's method, any other by its scheme's own.
    rules = recipe_from_json(SAVED["recipes"]["searched"]).rules
    assert [rule.method for rule in rules] == ["search", "search", "search"]
    assert recipe_from_json(SAVED["recipes"]["overrides"]).rules[-1] == Rule("linear:*", Recipe().rules[0].scheme)


def test_addresses_give_the_recipes_that_they_gave() -> None:
    for address, written in SAVED["addresses"].items():
        choice, errors = read_query(dict(parse_qsl(address)), Choice("embedded"))
        assert errors == [], address
        assert recipe_to_json(choice.recipe()) == written, address
