"""What every benchmark writes: its figures beside the versions, threads and seed that gave them."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "transformers", "numpy", "gradio", "plotly", "tokenizers")


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, extremes and the raw values, rounded to microseconds or millionths."""
    rounded = [round(v, 6) for v in values]
    return {"median": statistics.median(rounded), "min": min(rounded), "max": max(rounded), "values": rounded}


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser that already knows `--json FILE`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="where to write the result; the screen when absent")
    return parser


def environment(seed: int | None = None) -> dict[str, Any]:
    """What is needed to repeat a measurement."""
    return {
        "python": platform.python_version(), "packages": {p: version(p) for p in PACKAGES},
        "threads": torch.get_num_threads(), "seed": seed,
    }  # fmt: skip


def write(figures: dict[str, Any], path: Path | None, *, seed: int | None = None) -> None:
    """Write `figures` with what is needed to repeat them."""
    text = json.dumps({**figures, "environment": environment(seed)}, indent=2, ensure_ascii=False)
    if path is None:
        print(text)
    else:
        path.write_text(text + "\n", encoding="utf8")
