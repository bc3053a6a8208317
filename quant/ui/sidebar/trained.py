"""The training of the live recipe as one short text, as an address has it.

    240:weights:distillation:training_sample:0:0.0005:3fa9c1    steps, what is learned, loss, text, seed, rate, of what
    240/900:weights:...                                         where the rate falls to zero, at step 900

The last part says which recipe was trained: where the rest of the drawer has moved on, the training is that of another
recipe, and does not count. A text of one's own is not in an address; it stands there by a short hash, which this
process knows for as long as it remembers the text.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import replace

from quant.errors import QuantError, SchemeError, TrainingError, shown
from quant.estimator import check_learns
from quant.recipe import Recipe
from quant.recipe_json import recipe_to_json
from quant.text import Text
from quant.training import Training
from quant.ui.sidebar import texts as t

OWN = "own-"
PARTS, SEALED = 6, 7
SEAL_DIGITS, HASH_DIGITS = 6, 16
MOST_TEXTS = 32  # of at most 200 kB each


class OwnTexts:
    """Texts that visitors trained on, by their hash; those used longest ago go."""

    def __init__(self, most: int = MOST_TEXTS) -> None:
        self._most, self._kept, self._lock = most, OrderedDict[str, str](), threading.Lock()

    def name(self, text: str) -> str:
        """What stands for a text in an address, where it is remembered from now on."""
        key = hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]
        with self._lock:
            self._kept[key] = text
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return OWN + key

    def get(self, name: str) -> str:
        """The text of a name. Raises TrainingError where it is not remembered here."""
        with self._lock:
            found = self._kept.get(name.removeprefix(OWN))
        if found is None:
            raise TrainingError(t.OWN_TEXT_GONE)
        return found


OWN_TEXTS = OwnTexts()  # of this process


def read_training(written: str) -> Training | None:
    """The training that a text means; None where there is none. Raises QuantError for what is no training."""
    if not written:
        return None
    parts = written.split(":")
    if len(parts) not in (PARTS, SEALED):
        raise SchemeError(t.BAD_TRAINING.format(got=shown(written)))
    (steps, _, zero), (learn, loss, text, seed, rate) = parts[0].partition("/"), parts[1:PARTS]
    own = OWN_TEXTS.get(text) if text.startswith(OWN) else ""
    try:
        numbers = int(steps), int(seed), float(rate), int(zero or 0)
    except ValueError:
        raise SchemeError(t.BAD_TRAINING.format(got=shown(written))) from None
    return Training(numbers[0], learn, loss, "own" if own else text, own, numbers[2], numbers[1], numbers[3])


def written_training(recipe: Recipe) -> str:
    """The text of a recipe's training, sealed; empty where it has none."""
    made = recipe.training
    if made is None:
        return ""
    text = OWN_TEXTS.name(made.own) if made.own else made.text
    steps = f"{made.steps}/{made.decay_steps}" if made.decay_steps else f"{made.steps}"
    return f"{steps}:{made.learn}:{made.loss}:{text}:{made.seed}:{made.rate!r}:{seal(recipe)}"


def seal(recipe: Recipe) -> str:
    """A few digits that tell a recipe, its training left aside, from others."""
    plain = json.dumps(recipe_to_json(replace(recipe, training=None)), sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:SEAL_DIGITS]


def is_of(written: str, recipe: Recipe) -> bool:
    """Whether a text says a training of `recipe`, or does not say of which."""
    parts = written.split(":")
    return bool(written) and (len(parts) < SEALED or parts[-1] == seal(recipe))


def with_training(recipe: Recipe, written: str) -> Recipe:
    """`recipe`, trained as a text says, where that is of it. Raises QuantError for a training that cannot be."""
    if not is_of(written, recipe):
        return recipe
    for scheme in (rule.scheme for rule in recipe.rules if rule.scheme):
        check_learns(scheme)
    return replace(recipe, training=read_training(written))


def check_training(written: str) -> None:
    """Raise QuantError for what is no training."""
    read_training(written)


def refitted(written: str, recipe: Recipe, *, asked: bool) -> tuple[str, QuantError | None]:
    """A training as it goes on beside a recipe that was asked for: sealed, or dropped, with the reason if it came with
    the rest.
    """
    if not written:
        return "", None
    if is_of(written, recipe):
        return written_training(with_training(recipe, written)), None
    return "", TrainingError(t.OTHER_TRAINING) if asked else None


def said_training(training: Training) -> Text:
    """How it was trained, in a few words."""
    return t.TRAINED_HOW.format(n=training.steps, loss=t.TRAINED_LOSSES[training.loss],
                                text=t.TRAINED_TEXTS.get(training.text, t.TRAINED_OTHER), seed=training.seed,
                                learn=t.TRAINED_LEARNED[training.learn])  # fmt: skip
