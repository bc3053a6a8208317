"""A training as it is watched: checks of the packed model, what is kept, going on, and an end by divergence."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import SENTENCES

from quant import PerGroup, Recipe, Scheme, Training, quantize_model
from quant.errors import EvaluationError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.learning import BINS_A_STEP, MOST_LOSSES, Learning, Watched, counted, learning, thinned
from quant.lab import Lab
from quant.qat import Trainer
from quant.text import Text
from quant.texts import EvalText
from quant.work import Progress, finished

TEXT = EvalText("two", Text("Dos", "Two"), (" ".join(SENTENCES), " ".join(reversed(SENTENCES))))
TWO = Scheme.integer(2, PerGroup(32), zero_point=True)
LAYER = "transformer.h.0.mlp.c_fc"
WATCHED = Watched(TEXT, "La casa", LAYER)


@pytest.fixture
def lab(hub_folder) -> Lab:  # type: ignore[no-untyped-def]
    return Lab(hub_folder)


def recipe(lab: Lab, **others: object) -> Recipe:
    fields = {"text": "own", "own": " ".join(SENTENCES) * 4, "rate": 1e-2, **others}
    return Recipe.uniform(TWO, model=lab.names()[0], training=Training(1, **fields))  # type: ignore[arg-type]


def known(lab: Lab, of: Recipe, seconds: float, **others: float) -> list[Learning]:
    steps: list[Progress[Learning]] = list(learning(lab, of, seconds, WATCHED, **others))
    return [step.so_far for step in steps if step.so_far]


def test_each_check_is_of_the_packed_model_and_kept_under_its_own_recipe(lab: Lab) -> None:
    shown = known(lab, recipe(lab), 1.0, check_s=0.3)
    first, last = shown[0], shown[-1]
    assert first.checks[0].step == 0
    assert len(last.checks) > 2
    steps = [check.step for check in last.checks]
    assert steps == sorted(set(steps))
    assert last.recipe.training is not None
    assert last.recipe.training.steps == steps[-1]
    made = finished(lab.quantized(last.recipe))
    scored = compare(lab.reference(made.name, TEXT), made)
    assert last.checks[-1].kl == pytest.approx(float(scored.tokens.kl.mean()), rel=1e-6)
    assert lab.is_live(last.recipe)
    assert len(last.losses) == steps[-1]
    assert sum(last.checks[-1].places) == lab.loaded(made.name).weight(LAYER).numel()


def test_it_begins_as_ptq_and_wins_something_back(lab: Lab) -> None:
    last = known(lab, recipe(lab), 1.2)[-1]
    loaded = lab.loaded(lab.names()[0])
    plain = quantize_model(loaded, replace(recipe(lab), training=None))
    scored = compare(Reference(loaded, TEXT), plain)
    assert last.checks[0].kl == pytest.approx(float(scored.tokens.kl.mean()), rel=1e-5)
    assert last.checks[0].text != last.text_original
    assert last.perplexity_original == pytest.approx(scored.original.perplexity, rel=1e-5)
    assert last.recovered > 0


def test_a_run_goes_on_from_where_it_was(lab: Lab) -> None:
    before = known(lab, recipe(lab), 0.4)[-1]
    after = known(lab, before.recipe, 0.4)
    assert after[0].checks[0].step == before.checks[-1].step
    assert after[0].checks[0].kl == pytest.approx(before.checks[-1].kl, rel=1e-6)
    assert after[-1].checks[-1].step > before.checks[-1].step


def test_one_that_was_stopped_keeps_what_it_had_learned(lab: Lab) -> None:
    work = learning(lab, recipe(lab), 60.0, WATCHED)
    for step in work:
        if step.fraction > 0.005:
            break
    work.close()
    run = lab.trainer(recipe(lab))
    assert run is not None
    assert run.step > 0
    again = known(lab, recipe(lab), 0.2)
    assert again[0].checks[0].step == run.step or again[0].checks[0].step > 0


def test_one_that_diverges_ends_with_its_last_good_weights_and_the_reason(lab: Lab, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    advance = Trainer.advance

    def broken(self: Trainer) -> float:
        if self.step == 15:
            with torch.no_grad():
                next(iter(self.matrices.values())).log_scale.fill_(float("nan"))
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", broken)
    last = known(lab, recipe(lab), 60.0, check_s=1e9)[-1]
    assert last.problem is not None
    assert last.checks[-1].step == 10
    assert lab.is_live(last.recipe)


def test_a_text_too_short_to_score_is_refused(lab: Lab) -> None:
    short = Watched(EvalText("one", Text("Uno", "One"), ("Hola.",)), "La casa", LAYER)
    with pytest.raises(EvaluationError):
        finished(learning(lab, recipe(lab), 1.0, short))


def test_only_some_trainings_are_kept(lab: Lab) -> None:
    for seed in range(4):
        known(lab, recipe(lab, seed=seed), 0.05)
    assert lab.trainer(recipe(lab, seed=0)) is None
    assert lab.trainer(recipe(lab, seed=3)) is not None


def test_losses_are_thinned_by_their_means() -> None:
    many = [(step, float(step)) for step in range(1, 2 * MOST_LOSSES + 1)]
    points = thinned(many)
    assert len(points) == MOST_LOSSES
    assert points[0] == (2, 1.5)
    assert thinned([(1, 2.0)]) == ((1, 2.0),)
    assert thinned([]) == ()


def test_the_histogram_is_of_places_on_the_grid(lab: Lab) -> None:
    loaded = lab.loaded(lab.names()[0])
    of = recipe(lab)
    run = Trainer(loaded, quantize_model(loaded, replace(of, training=None)), of)
    matrix = run.matrices[LAYER]
    counts = counted(matrix)
    assert len(counts) == 4 * BINS_A_STEP
    with torch.no_grad():
        assert matrix.latent is not None
        assert matrix.zero is not None
        matrix.zero.fill_(1.0)
        matrix.latent.zero_()
    counts = counted(matrix)
    assert counts[1 * BINS_A_STEP + BINS_A_STEP // 2] == sum(counts)
