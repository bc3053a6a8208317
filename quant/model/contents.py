"""What the weight files of a folder hold, by their headers alone: names and shapes, before anything is built.

Also what they are where they are no weights: a pointer that git-lfs left, a web page saved in place of the file, a
download that was cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from quant.errors import ModelError, shown
from quant.text import Text

LONGEST_HEADER = 100_000_000  # bytes, of a safetensors file
LFS = b"version https://git-lfs"
PAGE = re.compile(rb"\s*(<!doctype|<html|<\?xml|<head|<body)", re.IGNORECASE)
# What a tensor's name begins with, or has in it, where a module was saved in its wrapper.
WRAPPERS = {r"^((module|_orig_mod)\.)+": "", r"\._orig_mod\.": "."}


# What weights are stored as, and what older files hold beside them (masks, places).
FLOATS = ("F64", "F32", "F16", "BF16", "float64", "float32", "float16", "bfloat16")
BESIDE = re.compile(r"(mask|masked_bias|attn\.bias|position_ids|num_batches_tracked|tid2eid)$")
# What stands beside the codes of a quantized matrix.
SCALES = re.compile(r"(weight_scale(_inv)?|\.SCB|qweight|qzeros|\.scales|weight_packed|absmax|quant_state.*)$")

Spec = tuple[str, tuple[int, ...]]  # type of number, shape


@dataclass(frozen=True)
class Contents:
    """The tensors that are there, by their names in the files. n_bytes: of all the files, where it is known."""

    shapes: Mapping[str, tuple[int, ...]]
    n_bytes: int | None = None

    @property
    def tensors(self) -> int:
        return len(self.shapes)

    @property
    def elements(self) -> int:
        """How many numbers there are: no more than bytes, whatever views of a few of them claim."""
        claimed = sum(prod(shape) for shape in self.shapes.values())
        return claimed if self.n_bytes is None else min(claimed, self.n_bytes)

    @property
    def renamed(self) -> dict[str, str] | None:
        """What to replace in every name, where wrappers left their prefix; None where there is nothing."""
        used = {p: by for p, by in WRAPPERS.items() if any(re.search(p, name) for name in self.shapes)}
        return used or None


def contents(folder: Path, files: list[str]) -> Contents:
    """The tensors of weight files. Raises ModelError for files that are none, with what they are."""
    found: dict[str, Spec] = {}
    for file in files:
        check_weights(folder / file)
        if not file.endswith(".json"):
            more = _safetensors(folder / file) if file.endswith(".safetensors") else _pickled(folder / file)
            _check_new(more, found)
            found |= more
    _check_index(folder, files)
    _check_floats(found)
    there = Contents(
        {name: shape for name, (_, shape) in found.items()}, sum((folder / f).stat().st_size for f in files)
    )
    _check_renamed(there)
    return there


def _check_new(more: Mapping[str, Spec], found: Mapping[str, Spec]) -> None:
    """Raise ModelError for a tensor that two files hold: they may differ."""
    if twice := sorted(more.keys() & found.keys()):
        raise ModelError(
            Text("dos de sus archivos de pesos traen «{name}»; deja uno.",
                 "two of its weight files hold “{name}”; leave one.").format(name=shown(twice[0]))
        )  # fmt: skip


def _check_renamed(there: Contents) -> None:
    """Raise ModelError where a name with what a wrapper left and one without it are there both."""
    names = {name: _unwrapped(name) for name in there.shapes}
    twice = sorted(name for name, own in names.items() if name != own and own in there.shapes)
    if twice:
        raise ModelError(
            Text("sus pesos traen «{a}» y «{b}», que son el mismo; deja uno.",
                 "its weights hold “{a}” and “{b}”, which are the same; leave one.")
            .format(a=shown(twice[0]), b=shown(names[twice[0]]))
        )  # fmt: skip


def _unwrapped(name: str) -> str:
    for pattern, by in WRAPPERS.items():
        name = re.sub(pattern, by, name)
    return name


def _check_floats(found: Mapping[str, Spec]) -> None:
    """Raise ModelError for codes: tensors that are no floating-point numbers, or scales of some."""
    wrong = [name for name, (kind, _) in found.items() if kind not in FLOATS and not BESIDE.search(name)]
    scales = [name for name in found if SCALES.search(name)]
    if codes := sorted(wrong) or sorted(scales):
        raise ModelError(
            Text("«{name}» no es un tensor de pesos en coma flotante ({kind}): son los códigos o las escalas de un "
                 "modelo ya cuantizado. Hace falta el original.",
                 "“{name}” is no tensor of floating-point weights ({kind}): these are the codes or the scales of a "
                 "model that is quantized already. Its original is needed.")
            .format(name=shown(codes[0]), kind=found[codes[0]][0])
        )  # fmt: skip


def check_weights(path: Path) -> None:
    """Raise ModelError for what is saved under the name of weights and is something else."""
    with path.open("rb") as file:
        start = file.read(256)
    if start.startswith(LFS):
        raise ModelError(
            Text("«{file}» no son los pesos, sino la nota que git-lfs deja en su lugar: descárgalos con «git lfs pull» "
                 "o desde la página del modelo.",
                 "“{file}” is not the weights but the note that git-lfs leaves in their place: fetch them with “git "
                 "lfs pull” or from the model's page.").format(file=path.name)
        )  # fmt: skip
    if PAGE.match(start):
        raise ModelError(
            Text("«{file}» es una página web guardada con ese nombre, no los pesos: descarga el archivo mismo.",
                 "“{file}” is a web page saved under that name, not the weights: download the file itself.")
            .format(file=path.name)
        )  # fmt: skip
    if not start:
        raise _cut_short(path)


def _safetensors(path: Path) -> dict[str, Spec]:
    try:
        with safe_open(path, "pt") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}
    except SafetensorError as error:
        if _claims_more(path):
            raise _cut_short(path) from error
        raise _damaged(path) from error


def _claims_more(path: Path) -> bool:
    """Whether the header of a safetensors file reaches, or tells of data that reaches, beyond its end."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > LONGEST_HEADER:
            return False
        header = file.read(length)
    return _end(length, header) > path.stat().st_size


def _end(length: int, header: bytes) -> int:
    """Where the data would end; what a header that cannot be read says counts as the header alone."""
    if len(header) < length:
        return 8 + length
    try:
        entries = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return 8 + length
    return 8 + length + max((end for end in ends if isinstance(end, int)), default=0)


def _pickled(path: Path) -> dict[str, Spec]:
    """The tensors of a .bin, which is read into no memory where it is of the kind that can be mapped."""
    try:
        found = _unpickled(path)
    except UnpicklingError as error:
        raise ModelError(
            Text("El archivo «{file}» está dañado o guarda algo que no son tensores, y eso podría ejecutar código: no "
                 "se abre. Se permite un .bin solo con tensores, o safetensors.",
                 "The file “{file}” is damaged or holds something that is not a tensor, which could run code: it is "
                 "not opened. Allowed: a .bin of tensors alone, or safetensors.").format(file=path.name)
        ) from error  # fmt: skip
    except (RuntimeError, EOFError, ValueError, OSError, LookupError) as error:
        raise (_cut_short(path) if _begins(path, b"PK") else _damaged(path)) from error
    if isinstance(found, Mapping) and all(isinstance(tensor, Tensor) for tensor in found.values()):
        return {str(name): (str(t.dtype).removeprefix("torch."), tuple(t.shape)) for name, t in found.items()}
    raise _nested(path, found)


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="meta", weights_only=True, mmap=True)
    except RuntimeError:  # saved before PyTorch 1.6: such a file cannot be mapped
        return torch.load(path, map_location="meta", weights_only=True)


def _nested(path: Path, found: object) -> ModelError:
    keys = [str(k) for k, v in found.items() if isinstance(v, Mapping)] if isinstance(found, Mapping) else []
    return ModelError(
        Text("«{file}» no es un diccionario de tensores: los guarda dentro de «{key}». Guarda solo ese diccionario, "
             "por ejemplo torch.save(torch.load(archivo)[\"{key}\"], \"pytorch_model.bin\").",
             "“{file}” is not a dictionary of tensors: it keeps them under “{key}”. Save that dictionary alone, such "
             "as torch.save(torch.load(file)[\"{key}\"], \"pytorch_model.bin\").")
        .format(file=path.name, key=shown(keys[0]))
        if keys else
        Text("«{file}» no es un diccionario de tensores, que es lo que se admite.",
             "“{file}” is not a dictionary of tensors, which is what is allowed.").format(file=path.name)
    )  # fmt: skip


def _check_index(folder: Path, files: list[str]) -> None:
    """Raise ModelError where an index names a shard that is not there, or cannot be read."""
    for file in (f for f in files if f.endswith(".json")):
        try:
            places = json.loads((folder / file).read_text(encoding="utf8"))["weight_map"]
            wanted = sorted({str(shard) for shard in places.values()})
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged(folder / file) from error
        missing = [shard for shard in wanted if shard not in files]
        if missing:
            raise ModelError(
                Text("A los pesos les faltan {n} de sus {all} archivos, como «{first}».",
                     "{n} of the {all} files of the weights are missing, such as “{first}”.")
                .format(n=len(missing), all=len(wanted), first=shown(missing[0]))
            )  # fmt: skip


def _cut_short(path: Path) -> ModelError:
    return ModelError(
        Text("«{file}» está cortado: ocupa {n} bytes y le falta el final. Descárgalo otra vez.",
             "“{file}” is cut short: it takes {n} bytes and its end is missing. Download it again.")
        .format(file=path.name, n=path.stat().st_size)
    )  # fmt: skip


def _damaged(path: Path) -> ModelError:
    return ModelError(
        Text("«{file}» está dañado: no se puede leer como lo que su nombre dice. Descárgalo otra vez.",
             "“{file}” is damaged: it cannot be read as what its name says. Download it again.").format(file=path.name)
    )  # fmt: skip
