"""Heavy work as the page sees it: a place in the queue, then progress, then results; stoppable at every yield.

Stopping is a flag that the work reads between two yields, so that what it showed last is what stays. Gradio's own
`cancels` raced with it: a late frame could replace the word that work had stopped, or the output turn into "Error".
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.model.recipe import Recipe
from quant.text import Language
from quant.ui import html
from quant.ui import texts as t

Frames = Generator[str, None, None]  # what an output shows, one after another; closed when nobody looks any more


class Stops:
    """Which visitors have asked for their work to stop."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def ask(self, visitor: str) -> None:
        self._asked.add(visitor)

    def heed(self, visitor: str, language: Language, work: Iterator[str]) -> Iterator[str]:
        """Pass on what `work` yields until it ends or `visitor` asks; then its last frame, marked as stopped."""
        self._asked.discard(visitor)  # asked while nothing was running
        for shown in work:
            if visitor in self._asked:
                yield html.stopped(shown, language)
                return
            yield shown


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
