"""Load a causal language model: the embedded one, a folder, or a hub repository already in the local cache.

Loading never touches the network: `fetch.py` does that, only when asked. Safetensors is preferred; a `.bin` is read
with `weights_only=True`; code that comes with a repository is never run. GPT-2's Conv1D layers, which keep their weight
as [in, out], are turned here, once, into `nn.Linear`: from here on a weight is [out, in].
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError, StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from quant.arguments import typed
from quant.errors import ModelError
from quant.kernels.cpu import rows
from quant.model.packed import QuantEmbedding, QuantLinear, packed_matrices, settle_floats
from quant.model.tokenizer import open_tokenizer
from quant.text import Text

EMBEDDED = "embedded"
EMBEDDED_FOLDER = Path(__file__).resolve().parents[1] / "assets" / "model"
DEFAULT_HUB_ID = "datificate/gpt2-small-spanish"
# What a repository must give; TensorFlow, Flax and ONNX copies stay where they are.
CONFIG_FILES = ["config.json", "generation_config.json"]
TOKENIZER_FILES = ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json",
                   "tokenizer.model"]  # fmt: skip
VOCABULARY_FILES = ["tokenizer.json", "vocab.json", "tokenizer.model"]  # one of them makes a tokenizer
WEIGHT_PATTERNS = ["model*.safetensors", "model.safetensors.index.json", "pytorch_model*.bin",
                   "pytorch_model.bin.index.json"]  # fmt: skip


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in evaluation mode, float32, read only, with its tokenizer and where both came from."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    origin: Text
    revision: str

    @property
    def parameters(self) -> int:
        """How many, the tied table counted once."""
        packed = sum(held.shape[0] * held.shape[1] for _, _, held in packed_matrices(self.model))
        return packed + sum(p.numel() for p in self.model.parameters())

    @property
    def context(self) -> int:
        """The longest window in tokens."""
        return int(self.model.config.max_position_embeddings)

    @property
    def table_rows(self) -> int:
        """Tokens that the model has room for."""
        return int(self.model.get_input_embeddings().num_embeddings)

    @property
    def bos(self) -> int:
        """The token before each document."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        raise ModelError(
            Text("El tokenizador de «{name}» no tiene token de comienzo ni de fin; hace falta uno de los dos.",
                 "The tokenizer of “{name}” has neither a beginning nor an end token; one of them is needed.")
            .format(name=self.name)
        )  # fmt: skip

    def fingerprint(self) -> str:
        """SHA-256 of all its parameters and buffers, name by name: what nobody may change."""
        total = hashlib.sha256()
        for name, tensor in sorted((*self.model.named_parameters(), *self.model.named_buffers())):
            total.update(name.encode())
            total.update(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().data)
        return total.hexdigest()

    def weight(self, layer: str) -> Tensor:
        """The float32 weight [out, in] of a layer of the census, decoded where it is packed."""
        module = self.model.get_submodule(layer)
        if isinstance(module, QuantLinear | QuantEmbedding):
            return rows(module.matrix)
        return self.model.get_parameter(f"{layer}.weight").detach()


def same_tokens(a: LoadedModel, b: LoadedModel) -> bool:
    """Whether two models share their tokens: as many rows in their tables, and each token the same number."""
    if a.table_rows != b.table_rows:
        return False
    return a.tokenizer is b.tokenizer or a.tokenizer.get_vocab() == b.tokenizer.get_vocab()


@typed(ModelError)
def load_model(name: str | Path = EMBEDDED) -> LoadedModel:
    """Load `"embedded"`, a folder, or a hub id that is in the local cache; never downloads.

    Weights are float32 [out, in], read only. Raises ModelError where there is no such model, or it cannot be read.

    >>> from quant import load_model
    >>> model = load_model()
    >>> model.parameters, model.context
    (5128960, 512)
    >>> tuple(model.weight("transformer.h.0.mlp.c_fc").shape)
    (1024, 256)
    """
    label = str(name).strip()
    if label == EMBEDDED:
        origin = Text("incluido en el proyecto", "shipped with the project")
        return _load_folder(EMBEDDED, EMBEDDED_FOLDER, origin, "")
    if os.path.isdir(label):  # unlike Path.is_dir, False for a name too long to be one
        folder = Path(label).resolve()
        return _load_folder(folder.name, folder, Text("carpeta local", "local folder"), "")
    folder = cached_folder(label)
    origin = Text("caché local del Hub", "local Hub cache")
    return _load_folder(label, folder, origin, folder.name[:12])


def is_cached(hub_id: str) -> bool:
    """Whether every file that `hub_id` needs is on this machine. No network."""
    try:
        return _holds_model(cached_folder(hub_id))
    except ModelError:
        return False


def cached_folder(hub_id: str) -> Path:
    """The snapshot folder of `hub_id` in the local cache. Raises ModelError when it is not there.

    Asks for one file: snapshot_download refuses a snapshot without the TensorFlow copies that nobody fetched.
    """
    try:
        config = try_to_load_from_cache(hub_id, "config.json")
    except HFValidationError:
        config = None
    if not isinstance(config, str):
        raise ModelError(
            Text("No existe aquí el modelo «{name}». Sirve «embedded», una carpeta con config.json y pesos, o un "
                 "nombre del Hub ya descargado (usuario/modelo; lo descarga quant.model.fetch.fetch).",
                 "There is no model “{name}” here. Allowed: “embedded”, a folder with config.json and weights, or a "
                 "Hub name already downloaded (user/model; quant.model.fetch.fetch downloads it).").format(name=hub_id)
        )  # fmt: skip
    return Path(config).parent


def preferred_weights(names: dict[str, int] | list[str]) -> list[str]:
    """Safetensors when there are any, else the .bin files; shards and their index together."""
    for patterns in (WEIGHT_PATTERNS[:2], WEIGHT_PATTERNS[2:]):
        found = [n for n in names if any(Path(n).match(p) and "/" not in n for p in patterns)]
        if found:
            return sorted(found)
    return []


def _weight_files(folder: Path) -> list[str]:
    return preferred_weights([f.name for f in folder.iterdir() if f.is_file()])


def _holds_model(folder: Path) -> bool:
    """Whether configuration, tokenizer and weights are all in `folder`."""
    tokenizer = any((folder / f).is_file() for f in VOCABULARY_FILES)
    return (folder / "config.json").is_file() and tokenizer and bool(_weight_files(folder))


def _load_folder(name: str, folder: Path, origin: Text, revision: str) -> LoadedModel:
    if not _holds_model(folder):
        found = ", ".join(sorted(f.name for f in folder.iterdir())[:8]) or "—"
        raise ModelError(
            Text("En «{name}» no hay un modelo: hacen falta config.json, tokenizer.json (o vocab.json y merges.txt) y "
                 "model.safetensors o pytorch_model.bin, y hay: {found}.",
                 "There is no model in “{name}”: config.json, tokenizer.json (or vocab.json and merges.txt) and "
                 "model.safetensors or pytorch_model.bin are needed, and it holds: {found}.")
            .format(name=name, found=found)
        )  # fmt: skip
    use_safetensors = _weight_files(folder)[0].endswith((".safetensors", ".safetensors.index.json"))
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        # What the architecture prefers (Gemma 2 has no sdpa), and never what the file names, which could be code.
        config._attn_implementation = None
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, config=config, dtype=torch.float32, local_files_only=True, trust_remote_code=False,
            weights_only=True, use_safetensors=use_safetensors, output_loading_info=True,
        )  # fmt: skip
        tokenizer = open_tokenizer(folder)
    except (UnpicklingError, EOFError) as error:
        raise ModelError(
            Text("El archivo .bin de «{name}» está dañado o guarda algo que no son tensores, y eso podría ejecutar "
                 "código: no se abre. Se permite un .bin solo con tensores, o safetensors.",
                 "The .bin file of “{name}” is damaged or holds something that is not a tensor, which could run code: "
                 "it is not opened. Allowed: a .bin of tensors alone, or safetensors.").format(name=name)
        ) from error  # fmt: skip
    except (ModelError, OSError, ValueError, KeyError, RuntimeError, SafetensorError, StrictDataclassError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(
            Text("No se ha podido leer el modelo «{name}»: {reason}",
                 "The model “{name}” could not be read: {reason}")
            .format(name=name, reason=error.text if isinstance(error, ModelError) else reason)
        ) from error  # fmt: skip
    if missing := sorted(report["missing_keys"]):  # transformers would leave random numbers in them
        raise ModelError(
            Text("A los pesos de «{name}» les faltan {n} tensores que config.json pide, como {first}.",
                 "The weights of “{name}” lack {n} tensors that config.json asks for, such as {first}.")
            .format(name=name, n=len(missing), first=missing[0])
        )  # fmt: skip
    turn_conv1d(model)
    model.eval().requires_grad_(False)
    model.tie_weights()
    settle_floats(model)
    return LoadedModel(name, model, tokenizer, origin, revision)


def turn_conv1d(model: nn.Module) -> None:
    """Replace every Conv1D (weight [in, out]) by an nn.Linear (weight [out, in]) that computes the same."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Conv1D):
                setattr(parent, name, _as_linear(child))


def _as_linear(conv: Conv1D) -> nn.Linear:
    inputs, outputs = conv.weight.shape
    linear = nn.Linear(inputs, outputs, device="meta")
    linear.weight = nn.Parameter(conv.weight.detach().T.contiguous())
    linear.bias = conv.bias
    return linear
