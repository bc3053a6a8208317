"""A GPT-2 of the 124M shape with random weights: speed does not depend on their values."""

from __future__ import annotations

import torch
from transformers import GPT2Config, GPT2LMHeadModel

SEED = 0
PARAMETERS = 124_439_808


def gpt2_124m() -> GPT2LMHeadModel:
    """Float32, in evaluation mode, as transformers builds it (Conv1D, tied table)."""
    torch.manual_seed(SEED)
    model = GPT2LMHeadModel(GPT2Config()).eval()
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS
    return model
