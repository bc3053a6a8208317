"""Records what rounding activations costs: `python -m quant.bench.activations` writes assets/activations.json.

Every case of `evaluation/activation_costs.py` on the embedded model and the page's default text. Some five minutes on
two cores. `quant/recorded_activations.py` reads it. With `--missing` the rows that are there stay, and only the cases
that have none are measured. The file is written after each, so that a run that was stopped goes on that way.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quant.bench.recorded import figure
from quant.bench.report import arguments, environment
from quant.evaluation.activation_costs import WEIGHT_BITS, Case, cases, text
from quant.evaluation.compare import Reference, compare
from quant.evaluation.figures import Figures, figures
from quant.loading import load_model
from quant.quantization import quantize_model
from quant.recorded import WEIGHTS, sha256_of
from quant.recorded_activations import FILE, read


def row(case: Case, reference: Reference) -> tuple[dict[str, Any], Figures]:
    """All that is recorded of one case, and its figures."""
    seen = figures(compare(reference, quantize_model(reference.loaded, case.recipe())))
    return {
        **asdict(case), "kl_mean": figure(seen.kl_mean), "log_ratio": figure(seen.log_ratio),
        "same_top": figure(seen.same_top), "perplexity": figure(seen.perplexity_quantized),
        "verdict": seen.judgement.verdict.name,
    }, seen  # fmt: skip


def record(kept: Mapping[Case, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Everything, in the order of `RecordedCosts`, after each case that is measured; `kept` are rows that stay."""
    used = text()
    reference, rows = Reference(load_model(), used), dict(kept)
    versions = environment()
    every = [case for bits in WEIGHT_BITS for case in cases(bits)]
    for case in (case for case in every if case not in kept):
        rows[case], seen = row(case, reference)
        print(
            f"W{case.weight_bits} {case.activations} {case.step or '-'}: KL {seen.kl_mean.value:.4f}", file=sys.stderr
        )
        yield {
            "model_sha256": sha256_of(WEIGHTS), "versions": {"python": versions["python"], **versions["packages"]},
            "text_name": used.name, "title": asdict(used.title), "protocol": asdict(seen.protocol),
            "perplexity_original": figure(seen.perplexity_original),
            "rows": [rows[case] for case in every if case in rows],
        }  # fmt: skip


def kept_rows(path: Path) -> dict[Case, dict[str, Any]]:
    """The rows of a file, which has to be of the same weights: ModelError."""
    rows = read(path, WEIGHTS).rows
    return {Case(row.weight_bits, row.activations, row.step): row.model_dump(mode="json") for row in rows}


def as_json(record: dict[str, Any]) -> str:
    """Indented; each figure and each row on a line of its own."""
    written = json.dumps(record, indent=1, ensure_ascii=False)
    for short in (r'\{\s*"value"[^}]*\}', r'\{\s*"weight_bits"[^}]*(?:\}[^}]*){4}\}'):
        written = re.sub(short, lambda found: re.sub(r"\s+", " ", found[0]), written)
    return written + "\n"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--missing", action="store_true", help="measure only the cases that the file has not")
    asked = parser.parse_args()
    path: Path = asked.json or FILE
    for found in record(kept_rows(path) if asked.missing else {}):
        path.write_text(as_json(found), encoding="utf8")


if __name__ == "__main__":
    main()
