"""Calibration texts that nobody wrote: tokens drawn at random, and what a model writes when it is asked for nothing.

Where there is no text at hand, a model can be calibrated on its own: it is asked to go on from the token before each
document, each next token drawn from its own probabilities (Banner et al. 2019 draw from a normal instead; Liu et al.
2023, LLM-QAT, arXiv:2305.17888, sample a model's own text as here). Both are drawn once with a fixed seed.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from transformers import GenerationConfig

from quant.model.copied import structural_copy
from quant.model.load import LoadedModel

PIECE = 128  # tokens of a piece that the model writes, the one before it included
AT_ONCE = 32  # pieces written together
_WRITTEN: WeakKeyDictionary[LoadedModel, list[int]] = WeakKeyDictionary()


def at_random(loaded: LoadedModel, tokens: int) -> list[int]:
    """So many token ids, all equally likely; every PIECE of them begins with that before a document."""
    ids = torch.randint(loaded.table_rows, (tokens,), generator=torch.Generator().manual_seed(0)).tolist()
    return [loaded.bos if place % PIECE == 0 else one for place, one in enumerate(ids)]


def written(loaded: LoadedModel, tokens: int) -> list[int]:
    """At least so many token ids that the model writes, in pieces; those of a loaded model are kept."""
    known = _WRITTEN.setdefault(loaded, [])
    with torch.random.fork_rng(devices=[]):
        while len(known) < tokens:
            torch.manual_seed(len(known))
            known += _pieces(loaded)
    return list(known)


def _pieces(loaded: LoadedModel) -> list[int]:
    """AT_ONCE pieces, one after another, each as long as the others: no token ends one."""
    length = min(PIECE, loaded.window)
    start = torch.full((AT_ONCE, 1), loaded.bos)
    model = structural_copy(loaded.model)
    model.generation_config = GenerationConfig()  # its own may penalize what was said, or leave the unlikely out
    found = model.generate(
        start, attention_mask=torch.ones_like(start), do_sample=True, top_k=0, top_p=1.0, temperature=1.0,
        max_length=length, pad_token_id=loaded.bos, eos_token_id=None, use_cache=loaded.remembers,
    )  # fmt: skip
    ids: list[int] = found.reshape(-1).tolist()
    return ids
