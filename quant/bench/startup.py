"""How long `python app.py` takes to its first page, against importing its heavy libraries alone.

    python -m quant.bench.startup --json FILE

Alternating rounds, each in fresh processes: (a) `import torch, transformers, gradio`; (b) `python app.py` until `/`
answers with 200. `ratios.first_page_vs_imports` is the median of the rounds' ratios.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from quant.bench.report import arguments, spread, write

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
LIMIT_S = 180


def imports_s() -> float:
    """Seconds of a process that imports torch, transformers and gradio, and ends."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, transformers, gradio"], cwd=ROOT, check=True)
    return time.perf_counter() - started


def first_page_s() -> float:
    """Seconds from starting `python app.py` to its first answer."""
    started = time.perf_counter()
    with serving():
        return time.perf_counter() - started


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """`python app.py` from its first answer on, while the block lasts: its address, and the number of its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url, started = f"http://127.0.0.1:{port}/", time.perf_counter()
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _answers(url):
            if process.poll() is not None or time.perf_counter() - started > LIMIT_S:
                raise RuntimeError(f"app.py gave no page; exit status {process.poll()}")
            time.sleep(0.02)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
    imports_s()  # fills the disk cache; not counted
    rounds = [(imports_s(), first_page_s()) for _ in range(args.rounds)]
    ratio = median(page / alone for alone, page in rounds)
    write(
        {"ratios": {"first_page_vs_imports": round(ratio, 3)}, "imports_s": spread([a for a, _ in rounds]),
         "first_page_s": spread([b for _, b in rounds])}, args.json,
    )  # fmt: skip


if __name__ == "__main__":
    main()
