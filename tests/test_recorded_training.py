"""The trainings that ship: of these weights, and their models are what their figures say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quant import cache_scheme, load_model
from quant.bench.recorded import default_text
from quant.errors import ModelError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.learning import CHECK_BYTES
from quant.lab import Lab
from quant.recorded import WEIGHTS
from quant.recorded_training import FILE, FOLDER, read, recorded_training
from quant.run.cache import scheme_of
from quant.size import size_report
from quant.trained import shipped
from quant.work import finished

RUNS = {run.name: run for run in recorded_training().runs}


@pytest.mark.parametrize("name", RUNS)
def test_the_packed_model_of_a_run_scores_what_its_last_check_says(name: str) -> None:
    run, loaded = RUNS[name], load_model()
    model = shipped(loaded, run.made)
    assert model is not None
    scored = compare(Reference(loaded, default_text().part(CHECK_BYTES)), model)
    assert float(scored.tokens.kl.mean()) == pytest.approx(run.checks[-1].kl, rel=1e-3)
    assert run.made.training is not None
    assert run.checks[-1].step == run.made.training.steps
    report = size_report(loaded, run.made)
    assert (report.stored_bytes, report.quantized_bits_per_weight) == (run.stored_bytes, run.bits_per_weight)
    assert (FOLDER / run.file).stat().st_size < 1_500_000


def test_a_run_is_told_by_its_recipe_whatever_keys_and_values_are_stored_in() -> None:
    run, loaded = next(iter(RUNS.values())), load_model()
    cached = replace(run.made, cache=cache_scheme(8, 4))
    model = shipped(loaded, cached)
    assert model is not None
    assert scheme_of(model.model) == cached.cache
    assert run.made.training is not None
    other = replace(run.made, training=replace(run.made.training, seed=run.made.training.seed + 1))
    assert shipped(loaded, other) is None
    assert finished(Lab().quantized(run.made)).name == loaded.name, "at once, though its text does not ship"


def test_runs_ended_far_below_where_they_began() -> None:
    for run in RUNS.values():
        assert run.seconds >= 1800
        assert run.checks[0].step == 0
        assert run.kl_rounding is not None
        assert run.kl.value is not None
        assert run.kl_rounding.value is not None
        assert run.kl.value < 0.1 * run.kl_rounding.value
        assert run.learning.recovered > 0.7


def test_of_other_weights_nothing_is_shown(tmp_path) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "other.safetensors"
    other.write_bytes(WEIGHTS.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="record them again"):
        read(FILE, other)
