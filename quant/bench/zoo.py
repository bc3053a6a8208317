"""Every architecture of causal language model that transformers has, tiny: computed right here, or refused in words.

    python -m quant.bench.zoo [KIND ...] --markdown FILE --json FILE

Each is built with random weights, saved as a folder and opened with `load_model`. Where that does not refuse it, its
loss on a text, before and after its matrices are quantized, the divergence of the two, what it writes, and what it
writes with a draft are compared with plain loops over transformers' own forward pass on weights decoded beforehand.
"""

from __future__ import annotations

import argparse
import copy
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as ARCHITECTURES

from quant.activations import Activations, Per
from quant.bench.report import write
from quant.errors import CalibrationError, ModelError, QuantError, SchemeError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.drift import drift
from quant.generation import Sampling, generate
from quant.loading import load_model
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.model.skeleton import REFUSALS, quiet
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe
from quant.run import own
from quant.scheme import PerChannel, Scheme
from quant.speculate import speculate
from quant.texts import own_text

VOCABULARY, CONTEXT, NEW_TOKENS, SPREAD = 96, 64, 6, 4.0
SENTENCE = "el agua hierve a cien grados al nivel del mar y a menos en lo alto de una montaña "
PROMPT = "la ciudad de"
RIGHT, REFUSED, UNBUILT, WRONG = "right", "refused", "not built", "WRONG"
# What a size is called in configurations, and how small it is here. The first pattern that fits is taken.
SMALL: tuple[tuple[str, int], ...] = (
    (r"(.*_)?vocab_size.*|n_vocab", VOCABULARY),
    (r"(num_hidden|num|n|decoder|encoder|num_decoder|num_encoder|encoder_num)_layers?|num_blocks", 2),
    (r"(num_attention|n|num|decoder_attention|encoder_attention)_heads?|mamba_num_heads|mamba_n_heads", 4),
    (r"num_key_value_heads|num_kv_heads|n_kv_heads|n_head_kv", 2),
    (r"hidden_size|n_embd|d_model|embedding_size|word_embed_proj_dim|model_dim|dim|emb_dim", 32),
    (r"n_inner|d_ff|(decoder_|encoder_)?ffn_dim|ffn_hidden_size|feed_forward_size|(.*_)?intermediate_size", 64),
    (r"(attention_|qk_rope_|qk_nope_|v_|linear_key_|linear_value_)?head_dim|attention_head_size|rotary_dim|d_kv", 8),
    (r"q_lora_rank|kv_lora_rank", 16),
    (r"max_position_embeddings|n_positions|max_seq_len|n_ctx|seq_length|max_sequence_length|context_length", CONTEXT),
    (r"max_target_positions", CONTEXT),
    (r"(num|num_local|n_routed|moe_num)_experts", 4),
    (r"num_experts_per_tok(en)?|moe_topk|top_k_experts|moe_k", 2),
    (r"sliding_window|attention_window_size|window_size", 16),
)
PER_LAYER = re.compile(r".*layer_types|attention_types|.*layers_block_type|block_types|.*_pattern|.*_per_layer.*")
ONE_GROUP = {"n_group": 1, "topk_group": 1, "num_expert_group": 1, "num_key_value_heads": 4}
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
STATE = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 16, "mamba_d_ssm": 64}
# What the rules above do not get right.
MORE: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("axk1", "axk2", "bailing_hybrid", "deepseek_v3", "deepseek_v32", "glm4_moe_lite", "glm_moe_dsa",
                     "kimi_linear", "longcat_flash", "minicpm3", "youtu"), ONE_GROUP),
    **{kind: {"head_dim": 8} for kind in ("ministral", "hunyuan_v1_dense", "hunyuan_v1_moe")},
    "deepseek_v2": ONE_GROUP | {"num_experts_per_tok": 2},
    "longcat_flash": ONE_GROUP | {"qk_head_dim": 16},
    "bamba": STATE,
    "falcon_h1": STATE,
    "granitemoehybrid": STATE | {"layer_types": ["linear_attention", "full_attention"]},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 2, "state_size": 16},
    "nemotron_h": {"mamba_num_heads": 8, "mamba_head_dim": 8, "n_groups": 2, "ssm_state_size": 16},
    "xlnet": {"d_head": 8, "n_head": 4, "d_inner": 64},
    "xlstm": {"embedding_dim": 32},
    "xmod": {"default_language": "en_XX"},
    "reformer": {"is_decoder": True, "axial_pos_shape": [8, 8], "axial_pos_embds_dim": [16, 16],
                 "attn_layers": ["local", "lsh"], "num_hidden_layers": 2},
    "cohere_compass_text": {"rope_parameters": dict.fromkeys(("full_attention", "sliding_attention"), ROPE)},
    "nemotron": {"num_key_value_heads": 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "dots3_note_text": ONE_GROUP,
    "beam": ONE_GROUP | {"hidden_size": 64, "head_dim": 16},
    "gemma3n_text": {"num_kv_shared_layers": 0},
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one kind. worst: the largest relative difference of what is compared."""

    kind: str
    architecture: str
    verdict: str
    said: str = ""
    worst: float = math.nan


def tiny(kind: str) -> PreTrainedModel:
    """The smallest model of a kind that is still of two layers, with weights that are not their births' zeros."""
    config = CONFIG_MAPPING[kind].from_dict(_shrunk(kind))
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1 and not re.search(r"(^|\.)(A_log|D|dt_bias|time_decay|time_first)$", name):
            parameter += 0.1 * torch.randn_like(parameter)
        elif parameter.ndim == 2:
            parameter *= SPREAD  # born so small that all tokens are almost equally likely
    return model


def _shrunk(kind: str) -> dict[str, Any]:
    whole = CONFIG_MAPPING[kind]().to_dict()
    small: dict[str, Any] = _smaller(whole)
    dropped = ("quantization_config", "auto_map", "transformers_version", "dtype")
    small = {key: value for key, value in small.items() if key not in dropped}
    return small | {"model_type": kind} | MORE.get(kind, {})


def _smaller(config: dict[str, Any]) -> dict[str, Any]:
    layers = next((config[n] for n in ("num_hidden_layers", "n_layer", "num_layers") if config.get(n)), 0)
    return {key: _small_value(key, value, layers) for key, value in config.items() if key != "per_layer_config"}


def _small_value(key: str, value: Any, layers: int) -> Any:
    if isinstance(value, dict):
        return _smaller(value)
    if isinstance(value, list) and value and (len(value) == layers or PER_LAYER.fullmatch(key)):
        return [value[0], next((v for v in value if v != value[0]), value[-1])]
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if key.endswith("token_id"):
        return min(value, 3)
    return next((min(value, n) for pattern, n in SMALL if re.fullmatch(pattern, key)), value)


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a letter."""
    letters = ["<s>", "</s>", "<pad>", "<unk>", " ", *"abcdefghijklmnñopqrstuvwxyzáéíóú.,"]
    words = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(letters)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def visit(kind: str) -> Outcome:
    """Build, save, open and try one kind."""
    try:
        with quiet():
            model = tiny(kind)
            own.logits(model, torch.arange(5, 13)[None])
    except (ModelError, *REFUSALS) as error:
        return Outcome(kind, str(ARCHITECTURES[kind]), UNBUILT, _reason(error.__cause__ or error))
    name = type(model).__name__
    with TemporaryDirectory() as folder, quiet():
        model.save_pretrained(folder)
        tokenizer().save_pretrained(folder)
        try:
            loaded = load_model(folder)
        except ModelError as error:
            return Outcome(kind, name, REFUSED, _without_name(str(error), folder))
        loaded = replace(loaded, longest=min(loaded.context, CONTEXT))  # two windows without ends of text
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    try:
        found = max(_differences(loaded, theirs))
        remarks = "; ".join(_remarks(loaded))
    except (QuantError, *REFUSALS) as error:
        return Outcome(kind, name, WRONG, f"{type(error).__name__}: {error}")
    return Outcome(kind, name, RIGHT if found <= 1e-4 else WRONG, remarks, found)


def _reason(error: BaseException) -> str:
    """What transformers says of a configuration, in one line: of its own validation, what it found."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if "validator" in lines[0] else lines[0])[:120].replace("|", "/")


def _without_name(said: str, folder: str) -> str:
    return said.replace(f"“{Path(folder).name}” ", "").replace(f"The model “{Path(folder).name}” ", "")


def _differences(loaded: LoadedModel, theirs: PreTrainedModel) -> Iterator[float]:
    """What this lab computes against plain loops, as relative differences, in float and quantized; 1 for other text."""
    text = own_text(SENTENCE * (2 * loaded.window // len(SENTENCE) + 2))
    recipe = Recipe.uniform(Scheme.integer(4, PerChannel()), table=True)
    small = quantize_model(loaded, recipe)
    reference = Reference(loaded, text)
    compared = compare(reference, small)
    quantized = _decoded(loaded, small, theirs)
    for model, got in ((theirs, compared.original.nats), (quantized, compared.quantized.nats)):
        want = sum(_loss(model, w.inputs, w.targets) for w in reference.windows)
        yield abs(got - want) / want
    yield abs(_kl(theirs, quantized, reference) - float(compared.tokens.kl.sum())) / compared.original.nats
    drifted = drift(loaded, small, SENTENCE)
    yield 0.0 if math.isfinite(drifted.mean_kl_nats) else 1.0
    sampling = Sampling(max_length=len(loaded.tokenizer.encode(PROMPT)) + NEW_TOKENS, stop_at_end=False)
    for ours, model in ((loaded, theirs), (small, quantized)):
        yield float(not _could_have_written(model, generate(ours, PROMPT, sampling).ids))
    yield float(not _could_have_written(theirs, list(speculate(loaded, small, PROMPT, sampling))[-1].ids))


@torch.no_grad()
def _loss(model: PreTrainedModel, inputs: Tensor, targets: Tensor) -> float:
    logits = own.logits(model, inputs[None])[0].float()
    return float(nn.functional.cross_entropy(logits, targets, reduction="sum"))


@torch.no_grad()
def _kl(a: PreTrainedModel, b: PreTrainedModel, reference: Reference) -> float:
    total = 0.0
    for window in reference.windows:
        p, q = (own.logits(m, window.inputs[None])[0].double().log_softmax(-1) for m in (a, b))
        total += float((p.exp() * (p - q)).sum())
    return total


def _decoded(loaded: LoadedModel, small: LoadedModel, theirs: PreTrainedModel) -> PreTrainedModel:
    """A copy of transformers' model with the decoded matrices of `small` in the places of its own."""
    model = copy.deepcopy(theirs)
    parameters = dict(model.named_parameters())
    for layer in census(loaded):
        if layer.kind is not Kind.OTHER:
            weight, place = small.weight(layer.name), parameters[layer.tensor]
            turned = weight.shape != place.shape or _is_conv1d(model, layer.name)
            place.data = weight.T.contiguous() if turned else weight
    model.tie_weights()
    return model


def _is_conv1d(model: PreTrainedModel, name: str) -> bool:
    return type(model.get_submodule(name)).__name__ == "Conv1D"


@torch.no_grad()
def _could_have_written(model: PreTrainedModel, ids: tuple[int, ...]) -> bool:
    """Whether every new token is, but for a near tie, the likeliest that repeats no pair of tokens."""
    prompt = len(ids) - NEW_TOKENS
    for n in range(prompt, len(ids)):
        scores = own.logits(model, torch.tensor([ids[:n]]))[0, -1].float()
        for pair in pairwise(ids[:n]):
            if pair[0] == ids[n - 1]:
                scores[pair[1]] = -math.inf
        if scores[ids[n]] < scores.max() - 1e-3:
            return False
    return True


def _remarks(loaded: LoadedModel) -> Iterator[str]:
    """What of it goes the slow way, or not at all."""
    if not loaded.remembers:
        yield "reads everything again for each token"
    if loaded.longest != CONTEXT:
        yield f"reads {loaded.longest} tokens"
    if not any(layer.kind is Kind.LINEAR for layer in census(loaded)):
        yield "has no linear layer"
    static = Activations(Activations.INT8.format, Per.TENSOR, static=True)
    calibration = Calibration("own", 256, SENTENCE)
    calibrated = Recipe.uniform(Scheme.integer(4, PerChannel()), activations=static, calibration=calibration)
    try:
        quantize_model(loaded, calibrated)
    except (CalibrationError, ModelError, SchemeError) as error:
        yield f"no method that calibrates: {error}"


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as Markdown."""
    counts = ", ".join(f"{sum(o.verdict == v for o in outcomes)} {v}" for v in (RIGHT, REFUSED, UNBUILT, WRONG))
    head = ["# Architectures", "", __doc__.partition("\n")[0], "", f"{len(outcomes)} kinds: {counts}.", "",
            "| kind | architecture | verdict | worst difference | remarks |", "|---|---|---|---|---|"]  # fmt: skip
    rows = [f"| {o.kind} | {o.architecture} | {o.verdict} | {_shown(o.worst)} | {o.said} |" for o in outcomes]
    return "\n".join([*head, *rows, ""])


def _shown(worst: float) -> str:
    return "" if math.isnan(worst) else f"{worst:.0e}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", default=sorted(ARCHITECTURES), metavar="KIND")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    outcomes = []
    for kind in args.kinds:
        outcomes.append(visit(kind))
        o = outcomes[-1]
        print(f"{o.kind:28}{o.verdict:11}{_shown(o.worst):7}{o.said}", flush=True)
    if args.markdown:
        args.markdown.write_text(table(outcomes), encoding="utf8")
    if args.json:
        write({"kinds": [asdict(o) for o in outcomes]}, args.json)


if __name__ == "__main__":
    main()
