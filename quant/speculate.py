"""Speculative decoding: the quantized model drafts a few tokens, the original reads them all in one pass and keeps
those that it would have written itself.

Greedy, the text is the original's own (Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318):
speed is all that the draft can change, and the share of its tokens that are accepted is a measure of the quantization.
One exception: several tokens read at once are summed in another order than one by one, so where the original's two best
logits all but tie the choice may differ; such places are counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import LogitsProcessorList

from quant.errors import PromptError
from quant.generate import Sampling, encode_prompt
from quant.model.load import LoadedModel
from quant.model.reader import Reader, reader
from quant.text import Text

DRAFTED = 4  # tokens to a round
TIE = 1e-4  # logits closer than this count as tied


@dataclass(frozen=True)
class Round:
    """What one pass of the original settled: the first `accepted` of `drafted`, then `own`, its own next token.

    ids: the text so far, the prompt's tokens first. seconds: both models' time so far. tied: places so far where the
    original's two best logits were within TIE.
    """

    drafted: tuple[int, ...]
    accepted: int
    own: int
    ids: tuple[int, ...]
    prompt_tokens: int
    seconds: float
    tied: int
    done: bool

    @property
    def new_tokens(self) -> int:
        return len(self.ids) - self.prompt_tokens

    @property
    def tokens_per_s(self) -> float:
        """New tokens over both models' seconds, prompt included."""
        return self.new_tokens / self.seconds if self.seconds else 0.0


def acceptance(rounds: list[Round]) -> float:
    """Accepted tokens over drafted ones; NaN before any was drafted."""
    drafted = sum(len(r.drafted) for r in rounds)
    return sum(r.accepted for r in rounds) / drafted if drafted else float("nan")


def speculate(original: LoadedModel, draft: LoadedModel, prompt: str, sampling: Sampling,
              drafted: int = DRAFTED) -> Iterator[Round]:  # fmt: skip
    """Write greedily after `prompt`, one `Round` a pass of the original, to the end token, the length or the context.

    Raises PromptError when the prompt is empty or leaves no room, when `sampling` is not greedy, or `drafted` < 1.
    """
    if sampling.do_sample:
        raise PromptError(
            Text("La decodificación especulativa de esta página es voraz (greedy); has pedido muestreo: quítalo.",
                 "Speculative decoding here is greedy; sampling was asked for: switch it off.")
        )  # fmt: skip
    if drafted < 1:
        raise PromptError(
            Text("Se piden {got} tokens de borrador por ronda; hace falta al menos 1.",
                 "{got} drafted tokens a round were asked for; at least 1 is needed.").format(got=drafted)
        )  # fmt: skip
    ids = encode_prompt(original, prompt, sampling.max_length)
    return _speculate(original, draft, ids, sampling, drafted)


@torch.no_grad()
def _speculate(original: LoadedModel, draft: LoadedModel, ids: list[int], sampling: Sampling,
               drafted: int) -> Iterator[Round]:  # fmt: skip
    room, prompt_tokens = min(sampling.max_length, original.context, draft.context), len(ids)
    processors = sampling.processors()
    ended_by = original.tokenizer.eos_token_id if sampling.stop_at_end else None
    judge, writer = reader(original.model, room), reader(draft.model, room)
    seconds, tied = 0.0, 0
    while True:
        started = time.perf_counter()
        proposed = _draft(writer, ids, processors, min(drafted, room - len(ids) - 1), ended_by)
        scores = judge.read(ids[judge.length :] + proposed, every=True)[-len(proposed) - 1 :]
        kept: list[int] = []
        for row in scores:  # the original's own choice after each token that it agrees with
            best, tie = _best(processors, ids + kept, row)
            kept.append(best)
            tied += tie
            if len(kept) > len(proposed) or best != proposed[len(kept) - 1] or best == ended_by:
                break
        accepted = sum(a == b for a, b in zip(kept, proposed, strict=False))
        ids = ids + kept
        for model in (judge, writer):
            model.forget(min(model.length, len(ids) - 1))
        seconds += time.perf_counter() - started
        done = ids[-1] == ended_by or len(ids) >= room
        yield Round(tuple(proposed), accepted, ids[-1], tuple(ids), prompt_tokens, seconds, tied, done)
        if done:
            return


def _draft(writer: Reader, ids: list[int], processors: LogitsProcessorList, n: int, ended_by: int | None) -> list[int]:
    """Up to n tokens that the draft writes after `ids`."""
    proposed: list[int] = []
    while len(proposed) < n and (not proposed or proposed[-1] != ended_by):
        logits = writer.read((ids + proposed)[writer.length :])
        proposed.append(_best(processors, ids + proposed, logits[0])[0])
    return proposed


def _best(processors: LogitsProcessorList, ids: list[int], logits: Tensor) -> tuple[int, bool]:
    """The token of the largest logit [vocabulary] after what greedy decoding forbids, and whether it all but ties."""
    top = processors(torch.tensor([ids]), logits.unsqueeze(0))[0].topk(2)
    return int(top.indices[0]), bool(top.values[0] - top.values[1] <= TIE)
