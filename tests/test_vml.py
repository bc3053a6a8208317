"""Importing quant makes the first call of each of MKL's functions, by one thread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from quant import vml

NAMES = [
    "acos", "asin", "atan", "cos", "erf", "erfc", "erfinv", "exp", "log", "log10", "log2", "sin", "sqrt", "tan", "tanh",
    "trunc",
]  # fmt: skip
# What torch was asked for while quant was imported: name, type, how many numbers.
IMPORTING = """
import torch
from torch.utils._python_dispatch import TorchDispatchMode

class Calls(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if args and isinstance(args[0], torch.Tensor):
            print(function.overloadpacket.__name__, args[0].dtype, args[0].numel())
        return function(*args, **(kwargs or {}))

with Calls():
    import quant
"""


@pytest.mark.slow
def test_each_function_is_called_once_alone_before_anything_else_can() -> None:
    root = Path(vml.__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", IMPORTING], cwd=root, capture_output=True, text=True, check=True)
    calls = done.stdout.splitlines()
    for function in NAMES:
        for dtype in (torch.float32, torch.float64):
            name = f"{function} {dtype}"
            assert f"{name} 1" in [c for c in calls if c.startswith(name)][:1], name
