"""What lies where weights should be is named as what it is: notes, pages, cut downloads, wrappers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import each
from safetensors.torch import save_file
from torch import Tensor

from quant.errors import ModelError
from quant.file.quantized import load_quantized
from quant.loading import load_model
from quant.model.load import LoadedModel
from quant.model.source import hub_id

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 510000000\n"
PAGES = [b"<!DOCTYPE html><html>", b"\n<html lang=en>", b"<!doctype HTML>", b'<?xml version="1.0"?>']
FILES = ["pytorch_model.bin", "model.safetensors"]


def tensors(folder: Path) -> dict[str, Tensor]:
    """The parameters in `folder`, the tied table once, each with memory of its own as safetensors wants it."""
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    return {name: tensor.clone() for name, tensor in state.items() if name != "lm_head.weight"}


def refusal(name: str | Path) -> ModelError:
    with pytest.raises(ModelError) as error:
        load_model(name)
    return error.value


@each("file", FILES)
def test_a_pointer_of_git_lfs_is_named(hub_folder: Path, tmp_path: Path, file: str) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / file))
    (folder / file).write_bytes(POINTER)
    error = refusal(folder)
    assert f"«{file}» no son los pesos, sino la nota que git-lfs deja" in error.text.es
    assert f"“{file}” is not the weights but the note that git-lfs leaves" in error.text.en


@each("file", FILES)
@each("page", PAGES)
def test_a_web_page_is_named(hub_folder: Path, tmp_path: Path, file: str, page: bytes) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / f"{file}{PAGES.index(page)}"))
    (folder / file).write_bytes(page + b"x" * 5000)
    assert f"“{file}” is a web page saved under that name" in refusal(folder).text.en


@each("content", [POINTER, *PAGES])
def test_so_it_is_of_a_quantized_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "small.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"git-lfs|web page"):
        load_quantized(tmp_path / "small.safetensors")


@each("kept", [0, 1, 5, 8, 100, 3000, -1])
@each("file", FILES)
def test_a_download_cut_anywhere_is_named(hub_folder: Path, tmp_path: Path, file: str, kept: int) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / f"{file}{kept}"))
    save_file(tensors(hub_folder), folder / "model.safetensors")
    if file.endswith(".bin"):
        (folder / "model.safetensors").unlink()
    (folder / file).write_bytes((folder / file).read_bytes()[:kept])
    text = refusal(folder).text
    damaged = file.endswith(".bin") and kept in (1,)  # less than the two bytes that tell a .bin
    assert ("damaged" if damaged else "is cut short") in text.en, text.en
    assert ("está dañado" if damaged else "está cortado") in text.es


def test_a_shard_that_did_not_come_is_named(folder: Path) -> None:
    save_file(tensors(folder), folder / "model-00001-of-00002.safetensors")
    places = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(tensors(folder))}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert "model-00002-of-00002.safetensors" in refusal(folder).text.en
    assert "faltan 1 de sus 2 archivos" in refusal(folder).text.es


@each("index", ["{", "[]", "{}", '{"weight_map": 3}', "[" * 5000])
def test_an_index_that_is_none_is_named(hub_folder: Path, tmp_path: Path, index: str) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / f"index{hash(index)}"))
    save_file(tensors(folder), folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(index)
    assert "“model.safetensors.index.json” is damaged" in refusal(folder).text.en


@each("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
@each("file", FILES)
def test_what_a_wrapper_left_in_the_names_is_read(tiny: LoadedModel, hub_folder: Path, tmp_path: Path, prefix: str,
                                                  file: str) -> None:  # fmt: skip
    folder = Path(shutil.copytree(hub_folder, tmp_path / f"{prefix}{file}"))
    _save({prefix + name: tensor for name, tensor in tensors(folder).items()}, folder, file)
    assert load_model(folder).fingerprint() == tiny.fingerprint()


def test_compiled_blocks_are_read(tiny: LoadedModel, folder: Path) -> None:
    named = {name.replace(".h.0.", ".h.0._orig_mod."): tensor for name, tensor in tensors(folder).items()}
    _save(named, folder, "model.safetensors")
    assert load_model(folder).fingerprint() == tiny.fingerprint()


def _save(named: dict[str, Tensor], folder: Path, file: str) -> None:
    if file.endswith(".bin"):
        torch.save(named, folder / file)
    else:
        save_file(named, folder / file)


@each("key", ["model", "state_dict", "module", "ema"])
def test_weights_within_something_else_are_named(hub_folder: Path, tmp_path: Path, key: str) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / key))
    saved: dict[str, Any] = {"step": 3, key: tensors(folder)}
    torch.save(saved, folder / "pytorch_model.bin")
    assert f"it keeps them under “{key}”" in refusal(folder).text.en
    assert f"los guarda dentro de «{key}»" in refusal(folder).text.es


@each("saved", [[1, 2], {"a": 3}, torch.zeros(3), {}])
def test_a_bin_of_something_else_is_named(hub_folder: Path, tmp_path: Path, saved: object) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / str(len(str(saved)))))
    torch.save(saved, folder / "pytorch_model.bin")
    assert "gpt2-tiny" not in refusal(folder).text.en  # the name is the folder's
    refusal(folder)


def test_names_that_do_not_fit_are_shown(folder: Path) -> None:
    save_file({"net." + name: tensor for name, tensor in tensors(folder).items()}, folder / "model.safetensors")
    assert "names such as net.transformer.h.0.attn" in refusal(folder).text.en


def test_a_configuration_of_fewer_layers_than_the_file_has_is_said(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_layer": 1}))
    assert "tensors that config.json does not ask for, such as transformer.h.1." in refusal(folder).text.en


@each("address", [
    "https://huggingface.co/datificate/gpt2-small-spanish", "http://huggingface.co/datificate/gpt2-small-spanish/",
    "https://huggingface.co/datificate/gpt2-small-spanish/tree/main", "hf.co/datificate/gpt2-small-spanish",
    "https://www.huggingface.co/datificate/gpt2-small-spanish?library=transformers#files",
    "  datificate/gpt2-small-spanish ",
])  # fmt: skip
def test_the_address_of_a_models_page_is_its_name(address: str) -> None:
    assert hub_id(address) == "datificate/gpt2-small-spanish"


def test_a_page_loads_what_is_cached(cached_snapshot: Path, tiny: LoadedModel) -> None:
    page = "https://huggingface.co/datificate/gpt2-small-spanish/tree/main"
    assert load_model(page).name == "datificate/gpt2-small-spanish"
    assert load_model(page).fingerprint() == tiny.fingerprint()


@each("name", ["model.Q4_K_M.gguf", "user/model-GGUF/model.gguf", "/nowhere/Model.GGUF"])
def test_a_gguf_says_what_can_be_done(name: str) -> None:
    text = refusal(name).text
    assert "es un GGUF: un modelo ya cuantizado para llama.cpp" in text.es
    assert "is a GGUF: a model that is quantized already, for llama.cpp" in text.en
    assert "/" not in text.en.partition("”")[0]


def test_a_folder_of_gguf_files_says_so_too(tmp_path: Path) -> None:
    (tmp_path / "model.Q8_0.gguf").write_bytes(b"GGUF")
    assert "is a GGUF" in refusal(tmp_path).text.en


def test_a_file_is_no_folder(hub_folder: Path) -> None:
    assert "the folder that it lies in is needed" in refusal(hub_folder / "pytorch_model.bin").text.en
