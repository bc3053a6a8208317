"""A configuration that lies is refused in words and in no time, wherever it comes from."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import each
from safetensors import safe_open
from safetensors.torch import save_file

from quant.errors import ModelError
from quant.file.header import compact, seal
from quant.file.quantized import load_quantized, save_quantized
from quant.loading import load_model
from quant.model.config import guessed_original
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe

LIMIT_S = 10.0  # of processor time, on a machine with other work; the longest takes half a second
NESTED: dict[str, Any] = {}
for _ in range(900):
    NESTED = {"x": NESTED}
# What is changed in a good configuration.
LIES: list[dict[str, Any]] = [
    {"n_head": 0}, {"n_head": -2}, {"n_head": None}, {"n_head": "four"}, {"n_head": 2.5}, {"n_head": []}, {"n_head": 3},
    {"n_layer": 100_000}, {"n_layer": 10**9}, {"n_layer": None}, {"n_layer": -1}, {"n_layer": 2**80}, {"n_layer": 3},
    {"num_hidden_layers": 100_000}, {"n_embd": 10**6}, {"n_embd": 2**62}, {"n_embd": 0}, {"n_embd": None},
    {"n_positions": 10**9}, {"n_positions": 0}, {"n_positions": -64}, {"vocab_size": 10**12}, {"vocab_size": 0},
    {"vocab_size": 10**7}, {"n_inner": 10**10}, {"vocab_size": None}, {"layer_norm_epsilon": "NaN"},
    {"model_type": "llama", "num_hidden_layers": 50_000}, {"model_type": "mixtral", "num_local_experts": 50_000},
    {"model_type": "gpt_neo", "max_position_embeddings": 200_000}, {"model_type": "bloom", "n_head": 2**30},
    {"model_type": "xglm", "max_position_embeddings": 10**9}, {"model_type": "mamba", "num_hidden_layers": 10**5},
    {"model_type": "qwen3_next", "layer_types": ["full_attention"] * 100_000}, {"model_type": None}, {"model_type": []},
    {"model_type": "no-such"}, {"model_type": "\ud800"}, {"model_type": "t5"}, {"model_type": "bert-x" * 10_000},
    {"activation_function": "\udc00x"}, {"activation_function": "no-such"}, {"activation_function": 7},
    {"summary_type": NESTED}, {"nested": NESTED}, {"nested": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]},
    {"rope_scaling": {"type": ["x"]}, "model_type": "llama"}, {"is_encoder_decoder": True}, {"sizes": [1] * 10**6},
]  # fmt: skip
HARMLESS: list[dict[str, Any]] = [
    {"id2label": {str(i): f"LABEL_{i}" for i in range(100_000)}, "num_labels": 100_000},
    {"label2id": {f"LABEL_{i}": i for i in range(100_000)}}, {"torch_dtype": "float99"}, {"dtype": 3},
    {"auto_map": {"AutoConfig": "evil.Config"}}, {"_name_or_path": "\ud800"},
    {"task_specific_params": NESTED["x"]["x"]}, {"unknown": 3}, {"architectures": None},
    {"transformers_version": "0.0.0"},
]  # fmt: skip


def refused_in_time(work: Callable[[], object]) -> ModelError:
    started = time.process_time()
    with pytest.raises(ModelError) as caught:
        work()
    assert time.process_time() - started < LIMIT_S
    said = caught.value.text
    assert said.es != said.en
    said.es.encode(), said.en.encode()  # no half characters
    assert len(said.en) < 800
    for internal in ("NoneType", "object has no attribute", "not supported between", "Traceback", "<class"):
        assert internal not in said.en + said.es
    return caught.value


@each("lie", LIES)
def test_a_folder_whose_configuration_lies_is_refused(hub_folder: Path, tmp_path: Path, lie: dict[str, Any]) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / str(LIES.index(lie))))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | lie))
    refused_in_time(lambda: load_model(folder))


@each("text", ["", "{", "null", "[]", "3", '"x"', "[" * 100_000, '{"a":' * 100_000, "\x00", '{"model_type": "gpt2"'])
def test_what_is_no_configuration_is_refused(hub_folder: Path, tmp_path: Path, text: str) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / str(abs(hash(text)))))
    (folder / "config.json").write_text(text)
    refused_in_time(lambda: load_model(folder))


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe{}")
    refused_in_time(lambda: load_model(folder))


def test_a_huge_one_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text('{"x": "' + "y" * 2**25 + '"}')
    assert "bytes" in refused_in_time(lambda: load_model(folder)).text.en


@each("what", HARMLESS)
def test_what_no_language_model_needs_does_no_harm(hub_folder: Path, tmp_path: Path, tiny: LoadedModel,
                                                   what: dict[str, Any]) -> None:  # fmt: skip
    folder = Path(shutil.copytree(hub_folder, tmp_path / str(HARMLESS.index(what))))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | what))
    started = time.process_time()
    assert load_model(folder).fingerprint() == tiny.fingerprint()
    assert time.process_time() - started < LIMIT_S


@pytest.fixture(scope="module")
def saved(tiny: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "small.safetensors"
    save_quantized(quantize_model(tiny, Recipe()), Recipe(), path)
    return path


@each("lie", LIES)
def test_a_quantized_file_whose_configuration_lies_is_refused(saved: Path, tmp_path: Path, lie: dict[str, Any]) -> None:
    with safe_open(saved, "pt") as file:
        header = json.loads(file.metadata()["quant"])
        tensors = {name: file.get_tensor(name).clone() for name in sorted(file.keys())}
    header["config"] |= lie
    try:
        header["sha256"] = seal(compact(header), tensors.values())
        path = tmp_path / f"{LIES.index(lie)}.safetensors"
        save_file(tensors, path, metadata={"quant": compact(header)})
    except (UnicodeEncodeError, RecursionError):
        return  # no such file can be written
    refused_in_time(lambda: load_quantized(path))


QUANTIZED = {
    "gptq": {"quant_method": "gptq", "bits": 4}, "awq": {"quant_method": "awq", "bits": 4},
    "bitsandbytes": {"quant_method": "bitsandbytes", "load_in_4bit": True}, "fp8": {"quant_method": "fp8"},
    "compressed-tensors": {"quant_method": "compressed-tensors"}, "hqq": {"quant_method": "hqq"},
    "mxfp4": {"quant_method": "mxfp4"}, "modelopt": {"quant_method": "modelopt"}, "?": {"bits": 3},
}  # fmt: skip


@each("method", list(QUANTIZED))
@each("key", ["quantization_config", "compression_config"])
def test_a_quantized_model_says_that_it_is_and_what_is_needed(hub_folder: Path, tmp_path: Path, method: str,
                                                              key: str) -> None:  # fmt: skip
    folder = Path(shutil.copytree(hub_folder, tmp_path / f"{list(QUANTIZED).index(method)}{key}"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: QUANTIZED[method]}))
    said = refused_in_time(lambda: load_model(folder)).text
    assert f"is quantized already ({method})" in said.en
    assert f"ya está cuantizado ({method})" in said.es
    assert "pip" not in said.en
    (folder / "README.md").write_text("---\nlicense: mit\nbase_model:\n- someone/original\n---\n# Model\n")
    assert "Its original is needed: “someone/original”" in refused_in_time(lambda: load_model(folder)).text.en
    (folder / "README.md").write_text("---\nbase_model: someone/other\n---\n")
    assert "Hace falta su original: «someone/other»" in refused_in_time(lambda: load_model(folder)).text.es


def test_of_some_the_name_tells() -> None:
    names = {
        "TheBloke/Llama-2-7B-GPTQ": "TheBloke/Llama-2-7B", "a/b-AWQ-4bit": "a/b", "a/model": "", "gpt2-gptq": "",
        "RedHatAI/x-quantized.w4a16": "RedHatAI/x",
    }  # fmt: skip
    assert {name: guessed_original(name) for name in names} == names
