"""What each part costs: against transformers with that one matrix replaced, finite differences, and counting."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import SENTENCES
from torch import Tensor
from torch.nn.functional import cosine_similarity
from transformers import GPT2LMHeadModel
from working import known as known_steps

from quant.cache import cache_scheme
from quant.errors import BudgetError, QuantError
from quant.evaluation.budget import answered, best_uniform, mix_losing, mix_within, uniform
from quant.evaluation.compare import Reference, compare
from quant.evaluation.costs import (
    ESTIMATED,
    MEASURED,
    PALETTES,
    Costs,
    Way,
    cached_bytes,
    costs,
    losses,
    palette,
)
from quant.evaluation.layer_error import folded
from quant.evaluation.proxies import proxies, rank_correlation
from quant.evaluation.sensitivity import (
    KEYS,
    VALUES,
    Sensitivity,
    parts_of,
    sensitivity_steps,
    with_part,
)
from quant.lab import Lab
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe, Rule, Step
from quant.scheme import PerGroup, Scheme
from quant.size import cache_bytes, size_report
from quant.text import Text
from quant.texts import EvalText
from quant.work import finished

TEXT = EvalText("six", Text("Seis", "Six"), tuple(f"{s} {s}" for s in SENTENCES))
THREE = Scheme.integer(3, PerGroup(16), zero_point=True)
WAYS = tuple(Way(f"int{b}", Scheme.integer(b, PerGroup(16), zero_point=True), "rtn") for b in (2, 3, 4, 8))


@pytest.fixture(scope="module")
def reference(tiny: LoadedModel) -> Reference:
    return Reference(tiny, TEXT)


@pytest.fixture(scope="module")
def quantized(tiny: LoadedModel) -> LoadedModel:
    return quantize_model(tiny, Recipe.uniform(THREE, table=True, model=tiny.name, cache=cache_scheme(3, 4)))


@pytest.fixture(scope="module")
def seen(reference: Reference, quantized: LoadedModel) -> Sensitivity:
    return finished(sensitivity_steps(reference, quantized))


def kl_by_hand(p_model: GPT2LMHeadModel, q_model: GPT2LMHeadModel, reference: Reference) -> float:
    """Mean nats over all scored tokens, by transformers alone."""
    total, tokens = 0.0, 0
    for window in reference.windows:
        with torch.no_grad():
            p, q = (m(window.inputs[None]).logits[0].double().log_softmax(-1) for m in (p_model, q_model))
        total += float((p.exp() * (p - q)).sum())
        tokens += len(window.inputs)
    return total / tokens


def moved(original: GPT2LMHeadModel, name: str, weight: Tensor) -> GPT2LMHeadModel:
    """transformers' own model with one matrix [out, in] replaced; its Conv1D are [in, out]."""
    model = copy.deepcopy(original)
    parameter = model.get_parameter(f"{name}.weight")
    with torch.no_grad():
        parameter.copy_(weight if parameter.shape == weight.shape and "wte" in name else weight.t())
    return model


def test_an_effect_is_that_of_one_matrix_alone(
    tiny: LoadedModel, original: GPT2LMHeadModel, reference: Reference, quantized: LoadedModel, seen: Sensitivity
) -> None:
    effects = {effect.name: effect for effect in seen.effects}
    assert list(effects) == parts_of(quantized)
    assert list(effects)[-2:] == [KEYS, VALUES]
    assert len(effects) == 2 + sum(layer.kind is not Kind.OTHER for layer in census(tiny))
    for name in ("transformer.wte", "transformer.h.0.attn.c_attn", "transformer.h.1.mlp.c_proj"):
        want = kl_by_hand(original, moved(original, name, quantized.weight(name)), reference)
        assert effects[name].kl.value == pytest.approx(want, rel=1e-3, abs=1e-7), name
    for name, bits in ((KEYS, (3, 0)), (VALUES, (0, 4))):
        alone = quantize_model(tiny, Recipe((Rule("linear:*"),), tiny.name, cache=cache_scheme(*bits)))
        assert effects[name].kl.value == pytest.approx(float(compare(reference, alone).tokens.kl.mean()), rel=1e-6)
        assert effects[name].noise is None


def test_its_sums_and_its_control(reference: Reference, quantized: LoadedModel, seen: Sensitivity) -> None:
    assert seen.control == 0.0
    assert seen.together is not None
    assert seen.together.value == float(compare(reference, quantized).tokens.kl.mean())
    assert seen.additivity == pytest.approx(sum(e.kl.value for e in seen.effects) / seen.together.value)
    assert 0.5 < seen.additivity < 2
    assert seen.ranked[0].kl.value == max(e.kl.value for e in seen.effects)
    assert all(e.noise > 0 for e in seen.effects if e.noise is not None)


def test_the_models_stay_as_they_were(tiny: LoadedModel, quantized: LoadedModel) -> None:
    before = {name: p.clone() for name, p in tiny.model.named_parameters()}
    made = with_part(tiny, quantized, "transformer.wte")
    assert torch.equal(made.weight("transformer.wte"), quantized.weight("transformer.wte"))
    assert torch.equal(made.weight("transformer.h.0.attn.c_attn"), tiny.weight("transformer.h.0.attn.c_attn"))
    assert all(torch.equal(p, before[name]) for name, p in tiny.model.named_parameters())


def test_a_recipe_that_folds_is_taken_apart_where_it_folds(tiny: LoadedModel, reference: Reference) -> None:
    """A rotated model with all parts put back one by one is the quantized model."""
    made = quantize_model(tiny, Recipe.uniform(THREE, model=tiny.name, steps=(Step("hadamard"),)))
    apart = replace(tiny, model=folded(tiny, made))
    assert float(compare(reference, apart).tokens.kl.mean()) < 1e-6
    for name in parts_of(made):
        apart = with_part(apart, made, name)
    want, got = (float(compare(reference, m).tokens.kl.mean()) for m in (made, apart))
    assert got == pytest.approx(want, rel=1e-5)


# ---- the guesses


def test_outputs_and_cosine_are_those_of_the_layer(
    tiny: LoadedModel, original: GPT2LMHeadModel, reference: Reference, quantized: LoadedModel
) -> None:
    windows = reference.windows[:2]
    found = proxies(tiny, quantized, windows)
    for name, module in (("transformer.h.1.mlp.c_fc", "transformer.h.1.mlp.c_fc"), ("transformer.wte", "lm_head")):
        inputs: list[Tensor] = []
        model = copy.deepcopy(original)
        model.get_submodule(module).register_forward_pre_hook(lambda _, args, kept=inputs: kept.append(args[0][0]))
        with torch.no_grad():
            for window in windows:
                model(window.inputs[None])
        x, weight = torch.cat(inputs).double(), tiny.weight(name).double()
        bias = getattr(original.get_submodule(module), "bias", None)
        y = x @ weight.t() + (0 if bias is None else bias.detach().double())
        missed = x @ (quantized.weight(name).double() - weight).t()
        assert found["outputs"][name] == pytest.approx(float(missed.square().sum()) / len(x), rel=1e-4)
        turned = float((1 - cosine_similarity(y, y + missed, dim=-1)).mean())
        assert found["cosine"][name] == pytest.approx(turned, rel=1e-3)
        error = quantized.weight(name).double() - weight
        want = float(error.square().sum() / weight.square().sum())
        assert found["weights"][name] == pytest.approx(want, rel=1e-5)


def test_the_gradient_is_that_of_the_kl(tiny: LoadedModel, original: GPT2LMHeadModel, reference: Reference) -> None:
    """Half of how the KL moves as the error of one matrix grows, by finite differences in float64."""
    quantized = quantize_model(tiny, Recipe.uniform(THREE, table=True, model=tiny.name))
    found = proxies(tiny, quantized, reference.windows[:2])["gradient"]
    whole = copy.deepcopy(original)
    for name in found:
        whole = moved(whole, name, quantized.weight(name))
    short = Reference(tiny, TEXT)
    short.windows = reference.windows[:2]
    for name in ("transformer.wte", "transformer.h.0.mlp.c_fc"):
        error = quantized.weight(name) - tiny.weight(name)
        step = 1e-2
        ends = [moved(whole, name, quantized.weight(name) + sign * step * error) for sign in (1, -1)]
        up, down = (kl_by_hand(original, end, short) for end in ends)
        assert found[name] == pytest.approx((up - down) / (2 * step) / 2, rel=2e-2, abs=1e-7), name


def test_the_fisher_information_is_that_of_all_labels(tiny: LoadedModel, original: GPT2LMHeadModel) -> None:
    """The exact sum over every label of every token, and what so many draws make of it."""
    quantized = quantize_model(tiny, Recipe((Rule("*.h.0.attn.c_proj", THREE),), tiny.name))
    name = "transformer.h.0.attn.c_proj"
    window = replace(Reference(tiny, TEXT).windows[0])
    window = replace(window, inputs=window.inputs[:4], targets=window.targets[:4])
    found = proxies(tiny, quantized, [window] * 100)["fisher"][name]
    model = copy.deepcopy(original).requires_grad_(True)
    weight, error = model.get_parameter(f"{name}.weight"), (quantized.weight(name) - tiny.weight(name)).t()
    logits = model(window.inputs[None]).logits[0].log_softmax(-1)
    exact = 0.0
    for row in logits:
        jacobian = torch.autograd.grad(
            row, weight, torch.eye(len(row)), retain_graph=True, is_grads_batched=True
        )[0]  # fmt: skip
        exact += float(((jacobian * error).square().sum((1, 2)) * row.detach().exp()).sum())
    assert found == pytest.approx(exact / len(logits) / 2, rel=0.2)


def test_rank_correlation_of_written_out_cases() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == 0
    # Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    assert rank_correlation([0, 5, 5, 9], [1, 2, 3, 4]) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)


# ---- a budget


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(hub_folder)


@pytest.fixture(scope="module")
def few(lab: Lab) -> Iterator[Callable[[int], Costs]]:
    """Costs of the tiny model among WAYS, without and with keys and values."""
    patched = pytest.MonkeyPatch()
    patched.setitem(PALETTES, "few", WAYS)
    model = lab.names()[0]
    found = finished(losses(lab, model, "few", TEXT, how=MEASURED, cache=True))
    yield lambda context: costs(lab.loaded(model), found, context)
    patched.undo()


def test_costs_are_bytes_as_stored_and_effects_alone(lab: Lab, few: Callable[[int], Costs]) -> None:
    loaded, found = lab.loaded(lab.names()[0]), few(64)
    reference = lab.reference(loaded.name, TEXT)
    for way in WAYS[1:3]:
        made = quantize_model(loaded, way.recipe(loaded.name))
        rows = size_report(loaded, way.recipe(loaded.name)).rows
        sizes = {row.layer.name: row.stored_bytes for row in rows if row.quantized}
        for name in ("transformer.wte", "transformer.h.1.attn.c_proj"):
            option = found.of(name, way.name)
            assert option.n_bytes == sizes[name]
            want = float(compare(reference, with_part(loaded, made, name)).tokens.kl.mean())
            assert option.loss == pytest.approx(want, rel=1e-6)
    assert found.of(KEYS, "4").n_bytes == cached_bytes(loaded, KEYS, 4, 64)
    both = cache_bytes(loaded, Recipe(model=loaded.name, cache=cache_scheme(4, 8)), 64)
    assert found.of(KEYS, "4").n_bytes + found.of(VALUES, "8").n_bytes == both.stored_bytes
    assert KEYS not in few(0).parts


def test_a_mix_is_what_was_allotted(lab: Lab, few: Callable[[int], Costs]) -> None:
    loaded = lab.loaded(lab.names()[0])
    for context in (0, 64):
        found = few(context)
        same = uniform(loaded, found)
        for n_bytes in range(same[0].n_bytes, same[-1].n_bytes, max(1, (same[-1].n_bytes - same[0].n_bytes) // 7)):
            mix = mix_within(loaded, found, n_bytes)
            chosen = dict(zip(found.parts, mix.allotted.names, strict=True))
            for layer in (layer for layer in census(loaded) if layer.kind is not Kind.OTHER):
                way = next(way for way in palette("few") if way.name == chosen[layer.name])
                assert mix.recipe.scheme_of(layer) == way.scheme, layer.name
            assert mix.n_bytes <= n_bytes
            assert mix.n_bytes == mix.allotted.n_bytes + found.kept_bytes, "bytes promised are bytes stored"
            beside = best_uniform(loaded, found, n_bytes)
            assert beside is not None
            assert mix.predicted <= beside.predicted + 1e-12, "a uniform recipe is one of all choices"
            assert beside.n_bytes <= n_bytes
            if context:
                assert mix.recipe.cache == cache_scheme(int(chosen[KEYS]), int(chosen[VALUES]))


def test_both_ways_to_ask_meet(lab: Lab, few: Callable[[int], Costs]) -> None:
    loaded, found = lab.loaded(lab.names()[0]), few(0)
    mix = mix_within(loaded, found, uniform(loaded, found)[1].n_bytes + 500)
    again = mix_losing(loaded, found, mix.predicted)
    assert again.n_bytes <= mix.n_bytes
    assert again.predicted <= mix.predicted


def test_a_budget_below_the_least_says_the_least(lab: Lab, few: Callable[[int], Costs]) -> None:
    loaded, found = lab.loaded(lab.names()[0]), few(0)
    least = uniform(loaded, found)[0].n_bytes
    assert mix_within(loaded, found, least).n_bytes == least
    with pytest.raises(BudgetError) as error:
        mix_within(loaded, found, least - 1)
    assert "kB" in error.value.text.es
    with pytest.raises(BudgetError):
        mix_losing(loaded, found, -1.0)
    with pytest.raises(QuantError):
        finished(losses(lab, loaded.name, "none"))


def test_an_estimate_ranks_what_a_measurement_does(lab: Lab, few: Callable[[int], Costs]) -> None:
    model = lab.names()[0]
    said = known_steps(losses(lab, model, "few", TEXT, how=ESTIMATED))[-1]
    names = few(0).matrices
    for way in ("int3", "int4"):
        measured, guessed = ([of.matrices[way][n] for n in names] for of in (few(0).losses, said))
        assert rank_correlation(measured, guessed) > 0.8, way


def test_a_mix_and_its_uniform_recipe_are_measured_alike(lab: Lab, few: Callable[[int], Costs]) -> None:
    loaded, found = lab.loaded(lab.names()[0]), few(0)
    n_bytes = uniform(loaded, found)[1].n_bytes + 500
    answer = finished(answered(lab, found, mix_within(loaded, found, n_bytes), n_bytes, TEXT))
    assert answer.uniform_measured is not None
    assert answer.uniform is not None
    own = float(compare(lab.reference(loaded.name, TEXT), quantize_model(loaded, answer.mix.recipe)).tokens.kl.mean())
    assert answer.measured.figures.kl_mean.value == pytest.approx(own, rel=1e-6)
    assert answer.ratio == answer.measured.figures.kl_mean.value / answer.uniform_measured.figures.kl_mean.value
