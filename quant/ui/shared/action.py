"""Heavy work as the page sees it: checked, then a place in the queue, then progress, then results; stoppable.

Stopping is a flag that the work reads between two frames, so that what it showed last is what stays. Gradio's own
`cancels` raced with it: a late frame could replace the word that work had stopped, or the output turn into "Error".
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import gradio as gr

from quant.errors import QuantError
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared import texts as t
from quant.ui.shared.frames import Frame, Updates, Values, outputs_of, updates
from quant.work import Progress, Work

Asked = TypeVar("Asked")
Ready = TypeVar("Ready")
Known = TypeVar("Known")
F = TypeVar("F", bound=Frame)
# The heavy lane of the lab lets one through at a time and shows each visitor's place; Gradio only has to let the
# waiting ones in, so that they can say so.
HEAVY: dict[str, Any] = {
    "concurrency_id": "heavy", "concurrency_limit": 16, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip


@dataclass(frozen=True)
class Action(Generic[Asked, Ready, F]):
    """Work behind a button.

    check: from what was asked for to what the work needs; raises QuantError before a place in the queue is taken.
    work: frames, one after another; may raise QuantError too. outputs: the kind of its frames.
    """

    lab: Lab
    language: Language
    check: Callable[[Asked], Ready]
    work: Callable[[Ready], Iterator[F]]
    outputs: type[F]

    def frames(self, asked: Asked) -> Generator[F, None, None]:
        """What is shown, whatever happens. A problem's message comes alone. Closed when nobody looks any more."""
        try:
            ready = self.check(asked)
            with self.lab.heavy.turn() as turn:
                for ahead in turn.wait():
                    yield self.outputs(html.queue_place(ahead, self.language))
                yield from self.work(ready)
        except QuantError as error:
            yield self.outputs(html.problem(error, self.language))


def showing(work: Work[Known], frame: Callable[[Progress[Known]], F]) -> Generator[F, None, Known]:
    """Yield a frame for each step of `work`; return its result."""
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            result: Known = done.value
            return result
        yield frame(step)


def quantizing(
    lab: Lab, language: Language, recipe: Recipe, frame: Callable[[str], F]
) -> Generator[F, None, LoadedModel]:
    """Yield a progress bar while the model of `recipe` is made; return the model."""
    return (
        yield from showing(
            lab.quantized(recipe), lambda step: frame(html.progress(t.QUANTIZING, step.fraction, language))
        )
    )


class Stops:
    """Which visitors have asked for their work to stop."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def ask(self, visitor: str) -> None:
        self._asked.add(visitor)

    def heed(self, visitor: str, language: Language, work: Iterator[F]) -> Iterator[F]:
        """Pass on what `work` yields until it ends or `visitor` asks; then its last frame, marked as stopped."""
        self._asked.discard(visitor)  # asked while nothing was running
        for shown in work:
            if visitor in self._asked:
                yield replace(shown, said=html.stopped(shown.said, language))
                return
            yield shown


def connect(action: Action[Asked, Ready, F], asks: Callable[[Values], Asked], triggers: Sequence[Any],
            inputs: Sequence[Any], outputs: object, stop: gr.Button) -> None:  # fmt: skip
    """Run `action` on any of `triggers`, until it ends or `stop` is pressed.

    asks: what is asked for, of the inputs' values; outputs: components by the names of the action's frames.
    """
    stops = Stops()

    def run(values: Values, request: gr.Request) -> Iterator[Updates]:
        with closing(action.frames(asks(values))) as frames:
            for shown in stops.heed(str(request.session_hash), action.language, frames):
                yield updates(shown, outputs)

    def ask(request: gr.Request) -> None:
        stops.ask(str(request.session_hash))

    gr.on(list(triggers), run, set(inputs), outputs_of(action.outputs, outputs), **HEAVY)
    stop.click(ask, queue=False, show_progress="hidden", api_visibility="private")
