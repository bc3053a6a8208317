"""Records what the page shows before any model is loaded: `python -m quant.bench.recorded` writes assets/recorded.json.

For the embedded model and each recipe: bytes, quality on the text that the page measures by default, what it writes
after one prompt, and sixteen weights on its grid. A minute on two cores. `quant/recorded.py` reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from quant.bench.report import arguments, environment
from quant.changes import changed_spans, same_characters
from quant.evaluation.compare import Reference, compare
from quant.evaluation.figures import Estimate, Figures, figures
from quant.evaluation.weights import weight_view
from quant.generation import Sampling, generate
from quant.loading import load_model
from quant.model.layers import Kind, census
from quant.model.load import EMBEDDED, LoadedModel
from quant.quantization import quantize_model, stored_weight
from quant.recipe import Recipe
from quant.recipe_json import recipe_to_json
from quant.recorded import FILE, WEIGHTS, Figure, sha256_of
from quant.scheme import PerGroup, PerTensor, Scheme
from quant.size import size_report
from quant.texts import EvalText, shipped_text

TEXT, QUICK_BYTES = "enciclopedia", 40_000  # the page's own default
PROMPT, SAMPLING = "La luz", Sampling(max_length=36)  # greedy, as the page writes by default; why this one: NOTES.md
LAYER, COUNT, DIGITS = "transformer.h.0.mlp.c_fc", 16, 6
GROUP = 64


@dataclass(frozen=True)
class Kept:
    """A recipe to record, by what an address of the page calls it."""

    bits: int
    granularity: str = "group"
    table: bool = False

    def recipe(self) -> Recipe:
        scheme = Scheme.integer(self.bits, PerGroup(GROUP) if self.granularity == "group" else PerTensor())
        return Recipe.uniform(scheme, table=self.table)

    @property
    def address(self) -> str:
        return urlencode(
            {"model": EMBEDDED, "bits": self.bits, "granularity": self.granularity, "group": GROUP, "zero_point": 0,
             "table": int(self.table), "format": "int", "activations": "float"}
        )  # fmt: skip


KEPT = (*(Kept(bits) for bits in (8, 7, 6, 5, 4, 3, 2)), Kept(4, "tensor"), Kept(4, table=True))


def default_text() -> EvalText:
    """What the page measures on unless told otherwise."""
    return shipped_text(TEXT).part(QUICK_BYTES)


def figure(estimate: Estimate) -> dict[str, float]:
    assert estimate.interval, "the text has documents enough"
    found = Figure(value=estimate.value, low=estimate.interval.low, high=estimate.interval.high)
    return {name: _short(value) for name, value in found.model_dump().items()}


def written(model: LoadedModel) -> tuple[tuple[int, ...], str]:
    """The tokens that a model writes after the prompt, and their text."""
    step = generate(model, PROMPT, SAMPLING)
    return step.ids[step.prompt_tokens :], step.text[len(PROMPT) :]


def row(kept: Kept, original: LoadedModel, reference: Reference) -> tuple[dict[str, Any], Figures]:
    """All that is recorded of one recipe, and its figures."""
    recipe = kept.recipe()
    model, report = quantize_model(original, recipe), size_report(original, recipe)
    seen = figures(compare(reference, model))
    (ids, text), (own_ids, own_text) = written(model), written(original)
    return {
        "address": kept.address, "recipe": recipe_to_json(recipe), **asdict(kept), "stored_bytes": report.stored_bytes,
        "bits_per_weight": _short(report.quantized_bits_per_weight),
        "bits_per_weight_whole": _short(report.bits_per_weight), "perplexity": figure(seen.perplexity_quantized),
        "log_ratio": figure(seen.log_ratio), "kl_mean": figure(seen.kl_mean), "same_top": figure(seen.same_top),
        "verdict": seen.judgement.verdict.name, "text": text, "same_tokens": _same(own_ids, ids),
        "same_characters": same_characters(own_text, text), "changed": [list(s) for s in changed_spans(own_text, text)],
        **on_grid(original, recipe),
    }, seen  # fmt: skip


def on_grid(original: LoadedModel, recipe: Recipe) -> dict[str, Any]:
    """LAYER as it is stored: its signal over its error, and codes and scale of its first sixteen weights."""
    layer = next(found for found in census(original) if found.name == LAYER)
    rule = recipe.rule_of(layer)
    assert rule, "every recipe here quantizes it"
    stored = stored_weight(original, recipe, rule, layer)
    q, seen = stored.q, weight_view(original.weight(LAYER), stored)
    codes = q.scheme.element.decode(q.codes[0, :COUNT]).int()  # the whole numbers that they stand for
    return {"layer_sqnr_db": _short(seen.sqnr_db), "scale": float(q.scales()[0, 0]), "codes": codes.tolist()}


def record() -> dict[str, Any]:
    """Everything, in the order of `Recorded`."""
    original, text = load_model(), default_text()
    reference = Reference(original, text)
    rows = list(_rows(original, reference))
    seen, report = rows[0][1], size_report(original, KEPT[0].recipe())
    versions = environment()
    return {
        "model_sha256": sha256_of(WEIGHTS), "versions": {"python": versions["python"], **versions["packages"]},
        "text_name": text.name, "title": asdict(text.title), "protocol": asdict(seen.protocol),
        "perplexity_original": figure(seen.perplexity_original), "parameters": original.parameters,
        "float_bytes": report.float_bytes, "published_bytes": WEIGHTS.stat().st_size,
        "table_bytes": sum(r.float_bytes for r in report.rows if r.layer.kind is Kind.TABLE),
        "prompt": PROMPT, "sampling": {f.name: getattr(SAMPLING, f.name) for f in fields(SAMPLING)},
        "original_text": written(original)[1], "layer": LAYER,
        "weights": original.weight(LAYER)[0, :COUNT].tolist(), "rows": [found for found, _ in rows],
    }  # fmt: skip


def _rows(original: LoadedModel, reference: Reference) -> Iterator[tuple[dict[str, Any], Figures]]:
    for kept in KEPT:
        yield row(kept, original, reference)


def _same(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """How many tokens both begin with."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def as_json(record: dict[str, Any]) -> str:
    """Indented; lists of numbers, figures and recipes on one line."""
    text = json.dumps(record, indent=1, ensure_ascii=False)
    for short in (r"\[[-\d\s.,e\[\]]*\]", r'\{\s*"value"[^}]*\}', r'\{\s*"scheme"[^}]*\}[^}]*\}[^}]*\}'):
        text = re.sub(short, lambda found: re.sub(r"\s+", " ", found[0]), text)
    return text + "\n"


def main() -> None:
    parser = arguments(__doc__)
    path: Path = parser.parse_args().json or FILE
    path.write_text(as_json(record()), encoding="utf8")


if __name__ == "__main__":
    main()
