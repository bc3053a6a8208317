"""A folder of this process's own for what gradio serves as files: nobody else's eyes, and gone when the process is.

Gradio serves whatever lies in its temporary folder, which is one and the same for all programs of a machine unless
GRADIO_TEMP_DIR says otherwise. Each process makes its own in there, readable by its user alone, and holds a lock on a
file in it; a folder whose lock is free was left by a process that was killed, and goes at the next start. (A process
number would not tell: numbers are given again.) Where the system has no such locks nothing is swept.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None  # type: ignore[assignment]

PREFIX, LOCK, VARIABLE = "quant-lab-", ".lock", "GRADIO_TEMP_DIR"
_held: list[int] = []  # files that stay open as long as the process lives


@cache
def own_folder() -> Path:
    """The folder of this process, made at the first call, which also sweeps those of dead ones."""
    parent = _parent()
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = claim(parent)
    os.environ[VARIABLE] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _parent() -> Path:
    """Where gradio would put its files; a process that was started by a lab has the lab's own folder there."""
    given = Path(os.environ.get(VARIABLE) or tempfile.gettempdir()).resolve()
    return given.parent if given.name.startswith(PREFIX) else given


def claim(parent: Path) -> Path:
    """A new folder, locked for as long as this process lives."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # readable by its user alone
        lock = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks: nothing there is swept either
                fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / LOCK).is_file():
            _held.append(lock)
            return folder
        os.close(lock)  # a process that sweeps came between: it took a folder without a lock for a dead one's


def sweep(parent: Path) -> None:
    """Remove the folders that dead processes of this user left in `parent`."""
    for folder in parent.glob(f"{PREFIX}*"):
        if is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)


def is_dead(folder: Path) -> bool:
    """Whether nobody holds the lock of a folder of ours; one without a lock is still being made."""
    if fcntl is None:
        return False
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
