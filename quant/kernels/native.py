"""The C kernels, compiled for this very processor at first use, where there is a compiler; never required.

What was compiled is kept (kept.py) for the next start, under a name that sources, flags, compiler and processor make:
a build with other flags (the environment's QUANT_KERNEL_FLAGS, say a sanitizer's) is never taken for this one.

Three libraries, so that a compiler that fails at one still makes the others: `decoder` computes with packed weights,
`many_tokens` attends and multiplies bytes, `learner` rounds what is trained. Only the second may contract a product and
a sum into one operation: what is decoded and what is trained are compared bit for bit.

A page does not wait for the compiler: `make_beside` has a thread do it, and until that ends there are no kernels. What
was made without them goes on as it is, or is packed anew (model/packed.py).

Rejected: shipping binaries (one for each system), `torch.compile` (not allowed on ZeroGPU, 17 s to compile) and torch's
extension builder (needs ninja and Python's headers, for functions that take plain pointers).
"""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from quant.kernels import kept

FOLDER = Path(__file__).parent
DECODER = (
    "team.c", "streams.c", "rows.c", "fused.c", "bytes.c", "matvec.c", "vnni.c", "whole.c", "layer.c", "decode.c",
)  # fmt: skip
MANY_TOKENS = ("team.c", "attention.c", "int8.c")
LEARNER = ("team.c", "learner.c")
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-shared", "-fPIC")
EXACT, CONTRACTED = "-ffp-contract=off", "-ffp-contract=fast"
LIBRARIES = ("-lpthread", "-lm")
MORE_FLAGS = "QUANT_KERNEL_FLAGS"  # of the environment
COMPILE_S, LONG_COMPILE_S = 60, 900  # the usual flags; any others

POINTER, LONG, INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
Types = dict[str, tuple[list[Any], Any]]  # ctypes' types of a function's arguments and of what it returns
DECODER_TYPES: Types = {
    "packed_rows": ([POINTER, LONG, LONG, POINTER, INT], INT),
    "packed_matvec": ([POINTER, POINTER, POINTER, POINTER, LONG, INT], INT),
    "gpt2_step": ([POINTER, POINTER, POINTER, LONG, LONG, ctypes.c_int32, INT, POINTER], INT),
    "has_kernel": ([POINTER], INT),
    "has_whole": ([POINTER], INT),
    "gelu_of": ([POINTER, POINTER, LONG], None),
    "share_openmp": ([POINTER], None),
}

MANY_TOKENS_TYPES: Types = {
    "causal_attention": ([POINTER, INT], INT), "attention_floats": ([POINTER, INT], LONG),
    "int8_product": ([POINTER, INT], INT), "has_int8": ([], INT), "share_openmp": ([POINTER], None),
}  # fmt: skip
LEARNER_TYPES: Types = {
    "fake_quantize": ([POINTER, INT], INT), "fake_quantize_gradients": ([POINTER, INT], INT),
    "share_openmp": ([POINTER], None),
}  # fmt: skip


class Made:
    """A library: made at its first use, once; while a thread is at it, None for everybody else."""

    def __init__(self, make: Callable[[], ctypes.CDLL | None]) -> None:
        self.__wrapped__, self._made = make, cache(make)

    def __call__(self) -> ctypes.CDLL | None:
        return None if being_made() else self._made()


_beside: threading.Thread | None = None


def being_made() -> bool:
    """Whether the libraries are on their way, and others should do without them."""
    return _beside is not None and _beside.is_alive() and threading.current_thread() is not _beside


def make_beside() -> threading.Thread:
    """Make the libraries in a thread of their own."""
    global _beside
    _beside = threading.Thread(target=lambda: (decoder(), many_tokens(), learner()), name="compiler", daemon=True)
    _beside.start()
    return _beside


@Made
def decoder() -> ctypes.CDLL | None:
    """What computes with packed weights, or None where no compiler makes it."""
    return _made(DECODER, DECODER_TYPES, EXACT)


@Made
def many_tokens() -> ctypes.CDLL | None:
    """What serves a long prompt, or None where no compiler makes it."""
    return _made(MANY_TOKENS, MANY_TOKENS_TYPES, CONTRACTED)


@Made
def learner() -> ctypes.CDLL | None:
    """What rounds a matrix that learns, or None where no compiler makes it."""
    return _made(LEARNER, LEARNER_TYPES, EXACT)


def _made(sources: tuple[str, ...], types: Types, arithmetic: str) -> ctypes.CDLL | None:
    found = compiler()
    if found is None:
        return None
    try:
        loaded = _loaded(found, sources, arithmetic)
    except OSError:  # no temporary folder, or one from which nothing may be run
        return None
    for name, (arguments, result) in types.items() if loaded else ():
        function = getattr(loaded, name)
        function.argtypes, function.restype = arguments, result
    if loaded:
        loaded.share_openmp(openmp())
    return loaded


def _loaded(compiler: tuple[str, ...], sources: tuple[str, ...], arithmetic: str) -> ctypes.CDLL | None:
    """None where nothing compiles."""
    code = [path.read_bytes() for path in (*(FOLDER / s for s in sources), *sorted(FOLDER.glob("*.h")))]
    version, processor = _version(compiler), kept.processor().encode()
    for extra in (("-march=native",), ()):
        flags = (*FLAGS, arithmetic, *extra, *_more_flags())
        how = "\0".join([*compiler, version, *flags, *LIBRARIES, *sources]).encode()
        make = partial(_compiles, compiler, sources, flags)
        if found := kept.library(kept.digest([how, processor, *code]), make):
            return found
    return None


def _more_flags() -> list[str]:
    return shlex.split(os.environ.get(MORE_FLAGS, ""))


def openmp() -> ctypes.c_void_p | None:
    """How to run a function on the OpenMP threads that torch uses; None where its OpenMP has no such entry.

    `GOMP_parallel` is what compilers call for `#pragma omp parallel`: part of GNU's and of LLVM's runtime alike.
    """
    found = getattr(ctypes.CDLL(None), "GOMP_parallel", None) if sys.platform == "linux" else None
    return found and ctypes.cast(found, POINTER)


def compiler() -> tuple[str, ...] | None:
    """The command that compiles: the system's, or clang as PyPI's `ziglang` brings it."""
    found = next(filter(None, map(shutil.which, (os.environ.get("CC", ""), *COMPILERS))), None)
    if found:
        return (found,)
    return (sys.executable, "-m", "ziglang", "cc") if find_spec("ziglang") else None


def _version(compiler: tuple[str, ...]) -> str:
    """What the compiler says of itself; nothing where it does not."""
    try:
        said = subprocess.run([*compiler, "--version"], capture_output=True, timeout=COMPILE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return str(said.stdout)


def _compiles(compiler: tuple[str, ...], sources: tuple[str, ...], flags: tuple[str, ...], target: Path) -> bool:
    paths = [str(FOLDER / source) for source in sources]
    command = [*compiler, *flags, "-o", str(target), *paths, *LIBRARIES]
    limit = LONG_COMPILE_S if _more_flags() else COMPILE_S
    try:
        return subprocess.run(command, capture_output=True, timeout=limit, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
