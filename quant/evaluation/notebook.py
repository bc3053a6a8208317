"""The notebook, revisited: the assignment's recipe run as it stands, what it touches, and what its metric sees.

`dynamic.py` is the recipe. The metric of the notebook, with n_i the tokens of its
i-th sentence and m_i those of sentence and continuation together, `max_length` 20:

    loss = mean_i |m_i - n_i|

Every model that does not end early gives m_i = 20. The control is a model rounded to 3 bits with one scale a matrix: at
2 the embedded one repeats one syllable, a rude word, and that is all that a class would remember.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from enum import Enum

from quant.evaluation.dynamic import Census, Saved, as_transformers_loads, census, quantize_dynamically, saved
from quant.evaluation.quality import Quality, evaluate_steps
from quant.evaluation.speed import Speed, speed_steps
from quant.generation import Sampling, generate
from quant.model.load import LoadedModel
from quant.quantization import quantize_steps
from quant.recipe import Recipe
from quant.scheme import PerTensor, Scheme
from quant.texts import EvalText
from quant.work import Progress, Work, part

# The notebook's own three sentences are not known. These are at most 18 bytes long, so that any tokenizer leaves room.
SENTENCES = ("Me gusta leer", "El tren no llega", "Hoy hace mucho sol")
MAX_LENGTH = 20  # what transformers' `generate` does when nobody says
ROUNDS = 7  # all on one side by chance: 2 in 2**7, 1.6 %
TEXT, TEXT_BYTES = "enciclopedia", 6_000
# Shares of the time on the embedded model: two are timed, three write and read, one of those is made. They add up to 1.
TIMED, SCORED, MADE = 0.30, 0.22, 0.04
BROKEN_BITS = 3
BROKEN = Recipe.uniform(Scheme.integer(BROKEN_BITS, PerTensor()))


class Pace(Enum):
    """How the recipe's rounds compare with the original's, round by round."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"


@dataclass(frozen=True)
class LengthLoss:
    """The notebook's metric of one model, and what it wrote; tokens of each sentence, and with its continuation."""

    tokens_in: tuple[int, ...]
    tokens_out: tuple[int, ...]
    written: tuple[str, ...]

    @property
    def loss(self) -> float:
        return statistics.mean(abs(out - n) for n, out in zip(self.tokens_in, self.tokens_out, strict=True))

    @property
    def without_model(self) -> float:
        """The same figure from the tokenizer alone, for whoever writes up to MAX_LENGTH."""
        return statistics.mean(MAX_LENGTH - n for n in self.tokens_in)


@dataclass(frozen=True)
class Scored:
    """One model by the notebook's metric and by ours."""

    length: LengthLoss
    quality: Quality


@dataclass(frozen=True)
class NotebookReport:
    """What is known so far; the later fields are None until measured.

    saved, speeds: (original, recipe); scores: (original, recipe, broken).
    """

    census: Census
    saved: tuple[Saved, Saved]
    speeds: tuple[Speed, Speed] | None = None
    scores: tuple[Scored, ...] | None = None

    @property
    def blind(self) -> bool:
        """Whether the notebook's metric gave all models the figure that needs no model."""
        return self.scores is not None and all(s.length.loss == s.length.without_model for s in self.scores)


def notebook_steps(loaded: LoadedModel, text: EvalText) -> Work[NotebookReport]:
    """Run the recipe and measure it; the report grows as its parts come to be known. `loaded` stays as it is.

    Raises EngineError where PyTorch has no 8-bit engine, EvaluationError for a text too short.
    """
    yield Progress(0.0)
    original = as_transformers_loads(loaded)
    recipe = quantize_dynamically(original)
    found = census(original, recipe)
    report = NotebookReport(found, (saved(original), saved(recipe, found.converted)))
    yield Progress(0.0, report)
    speeds = yield from part(speed_steps([original, recipe], ROUNDS), 0, TIMED)
    report = replace(report, speeds=(speeds[0], speeds[1]))
    yield Progress(TIMED, report)
    first = yield from part(_score_steps(original, text), TIMED, SCORED)
    second = yield from part(_score_steps(recipe, text), TIMED + SCORED, SCORED)
    del original, recipe  # before there is a third
    broken = yield from part(quantize_steps(loaded, BROKEN), TIMED + 2 * SCORED, MADE)
    third = yield from part(_score_steps(broken, text), TIMED + 2 * SCORED + MADE, SCORED)
    return replace(report, scores=(first, second, third))


def _score_steps(model: LoadedModel, text: EvalText) -> Work[Scored]:
    """The model writes after each sentence, then reads `text` window by window."""
    ends = []
    for sentence in SENTENCES:
        ends.append(generate(model, sentence, Sampling(max_length=MAX_LENGTH, no_repeat_ngram_size=0)))
        yield Progress(0.2 * len(ends) / len(SENTENCES))
    length = LengthLoss(
        tuple(e.prompt_tokens for e in ends), tuple(len(e.ids) for e in ends), tuple(e.text for e in ends)
    )
    quality = yield from part(evaluate_steps(model, text), 0.2, 0.8)
    return Scored(length, quality)


def pace(original: Speed, recipe: Speed) -> Pace:
    """Faster or slower when every round agrees, each against the original's turn just before it; else the same."""
    turns = list(zip(original.rounds, recipe.rounds, strict=True))
    if all(b > a for a, b in turns):
        return Pace.FASTER
    return Pace.SLOWER if all(b < a for a, b in turns) else Pace.SAME
