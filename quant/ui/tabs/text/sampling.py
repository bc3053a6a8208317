"""The fields of the page that say how the next token is chosen, read as a `Sampling`."""

from __future__ import annotations

from typing import Any

from quant.errors import PromptError
from quant.generate import Sampling
from quant.ui.shared import texts as shared_texts


def read_sampling(max_length: float | None, no_repeat: float | None, do_sample: bool, temperature: float | None,
                  top_k: float | None, top_p: float | None, seed: float | None) -> Sampling:  # fmt: skip
    """The settings of the page as a `Sampling`. Raises PromptError on an empty field or what `Sampling` refuses."""
    return Sampling(
        max_length=given("max_length", max_length), no_repeat_ngram_size=given("no_repeat_ngram_size", no_repeat),
        do_sample=do_sample, temperature=given("temperature", temperature), top_k=given("top_k", top_k),
        top_p=given("top_p", top_p), seed=given("seed", seed),
    )  # fmt: skip


def given(name: str, value: float | None) -> Any:
    """The number of a field, whole when it can be; the browser sends 150 or 150.0 as it likes."""
    if value is None:
        raise PromptError(shared_texts.MISSING_NUMBER.format(name=name))
    return int(value) if value == int(value) else value
