"""Two models on the same tokens: what quantization changed, token by token, in one pass.

With p the original's and q the quantized model's probabilities over the whole vocabulary at one position, y the token
that comes next:

    d_log = log p(y) - log q(y)             KL(p || q) = sum p (log p - log q)      same_top = argmax p == argmax q

all in nats, float32 arithmetic, logarithms of sums in float64. The original's final hidden states are kept, so that a
second scheme on the same text costs its own pass and two products with the token table, recomputed in runs of rows
that bound the memory whatever the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quant.errors import EvaluationError
from quant.evaluation.quality import MINIMUM_WINDOWS, Protocol, Quality, Window, windows_of
from quant.model.load import LoadedModel, same_tokens
from quant.run import forward
from quant.text import Text
from quant.texts import EvalText
from quant.work import Progress, Work, finished

# Rows whose logits are made at once (50 MB at 50,257 words), and rows of them worked through while a core's cache
# holds both models' (3 MB each).
PRODUCT_VALUES, TILE_VALUES = 12 * 2**20, 3 * 2**18


@dataclass(frozen=True, eq=False)
class TokenScores:
    """One row a scored token, float64 [tokens] unless said. `window`, `document` int64: which one it is in;
    `position` int64: place in its window, from 0."""

    nats_original: np.ndarray
    nats_quantized: np.ndarray
    kl: np.ndarray
    same_top: np.ndarray
    p_original: np.ndarray
    p_quantized: np.ndarray
    window: np.ndarray
    document: np.ndarray
    position: np.ndarray

    @property
    def n_bytes(self) -> int:
        return sum(column.nbytes for column in vars(self).values())


@dataclass(frozen=True, eq=False)
class Comparison:
    """What has been scored so far, and the protocol of it."""

    tokens: TokenScores
    protocol: Protocol
    fraction: float

    @property
    def original(self) -> Quality:
        return Quality(float(self.tokens.nats_original.sum()), self.protocol)

    @property
    def quantized(self) -> Quality:
        return Quality(float(self.tokens.nats_quantized.sum()), self.protocol)


class Reference:
    """The original model on a text: its windows, and its final hidden states as they come to be known.

    One window at a time: several in one pass gain nothing here, and a visitor may stop after any of them.
    Grows while it is read, up to `full_bytes`; not for two threads at once (the lab's heavy lane sees to that).
    """

    def __init__(self, loaded: LoadedModel, text: EvalText, at_least: int = MINIMUM_WINDOWS) -> None:
        """Raises EvaluationError when `text` has fewer windows than `at_least`."""
        self.loaded, self.text = loaded, text
        self.windows = windows_of(loaded, text, at_least)
        self._hidden: dict[int, Tensor] = {}

    @property
    def width(self) -> int:
        """Of a hidden state."""
        return int(self.loaded.model.get_input_embeddings().embedding_dim)

    @property
    def full_bytes(self) -> int:
        """Bytes of all hidden states that are kept."""
        return 0 if not forward.known(self.loaded.model) else 4 * self.width * sum(len(w.targets) for w in self.windows)

    def hidden(self, window: int) -> Tensor:
        """float32 [tokens, width] of the scored positions of a window, computed at the first asking.

        Where they are logits already, which are a hundred times as large, they are computed at every asking.
        """
        if not forward.known(self.loaded.model):
            return final_hidden(self.loaded, self.windows[window])
        if window not in self._hidden:
            self._hidden[window] = final_hidden(self.loaded, self.windows[window])
        return self._hidden[window]


def compare_steps(reference: Reference, quantized: LoadedModel) -> Work[Comparison]:
    """Score both models window by window; the windows that have been read are known so far.

    Raises EvaluationError when the models cannot be compared on the same tokens.
    """
    _check(reference, quantized)
    total = sum(len(w.targets) for w in reference.windows)
    parts: list[TokenScores] = []
    vocabulary = reference.loaded.table_rows
    room = torch.empty(2, max(1, PRODUCT_VALUES // vocabulary), vocabulary)
    known: Comparison | None = None
    for index in range(len(reference.windows)):
        parts.append(_score(reference, index, quantized, room))
        tokens = _joined(parts)
        known = Comparison(tokens, _protocol(reference, index + 1), len(tokens.kl) / total)
        yield Progress(known.fraction, known)
    assert known is not None, "there is a window"
    return known


def compare(reference: Reference, quantized: LoadedModel) -> Comparison:
    """Score the entire text. Raises EvaluationError as `compare_steps` does."""
    return finished(compare_steps(reference, quantized))


@torch.no_grad()
def final_hidden(loaded: LoadedModel, window: Window) -> Tensor:
    """float32 [tokens, width]: what the output matrix multiplies at each scored position."""
    return forward.hidden(loaded.model, window.inputs.unsqueeze(0))[0]


def _check(reference: Reference, quantized: LoadedModel) -> None:
    a, b = reference.loaded, quantized
    if not same_tokens(a, b):
        raise EvaluationError(
            Text("Los modelos no tienen los mismos tokens ({a}: {n_a}; {b}: {n_b}): sus probabilidades no se pueden "
                 "comparar. Compara un modelo con su propia versión cuantizada.",
                 "The models do not share their tokens ({a}: {n_a}; {b}: {n_b}): their probabilities cannot be "
                 "compared. Compare a model with its own quantized version.")
            .format(a=a.name, n_a=a.table_rows, b=b.name, n_b=b.table_rows)
        )  # fmt: skip
    if a.name != b.name:
        raise EvaluationError(
            Text("La referencia es de «{a}» y el modelo cuantizado, de «{b}»: compara cada modelo con su original.",
                 "The reference is of “{a}” and the quantized model of “{b}”: compare each with its original.")
            .format(a=a.name, b=b.name)
        )  # fmt: skip
    if a.context != b.context:
        raise EvaluationError(
            Text("La referencia leyó ventanas de {a} tokens y este modelo las lee de {b}: no son el mismo modelo.",
                 "The reference read windows of {a} tokens and this model reads {b}: they are not the same model.")
            .format(a=a.context, b=b.context)
        )  # fmt: skip


@torch.no_grad()
def _score(reference: Reference, index: int, quantized: LoadedModel, room: Tensor) -> TokenScores:
    """The scores of one window. room: float32 [2, rows, vocabulary], for the logits of a few rows."""
    window = reference.windows[index]
    targets, n = window.targets, len(window.targets)
    hidden = (reference.hidden(index), final_hidden(quantized, window))
    models = (reference.loaded.model, quantized.model)
    columns, rows = [], room.shape[1]
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        each = zip(models, hidden, room, strict=True)
        logits = [forward.logits(model, h[part], out[: len(h[part])]) for model, h, out in each]
        columns.append(_tiled(logits[0], logits[1], targets[part]))
    p_log, q_log, kl, same = (torch.cat(c).numpy() for c in zip(*columns, strict=True))
    return TokenScores(
        -p_log, -q_log, kl, same, np.exp(p_log), np.exp(q_log), np.full(n, index), np.full(n, window.document),
        np.arange(n),
    )  # fmt: skip


def _tiled(p: Tensor, q: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """float64 [rows] each, of two logits [rows, vocabulary]: log-probability of the target under both, KL, same top."""
    rows = max(1, TILE_VALUES // p.shape[1])
    tiles = [_tile(*t) for t in zip(p.split(rows), q.split(rows), targets.split(rows), strict=True)]
    return tuple(torch.cat(c) for c in zip(*tiles, strict=True))


def _tile(p: Tensor, q: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """The definition, with each row's largest logit taken off first: what is left is small, and its sum exact enough.

    KL = sum p (p' - q') + log sum exp q' - log sum exp p', for logits p', q' counted from their largest.
    """
    (p_top, p_at), (q_top, q_at) = p.max(-1, keepdim=True), q.max(-1, keepdim=True)
    p, q = p.sub_(p_top), q.sub_(q_top)
    at = targets.unsqueeze(1)
    p_log, q_log = p.gather(1, at).squeeze(1).double(), q.gather(1, at).squeeze(1).double()
    weights = p.exp()
    p_sum, q_sum = weights.sum(-1).double(), q.exp().sum(-1).double()
    apart = torch.linalg.vecdot(weights, p.sub_(q)).double() / p_sum
    kl = (apart + q_sum.log() - p_sum.log()).clamp_(min=0)  # below 0 by rounding only
    return p_log - p_sum.log(), q_log - q_sum.log(), kl, (p_at == q_at).squeeze(1).double()


def _joined(parts: list[TokenScores]) -> TokenScores:
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in TokenScores.__annotations__}
    return TokenScores(**columns)


def _protocol(reference: Reference, windows: int) -> Protocol:
    read = reference.windows[:windows]
    context = reference.loaded.window
    return Protocol(
        reference.text.name, context, context, True, len({w.document for w in read}), windows,
        sum(len(w.targets) for w in read), round(sum(w.n_bytes for w in read)),
        bos_in_windows=reference.loaded.starts_with_bos,
    )  # fmt: skip
