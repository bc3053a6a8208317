"""A budget divided by what each matrix costs, against one format for all: `python -m quant.bench.choose --json FILE`.

For the embedded model, or `--model FOLDER`, and BUDGETS in bits per weight (over all matrices, the token table among
them): the mix that the costs of the parts, on a calibration text, predict to lose least, measured on the page's default
text beside the best uniform recipe of at most the same bytes.

`ratios.budget_vs_best_uniform_kl`: the mix's KL over the best uniform recipe's, of all uniform recipes that fit the one
that was measured best; `ratios.predicted_vs_measured_kl`: both of the mix, the prediction on the calibration text. A
list each, by BUDGETS; `ratios_estimated` the same where costs are estimated in one backward pass for each format.
`sensitivity`: the proxies' rank correlation with the measured effects, and additivity, of RECIPES.

`--record PARTS` measures all that the page shows of the embedded model at once and writes assets/choices.json; PARTS, a
file, keeps what is done, so that a recording that was interrupted goes on.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from quant.bench.recorded import default_text
from quant.bench.report import arguments, environment, write
from quant.evaluation.budget import Answer, answered, mix_within, uniform
from quant.evaluation.costs import ESTIMATED, MEASURED, PALETTES, Costs, costs, losses, palette, sensitivity_text
from quant.evaluation.methods import row
from quant.evaluation.proxies import proxies, rank_correlation
from quant.evaluation.sensitivity import Sensitivity, sensitivity_steps
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.recipe import Recipe, cache_scheme
from quant.recipe_json import recipe_to_json
from quant.recorded import WEIGHTS, sha256_of
from quant.recorded_choices import FILE, EffectJson, LossesJson, MeasuredJson, RecordedChoices, SensitivityJson
from quant.recorded_methods import Figure, short
from quant.scheme import PerGroup, Scheme
from quant.work import finished

BUDGETS = (3.5, 4.5, 6.0)  # bits per weight
SHOWN_MB = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0)  # of which the page has measured figures, beside BUDGETS
PROXY_WINDOWS = 8
RECIPES = {
    "rtn_4bit": (4, "rtn"), "gptq_4bit": (4, "gptq"), "gptq_3bit": (3, "gptq"), "rtn_3bit": (3, "rtn"),
}  # fmt: skip


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def n_bytes(known: Costs, bits: float) -> int:
    """The bytes of a budget in bits per weight of the matrices; what stays in float32 comes on top."""
    return int(bits * known.parameters / 8) + known.kept_bytes


def budgets(lab: Lab, model: str, palette_name: str, how: str) -> dict[str, Any]:
    """All budgets by one palette and one kind of costs."""
    loaded, start = lab.loaded(model), time.perf_counter()
    known = costs(loaded, finished(losses(lab, model, palette_name, how=how)))
    spent = time.perf_counter() - start
    say(f"{palette_name}, {how}: costs in {spent:.0f} s")
    found = []
    for bits in BUDGETS:
        most = n_bytes(known, bits)
        answer = finished(answered(lab, known, mix_within(loaded, known, most), most, default_text()))
        fitting = [mix for mix in uniform(loaded, known) if mix.n_bytes <= most]
        rows = [finished(row(lab, mix.recipe, default_text())) for mix in fitting]
        best = min((one.figures.kl_mean.value for one in rows), default=None)
        found.append(_said(bits, answer, best, known))
        say(f"{bits} bits: {found[-1]}")
    additivity = {
        way.name: sum(known.of(name, way.name).loss for name in known.matrices) / known.losses.together[way.name]
        for way in palette(palette_name)
    }  # fmt: skip
    return {"seconds": spent, "additivity": additivity, "budgets": found}


def _said(bits: float, answer: Answer, best: float | None, known: Costs) -> dict[str, Any]:
    kl, between = answer.measured.figures.kl_mean.value, answer.difference
    return {
        "bits": bits, "mix": dict(zip(known.parts, answer.mix.allotted.names, strict=True)),
        "n_bytes": answer.mix.n_bytes, "bits_per_weight": answer.measured.bits_per_weight,
        "predicted_kl": answer.mix.predicted, "measured_kl": kl,
        "uniform": answer.uniform and answer.uniform.allotted.names[0],
        "uniform_bytes": answer.uniform and answer.uniform.n_bytes, "best_uniform_kl": best,
        "mix_less_uniform": between and [between.low, between.high],
        "budget_vs_best_uniform": kl / best if best else None, "predicted_vs_measured": answer.mix.predicted / kl,
    }  # fmt: skip


def looked_at(lab: Lab, recipe: Recipe) -> tuple[Sensitivity, dict[str, dict[str, float]]]:
    """The effects of the parts of a recipe, and the guesses at those of its matrices."""
    reference = lab.reference(recipe.model, sensitivity_text())
    made = finished(lab.quantized(recipe))
    guesses = proxies(reference.loaded, made, reference.windows[:PROXY_WINDOWS])
    return finished(sensitivity_steps(reference, made)), guesses


def ranks(seen: Sensitivity, guesses: dict[str, dict[str, float]]) -> dict[str, float]:
    """Spearman's coefficient of each guess with the effects of the matrices."""
    effects = [e for e in seen.effects if e.noise is not None]
    kls = [e.kl.value for e in effects]
    return {guess: rank_correlation([of[e.name] for e in effects], kls) for guess, of in guesses.items()}


def sensitivity(lab: Lab, model: str) -> dict[str, Any]:
    """How well each cheap guess ranks the matrices of each of RECIPES, and how far their effects add up."""
    found = {}
    for name, (bits, method) in RECIPES.items():
        scheme = Scheme.integer(bits, PerGroup(64), zero_point=True)
        seen, guesses = looked_at(lab, Recipe.uniform(scheme, table=True, method=method, model=model))
        noise = sorted(e.noise / e.kl.value for e in seen.effects if e.noise is not None and e.kl.value)
        found[name] = {
            "rank_correlation": ranks(seen, guesses), "additivity": seen.additivity, "control": seen.control,
            "noise_over_rounding": noise[len(noise) // 2],
        }  # fmt: skip
        say(f"{name}: {found[name]}")
    return found


# ---- what ships


def record(lab: Lab, kept: Path) -> None:
    """Costs of every palette, sensitivities of RECIPES, and mixes, measured; kept: what is done so far."""
    done: dict[str, Any] = json.loads(kept.read_text(encoding="utf8")) if kept.is_file() else {}

    def part(name: str, make: Callable[[], Any]) -> Any:
        if name not in done:
            start = time.perf_counter()
            done[name] = make()
            kept.write_text(json.dumps(done), encoding="utf8")
            say(f"{name}: {time.perf_counter() - start:.0f} s")
        return done[name]

    losses_ = [part(f"losses {one}", partial(_losses, lab, one)) for one in PALETTES]
    sensitivities = [part(f"sensitivity {one}", partial(_sensitivity, lab, one)) for one in RECIPES]
    measured = [part(f"measured {one}", partial(_measured, lab, LossesJson(**made)))
                for one, made in zip(PALETTES, losses_, strict=True)]  # fmt: skip
    seen = environment(0)
    made = RecordedChoices(
        model_sha256=sha256_of(WEIGHTS), versions={"python": seen["python"], **seen["packages"]},
        threads=seen["threads"], text_name=default_text().name, losses=tuple(LossesJson(**one) for one in losses_),
        sensitivities=tuple(SensitivityJson(**one) for one in sensitivities),
        measured=tuple(MeasuredJson(**one) for some in measured for one in some),
    )  # fmt: skip
    FILE.write_text(json.dumps(made.model_dump(mode="json"), ensure_ascii=False) + "\n", encoding="utf8")


def _losses(lab: Lab, palette_name: str) -> dict[str, Any]:
    found = finished(losses(lab, EMBEDDED, palette_name, how=MEASURED, cache=True))
    return {
        "palette": palette_name,
        "matrices": {way: {name: short(loss) for name, loss in by.items()} for way, by in found.matrices.items()},
        "together": {way: short(loss) for way, loss in found.together.items()},
        "cache": {side: {str(bits): short(loss) for bits, loss in by.items()} for side, by in found.cache.items()},
    }


def _sensitivity(lab: Lab, name: str) -> dict[str, Any]:
    bits, method = RECIPES[name]
    scheme = Scheme.integer(bits, PerGroup(64), zero_point=True)
    recipe = Recipe.uniform(scheme, table=True, method=method, cache=cache_scheme(bits, bits))
    seen, guesses = looked_at(lab, recipe)
    assert seen.together is not None
    effects = [
        EffectJson(name=e.name, kl=Figure.of(e.kl), noise=None if e.noise is None else short(e.noise),
                   proxies={guess: short(of[e.name]) or 0.0 for guess, of in guesses.items() if e.name in of})
        for e in seen.effects
    ]  # fmt: skip
    return SensitivityJson(
        recipe=recipe_to_json(recipe), effects=tuple(effects), together=Figure.of(seen.together), control=seen.control,
        ranks=ranks(seen, guesses),
    ).model_dump(mode="json")  # fmt: skip


def _measured(lab: Lab, made: LossesJson) -> list[dict[str, Any]]:
    """The mixes of BUDGETS and SHOWN_MB, and the uniform recipes of a palette."""
    loaded = lab.loaded(EMBEDDED)
    known = costs(loaded, made.made(EMBEDDED))
    same = uniform(loaded, known)
    room = [*(n_bytes(known, bits) for bits in BUDGETS), *(round(mb * 1e6) for mb in SHOWN_MB)]
    mixes = [mix_within(loaded, known, most) for most in room if most >= same[0].n_bytes] + same
    found = []
    for recipe in dict.fromkeys(mix.recipe for mix in mixes):
        one = finished(row(lab, recipe, default_text()))
        kl, perplexity = Figure.of(one.figures.kl_mean), Figure.of(one.figures.perplexity_quantized)
        sums, counts = _shorter(one.kl_sums), _shorter(one.tokens)
        said = MeasuredJson(
            recipe=recipe_to_json(recipe), bits_per_weight=one.bits_per_weight, stored_bytes=one.stored_bytes, kl=kl,
            perplexity=perplexity, kl_sums=sums, tokens=counts,
        )  # fmt: skip
        found.append(said.model_dump(mode="json"))
    return found


def _shorter(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(short(value) or 0.0 for value in values)


def ratios(found: dict[str, Any]) -> dict[str, list[float]]:
    return {
        "budget_vs_best_uniform_kl": [one["budget_vs_best_uniform"] for one in found["budgets"]],
        "predicted_vs_measured_kl": [one["predicted_vs_measured"] for one in found["budgets"]],
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, help="a folder; the embedded model unless said")
    parser.add_argument("--palette", choices=list(PALETTES), default="integers", help="what a budget chooses from")
    parser.add_argument("--only", choices=("budgets", "sensitivity"), help="leave the other out")
    parser.add_argument("--record", type=Path, metavar="PARTS", help="write the assets; PARTS keeps what is done")
    options = parser.parse_args()
    lab = Lab(options.model)
    if options.record:
        record(lab, options.record)
        return
    model = lab.names()[0] if options.model else EMBEDDED
    found: dict[str, Any] = {"model": model, "palette": options.palette}
    if options.only != "sensitivity":
        for how in (MEASURED, ESTIMATED):
            found[how] = budgets(lab, model, options.palette, how)
        found |= {"ratios": ratios(found[MEASURED]), "ratios_estimated": ratios(found[ESTIMATED])}
    if options.only != "budgets":
        found["sensitivity"] = sensitivity(lab, model)
    write(found, options.json, seed=0)


if __name__ == "__main__":
    main()
