"""Records what rounding activations costs: `python -m quant.bench.activations` writes assets/activations.json.

Every case of `evaluation/activation_costs.py` on the embedded model and the page's default text. Some five minutes on
two cores. `quant/recorded_activations.py` reads it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
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
from quant.recorded_activations import FILE


def row(case: Case, reference: Reference) -> tuple[dict[str, Any], Figures]:
    """All that is recorded of one case, and its figures."""
    seen = figures(compare(reference, quantize_model(reference.loaded, case.recipe())))
    return {
        **asdict(case), "kl_mean": figure(seen.kl_mean), "log_ratio": figure(seen.log_ratio),
        "same_top": figure(seen.same_top), "perplexity": figure(seen.perplexity_quantized),
        "verdict": seen.judgement.verdict.name,
    }, seen  # fmt: skip


def record() -> dict[str, Any]:
    """Everything, in the order of `RecordedCosts`."""
    read = text()
    rows = list(_rows(Reference(load_model(), read)))
    seen = rows[0][1]
    versions = environment()
    return {
        "model_sha256": sha256_of(WEIGHTS), "versions": {"python": versions["python"], **versions["packages"]},
        "text_name": read.name, "title": asdict(read.title), "protocol": asdict(seen.protocol),
        "perplexity_original": figure(seen.perplexity_original), "rows": [found for found, _ in rows],
    }  # fmt: skip


def _rows(reference: Reference) -> Iterator[tuple[dict[str, Any], Figures]]:
    for case in (case for bits in WEIGHT_BITS for case in cases(bits)):
        found, seen = row(case, reference)
        print(
            f"W{case.weight_bits} {case.activations} {case.step or '-'}: KL {seen.kl_mean.value:.4f}", file=sys.stderr
        )
        yield found, seen


def as_json(record: dict[str, Any]) -> str:
    """Indented; each figure and each row on a line of its own."""
    written = json.dumps(record, indent=1, ensure_ascii=False)
    for short in (r'\{\s*"value"[^}]*\}', r'\{\s*"weight_bits"[^}]*(?:\}[^}]*){4}\}'):
        written = re.sub(short, lambda found: re.sub(r"\s+", " ", found[0]), written)
    return written + "\n"


def main() -> None:
    parser = arguments(__doc__)
    path: Path = parser.parse_args().json or FILE
    path.write_text(as_json(record()), encoding="utf8")


if __name__ == "__main__":
    main()
