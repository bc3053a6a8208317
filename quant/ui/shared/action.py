"""Heavy work as the page sees it: checked, then a place in the queue, then progress, then results; stoppable.

Stopping is a flag that the work reads between two frames, so that what it showed last is what stays. Gradio's own
`cancels` raced with it: a late frame could replace the word that work had stopped, or the output turn into "Error".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import gradio as gr
import plotly.graph_objects as go
from gradio.events import Dependency

from quant.errors import QuantError
from quant.lab import Lab
from quant.lane import Lane
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.text import Language, Text
from quant.ui.shared import html
from quant.ui.shared import texts as t
from quant.ui.shared.frames import Frame, Updates, Values, outputs_of, updates
from quant.work import Progress, Work, stepped

Asked = TypeVar("Asked")
Ready = TypeVar("Ready")
Known = TypeVar("Known")
F = TypeVar("F", bound=Frame)
# The heavy lane of the lab lets one through at a time, shows each visitor's place and says when it is full; Gradio only
# has to let all of them in, so that they can say so.
MOST_HEAVY, AGAIN_S = 160, 2.0
HEAVY: dict[str, Any] = {
    "concurrency_id": "heavy", "concurrency_limit": MOST_HEAVY, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip


@dataclass(frozen=True)
class Action(Generic[Asked, Ready, F]):
    """Work behind a button.

    check: from what was asked for to what the work needs; raises QuantError before a place in the queue is taken.
    work: frames, one after another; may raise QuantError too. outputs: the kind of its frames. lane: whose turns it
    waits for, that of all heavy work unless said.
    """

    lab: Lab
    language: Language
    check: Callable[[Asked], Ready]
    work: Callable[[Ready], Iterator[F]]
    outputs: type[F]
    lane: Lane | None = None

    async def stream(self, asked: Asked) -> AsyncGenerator[F, None]:
        """What is shown, whatever happens. A problem's message comes alone. Closed when nobody looks any more."""
        lane = self.lane or self.lab.heavy
        try:
            ready = await asyncio.to_thread(self.check, asked)
            with lane.turn() as turn:
                async for ahead in turn.wait():
                    yield self.outputs(html.queue_place(ahead, self.language))
                work = _closable(self.work(ready))
                try:
                    while (shown := await lane.run(next, work, None)) is not None:
                        yield shown
                finally:  # in the lane's thread, which may be in the middle of a step where this was cancelled
                    await lane.run(work.close)
        except QuantError as error:
            yield self.outputs(html.problem(error, self.language))

    def frames(self, asked: Asked) -> Generator[F, None, None]:
        """What `stream` shows, for a program without an event loop."""
        return stepped(self.stream(asked))


def _closable(frames: Iterator[F]) -> Generator[F, None, None]:
    yield from frames


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
            lab.quantized(recipe), lambda step: frame(html.progress(_making(recipe), step.fraction, language))
        )
    )


def _making(recipe: Recipe) -> Text:
    return t.TRAINING.format(n=recipe.training.steps) if recipe.training else t.QUANTIZING


class Stops:
    """Which visitors have something running, and whether they have asked for it to stop."""

    def __init__(self) -> None:
        self._asked: dict[str, bool] = {}

    def ask(self, visitor: str) -> None:
        if visitor in self._asked:
            self._asked[visitor] = True

    async def heed(self, visitor: str, language: Language, work: AsyncGenerator[F, None]) -> AsyncGenerator[F, None]:
        """Pass on what `work` yields until it ends or `visitor` asks; then its last frame, marked as stopped.

        `work` is closed with it.
        """
        self._asked[visitor] = False
        try:
            async with aclosing(work):
                async for shown in work:
                    if self._asked.get(visitor):
                        yield replace(shown, said=html.stopped(shown.said, language)).ended()
                        return
                    yield shown
        finally:
            self._asked.pop(visitor, None)


def connect(action: Action[Asked, Ready, F], asks: Callable[[Values], Asked], triggers: Sequence[Any],
            inputs: Sequence[Any], outputs: object, stop: gr.Button) -> Dependency:  # fmt: skip
    """Run `action` on any of `triggers`, until it ends or `stop` is pressed, which is seen as long as it can be.

    asks: what is asked for, of the inputs' values; outputs: components by the names of the action's frames. Returns
    what something else may follow, however the work ends.
    """
    stops = Stops()
    stop.visible = False

    async def run(values: Values, request: gr.Request) -> AsyncGenerator[Updates, None]:
        last, told, seen = None, 0.0, {stop: gr.update(visible=True)}
        now, charts = Updates(), Updates()
        work = action.stream(asks(values))
        async with aclosing(stops.heed(str(request.session_hash), action.language, work)) as frames:
            async for shown in frames:
                # Whoever waits is told its place when that changes, and now and then: only so does gradio find out
                # that nobody is there any more.
                if shown != last or time.monotonic() - told > AGAIN_S:
                    told = time.monotonic()
                    now = updates(shown, outputs)
                    charts = {c: of for c, of in (charts | now).items() if isinstance(of, go.Figure)}
                    yield now | seen
                    seen = {}
                last = shown
        # A browser that lags behind reads a frame when gradio has already changed the very same objects into those of
        # the next: what only a frame in the middle showed would be lost.
        if last is not None and charts.keys() - now.keys():
            yield charts | updates(last, outputs)

    def ask(request: gr.Request) -> None:
        stops.ask(str(request.session_hash))

    running = gr.on(list(triggers), run, set(inputs), [*outputs_of(action.outputs, outputs), stop], **HEAVY)
    # An event of its own, which comes however the work ended.
    running.then(lambda: gr.update(visible=False), None, stop, queue=False, show_progress="hidden",
                 api_visibility="private")  # fmt: skip
    stop.click(ask, queue=False, show_progress="hidden", api_visibility="private")
    return running
