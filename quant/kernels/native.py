"""The C kernels, compiled for this very processor at first use, where there is a compiler; never required.

Two libraries, so that a compiler that fails at one still makes the other: `library` encodes, `decoder` computes with
packed weights. Neither may contract a product and a sum into one operation: what is decoded is compared bit for bit.

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

FOLDER = Path(__file__).parent
ENCODER = ("encode.c",)
DECODER = ("team.c", "rows.c", "matvec.c", "decode.c")
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-ffp-contract=off", "-shared", "-fPIC")
LIBRARIES = ("-lpthread", "-lm")
COMPILE_S = 60

POINTER, LONG, INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
ENCODER_TYPES = {name: ([POINTER, POINTER, LONG], ctypes.c_uint32) for name in ("encode_q4_0", "encode_q8_0")}
DECODER_TYPES = {
    "packed_rows": ([POINTER, LONG, LONG, POINTER, INT], INT),
    "packed_matvec": ([POINTER, POINTER, POINTER, POINTER, LONG, INT], INT),
    "gpt2_step": ([POINTER, POINTER, POINTER, LONG, LONG, ctypes.c_int32, INT, POINTER], INT),
    "has_kernel": ([POINTER], INT),
}


@cache
def library() -> ctypes.CDLL | None:
    """The encoders, or None where no compiler makes them."""
    return _made(ENCODER, ENCODER_TYPES)


@cache
def decoder() -> ctypes.CDLL | None:
    """What computes with packed weights, or None where no compiler makes it."""
    return _made(DECODER, DECODER_TYPES)


def _made(sources: tuple[str, ...], types: dict[str, tuple[list[type], type]]) -> ctypes.CDLL | None:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", ""), *COMPILERS))), None)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:  # loaded, it is no longer needed on disk
        target = Path(folder) / "kernels.so"
        if any(_compiles(compiler, target, sources, extra) for extra in (("-march=native",), ())):
            loaded = ctypes.CDLL(str(target))
            for name, (arguments, result) in types.items():
                function = getattr(loaded, name)
                function.argtypes, function.restype = arguments, result
            return loaded
    return None


def _compiles(compiler: str, target: Path, sources: tuple[str, ...], extra: tuple[str, ...]) -> bool:
    paths = [str(FOLDER / source) for source in sources]
    command = [compiler, *FLAGS, *extra, "-o", str(target), *paths, *LIBRARIES]
    try:
        return subprocess.run(command, capture_output=True, timeout=COMPILE_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
