"""Speculative decoding: the quantized model drafts a few tokens, the original reads them all in one pass and keeps
those that it would have written itself.

Greedy, the text is the original's own (Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318):
speed is all that the draft can change, and the share of its tokens that are accepted is a measure of the quantization.
One exception: several tokens read at once are summed in another order than one by one, so where the original's two best
logits all but tie the choice may differ; such places are counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessorList

from quant.errors import PromptError
from quant.generation import Sampling, best, encode_prompt
from quant.model.load import LoadedModel, same_tokens
from quant.run.reader import Reader, reader
from quant.text import Text

DRAFTED = 4  # tokens to a round: for a 4-bit draft of the embedded model as good as 2 or 3, better than 7
TIE = 1e-4  # logits closer than this count as tied


@dataclass(frozen=True)
class Round:
    """What one pass of the original settled: the first `accepted` of `drafted`, then `own`, its own next token.

    own: None where the last accepted token ends the text. ids: the text so far, the prompt's tokens first. seconds:
    both models' time so far; draft_seconds: the draft's part of it. tied: places so far where the original's two best
    logits were within TIE.
    """

    drafted: tuple[int, ...]
    accepted: int
    own: int | None
    ids: tuple[int, ...]
    prompt_tokens: int
    seconds: float
    draft_seconds: float
    tied: int
    done: bool

    @property
    def new_tokens(self) -> int:
        return len(self.ids) - self.prompt_tokens

    @property
    def tokens_per_s(self) -> float:
        """New tokens over both models' seconds, prompt included."""
        return self.new_tokens / self.seconds if self.seconds else 0.0

    @property
    def judged(self) -> int:
        """Drafted tokens up to the first that the original would not have written; it looks at none after that one."""
        return min(self.accepted + 1, len(self.drafted))


def acceptance(rounds: Sequence[Round]) -> float:
    """Accepted tokens over drafted ones; NaN before any was drafted. Falls as more are drafted to a round."""
    drafted = sum(len(r.drafted) for r in rounds)
    return sum(r.accepted for r in rounds) / drafted if drafted else float("nan")


def agreement(rounds: Sequence[Round]) -> float:
    """Accepted tokens over judged ones: how often both choose the same, however many are drafted; NaN as above."""
    judged = sum(r.judged for r in rounds)
    return sum(r.accepted for r in rounds) / judged if judged else float("nan")


def speculate(original: LoadedModel, draft: LoadedModel, prompt: str, sampling: Sampling,
              drafted: int = DRAFTED) -> Iterator[Round]:  # fmt: skip
    """Write greedily after `prompt`, one `Round` a pass of the original, to the end token, the length or the context.

    Raises PromptError at once when the prompt is empty or leaves no room, when `sampling` is not greedy, `drafted` < 1,
    or the two models do not share their tokens.
    """
    if sampling.do_sample:
        raise PromptError(
            Text("La decodificación especulativa de aquí es voraz (greedy); has pedido muestreo: quítalo.",
                 "Speculative decoding here is greedy; sampling was asked for: switch it off.")
        )  # fmt: skip
    if drafted < 1:
        raise PromptError(
            Text("Se piden {got} tokens de borrador por ronda; hace falta al menos 1.",
                 "{got} drafted tokens a round were asked for; at least 1 is needed.").format(got=drafted)
        )  # fmt: skip
    ids = encode_prompt(original, prompt, sampling.max_length)
    if not same_tokens(original, draft):
        raise PromptError(
            Text("El borrador «{draft}» ({b} tokens) tiene que usar los mismos tokens que el original, «{original}» "
                 "({a}), y no lo hace.",
                 "The draft “{draft}” ({b} tokens) must use the same tokens as the original, “{original}” ({a}), and "
                 "does not.")
            .format(draft=draft.name, original=original.name, a=original.table_rows, b=draft.table_rows)
        )  # fmt: skip
    return _speculate(original, draft, ids, sampling, drafted)


@torch.no_grad()
def _speculate(original: LoadedModel, draft: LoadedModel, ids: list[int], sampling: Sampling,
               drafted: int) -> Iterator[Round]:  # fmt: skip
    room, prompt_tokens = min(sampling.max_length, original.context), len(ids)
    draft_room = min(room, draft.context)
    processors = sampling.processors()
    ended_by = original.ends if sampling.stop_at_end else frozenset()
    judge, writer = (
        reader(original.model, room, remembers=original.remembers),
        reader(draft.model, draft_room, remembers=draft.remembers),
    )
    seconds, draft_seconds, tied = 0.0, 0.0, 0
    while True:
        started = time.perf_counter()
        proposed = _draft(writer, ids, processors, min(drafted, draft_room - len(ids) - 1), ended_by)
        drafted_at = time.perf_counter()
        if unread := ids[judge.length : -1]:  # the prompt; what follows is asked of its last token alone
            judge.read(unread)
        scores = judge.read(ids[judge.length :] + proposed, every=True)[-len(proposed) - 1 :]
        kept: list[int] = []
        for row in scores:  # the original's own choice after each token that it agrees with
            allowed = _allowed(processors, ids + kept, row)
            chosen = best(allowed)
            kept.append(chosen)
            tied += _ties(allowed, chosen)
            if len(kept) > len(proposed) or chosen != proposed[len(kept) - 1] or chosen in ended_by:
                break
        accepted = sum(a == b for a, b in zip(kept, proposed, strict=False))
        ids = ids + kept
        for model in (judge, writer):
            model.forget(min(model.length, len(ids) - 1))
        ended = time.perf_counter()
        seconds, draft_seconds = seconds + ended - started, draft_seconds + drafted_at - started
        own = kept[-1] if len(kept) > accepted else None
        done = ids[-1] in ended_by or len(ids) >= room
        yield Round(tuple(proposed), accepted, own, tuple(ids), prompt_tokens, seconds, draft_seconds, tied, done)
        if done:
            return


def _draft(writer: Reader, ids: list[int], processors: LogitsProcessorList, n: int,
           ended_by: frozenset[int]) -> list[int]:  # fmt: skip
    """Up to n tokens that the draft writes after `ids`."""
    proposed: list[int] = []
    while len(proposed) < n and (not proposed or proposed[-1] not in ended_by):
        logits = writer.read((ids + proposed)[writer.length :])
        proposed.append(best(_allowed(processors, ids + proposed, logits[0])))
    return proposed


def _allowed(processors: LogitsProcessorList, ids: list[int], logits: Tensor) -> Tensor:
    """Logits [vocabulary] of what may follow `ids`, minus infinity where greedy decoding forbids it."""
    return processors(torch.tensor([ids]), logits.unsqueeze(0))[0] if processors else logits


def _ties(scores: Tensor, chosen: int) -> bool:
    """Whether another token is within TIE of the chosen one."""
    values = scores.numpy()
    return int(np.count_nonzero(values[chosen] - values <= TIE)) > 1
