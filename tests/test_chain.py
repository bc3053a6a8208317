"""What feeds what: scaling a source by columns and dividing the layers that it feeds changes no number."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from kinds import KNOWN, SMALL, built
from torch import Tensor, nn
from transformers import GPT2Config, GPTNeoXConfig, OPTConfig, PreTrainedModel

from quant.errors import ModelError
from quant.model.chain import Feed, Link, blocks_of


def linear(model: nn.Module, name: str) -> nn.Linear:
    found = model.get_submodule(name)
    assert isinstance(found, nn.Linear)
    return found


@torch.no_grad()
def fold(model: PreTrainedModel, feed: Feed, scale: Tensor) -> None:
    """Divide the columns of the layers by `scale`, and multiply their source."""
    for name in feed.layers:
        linear(model, name).weight /= scale
    source: Any = model.get_submodule(feed.source)
    if feed.link is Link.NORM:
        if "Gemma" in type(source).__name__:  # whose norms multiply by 1 + weight
            source.weight.copy_((1 + source.weight) * scale - 1)
        else:
            source.weight *= scale
            if getattr(source, "bias", None) is not None:
                source.bias *= scale
        return
    rows = source.weight[rows_of(feed)]
    scale = scale.view(-1, 1) if len(rows) == len(scale) else shared(scale, len(rows)).view(-1, 1)
    source.weight[rows_of(feed)] *= scale
    if source.bias is not None:
        source.bias[rows_of(feed)] *= scale[:, 0]


def rows_of(feed: Feed) -> slice:
    return slice(*feed.rows) if feed.rows else slice(None)


def shared(scale: Tensor, rows: int) -> Tensor:
    """Of heads that several queries share (GQA): theirs is one scale, so the columns have to agree."""
    heads = rows // SMALL["head_dim"]
    return scale.view(heads, -1, SMALL["head_dim"])[:, 0].reshape(-1)


def scale_for(model: PreTrainedModel, feed: Feed) -> Tensor:
    n = linear(model, feed.layers[0]).in_features
    g = torch.Generator().manual_seed(n)
    source = model.get_submodule(feed.source)
    if feed.link is Link.ROWS and isinstance(source, nn.Linear) and len(source.weight[rows_of(feed)]) < n:
        heads = len(source.weight[rows_of(feed)]) // SMALL["head_dim"]
        each = 0.5 + torch.rand(heads, 1, SMALL["head_dim"], generator=g)
        return each.expand(-1, n // (heads * SMALL["head_dim"]), -1).reshape(-1)
    return 0.5 + torch.rand(n, generator=g)


@torch.no_grad()
def test_a_scale_passes_from_a_source_to_all_that_it_feeds_and_to_nothing_else() -> None:
    ids = torch.randint(67, (2, 17), generator=torch.Generator().manual_seed(1))
    for kind, config in KNOWN.items():
        model = built(config)
        want = model(ids).logits
        for block in blocks_of(model):
            assert sorted(layer for feed in block.feeds for layer in feed.layers) == sorted(block.linears), kind
            for feed in block.feeds:
                if feed.link is Link.NONLINEAR:
                    continue
                changed = copy.deepcopy(model)
                fold(changed, feed, scale_for(model, feed))
                assert not torch.equal(linear(changed, feed.layers[0]).weight, linear(model, feed.layers[0]).weight)
                torch.testing.assert_close(
                    changed(ids).logits, want, rtol=1e-3, atol=1e-4, msg=lambda m, f=feed, k=kind: f"{k}, {f}: {m}"
                )


def test_what_the_page_names_is_found() -> None:
    first = blocks_of(built(KNOWN["GPT-2"]))[0]
    assert first.name == "transformer.h.0"
    assert [(feed.layers, feed.source, feed.link) for feed in first.feeds] == [
        (("transformer.h.0.attn.c_attn",), "transformer.h.0.ln_1", Link.NORM),
        (("transformer.h.0.attn.c_proj",), "transformer.h.0.attn.c_attn", Link.ROWS),
        (("transformer.h.0.mlp.c_fc",), "transformer.h.0.ln_2", Link.NORM),
        (("transformer.h.0.mlp.c_proj",), "transformer.h.0.mlp.c_fc", Link.NONLINEAR),
    ]
    assert first.feeds[1].rows == (64, 96)
    gemma = blocks_of(built(KNOWN["Gemma 2"]))[1]
    assert gemma.feeds[2].source == "model.layers.1.pre_feedforward_layernorm"


def test_of_other_kinds_the_blocks_are_known_and_nothing_inside() -> None:
    others = [
        GPTNeoXConfig(vocab_size=67, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4),
        OPTConfig(vocab_size=67, hidden_size=32, ffn_dim=48, num_hidden_layers=3, num_attention_heads=4,
                  word_embed_proj_dim=32),
    ]  # fmt: skip
    for config in others:
        blocks = blocks_of(built(config))
        assert len(blocks) == 3, config.model_type
        assert all(block.linears and not block.feeds for block in blocks), config.model_type


def test_a_model_without_blocks_is_refused() -> None:
    class Flat(PreTrainedModel):
        config_class = GPT2Config

        def __init__(self, config: GPT2Config) -> None:
            super().__init__(config)
            self.one = nn.Linear(4, 4)

    with pytest.raises(ModelError, match="no list of blocks"):
        blocks_of(Flat(KNOWN["GPT-2"]))
