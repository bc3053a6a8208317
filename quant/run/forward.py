"""One pass over whole windows, in two halves: states, then logits, by the fastest way that this architecture has.

Of the architectures in `KNOWN` a state is what the output matrix multiplies, a few hundred numbers a token, and the
logits are made of it here: so a text's states can be kept, and its logits made in runs of rows. Any other goes through
its own forward pass, which may scale its logits, add to them or make them in another way: its states are its logits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from quant.kernels import float32
from quant.model.packed import QuantLinear
from quant.run import gpt2, own

# Their logits are the output matrix times the last hidden states, capped where the configuration says so, and nothing
# else; read in transformers' code of each, and compared with it when a model is loaded (quant/loading.py).
KNOWN = frozenset({
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "opt", "bloom", "llama", "mistral", "mixtral", "ministral3", "qwen2",
    "qwen3", "qwen2_moe", "qwen3_moe", "gemma", "gemma2", "gemma3_text", "vaultgemma", "phi", "phi3", "smollm3", "olmo",
    "olmo2", "olmo3", "starcoder2", "stablelm", "falcon", "helium", "glm", "exaone4", "seed_oss", "ernie4_5",
})  # fmt: skip

CAPPED = ("gemma2", "gemma3_text", "vaultgemma")


def known(model: PreTrainedModel) -> bool:
    """Whether its states are what its output matrix multiplies."""
    return model.config.model_type in KNOWN and model.get_output_embeddings() is not None


@torch.no_grad()
def hidden(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """float32 states [batch, n, width] of token ids [batch, n]; width is the vocabulary's where `known` says no."""
    if gpt2.supports(model):
        return gpt2.hidden(model, ids)
    if not known(model):
        return own.logits(model, ids).float()
    with own.speaking(model, ids.shape[1]):
        return model.base_model(ids, use_cache=False).last_hidden_state.float()


@torch.no_grad()
def logits(model: PreTrainedModel, hidden: Tensor, out: Tensor | None = None, *, exact: bool = True) -> Tensor:
    """float32 [..., vocabulary] of states [..., width]; the very tensor where those are logits already.

    out: contiguous float32 of that shape, where they may be written: who asks again and again spares the system
    finding memory. exact: as defined even for a single row, as scoring wants them; writing does not.
    """
    if not known(model):
        return hidden
    head = model.get_output_embeddings()
    if type(head) is QuantLinear:
        scores = head(hidden, out=out, exact=exact)
    elif out is not None and type(head) is nn.Linear and head.bias is None:
        scores = float32.linear_into(out.flatten(0, -2), hidden.flatten(0, -2), head.weight).view(out.shape)
    else:
        scores = gpt2.product(head, hidden)
    cap = getattr(model.config, "final_logit_softcapping", None) if model.config.model_type in CAPPED else None
    return scores if cap is None else cap * torch.tanh(scores / cap)
