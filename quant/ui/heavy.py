"""Heavy work as the page sees it: a place in the queue, then progress, then results; stoppable at every yield."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.model.recipe import Recipe
from quant.text import Language
from quant.ui import html
from quant.ui import texts as t


def in_turn(lab: Lab, language: Language, work: Iterator[str]) -> Iterator[str]:
    """Wait for a turn in the heavy lane, showing how many are ahead, then pass on what `work` yields."""
    with lab.heavy.turn() as turn:
        for ahead in turn.wait():
            yield html.queue_place(ahead, language)
        yield from work


def quantizing(lab: Lab, language: Language, recipe: Recipe) -> Generator[str, None, LoadedModel]:
    """Yield a progress bar while the model of `recipe` is made; return the model."""
    for result in lab.quantized(recipe):
        if isinstance(result, LoadedModel):
            return result
        yield html.progress(t.QUANTIZING, result, language)
    raise AssertionError("Lab.quantized ends with a model")
