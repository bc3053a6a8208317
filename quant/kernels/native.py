"""The C kernels, compiled for this very processor at first use, where there is a compiler; never required.

Rejected: shipping binaries (one for each system), `torch.compile` (not allowed on ZeroGPU, 17 s to compile) and torch's
extension builder (needs ninja and Python's headers, for functions that take plain pointers).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "encode.c"
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-ffp-contract=off", "-shared", "-fPIC")
COMPILE_S = 60


@cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None where no compiler makes them."""
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", ""), *COMPILERS))), None)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:  # loaded, it is no longer needed on disk
        target = Path(folder) / "kernels.so"
        if any(_compiles(compiler, target, extra) for extra in (("-march=native",), ())):
            return _typed(ctypes.CDLL(str(target)))
    return None


def _compiles(compiler: str, target: Path, extra: tuple[str, ...]) -> bool:
    command = [compiler, *FLAGS, *extra, "-o", str(target), str(SOURCE)]
    try:
        return subprocess.run(command, capture_output=True, timeout=COMPILE_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _typed(loaded: ctypes.CDLL) -> ctypes.CDLL:
    for name in ("encode_q4_0", "encode_q8_0"):
        function = getattr(loaded, name)
        function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64], ctypes.c_uint32
    return loaded
