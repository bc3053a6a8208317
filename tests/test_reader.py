"""Reading in pieces is reading at once, and what was forgotten leaves no trace."""

from __future__ import annotations

import pytest
import torch
from cases import each
from torch import Tensor
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from quant.activations import Activations
from quant.kernels import compiled, prefill
from quant.kernels.int4pack import Int4Matrix
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.run import forward, gpt2, step
from quant.run import reader as module
from quant.run.reader import Gpt2Reader, OwnReader, Reader, reader
from quant.scheme import PerChannel, PerGroup, Scheme

SHAPE = {"vocab_size": 97, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 32,
         "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64}  # fmt: skip
MAKERS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(sliding_window=8, **SHAPE)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(sliding_window=8, **SHAPE)),
}
GPT2, OTHERS = ("float", "packed", "packed table"), tuple(MAKERS)
IDS = torch.randint(1, 97, (40,), generator=torch.Generator().manual_seed(2)).tolist()
OTHER_IDS = [96 - i for i in IDS]


@pytest.fixture(params=[(name, True) for name in GPT2] + [(name, False) for name in (*GPT2, *OTHERS)], ids=str)
def model(request: pytest.FixtureRequest, tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> PreTrainedModel:
    """Each kind of model, read by compiled kernels or not."""
    name, in_c = request.param
    if in_c and not compiled.available():
        pytest.skip("no C compiler")
    if not in_c:
        monkeypatch.setattr(step, "supports", lambda model: False)
    if name in MAKERS:
        with torch.random.fork_rng():
            torch.manual_seed(5)
            return MAKERS[name]().eval().requires_grad_(False)
    if name == "float":
        return tiny.model
    recipe = Recipe.uniform(Scheme.integer(4, PerGroup(64)), table=name == "packed table")
    return quantize_model(tiny, recipe).model


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def at_once(model: PreTrainedModel, ids: list[int]) -> Tensor:
    """Logits [n, vocabulary] by transformers' own pass."""
    return model(torch.tensor([ids]), use_cache=False).logits[0].float()


def in_pieces(r: Reader, ids: list[int], sizes: list[int]) -> Tensor:
    """Logits after every token, read a few at a time."""
    found, start = [], 0
    for size in sizes:
        assert r.length == start
        found.append(r.read(ids[start : start + size], every=True))
        start += size
    assert r.length == start
    return torch.cat(found)


@each("sizes", [[40], [1] * 40, [8] * 5, [20, 1, 1, 12, 2, 4], [1, 9, 3, 9, 18]])
def test_pieces_make_the_whole(model: PreTrainedModel, sizes: list[int]) -> None:
    close(in_pieces(reader(model, 40), IDS, sizes), at_once(model, IDS))


@each("n", [1, 5, 8, 9, 30])
def test_the_last_logits_are_the_last_of_all(model: PreTrainedModel, n: int) -> None:
    all_of_them, last = reader(model, 40).read(IDS[:n], every=True), reader(model, 40).read(IDS[:n])
    assert all_of_them.shape == (n, model.config.vocab_size)
    assert all_of_them.dtype is last.dtype is torch.float32
    close(last, all_of_them[-1:])


@each("read, kept", [(12, 11), (12, 5), (12, 0), (30, 27), (30, 3), (9, 9)])
@each("n", [1, 4, 10])
def test_what_is_forgotten_leaves_no_trace(model: PreTrainedModel, read: int, kept: int, n: int) -> None:
    r = reader(model, 40)
    r.read(IDS[:kept]) if kept else None
    r.read((IDS[:kept] + OTHER_IDS)[kept:read]) if read > kept else None
    r.forget(kept)
    assert r.length == kept
    new = IDS[kept : kept + n]
    close(r.read(new, every=True), at_once(model, IDS[: kept + n])[kept:])
    assert r.length == kept + len(new)


def test_forgotten_and_read_again_gives_the_very_same_logits(model: PreTrainedModel) -> None:
    r = reader(model, 40)
    r.read(IDS[:20])
    first = r.read(IDS[20:25], every=True)
    for kept in (20, 20):
        r.forget(kept)
        assert torch.equal(r.read(IDS[kept:25], every=True), first)
    r.forget(22)
    close(r.read(IDS[22:25], every=True), first[2:])


def test_no_more_can_be_remembered_than_was_read(model: PreTrainedModel) -> None:
    r = reader(model, 40)
    r.read(IDS[:3])
    with pytest.raises(AssertionError):
        r.forget(4)
    with pytest.raises(AssertionError):
        r.forget(-1)


def test_two_readers_of_one_model_do_not_mix(model: PreTrainedModel) -> None:
    a, b = reader(model, 40), reader(model, 40)
    a.read(IDS[:6])
    b.read(OTHER_IDS[:9])
    close(a.read(IDS[6:8], every=True), at_once(model, IDS[:8])[6:])


def test_each_architecture_has_its_reader(tiny: LoadedModel) -> None:
    assert isinstance(reader(tiny.model, 8), Gpt2Reader)
    assert isinstance(reader(MAKERS["llama"](), 8), OwnReader)


@each("in_c", [True, False])
def test_rounded_activations(tiny: LoadedModel, in_c: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few tokens and many, compiled or not, are rounded alike: the layers' own products say how."""
    recipe = Recipe.uniform(Scheme.integer(8, PerChannel()), activations=Activations.INT8)
    whole = quantize_model(tiny, recipe).model
    if not in_c:
        monkeypatch.setattr(step, "supports", lambda model: False)
    expected, floats = at_once(whole, IDS[:12]), at_once(tiny.model, IDS[:12])
    for sizes in ([12], [1] * 12, [4, 8]):
        gap = in_pieces(reader(whole, 12), IDS[:12], sizes) - expected
        assert gap.norm() < 0.2 * (expected - floats).norm()


NOTHING_COMPILED = {
    "int4": Recipe.uniform(Scheme.integer(4, PerGroup(32)), table=True),
    "int4, rounded": Recipe.uniform(Scheme.integer(4, PerGroup(64)), activations=Activations.INT8),
    "int8": Recipe.uniform(Scheme.integer(8, PerChannel()), table=True),
    "int8, rounded": Recipe.uniform(Scheme.integer(8, PerChannel()), table=True, activations=Activations.INT8),
    "int3": Recipe.uniform(Scheme.integer(3, PerGroup(32), zero_point=True), table=True),
    "expanded": Recipe.uniform(Scheme.integer(5, PerGroup(32), zero_point=True), table=True),
}


@each("recipe", NOTHING_COMPILED.values())
def test_where_nothing_compiles_single_tokens_are_read_as_many_are(
    tiny: LoadedModel, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in (compiled, prefill):
        monkeypatch.setattr(part, "available", lambda: False)
    model = quantize_model(tiny, recipe).model
    together = forward.logits(model, gpt2.hidden(model, torch.tensor([IDS])))[0]
    one_by_one = in_pieces(reader(model, 40), IDS, [1] * 40)
    # An activation of 8 bits may round to the other side, a step of 1/127 of the largest, where float32 sums end
    # differently, and more often where single tokens go through bfloat16, of 8 bits too.
    in_bfloat16 = any(type(held) is Int4Matrix for _, _, held in packed_matrices(model))
    limit = 1e-5 + 0.01 * in_bfloat16 + (0.03 if in_bfloat16 else 0.01) * (recipe.activations == Activations.INT8)
    assert float((one_by_one - together).norm() / together.norm()) < limit
    assert torch.equal(in_pieces(reader(model, 40), IDS, [1] * 40), one_by_one)
    full = reader(model, 2)
    for token in IDS[:2]:
        assert not full.read([token]).mul_(2).is_inference()  # who gets it may change it
    with pytest.raises(RuntimeError):
        full.read(IDS[2:3])


def test_few_tokens_are_compiled_and_many_are_not(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled.available():
        pytest.skip("no C compiler")
    many: list[int] = []
    real = module.gpt2.hidden

    def spy(model: PreTrainedModel, ids: Tensor, cache: object = None) -> Tensor:
        many.append(ids.shape[1])
        return real(model, ids, cache)

    monkeypatch.setattr(module.gpt2, "hidden", spy)
    r = reader(tiny.model, 40)
    for n in (9, 8, 1, 12):
        r.read(IDS[:n])
    assert many == [9, 12]
