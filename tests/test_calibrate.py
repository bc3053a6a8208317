"""Statistics block by block are those of a plain pass; a model that is quantized by them; an original that stays."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kinds import KNOWN, built
from steps import few_steps
from torch import Tensor, nn

from quant.activations import Activations, Per
from quant.bench.tiny import tiny as tiny_kind
from quant.bench.tiny import tokenizer as letters
from quant.blocks import BLOCKS
from quant.calibrate import Flow, outside, statistics, windows
from quant.errors import CalibrationError, QuantError, WeightError
from quant.formats import FORMATS, learned_format
from quant.kernels.held import Repaired
from quant.lab import Lab
from quant.loading import load_model
from quant.methods import METHODS, kquant
from quant.methods.base import Statistic
from quant.model.layers import Kind, census, linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe, Rule
from quant.scheme import Grid, PerChannel, PerGroup, Scheme
from quant.texts import TITLES, calibration_text, shipped_text
from quant.work import finished

NEEDS = frozenset(Statistic)
SHORT = Calibration(tokens=512)
EIGHT = Scheme.integer(8, PerChannel())


def plain(loaded: LoadedModel, ids: Tensor, names: list[str]) -> dict[str, Tensor]:
    """float32 [tokens, in]: all that each layer is given in transformers' own pass."""
    seen: dict[str, list[Tensor]] = {name: [] for name in names}
    handles = [
        loaded.model.get_submodule(name).register_forward_pre_hook(
            lambda _, args, name=name: seen[name].append(args[0].reshape(-1, args[0].shape[-1]))
        )
        for name in names
    ]
    with torch.no_grad():
        for row in ids:
            loaded.model(row[None], use_cache=False)
    for handle in handles:
        handle.remove()
    return {name: torch.cat(parts) for name, parts in seen.items()}


def test_block_by_block_is_one_plain_pass_in_every_kind_of_model(tiny: LoadedModel) -> None:
    for kind, config in KNOWN.items():
        config.vocab_size = tiny.model.config.vocab_size
        loaded = replace(tiny, model=built(config))
        ids = windows(loaded, SHORT)
        gathered = {n: s for _, found in statistics(loaded, SHORT, NEEDS) for n, s in found.items()}
        names = [layer.name for layer in linear_layers(loaded) if "head" not in layer.name]
        assert sorted(gathered) == sorted(names), kind
        for name, x in plain(loaded, ids, names).items():
            got = gathered[name]
            assert got.tokens == ids.numel() == len(x), (kind, name)
            assert got.squares is not None
            assert got.largest is not None
            torch.testing.assert_close(got.squares, x.double().square().mean(0).float(), rtol=1e-3, atol=1e-6)
            torch.testing.assert_close(got.largest, x.abs().amax(0), rtol=1e-3, atol=1e-5)
            assert got.hessian is not None
            hessian = (x.double().t() @ x.double() / len(x)).float()
            torch.testing.assert_close(got.hessian, hessian, rtol=1e-3, atol=1e-4 * float(hessian.abs().max()))
        head = outside(loaded, SHORT, NEEDS, {"lm_head": "called"})["called"]
        x = plain(loaded, ids, ["lm_head"])["lm_head"]
        assert head.squares is not None
        torch.testing.assert_close(head.squares, x.square().mean(0), rtol=1e-3, atol=1e-6)


def test_a_quantized_block_may_carry_the_text_on(tiny: LoadedModel) -> None:
    done = quantize_model(tiny, Recipe.uniform(Scheme.integer(2, PerChannel())))
    flow = Flow(tiny, SHORT)
    first, second = flow.blocks
    flow.read(first, done.model.get_submodule(first.name), frozenset())
    flow.go_on()
    got = flow.read(second, tiny.model.get_submodule(second.name), NEEDS)[second.linears[0]]
    mixed = replace(tiny, model=quantize_model(
        tiny, Recipe((Rule("transformer.h.0.*", Scheme.integer(2, PerChannel())),))).model)  # fmt: skip
    want = plain(mixed, windows(tiny, SHORT), [second.linears[0]])[second.linears[0]]
    assert got.squares is not None
    torch.testing.assert_close(got.squares, want.square().mean(0), rtol=1e-3, atol=1e-6)
    original = plain(tiny, windows(tiny, SHORT), [second.linears[0]])[second.linears[0]].square().mean(0)
    assert not torch.allclose(got.squares, original, rtol=0.02)


def test_what_is_held_does_not_grow_with_the_depth(tiny: LoadedModel) -> None:
    flow = Flow(tiny, SHORT)
    held = sum(t.nbytes for t in vars(flow).values() if isinstance(t, Tensor))
    assert held == 2 * flow.tokens * tiny.model.config.n_embd * 4


def test_windows_are_the_text_each_document_after_a_bos(tiny: LoadedModel) -> None:
    own = Calibration("own", 256, "Me gusta mucho el futbol. " * 40)
    ids = windows(tiny, own)
    want = [tiny.bos, *tiny.tokenizer.encode("Me gusta mucho el futbol. " * 40)][: ids.numel()]
    assert ids.view(-1).tolist() == want
    assert ids.shape[1] == tiny.context
    assert windows(tiny, Calibration(tokens=300)).shape == (4, 64)
    with pytest.raises(CalibrationError, match="at least 128 are needed"):
        windows(tiny, Calibration("own", 256, "a"))


def test_no_calibration_text_is_measured_on() -> None:
    measured = {d for name in TITLES for d in shipped_text(name).documents}
    for name in ("calibration", "training_sample"):
        assert not measured & set(calibration_text(name)), name


def test_importance_is_what_the_layers_are_given(tiny: LoadedModel) -> None:
    """Q4_0's blocks fit rows of 64; the tied table is weighed by what the output matrix is given."""
    q4 = BLOCKS["Q4_0"].scheme
    recipe = Recipe.uniform(q4, method="importance", table=True, calibration=SHORT)
    done, plainly = quantize_model(tiny, recipe), quantize_model(tiny, Recipe.uniform(q4, method="search", table=True))
    names = [layer.name for layer in linear_layers(tiny)] + ["lm_head"]
    inputs = plain(tiny, windows(tiny, SHORT), names)
    for layer in (x for x in census(tiny) if x.kind is not Kind.OTHER):
        squares = inputs[layer.tied_to or layer.name].double().square().mean(0).float()
        want = kquant.quantize(tiny.weight(layer.name), q4, squares).dequantize()
        # The two sums differ in the last bits; a tie of the search may fall the other way.
        assert float((done.weight(layer.name) == want).float().mean()) > 0.98, layer.name
        assert not torch.equal(done.weight(layer.name), plainly.weight(layer.name)), layer.name


def test_a_static_scale_is_the_largest_input_of_the_calibration_text(tiny: LoadedModel) -> None:
    kind = Activations(FORMATS["int8"], Per.TENSOR, static=True)
    recipe = Recipe.uniform(EIGHT, activations=kind, calibration=SHORT)
    done = quantize_model(tiny, recipe)
    names = [layer.name for layer in linear_layers(tiny)]
    inputs = plain(tiny, windows(tiny, SHORT), names)
    for name, module, held in packed_matrices(done.model):
        assert isinstance(held, Repaired)
        largest = inputs[name].abs().amax()
        assert held.beside.largest is not None
        torch.testing.assert_close(held.beside.largest[0], largest, rtol=1e-4, atol=1e-5)
        x = inputs[name][:5] * torch.tensor([[1.0], [1], [1], [1], [100]])
        want = nn.functional.linear(kind.rounded(x, held.beside.largest), held.base.rows(), module.bias)
        torch.testing.assert_close(module(x), want, rtol=1e-3, atol=1e-3)
    assert len(names) == len(list(packed_matrices(done.model)))


def test_a_table_that_is_only_looked_up_has_no_inputs(tiny: LoadedModel) -> None:
    config = KNOWN["Llama"]
    config.vocab_size = tiny.model.config.vocab_size
    loaded = replace(tiny, model=built(config))
    q4 = BLOCKS["Q4_0"].scheme
    with pytest.raises(CalibrationError, match="only looked up"):
        quantize_model(loaded, Recipe((Rule("table:*", q4, "importance"),), calibration=SHORT))
    done = quantize_model(loaded, Recipe((Rule("lm_head", q4, "importance"), Rule("table:*", q4)), calibration=SHORT))
    assert {name for name, _, _ in packed_matrices(done.model)} == {"lm_head", "model.embed_tokens"}


@pytest.fixture
def untouched(hub_folder: Path) -> Iterator[LoadedModel]:
    """A model of this test's own; afterwards every bit of it is what it was."""
    loaded = load_model(hub_folder)
    before = loaded.fingerprint()
    yield loaded
    assert loaded.fingerprint() == before


def stored_as(loaded: LoadedModel) -> frozenset[object]:
    """What tells how a model's matrices are held from how another's are."""
    held = [(type(held), held.scheme, held.quantized()) for _, _, held in packed_matrices(loaded.model)]
    return frozenset((kind, scheme, frozenset(weight.beside.parts())) for kind, scheme, weight in held)


def test_no_operation_writes_to_what_is_shared_with_the_original(untouched: LoadedModel, tmp_path: Path) -> None:
    """Each in turn, and the fingerprint after each, so that the culprit is named.

    Methods that store matrices alike differ no more once they have: one of them stands for the others there.
    """
    from quant.evaluation.drift import drift
    from quant.evaluation.dynamic import as_transformers_loads, quantize_dynamically
    from quant.evaluation.figures import measure
    from quant.file.quantized import load_quantized, save_quantized
    from quant.generation import Sampling, generate
    from quant.speculate import speculate

    loaded, before = untouched, untouched.fingerprint()
    made: dict[str, tuple[Recipe, LoadedModel]] = {}
    candidates = (
        BLOCKS["Q4_0"].scheme,
        EIGHT,
        Scheme.integer(3, PerGroup(32), zero_point=True),
        Scheme(learned_format(4), PerChannel(), Grid.LEARNED, None),
    )
    schemes = {name: next(s for s in candidates if method.fits(s)) for name, method in METHODS.items()}
    text, short = shipped_text("enciclopedia").head(2000), Sampling(max_length=16)
    for name, scheme in schemes.items():
        knobs = few_steps(METHODS[name])
        recipe = Recipe.uniform(scheme, method=name, knobs=knobs, table=True, calibration=SHORT)
        made[name] = recipe, quantize_model(loaded, recipe)
        assert loaded.fingerprint() == before, f"quantizing by {name}"
    unlike = {stored_as(done): name for name, (_, done) in made.items()}
    assert len(unlike) >= 4
    for name, (recipe, done) in ((name, made[name]) for name in unlike.values()):
        operations = {
            "writing": lambda done=done: generate(done, "Me gusta", short),
            "measuring": lambda done=done: measure(loaded, done, text),
            "drift": lambda done=done: drift(loaded, done, "Me gusta mucho el futbol."),
            "drafting": lambda done=done: list(speculate(loaded, done, "Me gusta", short)),
            "saving": lambda done=done, recipe=recipe, name=name: save_quantized(done, recipe, tmp_path / name),
            "loading": lambda name=name: generate(load_quantized(tmp_path / name), "Me gusta", short),
        }
        for what, run in operations.items():
            run()
            assert loaded.fingerprint() == before, f"{what}, {name}"
    quantize_dynamically(as_transformers_loads(loaded))
    assert loaded.fingerprint() == before, "the notebook's recipe"


def test_pesos_waits_for_a_model_that_reads_a_text_first_and_then_shows_it(hub_folder: Path) -> None:
    lab = Lab(extra=hub_folder)
    loaded = lab.loaded(lab.default())
    recipe = Recipe.uniform(BLOCKS["Q4_0"].scheme, method="importance", model=lab.default(), calibration=SHORT)
    layer = linear_layers(loaded)[0]
    with pytest.raises(CalibrationError, match="once the model has been made"):
        lab.stored(recipe, layer)
    done = finished(lab.quantized(recipe))
    assert torch.equal(lab.stored(recipe, layer).dequantize(), done.weight(layer.name))


def test_pesos_shows_at_once_what_needs_no_text_and_says_what_stays_in_float(hub_folder: Path) -> None:
    lab = Lab(extra=hub_folder)
    loaded, q4 = lab.loaded(lab.default()), BLOCKS["Q4_0"].scheme
    first, second, *_ = linear_layers(loaded)
    mixed = Recipe(
        (Rule(first.name, q4, "importance"), Rule("linear:*", q4)), model=lab.default(), calibration=SHORT
    )  # fmt: skip
    assert torch.equal(
        lab.stored(mixed, second).q.codes, METHODS["rtn"].quantize(loaded.weight(second.name), q4).q.codes
    )
    with pytest.raises(CalibrationError, match="once the model has been made"):
        lab.stored(mixed, first)
    table = next(x for x in census(loaded) if x.kind is Kind.TABLE)
    with pytest.raises(CalibrationError, match="stays in float32"):
        lab.stored(Recipe.uniform(q4, method="importance", model=lab.default(), calibration=SHORT), table)
    static = Recipe.uniform(
        EIGHT, activations=Activations(FORMATS["int8"], Per.TENSOR, static=True), model=lab.default()
    )
    assert lab.stored(static, first).scheme == EIGHT
    with pytest.raises(QuantError, match="does not have"):
        lab.stored(Recipe((Rule("nope", q4), Rule("linear:*", q4)), model=lab.default()), first)


def test_a_calibration_text_of_ones_own_is_a_text() -> None:
    for own in ("\ud800", "a\0b", "x" * 300_000):
        with pytest.raises(CalibrationError):
            Calibration("own", 512, own)


def opened(kind: str, folder: Path) -> LoadedModel:
    tiny_kind(kind).save_pretrained(folder)
    letters().save_pretrained(folder)
    return load_model(folder)


def test_blocks_that_take_more_than_states_are_refused(tmp_path: Path) -> None:
    """Gemma 4 hands each block something of the tokens themselves: one window's would be replayed for all."""
    with pytest.raises(CalibrationError, match="hands more than its states"):
        Flow(opened("gemma4_text", tmp_path), Calibration("own", 256, "la casa y el mar " * 30))


def test_a_model_with_weights_that_are_not_finite_is_told_from_one_of_an_unknown_kind(tiny: LoadedModel) -> None:
    model = copy.deepcopy(tiny.model)
    model.transformer.h[1].mlp.c_fc.weight[0, 0] = torch.nan
    with pytest.raises(WeightError, match=r"“transformer.h.1.mlp.c_fc.weight” has weights that are not finite"):
        quantize_model(replace(tiny, model=model), Recipe.uniform(EIGHT, method="gptq", calibration=SHORT))


def test_where_windows_cannot_go_together_they_go_one_by_one(tmp_path: Path) -> None:
    """Bloom's biases are made for so many windows at once."""
    loaded = replace(opened("bloom", tmp_path), longest=64)
    text = "el agua hierve a cien grados y la montaña es alta " * 8
    calibration, needs = Calibration("own", 256, text), frozenset({Statistic.LARGEST})
    found = dict(pair for _, block in statistics(loaded, calibration, needs) for pair in block.items())
    name, seen = "transformer.h.1.mlp.dense_h_to_4h", []
    hook = loaded.model.get_submodule(name).register_forward_pre_hook(lambda _, args: seen.append(args[0].abs()))
    with torch.no_grad():
        for row in windows(loaded, calibration):
            loaded.model(row[None])
    hook.remove()
    assert len(seen) == 4
    want = torch.cat(seen).flatten(0, 1).amax(0)
    torch.testing.assert_close(found[name].largest, want, rtol=1e-4, atol=1e-5)
