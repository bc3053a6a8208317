"""quant.run.gpt2 and quant.kernels.float32: the same numbers as transformers', with and without oneDNN."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cases import each
from kinds import KNOWN
from kinds import built as made
from torch import Tensor, nn
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from quant.kernels import float32
from quant.model.skeleton import turn_conv1d
from quant.run import forward, gpt2
from quant.run.gpt2 import Cache

SIZES = [(1, 16, 1), (3, 48, 4), (2, 64, 2)]


def built(layers: int, width: int, heads: int, **more: object) -> GPT2LMHeadModel:
    torch.manual_seed(layers)
    config = GPT2Config(vocab_size=97, n_positions=40, n_embd=width, n_layer=layers, n_head=heads, **more)
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():  # biases and norms too: transformers starts them at 0 and 1
        parameter.data += 0.2 * torch.randn_like(parameter)
    turn_conv1d(model)
    return model


@pytest.fixture(params=["onednn", "torch and onednn", "torch"])
def products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways to multiply: one of the two, or each for what it does faster."""
    monkeypatch.setattr(float32, "onednn_is_faster", lambda: request.param == "onednn")
    if request.param == "torch":
        monkeypatch.setattr(float32, "onednn", lambda: None)
    elif float32.onednn() is None:
        pytest.skip("no oneDNN here")


@torch.no_grad()
def theirs(model: GPT2LMHeadModel, ids: Tensor) -> Tensor:
    return model(ids).logits


@pytest.mark.usefixtures("products")
@each("layers, width, heads", SIZES)
@each("shape", [(1, 1), (1, 40), (3, 17)])
def test_logits_are_those_of_transformers(layers: int, width: int, heads: int, shape: tuple[int, int]) -> None:
    model = built(layers, width, heads)
    ids = torch.randint(97, shape, generator=torch.Generator().manual_seed(0))
    got = forward.logits(model, forward.hidden(model, ids))
    torch.testing.assert_close(got, theirs(model, ids), rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("products")
@each("pieces", [(1,) * 12, (5, 1, 1, 5), (4, 8), (12,)])
def test_a_text_read_in_pieces_is_the_text_read_at_once(pieces: tuple[int, ...]) -> None:
    model = built(3, 48, 4)
    ids = torch.randint(97, (1, 12), generator=torch.Generator().manual_seed(1))
    cache, found, start = Cache.of(model, 20), [], 0
    for n in pieces:
        found.append(gpt2.hidden(model, ids[:, start : start + n], cache))
        start += n
        assert cache.length == start
    torch.testing.assert_close(forward.logits(model, torch.cat(found, 1)), theirs(model, ids), rtol=1e-4, atol=1e-4)


def test_what_comes_after_does_not_change_what_was_read() -> None:
    model = built(2, 64, 2)
    ids = torch.randint(97, (1, 20), generator=torch.Generator().manual_seed(2))
    other = ids.clone()
    other[0, 12:] = (other[0, 12:] + 1) % 97
    a, b = gpt2.hidden(model, ids), gpt2.hidden(model, other)
    torch.testing.assert_close(a[:, :12], b[:, :12], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(a[:, 12:], b[:, 12:])


@each(
    "change",
    [{"activation_function": "relu"}, {"scale_attn_by_inverse_layer_idx": True}, {"add_cross_attention": True},
     {"scale_attn_weights": False}, {"reorder_and_upcast_attn": True}],
)  # fmt: skip
def test_what_is_not_the_published_gpt2_is_left_to_transformers(change: dict[str, object]) -> None:
    assert gpt2.supports(built(1, 16, 1))
    assert not gpt2.supports(built(1, 16, 1, **change))


def test_other_architectures_go_through_their_own_code() -> None:
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=50, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32)  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    ids = torch.randint(50, (2, 9))
    assert not gpt2.supports(model)
    torch.testing.assert_close(forward.logits(model, forward.hidden(model, ids)), theirs(model, ids))


def test_logits_are_capped_where_the_architecture_does_so_and_nowhere_else() -> None:
    ids = torch.tensor([[1, 2, 3]])
    for model, capped in ((made(KNOWN["Gemma 2"]), True), (built(1, 16, 1), False)):
        plain = forward.logits(model, forward.hidden(model, ids))
        model.config.final_logit_softcapping = 0.5
        got = forward.logits(model, forward.hidden(model, ids))
        torch.testing.assert_close(got, theirs(model, ids), rtol=1e-4, atol=1e-4)
        assert bool(got.abs().max() <= 0.5) is capped
        assert torch.equal(got, plain) is not capped


@pytest.mark.usefixtures("products")
@each("gelu", [False, True])
@each("bias", [False, True])
def test_products_are_torch_s(gelu: bool, bias: bool) -> None:
    g = torch.Generator().manual_seed(3)
    x, weight = torch.randn(2, 5, 24, generator=g), torch.randn(7, 24, generator=g)
    b = torch.randn(7, generator=g) if bias else None
    want = functional.linear(x.double(), weight.double(), b.double() if bias else None)
    want = functional.gelu(want, approximate="tanh") if gelu else want
    torch.testing.assert_close(float32.linear(x, weight, b, gelu=gelu), want.float(), rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("products")
@each("n", [1, 5, 40])
def test_logits_can_be_written_where_one_wants_them(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float32, "PART", 30)  # in several parts, the last a short one
    model = built(1, 16, 1)
    states = gpt2.hidden(model, torch.randint(97, (2, n), generator=torch.Generator().manual_seed(4)))
    out = torch.full((2, n, 97), torch.nan)
    got = forward.logits(model, states, out)
    assert got.data_ptr() == out.data_ptr()
    torch.testing.assert_close(got, forward.logits(model, states), rtol=1e-5, atol=1e-5)
    model.config.final_logit_softcapping = 0.5
    torch.testing.assert_close(forward.logits(model, states, out), forward.logits(model, states))


@pytest.mark.parametrize(
    ("cpus", "faster"), [("vendor_id : GenuineIntel", False), ("vendor_id : AuthenticAMD", True), (None, True)]
)
def test_intel_s_processors_take_intel_s_library(
    cpus: str | None, faster: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cpus:
        (tmp_path / "cpuinfo").write_text(cpus)
    monkeypatch.setattr(float32, "CPUS", tmp_path / "cpuinfo")
    monkeypatch.setattr(float32, "onednn", lambda: functional.linear)
    assert float32.onednn_is_faster.__wrapped__() is faster
    monkeypatch.setattr(float32, "onednn", lambda: None)
    assert not float32.onednn_is_faster.__wrapped__()


def test_an_operator_that_fails_or_lies_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for broken in (lambda x, w, *_: functional.linear(x, w), None):
        float32.onednn.cache_clear()
        with monkeypatch.context() as patched:
            patched.setattr(torch.ops.mkldnn, "_linear_pointwise", broken or _missing, raising=False)
            assert float32.onednn() is None
    float32.onednn.cache_clear()


def _missing(*_: object) -> Tensor:
    raise NotImplementedError("not on this processor")


def test_the_weights_are_the_model_s_own() -> None:
    """Nothing is copied: a change in the model is seen at once."""
    model = built(1, 16, 1)
    ids = torch.tensor([[3, 4]])
    before = gpt2.hidden(model, ids)
    assert isinstance(model.transformer.h[0].mlp.c_fc, nn.Linear)
    model.transformer.h[0].mlp.c_fc.weight.data.zero_()
    assert not torch.equal(gpt2.hidden(model, ids), before)
