"""A GPT-2 of the 124M shape with random weights: speed does not depend on their values."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from quant.model.load import LoadedModel
from quant.model.packed import settle_floats
from quant.model.skeleton import turn_conv1d
from quant.text import Text

SEED, LAYERS = 0, 12
PARAMETERS = 124_439_808


def gpt2_124m(layers: int = LAYERS) -> GPT2LMHeadModel:
    """Float32, in evaluation mode, as transformers builds it (Conv1D, tied table); with fewer layers for a look."""
    torch.manual_seed(SEED)
    model = GPT2LMHeadModel(GPT2Config(n_layer=layers)).eval()
    assert layers != LAYERS or sum(p.numel() for p in model.parameters()) == PARAMETERS
    return model


def loaded_124m(tokenizer: Any = None, layers: int = LAYERS) -> LoadedModel:
    """The same as the page holds a model: weights [out, in], the table tied. Writing text needs a tokenizer."""
    model = gpt2_124m(layers)
    turn_conv1d(model)
    model.tie_weights()
    settle_floats(model)
    return LoadedModel("124M", model, tokenizer, Text("pesos aleatorios", "random weights"), "")
