"""Compiled libraries between one start and the next: a private folder of files that nobody else can have written.

What is loaded from a file runs as this user, so the folder has to be this user's own, writable by nobody else, and no
link; so has each file. A file's name holds `key`, what the library was made from, and a digest of its bytes, so that
one that was cut short or changed is not loaded. It is written beside and renamed: another process sees all of it or
nothing. Where there is no such folder, a library lives in a temporary one until it is loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

MOST_FILES = 8
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
CPUS = Path("/proc/cpuinfo")
OF_A_CPU = {  # the lines of /proc/cpuinfo that say which code a processor runs, on x86 and on ARM
    "vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features", "CPU implementer",
    "CPU architecture", "CPU variant", "CPU part", "CPU revision",
}  # fmt: skip


def library(key: str, make: Callable[[Path], bool]) -> ctypes.CDLL | None:
    """The library called `key`, as it was kept or as `make` writes it to a path; None where that returns False.

    Raises OSError where it is neither kept nor can be loaded from a temporary folder.
    """
    folder = private_folder()
    if folder and (found := _kept(folder, key)):
        return found
    with tempfile.TemporaryDirectory() as scratch:  # loaded, it is no longer needed there
        made = Path(scratch) / "kernels.so"
        if not make(made):
            return None
        if folder:
            with suppress(OSError):  # no room, or nothing in it may be run
                return ctypes.CDLL(str(_keep(folder, key, made)))
        return ctypes.CDLL(str(made))


def private_folder() -> Path | None:
    """Where libraries are kept, made if need be: `quant-lab/kernels` of the user's cache; None where it is unsafe."""
    try:
        asked = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = asked if asked.is_absolute() else Path.home() / ".cache"
        base.mkdir(parents=True, exist_ok=True)
        base = base.resolve(strict=True)
        folder = base / "quant-lab" / "kernels"
        safe = _nobody_renames_in(base) and all(_made_ours(part) for part in (folder.parent, folder))
        return folder if safe else None
    except (OSError, RuntimeError):  # RuntimeError: no home
        return None


def _made_ours(folder: Path) -> bool:
    folder.mkdir(mode=0o700, exist_ok=True)
    return _is_ours(folder, stat.S_ISDIR)


def _is_ours(path: Path, kind: Callable[[int], bool]) -> bool:
    """Whether `path` is of that kind, and no link, of another owner or writable by others."""
    found = path.lstat()
    if not kind(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & OTHERS_WRITE)


def _nobody_renames_in(folder: Path) -> bool:
    """Whether others cannot put a folder of their own where ours was."""
    mode = folder.stat().st_mode
    return not hasattr(os, "getuid") or not mode & OTHERS_WRITE or bool(mode & stat.S_ISVTX)


def _kept(folder: Path, key: str) -> ctypes.CDLL | None:
    for file in folder.glob(f"{key}-*.so"):
        with suppress(OSError):  # gone since, or of another system
            if _is_ours(file, stat.S_ISREG) and file.name == _name(key, file):
                return ctypes.CDLL(str(file))
    return None


def _keep(folder: Path, key: str, made: Path) -> Path:
    """The path of a copy of `made` in `folder`, where the oldest files make room."""
    handle, beside = tempfile.mkstemp(dir=folder, suffix=".part")
    os.close(handle)
    shutil.copyfile(made, beside)
    Path(beside).chmod(0o700)
    target = folder / _name(key, made)
    Path(beside).replace(target)
    for old in sorted(folder.iterdir(), key=_age)[MOST_FILES:]:
        with suppress(OSError):
            old.unlink()
    return target


def _age(file: Path) -> int:
    """Larger for what was made longer ago."""
    try:
        return -file.lstat().st_mtime_ns
    except OSError:  # gone since
        return 0


def _name(key: str, file: Path) -> str:
    return f"{key}-{digest([file.read_bytes()])}.so"


def digest(parts: Iterable[bytes]) -> str:
    """A name for these parts, in this order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:32]


def processor() -> str:
    """What `-march=native` looks at, as far as the system says it."""
    system = " ".join((platform.system(), platform.machine(), *platform.libc_ver()))
    if not CPUS.is_file():
        return f"{system} {platform.processor()}"
    first = CPUS.read_text(encoding="utf8", errors="replace").strip().partition("\n\n")[0].splitlines()
    return "\n".join([system, *(line for line in first if line.partition(":")[0].strip() in OF_A_CPU)])
