"""Training with quantization in the loop on the embedded model: `python -m quant.bench.qat --json FILE`.

`recovered_2bit_60s`: the share of the KL that rounding with a zero point lost at 2 bits in groups of 64 which
SECONDS of training win back, medians of SEEDS, KL on the whole of the page's default text; `below_gptq_2bit`: its KL
over GPTQ's at the same bytes. `recovered_2bit_recorded`, `perplexity_ratio_1.58_recorded`: of the runs that ship, of
two at 2 bits the one that loses least, over the same rounding with a zero point; `recovered_2bit_held_out`: on each of
the texts that nothing was trained on, and on both.
`scales_only_4bit_kl_vs_rounding` and `..._gptq`: scales and zero points alone, at 4 bits, over the KL of where they
began; `weights_4bit_kl_vs_rounding`: all weights. `steps_vs_float`: steps per second with the language loss over those
of plain float training of the same model on the same batches by the same optimizer; `steps_vs_float_distilling`: with
the teacher. `export_vs_training`: the largest difference of KL and perplexity between what training simulates and the
packed model through the reference kernel. `peak_bytes`: the most resident memory of a run beyond what the process held
before, in a process of its own.

`--record NAME --seconds N --corpus FOLDER` trains one of RUNS for N seconds on the texts that the embedded model was
trained on (`quant.train.pretrain` says which; without a folder on all that ships) and writes it into
assets/training.json, with its packed model beside; with `--steps N` its rate falls to zero at that step, where it ends.
One that stopped goes on with `--resume FOLDER`, where it keeps its state.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from quant.bench.evaluate import PeakMemory
from quant.bench.recorded import QUICK_BYTES, default_text
from quant.bench.report import arguments, write
from quant.bench.training import LAYER, METHOD, PROMPT, RUNS, record, scored, whole
from quant.evaluation.learning import Learning, Watched, learning
from quant.kernels import reference
from quant.lab import Lab
from quant.loading import load_model
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.model.packed import QuantLinear
from quant.qat import BETAS, Trainer
from quant.quantization import quantize_model
from quant.recipe import Recipe, Training
from quant.recorded_training import FILE, recorded_training
from quant.student import arithmetic, in_one_pass, multiplies_bfloat16
from quant.texts import shipped_text
from quant.work import finished

SEEDS, SECONDS, ROUNDS, STEPS_A_ROUND = (0, 1, 2), 60.0, 7, 6
HELD_OUT = ("enciclopedia", "literatura")
WITH_ZERO, TWO_BITS = "2", ("2", "2m")
# ---- what must hold


def kl(loaded: LoadedModel, made: LoadedModel) -> float:
    return float(scored(loaded, made).tokens.kl.mean())


def run_for(lab: Lab, recipe: Recipe, seconds: float) -> tuple[LoadedModel, Learning]:
    """A live run, and the model that it ended with."""
    ended = finished(learning(lab, recipe, seconds, Watched(default_text(), PROMPT, LAYER)))
    return finished(lab.quantized(ended.recipe)), ended


def seeds(lab: Lab, loaded: LoadedModel, recipe: Recipe, seconds: float) -> dict[str, Any]:
    """KL of a run under each seed, and the steps that it made."""
    kls, steps = [], []
    for seed in SEEDS:
        assert recipe.training is not None
        made, ended = run_for(lab, replace(recipe, training=replace(recipe.training, seed=seed)), seconds)
        kls.append(kl(loaded, made))
        assert ended.recipe.training is not None
        steps.append(ended.recipe.training.steps)
        said = f"{recipe.rules[0].method}, {recipe.training.learn}, seed {seed}"
        print(f"{said}: {kls[-1]:.4f} nats after {steps[-1]} steps", file=sys.stderr, flush=True)
    return {"kl": median(kls), "kls": kls, "steps": steps}


def quality(seconds: float) -> dict[str, Any]:
    """The runs of `seconds` at 2 and 4 bits, and what they are measured against."""
    lab = Lab()
    loaded = lab.loaded("embedded")
    two, four = whole(2), whole(4)
    base = {
        f"{method}_{bits}bit": kl(loaded, quantize_model(loaded, Recipe.uniform(whole(bits), method=method)))
        for bits in (2, 4) for method in ("rtn", "gptq")
    }  # fmt: skip
    runs = {
        "weights_2bit": Recipe.uniform(two, method=METHOD, training=Training(1)),
        "scales_4bit": Recipe.uniform(four, method="rtn", training=Training(1, "scales")),
        "scales_4bit_after_gptq": Recipe.uniform(four, method="gptq", training=Training(1, "scales")),
        "weights_4bit": Recipe.uniform(four, method="rtn", training=Training(1)),
    }
    found = {name: seeds(lab, loaded, recipe, seconds) for name, recipe in runs.items()}
    return {
        "seconds": seconds, "arithmetic": "bfloat16" if multiplies_bfloat16() else "float32", "kl": base, "runs": found,
        "recovered_2bit_60s": 1 - found["weights_2bit"]["kl"] / base["rtn_2bit"],
        "below_gptq_2bit": found["weights_2bit"]["kl"] / base["gptq_2bit"],
        "scales_only_4bit_kl_vs_rounding": found["scales_4bit"]["kl"] / base["rtn_4bit"],
        "scales_only_4bit_kl_vs_gptq": found["scales_4bit_after_gptq"]["kl"] / base["gptq_4bit"],
        "weights_4bit_kl_vs_rounding": found["weights_4bit"]["kl"] / base["rtn_4bit"],
    }  # fmt: skip


def shipped_figures() -> dict[str, Any]:
    """What the recorded runs recovered."""
    found: dict[str, Any] = {}
    for run in recorded_training().runs:
        if run.kl_rounding and run.kl.value is not None and run.kl_rounding.value:
            found[f"recovered_{run.name}_recorded"] = 1 - run.kl.value / run.kl_rounding.value
        if run.perplexity.value:
            original = recorded_training().perplexity_whole.value
            assert original is not None
            found[f"perplexity_ratio_{run.name}_recorded"] = run.perplexity.value / original
    two = {run.name: run for run in recorded_training().runs if run.name in TWO_BITS}
    rounding = two[WITH_ZERO].kl_rounding
    assert rounding is not None
    best = min(two.values(), key=lambda run: run.kl.value or 0.0)
    found["recovered_2bit_recorded"] = 1 - (best.kl.value or 0.0) / (rounding.value or 1.0)
    found["recovered_2bit_held_out"] = {"run": best.name, **held_out(best.made)}
    return found


def held_out(trained: Recipe) -> dict[str, float]:
    """What a recorded run at 2 bits won back of the KL that rounding with a zero point lost, on a part of each held-out
    text and on all of that.
    """
    lab = Lab()
    loaded = lab.loaded("embedded")
    models = {
        "rounding": quantize_model(loaded, Recipe.uniform(whole(2))), "trained": finished(lab.quantized(trained)),
    }  # fmt: skip
    texts = [shipped_text(text).part(QUICK_BYTES) for text in HELD_OUT]
    kls = {of: [scored(loaded, made, text).tokens.kl for text in texts] for of, made in models.items()}
    shares = {
        text: 1 - float(after.mean() / before.mean())
        for text, before, after in zip(HELD_OUT, kls["rounding"], kls["trained"], strict=True)
    }
    together = {of: torch.cat([torch.as_tensor(kl) for kl in found]).mean() for of, found in kls.items()}
    return {**shares, "both": 1 - float(together["trained"] / together["rounding"])}


# ---- speed, memory, sameness


class Float:
    """Plain training of the float model on the same batches, with the language loss."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.model = trainer, in_one_pass(structural_copy(trainer.loaded.model))
        self.parameters = []
        for name, module in list(self.model.named_modules()):
            if isinstance(module, nn.Linear) and name in trainer.matrices:
                module.weight = nn.Parameter(module.weight.detach().clone())
                self.parameters.append(module.weight)
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-5, betas=BETAS, weight_decay=0.0, fused=True)
        self.step = 0

    def advance(self) -> None:
        windows = self.trainer.windows.batch(self.step)
        with arithmetic():
            logits = self.model(windows[:, :-1], use_cache=False).logits
        loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), windows[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1


def speed() -> dict[str, Any]:
    """Steps per second over those of float training: the kinds alternate, ROUNDS times, medians of their ratios."""
    loaded, scheme = load_model(), whole(2)
    made = quantize_model(loaded, Recipe.uniform(scheme))
    kinds: dict[str, Any] = {
        name: Trainer(loaded, made, Recipe.uniform(scheme, training=Training(1, loss=loss)))
        for name, loss in (("language", "language"), ("distilling", "distillation"))
    }
    kinds["float"] = Float(kinds["language"])
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(ROUNDS + 1):
        for name, kind in kinds.items():
            start = time.perf_counter()
            for _ in range(STEPS_A_ROUND):
                kind.advance()
            if turn:  # the first warms up
                times[name].append((time.perf_counter() - start) / STEPS_A_ROUND)
    ratios = {n: [f / x for f, x in zip(times["float"], times[n], strict=True)] for n in ("language", "distilling")}
    return {
        "steps_vs_float": median(ratios["language"]), "steps_vs_float_distilling": median(ratios["distilling"]),
        "steps_vs_float_all": ratios, "seconds_a_step": {name: median(t) for name, t in times.items()},
    }  # fmt: skip


def _multiplied(module: QuantLinear, x: torch.Tensor, **_: Any) -> torch.Tensor:
    """What `module` gives of x, its inputs rounded where they are to be; nothing stands beside it then."""
    return reference.linear(module.activations.rounded(x), module.matrix, module.bias)


@contextmanager
def by_definition(model: LoadedModel) -> Iterator[LoadedModel]:
    """`model` multiplied by the reference kernel alone."""
    forwards = {}
    for module in model.model.modules():
        if isinstance(module, QuantLinear):
            forwards[module] = module.forward
            module.forward = partial(_multiplied, module)  # type: ignore[method-assign]
    try:
        yield model
    finally:
        for module, forward in forwards.items():
            module.forward = forward  # type: ignore[method-assign]


@torch.no_grad()
def export_vs_training(steps: int = 10) -> float:
    """The largest difference of KL (nats) and of the mean loss between what is simulated and what is packed."""
    loaded = load_model()
    recipe = Recipe.uniform(whole(2), training=Training(steps))
    with torch.enable_grad():
        trainer = Trainer(loaded, quantize_model(loaded, replace(recipe, training=None)), recipe)
        for _ in range(steps):
            trainer.advance()
    packed = trainer.packed()
    ids = torch.cat([trainer.windows.batch(1000 + i) for i in range(3)])
    inputs, targets = ids[:, :-1], ids[:, 1:]
    teacher = loaded.model(inputs).logits.log_softmax(-1)
    with by_definition(packed), trainer.averaged():
        both = [model(inputs).logits.log_softmax(-1) for model in (trainer.student, packed.model)]
    divergences = [float((teacher.exp() * (teacher - logits)).sum(-1).mean()) for logits in both]
    losses = [float(nn.functional.nll_loss(logits.flatten(0, 1), targets.flatten())) for logits in both]
    return max(abs(divergences[0] - divergences[1]), abs(losses[0] - losses[1]))


def peak(seconds: float = 10.0) -> int:
    """Bytes of a live run beyond what the process held with the model loaded; in a process of its own."""
    lab = Lab()
    lab.loaded("embedded")
    with PeakMemory() as memory:
        run_for(lab, Recipe.uniform(whole(2), training=Training(1)), seconds)
    return memory.extra_bytes


def peak_apart() -> int:
    code = "from quant.bench.qat import peak; print(peak())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each run")
    parser.add_argument("--steps", type=int, default=0, help="of a recorded run whose rate falls to zero")
    parser.add_argument("--rate", type=float, default=0.0, help="of a recorded run; the usual one unless said")
    parser.add_argument("--record", choices=RUNS, help="train this run and write it into the assets")
    parser.add_argument("--resume", type=Path, default=Path.cwd(), help="where a recorded run keeps its state")
    parser.add_argument("--corpus", type=Path, help="the texts of a recorded run; all that ships unless said")
    parser.add_argument("--only", choices=("quality", "speed", "rest"), help="leave the others out")
    options = parser.parse_args()
    if options.record:
        record(options.record, options.seconds, options.steps, options.rate, options.resume, options.corpus)
        return
    found: dict[str, Any] = {}
    if options.only in (None, "rest"):
        found |= {"export_vs_training": export_vs_training(), "peak_bytes": peak_apart()}
        found |= shipped_figures() if FILE.is_file() else {}
    if options.only in (None, "speed"):
        found |= speed()
    if options.only in (None, "quality"):
        found |= quality(options.seconds)
    write(found, options.json, seed=0)


if __name__ == "__main__":
    main()
