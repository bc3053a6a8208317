"""What is loaded is computed as its own code computes it, or refused in words."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import each
from kinds import SMALL
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    CONFIG_MAPPING,
    BartConfig,
    BertConfig,
    BloomConfig,
    CohereConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MixtralConfig,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    RobertaConfig,
)

from quant.bench.tiny import tiny as tiny_kind
from quant.bench.tiny import tokenizer as letters
from quant.blockwise import replace_layer
from quant.errors import ModelError, QuantError
from quant.evaluation.quality import evaluate, windows_of
from quant.file.quantized import load_quantized, save_quantized
from quant.generation import Sampling, generate
from quant.loading import load_model, proved
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.model.patience import within
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.run import forward, own
from quant.run.reader import OwnReader, Rereader, reader
from quant.scheme import PerChannel, Scheme
from quant.speculate import speculate
from quant.text import Text
from quant.texts import own_text

EIGHT = Scheme.integer(8, PerChannel())
SIZES: dict[str, Any] = {**SMALL, "num_hidden_layers": 2, "vocab_size": 96, "pad_token_id": 2}
BERT = {name: SIZES[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                                       "vocab_size", "max_position_embeddings")}  # fmt: skip


def saved(config: Any, folder: Path, change: Callable[[PreTrainedModel], object] = lambda _: None) -> Path:
    """A small model of that configuration in a folder, with a tokenizer of letters."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        parameter.data *= 4.0 if parameter.ndim == 2 else 1.0
    change(model)
    model.save_pretrained(folder)
    letters().save_pretrained(folder)
    return folder


def refusal(name: str | Path) -> Text:
    with pytest.raises(ModelError) as caught:
        load_model(name)
    assert caught.value.text.es != caught.value.text.en
    return caught.value.text


@torch.no_grad()
def loss(model: PreTrainedModel, loaded: LoadedModel, text: str) -> float:
    ids = torch.tensor([[loaded.bos, *loaded.tokenizer.encode(text, add_special_tokens=False)]])
    logits = model(ids[:, :-1]).logits.float()
    return float(nn.functional.cross_entropy(logits[0], ids[0, 1:], reduction="sum"))


@each("config", [
    GraniteConfig(**SIZES, logits_scaling=8.0, embedding_multiplier=3.0), CohereConfig(**SIZES, logit_scale=0.25),
    MixtralConfig(**SIZES, num_local_experts=4), MambaConfig(vocab_size=96, hidden_size=32, num_hidden_layers=2),
    BloomConfig(vocab_size=96, hidden_size=32, n_layer=2, n_head=4), LlamaConfig(**SIZES),
])  # fmt: skip
def test_scaled_logits_experts_states_and_no_positions_score_as_their_own_code(tmp_path: Path, config: Any) -> None:
    from transformers import AutoModelForCausalLM

    folder = saved(config, tmp_path / config.model_type)
    loaded = load_model(folder)
    text = "la ciudad de madrid es la capital"
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert evaluate(loaded, text).nats == pytest.approx(loss(theirs, loaded, text), rel=1e-4)
    small = quantize_model(loaded, Recipe.uniform(EIGHT, table=True))
    for layer in census(loaded):
        if layer.kind is not Kind.OTHER:
            theirs.get_submodule(layer.name).weight.data = small.weight(layer.name)
    theirs.tie_weights()
    assert evaluate(small, text).nats == pytest.approx(loss(theirs, loaded, text), rel=1e-4)


def test_the_scale_of_logits_matters(tmp_path: Path) -> None:
    """The shortcut (states times the output matrix) would give another figure here."""
    loaded = load_model(saved(GraniteConfig(**SIZES, logits_scaling=8.0), tmp_path / "granite"))
    ids = torch.arange(5, 15)[None]
    assert not forward.known(loaded.model)
    shortcut = loaded.model.lm_head(loaded.model.base_model(ids).last_hidden_state)
    assert not torch.allclose(shortcut, own.logits(loaded.model, ids), rtol=0.1)


@each("config", [BertConfig(**BERT), RobertaConfig(**BERT, pad_token_id=1)])
def test_an_encoder_is_refused(tmp_path: Path, config: Any) -> None:
    assert "lee en los dos sentidos" in refusal(saved(config, tmp_path / config.model_type)).es
    assert "it reads both ways" in refusal(tmp_path / config.model_type).en


@each("config", [BertConfig(**BERT, is_decoder=True), RobertaConfig(**BERT, is_decoder=True, pad_token_id=1)])
def test_as_a_decoder_it_is_read_up_to_its_own_length(tmp_path: Path, config: Any) -> None:
    loaded = load_model(saved(config, tmp_path / config.model_type))
    assert loaded.context == (64 if config.model_type == "bert" else 62)  # positions begin after the padding's
    assert evaluate(loaded, "la casa " * 40).protocol.context == loaded.context


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    sizes = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "vocab_size": 96,
             "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}  # fmt: skip
    saved(BartConfig(**sizes), tmp_path / "bart")
    config = json.loads((tmp_path / "bart" / "config.json").read_text())
    (tmp_path / "bart" / "config.json").write_text(json.dumps(config | {"is_encoder_decoder": True}))
    assert "codificador-decodificador" in refusal(tmp_path / "bart").es


def test_a_pass_that_differs_is_refused(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    right = forward.logits
    monkeypatch.setattr(forward, "logits", lambda *args, **kwargs: 1.01 * right(*args, **kwargs))
    with pytest.raises(ModelError, match="do not come out as its own code computes them"):
        proved(tiny)


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def test_a_linear_layer_that_does_more_stays_as_it_is(tiny: LoadedModel) -> None:
    from quant.quantization import structural_copy

    model = structural_copy(tiny.model)
    model.transformer.h[0].mlp.c_fc.__class__ = Doubled
    changed = LoadedModel("changed", model, tiny.tokenizer, tiny.origin, "")
    kinds = {layer.tensor: layer.kind for layer in census(changed)}
    assert kinds["transformer.h.0.mlp.c_fc.weight"] is Kind.OTHER
    assert kinds["transformer.h.1.mlp.c_fc.weight"] is Kind.LINEAR
    proved(changed)
    small = quantize_model(changed, Recipe.uniform(EIGHT))
    assert type(small.model.transformer.h[0].mlp.c_fc) is Doubled


@each(
    "where",
    [
        "transformer.wte.weight",
        "transformer.wpe.weight",
        "transformer.h.1.ln_1.bias",
        "transformer.ln_f.weight",
        "transformer.h.0.mlp.c_fc.bias",
        "transformer.h.1.attn.c_proj.weight",
    ],
)
@each("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_found_wherever_it_is(hub_folder: Path, tmp_path: Path, where: str,
                                                       value: float) -> None:  # fmt: skip
    folder = Path(shutil.copytree(hub_folder, tmp_path / f"{where}{value}"))
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state[where].view(-1)[7] = value
    torch.save(state, folder / "pytorch_model.bin")
    assert f"“{where}” of “{folder.name}” has 1 numbers that are not finite" in refusal(folder).en


@each("value", [float("nan"), float("inf")])
def test_a_scale_that_is_none_is_found_in_a_quantized_file(tiny: LoadedModel, tmp_path: Path, value: float) -> None:
    recipe = Recipe.uniform(EIGHT)
    small = quantize_model(tiny, recipe)
    layer = next(layer for layer in census(tiny) if layer.name == "transformer.h.1.mlp.c_fc")
    weight = recipe.rules[-1].how.quantize(tiny.weight(layer.name), EIGHT)
    weight.q.scale[3] = value
    replace_layer(small.model, layer, weight, recipe.activations)
    save_quantized(small, recipe, tmp_path / f"{value}")
    with pytest.raises(ModelError, match=r"mlp.c_fc.scale.*has 1 numbers that are not finite"):
        load_quantized(tmp_path / f"{value}")


def test_numbers_that_overflow_on_the_way_are_refused(folder: Path) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["transformer.ln_f.weight"][:] = 3e38
    torch.save(state, folder / "pytorch_model.bin")
    assert "da números que no son finitos" in refusal(folder).es


def test_an_output_matrix_of_its_own_is_used_and_said(folder: Path) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["lm_head.weight"] = state["transformer.wte.weight"].flip(0).clone()
    torch.save(state, folder / "pytorch_model.bin")
    loaded = load_model(folder)
    assert torch.equal(loaded.weight("lm_head"), state["lm_head.weight"])
    assert torch.equal(loaded.weight("transformer.wte"), state["transformer.wte.weight"])
    assert any("matriz de salida es la tabla de tokens, y los pesos traen otra" in note.es for note in loaded.notes)
    theirs = GPT2LMHeadModel.from_pretrained(folder).eval()
    assert evaluate(loaded, "Me gusta").nats == pytest.approx(loss(theirs, loaded, "Me gusta"), rel=1e-5)


def test_an_ordinary_model_needs_no_note(tiny: LoadedModel) -> None:
    assert tiny.notes == ()
    assert load_model().notes == ()


def test_tensors_that_are_no_part_of_the_model_are_said(folder: Path) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(state | {"score.weight": torch.ones(2, 64)}, folder / "pytorch_model.bin")
    assert "score.weight" in load_model(folder).notes[0].en


def tokenizer_with(folder: Path, **more: Any) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    for name, value in more.items():
        if name == "added":
            tokenizer.add_tokens(value)
        else:
            setattr(tokenizer, name, value)
    for file in ("vocab.json", "merges.txt", "special_tokens_map.json"):
        (folder / file).unlink()
    tokenizer.save_pretrained(folder)


def test_a_token_without_a_row_is_refused(folder: Path, tiny: LoadedModel) -> None:
    tokenizer_with(folder, added=["futbolín", "<otro>"])
    text = refusal(folder)
    assert f"el token «futbolín» es el número {tiny.table_rows}, y la tabla tiene {tiny.table_rows} filas" in text.es
    assert "2 tokens are beyond it" in text.en


def test_a_beginning_beyond_the_table_is_refused(folder: Path) -> None:
    tokenizer_with(folder, bos_token="<comienzo>")
    assert "“<comienzo>” is number" in refusal(folder).en


def test_a_tokenizer_larger_than_the_vocabulary_is_refused(folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.json").read_text())
    most = max(vocabulary.values())
    (folder / "vocab.json").write_text(json.dumps(vocabulary | {f"x{i}": most + 1 + i for i in range(50)}))
    assert "50 tokens are beyond it" in refusal(folder).en


def test_a_table_larger_than_the_tokenizer_is_usual(folder: Path, tiny: LoadedModel) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    table = torch.cat([state["transformer.wte.weight"], torch.zeros(46, 64)])
    state["transformer.wte.weight"] = state["lm_head.weight"] = table
    torch.save(state, folder / "pytorch_model.bin")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": len(table)}))
    assert load_model(folder).table_rows == tiny.table_rows + 46


def test_what_is_quantized_is_not_quantized_again(tiny: LoadedModel) -> None:
    small = quantize_model(tiny, Recipe.uniform(EIGHT))
    for recipe in (Recipe.uniform(EIGHT), Recipe(), Recipe.uniform(EIGHT, table=True)):
        with pytest.raises(QuantError, match="is quantized already") as caught:
            quantize_model(small, recipe)
        assert "ya está cuantizado" in caught.value.text.es


@each("config", [
    MambaConfig(vocab_size=96, hidden_size=32, num_hidden_layers=2), LlamaConfig(**SIZES),
    GraniteConfig(**SIZES, logits_scaling=8.0), BertConfig(**BERT, is_decoder=True),
])  # fmt: skip
def test_a_draft_writes_what_the_original_writes_whatever_its_cache(tmp_path: Path, config: Any) -> None:
    loaded = load_model(saved(config, tmp_path / config.model_type))
    draft = quantize_model(loaded, Recipe.uniform(Scheme.integer(3, PerChannel())))
    sampling = Sampling(max_length=24, stop_at_end=False)
    alone = generate(loaded, "la casa", sampling)
    assert list(speculate(loaded, draft, "la casa", sampling))[-1].ids == alone.ids


def test_each_has_the_reader_that_is_right_for_it(tmp_path: Path) -> None:
    mamba = load_model(saved(MambaConfig(vocab_size=96, hidden_size=32, num_hidden_layers=2), tmp_path / "mamba"))
    granite = load_model(saved(GraniteConfig(**SIZES), tmp_path / "granite"))
    assert type(reader(mamba.model, 20, remembers=mamba.remembers)) is Rereader
    assert type(reader(granite.model, 20, remembers=granite.remembers)) is OwnReader
    assert quantize_model(mamba, Recipe.uniform(EIGHT)).remembers is False


def bos_matters(model: PreTrainedModel) -> None:
    """Make the states depend on whether the first token is the BOS, as a model trained with one has learned."""
    model.get_input_embeddings().weight.data[0] *= 10


def test_where_the_tokenizer_begins_with_a_bos_each_window_does(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = saved(LlamaConfig(**SIZES), tmp_path / "llama", bos_matters)
    text = "la ciudad de madrid es la capital de toda la provincia, y la casa es grande." * 3
    plain = load_model(folder)
    without = evaluate(plain, text)
    assert not plain.starts_with_bos
    assert not without.protocol.bos_in_windows
    tokens = AutoTokenizer.from_pretrained(folder)
    tokens._tokenizer.post_processor = _begins_with("<s>", 0)
    tokens.save_pretrained(folder)
    loaded = load_model(folder)
    assert loaded.starts_with_bos
    scored = evaluate(loaded, text)
    assert scored.protocol.bos_in_windows
    assert (scored.protocol.tokens, scored.protocol.windows) == (without.protocol.tokens, without.protocol.windows)
    model = LlamaForCausalLM.from_pretrained(folder).eval()
    ids, want = tokens.encode(text, add_special_tokens=False), 0.0
    for start in range(0, len(ids), 64):
        part = torch.tensor(ids[start : start + 64])
        with torch.no_grad():
            logits = model(torch.cat([torch.tensor([0]), part[:-1]])[None]).logits[0]
        want += float(nn.functional.cross_entropy(logits, part, reduction="sum"))
    assert scored.nats == pytest.approx(want, rel=1e-5)
    assert scored.nats != pytest.approx(without.nats, rel=1e-2)


def _begins_with(token: str, number: int) -> Any:
    from tokenizers.processors import TemplateProcessing

    return TemplateProcessing(single=f"{token} $A", pair=f"{token} $A $B", special_tokens=[(token, number)])


def test_gpt2_is_scored_as_ever(tiny: LoadedModel) -> None:
    assert not tiny.starts_with_bos
    assert not load_model().starts_with_bos
    assert not evaluate(tiny, "Me gusta el mar.").protocol.bos_in_windows


def test_a_long_context_is_scored_in_windows_of_the_usual_length(tmp_path: Path) -> None:
    loaded = load_model(saved(LlamaConfig(**SIZES | {"max_position_embeddings": 131072}), tmp_path / "llama"))
    assert (loaded.context, loaded.window) == (131072, 2048)
    assert evaluate(loaded, "la casa " * 10).protocol.context == 2048


def test_a_saved_state_is_not_confused(folder: Path) -> None:
    state = {k: v.clone() for k, v in torch.load(folder / "pytorch_model.bin", weights_only=True).items()}
    del state["lm_head.weight"]
    save_file(state, folder / "model.safetensors")
    assert load_model(folder).notes == ()


@each("kind, setting", [("llama", {"is_causal": False}), ("qwen3", {"is_causal": False}),
                        ("gemma3_text", {"use_bidirectional_attention": True})])  # fmt: skip
def test_a_known_kind_that_reads_both_ways_is_refused(tmp_path: Path, kind: str, setting: dict[str, Any]) -> None:
    folder = saved(CONFIG_MAPPING[kind](**SIZES), tmp_path / kind)
    load_model(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | setting))
    assert "it reads both ways" in refusal(folder).en


@each("kind", ["big_bird", "reformer"])
def test_what_reads_long_texts_in_another_way_is_refused(tmp_path: Path, kind: str) -> None:
    model = tiny_kind(kind)
    if kind == "big_bird":
        model.config.is_decoder = True
    model.save_pretrained(tmp_path / kind)
    letters().save_pretrained(tmp_path / kind)
    assert "cómo lee un texto depende de lo largo que sea" in refusal(tmp_path / kind).es


def test_of_longrope_the_length_that_it_was_born_with_is_read(tmp_path: Path) -> None:
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 16,
            "short_factor": [1.0] * 4, "long_factor": [2.0] * 4}  # fmt: skip
    sizes = SIZES | {"original_max_position_embeddings": 16, "rope_parameters": rope}
    loaded = load_model(saved(Phi3Config(**sizes), tmp_path / "phi3"))
    assert (loaded.context, loaded.window) == (16, 16)
    before = loaded.fingerprint()
    text = "la casa y el mar de la ciudad"
    theirs = Phi3ForCausalLM.from_pretrained(tmp_path / "phi3").eval()
    want = 0.0
    for window in windows_of(loaded, own_text(text)):
        with torch.no_grad():
            logits = theirs(window.inputs[None]).logits[0]
        want += float(nn.functional.cross_entropy(logits, window.targets, reduction="sum"))
    assert evaluate(loaded, text).nats == pytest.approx(want, rel=1e-5)
    assert loaded.fingerprint() == before


@each("dtype", [torch.int8, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn])
@each("file", ["model.safetensors", "pytorch_model.bin"])
def test_codes_are_no_weights(hub_folder: Path, tmp_path: Path, dtype: torch.dtype, file: str) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / f"{dtype}{file}"))
    state = {n: t.clone() for n, t in torch.load(folder / "pytorch_model.bin", weights_only=True).items()}
    del state["lm_head.weight"]
    state["transformer.h.0.mlp.c_fc.weight"] = state["transformer.h.0.mlp.c_fc.weight"].to(dtype)
    if file.endswith(".bin"):
        torch.save(state, folder / file)
    else:
        save_file(state, folder / file)
    assert "son los códigos o las escalas de un modelo ya cuantizado" in refusal(folder).es


@each("beside", ["weight_scale", "weight_scale_inv", "SCB", "qweight", "qzeros"])
def test_scales_beside_weights_are_seen(hub_folder: Path, tmp_path: Path, beside: str) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / beside))
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(state | {f"transformer.h.0.mlp.c_fc.{beside}": torch.ones(3)}, folder / "pytorch_model.bin")
    assert "quantized already" in refusal(folder).en


def test_one_tensor_twice_is_refused(hub_folder: Path, tmp_path: Path) -> None:
    state = {n: t.clone() for n, t in torch.load(hub_folder / "pytorch_model.bin", weights_only=True).items()}
    del state["lm_head.weight"]
    name = "transformer.ln_f.weight"
    folder = Path(shutil.copytree(hub_folder, tmp_path / "wrapped"))
    save_file(state | {f"_orig_mod.{name}": 3 * state[name]}, folder / "model.safetensors")
    assert f"“_orig_mod.{name}” and “{name}”" in refusal(folder).en
    folder = Path(shutil.copytree(hub_folder, tmp_path / "shards"))
    save_file(state, folder / "model-00001-of-00002.safetensors")
    save_file({name: 3 * state[name]}, folder / "model-00002-of-00002.safetensors")
    places = dict.fromkeys(state, "model-00001-of-00002.safetensors") | {name: "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert f"two of its weight files hold “{name}”" in refusal(folder).en


def test_a_view_of_a_few_numbers_is_no_large_tensor(folder: Path) -> None:
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["transformer.wpe.weight"] = torch.zeros(1, 1).expand(20_000_000, 64)
    torch.save(state, folder / "pytorch_model.bin")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_positions": 20_000_000}))
    assert "asks for a model of" in refusal(folder).en


def test_every_end_of_the_generation_configuration_ends_a_text(folder: Path) -> None:
    written = generate(load_model(folder), "Me gusta", Sampling(max_length=40))
    end = written.ids[written.prompt_tokens + 5]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, end]}))
    loaded = load_model(folder)
    assert loaded.ends == {0, end}
    ended = generate(loaded, "Me gusta", Sampling(max_length=40))
    theirs = GPT2LMHeadModel.from_pretrained(folder).eval()
    prompt = torch.tensor([loaded.tokenizer.encode("Me gusta")])
    want = theirs.generate(prompt, max_length=40, no_repeat_ngram_size=2, do_sample=False, pad_token_id=0)
    assert ended.ids == tuple(want[0].tolist())
    assert len(ended.ids) < len(written.ids)


# What is raised while Python collects garbage is lost, and pytest reports it; it is then raised again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@each("change", [
    {"model_type": "gpt_neo", "attention_types": [[["global", "local"], 400_000_000]]},
    {"model_type": "stablelm", "qk_layernorm": True, "num_attention_heads": 10**6, "num_key_value_heads": 10**6,
     "hidden_size": 10**6},
    {"model_type": "bloom", "pretraining_tp": 10**9, "slow_but_exact": True, "n_head": 2, "hidden_size": 64},
])  # fmt: skip
def test_work_without_an_end_is_given_up(hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         change: dict[str, Any]) -> None:  # fmt: skip
    monkeypatch.setattr("quant.model.load.SECONDS", 1.0)
    # What ends the work may come while a destructor runs, and again while pytest writes that down.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    folder = Path(shutil.copytree(hub_folder, tmp_path / str(change["model_type"])))
    (folder / "config.json").write_text(json.dumps({"vocab_size": 338, "n_layer": 2} | change))
    started = time.monotonic()
    refusal(folder)
    assert time.monotonic() - started < 30
    while any("patience" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() - started < 60, "it goes on"
        time.sleep(0.1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []

    def forever() -> None:
        try:
            while True:
                time.sleep(0.01)
        finally:
            ended.append(True)

    with pytest.raises(ModelError, match="there is no end: after 0 seconds"):
        within(0.2, forever, "x")
    for _ in range(200):
        if ended:
            break
        time.sleep(0.02)
    assert ended == [True]
    assert within(5.0, lambda: 3, "x") == 3
    with pytest.raises(ZeroDivisionError):
        within(5.0, lambda: 1 // 0, "x")


@each("tokenizer", [
    {"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "?"}, "added_tokens": []},
    {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "added_tokens": [],
     "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}],
                        "pair": [], "special_tokens": {}}},
])  # fmt: skip
def test_a_tokenizer_that_fails_at_a_text_is_refused(tmp_path: Path, tokenizer: dict[str, Any]) -> None:
    folder = saved(LlamaConfig(**SIZES), tmp_path / tokenizer["model"]["type"])
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0"} | tokenizer))
    assert "su tokenizador no se puede leer" in refusal(folder).es


@each("length", ["x", [3], {"a": 1}])
def test_a_length_of_the_tokenizer_that_is_none_is_refused(hub_folder: Path, tmp_path: Path, length: Any) -> None:
    folder = Path(shutil.copytree(hub_folder, tmp_path / str(length)[:2].strip("[{")))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": length}))
    said = refusal(folder)
    assert "its tokenizer cannot be read: it is damaged" in said.en


def test_a_context_shorter_than_the_proof(tmp_path: Path) -> None:
    sizes = SIZES | {"max_position_embeddings": 4}
    loaded = load_model(
        saved(GPT2Config(vocab_size=96, n_positions=4, n_embd=32, n_layer=2, n_head=4), tmp_path / "gpt2")
    )
    assert loaded.context == 4
    assert load_model(saved(GraniteConfig(**sizes), tmp_path / "granite")).context == 4


@each("kind", ["mamba2", "falcon_h1", "bamba", "nemotron_h", "apertus"])
def test_a_configuration_with_infinity_is_saved_and_read(tmp_path: Path, kind: str) -> None:
    tiny_kind(kind).save_pretrained(tmp_path / kind)
    letters().save_pretrained(tmp_path / kind)
    loaded = load_model(tmp_path / kind)
    small = quantize_model(loaded, Recipe.uniform(EIGHT))
    if kind in ("apertus", "falcon_h1"):  # some of their buffers do not follow from the configuration
        with pytest.raises(ModelError, match="cannot be rebuilt"):
            save_quantized(small, Recipe.uniform(EIGHT), tmp_path / f"{kind}.safetensors")
        return
    save_quantized(small, Recipe.uniform(EIGHT), tmp_path / f"{kind}.safetensors")
    again = load_quantized(tmp_path / f"{kind}.safetensors")
    ids = torch.arange(5, 20)[None]
    torch.testing.assert_close(own.logits(again.model, ids), own.logits(small.model, ids))
    assert again.remembers == loaded.remembers
