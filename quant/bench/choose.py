"""A budget divided by what each matrix costs, against one format for all: `python -m quant.bench.choose --json FILE`.

For the embedded model, or `--model FOLDER`, and BUDGETS in bits per weight (over all matrices, the token table among
them): the mix that the costs of the parts, on a calibration text, predict to lose least, measured on the page's default
text beside the best uniform recipe of at most the same bytes.

`ratios.budget_vs_best_uniform_kl`: the mix's KL over the best uniform recipe's, of all uniform recipes that fit the one
that was measured best; `ratios.predicted_vs_measured_kl`: both of the mix, the prediction on the calibration text. A
list each, by BUDGETS; `ratios_estimated` the same where costs are estimated in one backward pass for each format.
`sensitivity`: the proxies' rank correlation with the measured effects, and additivity, of RECIPES.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from quant.bench.recorded import default_text
from quant.bench.report import arguments, write
from quant.evaluation.budget import Answer, answered, mix_within, uniform
from quant.evaluation.costs import ESTIMATED, MEASURED, PALETTES, Costs, costs, palette, sensitivity_text
from quant.evaluation.methods import row
from quant.evaluation.proxies import proxies, rank_correlation
from quant.evaluation.sensitivity import Sensitivity, sensitivity_steps
from quant.lab import Lab
from quant.recipe import Recipe
from quant.scheme import PerGroup, Scheme
from quant.text import number
from quant.work import finished

BUDGETS = (3.5, 4.5, 6.0)  # bits per weight
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
    known = finished(costs(lab, model, palette_name, how=how))
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
        way.name: sum(known.of(name, way.name).loss for name in known.matrices) / known.together[way.name]
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


def sensitivity(lab: Lab, model: str) -> dict[str, Any]:
    """How well each cheap guess ranks the matrices, by Spearman's coefficient."""
    reference, found = lab.reference(model, sensitivity_text()), {}
    for name, (bits, method) in RECIPES.items():
        scheme = Scheme.integer(bits, PerGroup(64), zero_point=True)
        made = finished(lab.quantized(Recipe.uniform(scheme, table=True, method=method, model=model)))
        seen: Sensitivity = finished(sensitivity_steps(reference, made))
        guesses = proxies(reference.loaded, made, reference.windows[:PROXY_WINDOWS])
        kls = [effect.kl.value for effect in seen.effects]
        ranks = {
            guess: rank_correlation([of[e.name] for e in seen.effects], kls) for guess, of in guesses.items()
        }  # fmt: skip
        noise = [e.noise / e.kl.value for e in seen.effects if e.noise is not None and e.kl.value]
        found[name] = {
            "rank_correlation": ranks, "additivity": seen.additivity, "control": seen.control,
            "noise_over_rounding": sorted(noise)[len(noise) // 2],
        }  # fmt: skip
        said = ", ".join(f"{guess} {number(rho, 'en', 2)}" for guess, rho in ranks.items())
        say(f"{name}: additivity {seen.additivity:.3f}; {said}")
    return found


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
    options = parser.parse_args()
    lab = Lab(options.model)
    model = lab.names()[0] if options.model else "embedded"
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
