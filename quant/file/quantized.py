"""One safetensors file that is a whole quantized model, in exactly the bytes that were promised.

    <matrix>.weight          uint8, the bytes of `Layout(scheme).pack`, for each quantized matrix; a tied one once
    <matrix>.beside.<part>   what stands beside its codes, as `Beside.parts` names it
    <any other tensor>       float32, as the model holds it
    tokenizer/<file>         uint8, what the tokenizer's own `save_pretrained` writes
    metadata["quant"]    the header, JSON (`header.py`): recipe, configuration, table of tensors, checksum

The size is `size_report(...).stored_bytes` plus tokenizer and header, and `predicted_bytes` tells it before anything is
quantized. Tokenizer and configuration travel inside, as in GGUF: a model that cannot read a word is no model.

A file is loaded matrix by matrix into modules made without memory (`model/skeleton.py`): a float copy of a quantized
matrix exists only where nothing here multiplies it packed. Saving first makes sure that what it is about to write could
be loaded, writes beside the target, and renames. A file that is there is kept, unless `replace` is said: it might be
the only copy of the original.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakKeyDictionary

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from quant.arguments import typed
from quant.blockwise import replace_layer
from quant.errors import ModelError, QuantError, shown
from quant.file.beside import check_parts
from quant.file.header import BESIDE, CODES, KEY, Header, Spec, check_tensors, file_bytes, seal, specs, table
from quant.kernels.held import Repaired
from quant.loading import proved
from quant.model.contents import Contents, check_weights
from quant.model.layers import census, layers_of
from quant.model.load import LoadedModel, check_finite
from quant.model.packed import QuantLinear, packed_matrices, settle
from quant.model.skeleton import plain_config, put_weights, skeleton
from quant.model.tokenizer import PREFIX, check_tokenizer, read_tokenizer, tokenizer_files
from quant.packing import Layout
from quant.packing.bits import as_tensor
from quant.recipe import Recipe
from quant.run.cache import scheme_of, set_scheme
from quant.run.probe import check_cache
from quant.size import size_report
from quant.text import Text
from quant.weight import Beside, QuantWeight

_TOKENIZERS: WeakKeyDictionary[LoadedModel, dict[str, Spec]] = WeakKeyDictionary()


@typed(ModelError)
def save_quantized(loaded: LoadedModel, recipe: Recipe, path: str | Path, *, replace: bool = False) -> int:
    """Write a model that `recipe` quantized to one safetensors file; the bytes written.

    By which method the codes were chosen cannot be seen in them: that is as the recipe says. Raises ModelError when the
    model is not stored as it says, could not be loaded again, or `path` exists and `replace` was not said.

    >>> import tempfile
    >>> from quant import Recipe, load_model, quantize_model, save_quantized
    >>> model, recipe = load_model(), Recipe()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_quantized(quantize_model(model, recipe), recipe, f"{folder}/small.safetensors")
    7153260
    """
    target = Path(path)
    if "\0" in str(target):  # where a name ends for the system
        raise ModelError(
            Text("«{file}» no es un nombre de archivo.", "“{file}” is no name of a file.").format(
                file=repr(str(target))
            )
        )
    if not replace and os.path.lexists(target):
        raise ModelError(
            Text("Ya existe «{file}»; elige otro nombre, o pide que se sustituya (replace=True).",
                 "“{file}” exists already; choose another name, or ask to replace it (replace=True).")
            .format(file=target)
        )  # fmt: skip
    _check_holds(loaded, recipe)
    tensors = _tensors(loaded)
    header = _header(loaded, recipe).sealed(tensors[name] for name in sorted(tensors))
    _check_loads(loaded, header)
    try:
        with TemporaryDirectory(dir=target.parent, prefix=".") as beside:
            written = Path(beside) / "model"
            save_file(tensors, written, metadata={KEY: header.text})
            (Path(beside) / "any").touch()  # safetensors' own files are for their owner alone
            shutil.copymode(Path(beside) / "any", written)
            n_bytes = written.stat().st_size
            written.replace(target)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            Text("No se puede escribir «{file}»: {reason}.", "“{file}” cannot be written: {reason}.")
            .format(file=target, reason=_reason(error))
        ) from error  # fmt: skip
    return n_bytes


@typed(ModelError)
def load_quantized(path: str | Path) -> LoadedModel:
    """The model that `save_quantized` wrote, ready to write text.

    Its weights stay packed: a float copy of a quantized matrix is made only where nothing here multiplies it as it is
    packed. Raises ModelError with the reason for any other file.

    >>> import tempfile
    >>> from quant import Recipe, generate, load_model, load_quantized, quantize_model, save_quantized
    >>> small = quantize_model(load_model(), Recipe())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_quantized(small, Recipe(), f"{folder}/small.safetensors")
    ...     again = load_quantized(f"{folder}/small.safetensors")
    >>> generate(again, "La casa", max_length=12).ids == generate(small, "La casa", max_length=12).ids
    True
    """
    with _opened(path) as file:
        header = _read_header(file)
        names = sorted(file.keys())
        model = skeleton(header.config, _there({name: _spec(file, name) for name in names}))
        layers = layers_of(model)
        check_tensors(header, layers, {name: _spec(file, name) for name in names})
        if seal(_header_text(file), (file.get_tensor(name) for name in names)) != header.sha256:
            raise ModelError(Text("no es lo que se guardó: su SHA-256 es otro",
                                  "it is not what was saved: its SHA-256 differs"))  # fmt: skip
        tokenizer = read_tokenizer({name: file.get_tensor(name) for name in names if name.startswith(PREFIX)})
        weights = {}
        for layer in layers:
            data, scheme = file.get_tensor(layer.tensor), header.recipe.scheme_of(layer)
            if scheme:
                q = Layout(scheme).unpack(data.numpy().tobytes(), layer.matrix)
                start = layer.name + BESIDE
                parts = {n.removeprefix(start): file.get_tensor(n).clone() for n in names if n.startswith(start)}
                named = [(f"{start}{part}", tensor) for part, tensor in parts.items()]
                check_finite(header.name, [(f"{layer.name}.scale", q.scales()), *named])
                check_parts(layer.name, parts, layer.matrix)
                replace_layer(model, layer, QuantWeight(q, Beside.of(parts)), header.recipe.activations)
            else:
                weights[layer.tensor] = data.clone()  # not a view of the file, which may change or go
        put_weights(model, weights)
        check_finite(header.name, weights.items())
        check_tokenizer(tokenizer, model)
        settle(model)
        assert not any(p.is_meta for p in model.parameters())
        origin = Text("archivo cuantizado", "quantized file")
        loaded = proved(LoadedModel(header.name, model, tokenizer, origin, header.revision))
        if header.recipe.cache:  # afterwards: what is proved is that the weights are multiplied right
            check_cache(loaded, header.recipe.cache)
            set_scheme(loaded.model, header.recipe.cache)
        return loaded


def read_recipe(path: str | Path) -> Recipe:
    """The recipe of a file, its header alone read. Raises ModelError."""
    with _opened(path) as file:
        return _read_header(file).recipe


def predicted_bytes(loaded: LoadedModel, recipe: Recipe) -> int:
    """The size of the file, known before anything is quantized. Raises SchemeError where the recipe does not fit."""
    size_report(loaded, recipe)
    return file_bytes(specs(census(loaded), recipe) | _tokenizer_specs(loaded), _header(loaded, recipe).sealed([]))


def _tokenizer_specs(loaded: LoadedModel) -> dict[str, Spec]:
    """Those of its tokenizer's files, written only once: a slider asks for the size at every move."""
    if loaded not in _TOKENIZERS:
        _TOKENIZERS[loaded] = {n: (CODES, [len(data)]) for n, data in tokenizer_files(loaded.tokenizer).items()}
    return _TOKENIZERS[loaded]


def _header(loaded: LoadedModel, recipe: Recipe) -> Header:
    return Header(loaded.name, loaded.revision, recipe, plain_config(loaded.model), table(census(loaded), recipe))


def _tensors(loaded: LoadedModel) -> dict[str, Tensor]:
    """Every tensor of the file by name."""
    packed = {f"{name}.weight": held for name, _, held in packed_matrices(loaded.model)}
    tensors = {}
    for layer in census(loaded):
        if held := packed.get(layer.tensor):
            weight = held.quantized()
            tensors[layer.tensor] = as_tensor(Layout(held.scheme).pack(weight.q))
            parts = weight.beside.parts()
            check_parts(layer.name, parts, layer.matrix)
            tensors |= {f"{layer.name}{BESIDE}{part}": tensor.contiguous() for part, tensor in parts.items()}
        else:
            tensors[layer.tensor] = loaded.model.get_parameter(layer.tensor).detach().contiguous()
    return tensors | {name: as_tensor(data) for name, data in tokenizer_files(loaded.tokenizer).items()}


def _check_holds(loaded: LoadedModel, recipe: Recipe) -> None:
    """Raise ModelError unless each matrix is stored as `recipe` says, and everything else is float32."""
    size_report(loaded, recipe)  # names and shapes
    packed = {f"{name}.weight": held for name, _, held in packed_matrices(loaded.model)}
    for layer in census(loaded):
        rule, held = recipe.rule_of(layer), packed.get(layer.tensor)
        want = rule.scheme if rule else None
        got = held.scheme if held else loaded.model.get_parameter(layer.tensor).dtype
        promised = recipe.parts_beside(rule, layer) if rule else {}
        beside = held.quantized().beside.parts() if type(held) is Repaired else {}
        if got != (want or torch.float32) or {n: tuple(part.shape) for n, part in beside.items()} != promised:
            raise ModelError(
                Text("La receta no es la de este modelo: según ella, «{layer}» se guarda como {want}, y no es así.",
                     "The recipe is not this model's: by it “{layer}” is stored as {want}, and it is not.")
                .format(layer=layer.tensor, want=(want.name or want.element.name) if want else "float32")
            )  # fmt: skip
    if scheme_of(loaded.model) != recipe.cache:
        raise ModelError(
            Text("La receta no es la de este modelo: guarda sus claves y valores de otra manera.",
                 "The recipe is not this model's: it stores its keys and values in another way.")
        )  # fmt: skip
    used = {m.activations for m in loaded.model.modules() if isinstance(m, QuantLinear)}
    if used - {recipe.activations}:
        raise ModelError(
            Text("La receta no es la de este modelo: según ella las activaciones son {want}, y no es así.",
                 "The recipe is not this model's: by it activations are {want}, and they are not.")
            .format(want=recipe.activations.name)
        )  # fmt: skip


def _check_loads(loaded: LoadedModel, header: Header) -> None:
    """Raise QuantError unless the header alone gives the recipe, the modules and the buffers of this model back."""
    model = skeleton(header.config, _there(specs(census(loaded), header.recipe)))
    same = type(model) is type(loaded.model) and layers_of(model) == census(loaded)
    same = same and Header.parsed(header.text) == header
    made = dict(model.named_buffers())
    live = dict(loaded.model.named_buffers())  # fewer where a packed table has taken a scaled one's place
    if not same or not all(name in made and _equal(made[name], live[name]) for name in live):
        raise ModelError(
            Text("Este modelo ({kind}) no se puede reconstruir solo con su cabecera, y su archivo no se podría "
                 "abrir; se admiten las arquitecturas de transformers tal como son.",
                 "This model ({kind}) cannot be rebuilt from its header alone, and its file could not be "
                 "opened; allowed are transformers' architectures as they are.")
            .format(kind=loaded.model.config.model_type)
        )  # fmt: skip


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and torch.equal(a, b)


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    """The file for reading; whatever is wrong with it becomes a ModelError that names it."""
    try:
        with safe_open(_existing(path), framework="pt") as file:
            yield file
    except (QuantError, SafetensorError, OSError) as error:
        said = error.text if isinstance(error, QuantError) else _reason(error)
        reason = Text(said.es.rstrip("."), said.en.rstrip("."))
        raise ModelError(
            Text("No se puede abrir «{file}» como modelo cuantizado: {reason}.",
                 "“{file}” cannot be opened as a quantized model: {reason}.").format(file=path, reason=reason)
        ) from error  # fmt: skip


def _existing(path: str | Path) -> Path:
    if not os.path.isfile(path):  # unlike Path.is_file, False for a name too long to be one
        raise ModelError(
            Text("no existe, o es una carpeta; hace falta un archivo escrito por save_quantized (una carpeta la abre "
                 "load_model)",
                 "it does not exist, or is a folder; a file written by save_quantized is needed (load_model opens a "
                 "folder)")
        )  # fmt: skip
    check_weights(Path(path))
    return Path(path)


def _reason(error: SafetensorError | OSError) -> Text:
    """Why the disk or safetensors would not."""
    if isinstance(error, OSError):
        return Text(error.strerror or str(error), error.strerror or str(error))
    detail = shown(str(error))
    return Text(f"no es un archivo safetensors, o está dañado o cortado ({detail})",
                f"it is not a safetensors file, or is damaged or cut short ({detail})")  # fmt: skip


def _there(tensors: Mapping[str, Spec]) -> Contents:
    """What the tensors of a file hold at most: a byte of codes is no more than eight weights."""
    return Contents({name: (8 * math.prod(s),) if kind == CODES else tuple(s) for name, (kind, s) in tensors.items()})


def _read_header(file: Any) -> Header:
    return Header.parsed(_header_text(file))


def _header_text(file: Any) -> str:
    metadata: dict[str, str] = file.metadata() or {}
    if KEY not in metadata:
        raise ModelError(
            Text("es un archivo safetensors, pero no lleva «{key}» en sus metadatos; se abren los de save_quantized",
                 "it is a safetensors file, but has no “{key}” in its metadata; those of save_quantized open")
            .format(key=KEY)
        )  # fmt: skip
    return metadata[KEY]


def _spec(file: Any, name: str) -> Spec:
    part = file.get_slice(name)
    return part.get_dtype(), list(part.get_shape())
