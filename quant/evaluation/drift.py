"""Token drift: what two models expect at each position of the same text, and how far the second moved from the first.

Both read the text after one BOS, as `quality` does, and nobody writes (teacher forcing): at position t, with p the
original's probabilities over the whole vocabulary and q the quantized one's,

    log_change = ln q(x_t) - ln p(x_t)            KL_t = sum_v p(v) (ln p(v) - ln q(v))         in nats, float32

The text goes through both models a few positions at a time over a key-value cache, so that the probabilities of 50,257
tokens at 1,024 positions (206 MB a model) are never held at once; taking the final hidden states and applying the head
in pieces would save the cache too, but not every architecture's head is one matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from quant.errors import EvaluationError
from quant.model.load import LoadedModel, same_tokens
from quant.run import own
from quant.run.reader import empty_cache
from quant.text import Text
from quant.texts import own_text
from quant.work import Progress, Work, finished

MINIMUM_TOKENS = 2
TOP = 5
# Logits of one piece of text stay below this many float32 values (16 MB a model, and about six times that at work).
LOGITS_BUDGET = 4 * 2**20
UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # how a decoder writes bytes that are not yet a character


@dataclass(frozen=True)
class Candidate:
    """A token that could have come; alone, one that is part of a character writes U+FFFD."""

    id: int
    piece: str
    p: float


@dataclass(frozen=True)
class TokenDrift:
    """One token of the text in both models. Ranks count from 1; the candidates fall from the likeliest, TOP of them."""

    id: int
    piece: str
    log_p_original: float
    log_p_quantized: float
    rank_original: int
    rank_quantized: int
    kl_nats: float
    top_original: tuple[Candidate, ...]
    top_quantized: tuple[Candidate, ...]

    @property
    def p_original(self) -> float:
        return math.exp(self.log_p_original)

    @property
    def p_quantized(self) -> float:
        return math.exp(self.log_p_quantized)

    @property
    def log_change(self) -> float:
        """Nats gained, or lost when negative."""
        return self.log_p_quantized - self.log_p_original

    @property
    def agrees(self) -> bool:
        """Whether both models would have put the same token here."""
        return self.top_original[0].id == self.top_quantized[0].id


@dataclass(frozen=True)
class Span:
    """Whole characters: one token, or the several that share a character. `first` counts tokens of the text from 0."""

    piece: str
    first: int
    tokens: tuple[TokenDrift, ...]

    @property
    def log_p_original(self) -> float:
        """Of all its tokens, one after the other."""
        return sum(t.log_p_original for t in self.tokens)

    @property
    def log_p_quantized(self) -> float:
        return sum(t.log_p_quantized for t in self.tokens)

    @property
    def log_change(self) -> float:
        return self.log_p_quantized - self.log_p_original

    @property
    def kl_nats(self) -> float:
        return sum(t.kl_nats for t in self.tokens)


@dataclass(frozen=True)
class Drift:
    """A text token by token. `total_tokens` are those that came; `tokens` those that fit in the context."""

    spans: tuple[Span, ...]
    total_tokens: int

    @property
    def tokens(self) -> tuple[TokenDrift, ...]:
        return tuple(token for span in self.spans for token in span.tokens)

    @property
    def mean_kl_nats(self) -> float:
        return math.fsum(t.kl_nats for t in self.tokens) / len(self.tokens)

    @property
    def agreement(self) -> float:
        """Share of positions at which both models' likeliest token is the same."""
        return sum(t.agrees for t in self.tokens) / len(self.tokens)

    @property
    def parting(self) -> int | None:
        """Index of the first token at which the likeliest differ, but for the first, read after nothing; or None."""
        return next((i for i, token in enumerate(self.tokens) if i and not token.agrees), None)

    def most_moved(self, count: int) -> list[Span]:
        """Spans whose probability changed, the most moved first."""
        moved = [span for span in self.spans if span.log_change != 0]
        return sorted(moved, key=lambda span: -abs(span.log_change))[:count]


def drift(original: LoadedModel, quantized: LoadedModel, text: str) -> Drift:
    """Compare both models on `text`, cut at their context. Raises EvaluationError as `drift_steps` does."""
    return finished(drift_steps(original, quantized, text))


def text_tokens(loaded: LoadedModel, text: str) -> list[int]:
    """The tokens of `text`, without BOS. Raises EvaluationError below MINIMUM_TOKENS or over the longest text."""
    ids = loaded.tokenizer.encode(own_text(text).documents[0], add_special_tokens=False, verbose=False)
    if len(ids) < MINIMUM_TOKENS:
        raise EvaluationError(
            Text("El texto tiene {got} token; para compararlo hacen falta al menos {need}.",
                 "The text has {got} token; at least {need} are needed to compare it.")
            .format(got=len(ids), need=MINIMUM_TOKENS)
        )  # fmt: skip
    return ids


@torch.no_grad()
def drift_steps(original: LoadedModel, quantized: LoadedModel, text: str) -> Work[Drift]:
    """`drift` as work that can be stopped after each piece of the text.

    Raises EvaluationError on a text that is empty or too short or too long, on models of different vocabularies, and
    where one of them gives numbers that are not finite.
    """
    _same_vocabulary(original, quantized)
    came = text_tokens(original, text)
    ids = came[: min(original.window, quantized.window)]
    pieces = _Pieces(original.tokenizer, original.bos)
    tokens: list[TokenDrift] = []
    for p, q in _log_probabilities([original, quantized], [original.bos, *ids[:-1]]):
        targets = torch.tensor(ids[len(tokens) : len(tokens) + len(p)])
        tokens += _compare(p, q, targets, pieces)
        yield Progress(len(tokens) / len(ids))
    bad = next((i for i, t in enumerate(tokens) if not math.isfinite(t.kl_nats + t.log_change)), None)
    if bad is not None:
        raise EvaluationError(
            Text("En el token {n} del texto, uno de los dos modelos da números que no son finitos, y así no se pueden "
                 "comparar.",
                 "At token {n} of the text one of the two models gives numbers that are not finite, which cannot be "
                 "compared.").format(n=bad + 1)
        )  # fmt: skip
    return Drift(tuple(_spans(original.tokenizer, tokens)), len(came))


def _same_vocabulary(a: LoadedModel, b: LoadedModel) -> None:
    if not same_tokens(a, b):
        raise EvaluationError(
            Text("«{a}» ({n} tokens) y «{b}» ({m} tokens) no tienen el mismo vocabulario, así que no se pueden "
                 "comparar token a token; tienen que compartir el tokenizador.",
                 "“{a}” ({n} tokens) and “{b}” ({m} tokens) do not have the same vocabulary, so they cannot be "
                 "compared token by token; they have to share the tokenizer.")
            .format(a=a.name, b=b.name, n=a.table_rows, m=b.table_rows)
        )  # fmt: skip


def _log_probabilities(models: list[LoadedModel], inputs: list[int]) -> Iterator[list[Tensor]]:
    """For each piece of the text, the log-probabilities [n, vocabulary] of every model, in turn."""
    size = max(1, LOGITS_BUDGET // models[0].table_rows) if all(m.remembers for m in models) else len(inputs)
    caches = [empty_cache(m.model) if m.remembers else None for m in models]
    for start in range(0, len(inputs), size):
        piece = torch.tensor([inputs[start : start + size]])
        each = zip(models, caches, strict=True)
        yield [torch.log_softmax(own.logits(m.model, piece, c)[0].float(), dim=-1) for m, c in each]


def _compare(p: Tensor, q: Tensor, targets: Tensor, pieces: _Pieces) -> list[TokenDrift]:
    """Each row of two tables of log-probabilities [n, vocabulary] against the token that came."""
    kl = (p.exp() * (p - q)).sum(-1).clamp(min=0)  # below 0 only by rounding
    own = [table.gather(-1, targets[:, None]) for table in (p, q)]
    ranks = [(table > mine).sum(-1) + 1 for table, mine in zip((p, q), own, strict=True)]
    best = [pieces.candidates(*table.topk(min(TOP, table.shape[-1]))) for table in (p, q)]
    rows = zip(targets.tolist(), *(mine[:, 0].tolist() for mine in own), *(r.tolist() for r in ranks), kl.tolist(),
               *best, strict=True)  # fmt: skip
    return [TokenDrift(token, pieces[token], *figures) for token, *figures in rows]


class _Pieces(dict[int, str]):
    """What each token writes by itself; decoded after the BOS, since some decoders drop the space of a first token."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, bos: int) -> None:
        self._tokenizer, self._bos = tokenizer, bos
        self._before = len(_decode(tokenizer, [bos]))

    def __missing__(self, token: int) -> str:
        self[token] = _decode(self._tokenizer, [self._bos, token])[self._before :]
        return self[token]

    def candidates(self, log_p: Tensor, ids: Tensor) -> list[tuple[Candidate, ...]]:
        """The rows of a `topk` [n, TOP]."""
        rows = zip(ids.tolist(), log_p.exp().tolist(), strict=True)
        return [tuple(Candidate(i, self[i], p) for i, p in zip(*row, strict=True)) for row in rows]


def _decode(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def _spans(tokenizer: PreTrainedTokenizerBase, tokens: list[TokenDrift]) -> Iterator[Span]:
    """Group the tokens so that each span is whole characters; only the last can be cut short, at the context.

    A span is decoded after the one before it, so that a space at its beginning stays.
    """
    ids = [t.id for t in tokens]
    before = start = 0
    for end in range(1, len(ids) + 1):
        piece = _decode(tokenizer, ids[before:end])[len(_decode(tokenizer, ids[before:start])) :]
        if not piece.endswith(UNFINISHED) or end == len(ids):
            yield Span(piece, start, tuple(tokens[start:end]))
            before, start = start, end
