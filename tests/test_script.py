"""A token of a GPT-2 in TorchScript: what it gives, whom it serves, and what happens where TorchScript is gone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from quant.formats import FORMATS
from quant.kernels import compiled, int4pack, prefill
from quant.kernels.cpu import Activations
from quant.kernels.int4pack import Int4Matrix
from quant.methods import rtn
from quant.model import script, scripted
from quant.model.gpt2 import Cache
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.model.recipe import Recipe, quantize_model
from quant.model.single import SingleStep
from quant.scheme import PerChannel, PerGroup, Scheme

INT4 = Scheme.integer(4, PerGroup(32), scale=FORMATS["bfloat16"])
BYTES = Scheme.integer(8, PerChannel())
ALL = Recipe(INT4, overrides=(("transformer.wte", INT4),))
TABLE_OF_BYTES = Recipe(INT4, overrides=(("transformer.wte", BYTES),))
IDS = [5, 17, 3, 90, 41, 8]

pytestmark = pytest.mark.skipif(not int4pack.available(), reason="this torch has no 4-bit operator")


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for part in (compiled, prefill):
        monkeypatch.setattr(part, "available", lambda: False)
    scripted._functions.cache_clear()
    yield
    scripted._functions.cache_clear()


def quantized(tiny: LoadedModel, recipe: Recipe) -> Any:
    return quantize_model(tiny, recipe).model


def read(tiny: LoadedModel, recipe: Recipe) -> tuple[Tensor, Cache]:
    """The logits of IDS, and the keys and values that are kept."""
    model = quantized(tiny, recipe)
    step, cache = SingleStep(model), Cache.of(model, len(IDS))
    return torch.cat([step.read(token, cache) for token in IDS]), cache


def counted(calls: list[str]) -> scripted.Functions:
    """The functions at hand, which note their names when they are called."""
    run = scripted.functions()
    assert run is not None

    def noting(name: str) -> Any:
        def call(*given: Any) -> Tensor:
            calls.append(name)
            result: Tensor = getattr(run, name)(*given)
            return result

        return call

    return scripted.Functions(noting("read"), noting("logits"), run.hold)


def test_it_is_torchscript_that_reads() -> None:
    found = scripted.functions()
    assert found is not None
    assert isinstance(found.read, torch.jit.ScriptFunction)
    assert isinstance(found.logits, torch.jit.ScriptFunction)


@pytest.mark.parametrize(
    ("recipe", "name"), [(ALL, "logits"), (TABLE_OF_BYTES, "read")], ids=["all of it", "the layers"]
)
def test_a_scripted_token_is_the_same_as_one_read_by_python(
    recipe: Recipe, name: str, tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit: by the script and by the loop for models of any kind."""
    calls: list[str] = []
    run = counted(calls)
    monkeypatch.setattr(scripted, "functions", lambda: run)
    by_script, kept = read(tiny, recipe)
    assert calls == [name] * len(IDS)
    monkeypatch.setattr(scripted, "functions", lambda: None)
    by_loop, others = read(tiny, recipe)
    assert calls == [name] * len(IDS)
    assert torch.equal(by_script, by_loop)
    assert torch.equal(kept.both, others.both)
    assert kept.length == others.length == len(IDS)


def test_a_model_of_other_sizes_is_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups, heads and epsilons that differ from `tiny`'s and from layer to layer, and a head of its own."""
    torch.manual_seed(0)
    model: Any = GPT2LMHeadModel(GPT2Config(vocab_size=70, n_positions=16, n_embd=128, n_head=4, n_layer=2)).eval()
    groups = iter((32, 64, 128, 64, 64, 128, 32, 128))

    def held(weight: Tensor, size: int) -> Int4Matrix:
        return Int4Matrix.of(rtn.quantize(weight, Scheme.integer(4, PerGroup(size), scale=FORMATS["bfloat16"])))

    def linear(module: Any) -> QuantLinear:
        bias = nn.Parameter(torch.randn_like(module.bias), requires_grad=False)
        return QuantLinear(held(10 * module.weight.data.t(), next(groups)), bias)

    for block, epsilon in zip(model.transformer.h, (1e-2, 1), strict=True):
        block.ln_1.eps, block.ln_2.eps = epsilon, 2 * epsilon  # also whole numbers, which TorchScript keeps apart
        for part, name in ((block.attn, "c_attn"), (block.attn, "c_proj"), (block.mlp, "c_fc"), (block.mlp, "c_proj")):
            setattr(part, name, linear(getattr(part, name)))
    model.transformer.wte = QuantEmbedding(held(torch.randn(70, 128), 64))
    model.lm_head = QuantLinear(held(torch.randn(70, 128), 32))

    def logits() -> Tensor:
        step, cache = SingleStep(model), Cache.of(model, len(IDS))
        assert bool(step._whole) == bool(scripted.functions())
        return torch.cat([step.read(token % 70, cache) for token in IDS])

    by_script = logits()
    monkeypatch.setattr(scripted, "functions", lambda: None)
    assert torch.equal(by_script, logits())


@pytest.mark.parametrize("recipe", [ALL, TABLE_OF_BYTES], ids=["all of it", "the layers"])
def test_its_logits_are_the_callers_own(recipe: Recipe, tiny: LoadedModel) -> None:
    model = quantized(tiny, recipe)
    step, cache = SingleStep(model), Cache.of(model, 2)
    first, second = (step.read(token, cache) for token in IDS[:2])
    assert first.dtype == torch.float32
    assert first.shape == (1, tiny.model.config.vocab_size)
    assert not first.is_inference()
    before = second.clone()
    first.zero_()
    assert torch.equal(second, before)


@pytest.mark.parametrize("blocks", [0, 1, 2])
@pytest.mark.parametrize("more", [0, 1, int4pack.ROWS + 1])
def test_the_row_of_any_token_is_that_of_the_table(blocks: int, more: int) -> None:
    """In whole blocks of the operator's rows, in what is left of one, and beside rows that only complete it."""
    rows = blocks * int4pack.block_rows() + more or int4pack.ROWS
    held = Int4Matrix.of(rtn.quantize(torch.randn(rows, 64, generator=torch.Generator().manual_seed(rows)), INT4))
    table = script.Table(held.data, held.scales, *held.order(), int4pack.block_rows())
    assert torch.equal(torch.cat([script.row(token, table) for token in range(rows)]), held.rows())


def test_two_conversations_of_different_room_take_turns(tiny: LoadedModel) -> None:
    """TorchScript rewrites its code for what it has seen; what it sees next may have another shape."""
    model = quantized(tiny, ALL)
    long, short = Cache.of(model, 30), Cache.of(model, len(IDS))
    step = SingleStep(model)
    first = step.read(IDS[0], long)
    for token in IDS[1:]:
        step.read(token, long)
    assert torch.equal(step.read(IDS[0], short), first)
    long.length = 0
    assert torch.equal(step.read(IDS[0], long), first)


def test_two_conversations_at_once(tiny: LoadedModel) -> None:
    model = quantized(tiny, ALL)

    def conversation(ids: list[int]) -> Tensor:
        step, cache = SingleStep(model), Cache.of(model, 40)
        return torch.cat([step.read(token, cache) for token in ids])

    talks = [[*IDS, n] * 5 for n in range(4)]
    alone = [conversation(ids) for ids in talks]
    with ThreadPoolExecutor(len(talks)) as pool:
        for talk, want in zip(pool.map(conversation, talks), alone, strict=True):
            assert torch.equal(talk, want)


def test_a_token_too_many_is_refused_and_nothing_is_lost(tiny: LoadedModel) -> None:
    model = quantized(tiny, ALL)
    step, cache = SingleStep(model), Cache.of(model, 2)
    for token in IDS[:2]:
        step.read(token, cache)
    before = cache.both.clone()
    with pytest.raises(RuntimeError):
        step.read(IDS[2], cache)
    assert cache.length == 2
    assert torch.equal(cache.both, before)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(INT4, activations=Activations.INT8),
        Recipe(BYTES),
        Recipe(INT4, overrides=(("transformer.h.1.mlp.c_proj", BYTES),)),
    ],
    ids=["rounded", "int8", "mixed"],
)
def test_other_products_are_not_scripted(recipe: Recipe, tiny: LoadedModel) -> None:
    for model in (quantized(tiny, recipe), tiny.model):
        assert scripted.whole(model) is None
        assert scripted.through(model) is None


def test_a_bias_that_is_missing_and_rows_that_were_added_are_not_scripted(tiny: LoadedModel) -> None:
    model = quantized(tiny, ALL)
    assert scripted.through(model)
    module = model.transformer.h[-1].mlp.c_fc
    bias, module.bias = module.bias, None
    assert scripted.through(model) is None
    module.bias, module.matrix = bias, Int4Matrix.of(rtn.quantize(torch.ones(24, 64), INT4))
    assert scripted.through(model) is None


def test_a_head_of_another_kind_is_not_scripted_but_the_layers_are(tiny: LoadedModel) -> None:
    model = quantized(tiny, ALL)
    head = model.lm_head
    assert scripted.whole(model)
    for other in (
        QuantLinear(head.matrix, torch.zeros(head.matrix.shape[0]), head.activations),
        QuantLinear(head.matrix, None, Activations.INT8),
        nn.Linear(*reversed(head.matrix.shape), bias=False),
    ):
        model.lm_head = other
        assert scripted.whole(model) is None
        assert scripted.through(model)


def refusing(error: Exception) -> Any:
    def script(function: object) -> None:
        raise error

    return script


def not_known(function: object, script: Any = torch.jit.script) -> Any:
    """What TorchScript of another version makes of a construct that it does not know."""

    def construct(x: Tensor) -> Iterator[Tensor]:
        yield x

    return script(construct)


class OfBytes(NamedTuple):
    part: bytes


def not_read(function: object, script: Any = torch.jit.script) -> Any:
    """What it makes of an annotation that it does not know."""

    def annotated(given: OfBytes) -> int:
        return 1

    return script(annotated)


def no_operator(function: object, script: Any = torch.jit.script) -> Any:
    """What it makes of an operator that this torch does not have."""

    def call(x: Tensor) -> Tensor:
        return torch.ops.aten._no_such_operator(x)  # type: ignore[no-any-return]

    return script(call)


def wrong(name: str) -> Any:
    def script(function: Any) -> Any:
        off = 1 if function.__name__ == name else 0
        return lambda *given: function(*given) + off

    return script


def forgetful(function: Any) -> Any:
    """Right results, but something kept for a token that was not read."""

    def call(*given: Any) -> Any:
        result = function(*given)
        given[-2][:, :, :, 2] = 1
        return result

    return call


REFUSALS = {
    "no source": refusing(OSError("could not get source code")),
    "no": refusing(RuntimeError("not here")),
    "does not run": refusing(torch.jit.Error("not here")),
    "construct": not_known,
    "annotation": not_read,
    "operator": no_operator,
    "wrong layers": wrong("read"),
    "wrong logits": wrong("logits"),
    "wrong places": forgetful,
}


@pytest.mark.parametrize("of_torch", REFUSALS.values(), ids=REFUSALS)
def test_where_torchscript_refuses_the_loop_reads(
    of_torch: object, tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, _ = read(tiny, ALL)
    scripted._functions.cache_clear()
    monkeypatch.setattr(torch.jit, "script", of_torch)
    logits, _ = read(tiny, ALL)
    assert scripted.functions() is None
    assert torch.equal(logits, wanted)


@pytest.mark.parametrize(("module", "name"), [(torch, "ScriptList"), (torch.jit, "script"), (torch.jit, "Error"),
                                              (torch.jit.frontend, "FrontendError")])  # fmt: skip
def test_without_torchscript_there_are_no_such_functions(
    module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(module, name)
    assert scripted.functions() is None


def test_threads_that_ask_at_once_get_the_same(tiny: LoadedModel) -> None:
    model, before = quantized(tiny, ALL), list(warnings.filters)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: (scripted.functions(), SingleStep(model)), range(6)))
    assert len({id(run) for run, _ in found}) == 1
    assert warnings.filters == before


def test_that_it_is_deprecated_is_kept_from_the_visitor(tiny: LoadedModel) -> None:
    model = quantized(tiny, ALL)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert scripted.whole(model)
    assert not said
