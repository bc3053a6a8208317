"""Scales and rotations leave a float model's results as they were; what is stored of them is what was promised."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kinds import KNOWN, built
from torch import Tensor
from torch.nn.functional import cosine_similarity

from quant.activations import Activations
from quant.blockwise import Making
from quant.calibrate import Flow
from quant.errors import SchemeError
from quant.evaluation.weights import weight_view
from quant.folding import Prefixed
from quant.formats import FORMATS
from quant.hadamard import block_size, matrix, rotated
from quant.lab import Lab
from quant.loading import load_model
from quant.methods import METHODS, awq, rtn
from quant.methods.base import BlockProblem, NoKnobs, QuantWeight, Statistic, Statistics
from quant.model.layers import Kind, Place, census, linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model, quantize_steps, structural_copy
from quant.recipe import Calibration, Recipe, Rule, Step
from quant.run import own
from quant.scheme import PerChannel, Scheme
from quant.size import size_report
from quant.work import Progress, Work, finished

EIGHT, FOUR = Scheme.integer(8, PerChannel()), Scheme.integer(4, PerChannel())
SHORT = Calibration(tokens=512)


def rule(*weights: Tensor) -> Tensor:
    """A scale for each input, of the weights alone."""
    return (torch.cat(weights).abs().amax(0) + 0.05).sqrt()


def scales(weights: Sequence[Tensor], schemes: Sequence[Scheme], known: Statistics, knobs: NoKnobs) -> Tensor:
    return rule(*weights)


@pytest.fixture
def scaling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that scales and then rounds."""
    made = replace(METHODS["rtn"], name="scaling", scales=scales, needs=frozenset({Statistic.SQUARES}))
    monkeypatch.setitem(METHODS, "scaling", made)


@torch.no_grad()
def logits(loaded: LoadedModel, model: object = None) -> Tensor:
    ids = torch.randint(4, 60, (2, 17), generator=torch.Generator().manual_seed(1))
    return own.logits(model or loaded.model, ids).float()  # type: ignore[arg-type]


def folded(loaded: LoadedModel, recipe: Recipe) -> Making:
    """`loaded` with everything that a recipe does before it stores the first matrix, in float."""
    chosen = {x.name: (x, r) for x in census(loaded) if (r := recipe.rule_of(x))}
    making = Making(loaded, recipe, structural_copy(loaded.model), chosen)
    for block, flow in blocks(making):
        making._prepared(block, flow)
    return making


def blocks(making: Making) -> Iterator[tuple[object, object]]:
    from quant.model.chain import blocks_of

    calibration = making.recipe.calibration
    flow = Flow(making.loaded, calibration) if calibration else None
    for block in blocks_of(making.model):
        yield block, flow
        if flow:
            flow.read(block, making.model.get_submodule(block.name), frozenset())
            flow.go_on()


def test_a_hadamard_matrix_is_a_rotation_and_its_own_inverse() -> None:
    for n in (8, 64, 256):
        assert torch.allclose(matrix(n) @ matrix(n), torch.eye(n), atol=1e-5)
        assert torch.equal(matrix(n), matrix(n).t())
    x = torch.randn(3, 96)
    assert block_size(96) == 32
    torch.testing.assert_close(rotated(rotated(x, 32), 32), x, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(rotated(x, 32).norm(dim=1), x.norm(dim=1))
    assert block_size(100) is None
    assert block_size(768) == 256


@pytest.mark.parametrize("kind", KNOWN)
def test_a_float_model_that_is_scaled_or_rotated_gives_the_same_logits(
    tiny: LoadedModel, scaling: None, kind: str
) -> None:
    config = copy.deepcopy(KNOWN[kind])
    config.vocab_size = tiny.table_rows
    loaded = replace(tiny, model=built(config))
    before = loaded.fingerprint()
    want = logits(loaded)
    for recipe in (
        Recipe.uniform(EIGHT, steps=(Step("hadamard"),)),
        Recipe.uniform(EIGHT, method="scaling", calibration=SHORT),
        Recipe((Rule("*.0.*", EIGHT, "scaling"), Rule("linear:*")), calibration=SHORT),
        Recipe.uniform(EIGHT, method="awq", knobs=awq.Knobs(steps=4), calibration=SHORT),
        Recipe.uniform(EIGHT, steps=(Step("smooth"), Step("hadamard")), calibration=SHORT),
    ):
        making = folded(loaded, recipe)
        assert making.model is not loaded.model
        changed = [x.name for x in census(loaded) if x.kind is Kind.LINEAR and not torch.equal(
            loaded.weight(x.name), of(making, x.name))]  # fmt: skip
        assert changed, (kind, recipe)
        got = logits(loaded, making.model)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))
    assert loaded.fingerprint() == before


@pytest.mark.parametrize("kind", KNOWN)
def test_what_scaled_layers_are_given_is_known_without_reading_again(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    config, needs = copy.deepcopy(KNOWN[kind]), frozenset(Statistic)
    config.vocab_size = tiny.table_rows
    monkeypatch.setitem(METHODS, "scaling", replace(METHODS["rtn"], name="scaling", scales=scales, needs=needs))
    loaded = replace(tiny, model=built(config))
    recipe = Recipe.uniform(EIGHT, method="scaling", calibration=SHORT)
    making = Making(loaded, recipe, structural_copy(loaded.model),
                    {x.name: (x, r) for x in census(loaded) if (r := recipe.rule_of(x))})  # fmt: skip
    for block, flow in blocks(making):
        before = making._read(block, flow, needs)
        known = making._prepared(block, flow)
        again = making._read(block, flow, needs)
        for name in block.linears:
            for part in ("squares", "largest", "hessian", "inputs"):
                got, want = getattr(known[name], part), getattr(again[name], part)
                close = {"rtol": 1e-3, "atol": 1e-4 * float(want.abs().max())}
                torch.testing.assert_close(got, want, msg=f"{name} {part}", **close)
                assert not torch.allclose(getattr(before[name], part), want, **close), (name, part)


@pytest.mark.parametrize("kind", KNOWN)
def test_four_bit_activations_run_on_every_kind_with_the_bytes_that_were_promised(tiny: LoadedModel, kind: str) -> None:
    config = copy.deepcopy(KNOWN[kind])
    config.vocab_size = tiny.table_rows
    loaded = replace(tiny, model=built(config))
    for steps in ((Step("hadamard"),), (Step("smooth"),), (Step("smooth"), Step("hadamard"))):
        recipe = Recipe.uniform(EIGHT, steps=steps, activations=Activations(FORMATS["int4"]), calibration=SHORT)
        made = quantize_model(loaded, recipe)
        want = {row.layer.name: row.stored_bytes for row in size_report(loaded, recipe).rows if row.quantized}
        assert {name: held.nbytes for name, _, held in packed_matrices(made.model)} == want, (kind, steps)
        assert float(cosine_similarity(logits(made), logits(loaded), -1).mean()) > 0.9, (kind, steps)


def test_the_embedded_model_smoothed_or_rotated_gives_its_logits() -> None:
    loaded = load_model()
    before, want = loaded.fingerprint(), logits(loaded)
    for steps in ((Step("hadamard"),), (Step("smooth"),), (Step("smooth"), Step("hadamard"))):
        got = logits(loaded, folded(loaded, Recipe.uniform(EIGHT, steps=steps, calibration=SHORT)).model)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()), msg=str(steps))
    assert loaded.fingerprint() == before


def test_one_huge_input_is_spread_so_that_four_bits_lose_less() -> None:
    generator = torch.Generator().manual_seed(7)
    weight, x = torch.randn(48, 64, generator=generator), torch.randn(32, 64, generator=generator)
    x[:, 11] *= 40
    four = Activations(FORMATS["int4"])
    plain = (four.rounded(x) - x) @ weight.t()
    spread = (four.rounded(rotated(x, 64)) - rotated(x, 64)) @ rotated(weight, 64).t()
    assert float(spread.norm()) < 0.6 * float(plain.norm())


def of(making: Making, name: str) -> Tensor:
    found = making.model.get_submodule(name)
    linear = found.linear if isinstance(found, Prefixed) else found
    assert isinstance(linear, torch.nn.Linear)
    return linear.weight


def test_what_cannot_be_folded_stands_beside_and_is_counted(tiny: LoadedModel, scaling: None) -> None:
    for recipe, part in (
        (Recipe.uniform(EIGHT, method="scaling", calibration=SHORT), "pre_scale"),
        (Recipe.uniform(EIGHT, steps=(Step("hadamard"),)), "hadamard"),
    ):
        made = quantize_model(tiny, recipe)
        places = {x.name: x.scaled if part == "pre_scale" else x.rotated for x in linear_layers(tiny)}
        held = {name: h for name, _, h in packed_matrices(made.model)}
        for name, one in held.items():
            beside = one.quantized().beside.parts()
            assert list(beside) == ([part] if places[name] is Place.BESIDE else []), (name, part)
        want = {row.layer.name: row.stored_bytes for row in size_report(tiny, recipe).rows if row.quantized}
        assert {name: h.nbytes for name, h in held.items()} == want
        assert set(places.values()) == {Place.FEEDS, Place.BESIDE}
        # At 8 bits a row the quantized model is close to the float one, whatever was folded.
        got, float_logits = logits(made), logits(tiny)
        assert float((got - float_logits).abs().max()) < 0.05 * float(float_logits.abs().max())


def test_what_does_not_go_together_is_refused_before_any_work(tiny: LoadedModel, scaling: None) -> None:
    with pytest.raises(SchemeError, match="After a rotation"):
        Recipe.uniform(EIGHT, method="scaling", steps=(Step("hadamard"),))
    with pytest.raises(SchemeError, match="After a rotation"):
        Recipe.uniform(EIGHT, steps=(Step("hadamard"), Step("hadamard")))
    with pytest.raises(SchemeError, match="no transform “magic”"):
        Step("magic")
    only_table = Recipe((Rule("table:*", EIGHT),), steps=(Step("hadamard"),))
    with pytest.raises(SchemeError, match="stores none of them"):
        quantize_model(tiny, only_table)


def test_a_sequential_calibration_sees_what_quantized_blocks_give(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
                                                                  ) -> None:  # fmt: skip
    seen: dict[int, list[Tensor]] = {}

    def noting(weight: Tensor, scheme: Scheme, known: Statistics, knobs: NoKnobs, generator: object) -> QuantWeight:
        assert known.hessian is not None
        assert known.inputs is not None
        torch.testing.assert_close(known.hessian.diagonal(), known.squares, rtol=1e-4, atol=1e-6)
        assert len(known.inputs) <= min(512, known.tokens)
        seen.setdefault(len(seen_by), []).append(known.hessian)
        return QuantWeight(rtn.quantize(weight, scheme))

    seen_by: list[bool] = []
    monkeypatch.setitem(METHODS, "noting", replace(METHODS["rtn"], name="noting", run=noting, needs=frozenset(
        {Statistic.HESSIAN, Statistic.INPUTS, Statistic.SQUARES})))  # fmt: skip
    for sequential in (False, True):
        quantize_model(tiny, Recipe.uniform(FOUR, method="noting", calibration=replace(SHORT, sequential=sequential)))
        seen_by.append(sequential)
    plain, through = seen[0], seen[1]
    half = len(plain) // 2
    assert all(torch.equal(a, b) for a, b in zip(plain[:half], through[:half], strict=True))
    assert not any(torch.allclose(a, b, rtol=1e-3) for a, b in zip(plain[half:], through[half:], strict=True))


def test_a_method_may_store_all_of_a_block_together(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[float] = []

    def tune(problem: BlockProblem, knobs: NoKnobs, generator: torch.Generator) -> Work[dict[str, QuantWeight]]:
        weights = {name: target.weight.clone().requires_grad_() for name, target in problem.targets.items()}
        out = problem.run(weights, torch.arange(len(problem.inputs)))
        torch.testing.assert_close(out.detach(), problem.outputs, rtol=1e-4, atol=1e-4)
        rounded = {n: QuantWeight(rtn.quantize(t.weight, t.scheme)) for n, t in problem.targets.items()}
        loss = (problem.run({n: w.dequantize().requires_grad_() for n, w in rounded.items()}, torch.arange(2))
                - problem.outputs[:2]).square().mean()  # fmt: skip
        loss.backward()
        errors.append(float(loss.detach()))
        yield Progress(0.5)
        return rounded

    monkeypatch.setitem(METHODS, "tuning", replace(METHODS["rtn"], name="tuning", tune=tune))
    made = quantize_model(tiny, Recipe.uniform(FOUR, method="tuning", calibration=SHORT))
    want = quantize_model(tiny, Recipe.uniform(FOUR))
    assert len(errors) == tiny.model.config.n_layer
    assert min(errors) > 0
    for name, _, held in packed_matrices(made.model):
        assert torch.equal(held.rows(), want.weight(name)), name
    assert not any(p.requires_grad for p in tiny.model.parameters())


def test_two_rules_that_tune_one_block_both_aim_at_the_float_model(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
                                                                    ) -> None:  # fmt: skip
    seen: list[tuple[Tensor, Tensor]] = []

    def tune(problem: BlockProblem, knobs: NoKnobs, generator: torch.Generator) -> Work[dict[str, QuantWeight]]:
        seen.append((problem.inputs.clone(), problem.outputs.clone()))
        yield Progress(0.5)
        return {n: QuantWeight(rtn.quantize(t.weight, t.scheme)) for n, t in problem.targets.items()}

    monkeypatch.setitem(METHODS, "tuning", replace(METHODS["rtn"], name="tuning", tune=tune))
    rules = Rule("linear:*.attn.*", FOUR, "tuning"), Rule("linear:*", EIGHT, "tuning")
    flow = Flow(tiny, SHORT)
    quantize_model(tiny, Recipe(rules, calibration=SHORT))
    assert len(seen) == 2 * len(flow.blocks)
    for block, pair in zip(flow.blocks, zip(seen[::2], seen[1::2], strict=True), strict=True):
        flow.read(block, tiny.model.get_submodule(block.name), frozenset())
        for inputs, outputs in pair:
            assert torch.equal(inputs, flow.inputs), block.name
            assert torch.equal(outputs, flow.outputs), block.name
        flow.go_on()


def test_an_input_is_scaled_for_all_that_read_it_or_refused(tiny: LoadedModel, scaling: None) -> None:
    loaded = replace(tiny, model=built(KNOWN["Llama"]))
    queries, rest = Rule("*.q_proj", EIGHT, "scaling"), Rule("linear:*", EIGHT)
    for rules in ((queries, rest), (Rule("*.q_proj", EIGHT), Rule("linear:*", EIGHT, "scaling"))):
        with pytest.raises(SchemeError, match="read the same input, and method “scaling”"):
            next(quantize_steps(loaded, Recipe(rules, calibration=SHORT)))
    short = Calibration("random", 128)
    only = folded(loaded, Recipe((queries,), calibration=short))  # what stays in float gives what it gave
    torch.testing.assert_close(logits(loaded, only.model), logits(loaded), rtol=1e-3, atol=1e-4)
    assert not torch.equal(of(only, "model.layers.0.self_attn.k_proj"),
                           loaded.model.get_submodule("model.layers.0.self_attn.k_proj").weight)  # fmt: skip
    mixed = Recipe((Rule("*.q_proj", FOUR, "scaling"), Rule("linear:*", EIGHT, "scaling")), calibration=short)
    assert {held.scheme for _, _, held in packed_matrices(quantize_model(loaded, mixed).model)} == {FOUR, EIGHT}


def test_what_pesos_compares_lies_in_the_same_coordinates(hub_folder: Path, scaling: None) -> None:
    """At 8 bits a row a matrix is close to what it was made of, whatever was folded into it; bytes are all counted."""
    lab = Lab(extra=hub_folder)
    for recipe in (
        Recipe.uniform(EIGHT, method="scaling", calibration=SHORT, model=lab.default()),
        Recipe.uniform(EIGHT, steps=(Step("hadamard"),), model=lab.default()),
    ):
        finished(lab.quantized(recipe))
        report = size_report(lab.loaded(lab.default()), recipe)
        sizes = {row.layer.name: row.stored_bytes for row in report.rows if row.quantized}
        for layer in linear_layers(lab.loaded(lab.default())):
            view = weight_view(*lab.pair(recipe, layer))
            assert view.sqnr_db > 30, (recipe, layer.name)
            assert view.stored_bytes == sizes[layer.name], layer.name
