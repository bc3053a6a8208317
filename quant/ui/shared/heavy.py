"""Heavy work as the page sees it: a place in the queue, then progress, then results; stoppable at every yield.

Stopping is a flag that the work reads between two yields, so that what it showed last is what stays. Gradio's own
`cancels` raced with it: a late frame could replace the word that work had stopped, or the output turn into "Error".
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar

import gradio as gr

from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared import texts as t

Frames = Generator[str, None, None]  # what an output shows, one after another; closed when nobody looks any more
Frame = TypeVar("Frame", str, tuple[object, ...])  # of several outputs, the first is the one that says what happens
# The heavy lane of the lab lets one through at a time and shows each visitor's place; Gradio only has to let the
# waiting ones in, so that they can say so.
HEAVY: dict[str, Any] = {
    "concurrency_id": "heavy", "concurrency_limit": 16, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip


class Stops:
    """Which visitors have asked for their work to stop."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def ask(self, visitor: str) -> None:
        self._asked.add(visitor)

    def heed(self, visitor: str, language: Language, work: Iterator[Frame]) -> Iterator[Frame]:
        """Pass on what `work` yields until it ends or `visitor` asks; then its last frame, marked as stopped."""
        self._asked.discard(visitor)  # asked while nothing was running
        for shown in work:
            if visitor in self._asked:
                yield _stopped(shown, language)
                return
            yield shown


def _stopped(shown: Frame, language: Language) -> Frame:
    if isinstance(shown, tuple):
        return (html.stopped(str(shown[0]), language), *shown[1:])
    return html.stopped(shown, language)


def connect(language: Language, work: Callable[..., Any], triggers: Sequence[Any], inputs: Sequence[Any],
            outputs: Any, stop: gr.Button) -> None:  # fmt: skip
    """Run `work(*inputs)`, a generator of frames, on any of `triggers`, until it ends or `stop` is pressed."""
    stops = Stops()

    def run(request: gr.Request, *values: Any) -> Iterator[Any]:
        with closing(work(*values)) as frames:
            yield from stops.heed(str(request.session_hash), language, frames)

    def ask(request: gr.Request) -> None:
        stops.ask(str(request.session_hash))

    gr.on(list(triggers), run, list(inputs), outputs, **HEAVY)
    stop.click(ask, queue=False, show_progress="hidden", api_visibility="private")


def in_turn(lab: Lab, language: Language, work: Iterator[Frame]) -> Iterator[Frame | str]:
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


def framed(
    work: Generator[str, None, LoadedModel], frame: Callable[[str], tuple[object, ...]]
) -> Generator[tuple[object, ...], None, LoadedModel]:
    """Yield what `work` yields, each through `frame`; return what it returns."""
    while True:
        try:
            shown = next(work)
        except StopIteration as done:
            return done.value
        yield frame(shown)
