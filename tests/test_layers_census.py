"""The census: each parameter once, the tie seen, the matrices of GPT-2 all found."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from quant.model.layers import Kind, census, linear_layers, table_layer
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d

IN_A_BLOCK = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]


@pytest.fixture(scope="module")
def untied(tiny: LoadedModel) -> LoadedModel:
    """A model whose output layer is a matrix of its own."""
    config = GPT2Config(vocab_size=20, n_positions=8, n_embd=16, n_layer=1, n_head=1, tie_word_embeddings=False)
    model = GPT2LMHeadModel(config)
    turn_conv1d(model)
    return replace(tiny, model=model)


def test_each_parameter_is_counted_once(tiny: LoadedModel) -> None:
    layers = census(tiny)
    assert len({layer.tensor for layer in layers}) == len(layers)
    assert sum(layer.parameters for layer in layers) == tiny.parameters
    assert {layer.tensor for layer in layers} == {n for n, _ in tiny.model.named_parameters()}


def test_each_layer_has_the_shape_of_its_tensor(tiny: LoadedModel) -> None:
    for layer in census(tiny):
        assert layer.shape == tuple(tiny.model.get_parameter(layer.tensor).shape)
        assert layer.parameters == math.prod(layer.shape)
        assert layer.tensor.startswith(layer.name + ".")


def test_a_block_has_four_matrices_in_the_order_of_the_network(tiny: LoadedModel) -> None:
    names = [f"transformer.h.{block}.{leaf}" for block in range(2) for leaf in IN_A_BLOCK]
    assert [layer.name for layer in linear_layers(tiny)] == names


def test_matrices_are_out_in(tiny: LoadedModel) -> None:
    assert [layer.matrix for layer in linear_layers(tiny)[:4]] == [(192, 64), (64, 64), (256, 64), (64, 256)]


def test_the_tie_is_seen_and_the_head_not_listed_again(tiny: LoadedModel) -> None:
    assert table_layer(tiny).name == "transformer.wte"
    assert table_layer(tiny).tied_to == "lm_head"
    assert [layer.tied_to for layer in census(tiny)].count("lm_head") == 1
    assert all(layer.name != "lm_head" for layer in census(tiny))


def test_norms_biases_and_positions_stay_in_float(tiny: LoadedModel) -> None:
    others = {layer.tensor for layer in census(tiny) if layer.kind is Kind.OTHER}
    assert "transformer.wpe.weight" in others
    assert "transformer.ln_f.weight" in others
    assert sum(".bias" in name for name in others) == 2 * (4 + 2) + 1
    assert len(others) == 1 + 2 * (4 + 2 * 2) + 2


def test_a_head_that_is_not_tied_is_a_matrix_like_any_other(untied: LoadedModel) -> None:
    assert table_layer(untied).tied_to is None
    assert linear_layers(untied)[-1].name == "lm_head"
    assert sum(layer.parameters for layer in census(untied)) == untied.parameters


def test_gpt2_of_124_million_is_what_its_paper_says(tiny: LoadedModel) -> None:
    with torch.device("meta"):
        model = GPT2LMHeadModel(GPT2Config())
    turn_conv1d(model)
    loaded = replace(tiny, model=model)
    linears = linear_layers(loaded)
    assert len(linears) == 48
    assert sum(layer.parameters for layer in linears) == 84_934_656
    assert table_layer(loaded).parameters == 38_597_376
    assert loaded.parameters == sum(layer.parameters for layer in census(loaded)) == 124_439_808
