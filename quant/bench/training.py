"""Recording the longer trainings that ship: `python -m quant.bench.qat --record NAME` (qat.py says how)."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import torch

from quant.bench.recorded import default_text
from quant.bench.report import environment
from quant.calibrate import tokens_in
from quant.evaluation.compare import Comparison, Reference, compare
from quant.evaluation.figures import figures
from quant.evaluation.learning import Learning, Watched, learning, thinned
from quant.evaluation.training_plan import SCHEMES
from quant.lab import Lab
from quant.methods import METHODS
from quant.model.load import LoadedModel
from quant.qat import Trainer
from quant.quantization import quantize_model
from quant.recipe import Recipe, Training
from quant.recipe_json import recipe_to_json
from quant.recorded import WEIGHTS, sha256_of
from quant.recorded_methods import Figure
from quant.recorded_training import FILE, FOLDER, CheckJson, RecordedTraining, Run, recorded_training
from quant.scheme import Grid, PerGroup, Scheme
from quant.size import size_report
from quant.texts import EVERYTHING, EvalText
from quant.texts import FOLDER as TEXTS
from quant.train.pretrain import load_sources
from quant.trained import save_matrices
from quant.training import CORPUS
from quant.work import finished

PROMPT, LAYER = "Me gusta mucho el futbol", "transformer.h.0.mlp.c_fc"
# Of the corpus, by its sources: half of it explains, and that is all there is; half of it tells, as the two texts that
# are held out do.
SHARES = {
    "wikipedia_resumenes": 0.25, "openstax_fisica": 0.12, "openstax_quimica": 0.08, "openstax_estadistica": 0.04,
    "literatura_seleccion": 0.28, "literatura_1890_1931_resto": 0.14, "cuentos_literarios": 0.05,
    "tatoeba_frases": 0.04,
}  # fmt: skip
CORPUS_TOKENS, BYTES_A_TOKEN = 2_800_000, 3.4


def whole(bits: int) -> Scheme:
    return Scheme.integer(bits, PerGroup(64), zero_point=True)


RUNS = ("2m", "2", "1.58", "1")  # what ships, by the names of SCHEMES, each from the best scale
METHOD = "search"


def scored(loaded: LoadedModel, made: LoadedModel, text: EvalText | None = None) -> Comparison:
    return compare(Reference(loaded, text or default_text()), made)


def corpus_ids(loaded: LoadedModel, corpus: Path) -> torch.Tensor:
    """int64 [tokens]: SHARES of CORPUS_TOKENS from each source, document by document in an order drawn once."""
    rng, chosen = Random(0), list[str]()
    sources = load_sources(corpus, TEXTS / "calibration.txt")
    for source, share in SHARES.items():
        documents, left = rng.sample(sources[source], len(sources[source])), share * CORPUS_TOKENS * BYTES_A_TOKEN
        for document in documents:
            if left <= 0:
                break
            chosen.append(document)
            left -= len(document.encode())
    rng.shuffle(chosen)
    return torch.tensor(tokens_in(loaded, chosen, CORPUS_TOKENS))


def record(name: str, seconds: float, steps: int, rate: float, folder: Path, corpus: Path | None) -> None:
    """Train one of RUNS until it has had `seconds`, keep its state in `folder` on the way, and write it down.

    steps: by which the rate has fallen to zero, and the run ends; 0 for the usual schedule. rate: 0 for the usual one.
    """
    lab = Lab()
    loaded = lab.loaded("embedded")
    base = Recipe.uniform(SCHEMES[name], method=METHOD)
    training = Training(1, text=CORPUS if corpus else EVERYTHING, rate=rate, decay_steps=steps)
    recipe = replace(base, training=training)
    made = quantize_model(loaded, base)
    trainer = Trainer(loaded, made, recipe, corpus_ids(loaded, corpus) if corpus else None)
    state = folder / f"{name}.pt"
    kept: dict[str, Any] = {"seconds": 0.0, "losses": [], "checks": []}
    if state.is_file():
        kept = torch.load(state, weights_only=True)
        trainer.resume(kept.pop("trainer"))
    watched = Watched(default_text(), PROMPT, LAYER)
    lab.keep_trainer(recipe, trainer)
    while kept["seconds"] < seconds and not trainer.ended:
        stretch = min(seconds - kept["seconds"], max(30.0, 0.35 * kept["seconds"]))
        ended = finished(learning(lab, recipe, stretch, watched, check_s=1e9))
        kept["losses"] += [list(pair) for pair in ended.losses]
        new = ended.checks if not kept["checks"] else ended.checks[1:]
        kept["checks"] += [asdict(check) | {"seconds": check.seconds + kept["seconds"]} for check in new]
        kept["seconds"] += ended.seconds
        torch.save({**kept, "trainer": trainer.state()}, state.with_suffix(".tmp"))
        state.with_suffix(".tmp").replace(state)
        last = kept["checks"][-1]
        print(f"{name}: {kept['seconds']:.0f} s, step {last['step']}, KL {last['kl']:.4f}", flush=True)
        if ended.problem:
            raise ended.problem
    ended = finished(learning(lab, recipe, 0.0, watched))  # what the original says, of a run that only goes on
    write_down(name, trainer, kept, ended)


def write_down(name: str, trainer: Trainer, kept: dict[str, Any], ended: Learning) -> None:
    """Put a run into assets/training.json, in place of one of its name, and its packed model beside."""
    loaded, recipe, trained = trainer.loaded, trainer.so_far(), trainer.packed()
    FOLDER.mkdir(exist_ok=True)
    file = f"{name}.safetensors"
    n_bytes = save_matrices(trained, recipe, FOLDER / file)
    now, report = figures(scored(loaded, trained)), size_report(loaded, recipe)
    others = {method: _other(loaded, SCHEMES[name], method) for method in ("rtn", "gptq")}
    rounding, gptq = others["rtn"], others["gptq"]
    checks = tuple(CheckJson(**check) for check in kept["checks"])
    run = Run(
        name=name, recipe=recipe_to_json(recipe), file=file, seconds=round(kept["seconds"], 1),
        losses=thinned([(step, round(loss, 5)) for step, loss in kept["losses"]]), checks=checks,
        perplexity_original=ended.perplexity_original, text_original=ended.text_original,
        kl=Figure.of(now.kl_mean), perplexity=Figure.of(now.perplexity_quantized),
        kl_rounding=rounding and Figure.of(rounding.kl_mean),
        perplexity_rounding=rounding and Figure.of(rounding.perplexity_quantized),
        kl_gptq=gptq and Figure.of(gptq.kl_mean), bits_per_weight=report.quantized_bits_per_weight,
        stored_bytes=report.stored_bytes,
    )  # fmt: skip
    seen = environment(0)
    runs = [one for one in (recorded_training().runs if FILE.is_file() else ()) if one.name != name]
    made = RecordedTraining(
        model_sha256=sha256_of(WEIGHTS), versions={"python": seen["python"], **seen["packages"]},
        threads=seen["threads"], text_name=default_text().name, perplexity_whole=Figure.of(now.perplexity_original),
        runs=tuple(sorted([*runs, run], key=lambda one: RUNS.index(one.name))),
    )  # fmt: skip
    FILE.write_text(json.dumps(made.model_dump(mode="json"), ensure_ascii=False) + "\n", encoding="utf8")
    print(f"{name}: {n_bytes} bytes, KL {now.kl_mean.value:.4f}, perplexity {now.perplexity_quantized.value:.2f}")


def _other(loaded: LoadedModel, scheme: Scheme, method: str) -> Any:
    """The figures of a method on the same scheme; on the plain grid of the same values where that is searched for."""
    if scheme.grid is Grid.SEARCH:
        scheme = replace(scheme, grid=Grid.ABSMAX)
    if not METHODS[method].fits(scheme):
        return None
    return figures(scored(loaded, quantize_model(loaded, Recipe.uniform(scheme, method=method))))
