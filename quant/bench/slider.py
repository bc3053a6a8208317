"""What one move of the bit slider costs the server on a 768 x 3072 matrix: `python -m quant.bench.slider --json FILE`.

Quantizing, both histograms, the code occupancy and both figures as JSON, for every bit width and granularity, in
shuffled order; `p95_ms` must stay under 150 ms. Float weights are gaussian, which costs what real ones cost.
"""

from __future__ import annotations

import random
import time

import torch

from quant.bench.report import arguments, spread, write
from quant.evaluation.weights import weight_view
from quant.plots.weights import histogram, occupancy
from quant.scheme import Granularity, PerChannel, PerGroup, PerTensor, Scheme

SEED = 0
SHAPE = (768, 3072)
ROUNDS = 5


def one_move_ms(weight: torch.Tensor, scheme: Scheme) -> float:
    started = time.perf_counter()
    view = weight_view(weight, scheme)
    histogram(view, "es", log_counts=True).to_json()
    occupancy(view, "es").to_json()
    return 1e3 * (time.perf_counter() - started)


def main() -> None:
    args = arguments(__doc__).parse_args()
    weight = torch.randn(SHAPE, generator=torch.Generator().manual_seed(SEED)) * 0.14
    granularities: list[Granularity] = [PerTensor(), PerChannel(), PerGroup(16), PerGroup(64)]
    moves = [Scheme.integer(b, g, zero_point=z) for b in range(2, 9) for g in granularities for z in (False, True)]
    one_move_ms(weight, moves[0])
    times = []
    for seed in range(ROUNDS):
        random.Random(seed).shuffle(moves)
        times += [one_move_ms(weight, scheme) for scheme in moves]
    p95 = sorted(times)[int(0.95 * len(times))]
    write({"shape": SHAPE, "p95_ms": round(p95, 1), "ms": spread(times)}, args.json, seed=SEED)


if __name__ == "__main__":
    main()
