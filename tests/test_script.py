"""The blocks of a GPT-2 in TorchScript: what they give, whom they serve, and what happens where TorchScript is gone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from quant.formats import FORMATS
from quant.kernels import compiled, int4pack, prefill
from quant.kernels.cpu import Activations
from quant.methods import rtn
from quant.model import script
from quant.model.gpt2 import Cache
from quant.model.load import LoadedModel
from quant.model.recipe import Recipe, quantize_model
from quant.model.single import SingleStep
from quant.scheme import PerChannel, PerGroup, Scheme

INT4 = Scheme.integer(4, PerGroup(32), scale=FORMATS["bfloat16"])
IDS = [5, 17, 3, 90, 41, 8]

pytestmark = pytest.mark.skipif(not int4pack.available(), reason="this torch has no 4-bit operator")


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for part in (compiled, prefill):
        monkeypatch.setattr(part, "available", lambda: False)
    script._reading.cache_clear()
    yield
    script._reading.cache_clear()


def layers(tiny: LoadedModel, recipe: Recipe) -> Any:
    return quantize_model(tiny, recipe).model.transformer.h


def read(tiny: LoadedModel) -> tuple[Tensor, Cache]:
    """The logits of IDS, and the keys and values that are kept."""
    model = quantize_model(tiny, Recipe(INT4)).model
    step, cache = SingleStep(model), Cache.of(model, len(IDS))
    return torch.cat([step.read(token, cache) for token in IDS]), cache


def test_it_is_torchscript_that_reads() -> None:
    assert isinstance(script.reading(), torch.jit.ScriptFunction)


def test_a_scripted_token_is_the_same_as_one_read_by_python(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit: by the script, by the same function in Python, and by the loop for models of any kind."""
    run, calls = script.reading(), []

    def counted(*given: Any) -> Tensor:
        calls.append(given)
        return run(*given)

    monkeypatch.setattr(script, "reading", lambda: counted)
    scripted, kept = read(tiny)
    assert len(calls) == len(IDS)
    monkeypatch.setattr(script, "reading", lambda: script.read)
    in_python, _ = read(tiny)
    monkeypatch.setattr(script, "blocks", lambda layers: None)
    by_products, others = read(tiny)
    assert torch.equal(scripted, in_python)
    assert torch.equal(scripted, by_products)
    assert torch.equal(kept.both, others.both)
    assert kept.length == others.length == len(IDS)


def test_two_conversations_of_different_room_take_turns(tiny: LoadedModel) -> None:
    """TorchScript rewrites its code for what it has seen; what it sees next may have another shape."""
    model = quantize_model(tiny, Recipe(INT4)).model
    long, short = Cache.of(model, 30), Cache.of(model, len(IDS))
    step = SingleStep(model)
    first = step.read(IDS[0], long)
    for token in IDS[1:]:
        step.read(token, long)
    assert torch.equal(step.read(IDS[0], short), first)
    long.length = 0
    assert torch.equal(step.read(IDS[0], long), first)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(INT4, activations=Activations.INT8),
        Recipe(Scheme.integer(8, PerChannel())),
        Recipe(INT4, overrides=(("transformer.h.1.mlp.c_proj", Scheme.integer(8, PerChannel())),)),
    ],
    ids=["rounded", "int8", "mixed"],
)
def test_other_products_are_not_scripted(tiny: LoadedModel, recipe: Recipe) -> None:
    assert script.blocks(layers(tiny, recipe)) is None
    assert script.blocks(tiny.model.transformer.h) is None


def test_a_bias_that_is_missing_and_rows_that_were_added_are_not_scripted(tiny: LoadedModel) -> None:
    whole = layers(tiny, Recipe(INT4))
    assert len(script.blocks(whole) or []) == len(whole)
    module = whole[-1].mlp.c_fc
    bias, module.bias = module.bias, None
    assert script.blocks(whole) is None
    module.bias, module.matrix = bias, int4pack.Int4Matrix.of(rtn.quantize(torch.ones(24, 64), INT4))
    assert script.blocks(whole) is None


def refusing(error: Exception) -> Any:
    def script(function: object) -> None:
        raise error

    return script


def not_known(function: object, script: Any = torch.jit.script) -> Any:
    """What TorchScript of another version makes of a construct that it does not know."""

    def construct(x: Tensor) -> Iterator[Tensor]:
        yield x

    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return script(construct)


def wrong(function: Any) -> Any:
    return lambda *given: function(*given) + 1e-6


REFUSALS = {
    "no source": refusing(OSError("could not get source code")),
    "no": refusing(RuntimeError("not here")),
    "does not run": refusing(torch.jit.Error("not here")),
    "construct": not_known,
    "wrong": wrong,
}


@pytest.mark.parametrize("of_torch", REFUSALS.values(), ids=REFUSALS)
def test_where_torchscript_refuses_python_reads(of_torch: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.jit, "script", of_torch)
    assert script.reading() is script.read


@pytest.mark.parametrize(("module", "name"), [(torch.jit, "script"), (torch.jit, "Error"),
                                              (torch.jit.frontend, "FrontendError")])  # fmt: skip
def test_without_torchscript_python_reads(module: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, name)
    assert script.reading() is script.read


def test_threads_that_ask_at_once_get_the_same() -> None:
    before = list(warnings.filters)
    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(lambda _: script.reading(), range(6)))
    assert len(found) == 1
    assert warnings.filters == before


def test_that_it_is_deprecated_is_kept_from_the_visitor() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        script.reading()
    assert not said
