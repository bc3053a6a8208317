"""A sweep: many recipes of one model on one text, a row each."""

from __future__ import annotations

from dataclasses import dataclass

from quant.evaluation.figures import Estimate
from quant.recipe import Recipe


@dataclass(frozen=True)
class Entry:
    """One recipe, measured, as a sweep keeps it and a choice reads it.

    name: a few words, the same in both languages, such as "Q4_K · importance"; bits_per_weight: of the tensors that it
    quantizes; stored_bytes: of the entire model's weights; kl: nats to the original; seconds: to quantize, None where
    nobody timed it; tokens_per_second: median of writing, None where it was not measured. kl_sums, tokens: of each
    document, by which two entries are compared in pairs; None where the text is too short for that.
    """

    name: str
    recipe: Recipe
    bits_per_weight: float
    stored_bytes: int
    kl: Estimate
    perplexity: Estimate
    seconds: float | None = None
    tokens_per_second: float | None = None
    kl_sums: tuple[float, ...] | None = None
    tokens: tuple[float, ...] | None = None
