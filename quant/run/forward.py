"""One pass over whole windows: hidden states, then logits, by the fastest way that this architecture has."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from quant.kernels import float32
from quant.model.packed import QuantLinear
from quant.run import gpt2


@torch.no_grad()
def hidden(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """float32 [batch, n, width]: what the output matrix multiplies, for token ids [batch, n]."""
    if gpt2.supports(model):
        return gpt2.hidden(model, ids)
    return model.base_model(ids, use_cache=False).last_hidden_state.float()


@torch.no_grad()
def logits(model: PreTrainedModel, hidden: Tensor, out: Tensor | None = None, *, exact: bool = True) -> Tensor:
    """float32 [..., vocabulary] of hidden states [..., width].

    out: contiguous float32 of that shape, where they may be written: who asks again and again spares the system
    finding memory. exact: as defined even for a single row, as scoring wants them; writing does not.
    """
    head = model.get_output_embeddings()
    if type(head) is QuantLinear:
        scores = head(hidden, out=out, exact=exact)
    elif out is not None and type(head) is nn.Linear and head.bias is None:
        scores = float32.linear_into(out.flatten(0, -2), hidden.flatten(0, -2), head.weight).view(out.shape)
    else:
        scores = gpt2.product(head, hidden)
    cap = getattr(model.config, "final_logit_softcapping", None)  # Gemma 2
    return scores if cap is None else cap * torch.tanh(scores / cap)
