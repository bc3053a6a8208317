"""Read a causal language model: the embedded one, a folder, or a hub repository already in the local cache.

Reading never touches the network: `fetch.py` does that, only when asked. Safetensors is preferred; a `.bin` is read
with `weights_only=True`; code that comes with a repository is never run. GPT-2's Conv1D layers, which keep their weight
as [in, out], are turned here, once, into `nn.Linear`: from here on a weight is [out, in]. What is read is not yet known
to be computed right: `quant/loading.py` makes sure.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from quant.errors import ModelError, shown
from quant.kernels.cpu import rows
from quant.model.chain import Fold
from quant.model.config import read_config
from quant.model.contents import Contents, contents
from quant.model.packed import QuantEmbedding, QuantLinear, packed_matrices, settle_floats
from quant.model.patience import SECONDS, within
from quant.model.skeleton import REFUSALS, bare, made_config, quiet, reason, turn_conv1d
from quant.model.source import cached_folder, check_holds_model, check_no_file, hub_id, weight_files
from quant.model.tokenizer import check_tokenizer, open_tokenizer
from quant.text import Text

EMBEDDED = "embedded"
EMBEDDED_FOLDER = Path(__file__).resolve().parents[1] / "assets" / "model"
# How architectures call the most tokens that they read at once. One without positions has no such number: a text is
# then read in windows of as many tokens as others have.
CONTEXTS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length", "n_ctx",
            "max_target_positions", "context_length", "model_max_length")  # fmt: skip
# Tensors that older versions saved and newer ones compute.
COMPUTED = re.compile(r"\.(masked_bias|attn\.bias|inv_freq|position_ids|rotary_emb\.\w+)$")
WITHOUT_POSITIONS = LONGEST_WINDOW = 2048


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in evaluation mode, float32, read only, with its tokenizer and where both came from.

    remembers: whether its cache gives what one pass over everything gives. longest: where it reads fewer tokens than
    its configuration says. notes: what whoever uses it should know. folds: what was done to the inputs of its layers,
    one after another, before they were quantized here.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    origin: Text
    revision: str
    remembers: bool = True
    longest: int | None = None
    notes: tuple[Text, ...] = ()
    folds: tuple[Fold, ...] = ()

    @property
    def parameters(self) -> int:
        """How many, the tied table counted once."""
        packed = sum(held.shape[0] * held.shape[1] for _, _, held in packed_matrices(self.model))
        return packed + sum(p.numel() for p in self.model.parameters())

    @property
    def context(self) -> int:
        """The most tokens that it reads at once."""
        if self.longest:
            return self.longest
        whole = self.model.config
        found = [getattr(c, name, None) for c in (whole, getattr(whole, "text_config", None)) for name in CONTEXTS]
        return next((n for n in found if isinstance(n, int) and n > 0), WITHOUT_POSITIONS)

    @property
    def window(self) -> int:
        """How many tokens of a text are scored together: the context, up to LONGEST_WINDOW, as the field does."""
        return min(self.context, LONGEST_WINDOW)

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

    @cached_property
    def ends(self) -> frozenset[int]:
        """The tokens that end a text, as transformers' `generate` has them."""
        said = getattr(getattr(self.model, "generation_config", None), "eos_token_id", None)
        said = self.tokenizer.eos_token_id if said is None else said
        return frozenset(said if isinstance(said, list | tuple) else () if said is None else (said,))

    @cached_property
    def starts_with_bos(self) -> bool:
        """Whether it never read a text that did not begin with that token: its tokenizer puts it there.

        Those of some GPT-2 do so too, which learned on windows that begin anywhere.
        """
        begins = self.tokenizer.encode("", verbose=False)[:1] == [self.bos]
        return begins and self.model.config.model_type != "gpt2"

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


def read_model(name: str | Path = EMBEDDED) -> LoadedModel:
    """`load_model` without the proof that it is computed right. Raises ModelError."""
    label = str(name).strip()
    if label == EMBEDDED:
        origin = Text("incluido en el proyecto", "shipped with the project")
        return _read_folder(EMBEDDED, EMBEDDED_FOLDER, origin, "")
    if os.path.isdir(label):  # unlike Path.is_dir, False for a name too long to be one
        folder = Path(label).resolve()
        return _read_folder(folder.name, folder, Text("carpeta local", "local folder"), "")
    check_no_file(label)
    label = hub_id(label)
    folder = cached_folder(label)
    origin = Text("caché local del Hub", "local Hub cache")
    return _read_folder(label, folder, origin, folder.name[:12])


def _read_folder(name: str, folder: Path, origin: Text, revision: str) -> LoadedModel:
    try:
        check_holds_model(name, folder)
        files = weight_files(folder)
        there = contents(folder, files)
        config = read_config(name, folder, there)
        within(SECONDS, lambda: bare(config, there), name)  # that it can be built at all, before it is
        model, report = _filled(folder, config, there, files[0])
        tokenizer = open_tokenizer(folder, model.config)
        check_tokenizer(tokenizer, model)
    except ModelError as error:
        raise _unread(name, error.text) from error
    except (OSError, SafetensorError, StrictDataclassError, *REFUSALS) as error:
        raise _unread(name, reason(error)) from error
    _check_all_used(name, model, report, there)
    turn_conv1d(model)
    model.eval().requires_grad_(False)
    check_finite(name, model.named_parameters())
    settle_floats(model)
    return LoadedModel(name, model, tokenizer, origin, revision, notes=tuple(_untied(model, report)))


def _unread(name: str, what: Text) -> ModelError:
    return ModelError(
        Text("No se ha podido leer el modelo «{name}»: {what}", "The model “{name}” could not be read: {what}")
        .format(name=name, what=what)
    )  # fmt: skip


def _filled(folder: Path, config: dict[str, Any], there: Contents, file: str) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The model with its weights, as transformers loads it, and its report of what was missing or left."""
    renamed = {"key_mapping": there.renamed} if there.renamed else {}
    with quiet():
        return AutoModelForCausalLM.from_pretrained(
            folder, config=made_config(config), dtype=torch.float32, local_files_only=True, trust_remote_code=False,
            weights_only=True, use_safetensors=file.endswith((".safetensors", ".safetensors.index.json")),
            output_loading_info=True, **renamed,
        )  # fmt: skip


def _check_all_used(name: str, model: PreTrainedModel, report: dict[str, Any], there: Contents) -> None:
    """Raise ModelError for weights that are missing, which transformers would fill by chance, or left out."""
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            Text("A los pesos de «{name}» les faltan {n} tensores que config.json pide, como {first}; los que hay se "
                 "llaman como {there}.",
                 "The weights of “{name}” lack {n} tensors that config.json asks for, such as {first}; those that are "
                 "there have names such as {there}.")
            .format(name=name, n=len(missing), first=missing[0], there=shown(next(iter(sorted(there.shapes)), "—")))
        )  # fmt: skip
    used = {_kind(parameter) for parameter, _ in model.named_parameters()}
    left = sorted(key for key in report["unexpected_keys"] if _kind(key) in used)
    asked = sum(p.numel() for p in model.parameters())
    if left or (report["unexpected_keys"] and 2 * asked < there.elements):
        left = left or sorted(report["unexpected_keys"])
        raise ModelError(
            Text("Los pesos de «{name}» tienen {n} tensores que config.json no pide, como {first}: la configuración "
                 "es de un modelo más pequeño.",
                 "The weights of “{name}” have {n} tensors that config.json does not ask for, such as {first}: the "
                 "configuration is of a smaller model.").format(name=name, n=len(left), first=shown(left[0]))
        )  # fmt: skip


def _kind(name: str) -> str:
    """The name of a tensor whatever the block that it is in."""
    return re.sub(r"\d+", "*", name)


def _untied(model: PreTrainedModel, report: dict[str, Any]) -> Iterable[Text]:
    """What to say of weights that are not tied as the configuration says, and of those that nobody reads."""
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    config = model.config.get_text_config(decoder=True)
    if getattr(config, "tie_word_embeddings", False) and head is not None and head.weight is not table.weight:
        model.config.tie_word_embeddings = config.tie_word_embeddings = False
        yield Text(
            "config.json dice que la matriz de salida es la tabla de tokens, y los pesos traen otra: se usa la suya.",
            "config.json says that the output matrix is the token table, and the weights hold another: theirs is used.",
        )
    if left := sorted(key for key in report["unexpected_keys"] if not COMPUTED.search(key)):
        yield Text("{n} tensores de los pesos no son de este modelo y no se usan, como {first}.",
                   "{n} tensors of the weights are not this model's and stay unused, such as {first}.").format(
                       n=len(left), first=shown(left[0]))  # fmt: skip


def check_finite(name: str, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Raise ModelError for a tensor that holds NaN or infinity: a sum says so, at the speed of memory."""
    for tensor_name, tensor in tensors:
        if not tensor.sum().isfinite() and (bad := int((~tensor.isfinite()).sum())):
            raise ModelError(
                Text("«{tensor}» de «{name}» tiene {n} números que no son finitos (NaN o infinito): los pesos están "
                     "dañados.",
                     "“{tensor}” of “{name}” has {n} numbers that are not finite (NaN or infinity): the weights are "
                     "damaged.").format(tensor=tensor_name, name=name, n=bad)
            )  # fmt: skip
