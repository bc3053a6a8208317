"""Keys and values stored rounded: what a query sees is the definition's, whichever way the model runs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from kinds import KNOWN, built
from torch import Tensor
from transformers import AttentionInterface, GPTNeoConfig, MambaConfig, PreTrainedModel

from quant.cache import CACHE_BITS, CachePer, CacheScheme, cache_scheme
from quant.errors import ModelError, QuantError, SchemeError
from quant.evaluation.cache import cache_error, states, with_cache
from quant.evaluation.drift import drift
from quant.evaluation.figures import measure
from quant.file.quantized import load_quantized, save_quantized
from quant.generation import Sampling, generate
from quant.methods import quantize
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.packing import Layout
from quant.quantization import quantize_model
from quant.recipe import Recipe, Rule
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.run import cache, forward, gpt2, own, step
from quant.run.reader import OwnReader, Reader, reader
from quant.run.single import SingleStep
from quant.scheme import PerChannel, PerGroup, Scheme
from quant.size import cache_bytes
from quant.speculate import speculate
from quant.text import Text

RUN, BOTH = 8, "keys per channel, values per token"
IDS = torch.randint(1, 67, (40,), generator=torch.Generator().manual_seed(2)).tolist()
SCHEMES = {
    f"{per} keys {k} values {v}": cache_scheme(k, v, per, RUN if per == "channel" else 0)
    for per in ("token", "channel")
    for k, v in ((3, 0), (16, 3))
} | {BOTH: CacheScheme(Scheme.integer(4, PerGroup(RUN)), Scheme.integer(3, PerChannel()), CachePer.CHANNEL)}
FLOATS = Recipe((Rule("linear:*"),))


def of(model: PreTrainedModel, tiny: LoadedModel) -> LoadedModel:
    return LoadedModel("small", model, tiny.tokenizer, Text("a mano", "by hand"), "")


def in_pieces(r: Reader, ids: list[int], size: int) -> Tensor:
    return torch.cat([r.read(ids[i : i + size], every=True) for i in range(0, len(ids), size)])


def by_definition(scheme: CacheScheme, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention [n, width] of one head, each query alone over what the cache holds when it asks; all [n, width]."""
    rows = []
    for t in range(len(q)):
        held = []
        for side, x in zip(scheme.sides, (k[: t + 1], v[: t + 1]), strict=True):
            done = x.clone()
            for first in range(0, t + 1 if side.scheme else 0, side.run):
                if first + side.run <= t + 1:
                    part = x[first : first + side.run]
                    by_channel = side.per is CachePer.CHANNEL and not side.casts
                    rounded = quantize(part.T if by_channel else part, side.scheme).dequantize()
                    done[first : first + side.run] = rounded.T if by_channel else rounded
            held.append(done)
        rows.append(torch.softmax(q[t] @ held[0].T / q.shape[1] ** 0.5, -1) @ held[1])
    return torch.stack(rows)


def test_attention_is_what_the_definition_says_query_by_query() -> None:
    random = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 20, 16, generator=random)
    for name, scheme in SCHEMES.items():
        want = by_definition(scheme, q, k, v)
        for past in (0, 11, 19):
            got = cache.attend(scheme, q[None, None, past:], k[None, None], v[None, None])[0]
            torch.testing.assert_close(got, want[past:], rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_a_mask_may_be_added_or_say_what_is_seen_or_be_left_out() -> None:
    q, k, v = torch.randn(3, 1, 2, 20, 16, generator=torch.Generator().manual_seed(0))
    seen = torch.ones(20, 20, dtype=torch.bool).tril()
    added = torch.zeros(20, 20).masked_fill(~seen, -torch.inf)
    for name, scheme in SCHEMES.items():
        want = cache.attend_masked(scheme, q, k, v, added, 0.25)
        assert all(torch.equal(cache.attend_masked(scheme, q, k, v, m, 0.25), want) for m in (seen, None)), name


def test_scoring_reading_in_pieces_and_going_back_agree(tiny: LoadedModel) -> None:
    for kind in ("GPT-2", "Llama", "Gemma 2"):
        loaded = of(built(KNOWN[kind]), tiny)
        floats = forward.logits(loaded.model, forward.hidden(loaded.model, torch.tensor([IDS])))[0]
        for name, scheme in SCHEMES.items() if kind != "Gemma 2" else [(BOTH, SCHEMES[BOTH])]:
            model = with_cache(loaded, scheme).model
            want = own.logits(model, torch.tensor([IDS]))[0]
            assert (want - floats).abs().max() > 1e-3, f"{kind}, {name}: nothing was rounded"
            r = reader(model, 40)
            found = {
                "scored": forward.logits(model, forward.hidden(model, torch.tensor([IDS])))[0],
                "one by one": in_pieces(reader(model, 40), IDS, 1), "in sevens": in_pieces(r, IDS, 7),
                "its own code one by one": in_pieces(OwnReader(model), IDS, 1),
            }  # fmt: skip
            r.forget(37)  # into a run that was complete
            r.read([66 - i for i in IDS[:3]])
            r.forget(21)
            found["after going back"] = torch.cat([want[:21], in_pieces(r, IDS[21:], 3)])
            for how, got in found.items():
                torch.testing.assert_close(
                    got, want, rtol=1e-3, atol=1e-3, msg=lambda m, n=(kind, name, how): f"{n}: {m}"
                )


def test_writing_drifting_and_speculating_use_it(tiny: LoadedModel) -> None:
    text = "Me gusta mucho el futbol, pero no lo es todo"
    rough = quantize_model(tiny, Recipe(FLOATS.rules, cache=cache_scheme(2, 2)))
    assert rough.model.config is not tiny.model.config
    assert cache.scheme_of(tiny.model) is None, "the original stays as it was"
    seen = drift(tiny, rough, text)
    assert seen.mean_kl_nats > 0.01
    figures = measure(tiny, rough, text)
    assert figures.kl_mean.value == pytest.approx(seen.mean_kl_nats, rel=1e-2)
    greedy = Sampling(max_length=60, stop_at_end=False)
    written = generate(rough, "Me gusta", greedy)
    assert written.ids != generate(tiny, "Me gusta", greedy).ids
    assert list(speculate(rough, tiny, "Me gusta", greedy))[-1].ids == written.ids
    assert list(speculate(tiny, rough, "Me gusta", greedy))[-1].ids == generate(tiny, "Me gusta", greedy).ids


def test_no_fast_path_takes_a_model_with_a_cache(tiny: LoadedModel) -> None:
    rounded = with_cache(tiny, cache_scheme(8, 8)).model
    assert gpt2.supports(rounded)
    assert not step.supports(rounded)
    with pytest.raises(ValueError, match="rounded"):
        SingleStep(rounded)


def test_a_file_rounds_its_cache_again(tiny: LoadedModel, tmp_path: Path) -> None:
    recipe = Recipe.uniform(Scheme.integer(8, PerGroup(64)), cache=cache_scheme(3, 4, "channel"))
    small = quantize_model(tiny, recipe)
    save_quantized(small, recipe, tmp_path / "m")
    again = load_quantized(tmp_path / "m")
    assert cache.scheme_of(again.model) == recipe.cache
    ids = torch.tensor([IDS])
    torch.testing.assert_close(own.logits(again.model, ids), own.logits(small.model, ids))
    for other in (None, cache_scheme(4, 3, "channel")):
        with pytest.raises(ModelError):
            save_quantized(small, Recipe(recipe.rules, cache=other), tmp_path / "n")
    with pytest.raises(QuantError):
        quantize_model(with_cache(tiny, cache_scheme(8, 8)), recipe)


def test_bytes_are_those_of_what_is_packed(tiny: LoadedModel) -> None:
    found = states(tiny, "Me gusta mucho el futbol, pero no lo es todo. " * 5)
    tokens = found[0][0].shape[2]
    cases = [(8, 4, "token", 0), (4, 3, "token", 16), (3, 6, "channel", 0), (4, 2, "channel", 8), (16, 0, "token", 0)]
    for case in cases:
        scheme = cache_scheme(*case)
        assert scheme
        sizes = cache_bytes(tiny, Recipe(cache=scheme), tokens)
        packed = []
        for side, xs in zip(scheme.sides, zip(*found, strict=True), strict=True):
            done = tokens // side.run * side.run if side.scheme else 0
            packed.append(sum(4 * x[:, :, done:].numel() for x in xs))
            for x in xs if side.scheme else ():
                rows = x[0, :, :done].mT if side.run > 1 else x[0, :, :done]
                packed[-1] += len(Layout(side.scheme).pack(quantize(rows.reshape(-1, rows.shape[-1]), side.scheme)))
        assert (sizes.keys_bytes, sizes.values_bytes) == tuple(packed), case
        assert sizes.float_bytes == sum(4 * x.numel() for kv in found for x in kv)
    with pytest.raises(QuantError):
        cache_bytes(tiny, Recipe(), 0)


def test_the_error_falls_with_bits_and_is_that_of_each_layer(tiny: LoadedModel) -> None:
    text = "Me gusta mucho el futbol, pero no lo es todo. " * 5
    for per in ("token", "channel"):
        errors = [cache_error(tiny, cache_scheme(bits, bits, per), text) for bits in CACHE_BITS]
        for side in ("keys_db", "values_db"):
            falling = [getattr(e, side) for e in errors]
            assert falling == sorted(falling, reverse=True), (per, side)
            assert min(getattr(e, side) for e in errors[1].layers) > 35, (per, side)
    assert len(errors[0].layers) == 2


def test_what_cannot_be_done_is_refused_before_any_work(tiny: LoadedModel) -> None:
    neo = built(GPTNeoConfig(vocab_size=67, hidden_size=32, num_layers=2, num_heads=2, max_position_embeddings=64,
                             attention_types=[[["global", "local"], 1]]))  # fmt: skip
    mamba = built(MambaConfig(vocab_size=67, hidden_size=32, num_hidden_layers=2, state_size=4))
    for model in (neo, mamba):
        with pytest.raises(QuantError, match=r"clave|key"):
            quantize_model(of(model, tiny), Recipe(FLOATS.rules, cache=cache_scheme(8, 8)))
    with pytest.raises(SchemeError, match="48"):
        quantize_model(tiny, Recipe(FLOATS.rules, cache=cache_scheme(8, 8, "token", 48)))
    for bad in ((5, 8), (8, 32), (8, 8, "row"), (8, 8, "token", 3)):
        with pytest.raises(SchemeError):
            cache_scheme(*bad)
    with pytest.raises(SchemeError):
        CacheScheme(Scheme.integer(4, PerChannel()), None, CachePer.CHANNEL)


def test_transformers_list_of_ways_to_attend_stays_as_long_as_it_is(tiny: LoadedModel) -> None:
    models = [with_cache(tiny, scheme).model for scheme in SCHEMES.values()]
    before = len(AttentionInterface())
    models += [structural_copy(with_cache(tiny, cache_scheme(k, 8)).model) for k in CACHE_BITS]
    assert len(AttentionInterface()) == before
    wanted = [*SCHEMES.values(), *(cache_scheme(k, 8) for k in CACHE_BITS)]
    assert [cache.scheme_of(model) for model in models] == wanted
    again = pickle.loads(pickle.dumps(models[0].config))
    assert again._attn_implementation.scheme == wanted[0]
    json.loads(models[0].config.to_json_string())


def test_json_gives_it_back_and_older_ones_open() -> None:
    assert cache_scheme(0, 0) is None
    assert Recipe(cache=CacheScheme()).cache is None
    for name, scheme in SCHEMES.items():
        recipe = Recipe(cache=scheme)
        assert recipe_from_json(recipe_to_json(recipe)) == recipe, name
        assert hash(recipe) != hash(Recipe()), name
    written = recipe_to_json(Recipe(cache=cache_scheme(8, 4)))
    for field in ("keys_per", "values_per"):
        del written["cache"][field]
    assert recipe_from_json(written) == Recipe(cache=cache_scheme(8, 4))
