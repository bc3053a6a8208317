"""Architectures of transformers as small as they can be built, with weights of chance and a tokenizer of letters."""

from __future__ import annotations

import re
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

VOCABULARY, CONTEXT, SPREAD = 96, 64, 4.0
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
