"""A model's modules from its configuration alone: no weights, no memory for any.

Parameters are on torch's meta device, which knows shapes and nothing else; buffers (rotary frequencies, masks) are
computed from the configuration, as transformers does after loading. Whoever asks puts the weights in. The configuration
may come from a stranger: it can only name an architecture that transformers itself has, and no code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as ARCHITECTURES

from quant.errors import ModelError, shown
from quant.model.load import turn_conv1d
from quant.text import Text

# Where a configuration came from, and what could name code to run.
NOT_KEPT = re.compile(r"_.*|auto_map|attn_implementation|experts_implementation|name_or_path|quantization_config")
KNOWN = ("gpt2", "llama", "qwen3", "gemma2", "gpt_neox", "opt")
# What an architecture's own code answers to numbers that make no sense.
REFUSALS = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, RuntimeError, TypeError,
            ValueError, StrictDataclassError)  # fmt: skip


def plain_config(model: PreTrainedModel) -> dict[str, Any]:
    """The configuration of `model` as JSON values, without what is not kept."""
    kept: dict[str, Any] = _kept(json.loads(model.config.to_json_string(use_diff=False)))
    return kept


def _kept(config: Any) -> Any:
    """JSON without the fields that are not kept, at any depth."""
    if isinstance(config, list):
        return [_kept(value) for value in config]
    if not isinstance(config, dict):
        return config
    return {name: _kept(value) for name, value in config.items() if not NOT_KEPT.fullmatch(name)}


def skeleton(config: dict[str, Any]) -> PreTrainedModel:
    """The modules that a plain configuration describes, weights still on meta, [out, in] as everywhere.

    Raises ModelError for an architecture that transformers does not have, for fields that could name code, and for
    numbers that make no model.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise ModelError(
            Text("la arquitectura {got} no es un modelo de lenguaje causal de transformers; se admiten los {n} que "
                 "trae, como {known}.",
                 "the architecture {got} is not a causal language model of transformers; its {n} are allowed, such as "
                 "{known}.").format(got=shown(repr(kind)), n=len(ARCHITECTURES), known=", ".join(KNOWN))
        )  # fmt: skip
    if _kept(config) != config:
        raise ModelError(
            Text("la configuración lleva campos que podrían nombrar código ({pattern}); no se admite ninguno.",
                 "the configuration has fields that could name code ({pattern}); none is allowed.")
            .format(pattern=NOT_KEPT.pattern.replace("|", ", "))
        )  # fmt: skip
    try:
        made = AutoConfig.for_model(**config)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(made, dtype=torch.float32, trust_remote_code=False)
    except REFUSALS as error:
        raise ModelError(
            Text("con esta configuración no se puede construir un modelo {kind}: {reason}",
                 "no {kind} model can be built from this configuration: {reason}")
            .format(kind=kind, reason=shown(str(error).partition("\n")[0] or type(error).__name__))
        ) from error  # fmt: skip
    _compute_buffers(model)
    turn_conv1d(model)
    return model.eval()


@torch.no_grad()
def _compute_buffers(model: PreTrainedModel) -> None:
    """Give every buffer its memory and, by the model's own initialization, its numbers; weights stay on meta."""
    for module in list(model.modules()):
        names = [name for name, buffer in module.named_buffers(recurse=False) if buffer.is_meta]
        for name in names:
            module._buffers[name] = torch.zeros_like(module._buffers[name], device="cpu")
        if names:
            model._init_weights(module)


def put_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Replace parameters by name, wherever each is used."""
    found = {id(model.get_parameter(name)): nn.Parameter(tensor, False) for name, tensor in weights.items()}
    for module in model.modules():
        for leaf, parameter in module._parameters.items():
            if parameter is not None and id(parameter) in found:
                module._parameters[leaf] = found[id(parameter)]
