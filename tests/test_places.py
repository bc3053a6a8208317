"""Results of hundreds of megabytes go where the caller keeps room for them, a part of the rows at a time or all."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from quant.activations import Activations
from quant.formats import FORMATS
from quant.kernels import compiled, cpu, float32, prefill
from quant.methods import rtn
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.run import forward, gpt2
from quant.scheme import PerChannel, PerGroup, Scheme

ROWS, COLUMNS, TOKENS = 130, 64, 20
FOUR, EIGHT = Scheme.integer(4, PerGroup(32)), Scheme.integer(8, PerChannel())
PARTS = [2**22, 7 * COLUMNS, 1]  # of all rows, of seven, of one
RECIPES = {
    "float rows": Recipe.uniform(FOUR, table=True),
    "bytes": Recipe.uniform(EIGHT, table=True, activations=Activations.INT8),
    "rounded": Recipe.uniform(FOUR, table=True, activations=Activations.INT8),
    "bfloat16": Recipe.uniform(Scheme.integer(4, PerGroup(32), scale=FORMATS["bfloat16"]), table=True),
}


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture(params=["onednn", "torch"])
def products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN writes to memory of its own, torch where it is told to."""
    if request.param == "onednn" and float32.onednn() is None:
        pytest.skip("no oneDNN here")
    monkeypatch.setattr(float32, "onednn_is_faster", lambda: request.param == "onednn")


@pytest.mark.usefixtures("products")
@pytest.mark.skipif(not compiled.available(), reason="no C compiler")
@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("bias", [None, drawn(ROWS)])
@pytest.mark.parametrize("part", PARTS)
def test_rows_are_expanded_in_parts(
    part: int, bias: Tensor | None, gelu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "EXPANDED_VALUES", part)
    q = rtn.quantize(drawn(ROWS, COLUMNS), FOUR)
    x, held = drawn(2, TOKENS // 2, COLUMNS), cpu.hold(q)
    want = functional.linear(x.double(), q.dequantize().double(), None if bias is None else bias.double())
    want = (functional.gelu(want, approximate="tanh") if gelu else want).float()
    room = torch.full((2, TOKENS // 2, ROWS), torch.nan)
    got = cpu.linear(x, held, bias, gelu=gelu, out=room)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)
    assert torch.equal(room, got)
    torch.testing.assert_close(cpu.linear(x, held, bias, gelu=gelu), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "room",
    [torch.empty(TOKENS, ROWS, dtype=torch.bfloat16), torch.empty(TOKENS, ROWS + 1), torch.empty(1, TOKENS, ROWS),
     torch.empty(ROWS, TOKENS).t()],
    ids=["bfloat16", "too wide", "another shape", "turned"],
)  # fmt: skip
@pytest.mark.parametrize("activations", [Activations.FLOAT, Activations.INT8])
def test_another_place_is_refused(room: Tensor, activations: Activations) -> None:
    held = cpu.hold(rtn.quantize(drawn(ROWS, COLUMNS), EIGHT))
    with pytest.raises(ValueError, match="does not take float32"):
        cpu.linear(drawn(TOKENS, COLUMNS), held, None, activations, out=room)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("tokens", [1, TOKENS])
def test_there_is_no_gradient(tokens: int, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "EXPANDED_VALUES", part)
    held = cpu.hold(rtn.quantize(drawn(ROWS, COLUMNS), FOUR))
    assert not cpu.linear(drawn(tokens, COLUMNS).requires_grad_(), held).requires_grad


@pytest.mark.parametrize("in_c", [True, False])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_logits_of_a_packed_table_are_the_same_in_a_place_given(
    tiny: LoadedModel, recipe: Recipe, in_c: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_c and not compiled.available():
        pytest.skip("no C compiler")
    if not in_c:
        for part in (compiled, prefill):
            monkeypatch.setattr(part, "available", lambda: False)
    model = quantize_model(tiny, recipe).model
    states = gpt2.hidden(model, torch.arange(TOKENS).unsqueeze(0) + 5)
    room = torch.full((1, TOKENS, model.config.vocab_size), torch.nan)
    got = forward.logits(model, states, room)
    assert torch.equal(got, forward.logits(model, states))
    in_place = in_c and (
        recipe.activations == Activations.FLOAT or (recipe.rules[-1].scheme == EIGHT and prefill.has_int8())
    )
    assert torch.equal(got, room) == in_place  # other ways find memory of their own
