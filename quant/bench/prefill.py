"""One window of 1,024 tokens with the logits of every position, on the GPT-2 124M shape, beside other engines.

    python -m quant.bench.prefill --json FILE

Random weights; rounds alternate; a ratio of tokens/s is the median of the rounds' ratios. `int4` and `int8` multiply
by float32 activations (rows are expanded, then a float32 product); `w8a8` rounds the activations to 8 bits as well.
Ours write their logits to the same memory every time, as llama.cpp does and an evaluation of ours.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from quant.bench.decode import RECIPES
from quant.bench.remote import remote_peers
from quant.bench.report import arguments, spread, write
from quant.bench.shape import gpt2_124m, loaded_124m
from quant.quantization import quantize_model
from quant.run import forward

SEED, TOKENS, ROUNDS = 0, 1024, 5
OURS = ("int4", "int8", "w8a8")
PAIRS = {
    "prefill_float32_vs_transformers": ("float32", "transformers"),
    "prefill_float32_vs_llamacpp": ("float32", "llamacpp_f32"),
    "prefill_float32_vs_ctranslate2": ("float32", "ctranslate2_float32"),
    "prefill_int4_vs_llamacpp_q4_0": ("int4", "llamacpp_q4_0"),
    "prefill_w8a8_vs_ctranslate2": ("w8a8", "ctranslate2_int8"),
}


def measure(rounds: int) -> dict[str, Any]:
    plain, loaded = gpt2_124m(), loaded_124m()
    generator = torch.Generator().manual_seed(SEED)
    ids = torch.randint(plain.config.vocab_size, (TOKENS,), generator=generator)
    models = {"float32": loaded.model} | {name: quantize_model(loaded, RECIPES[name]).model for name in OURS}

    @torch.no_grad()
    def transformers() -> float:
        started = time.perf_counter()
        plain(ids.unsqueeze(0), use_cache=False)
        return time.perf_counter() - started

    room = torch.empty(1, TOKENS, plain.config.vocab_size)

    def ours(name: str) -> float:
        started = time.perf_counter()
        forward.logits(models[name], forward.hidden(models[name], ids.unsqueeze(0)), room)
        return time.perf_counter() - started

    with tempfile.TemporaryDirectory() as folder, remote_peers(Path(folder), torch.get_num_threads()) as others:
        systems: dict[str, Callable[[], float]] = {"transformers": transformers}
        systems |= {name: lambda name=name: ours(name) for name in models}  # type: ignore[misc]
        for peer in others:
            systems[peer.name] = lambda peer=peer: peer.prefill(ids.tolist())  # type: ignore[misc]
        speeds: dict[str, list[float]] = {name: [] for name in systems}
        for turn in range(rounds + 1):  # the first is not counted
            for name, run in systems.items():
                seconds = run()
                if turn:
                    speeds[name].append(TOKENS / seconds)
    ratios = {
        name: round(statistics.median(a / b for a, b in zip(speeds[x], speeds[y], strict=True)), 3)
        for name, (x, y) in PAIRS.items() if x in speeds and y in speeds
    }  # fmt: skip
    return {"shape": "GPT-2 124M", "tokens": TOKENS, "ratios": ratios,
            "tokens_per_s": {name: spread(v) for name, v in speeds.items()}}  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    write(measure(args.rounds), args.json, seed=SEED)


if __name__ == "__main__":
    main()
