"""A model's modules anew, over the very same numbers."""

from __future__ import annotations

import copy

from transformers import PreTrainedModel


def structural_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The same modules and configuration anew, holding the very same parameters and buffers."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
