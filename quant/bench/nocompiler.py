"""How fast each recipe of the page writes where nothing compiles, over float32: `python -m quant.bench.nocompiler`.

GPT-2 124M shape, random weights. Recipes that are held alike (the same kernel, the same tensors read, of the same
sizes) run the very same operators, so that one of each such group is measured and its ratio is every one's; `--every`
measures them all, which takes hours. Tokens alternate with float32's; a ratio is the median of the rounds' ratios.
`worst_page_recipe_nocompiler_vs_float32` is the smallest.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import torch

from quant.activations import Activations
from quant.bench.decode import PROMPT, SEED, no_compiler
from quant.bench.report import arguments, spread, write
from quant.bench.shape import loaded_124m
from quant.blocks import BLOCKS
from quant.formats import FORMATS
from quant.generation import best
from quant.kernels.cpu import hold, kernel
from quant.kernels.expanded import Expanded
from quant.kernels.int4pack import Int4Matrix
from quant.methods import quantize
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.run.reader import reader
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme, Shape

ROUNDS, NEW = 7, 12
INPUTS = (768, 3072)  # of the linear matrices, and of the table
SOME_ROWS = 16  # enough to see how a matrix is held
BITS = range(2, 9)
GRANULARITIES: tuple[Granularity, ...] = (PerTensor(), PerChannel(), *map(PerGroup, (16, 32, 64, 128, 256)))
CASTS = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
SCALED = ("float8_e4m3fn", "float8_e5m2", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn")
NO_ZERO = ("binary", "midrise2")
Way = tuple[object, ...]


class Case(NamedTuple):
    """A recipe of the sidebar. table: whether the token table is quantized too."""

    scheme: Scheme
    table: bool = False
    activations: Activations = Activations.FLOAT


def recipes() -> Iterator[tuple[str, Case]]:
    """Every recipe that the sidebar offers, by name."""
    for name, scheme in schemes():
        plain = scheme.element.is_integer and not scheme.name
        for activations in (Activations.FLOAT, Activations.INT8) if plain else (Activations.FLOAT,):
            for table in (False, True):
                marks = ("" if activations == Activations.FLOAT else ", a8") + (", table" if table else "")
                yield name + marks, Case(scheme, table, activations)


def schemes() -> Iterator[tuple[str, Scheme]]:
    for g in GRANULARITIES:
        place = f"g{g.size}" if isinstance(g, PerGroup) else "row" if isinstance(g, PerChannel) else "tensor"
        for bits in BITS:
            yield f"int{bits} {place}", Scheme.integer(bits, g)
            yield f"uint{bits} {place}", Scheme.integer(bits, g, zero_point=True)
        for name in SCALED:
            yield f"{name} {place}", Scheme(FORMATS[name], g)
        for name in NO_ZERO if isinstance(g, PerGroup) else ():
            yield f"{name} {place}", Scheme(FORMATS[name], g, Grid.SEARCH)
    for name in CASTS:
        yield f"cast to {name}", Scheme(FORMATS[name], PerTensor(), Grid.UNIT, None)
    for name, block in BLOCKS.items():
        yield name, block.scheme


def way(case: Case) -> Way:
    """What tells whether two recipes run the same operators: kernels, and shapes and types of what they read."""
    return (case.table, case.activations, *(_held(case.scheme, case.activations, n) for n in INPUTS))


@cache
def _held(scheme: Scheme, activations: Activations, inputs: int) -> Way:
    shape: Shape = (SOME_ROWS, inputs)
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(SEED))
    with no_compiler():
        held = hold(quantize(weight, scheme))
        read = held.copy if isinstance(held, Int4Matrix | Expanded) else held.parts().values()
        return (kernel(held, activations).name, *((part.dtype, tuple(part.shape)) for part in read))


def groups() -> dict[Way, dict[str, Case]]:
    """Recipes by the way in which they are held."""
    found: dict[Way, dict[str, Case]] = {}
    for name, case in recipes():
        found.setdefault(way(case), {})[name] = case
    return found


class Writer:
    """A model that has read `ids` and writes greedily after them, again and again the same."""

    def __init__(self, loaded: LoadedModel, ids: list[int]) -> None:
        self._reader, self._prompt = reader(loaded.model, len(ids) + NEW), len(ids)
        self._first = self._token = best(self._reader.read(ids))

    def token_s(self) -> float:
        """Seconds for one more token."""
        started = time.perf_counter()
        self._token = best(self._reader.read([self._token]))
        return time.perf_counter() - started

    def begin(self) -> None:
        self._reader.forget(self._prompt)
        self._token = self._first


def a_round(writers: list[Writer]) -> list[float]:
    """Tokens a second of each. They take turns token by token: whatever else runs here slows all of them alike."""
    for writer in writers:
        writer.begin()
    seconds = [[writer.token_s() for writer in writers] for _ in range(NEW)]
    return [NEW / sum(each) for each in zip(*seconds, strict=True)]


def measured(loaded: LoadedModel, case: Case, ids: list[int], rounds: int) -> dict[str, Any]:
    """Tokens a second of the recipe and of float32, and the median of the rounds' ratios."""
    recipe = Recipe.uniform(case.scheme, table=case.table, activations=case.activations, model=loaded.name)
    with no_compiler():
        models = (quantize_model(loaded, recipe), loaded)
        writers = [Writer(model, ids) for model in models]
        turns = [a_round(writers) for _ in range(rounds + 1)][1:]  # the first warms the caches
    ratios = [ours / float32 for ours, float32 in turns]
    speeds = dict(zip(("tokens_per_s", "float32_tokens_per_s"), map(spread, zip(*turns, strict=True)), strict=True))
    return {"ratio": round(statistics.median(ratios), 3), "ratios": spread(ratios), **speeds}


def measure(rounds: int, every: bool) -> dict[str, Any]:
    loaded = loaded_124m()
    generator = torch.Generator().manual_seed(SEED)
    ids = torch.randint(loaded.model.config.vocab_size, (PROMPT,), generator=generator).tolist()
    found: list[dict[str, Any]] = []
    by_recipe: dict[str, float] = {}
    for alike in [{n: r} for n, r in recipes()] if every else groups().values():
        (name, case), started = next(iter(alike.items())), time.perf_counter()
        result = measured(loaded, case, ids, rounds)
        kernels = sorted({str(_held(case.scheme, case.activations, n)[0]) for n in INPUTS})
        found.append({"measured": name, "kernels": kernels, "recipes": list(alike), **result})
        by_recipe |= dict.fromkeys(alike, result["ratio"])
        print(f"{name}: {result['ratio']} ({time.perf_counter() - started:.0f} s)", file=sys.stderr)
    worst = min(by_recipe, key=by_recipe.__getitem__)
    return {
        "shape": "GPT-2 124M", "prompt_tokens": PROMPT, "new_tokens": NEW, "rounds": rounds,
        "ratios": {"worst_page_recipe_nocompiler_vs_float32": by_recipe[worst]}, "worst_page_recipe": worst,
        "nocompiler_vs_float32": by_recipe, "measured": found,
    }  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", action="store_true", help="measure each recipe by itself")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    write(measure(args.rounds, args.every), args.json, seed=SEED)


if __name__ == "__main__":
    main()
