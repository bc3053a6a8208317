"""Where a model is: from what somebody calls it to a folder of this machine. No network."""

from __future__ import annotations

import os
import re
from pathlib import Path

from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from quant.errors import ModelError, shown
from quant.text import Text

DEFAULT_HUB_ID = "datificate/gpt2-small-spanish"
# What a repository must give; TensorFlow, Flax and ONNX copies stay where they are.
CONFIG_FILES = ["config.json", "generation_config.json"]
TOKENIZER_FILES = ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json",
                   "tokenizer.model"]  # fmt: skip
VOCABULARY_FILES = ["tokenizer.json", "vocab.json", "tokenizer.model"]  # one of them makes a tokenizer
WEIGHT_PATTERNS = ["model*.safetensors", "model.safetensors.index.json", "pytorch_model*.bin",
                   "pytorch_model.bin.index.json"]  # fmt: skip
# The address of a model's page, or of something on it.
PAGE = re.compile(r"(https?://)?(www\.)?(huggingface\.co|hf\.co)/(?P<id>[\w.-]+/[\w.-]+)([/?#].*)?", re.ASCII)


def hub_id(name: str) -> str:
    """`user/model`, where the address of its page was pasted; anything else as it came."""
    found = PAGE.fullmatch(name.strip())
    return found["id"] if found else name.strip()


def is_cached(name: str) -> bool:
    """Whether every file that the hub model needs is on this machine."""
    try:
        return holds_model(cached_folder(name))
    except ModelError:
        return False


def cached_folder(name: str) -> Path:
    """The snapshot folder of a hub model in the local cache. Raises ModelError when it is not there.

    Asks for one file: snapshot_download refuses a snapshot without the TensorFlow copies that nobody fetched.
    """
    try:
        config = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        config = None
    if not isinstance(config, str):
        raise ModelError(
            Text("No existe aquí el modelo «{name}». Sirve «embedded», una carpeta con config.json y pesos, o un "
                 "nombre del Hub ya descargado (usuario/modelo; lo descarga quant.model.fetch.fetch).",
                 "There is no model “{name}” here. Allowed: “embedded”, a folder with config.json and weights, or a "
                 "Hub name already downloaded (user/model; quant.model.fetch.fetch downloads it).")
            .format(name=shown(name))
        )  # fmt: skip
    return Path(config).parent


def check_no_file(name: str) -> None:
    """Raise ModelError for the name of a file, with what can be done with one of its kind."""
    if name.lower().endswith(".gguf"):
        raise ModelError(
            Text("«{name}» es un GGUF: un modelo ya cuantizado para llama.cpp, que es quien lo abre. Aquí hace falta "
                 "el original del que salió, una carpeta con config.json y model.safetensors; su página del Hub lo "
                 "nombra como «base model».",
                 "“{name}” is a GGUF: a model that is quantized already, for llama.cpp, which opens it. Here the "
                 "original that it was made from is needed, a folder with config.json and model.safetensors; its page "
                 "on the Hub names it as “base model”.").format(name=shown(Path(name).name))
        )  # fmt: skip
    if os.path.isfile(name):
        raise ModelError(
            Text("«{name}» es un archivo, y hace falta la carpeta en la que está, con config.json y el tokenizador. "
                 "Un modelo que se guardó aquí cuantizado lo abre load_quantized.",
                 "“{name}” is a file, and the folder that it lies in is needed, with config.json and the tokenizer. A "
                 "model that was saved here quantized is opened by load_quantized.")
            .format(name=shown(Path(name).name))
        )  # fmt: skip


def preferred_weights(names: dict[str, int] | list[str]) -> list[str]:
    """Safetensors when there are any, else the .bin files; shards and their index together."""
    for patterns in (WEIGHT_PATTERNS[:2], WEIGHT_PATTERNS[2:]):
        found = [n for n in names if any(Path(n).match(p) and "/" not in n for p in patterns)]
        if found:
            return sorted(found)
    return []


def weight_files(folder: Path) -> list[str]:
    """The files of `folder` that hold the weights, and their index."""
    return preferred_weights([f.name for f in folder.iterdir() if f.is_file()])


def holds_model(folder: Path) -> bool:
    """Whether configuration, tokenizer and weights are all in `folder`."""
    tokenizer = any((folder / f).is_file() for f in VOCABULARY_FILES)
    return (folder / "config.json").is_file() and tokenizer and bool(weight_files(folder))


def check_holds_model(name: str, folder: Path) -> None:
    """Raise ModelError where something is missing, with what is there."""
    if holds_model(folder):
        return
    files = sorted(f.name for f in folder.iterdir())
    for file in files:
        if file.lower().endswith(".gguf"):
            check_no_file(file)
    raise ModelError(
        Text("En «{name}» no hay un modelo: hacen falta config.json, tokenizer.json (o vocab.json y merges.txt) y "
             "model.safetensors o pytorch_model.bin, y hay: {found}.",
             "There is no model in “{name}”: config.json, tokenizer.json (or vocab.json and merges.txt) and "
             "model.safetensors or pytorch_model.bin are needed, and it holds: {found}.")
        .format(name=name, found=", ".join(files[:8]) or "—")
    )  # fmt: skip
