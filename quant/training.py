"""How a quantized model goes on learning (QAT): what is learned, from which loss, on which text, for how long. A value.

A recipe with a training is still a value: the model follows from it, and the step number alone says how far it has
come. The usual schedule (`rate_at`) never asks when a run will end, so that it can be stopped anywhere, and gone on
with. One that falls to zero ends lower, and has to be told when (`decay_steps`): for runs that are recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from quant.arguments import check_fields
from quant.errors import TrainingError, asked, shown
from quant.text import Text
from quant.texts import CALIBRATION_TITLES, EVERYTHING

WEIGHTS, SCALES = "weights", "scales"
DISTILLATION, LANGUAGE = "distillation", "language"
LEARNED: dict[str, Text] = {
    WEIGHTS: Text("Los pesos y sus escalas", "The weights and their scales"),
    SCALES: Text("Solo las escalas y los puntos cero", "Scales and zero points only"),
}
LOSSES: dict[str, Text] = {
    DISTILLATION: Text("Imitar al original (destilación)", "Imitating the original (distillation)"),
    LANGUAGE: Text("Acertar el token siguiente", "Predicting the next token"),
}
CORPUS = "corpus"  # what the embedded model was trained on, of which a sample ships: for recorded runs
TEXTS = (*CALIBRATION_TITLES, EVERYTHING, CORPUS, "own")
RATES: dict[str, float] = {WEIGHTS: 6e-3, SCALES: 6e-3}  # as they come
LEAST_RATE, MOST_RATE = 1e-6, 0.1
MOST_STEPS, MOST_SEED = 1_000_000, 2**31 - 1
WARM_UP, SLOWING = 10, 150  # steps until the rate is whole, and from about which on it falls as 1 / sqrt(step)
# What is learned is averaged over the steps, which weigh as this power of their number. Where the rate falls to zero
# the last steps are the best ones, and at its end the very last: weights between two values are averaged badly.
AVERAGED, AVERAGED_FALLING = 8, 32
STATES, LATE_STATES, FADING = 30.0, 1.0, 300  # weights of the states, and the step at which half of the first is left


@dataclass(frozen=True)
class Training:
    """Steps of training after the methods of a recipe have chosen codes and scales.

    learn: `weights`, all that is stored of each matrix, through a straight-through estimator; or `scales`, codes
    staying as they are. loss: `distillation`, the KL from the float model's probabilities and the distance from its
    states, or `language`, the cross-entropy of the text. text: the shipped sample of the training text, a calibration
    text, `everything` that ships but for what is measured on, or `own`; `corpus` is what a recorded run read, and does
    not ship. rate: the learning rate, in steps of each matrix's grid, the usual one of what is learned unless said.
    seed: of the windows. decay_steps: the step at which the rate has fallen to zero, along a cosine (Loshchilov &
    Hutter 2017, arXiv:1608.03983); 0 for the usual schedule, which has no end.

    Raises TrainingError.

    >>> from quant import PerGroup, Recipe, Scheme, Training
    >>> Recipe.uniform(Scheme.integer(2, PerGroup(64), zero_point=True), training=Training(100)).training.rate
    0.006
    """

    steps: int
    learn: str = WEIGHTS
    loss: str = DISTILLATION
    text: str = "training_sample"
    own: str = ""
    rate: float = 0.0
    seed: int = 0
    decay_steps: int = 0

    def __post_init__(self) -> None:
        check_fields(self, TrainingError)
        object.__setattr__(self, "rate", self.rate or RATES.get(self.learn, 0.0))
        _one_of(Text("lo que aprende", "what is learned"), self.learn, LEARNED)
        _one_of(Text("la pérdida", "the loss"), self.loss, LOSSES)
        _one_of(Text("el texto de entrenamiento", "the training text"), self.text, TEXTS)
        if (self.text == "own") != bool(self.own.strip()):
            raise TrainingError(
                Text("El texto «own» es uno tuyo: tiene que venir con él, y solo con él.",
                     "Text “own” is one of yours: it has to come with it, and only with it.")
            )  # fmt: skip
        _within(Text("pasos", "steps"), self.steps, 1, MOST_STEPS)
        _within(Text("semilla", "seed"), self.seed, 0, MOST_SEED)
        if self.decay_steps:
            _within(Text("pasos hasta ritmo cero", "steps until the rate is zero"), self.decay_steps, self.steps,
                    MOST_STEPS)  # fmt: skip
        _within(Text("ritmo de aprendizaje", "learning rate"), self.rate, LEAST_RATE, MOST_RATE)


def rate_at(step: int, training: Training) -> float:
    """The learning rate of a step, counted from 0: a linear warm-up, then about constant, then as 1 / sqrt(step); or
    along a cosine to zero.
    """
    warm = training.rate * min(1.0, (step + 1) / WARM_UP)
    if training.decay_steps:
        return warm * (1 + math.cos(math.pi * min(1.0, step / training.decay_steps))) / 2
    return warm / (1 + step / SLOWING) ** 0.5


def share_at(step: int, training: Training) -> float:
    """What a step, counted from 1, is of the average of all up to it: all where the rate has fallen to zero."""
    if 0 < training.decay_steps <= step:
        return 1.0
    power = AVERAGED_FALLING if training.decay_steps else AVERAGED
    return (power + 1) / (power + step)


def states_at(step: int) -> float:
    """How much the distance of the states counts beside the KL, at a step counted from 0.

    Much at first, since every state says more than the logits of its token; in the end the KL is what is wanted, and a
    large weight holds it up from about a thousand steps on (NOTES.md).
    """
    return max(LATE_STATES, STATES / (1 + (step / FADING) ** 2))


def _one_of(what: Text, got: str, allowed: dict[str, Text] | tuple[str, ...]) -> None:
    if got not in allowed:
        raise TrainingError(
            Text("En un entrenamiento, {what} = «{got}»; se permite: {allowed}.",
                 "In a training, {what} = “{got}”; allowed: {allowed}.")
            .format(what=what, got=shown(got), allowed=", ".join(allowed))
        )  # fmt: skip


def _within(what: Text, got: float, low: float, high: float) -> None:
    if not low <= got <= high:
        raise TrainingError(
            Text("En un entrenamiento, {what} = {got}; tiene que ser de {low} a {high}.",
                 "In a training, {what} = {got}; it must be from {low} to {high}.")
            .format(what=what, got=asked(got), low=asked(low), high=asked(high))
        )  # fmt: skip
