"""Small models of the kinds whose insides are known, with weights that are not their births' zeros and ones."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from quant.model.skeleton import turn_conv1d

SMALL: dict[str, Any] = {
    "vocab_size": 67, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
}  # fmt: skip
KNOWN = {
    "GPT-2": GPT2Config(vocab_size=67, n_positions=64, n_embd=32, n_layer=3, n_head=4),
    "Llama": LlamaConfig(**SMALL), "SmolLM": LlamaConfig(**SMALL, tie_word_embeddings=True),
    "Mistral": MistralConfig(**SMALL), "Qwen 2": Qwen2Config(**SMALL), "Qwen 3": Qwen3Config(**SMALL),
    "Gemma": GemmaConfig(**SMALL), "Gemma 2": Gemma2Config(**SMALL), "Gemma 3": Gemma3TextConfig(**SMALL),
}  # fmt: skip


def built(config: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn_like(parameter)
    turn_conv1d(model)
    return model
