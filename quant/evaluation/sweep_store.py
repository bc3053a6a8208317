"""The rows of a sweep on disk: one JSON line each, there before the next row begins.

A line is written in one piece and flushed to the disk (fsync), so that a run that is killed keeps all it had finished.
What is left of a line that was being written has no end of line: it is left out, and the next row takes its place. Each
line says what it was made of (the weights and the text by their SHA-256, the versions), and only rows of the very same
are used again; the others stay in the file and are counted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quant.errors import EvaluationError, QuantError
from quant.evaluation.sweep import Entry, Named
from quant.evaluation.sweep_json import EntryJson
from quant.json_model import JsonModel, parsed, read_json
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.text import Text
from quant.texts import EvalText


@dataclass(frozen=True)
class About:
    """What rows are of. model, text: SHA-256 of weights and of documents; versions: of what computes them."""

    model_sha256: str
    text_sha256: str
    versions: Mapping[str, str]

    @classmethod
    def of(cls, loaded: LoadedModel, text: EvalText, versions: Mapping[str, str]) -> About:
        return cls(weights_sha256(loaded), text_sha256(text), dict(versions))


class Line(JsonModel):
    """A line of the file."""

    about: dict[str, Any]
    entry: EntryJson


class Store:
    """Finished rows in a file. For one process at a time.

    other_models, other_texts, other_versions: how many lines of the file are of those, and so are not used.
    """

    def __init__(self, path: Path, about: About) -> None:
        """Raises EvaluationError where the file is none of a sweep's."""
        self.path, self.about = path, about
        self.other_models = self.other_texts = self.other_versions = 0
        self._entries: dict[Recipe, Entry] = {}
        self._end = 0  # of the last entire line
        if path.is_file():
            self._read(path.read_bytes())

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, one: Named) -> Entry | None:
        """The finished row of a recipe, under the name that it goes by now."""
        found = self._entries.get(one.recipe)
        return None if found is None or found.name != one.name else found

    def put(self, entry: Entry) -> None:
        """Write a row, over what an interrupted one left; it is on the disk when this returns."""
        line = Line(about=asdict(self.about), entry=EntryJson.of(entry))
        data = (line.model_dump_json() + "\n").encode()
        with self.path.open("r+b" if self.path.is_file() else "w+b") as file:
            file.truncate(self._end)
            file.seek(self._end)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._end += len(data)
        self._entries[entry.recipe] = entry

    @property
    def ignored(self) -> Text | None:
        """What is said of lines that are not used; None where all are."""
        if not (self.other_models or self.other_texts or self.other_versions):
            return None
        return Text(
            "En {path} hay filas que no se usan: {models} de otro modelo, {texts} de otro texto y {versions} de otras "
            "versiones. Se quedan en el archivo.",
            "{path} has rows that are not used: {models} of another model, {texts} of another text and {versions} of "
            "other versions. They stay in the file.",
        ).format(path=self.path.name, models=self.other_models, texts=self.other_texts, versions=self.other_versions)

    def _read(self, data: bytes) -> None:
        whole = data[: data.rfind(b"\n") + 1]
        self._end = len(whole)
        for place, line in enumerate(whole.decode(errors="replace").split("\n")[:-1], 1):
            self._take(line, f"{self.path.name}:{place}")

    def _take(self, line: str, where: str) -> None:
        try:
            found = parsed(Line, read_json(line, where), where)
            said = found.about.get("model_sha256"), found.about.get("text_sha256"), found.about.get("versions")
            if said[0] != self.about.model_sha256:
                self.other_models += 1
            elif said[1] != self.about.text_sha256:
                self.other_texts += 1
            elif said[2] != dict(self.about.versions):
                self.other_versions += 1
            else:
                entry = found.entry.made(live=True)
                self._entries[entry.recipe] = entry
        except QuantError as error:
            raise EvaluationError(
                Text("No es el archivo de un barrido, o está dañado: {reason} Elige otro archivo o borra este.",
                     "This is not the file of a sweep, or it is damaged: {reason} Choose another file or delete it.")
                .format(reason=error.text)
            ) from error  # fmt: skip


def text_sha256(text: EvalText) -> str:
    """Of the documents of a text."""
    return hashlib.sha256(json.dumps(text.documents, ensure_ascii=False).encode()).hexdigest()


def weights_sha256(loaded: LoadedModel) -> str:
    """Of all parameters of a model by their names, as they are in memory."""
    digest = hashlib.sha256()
    for name, value in sorted(loaded.model.named_parameters()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().contiguous().cpu().numpy().data)
    return digest.hexdigest()
