"""Whether the C kernels stay within their memory: `python -m quant.bench.sanitize --cases 3000`.

They are compiled with the address and the undefined-behaviour sanitizer, and called in a process of their own that has
the sanitizer's allocator (LD_PRELOAD): random calls of every function, `kernel_cases.py`. The first error of any kind
ends that process; the report is taken, and another goes on after that case. At the end come two calls that are wrong on
purpose: a check that does not see them has seen nothing.

The sanitized libraries are kept apart from those that everybody else loads, in a folder of their own and under names
that their flags make. Python never frees all it has, so that leaks are not looked for.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from quant.bench import kernel_cases
from quant.bench.kernel_cases import Case
from quant.bench.report import arguments, write
from quant.blocks import BLOCKS
from quant.errors import QuantError
from quant.kernels import compiled, kept, native
from quant.kernels.compiled import NativeMatrix
from quant.kernels.matrix import PackedMatrix
from quant.methods import quantize
from quant.text import Text

ROOT = Path(__file__).resolve().parents[2]
CASES, SEED = 3000, 0
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fsanitize=float-cast-overflow")
FLAGS = (*SANITIZERS, "-O1", "-g1", "-fno-omit-frame-pointer")
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:handle_segv=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONMALLOC": "malloc",
}
MOST_ERRORS, REPORT_LINES = 10, 30
HANG_S = 1800
BEGINNINGS = ("ERROR: AddressSanitizer", "runtime error:", "AddressSanitizer:")


@dataclass(frozen=True)
class Error:
    """What a sanitizer said of a case; `case` is its number, for `--only`."""

    case: int
    function: str
    call: str
    report: list[str]

    @property
    def is_by_a_sanitizer(self) -> bool:
        """Rather than an exception of Python's."""
        return any(beginning in self.report[0] for beginning in BEGINNINGS)


@dataclass
class Found:
    """What ran, by function, and what was wrong."""

    ran: Counter[str] = field(default_factory=Counter)
    errors: list[Error] = field(default_factory=list)


def reason_against() -> Text | None:
    """Why nothing can be checked here; None where it can."""
    compiler = native.compiler()
    if sys.platform != "linux" or compiler is None:
        return Text("Hace falta Linux y un compilador de C.", "Linux and a C compiler are needed.")
    if not runtime(compiler).is_file() or not _builds(compiler):
        return Text(
            "Este compilador no trae los sanitizers de direcciones y comportamiento indefinido (libasan).",
            "This compiler does not bring the address and undefined behaviour sanitizers (libasan).",
        )
    return None


def runtime(compiler: tuple[str, ...]) -> Path:
    """The library to load before anything else; a name that is no file where the compiler has none."""
    said = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    return Path(said.stdout.strip() or "libasan.so").resolve()


def _builds(compiler: tuple[str, ...]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a.c"
        source.write_text("int a(int x) { return x + 1; }\n", encoding="utf8")
        command = [*compiler, *FLAGS, "-shared", "-fPIC", "-o", str(source.with_suffix(".so")), str(source)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def checked(cases: int, seed: int = SEED, first: int = 0) -> Found:
    """Run the cases from number `first` up to `cases`, and the wrong calls after them."""
    found, number, last = Found(), first, cases + len(FAULTS)
    while number < last and len(found.errors) < MOST_ERRORS + len(FAULTS):
        number = _one_process(found, number, cases, seed)
    return found


def _one_process(found: Found, first: int, cases: int, seed: int) -> int:
    """Add what a process does from case `first` on; returns the number of the case to go on with."""
    command = [sys.executable, "-m", "quant.bench.sanitize", "--inside", str(first), "--cases", str(cases),
               "--seed", str(seed)]  # fmt: skip
    try:
        process = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, env=environment(), timeout=HANG_S, check=False
        )
        failed, said, output = process.returncode != 0, process.stderr, process.stdout
    except subprocess.TimeoutExpired as late:
        failed, said, output = True, f"no end after {HANG_S} s", str((late.stdout or b"").decode())
    begun = [json.loads(line) for line in output.splitlines()]
    found.ran.update(call["function"] for call in begun)
    if not failed:
        return cases + len(FAULTS)
    if not begun:
        raise QuantError(Text("El proceso no ha llegado a empezar: {said}", "The process did not come to begin: {said}")
                         .format(said=said[-2000:]))  # fmt: skip
    found.errors.append(Error(**begun[-1], report=report_of(said)))
    return int(begun[-1]["case"]) + 1


def environment() -> dict[str, str]:
    """Of a process whose kernels are sanitized, kept beside the others' and never among them."""
    compiler, folder = native.compiler(), kept.private_folder()
    assert compiler is not None
    apart = {"XDG_CACHE_HOME": str(folder.parent / "sanitized")} if folder else {}
    more = " ".join(FLAGS)
    return os.environ | OPTIONS | apart | {"LD_PRELOAD": str(runtime(compiler)), native.MORE_FLAGS: more}


def report_of(said: str) -> list[str]:
    """The first lines that a sanitizer wrote, or the last of whatever was said."""
    lines = said.splitlines() or ["nothing was said"]
    begins = next((i for i, line in enumerate(lines) if any(b in line for b in BEGINNINGS)), None)
    return lines[-REPORT_LINES:] if begins is None else lines[begins : begins + REPORT_LINES]


# ---- in the sanitized process


def overrun() -> Case:
    matrix, out = PackedMatrix.of(quantize(torch.randn(3, 64), BLOCKS["Q4_0"].scheme)), torch.empty(2, 64)
    yield "three rows into room for two"
    compiled.library().packed_rows(NativeMatrix(matrix), 0, 3, out.data_ptr(), 1)


def misaligned() -> Case:
    x, y = torch.zeros(9), torch.empty(8)
    yield "floats that begin at an odd byte"
    compiled.library().gelu_of(x.data_ptr() + 1, y.data_ptr(), 8)


LIBRARIES = 3
FAULTS: tuple[Callable[[], Case], ...] = (overrun, misaligned)  # what has to be seen


def inside(first: int, cases: int, seed: int) -> None:
    """Call, each announced by a line of JSON; a sanitizer ends the process where it sees something.

    Every second call is on the kernels' own threads, the others on OpenMP's.
    """
    os.environ.pop("LD_PRELOAD", None)  # not for the compiler
    libraries = [library for library in (native.decoder(), native.many_tokens(), native.learner()) if library]
    if len(libraries) != LIBRARIES or not all(hasattr(library, "__asan_init") for library in libraries):
        raise SystemExit("the kernels could not be compiled with the sanitizers")
    for number in range(first, cases + len(FAULTS)):
        for library in libraries:
            library.share_openmp(None if number % 2 else native.openmp())
        if number < cases:
            name, case = kernel_cases.case(seed, number)
        else:
            fault = FAULTS[number - cases]
            name, case = fault.__name__, fault()
        print(json.dumps({"case": number, "function": name, "call": next(case)}), flush=True)
        next(case, None)


# ---- the command


def summary(found: Found, seconds: float) -> dict[str, Any]:
    """`outcome`: clean, errors, or blind where a wrong call was not seen."""
    faults = [fault.__name__ for fault in FAULTS]
    errors = [error for error in found.errors if error.function not in faults]
    seen = [error.function for error in found.errors if error.function in faults and error.is_by_a_sanitizer]
    ran = {name: count for name, count in sorted(found.ran.items()) if name not in faults}
    outcome = "errors" if errors else "clean" if seen == faults else "blind"
    return {
        "outcome": outcome, "cases": sum(ran.values()), "errors": len(errors), "cases_of": ran,
        "wrong_on_purpose": len(faults), "of_them_seen": len(seen), "found": [asdict(error) for error in errors],
        "flags": list(FLAGS), "processor": platform.machine(), "seconds": round(seconds, 1),
    }  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", type=int, help="run that case alone, and the wrong calls")
    parser.add_argument("--inside", type=int, help="the sanitized process itself, from that case on")
    args = parser.parse_args()
    if args.inside is not None:
        inside(args.inside, args.cases, args.seed)
        return
    if reason := reason_against():
        raise SystemExit(reason.en)
    started = time.perf_counter()
    first, cases = (0, args.cases) if args.only is None else (args.only, args.only + 1)
    result = summary(checked(cases, args.seed, first), time.perf_counter() - started)
    write(result, args.json, seed=args.seed)
    if result["outcome"] != "clean":
        raise SystemExit(f"{result['outcome']}: {result['errors']} errors in {result['cases']} cases")


if __name__ == "__main__":
    main()
