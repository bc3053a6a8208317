"""What each method takes on a GPT-2 of the 124M shape: `python -m quant.bench.methods_speed --json FILE`.

`seconds_124m`: from the float model to the packed one, all linear layers, the calibration text read included;
`processor_seconds` of all threads together, which other programs on the machine change least;
`peak_extra_bytes`: the most resident memory on the way beyond what the loaded model took, the packed one included.
Each method in a process of its own, one after another, on 8,192 random tokens of the full vocabulary where it reads a
text, in the first of `SCHEMES` that it can fill, with its knobs as they come but for `KNOBS`. Weights are random, and
so is the text: speed does not depend on them.

A run fails where a layer is left in float, has another scheme or other bytes than were promised. `as_rounding` says how
many layers hold exactly what plain rounding gives: none where a method did its work, all of LLM.int8's where no column
of random weights has outliers.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch

from quant.bench.evaluate import Identifiers, PeakMemory
from quant.bench.report import arguments, write
from quant.bench.shape import loaded_124m
from quant.blocks import BLOCKS
from quant.formats import learned_format
from quant.kernels.held import Held
from quant.kernels.matrix import PackedMatrix
from quant.methods import METHODS, rtn
from quant.model.layers import linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe
from quant.scheme import Grid, PerChannel, PerGroup, Scheme
from quant.size import size_report

SEED, TOKENS, LAYERS = 0, 8192, 12
SCHEMES = (
    Scheme.integer(4, PerGroup(64), zero_point=True), Scheme.integer(4, PerGroup(64)), BLOCKS["Q4_K"].scheme,
    BLOCKS["Q4_1"].scheme, BLOCKS["NF4"].scheme, Scheme.integer(8, PerChannel()),
    Scheme(learned_format(4), PerChannel(), Grid.LEARNED, None),
)  # fmt: skip
KNOBS: dict[str, dict[str, float]] = {"autoround": {"steps": 20}}  # the time grows with the steps


def usual_scheme(name: str) -> Scheme | None:
    """The first of `SCHEMES` that the method can fill."""
    return next((scheme for scheme in SCHEMES if METHODS[name].fits(scheme)), None)


def recipe_of(name: str, tokens: int) -> Recipe:
    """The recipe that is timed: all linear layers, and a text where the method reads one."""
    method, scheme = METHODS[name], usual_scheme(name)
    assert scheme is not None, f"{name} fills none of the usual schemes"
    g = torch.Generator().manual_seed(SEED)
    text = " ".join(map(str, torch.randint(50_257, (tokens,), generator=g).tolist()))
    calibration = Calibration("own", tokens, text) if method.needs or method.tune else None
    return Recipe.uniform(scheme, method=name, knobs=method.set_knobs(KNOBS.get(name, {})), model="124M",
                          calibration=calibration)  # fmt: skip


def warm_up(recipe: Recipe) -> Recipe:
    """The same scheme by the method that it is meant for; whole numbers where only the timed method can fill it."""
    scheme = recipe.rules[0].scheme
    assert scheme is not None
    return Recipe.uniform(SCHEMES[0] if scheme.grid is Grid.LEARNED else scheme, model=recipe.model)


def measure_one(name: str, layers: int = LAYERS, tokens: int = TOKENS,
                make: Callable[[Any, int], LoadedModel] = loaded_124m) -> dict[str, Any]:  # fmt: skip
    """Seconds, bytes and checks of one method, in this process. Raises AssertionError where a check fails.

    make: gives the model that is timed, of a tokenizer and a number of layers.
    """
    tokenizer, recipe = Identifiers(50_257, 50_256, 50_256), recipe_of(name, tokens)
    warm = make(tokenizer, 1)
    quantize_model(warm, warm_up(recipe))
    loaded = make(tokenizer, layers)
    del warm
    _free()
    with PeakMemory() as peak:
        started, worked = time.perf_counter(), time.process_time()
        made = quantize_model(loaded, recipe)
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
    knobs = asdict(recipe.rules[0].knobs)
    scheme = recipe.rules[0].scheme
    assert scheme is not None
    return {"seconds": round(seconds, 3), "processor_seconds": round(worked, 3),
            "peak_extra_bytes": peak.extra_bytes, "scheme": said(scheme), "knobs": knobs,
            "layers": layers, "tokens": tokens if recipe.reads else 0, "as_rounding": checked(loaded, recipe, made),
            "threads": torch.get_num_threads()}  # fmt: skip


def checked(loaded: LoadedModel, recipe: Recipe, made: LoadedModel) -> int:
    """How many layers hold what rounding gives, once every one is known to be stored as was asked."""
    held = {name: found for name, _, found in packed_matrices(made.model)}
    promised = {row.layer.name: row.stored_bytes for row in size_report(loaded, recipe).rows if row.quantized}
    assert set(held) == {layer.name for layer in linear_layers(loaded)}, "a layer was left in float"
    assert {name: stored(found) for name, found in held.items()} == promised, "other bytes than promised"
    scheme = recipe.rules[0].scheme
    assert all(found.scheme == scheme for found in held.values()), "a layer has another scheme"
    assert scheme is not None
    if not METHODS["rtn"].fits(scheme):
        return 0
    plain = {name: rtn.quantize(loaded.weight(name), scheme).dequantize() for name in held}
    return sum(torch.equal(found.quantized().dequantize(), plain[name]) for name, found in held.items())


def stored(held: Held) -> int:
    """Bytes of a matrix as it is packed: what multiplies it may hold a float32 copy besides (a table for each row)."""
    found = held.quantized()
    return PackedMatrix.of(found.q).nbytes + found.beside.nbytes


def said(scheme: Scheme) -> str:
    """A name for people."""
    return scheme.name or f"{scheme.element.name} {scheme.granularity} {scheme.grid.name}"


def _free() -> None:
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system


def methods_speed(say: Callable[[str], None], names: Sequence[str] = (), layers: int = LAYERS) -> dict[str, Any]:
    """Every method of `names`, all that fill a usual scheme unless said, each in a process of its own.

    Raises CalledProcessError where one fails: what it wrote is on the screen.
    """
    runs = {}
    for name in names or [name for name in METHODS if usual_scheme(name)]:
        command = [sys.executable, "-m", "quant.bench.methods_speed", "--one", name, "--layers", str(layers)]
        out = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        runs[name] = json.loads(out.splitlines()[-1])
        seconds, worked, extra = (runs[name][key] for key in ("seconds", "processor_seconds", "peak_extra_bytes"))
        say(f"{name}: {seconds} s ({worked} of the processor's), {extra / 1e6:.0f} MB")
    return {
        "seconds_124m": {name: run["seconds"] for name, run in runs.items()},
        "peak_extra_bytes": {name: run["peak_extra_bytes"] for name, run in runs.items()},
        "runs_124m": runs,
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--methods", default="", help="names, with commas; all unless said")
    parser.add_argument("--layers", type=int, default=LAYERS, help="fewer than 12 for a look")
    parser.add_argument("--one", help="this one alone, in this process")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure_one(args.one, args.layers)))
        return
    names = [name for name in args.methods.split(",") if name]
    write(
        methods_speed(lambda line: print(line, file=sys.stderr, flush=True), names, args.layers), args.json, seed=SEED
    )


if __name__ == "__main__":
    main()
