"""Packed modules in other architectures than GPT-2: the same logits, sizes, ties and texts as decoded float weights."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
import torch
from cases import each
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPTNeoXConfig,
    LlamaConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.evaluation.memory import held_in_memory
from quant.generation import Sampling, stream
from quant.loading import load_model
from quant.model.layers import census, linear_layers, table_layer
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, packed_bytes, packed_matrices
from quant.quantization import quantize_model, stored_weight
from quant.recipe import Recipe, Rule
from quant.run import forward
from quant.scheme import PerChannel, PerGroup, Scheme
from quant.size import size_report

PROMPT, LENGTH = "Me gusta mucho", 40
SIZES = {
    "vocab_size": 384, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 64, "initializer_range": 0.2,
    "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
OWN = {"tie_word_embeddings": True, "attention_bias": True}
OPT = {k: v for k, v in SIZES.items() if k not in ("head_dim", "num_key_value_heads", "initializer_range")}
CONFIGS: dict[str, PreTrainedConfig] = {
    "Llama": LlamaConfig(**SIZES, tie_word_embeddings=False),
    "SmolLM": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "Qwen 2": Qwen2Config(**SIZES, tie_word_embeddings=True),
    "Qwen 3": Qwen3Config(**SIZES, **OWN),
    "Gemma": GemmaConfig(**SIZES),
    "Gemma 2": Gemma2Config(**SIZES, final_logit_softcapping=5.0, attn_logit_softcapping=2.0, sliding_window=8),
    "Gemma 3": Gemma3TextConfig(**SIZES, sliding_window=8, layer_types=["sliding_attention", "full_attention"]),
    "GPT-NeoX": GPTNeoXConfig(**SIZES, tie_word_embeddings=False),
    "OPT": OPTConfig(**OPT, ffn_dim=128, word_embed_proj_dim=64, init_std=0.2),
}
UNTIED = {"Llama", "GPT-NeoX"}
ROUNDED = Scheme.integer(4, PerGroup(32))
RECIPES = {
    "linears": Recipe.uniform(ROUNDED),
    "table": Recipe.uniform(ROUNDED, table=True),
    "blocks": Recipe.uniform(BLOCKS["Q4_0"].scheme, table=True),
    "zero points": Recipe.uniform(Scheme.integer(3, PerChannel(), zero_point=True), table=True),
}


def build(config: PreTrainedConfig, tiny: LoadedModel, seed: int = 5) -> LoadedModel:
    """A model of random weights with the tokenizer of `tiny`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(copy.deepcopy(config), dtype=torch.float32)
        for p in model.parameters():  # biases and norms, born zeros and ones
            if p.ndim == 1:
                p.data += 0.1 * torch.randn_like(p)
    return replace(tiny, model=model.eval().requires_grad_(False))


@pytest.fixture(scope="module", params=CONFIGS)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def loaded(family: str, tiny: LoadedModel) -> LoadedModel:
    return build(CONFIGS[family], tiny)


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param]


@pytest.fixture(scope="module")
def done(loaded: LoadedModel, recipe: Recipe) -> LoadedModel:
    return quantize_model(loaded, recipe)


@pytest.fixture(scope="module")
def decoded(loaded: LoadedModel, recipe: Recipe) -> PreTrainedModel:
    """The original with the rounded numbers as floats, never packed."""
    model = copy.deepcopy(loaded.model)
    for layer in filter(recipe.scheme_of, census(loaded)):
        values = stored_weight(loaded, recipe, recipe.rules[-1], layer).dequantize()
        model.get_parameter(layer.tensor).copy_(values)
    return model


def tokens(loaded: LoadedModel, n: int = 24) -> torch.Tensor:
    return torch.randint(1, loaded.model.config.vocab_size, (2, n), generator=torch.Generator().manual_seed(3))


def close(got: torch.Tensor, want: torch.Tensor) -> bool:
    """Equal but for the order of float32 sums, of some hundred products a matrix, through two layers."""
    return bool((got - want).abs().max() < 2e-5 * want.abs().max())


def test_logits_are_those_of_the_decoded_weights(
    loaded: LoadedModel, done: LoadedModel, decoded: PreTrainedModel
) -> None:
    ids = tokens(loaded)
    want = decoded(ids).logits
    assert close(done.model(ids).logits, want)
    assert close(forward.logits(done.model, forward.hidden(done.model, ids)), want)
    assert not close(want, loaded.model(ids).logits)


def test_the_census_is_the_same_before_and_after(loaded: LoadedModel, recipe: Recipe, done: LoadedModel) -> None:
    assert census(done) == census(loaded)
    assert done.parameters == loaded.parameters
    chosen = {layer.name for layer in census(loaded) if recipe.scheme_of(layer)}
    assert {name for name, _, _ in packed_matrices(done.model)} == chosen
    assert chosen == {layer.name for layer in linear_layers(loaded)} | (
        {table_layer(loaded).name} if (recipe.rules[-1].layers == "*") else set()
    )


def test_bytes_held_are_those_reported(loaded: LoadedModel, recipe: Recipe, done: LoadedModel) -> None:
    report = size_report(loaded, recipe)
    assert sum(h.n_bytes for h in held_in_memory(done)) == report.stored_bytes
    assert packed_bytes(done.model) == sum(r.stored_bytes for r in report.rows if r.quantized)
    floats = sum(p.nbytes for p in done.model.parameters())
    assert floats == sum(r.stored_bytes for r in report.rows if not r.quantized)


def test_what_is_tied_stays_tied_and_nothing_else_is(family: str, loaded: LoadedModel) -> None:
    table, packed = table_layer(loaded), quantize_model(loaded, RECIPES["table"]).model
    floating = quantize_model(loaded, RECIPES["linears"]).model
    head, embedding = packed.get_output_embeddings(), packed.get_input_embeddings()
    assert isinstance(embedding, QuantEmbedding)
    assert isinstance(head, QuantLinear)
    if family in UNTIED:
        assert table.tied_to is None
        assert head.matrix is not embedding.matrix
        assert isinstance(floating.get_output_embeddings(), QuantLinear)  # a matrix like any other
    else:
        assert loaded.model.get_submodule(table.tied_to) is loaded.model.get_output_embeddings()
        assert head.matrix is embedding.matrix
        assert floating.get_output_embeddings().weight is floating.get_input_embeddings().weight


@each("name", ["Gemma", "Gemma 3"])
def test_scaled_rows_stay_scaled(name: str, tiny: LoadedModel) -> None:
    loaded = build(CONFIGS[name], tiny)
    done, ids = quantize_model(loaded, RECIPES["table"]), tokens(loaded)
    want = done.weight(table_layer(loaded).name)[ids] * 8  # the root of 64
    assert torch.equal(done.model.get_input_embeddings()(ids), want)


def test_greedy_text_is_that_of_transformers_on_the_decoded_copy(done: LoadedModel, decoded: PreTrainedModel) -> None:
    *_, last = stream(done, PROMPT, Sampling(LENGTH, no_repeat_ngram_size=2))
    prompt = torch.tensor([done.tokenizer.encode(PROMPT)])
    want = decoded.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_length=LENGTH, no_repeat_ngram_size=2, do_sample=False,
        pad_token_id=0, eos_token_id=0,
    )  # fmt: skip
    assert list(last.ids) == want[0].tolist()
    assert last.new_tokens > 5


def test_eight_bit_activations_reach_every_matrix(loaded: LoadedModel) -> None:
    recipe = Recipe.uniform(Scheme.integer(8, PerChannel()), table=True, activations=Activations.INT8)
    done = quantize_model(loaded, recipe)
    used = [m.activations for m in done.model.modules() if isinstance(m, QuantLinear)]
    assert used == [Activations.INT8] * (len(linear_layers(loaded)) + (table_layer(loaded).tied_to is not None))
    floats = quantize_model(loaded, replace(recipe, activations=Activations.FLOAT))
    ids = tokens(loaded)
    got, want = done.model(ids).logits, floats.model(ids).logits
    assert not close(got, want)
    assert (got - want).norm() < 0.1 * want.norm()


def test_a_layer_with_a_bias_can_be_overridden(tiny: LoadedModel) -> None:
    name = "transformer.h.0.attn.c_attn"
    recipe = replace(RECIPES["linears"], rules=(Rule(name, Scheme.integer(8, PerChannel())), *RECIPES["linears"].rules))
    done = quantize_model(tiny, recipe)
    changed = done.model.get_submodule(name)
    assert changed.matrix.scheme == recipe.rules[0].scheme
    assert changed.bias is tiny.model.get_submodule(name).bias
    assert sum(h.n_bytes for h in held_in_memory(done)) == size_report(tiny, recipe).stored_bytes


@each("name", ["Gemma 2", "Qwen 3"])
def test_a_folder_of_another_architecture_loads(name: str, tiny: LoadedModel, tmp_path: Path) -> None:
    folder = tmp_path / name
    made = build(CONFIGS[name], tiny)
    made.model.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    again = load_model(folder)
    assert torch.equal(again.model(tokens(made)).logits, made.model(tokens(made)).logits)
    assert again.model.config._attn_implementation == ("eager" if name == "Gemma 2" else "sdpa")


@each("name", ["GPT-2", "Gemma 2"])
def test_two_requests_at_once_write_what_they_write_alone(name: str, tiny: LoadedModel) -> None:
    original = tiny if name == "GPT-2" else build(CONFIGS[name], tiny)
    done = quantize_model(original, RECIPES["table"])
    asked = [(PROMPT, Sampling(LENGTH)), ("La ciudad de", Sampling(LENGTH, do_sample=True, seed=7))]
    alone = [[s.ids for s in stream(done, *request)] for request in asked]
    assert alone[0] != alone[1]
    turns = Barrier(2, timeout=20)

    def write(request: tuple[str, Sampling]) -> list[tuple[int, ...]]:
        written: list[tuple[int, ...]] = []
        writing = stream(done, *request)
        while len(written) < 8:  # token for token at the same time
            turns.wait()
            written.append(next(writing).ids)
        return written + [s.ids for s in writing]

    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(write, asked)) == alone


def test_two_streams_take_turns_on_one_model(tiny: LoadedModel) -> None:
    done = quantize_model(tiny, RECIPES["table"])
    asked = [(PROMPT, Sampling(LENGTH)), ("El agua", Sampling(LENGTH))]
    alone = [[s.ids for s in stream(done, *request)] for request in asked]
    streams = [stream(done, *request) for request in asked]
    written: list[list[tuple[int, ...]]] = [[], []]
    while any(len(w) < len(a) for w, a in zip(written, alone, strict=True)):
        for one, ids in zip(streams, written, strict=True):
            if step := next(one, None):
                ids.append(step.ids)
    assert written == alone
