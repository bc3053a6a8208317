"""Whether a cast costs a model nothing because its weights came from that format: then no error says nothing of it."""

from __future__ import annotations

import torch

from quant.model.load import LoadedModel


def already_in(loaded: LoadedModel, dtype: torch.dtype) -> bool:
    """Whether every parameter of the original is a number of `dtype`, as are those of a file that was stored in it."""
    return all(torch.equal(p, p.to(dtype).to(p.dtype)) for p in loaded.model.parameters())
