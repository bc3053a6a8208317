"""What a process holds for a 4-bit GPT-2 124M: the model is made and saved in one process, loaded in a fresh one.

    python -m quant.bench.memory --json FILE

`held_bytes`: resident memory after loading the file and writing tokens, less that of the same process before it loaded,
when all it needs was imported, compiled and used once on a small model. `peak_bytes`: the most it ever held, less the
same. `packed_bytes`: what the report says, the float tensors that stay among them.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from quant.bench.report import arguments, write
from quant.bench.shape import loaded_124m
from quant.evaluation.memory import process_bytes
from quant.file.quantized import load_quantized, save_quantized
from quant.loading import load_model
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.run.reader import reader
from quant.scheme import PerChannel, PerGroup, Scheme
from quant.size import size_report
from quant.text import Text

SCHEME = Scheme.integer(4, PerGroup(64))
RECIPE = Recipe.uniform(
    SCHEME, overrides=(("transformer.wte", Scheme.integer(8, PerChannel())),)
)  # fmt: skip
TOKENS = 8
STATUS = Path("/proc/self/status")


def measure() -> dict[str, Any]:
    """Both processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        loaded = loaded_124m(load_model().tokenizer)  # any: nothing is written down
        save_quantized(quantize_model(loaded, RECIPE), RECIPE, path)
        packed = size_report(loaded, RECIPE).stored_bytes
        command = [sys.executable, "-m", "quant.bench.memory", "--load", str(path)]
        out = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        return {"packed_bytes": packed, "file_bytes": path.stat().st_size, **json.loads(out.splitlines()[-1])}


def load(path: Path) -> dict[str, int]:
    """In the fresh process."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=32, n_embd=64, n_layer=1, n_head=1)).eval()
    turn_conv1d(model)
    small = LoadedModel("small", model, load_model().tokenizer, Text("", ""), "")
    _write(quantize_model(small, Recipe.uniform(SCHEME)))
    before = _held()
    loaded = load_quantized(path)
    _write(loaded)
    after = _held()
    return {"held_bytes": after - before, "peak_bytes": _peak() - before}


def _write(loaded: LoadedModel) -> None:
    model = reader(loaded.model, TOKENS + 1)
    logits = model.read([1])
    for _ in range(TOKENS):
        logits = model.read([int(logits.argmax())])


def _held() -> int:
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system
    held = process_bytes()
    assert held is not None, "this system does not say"
    return held


def _peak() -> int:
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--load", type=Path, help="a saved model: what loading it takes in this process")
    args = parser.parse_args()
    if args.load:
        print(json.dumps(load(args.load)))
    else:
        write(measure(), args.json)


if __name__ == "__main__":
    main()
