"""A stream of tokens from a causal language model, equal to `transformers.generate` token for token.

One token is computed between two `next()` calls, so a caller stops by no longer asking, and two models can write side
by side by taking turns. What is done to the logits (repeated n-grams, temperature, top-k, top-p) is transformers'
own code in transformers' own order; the loop is ours. The caller passes the seed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor
from transformers import LogitsProcessorList
from transformers.generation.logits_process import (
    NoRepeatNGramLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from quant.arguments import check_fields, typed
from quant.errors import PromptError, shown
from quant.model.load import LoadedModel
from quant.run.reader import reader
from quant.text import Text, as_typed


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. The defaults are those of the notebook; without `do_sample` it is greedy.

    `max_length` counts the prompt, in tokens. `top_k` 0 and `top_p` 1 switch those filters off. Without `stop_at_end`
    the end token is a token like any other (to time a fixed number of them). Raises PromptError out of range.

    >>> from quant import Sampling, generate, load_model
    >>> often = Sampling(max_length=20, do_sample=True, temperature=1.0)
    >>> a, b = (generate(load_model(), "El mar", often, seed=seed) for seed in (1, 2))
    >>> len(a.ids), len(b.ids), a.text == b.text
    (20, 20, False)
    """

    max_length: int = 150
    no_repeat_ngram_size: int = 2
    do_sample: bool = False
    top_k: int = 50
    top_p: float = 0.95
    temperature: float = 0.7
    seed: int = 0
    stop_at_end: bool = True

    def __post_init__(self) -> None:
        for name in ("max_length", "no_repeat_ngram_size", "top_k", "seed"):
            _whole(name, getattr(self, name))
        check_fields(self, PromptError)
        _within("max_length", self.max_length, 2, 100_000)
        _within("no_repeat_ngram_size", self.no_repeat_ngram_size, 0, 100)
        _within("top_k", self.top_k, 0, 1_000_000)
        _within("top_p", self.top_p, 0.01, 1)
        _within("temperature", self.temperature, 0.01, 100)
        _within("seed", self.seed, 0, 2**63 - 1)

    def processors(self) -> LogitsProcessorList:
        """transformers' own processors, in its own order."""
        chosen = LogitsProcessorList()
        if self.no_repeat_ngram_size:
            chosen.append(NoRepeatNGramLogitsProcessor(self.no_repeat_ngram_size))
        if self.do_sample:
            if self.temperature != 1:
                chosen.append(TemperatureLogitsWarper(self.temperature))
            if self.top_k:
                chosen.append(TopKLogitsWarper(self.top_k))
            if self.top_p < 1:
                chosen.append(TopPLogitsWarper(self.top_p))
        return chosen


def _whole(name: str, value: float) -> None:
    if type(value) is not int:
        raise PromptError(
            Text("{name} = {value}: tiene que ser un número entero.", "{name} = {value}: it must be a whole number.")
            .format(name=name, value=as_typed(shown(str(value))))
        )  # fmt: skip


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise PromptError(
            Text("{name} = {value}: tiene que estar entre {low} y {high}.",
                 "{name} = {value}: it must be from {low} to {high}.")
            .format(name=name, value=as_typed(shown(str(value))), low=as_typed(low), high=as_typed(high))
        )  # fmt: skip


@dataclass(frozen=True)
class Step:
    """What is known after one more token. `ids` holds prompt and continuation; `seconds` is this model's own time."""

    ids: tuple[int, ...]
    prompt_tokens: int
    text: str
    seconds: float
    done: bool

    @property
    def new_tokens(self) -> int:
        return len(self.ids) - self.prompt_tokens

    @property
    def tokens_per_s(self) -> float:
        """New tokens over this model's own seconds, prompt included; 0 before the first."""
        return self.new_tokens / self.seconds if self.seconds else 0.0


@typed(PromptError)
def encode_prompt(loaded: LoadedModel, prompt: str, max_length: int) -> list[int]:
    """Token ids of the prompt. Raises PromptError when it is empty or leaves no room."""
    if not prompt.strip():
        raise PromptError(
            Text("El texto de partida está vacío; escribe al menos una palabra.",
                 "The prompt is empty; write at least one word.")
        )  # fmt: skip
    ids = loaded.tokenizer.encode(prompt)
    room = min(max_length, loaded.context)
    if len(ids) >= room:
        raise PromptError(
            Text("El texto de partida tiene {got} tokens; con longitud máxima {length} y contexto {context} "
                 "caben {room}.",
                 "The prompt has {got} tokens; with maximum length {length} and context {context}, {room} fit.")
            .format(got=len(ids), length=max_length, context=loaded.context, room=room - 1)
        )  # fmt: skip
    return ids


def stream(loaded: LoadedModel, prompt: str, sampling: Sampling = Sampling()) -> Iterator[Step]:
    """Write after `prompt`, one `Step` a token, until the end token, `max_length` or the end of the context.

    Raises PromptError at once when the prompt is empty or leaves no room.
    """
    ids = encode_prompt(loaded, prompt, sampling.max_length)
    return _stream(loaded, ids, sampling)


@torch.no_grad()
def _stream(loaded: LoadedModel, ids: list[int], sampling: Sampling) -> Iterator[Step]:
    prompt_tokens, room = len(ids), min(sampling.max_length, loaded.context)
    processors = sampling.processors()
    random = torch.Generator().manual_seed(sampling.seed)
    ended_by = loaded.ends if sampling.stop_at_end else frozenset()
    model, fresh, seconds = reader(loaded.model, room, remembers=loaded.remembers), ids, 0.0
    while True:
        started = time.perf_counter()
        scores = processors(torch.tensor([ids]), model.read(fresh))
        fresh = [_choose(scores, sampling.do_sample, random)]
        ids = ids + fresh
        seconds += time.perf_counter() - started
        done = ids[-1] in ended_by or len(ids) >= room
        text = loaded.tokenizer.decode(ids, skip_special_tokens=True)
        yield Step(tuple(ids), prompt_tokens, text, seconds, done)
        if done:
            return


def best(scores: Tensor) -> int:
    """The token with the highest of `scores` [vocabulary] or [1, vocabulary]; the first of equal ones.

    numpy's argmax: torch's takes ten times as long and wakes a second thread, which is then in the next step's way.
    """
    return int(scores.numpy().argmax())


def _choose(scores: Tensor, do_sample: bool, random: torch.Generator) -> int:
    """The next token, of scores [1, vocabulary]."""
    if not do_sample:
        return best(scores)
    return int(torch.multinomial(torch.softmax(scores, dim=-1), 1, generator=random))


class Settings(TypedDict, total=False):
    """How to write, by the names of transformers' `generate`."""

    max_length: int
    max_new_tokens: int
    no_repeat_ngram_size: int
    do_sample: bool
    top_k: int
    top_p: float
    temperature: float
    seed: int
    stop_at_end: bool


@typed(PromptError)
def generate(loaded: LoadedModel, prompt: str, sampling: Sampling | None = None, **settings: Unpack[Settings]) -> Step:
    """Write after `prompt`: the text, its token ids and the seconds it took.

    The text is token for token that of transformers' `generate` with the same settings. sampling: how, where it is at
    hand; settings: its fields, each by its name in transformers: max_length (150 tokens, the prompt's counted) or
    max_new_tokens (without it), no_repeat_ngram_size (2), do_sample (False: greedy), top_k (50; 0: off), top_p (0.95;
    1: off), temperature (0.7), seed (0), stop_at_end (True).

    Raises PromptError for a prompt that is empty or leaves no room, and for a setting out of its range; TypeError for a
    setting that does not exist.

    >>> from quant import generate, load_model
    >>> step = generate(load_model(), "Me gusta mucho el futbol", max_length=12, do_sample=True, seed=1)
    >>> step.prompt_tokens, step.new_tokens, len(step.ids)
    (8, 4, 12)
    >>> step.text.startswith("Me gusta mucho el futbol")
    True
    >>> generate(load_model(), "La casa", max_new_tokens=5).new_tokens
    5
    """
    chosen: dict[str, Any] = dict(settings)
    if (new := chosen.pop("max_new_tokens", None)) is not None:
        _whole("max_new_tokens", new)
        _within("max_new_tokens", new, 1, 100_000)
        if "max_length" in chosen:
            raise PromptError(
                Text("max_length y max_new_tokens dicen lo mismo de dos maneras: da solo una.",
                     "max_length and max_new_tokens say one thing in two ways: give one of them.")
            )  # fmt: skip
        chosen["max_length"] = len(loaded.tokenizer.encode(prompt, verbose=False)) + new
    *_, last = stream(loaded, prompt, replace(sampling or Sampling(), **chosen))
    return last


def first_difference(a: tuple[int, ...], b: tuple[int, ...]) -> int | None:
    """Index of the first token that differs (one ending sooner counts), or None while one continues the other."""
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return None


def side_by_side(a: LoadedModel, b: LoadedModel, prompt: str, sampling: Sampling) -> Iterator[tuple[Step, Step]]:
    """Two models write after the same prompt, taking turns of one token, until both are done."""
    streams = [stream(a, prompt, sampling), stream(b, prompt, sampling)]
    steps = [next(s) for s in streams]
    yield steps[0], steps[1]
    while not all(s.done for s in steps):
        steps = [step if step.done else next(s) for s, step in zip(streams, steps, strict=True)]
        yield steps[0], steps[1]
