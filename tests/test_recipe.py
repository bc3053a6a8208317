"""Recipe -> model: everything that should change does, nothing else, and the bytes are the bytes."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel
from working import fractions

from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError, WeightError
from quant.evaluation.memory import held_in_memory
from quant.lab import own_bytes
from quant.methods import METHODS
from quant.methods.base import Statistic
from quant.methods.rtn import quantize
from quant.model.layers import Kind, Layer, census, linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_bytes, packed_matrices
from quant.model.skeleton import turn_conv1d
from quant.packing import Layout
from quant.quantization import quantize_model, quantize_steps
from quant.recipe import CacheScheme, Calibration, Recipe, Rule
from quant.scheme import PerChannel, PerGroup, PerTensor, Scheme
from quant.size import size_report
from quant.weight import QuantWeight

GROUPED = Recipe.uniform(Scheme.integer(4, PerGroup(64)))
EVERYTHING = Recipe.uniform(Scheme.integer(3, PerChannel(), zero_point=True), table=True)


@pytest.fixture(scope="module")
def gpt2_124m(tiny: LoadedModel) -> LoadedModel:
    """GPT-2 124M without its numbers: shapes are enough to size it."""
    with torch.device("meta"):
        model = GPT2LMHeadModel(GPT2Config())
    turn_conv1d(model)
    return replace(tiny, model=model)


def parameters(loaded: LoadedModel) -> dict[str, nn.Parameter]:
    return dict(loaded.model.named_parameters())


@pytest.mark.parametrize("recipe", [GROUPED, EVERYTHING], ids=["linears", "table too"])
def test_each_chosen_matrix_holds_its_rounded_values(tiny: LoadedModel, recipe: Recipe) -> None:
    done = quantize_model(tiny, recipe)
    for layer in census(tiny):
        if recipe.scheme_of(layer):
            expected = quantize(tiny.weight(layer.name), recipe.rules[-1].scheme).dequantize()
            assert torch.equal(done.weight(layer.name), expected)
            assert not torch.equal(done.weight(layer.name), tiny.weight(layer.name))


@pytest.mark.parametrize("recipe", [GROUPED, EVERYTHING], ids=["linears", "table too"])
def test_all_matrices_and_nothing_else_is_packed(tiny: LoadedModel, recipe: Recipe) -> None:
    done = quantize_model(tiny, recipe)
    before, after = parameters(tiny), parameters(done)
    packed = {f"{name}.weight" for name, _, _ in packed_matrices(done.model)}
    wanted = {layer.tensor for layer in linear_layers(tiny)} | (
        {"transformer.wte.weight"} if (recipe.rules[-1].layers == "*") else set()
    )
    assert packed == wanted == before.keys() - after.keys()
    assert len(packed) == 8 + (recipe.rules[-1].layers == "*")
    assert all(after[name] is before[name] for name in after)


@pytest.mark.parametrize("recipe", [GROUPED, EVERYTHING], ids=["linears", "table too"])
def test_the_census_is_the_same_packed_or_not(tiny: LoadedModel, recipe: Recipe) -> None:
    assert census(quantize_model(tiny, recipe)) == census(tiny)


@pytest.mark.parametrize("recipe", [GROUPED, EVERYTHING], ids=["linears", "table too"])
def test_what_is_held_is_what_the_report_says(tiny: LoadedModel, recipe: Recipe) -> None:
    done, report = quantize_model(tiny, recipe), size_report(tiny, recipe)
    assert sum(h.n_bytes for h in held_in_memory(done)) == report.stored_bytes
    assert own_bytes(tiny, done) == packed_bytes(done.model) == sum(r.stored_bytes for r in report.rows if r.quantized)


def test_no_float_copy_of_a_quantized_matrix_is_left(tiny: LoadedModel) -> None:
    """Of everything that the collector can reach from the model, no float tensor has the size of a matrix."""
    done = quantize_model(tiny, EVERYTHING).model
    done(torch.tensor([[1, 2, 3]]))
    kept = {id(p) for p in tiny.model.parameters()}
    for module in done.modules():
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False), *vars(module).values()):
            if isinstance(tensor, torch.Tensor) and id(tensor) not in kept:
                assert tensor.dtype == torch.uint8
    weights = sum(layer.parameters for layer in census(tiny) if EVERYTHING.scheme_of(layer))
    held = [t for _, _, m in packed_matrices(done) for t in (m.codes.data, m.scale.codes.data, m.zero.data)]
    assert {t.dtype for t in held} == {torch.uint8}
    assert sum(t.nbytes for t in held) == packed_bytes(done) < weights / 2


def test_the_original_is_left_as_it_was(tiny: LoadedModel) -> None:
    before = {name: (p, p.clone()) for name, p in parameters(tiny).items()}
    quantize_model(tiny, EVERYTHING)
    for name, p in parameters(tiny).items():
        assert p is before[name][0]
        assert torch.equal(p, before[name][1])
    assert tiny.model.lm_head.weight is tiny.model.transformer.wte.weight


@pytest.mark.parametrize("embedding", [False, True])
def test_the_table_stays_tied(tiny: LoadedModel, embedding: bool) -> None:
    done = quantize_model(tiny, Recipe.uniform(GROUPED.rules[-1].scheme, table=embedding)).model
    if embedding:
        assert done.lm_head.matrix is done.transformer.wte.matrix
    else:
        assert done.lm_head.weight is done.transformer.wte.weight is tiny.model.lm_head.weight


def test_the_table_is_quantized_once(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def counting(weight: torch.Tensor, scheme: Scheme, *_: object) -> QuantWeight:
        shapes.append(tuple(weight.shape))
        return QuantWeight(quantize(weight, scheme))

    monkeypatch.setitem(METHODS, "rtn", replace(METHODS["rtn"], run=counting))
    quantize_model(tiny, EVERYTHING)
    assert shapes.count((tiny.model.config.vocab_size, 64)) == 1
    assert len(shapes) == 9


def test_a_quantized_model_is_read_only_and_of_the_same_origin(tiny: LoadedModel) -> None:
    done = quantize_model(tiny, EVERYTHING)
    assert not done.model.training
    assert not any(p.requires_grad for p in done.model.parameters())
    assert (done.name, done.origin, done.tokenizer) == (tiny.name, tiny.origin, tiny.tokenizer)
    assert done.parameters == tiny.parameters


@pytest.mark.parametrize("recipe", [GROUPED, EVERYTHING], ids=["linears", "table too"])
def test_the_model_computes_with_the_rounded_values(tiny: LoadedModel, recipe: Recipe) -> None:
    by_hand = copy.deepcopy(tiny.model)
    for layer in filter(recipe.scheme_of, census(tiny)):
        rounded = quantize(tiny.weight(layer.name), recipe.rules[-1].scheme).dequantize()
        by_hand.get_parameter(layer.tensor).copy_(rounded)
    ids = torch.randint(0, tiny.model.config.vocab_size, (2, 64), generator=torch.Generator().manual_seed(0))
    logits = quantize_model(tiny, recipe).model(ids).logits
    torch.testing.assert_close(logits, by_hand(ids).logits, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits, tiny.model(ids).logits, rtol=0.1)


def test_progress_rises_to_one_and_ends_with_the_model(tiny: LoadedModel) -> None:
    said, model = fractions(quantize_steps(tiny, EVERYTHING))
    assert said == sorted(set(said))
    assert said[-1] == 1
    assert len(said) == 9
    assert isinstance(model, LoadedModel)


def test_a_group_that_does_not_fit_fails_before_any_work(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> QuantWeight:
        raise AssertionError("a matrix was quantized")

    monkeypatch.setitem(METHODS, "rtn", replace(METHODS["rtn"], run=never))
    # 128 fits the last matrix of a block alone.
    with pytest.raises(SchemeError, match=r"128 does not divide the 64 inputs .* these do: 16, 32, 64\."):
        next(quantize_steps(tiny, Recipe.uniform(Scheme.integer(4, PerGroup(128)), method="rtn")))
    with pytest.raises(SchemeError):
        size_report(tiny, Recipe.uniform(Scheme.integer(4, PerGroup(128))))


def test_weights_that_are_not_finite_are_refused(tiny: LoadedModel) -> None:
    bad = replace(tiny, model=copy.deepcopy(tiny.model))
    with torch.no_grad():
        bad.model.transformer.h[1].mlp.c_fc.weight[0, 0] = float("nan")
    with pytest.raises(WeightError, match="1 weights are not finite"):
        quantize_model(bad, GROUPED)


def test_a_method_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(QuantError) as caught:
        Recipe.uniform(method="magic")
    assert caught.value.text.es == f"No existe el método «magic»; los que hay: {', '.join(METHODS)}."
    assert caught.value.text.en == f"There is no method “magic”; the ones that exist: {', '.join(METHODS)}."


def test_equal_recipes_are_one_key() -> None:
    assert len({Recipe(), Recipe(), Recipe.uniform(table=True), Recipe.uniform(Scheme.integer(8, PerTensor()))}) == 3


def test_the_default_is_four_bits_in_groups_of_64() -> None:
    assert Recipe() == Recipe.uniform(Scheme.integer(4, PerGroup(64)), table=False, method="", model="embedded")
    assert Recipe().rules[0].how is METHODS["rtn"]
    assert Recipe.uniform(BLOCKS["Q4_K"].scheme).rules[0].how is METHODS["search"]


@pytest.mark.parametrize("recipe", [GROUPED, EVERYTHING], ids=["linears", "table too"])
def test_sizes_are_packed_bytes_plus_what_stays_in_float(tiny: LoadedModel, recipe: Recipe) -> None:
    report = size_report(tiny, recipe)
    packed = left = 0
    for layer in census(tiny):
        if recipe.scheme_of(layer):
            packed += len(
                Layout(recipe.rules[-1].scheme).pack(quantize(tiny.weight(layer.name), recipe.rules[-1].scheme))
            )
        else:
            left += tiny.model.get_parameter(layer.tensor).nbytes
    assert report.stored_bytes == packed + left
    assert report.float_bytes == sum(p.nbytes for p in tiny.model.parameters())
    assert [r.quantized for r in report.rows] == [recipe.scheme_of(layer) is not None for layer in census(tiny)]


def test_bits_per_weight_tell_the_whole_model_from_its_quantized_part(tiny: LoadedModel) -> None:
    report = size_report(tiny, GROUPED)
    assert report.quantized_bits_per_weight == 4.25
    matrices = sum(layer.parameters for layer in linear_layers(tiny))
    whole = (4.25 * matrices + 32 * (tiny.parameters - matrices)) / tiny.parameters
    assert report.bits_per_weight == pytest.approx(whole)


def test_the_table_is_counted_once(tiny: LoadedModel) -> None:
    with_table, without = (
        size_report(tiny, Recipe.uniform(GROUPED.rules[-1].scheme, table=True)),
        size_report(tiny, GROUPED),
    )
    tables = [r for r in with_table.rows if r.layer.kind is Kind.TABLE]
    assert len(tables) == 1
    saved = tables[0].float_bytes - tables[0].stored_bytes
    assert without.stored_bytes - with_table.stored_bytes == saved
    assert tables[0].float_bytes == tiny.model.config.vocab_size * 64 * 4


@pytest.mark.parametrize(
    ("recipe", "stored"),
    [
        # 84,934,656 codes of a byte, 82,944 rows with a float16 scale, the other 39,505,152 parameters in float32.
        (Recipe.uniform(Scheme.integer(8, PerChannel())), 84_934_656 + 2 * 82_944 + 4 * 39_505_152),  # 243.1 MB
        # The table of 50,257 rows too: 907,776 parameters are left.
        (
            Recipe.uniform(Scheme.integer(8, PerChannel()), table=True),
            84_934_656 + 38_597_376 + 2 * (82_944 + 50_257) + 4 * 907_776,  # 127.4 MB
        ),
        # Half a byte a code and a scale each 64.
        (
            Recipe.uniform(Scheme.integer(4, PerGroup(64))),
            84_934_656 // 2 + 2 * 84_934_656 // 64 + 4 * 39_505_152,
        ),  # 203.1 MB
    ],
    ids=["8 bits", "8 bits and table", "4 bits"],
)
def test_gpt2_124m_has_the_known_sizes(gpt2_124m: LoadedModel, recipe: Recipe, stored: int) -> None:
    report = size_report(gpt2_124m, recipe)
    assert report.stored_bytes == stored
    assert report.float_bytes == 497_759_232


def test_the_known_sizes_are_those_of_the_fact_sheet(gpt2_124m: LoadedModel) -> None:
    def megabytes(scheme: Scheme, table: bool = False) -> float:
        return round(size_report(gpt2_124m, Recipe.uniform(scheme, table=table)).stored_bytes / 1e6, 1)

    assert megabytes(Scheme.integer(8, PerChannel())) == 243.1
    assert megabytes(Scheme.integer(8, PerChannel()), table=True) == 127.4
    assert megabytes(Scheme.integer(4, PerGroup(64))) == 203.1


# ---- rules


def layer(name: str, kind: Kind = Kind.LINEAR) -> Layer:
    return Layer(name, f"{name}.weight", kind, (64, 64))


EIGHT, FOUR = Scheme.integer(8, PerChannel()), Scheme.integer(4, PerGroup(64))


def test_the_first_rule_that_covers_a_layer_decides() -> None:
    recipe = Recipe(
        (Rule("transformer.h.0.*"), Rule("*.mlp.c_proj", EIGHT), Rule("table:*", BLOCKS["Q6_K"].scheme),
         Rule("linear:*", FOUR))
    )  # fmt: skip
    for name, kind, want in [
        ("transformer.h.0.mlp.c_proj", Kind.LINEAR, None), ("transformer.h.1.mlp.c_proj", Kind.LINEAR, EIGHT),
        ("transformer.h.1.mlp.c_fc", Kind.LINEAR, FOUR), ("transformer.wte", Kind.TABLE, BLOCKS["Q6_K"].scheme),
        ("transformer.h.1.ln_1", Kind.OTHER, None), ("transformer.h.1.mlp.c_proj", Kind.OTHER, None),
    ]:  # fmt: skip
        assert recipe.scheme_of(layer(name, kind)) == want, (name, kind)
    assert recipe.shown_rule(layer("transformer.h.0.mlp.c_fc")).scheme == FOUR, "as the last rule would store it"
    assert Recipe.uniform(FOUR).scheme_of(layer("transformer.wte", Kind.TABLE)) is None
    assert Recipe.uniform(FOUR, table=True).scheme_of(layer("transformer.wte", Kind.TABLE)) == FOUR


def test_a_layer_is_stored_by_the_method_of_its_own_rule(tiny: LoadedModel) -> None:
    """An override was stored by another method than the recipe's in silence; now its rule names it."""
    q4 = BLOCKS["Q4_0"].scheme
    recipe = Recipe((Rule("*.c_fc", q4, "search"), Rule("linear:*", q4)))
    done = quantize_model(tiny, recipe)
    for each in linear_layers(tiny):
        weight = tiny.weight(each.name)
        want = METHODS["search" if each.name.endswith("c_fc") else "rtn"].quantize(weight, q4).dequantize()
        assert torch.equal(done.weight(each.name), want), each.name


def test_a_rule_that_cannot_be_is_refused() -> None:
    for make, said in [
        (lambda: Rule("linear:*", FOUR, "kmeans"), "int4|ABSMAX"), (lambda: Rule("linear:*", FOUR, "magic"), "magic"),
        (lambda: Rule("linear:*", BLOCKS["Q4_K"].scheme, "rtn"), "searches for its scales"),
        (lambda: Rule("norm:*", FOUR), "kind of layer that does not exist; allowed: linear:, table:"),
        (lambda: Rule("a.b", None, "rtn"), "leaves its layers in float32 and yet names a method"),
        (lambda: Recipe(()), "no rule"), (lambda: Recipe((Rule("*"),)).shown_rule(layer("a")), "quantizes nothing"),
        (lambda: Calibration("enciclopedia"), "no calibration text “enciclopedia”"),
        (lambda: Calibration("own"), "no calibration text “own”"), (lambda: Calibration(tokens=3), "3 tokens"),
    ]:  # fmt: skip
        with pytest.raises(QuantError, match=said):
            make()


def test_a_rule_that_covers_nothing_is_a_name_that_the_model_does_not_have(tiny: LoadedModel) -> None:
    with pytest.raises(QuantError, match=r"names a layer “transformer\.h\.7\.\*” that this model does not have"):
        size_report(tiny, Recipe((Rule("transformer.h.7.*", EIGHT), Rule("linear:*", FOUR))))


def test_a_recipe_is_calibrated_just_where_a_method_asks() -> None:
    assert Recipe.uniform(FOUR, calibration=Calibration()) == Recipe.uniform(FOUR)
    weighted = Recipe.uniform(BLOCKS["Q4_K"].scheme, method="importance")
    assert weighted.calibration == Calibration()
    assert weighted.needs == {Statistic.SQUARES}
    assert replace(weighted, calibration=Calibration(tokens=512)) != weighted


def test_a_cache_that_fits_no_head_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(SchemeError, match="64 does not divide the 32"):
        quantize_model(tiny, Recipe.uniform(FOUR, cache=CacheScheme(keys=FOUR)))
