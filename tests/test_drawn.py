"""Texts that nobody wrote: drawn from the model's own probabilities, whatever else its configuration asks for."""

from __future__ import annotations

from dataclasses import replace

from quant.drawn import AT_ONCE, PIECE, written
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel


def test_a_models_own_way_to_write_is_left_aside(tiny: LoadedModel) -> None:
    want = written(tiny, 100)
    length = min(PIECE, tiny.window)
    assert len(want) == AT_ONCE * length
    assert {want[i] for i in range(0, len(want), length)} == {tiny.bos}
    for name, value in (("repetition_penalty", 5.0), ("min_p", 0.5), ("suppress_tokens", [3, 4, 5]), ("top_k", 1)):
        model = structural_copy(tiny.model)
        setattr(model.generation_config, name, value)
        assert written(replace(tiny, model=model), 100) == want, name


def test_what_is_kept_cannot_be_changed_from_outside(tiny: LoadedModel) -> None:
    first = written(tiny, 100)
    kept = list(first)
    first.clear()
    assert written(tiny, 100) == kept
