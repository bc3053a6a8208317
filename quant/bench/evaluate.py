"""Cost of the full evaluation on the 124M shape, and published protocols repeated.

`python -m quant.bench.evaluate --json FILE`: 16 windows of 1,024 random tokens, random weights, two threads, rounds in
turn. `ratios.full_vs_plain_loop`: both models with everything that is measured, nothing cached, over a plain
transformers loop that takes the loss of one; `ratios.full_vs_two_plain_loops`: the same over the loops of
both; `ratios.second_scheme_vs_forward`: a second scheme on a known reference, over one plain loop.
`peak_extra_bytes`: resident memory of a full evaluation on top of the two models.

`--verify MODEL TEXT --context N --stride N`: perplexity of a model on a text file by a sliding window (each token is
scored once, with at least N - stride tokens before it), no BOS, as published figures are made.
"""

from __future__ import annotations

import argparse
import math
import resource
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from quant.bench.report import arguments, spread, write
from quant.bench.shape import gpt2_124m
from quant.errors import EvaluationError, QuantError
from quant.evaluation.compare import Reference, compare
from quant.loading import load_model
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.text import Text
from quant.texts import EvalText

SEED, WINDOWS, CONTEXT, ROUNDS = 0, 16, 1024, 5
POLL_S = 0.02


@dataclass
class Identifiers:
    """A tokenizer for texts that are token ids already."""

    vocabulary: int
    bos_token_id: int
    eos_token_id: int | None = None

    def encode(self, text: str, **_: object) -> list[int]:
        return [int(word) for word in text.split()]

    def get_vocab(self) -> dict[str, int]:
        return {str(i): i for i in range(self.vocabulary)}


def plain_loop(model: GPT2LMHeadModel, windows: list[Tensor]) -> float:
    """Mean loss the way notebooks take it: one window, one call, `labels=`."""
    with torch.no_grad():
        return statistics.fmean(float(model(w, labels=w).loss) for w in windows)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class PeakMemory:
    """The most resident memory seen while the block runs, beyond what there was at its start."""

    def __enter__(self) -> PeakMemory:
        self.base = self.most = self._resident()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    @property
    def extra_bytes(self) -> int:
        return self.most - self.base

    def _watch(self) -> None:
        while not self._ended.wait(POLL_S):
            self.most = max(self.most, self._resident())

    @staticmethod
    def _resident() -> int:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()


def measure(rounds: int) -> dict[str, Any]:
    plain = [gpt2_124m(), gpt2_124m()]
    tokenizer: Any = Identifiers(plain[0].config.vocab_size, plain[0].config.eos_token_id)
    origin = Text("pesos aleatorios", "random weights")
    turned = gpt2_124m()
    turn_conv1d(turned)
    original = LoadedModel("124M", turned, tokenizer, origin, "")
    quantized = quantize_model(original, Recipe())
    generator = torch.Generator().manual_seed(SEED)
    ids = torch.randint(plain[0].config.vocab_size, (WINDOWS, CONTEXT), generator=generator)
    text = EvalText("random", origin, tuple(" ".join(map(str, row.tolist())) for row in ids))
    windows = [row.unsqueeze(0) for row in ids]
    with PeakMemory() as peak:
        compare(Reference(original, text), quantized)
    times: dict[str, list[float]] = {"full": [], "second": [], "plain_one": [], "plain_two": []}
    for _ in range(rounds):
        reference = Reference(original, text)
        times["full"].append(timed(lambda reference=reference: compare(reference, quantized)))  # type: ignore[misc]
        first = timed(lambda: plain_loop(plain[0], windows))
        times["second"].append(timed(lambda reference=reference: compare(reference, quantized)))  # type: ignore[misc]
        times["plain_one"].append(first)
        times["plain_two"].append(first + timed(lambda: plain_loop(plain[1], windows)))

    def ratio(a: str, b: str) -> float:
        return round(statistics.median(x / y for x, y in zip(times[a], times[b], strict=True)), 3)

    ratios = {
        "full_vs_plain_loop": ratio("full", "plain_one"), "full_vs_two_plain_loops": ratio("full", "plain_two"),
        "second_scheme_vs_forward": ratio("second", "plain_one"),
    }  # fmt: skip
    seconds = {name: spread(values) for name, values in times.items()}
    return {"tokens": WINDOWS * CONTEXT, "ratios": ratios, "seconds": seconds, "peak_extra_bytes": peak.extra_bytes}


@torch.no_grad()
def verify(model: str, path: Path, context: int, stride: int) -> dict[str, Any]:
    """Perplexity of a text file as published figures are made.

    Raises ModelError for a model that is not there, EvaluationError for a text or a protocol that cannot be.
    """
    loaded = load_model(Path(model) if Path(model).is_dir() else model)
    if not 0 < stride <= context <= loaded.context:
        raise EvaluationError(
            Text("Contexto {context} y paso {stride}: hace falta 0 < paso ≤ contexto ≤ {most}.",
                 "Context {context} and stride {stride}: 0 < stride ≤ context ≤ {most} is needed.")
            .format(context=context, stride=stride, most=loaded.context)
        )  # fmt: skip
    ids = torch.tensor(loaded.tokenizer.encode(_read(path), add_special_tokens=False, verbose=False))
    if len(ids) < 2:
        raise EvaluationError(
            Text("El texto tiene {got} tokens; hacen falta al menos 2.",
                 "The text has {got} tokens; at least 2 are needed.").format(got=len(ids))
        )  # fmt: skip
    nats, scored, end = 0.0, 0, 0
    for start in range(0, len(ids), stride):
        window = ids[start : start + context]
        fresh = min(start + len(window) - end, len(window) - 1)  # a window's first token has nothing before it
        end = start + len(window)
        if fresh > 0:
            logits = loaded.model(window.unsqueeze(0)).logits[0, -fresh - 1 : -1].float()
            nats += float(torch.nn.functional.cross_entropy(logits, window[-fresh:], reduction="sum"))
            scored += fresh
        if end == len(ids):
            break
    return {"perplexity": math.exp(nats / scored), "tokens_scored": scored, "context": context, "stride": stride,
            "model": model, "bos": False}  # fmt: skip


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(
            Text("{path} no se puede leer como texto UTF-8: {why}.", "{path} cannot be read as UTF-8 text: {why}.")
            .format(path=str(path), why=str(error))
        ) from None  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verify", nargs=2, metavar=("MODEL", "TEXT"))
    parser.add_argument("--context", type=int, default=CONTEXT)
    parser.add_argument("--stride", type=int, default=CONTEXT)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.verify:
        try:
            write(verify(args.verify[0], Path(args.verify[1]), args.context, args.stride), args.json)
        except QuantError as error:
            parser.error(f"{error.text.es}\n{error.text.en}")
    else:
        write(measure(args.rounds), args.json, seed=SEED)


if __name__ == "__main__":
    main()
