"""Tokens per second, one at a time, on the GPT-2 124M shape: ours beside transformers, the notebook and other engines.

    python -m quant.bench.decode --json FILE

Random weights, 16 tokens of prompt, 96 more; the prompt's pass is not counted. Rounds alternate; a ratio is the median
of the rounds' ratios. Other engines run in processes of their own (`remote.py`). Leave OMP_WAIT_POLICY unset: llama.cpp
is two thirds slower under PASSIVE.

bytes_per_token: what one step reads of the weights (matrices and their scales; norms, biases and the cache left out).
bandwidth: bytes per second of memory, the larger of a read probe and the best row of the models too large for a cache.
`int8` is 8-bit weights with float32 activations (W8); `int4` 4 bits in groups of 64 with the token table in 6 bits per
row (llama.cpp's own Q4_0 file keeps its table in Q6_K); `int4_table8` the same with the table in 8; `int4_a8` is `int4`
with activations rounded to 8 bits, as llama.cpp rounds its own, and is what the ratios of 4 bits are taken of and what
drafts; `int4_a8_table4` the same with the table in groups of 64 of 4 bits as well. `page_default` is what the page
opens with: 4 bits in groups of 64, float16 scales, the table in float32. What ends in `_nocompiler` runs as where
nothing compiles (all recipes of the page: quant/bench/nocompiler.py).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from transformers import GPT2LMHeadModel, StoppingCriteria, StoppingCriteriaList

from quant.activations import Activations
from quant.bench.memory import measure as measure_memory
from quant.bench.remote import Remote, remote_peers
from quant.bench.report import arguments, spread, write
from quant.bench.shape import gpt2_124m, loaded_124m
from quant.evaluation.bandwidth import bytes_per_token, read_bandwidth
from quant.evaluation.dynamic import as_transformers_loads, quantize_dynamically
from quant.generation import Sampling, best, generate
from quant.kernels import compiled, prefill
from quant.kernels.cpu import kernel
from quant.loading import load_model
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.run.reader import reader
from quant.scheme import PerChannel, PerGroup, Scheme
from quant.speculate import DRAFTED as DRAFTED_USUALLY
from quant.speculate import acceptance, speculate

SEED, PROMPT, NEW, ROUNDS = 0, 16, 96, 5
DRAFTED = 7  # tokens drafted a round: with the one before them, as many as the compiled step reads at once
TABLE = "transformer.wte"
BYTES = Scheme.integer(8, PerChannel())
SIXES = Scheme.integer(6, PerChannel())
HALVES = Scheme.integer(4, PerGroup(64))
PAIRS = Scheme.integer(2, PerGroup(64))


@dataclass(frozen=True)
class System:
    """One way to write. seconds(ids, new): of `new` tokens after the first; n_bytes: of weights read for a token."""

    name: str
    seconds: Callable[[list[int], int], float]
    n_bytes: int
    kernels: tuple[str, ...] = ()


def recipe(scheme: Scheme, activations: Activations = Activations.FLOAT, table: Scheme = BYTES) -> Recipe:
    return Recipe.uniform(scheme, activations=activations, overrides=((TABLE, table),))


RECIPES = {
    "int8": recipe(BYTES), "w8a8": recipe(BYTES, Activations.INT8), "int4_a8": recipe(HALVES, Activations.INT8, SIXES),
    "int4_a8_table4": recipe(HALVES, Activations.INT8, HALVES), "int4": recipe(HALVES, table=SIXES),
    "int4_table8": recipe(HALVES), "int2": recipe(PAIRS), "page_default": Recipe(), "page_default_nocompiler": Recipe(),
    "int8_nocompiler": recipe(BYTES),
}  # fmt: skip


def ours(loaded: LoadedModel, ids: list[int], new: int) -> float:
    """Our loop: static cache, argmax."""
    model = reader(loaded.model, len(ids) + new + 1)
    logits = model.read(ids)
    started = time.perf_counter()
    for _ in range(new):
        logits = model.read([best(logits)])
    best(logits)
    return time.perf_counter() - started


class Clock(StoppingCriteria):
    """The time at which each token was there; stops nothing."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        self.times.append(time.perf_counter())
        return torch.zeros(len(input_ids), dtype=torch.bool)


def theirs(model: GPT2LMHeadModel, ids: list[int], new: int) -> float:
    """transformers' `generate`, greedy, from its first token to its last."""
    clock, prompt = Clock(), torch.tensor([ids])
    model.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, min_new_tokens=new + 1,
        max_new_tokens=new + 1, pad_token_id=0, stopping_criteria=StoppingCriteriaList([clock]),
    )  # fmt: skip
    return clock.times[-1] - clock.times[0]


def all_accepted(original: LoadedModel, draft: LoadedModel, ids: list[int], new: int) -> float:
    """Speculative decoding in which every drafted token is taken, right or not: what it could give at the most."""
    judge, writer = (reader(m.model, len(ids) + new + DRAFTED + 2) for m in (original, draft))
    written = [*ids, best(judge.read(ids))]
    writer.read(ids)
    started = time.perf_counter()
    while len(written) < len(ids) + 1 + new:
        proposed: list[int] = []
        for _ in range(DRAFTED):
            proposed.append(best(writer.read((written + proposed)[writer.length :])))
        scores = judge.read([written[-1], *proposed], every=True)
        written += [*proposed, [best(row) for row in scores][-1]]
    return (time.perf_counter() - started) * new / (len(written) - len(ids) - 1)


@contextmanager
def no_compiler() -> Iterator[None]:
    """As on a machine without a C compiler."""
    hidden = [(compiled, "available"), (prefill, "available"), (prefill, "has_int8")]
    with ExitStack() as stack:
        for module, name in hidden:
            stack.enter_context(mock.patch.object(module, name, _nothing))
        yield


def _nothing() -> bool:  # a Mock in its place takes 17 us a call
    return False


def _hidden(work: Callable[[list[int], int], float]) -> Callable[[list[int], int], float]:
    def run(ids: list[int], new: int) -> float:
        with no_compiler():
            return work(ids, new)

    return run


def systems(plain: GPT2LMHeadModel, loaded: LoadedModel, others: list[Remote]) -> Iterator[System]:
    """All that can be run here."""
    whole = bytes_per_token(loaded)
    notebook = quantize_dynamically(as_transformers_loads(loaded))
    yield System("transformers", lambda ids, new: theirs(plain, ids, new), whole)
    yield System("notebook", lambda ids, new: theirs(notebook.model, ids, new), 0)
    yield System("float32", lambda ids, new: ours(loaded, ids, new), whole)
    yield System("float32_nocompiler", _hidden(lambda ids, new: ours(loaded, ids, new)), whole)
    models = {}
    for name, chosen in RECIPES.items():
        hidden = name.endswith("_nocompiler")
        with no_compiler() if hidden else mock.patch.dict({}):
            models[name] = quantize_model(loaded, chosen)
            used = tuple(sorted({kernel(held, chosen.activations).name for _, _, held in
                                 packed_matrices(models[name].model)}))  # fmt: skip
        work = lambda ids, new, model=models[name]: ours(model, ids, new)  # noqa: E731
        yield System(name, _hidden(work) if hidden else work, bytes_per_token(models[name]), used)
    yield System("speculative_accept_all", lambda ids, new: all_accepted(loaded, models["int4_a8"], ids, new), 0)
    for peer in others:
        yield System(peer.name, peer.decode, peer.file_bytes)


def ratios(speeds: dict[str, list[float]], limits: list[float], n_bytes: dict[str, int]) -> dict[str, float]:
    """The named ratios of tokens/s, for what was there."""
    pairs = {
        "float32_vs_transformers": ("float32", "transformers"),
        "float32_vs_llamacpp": ("float32", "llamacpp_f32"),
        "int8_vs_llamacpp_q8_0": ("int8", "llamacpp_q8_0"),
        "w8a8_vs_llamacpp_q8_0": ("w8a8", "llamacpp_q8_0"),
        "int4_vs_llamacpp_q4_0": ("int4_a8", "llamacpp_q4_0"),
        "int4_table4_vs_llamacpp_q4_0": ("int4_a8_table4", "llamacpp_q4_0"),
        "int4_float_activations_vs_llamacpp_q4_0": ("int4", "llamacpp_q4_0"),
        "int4_table8_vs_llamacpp_q4_0": ("int4_table8", "llamacpp_q4_0"),
        "page_default_vs_float32": ("page_default", "float32"),
        "page_default_nocompiler_vs_float32": ("page_default_nocompiler", "float32_nocompiler"),
        "int4_vs_notebook": ("int4_a8", "notebook"),
        "int4_float_activations_vs_notebook": ("int4", "notebook"),
        "int4_vs_float32": ("int4", "float32"),
        "int8_vs_ctranslate2_int8": ("int8", "ctranslate2_int8"),
        "speculative_accept_all_vs_float32": ("speculative_accept_all", "float32"),
    }
    found = {
        name: statistics.median(a / b for a, b in zip(speeds[x], speeds[y], strict=True))
        for name, (x, y) in pairs.items() if x in speeds and y in speeds
    }  # fmt: skip
    shares = [n_bytes["int4_a8"] * speed / limit for speed, limit in zip(speeds["int4_a8"], limits, strict=True)]
    found["int4_bandwidth_share"] = statistics.median(shares)
    found["speculative_breakeven_acceptance"] = breakeven(found["speculative_accept_all_vs_float32"])
    return {name: round(value, 3) for name, value in found.items()}


def breakeven(ceiling: float) -> float:
    """The share of drafted tokens that has to be accepted for speculation to be no slower, if each is alike.

    A round costs (DRAFTED + 1) / ceiling plain steps and gives (1 - a ** (DRAFTED + 1)) / (1 - a) tokens. Leviathan et
    al. 2023, equation 1.
    """
    cost, low, high = (DRAFTED + 1) / ceiling, 0.0, 1.0
    for _ in range(40):
        a = (low + high) / 2
        low, high = (a, high) if sum(a**i for i in range(DRAFTED + 1)) < cost else (low, a)
    return high


PROMPTS = ("Me gusta mucho el futbol", "La ciudad de Madrid es", "El río nace en", "Durante la guerra civil",
           "La música de", "En el siglo XIX", "Los animales que viven", "Había una vez")  # fmt: skip


DRAFTS = {"int4_a8": RECIPES["int4_a8"], "w8a8": RECIPES["w8a8"]}


def embedded(rounds: int) -> dict[str, Any]:
    """Greedy speculation on the model that ships: real acceptance, and speed over the original alone, by draft."""
    original = load_model()
    drafts = {name: quantize_model(original, replace(r, model=original.name)) for name, r in DRAFTS.items()}
    sampling = Sampling(max_length=96, no_repeat_ngram_size=0, stop_at_end=False)
    found: dict[str, list[float]] = {name: [] for name in drafts}
    shares: dict[str, float] = {}
    for _ in range(rounds):
        alone = sum(generate(original, p, sampling).seconds for p in PROMPTS)
        for name, draft in drafts.items():
            runs = [list(speculate(original, draft, p, sampling)) for p in PROMPTS]
            found[name].append(alone / sum(run[-1].seconds for run in runs))
            shares[name] = acceptance([r for run in runs for r in run])
    return {
        name: {"ratio": spread(found[name]), "acceptance": round(shares[name], 3), "drafted": DRAFTED_USUALLY,
               "prompts": len(PROMPTS)}
        for name in drafts
    }  # fmt: skip


def measure(rounds: int) -> dict[str, Any]:
    plain, loaded = gpt2_124m(), loaded_124m()
    generator = torch.Generator().manual_seed(SEED)
    ids = torch.randint(plain.config.vocab_size, (PROMPT,), generator=generator).tolist()
    with tempfile.TemporaryDirectory() as folder, remote_peers(Path(folder), torch.get_num_threads()) as others:
        found = list(systems(plain, loaded, others))
        for system in found:  # caches warm, code compiled
            system.seconds(ids, 4)
        speeds: dict[str, list[float]] = {s.name: [] for s in found}
        probes: list[float] = []
        for _ in range(rounds):
            probes.append(read_bandwidth.__wrapped__())  # anew each round: it moves as the speeds do
            for system in found:
                speeds[system.name].append(NEW / system.seconds(ids, NEW))
    n_bytes = {s.name: s.n_bytes for s in found}
    limits = [max(probe, *(n_bytes[name] * v[i] for name, v in speeds.items())) for i, probe in enumerate(probes)]
    small = embedded(rounds)
    result = ratios(speeds, limits, n_bytes)
    result["speculative_embedded_vs_float32"] = round(small["int4_a8"]["ratio"]["median"], 3)
    result["speculative_embedded_w8a8_vs_float32"] = round(small["w8a8"]["ratio"]["median"], 3)
    memory = measure_memory()
    result["memory_int4_vs_bytes"] = round(memory["held_bytes"] / memory["packed_bytes"], 3)
    return {
        "shape": "GPT-2 124M", "prompt_tokens": PROMPT, "new_tokens": NEW, "ratios": result,
        "tokens_per_s": {name: spread(v) for name, v in speeds.items()}, "bytes_per_token": n_bytes,
        "kernels": {s.name: s.kernels for s in found if s.kernels}, "read_probe_bytes_per_s": spread(probes),
        "bandwidth_bytes_per_s": spread(limits), "speculative_embedded": small, "memory": memory,
        "drafted": DRAFTED,
    }  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    write(measure(args.rounds), args.json, seed=SEED)


if __name__ == "__main__":
    main()
