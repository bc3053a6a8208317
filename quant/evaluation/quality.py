"""Perplexity and bits-per-byte on a fixed text, with the protocol that produced them.

Each document is tokenized alone after one BOS and cut into windows of C tokens, the model's context (up to 2048);
window k reads tokens [k*C, (k+1)*C) and is scored on the token after each, so every token but the BOS is scored exactly
once and a document never sees another. A model whose tokenizer puts a BOS before whatever it reads was never trained
without one, and scores several times too high where it is missing: then each window reads the BOS in place of its first
token (Llama, Gemma; huggingface/transformers, pull request 40524).

With L the summed negative log-likelihood in nats over N scored tokens of B bytes:

    perplexity = exp(L / N)        bits_per_byte = L / (B ln 2)

Bits-per-byte does not depend on the tokenizer, perplexity does. Arithmetic: float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quant.arguments import typed
from quant.errors import EvaluationError
from quant.model.load import LoadedModel
from quant.model.packed import QuantLinear
from quant.run import forward
from quant.text import Text
from quant.texts import EvalText, text_of
from quant.work import Progress, Work, finished

MINIMUM_WINDOWS = 2
# Logits of one batch stay below this many float32 values (64 MB: 4,096 positions of a vocabulary of 4,096), or are
# those of one window.
LOGITS_BUDGET = 16 * 2**20


@dataclass(frozen=True)
class Protocol:
    """What was scored and how; printed beside every figure.

    bos: a BOS begins each document; bos_in_windows: each window, too.
    """

    text: str
    context: int
    stride: int
    bos: bool
    documents: int
    windows: int
    tokens: int
    n_bytes: int
    arithmetic: str = "float32"
    bos_in_windows: bool = False


@dataclass(frozen=True)
class Quality:
    """The score of a model on a text; `nats` is summed over `protocol.tokens`."""

    nats: float
    protocol: Protocol

    @property
    def perplexity(self) -> float:
        """exp of the mean loss; infinity where that leaves float64's range."""
        mean = self.nats / self.protocol.tokens
        return math.exp(mean) if mean < 700 else math.inf

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.protocol.n_bytes


@dataclass(frozen=True)
class Window:
    """Inputs [n] and targets [n] of one window, the bytes of text that its targets stand for, and whose it is."""

    inputs: Tensor
    targets: Tensor
    n_bytes: float
    document: int = 0


def windows_of(loaded: LoadedModel, text: EvalText, at_least: int = MINIMUM_WINDOWS) -> list[Window]:
    """The windows of `text`. Raises EvaluationError when there are fewer than `at_least`."""
    windows = []
    for number, document in enumerate(text.documents):
        ids = torch.tensor([loaded.bos, *loaded.tokenizer.encode(document, add_special_tokens=False, verbose=False)])
        per_token = len(document.encode()) / max(1, len(ids) - 1)
        for start in range(0, len(ids) - 1, loaded.window):
            targets = ids[start + 1 : start + loaded.window + 1]
            inputs = ids[start : start + len(targets)].clone()
            if loaded.starts_with_bos:
                inputs[0] = loaded.bos
            windows.append(Window(inputs, targets, per_token * len(targets), number))
    if len(windows) < at_least:
        raise EvaluationError(
            Text("El texto tiene {got} tokens y este modelo los lee de {context} en {context}: hacen falta al menos "
                 "{need}, para que haya dos ventanas.",
                 "The text has {got} tokens and this model reads {context} at a time: at least {need} are needed, to "
                 "make two windows.")
            .format(got=sum(len(w.targets) for w in windows), context=loaded.window, need=loaded.window + 1)
        )  # fmt: skip
    return windows


@torch.no_grad()
def evaluate_steps(loaded: LoadedModel, text: EvalText, at_least: int = MINIMUM_WINDOWS) -> Work[Quality]:
    """Score `text` batch by batch; what has been read is known so far. Raises EvaluationError as `windows_of` does."""
    windows = windows_of(loaded, text, at_least)
    total = sum(len(w.targets) for w in windows)
    # What shares a scale is what comes in at once: then a window may have neither padding nor others beside it.
    alone = any(m.activations.shared for m in loaded.model.modules() if isinstance(m, QuantLinear))
    alone = alone or not forward.known(loaded.model)  # padding means something to some
    size = 1 if alone else max(1, LOGITS_BUDGET // (loaded.table_rows * loaded.window))
    nats, tokens, n_bytes = 0.0, 0, 0.0
    quality: Quality | None = None
    for first in range(0, len(windows), size):
        chunk = windows[first : first + size]
        nats += _nats(loaded, chunk)
        tokens += sum(len(w.targets) for w in chunk)
        n_bytes += sum(w.n_bytes for w in chunk)
        protocol = Protocol(text.name, loaded.window, loaded.window, True, len(text.documents), first + len(chunk),
                            tokens, round(n_bytes), bos_in_windows=loaded.starts_with_bos)  # fmt: skip
        quality = Quality(nats, protocol)
        yield Progress(tokens / total, quality)
    assert quality is not None, "there is a window"
    return quality


@typed(EvaluationError)
def evaluate(loaded: LoadedModel, text: EvalText | str) -> Quality:
    """How well a model predicts a text: summed loss in nats, perplexity, bits per byte, and the protocol.

    text: a shipped one by name ("enciclopedia", "literatura"), a text of yours, or an `EvalText`; all of it is scored.
    Raises EvaluationError for a single word that no shipped text is called, and for a text that is empty or not text.

    >>> from quant import evaluate, load_model
    >>> quality = evaluate(load_model(), "La ciudad de Madrid es la capital de España.")
    >>> quality.protocol.tokens, quality.protocol.n_bytes
    (10, 45)
    >>> round(quality.perplexity), round(quality.bits_per_byte, 1)
    (12, 0.8)
    """
    return finished(evaluate_steps(loaded, text_of(text), at_least=1))


def _nats(loaded: LoadedModel, windows: list[Window]) -> float:
    """Summed loss of a batch; shorter windows are padded on the right, where causality hides the padding."""
    longest = max(len(w.inputs) for w in windows)
    inputs = torch.zeros(len(windows), longest, dtype=torch.long)
    targets = torch.full((len(windows), longest), -100)
    for row, window in enumerate(windows):
        inputs[row, : len(window.inputs)] = window.inputs
        targets[row, : len(window.targets)] = window.targets
    logits = forward.logits(loaded.model, forward.hidden(loaded.model, inputs))
    losses = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return float(losses.double().sum())
