"""Time to encode and pack the 85 million linear weights of a GPT-2 124M: `python -m quant.bench.formats --json FILE`.

`seconds` for every format of the registry in turn. Where llama_cpp is importable, the same matrices go through
`ggml_quantize_chunk` on as many threads, in alternating rounds: `ratios.q4_0_vs_ggml` and `ratios.q8_0_vs_ggml` are our
time over ggml's, and the bytes are compared. A format that searches for its scales is timed on one matrix
in each block of the model (`searched`), the rest counted in proportion.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quant.bench.report import arguments, spread, write
from quant.blocks import BLOCKS
from quant.methods import quantize
from quant.packing import Layout
from quant.scheme import PerChannel, PerGroup, Scheme

SEED, STANDARD_DEVIATION = 0, 0.14
BLOCK_SHAPES = [(2304, 768), (768, 768), (3072, 768), (768, 3072)]  # [out, in] of one of the twelve
BLOCK_COUNT = 12
LIMIT_S = 3.0
GGML_TYPES = {"Q4_0": 2, "Q8_0": 8}  # enum ggml_type


def schemes() -> dict[str, Scheme]:
    """Every block format, and the plain integer schemes that the page starts from."""
    plain = {f"int{b}_g64": Scheme.integer(b, PerGroup(64)) for b in (2, 3, 4, 8)}
    affine = {
        "uint4_g64": Scheme.integer(4, PerGroup(64), zero_point=True),
        "int8_row": Scheme.integer(8, PerChannel()),
    }
    return plain | affine | {name: block.scheme for name, block in BLOCKS.items()}


def encode(weights: list[Tensor], scheme: Scheme) -> list[bytes]:
    return [Layout(scheme).pack(quantize(w, scheme)) for w in weights]


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ggml_encoder() -> Callable[[list[Tensor], str], list[bytes]] | None:
    """`ggml_quantize_chunk` over the rows of each matrix, split among as many threads as torch uses."""
    spec = find_spec("llama_cpp")
    if spec is None or not spec.submodule_search_locations:
        return None
    library = ctypes.CDLL(str(next(Path(spec.submodule_search_locations[0], "lib").glob("libggml-base.*"))))
    row_size, chunk = library.ggml_row_size, library.ggml_quantize_chunk
    row_size.restype = chunk.restype = ctypes.c_size_t
    row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    chunk.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads)

    def encode_all(weights: list[Tensor], name: str) -> list[bytes]:
        packed = []
        for weight in weights:
            rows, columns = weight.shape
            data = np.empty(rows * row_size(GGML_TYPES[name], columns), np.uint8)
            cuts = [rows * i // threads for i in range(threads + 1)]

            def part(first: int, last: int, weight: Tensor = weight, data: np.ndarray = data) -> None:
                chunk(GGML_TYPES[name], weight.data_ptr(), data.ctypes.data, first * weight.shape[1], last - first,
                      weight.shape[1], None)  # fmt: skip

            list(pool.map(part, cuts[:-1], cuts[1:]))
            packed.append(data.tobytes())
        return packed

    return encode_all


def compare(weights: list[Tensor], rounds: int) -> dict[str, Any]:
    """Ratios of our time to ggml's, raw rounds, and whether the bytes agree; empty without llama_cpp."""
    ggml = ggml_encoder()
    if ggml is None:
        return {}
    result: dict[str, Any] = {"ratios": {}, "rounds": {}, "same_bytes": {}}
    for name in GGML_TYPES:
        scheme = BLOCKS[name].scheme
        result["same_bytes"][name] = encode(weights[:4], scheme) == ggml(weights[:4], name)
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(timed(lambda scheme=scheme: encode(weights, scheme)))  # type: ignore[misc]
            theirs.append(timed(lambda name=name: ggml(weights, name)))  # type: ignore[misc]
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        result["ratios"][f"{name.lower()}_vs_ggml"] = round(ratio, 3)
        result["rounds"][name] = {"ours_s": spread(ours), "ggml_s": spread(theirs)}
    return result


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    generator = torch.Generator().manual_seed(SEED)
    shapes = BLOCK_SHAPES * BLOCK_COUNT
    weights = [torch.randn(shape, generator=generator) * STANDARD_DEVIATION for shape in shapes]
    every, block = sum(w.numel() for w in weights), weights[: len(BLOCK_SHAPES)]
    encode(block, BLOCKS["Q8_0"].scheme)
    seconds, searched = {}, {}
    for name, scheme in schemes().items():
        if name in BLOCKS and BLOCKS[name].searched:
            searched[name] = round(timed(lambda scheme=scheme: encode(block, scheme)) * BLOCK_COUNT, 3)  # type: ignore[misc]
        else:
            seconds[name] = round(min(timed(lambda s=scheme: encode(weights, s)) for _ in range(2)), 3)  # type: ignore[misc]
    over = [name for name, s in seconds.items() if s > LIMIT_S]
    figures = {"weights": every, "seconds": seconds, "searched": searched, "over_3_s": over}
    write(figures | compare(weights, args.rounds), args.json, seed=SEED)


if __name__ == "__main__":
    main()
