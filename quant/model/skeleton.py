"""A model's modules from its configuration alone: no weights, no memory for any.

Parameters are on torch's meta device, which knows shapes and nothing else; buffers (rotary frequencies, masks) are
computed from the configuration, as transformers does after loading. Whoever asks puts the weights in. The configuration
may come from a stranger: it can only name an architecture that transformers itself has, and no code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging as transformers_logging

from quant.errors import ModelError, shown
from quant.model.config import check_bounds, check_depth
from quant.model.contents import Contents
from quant.model.patience import SECONDS, within
from quant.text import Text

# Where a configuration came from, and what could name code to run.
NOT_KEPT = re.compile(
    r"_(?!_float__$).*|auto_map|attn_implementation|experts_implementation|name_or_path|quantization_config"
)
# A model may have this many times the numbers of its weights, and so many more: what is missing is then named.
FILL, SLACK = 4, 2**24
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


def skeleton(config: dict[str, Any], there: Contents) -> PreTrainedModel:
    """The modules that a plain configuration describes, weights still on meta, [out, in] as everywhere.

    there: the weights that it is for. Raises ModelError for an architecture that transformers does not have, for fields
    that could name code, for numbers that make no model, and for a model that is larger than its weights.
    """
    check_depth(config)
    if _kept(config) != config:
        raise ModelError(
            Text("la configuración lleva campos que podrían nombrar código ({pattern}); no se admite ninguno.",
                 "the configuration has fields that could name code ({pattern}); none is allowed.")
            .format(pattern=NOT_KEPT.pattern.replace("|", ", "))
        )  # fmt: skip
    check_bounds(config, there)
    model = within(SECONDS, lambda: bare(config, there), str(config["model_type"]))
    try:
        _compute_buffers(model)
    except REFUSALS as error:
        raise _no_model(config, error) from error
    turn_conv1d(model)
    return model.eval()


def bare(config: dict[str, Any], there: Contents) -> PreTrainedModel:
    """The modules that a configuration within its bounds describes, all of them on meta. Raises ModelError."""
    try:
        made = made_config(config)
        with quiet(), torch.device("meta"):
            model = AutoModelForCausalLM.from_config(made, dtype=torch.float32, trust_remote_code=False)
    except REFUSALS as error:
        raise _no_model(config, error) from error
    asked = sum(p.numel() for p in model.parameters())
    if asked > FILL * there.elements + SLACK or sum(b.numel() for b in model.buffers()) > there.elements + SLACK:
        raise ModelError(
            Text("la configuración pide un modelo de {asked} parámetros, y los pesos tienen {got} números.",
                 "the configuration asks for a model of {asked} parameters, and the weights have {got} numbers.")
            .format(asked=asked, got=there.elements)
        )  # fmt: skip
    return model


def made_config(config: dict[str, Any]) -> PreTrainedConfig:
    """transformers' own configuration of plain JSON values. Raises what its code raises."""
    with quiet():
        made: PreTrainedConfig = CONFIG_MAPPING[config["model_type"]].from_dict(_with_floats(config))
    # What the architecture prefers (Gemma 2 has no sdpa), and never what a file names, which could be code.
    made._attn_implementation = None
    return made


def _with_floats(value: Any) -> Any:
    """JSON with the numbers that JSON does not have, which transformers writes as {"__float__": "Infinity"}."""
    if isinstance(value, list):
        return [_with_floats(member) for member in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"__float__"}:
        return float(value["__float__"])
    return {name: _with_floats(member) for name, member in value.items()}


def _no_model(config: dict[str, Any], error: BaseException) -> ModelError:
    return ModelError(
        Text("con esta configuración no se puede construir un modelo {kind}: {reason}",
             "no {kind} model can be built from this configuration: {reason}")
        .format(kind=config["model_type"], reason=reason(error))
    )  # fmt: skip


# What Python itself says, of which no visitor can make anything.
PYTHONS = ("could not convert", "invalid literal", "too many values", "not enough values", "Expecting", "TypeError")


def reason(error: BaseException) -> Text:
    """What an architecture's own code said, where it wrote a sentence; Python's own words are none."""
    if isinstance(error, OSError) and error.strerror:
        return Text(f"no se puede leer ({error.strerror}).", f"it cannot be read ({error.strerror}).")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    if isinstance(error, StrictDataclassError) and (field := re.search(r"[Ff]ield '(\w+)'", str(error))):
        return Text(f"«{field[1]}» no puede ser lo que dice.", f"“{field[1]}” cannot be what it says.")
    said = shown((lines[-1] if isinstance(error, StrictDataclassError) else lines[0]).removeprefix("ValueError: "))
    if isinstance(error, ValueError | StrictDataclassError | ImportError) and said and not said.startswith(PYTHONS):
        return Text(said, said)
    return Text("su configuración y sus pesos no casan.", "its configuration and its weights do not fit together.")


@contextmanager
def quiet() -> Iterator[None]:
    """Without what transformers has to say of a model, and its progress bars: what matters is said here."""
    before, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)
        if bars:
            transformers_logging.enable_progress_bar()


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


def turn_conv1d(model: nn.Module) -> None:
    """Replace every Conv1D (weight [in, out]) by an nn.Linear (weight [out, in]) that computes the same."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Conv1D):
                setattr(parent, name, _as_linear(child))


def _as_linear(conv: Conv1D) -> nn.Linear:
    inputs, outputs = conv.weight.shape
    linear = nn.Linear(inputs, outputs, device="meta")
    linear.weight = nn.Parameter(conv.weight.detach().T.contiguous())
    linear.bias = conv.bias
    return linear
