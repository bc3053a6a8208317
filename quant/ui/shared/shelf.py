"""The files that visitors download: one for each recipe or report, in one folder that never outgrows its room.

Gradio serves what lies in its own upload folder as it is, and anything else from a copy there that stays. So the files
are written there, in the folder that is this process's alone (`quant.ui.border.folder`); the one that nobody has asked
for longest goes first. (Gradio's `delete_cache` goes by age alone: one busy hour could fill the disk.) A download under
way keeps its file open, and so ends well.
"""

from __future__ import annotations

import hashlib
import shutil
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

ROOM_BYTES = 2**31
PREFIX = "quantized-"


@dataclass(frozen=True)
class Stored:
    """A file that can be downloaded now."""

    path: Path
    n_bytes: int
    sha256: str


class Shelf:
    """Files by what they are of, together at most `room_bytes`, or a single larger one. Not for two threads at once."""

    def __init__(self, parent: str | Path, room_bytes: int = ROOM_BYTES) -> None:
        self._parent, self._room_bytes = Path(parent), room_bytes
        self._folder: Path | None = None  # made at the first file; gone with the process
        self._files: OrderedDict[Hashable, Stored] = OrderedDict()

    def get(self, key: Hashable) -> Stored | None:
        """The file of `key`, such as a recipe, if it is still here."""
        found = self._files.get(key)
        if found is None or not found.path.is_file():  # somebody may have tidied the temporary folder
            return None
        self._files.move_to_end(key)
        return found

    def put(self, key: Hashable, name: str, n_bytes: int, write: Callable[[Path], object]) -> Stored:
        """Make room for `n_bytes`, let `write` make the file called `name`, and keep it."""
        self._drop(key)
        while self._files and self.held_bytes() + n_bytes > self._room_bytes:
            self._drop(next(iter(self._files)))
        path = Path(mkdtemp(dir=self._made())) / name
        try:
            write(path)
            self._files[key] = Stored(path, path.stat().st_size, _sha256(path))
        finally:
            if key not in self._files:
                shutil.rmtree(path.parent, ignore_errors=True)
        return self._files[key]

    def held_bytes(self) -> int:
        return sum(stored.n_bytes for stored in self._files.values())

    def _drop(self, key: Hashable) -> None:
        if stored := self._files.pop(key, None):
            shutil.rmtree(stored.path.parent, ignore_errors=True)

    def _made(self) -> Path:
        if self._folder is None or not self._folder.is_dir():
            self._parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(mkdtemp(prefix=PREFIX, dir=self._parent))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
