"""Training with quantization in the loop: it starts where PTQ ended, learns, repeats itself, and stops safely."""

from __future__ import annotations

import copy
import gc
from dataclasses import replace

import pytest
import torch
from conftest import SENTENCES

from quant import (
    FORMATS,
    Activations,
    PerGroup,
    Recipe,
    Scheme,
    Step,
    Training,
    cache_scheme,
    load_quantized,
    quantize_model,
    save_quantized,
)
from quant.bench.qat import by_definition
from quant.errors import ModelError, SchemeError, TrainingError
from quant.estimator import Latent
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.qat import Trainer
from quant.quantization import quantize_steps
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.scheme import Grid
from quant.student import Divergence
from quant.texts import EVERYTHING, TITLES, calibration_text, shipped_text
from quant.trained import load_matrices, save_matrices, shipped
from quant.training import LATE_STATES, MOST_STEPS, STATES, rate_at, states_at
from quant.training_text import Windows

TEXT = " ".join(SENTENCES) * 4
TWO = Scheme.integer(2, PerGroup(32), zero_point=True)


def training(steps: int = 3, **others: object) -> Training:
    return Training(steps, text="own", own=TEXT, **others)  # type: ignore[arg-type]


def recipe(scheme: Scheme = TWO, steps: int = 3, method: str = "", **others: object) -> Recipe:
    fields = {name: others.pop(name) for name in ("activations", "steps", "table", "cache") if name in others}
    return Recipe.uniform(scheme, method=method, training=training(steps, **others), **fields)


def trainer(tiny: LoadedModel, of: Recipe) -> Trainer:
    return Trainer(tiny, quantize_model(tiny, replace(of, training=None, cache=None)), of)


def codes(model: LoadedModel) -> dict[str, torch.Tensor]:
    return {name: held.quantized().dequantize() for name, _, held in packed_matrices(model.model)}


def same(a: LoadedModel, b: LoadedModel) -> bool:
    one, other = codes(a), codes(b)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


KINDS = {
    "rounding": recipe(),
    "gptq": recipe(method="gptq"),
    "awq": recipe(Scheme.integer(4, PerGroup(32), zero_point=True), method="awq"),
    "low rank": recipe(Scheme.integer(4, PerGroup(32)), method="low_rank"),
    "columns in float": recipe(Scheme.integer(8, PerGroup(32)), method="llm_int8"),
    "rotated": replace(recipe(), steps=(Step("hadamard"),)),
    "smoothed": replace(recipe(), steps=(Step("smooth"),)),
    "table too": recipe(Scheme.integer(4, PerGroup(32)), table=True),
    "8-bit activations": recipe(activations=Activations.INT8),
    "scales": recipe(learn="scales"),
    "binary": recipe(Scheme(FORMATS["binary"], PerGroup(32), Grid.SEARCH)),
    "mid-rise": recipe(Scheme(FORMATS["midrise2"], PerGroup(32), Grid.SEARCH)),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_trained_is_what_is_packed(name: str, tiny: LoadedModel) -> None:
    run = trainer(tiny, KINDS[name])
    ids = run.windows.batch(100)[:, :-1]
    with torch.no_grad(), by_definition(run.made):
        assert torch.allclose(run.student(ids).logits, run.made.model(ids).logits, atol=2e-4)
    before = codes(run.made)
    for _ in range(3):
        run.advance()
    packed = run.packed()
    with torch.no_grad(), by_definition(packed), run.averaged():
        assert torch.allclose(run.student(ids).logits, packed.model(ids).logits, atol=2e-4)
    assert any(not torch.equal(w, before[n]) for n, w in codes(packed).items())
    assert same(packed, quantize_model(tiny, KINDS[name]))


def test_the_original_is_never_written_to(tiny: LoadedModel) -> None:
    before = {name: p.clone() for name, p in tiny.model.named_parameters()}
    made = quantize_model(tiny, recipe(method="awq", scheme=Scheme.integer(4, PerGroup(32), zero_point=True)))
    assert made.model is not tiny.model
    for name, p in tiny.model.named_parameters():
        assert torch.equal(p, before[name])
        assert p.grad is None
        assert not p.requires_grad


@pytest.mark.parametrize("loss", ["distillation", "language"])
@pytest.mark.parametrize("learn", ["weights", "scales"])
def test_the_loss_falls(learn: str, loss: str, tiny: LoadedModel) -> None:
    """On windows that it has not seen: those of the steps differ."""
    run = trainer(tiny, recipe(learn=learn, loss=loss, rate=2e-2))
    held = torch.cat([run.windows.batch(1000 + i) for i in range(8)])
    with torch.no_grad():
        before, _ = run._losses(held)
        for _ in range(60):
            with torch.enable_grad():
                run.advance()
        after, _ = run._losses(held)
    assert after < 0.93 * before


def test_the_same_seed_gives_the_same_model_and_another_another(tiny: LoadedModel) -> None:
    made = quantize_model(tiny, recipe())
    assert same(made, quantize_model(tiny, recipe()))
    assert not same(made, quantize_model(tiny, recipe(seed=1)))


def test_a_run_with_a_break_ends_as_one_without(tiny: LoadedModel) -> None:
    first = trainer(tiny, recipe())
    for _ in range(2):
        first.advance()
    state = copy.deepcopy(first.state())
    later = trainer(tiny, recipe())
    later.resume(state)
    assert later.so_far() == recipe(steps=2)
    for run in (first, later):
        run.advance()
    assert same(first.packed(), later.packed())
    assert same(first.packed(), quantize_model(tiny, recipe(steps=3)))


def test_it_can_be_stopped_after_each_step(tiny: LoadedModel) -> None:
    work = quantize_steps(tiny, recipe(steps=4))
    fractions = [step.fraction for step in work]
    assert len([f for f in fractions if f > 0.2]) == 4
    assert fractions == sorted(fractions)


def test_one_that_diverges_goes_back_to_its_last_good_weights(tiny: LoadedModel) -> None:
    run = trainer(tiny, recipe())
    for _ in range(11):
        run.advance()
    with torch.no_grad():
        next(iter(run.matrices.values())).log_scale.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"diverged at step 11.*step 10"):
        run.advance()
    assert run.step == 10
    assert same(run.packed(), quantize_model(tiny, recipe(steps=10)))
    run.advance()  # and goes on from there


def test_a_loss_that_grows_is_found_out(tiny: LoadedModel) -> None:
    run = trainer(tiny, recipe(Scheme.integer(4, PerGroup(32)), rate=1e-3))
    for _ in range(12):
        run.advance()
    with torch.no_grad():
        for matrix in run.matrices.values():
            matrix.log_scale.add_(2.0)
    with pytest.raises(TrainingError, match=r"try a rate below 0\.001"):
        _ = [run.advance() for _ in range(10)]
    assert run.step == 10


def test_nothing_is_left_of_runs_that_are_over(tiny: LoadedModel) -> None:
    quantize_model(tiny, recipe(steps=1))
    gc.collect()
    alive = sum(type(one) is Latent for one in gc.get_objects())
    for _ in range(20):
        trainer(tiny, recipe()).advance()
    gc.collect()
    assert sum(type(one) is Latent for one in gc.get_objects()) == alive


def test_divergence_is_the_mean_of_what_it_says_and_so_is_its_gradient() -> None:
    g = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(5, 7, generator=g, requires_grad=True) for _ in range(2))
    p, q_log = teacher.detach().softmax(-1), student.log_softmax(-1)
    want = (p * (p.log() - q_log)).sum(-1).mean()
    (gradient,) = torch.autograd.grad(want, student)
    got = Divergence.apply(student, teacher.detach())
    (own,) = torch.autograd.grad(got, student)
    assert torch.allclose(got, want, atol=1e-6)
    assert torch.allclose(own, gradient, atol=1e-7)


def test_windows_come_from_the_text_and_follow_from_seed_and_step(tiny: LoadedModel) -> None:
    windows, others = Windows(tiny, training()), Windows(tiny, training(seed=5))
    assert windows.length == tiny.window
    assert torch.equal(windows.batch(3), windows.batch(3))
    assert not torch.equal(windows.batch(3), windows.batch(4))
    assert not torch.equal(windows.batch(3), others.batch(3))
    assert set(windows.batch(0).flatten().tolist()) <= set(windows.ids.tolist())


def test_the_rate_warms_up_and_then_falls_whatever_the_length() -> None:
    rates = [rate_at(step, Training(1, rate=1e-3)) for step in (0, 9, 100, 10_000)]
    assert rates == sorted(rates[:1]) + sorted(rates[1:], reverse=True)
    assert rates[1] == pytest.approx(1e-3, rel=0.06)
    assert rates[3] < rates[2]


def test_a_rate_that_falls_to_zero_does_so_at_its_step_and_half_way_is_half() -> None:
    falling = Training(1, rate=1e-3, decay_steps=1_000)
    rates = [rate_at(step, falling) for step in range(10, 1_001)]
    assert rates == sorted(rates, reverse=True)
    assert rate_at(500, falling) == pytest.approx(5e-4)
    assert rate_at(1_000, falling) == rate_at(2_000, falling) == 0.0


def test_a_training_to_zero_stops_there_goes_on_as_without_a_break_and_averages_its_end(tiny: LoadedModel) -> None:
    of = recipe(steps=6, decay_steps=6)
    whole, first, second = (trainer(tiny, of) for _ in range(3))
    for _ in range(6):
        whole.advance()
    for _ in range(3):
        first.advance()
    assert not first.ended
    assert first.so_far().training == replace(of.training, steps=3)  # type: ignore[type-var]
    second.resume(first.state())
    for _ in range(3):
        second.advance()
    assert whole.ended
    assert second.ended
    for one, average in zip(whole.parameters, whole.average, strict=True):
        assert torch.equal(one, average), "its end is its last step"
    assert not all(map(torch.equal, first.parameters, first.average))
    assert same(whole.packed(), second.packed())
    usual = trainer(tiny, recipe(steps=6))
    for _ in range(6):
        usual.advance()
    assert not usual.ended
    assert not same(whole.packed(), usual.packed())


def test_states_count_much_at_first_and_as_much_as_the_kl_in_the_end() -> None:
    weights = [states_at(step) for step in range(0, 5_000, 100)]
    assert (weights[0], weights[-1]) == (STATES, LATE_STATES)
    assert weights == sorted(weights, reverse=True)
    assert states_at(150) > STATES / 2 > states_at(600)


def test_a_recipe_is_written_and_read_whole() -> None:
    own, plain = (
        recipe(seed=7, loss="language", rate=1e-4, decay_steps=90),
        Recipe.uniform(TWO, training=Training(240, "scales")),
    )
    for one in (own, plain):
        assert recipe_from_json(recipe_to_json(one)) == one
    assert recipe_from_json(recipe_to_json(replace(own, training=None))).training is None


def test_a_file_of_a_trained_model_opens_as_it_was(tiny: LoadedModel, tmp_path) -> None:  # type: ignore[no-untyped-def]
    of = recipe(method="awq", scheme=Scheme.integer(4, PerGroup(32), zero_point=True))
    made = quantize_model(tiny, of)
    save_quantized(made, of, tmp_path / "a.safetensors")
    assert same(made, load_quantized(tmp_path / "a.safetensors"))


def test_packed_matrices_alone_give_the_model_again(tiny: LoadedModel, tmp_path) -> None:  # type: ignore[no-untyped-def]
    made, path = quantize_model(tiny, recipe()), tmp_path / "a.safetensors"
    size = save_matrices(made, recipe(), path)
    assert size < sum(p.nbytes for p in tiny.model.parameters()) / 8
    again = load_matrices(tiny, recipe(cache=cache_scheme(8, 8)), path)
    assert same(made, again)
    with pytest.raises(ModelError, match="not of this recipe"):
        load_matrices(tiny, recipe(steps=4), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be read"):
        load_matrices(tiny, recipe(), path)
    assert shipped(tiny, recipe()) is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"steps": 0}, "steps = 0"),
        ({"steps": MOST_STEPS + 1}, "steps = "),
        ({"steps": 1, "learn": "codes"}, "codes"),
        ({"steps": 1, "loss": "mse"}, "mse"),
        ({"steps": 1, "text": "enciclopedia"}, "enciclopedia"),
        ({"steps": 1, "text": "own"}, "own"),
        ({"steps": 1, "own": "Hola."}, "own"),
        ({"steps": 1, "rate": 2.0}, "learning rate = 2"),
        ({"steps": 1, "rate": float("nan")}, "learning rate"),
        ({"steps": 1, "seed": -1}, "seed = -1"),
        ({"steps": 3, "decay_steps": 2}, "rate is zero = 2; it must be from 3"),
        ({"steps": 3, "decay_steps": -1}, "rate is zero = -1"),
        ({"steps": "many"}, "steps"),
    ],
)
def test_trainings_that_cannot_be_are_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        Training(**fields)  # type: ignore[arg-type]


def test_what_cannot_be_trained_is_refused_before_any_work(tiny: LoadedModel) -> None:
    short = Recipe.uniform(TWO, training=Training(1, text="own", own="Hola, ¿qué tal estás hoy?"))
    with pytest.raises(TrainingError, match="tokens; at least"):
        next(quantize_steps(tiny, short))
    with pytest.raises(TrainingError, match="corpus that is not included"):
        next(quantize_steps(tiny, Recipe.uniform(TWO, training=Training(1, text="corpus"))))
    table = Recipe.uniform(Scheme(FORMATS["float8_e4m3fn"], PerGroup(32)), training=training())
    with pytest.raises(TrainingError, match="cannot be trained"):
        next(quantize_steps(tiny, table))
    with pytest.raises(SchemeError):
        Recipe.uniform(TWO, training=3)  # type: ignore[arg-type]


def test_everything_that_ships_is_read_but_for_what_is_measured() -> None:
    read = calibration_text(EVERYTHING)
    assert set(read) == {*calibration_text("calibration"), *calibration_text("training_sample")}
    assert not set(read) & {d for name in TITLES for d in shipped_text(name).documents}
