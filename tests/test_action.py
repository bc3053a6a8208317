"""Heavy work: its place in the queue, where it stops, what stays on the screen, closed when nobody looks any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import gradio as gr
import plotly.graph_objects as go
import pytest

from quant.errors import PromptError
from quant.lab import Lab
from quant.lane import FULL
from quant.text import Language, Text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import HEAVY, Action, Stops, connect
from quant.ui.shared.frames import Frame
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import texts as metrics_texts
from quant.ui.tabs.metrics.measure import Asked, Measured, measuring
from quant.work import stepped

F = TypeVar("F", bound=Frame)
LANGUAGES: tuple[Language, Language] = ("es", "en")
OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(extra=hub_folder)


def bar(fraction: float) -> str:
    return html.progress(metrics_texts.MEASURING_BOTH, fraction, "es")


def idle(lab: Lab) -> bool:
    """Whether nobody holds a place in the heavy lane."""
    with lab.heavy.turn() as turn:
        return turn.ahead == 0


@dataclass(frozen=True)
class Two(Frame):
    """A frame of two outputs."""

    beside: object = None


async def arriving(frames: Iterable[F]) -> AsyncGenerator[F, None]:
    """Frames as `Stops.heed` takes them; what makes them is closed with it."""
    try:
        for frame in frames:
            yield frame
    finally:
        if isinstance(frames, Generator):
            frames.close()


def heeded(stops: Stops, visitor: str, language: Language, frames: Iterable[F]) -> Generator[F, None, None]:
    return stepped(stops.heed(visitor, language, arriving(frames)))


def counting(name: str, closed: list[str]) -> Callable[[object], Iterator[Two]]:
    """Work of a hundred frames that says when it is closed."""

    def work(_: object) -> Iterator[Two]:
        try:
            for n in range(100):
                yield Two(f"{bar(n / 100)}<p>{name} {n}</p>", n)
        finally:
            closed.append(name)

    return work


def saying(lab: Lab, language: Language, *words: str) -> Action[str, str, Frame]:
    return Action(lab, language, lambda asked: asked, lambda _: map(Frame, words), Frame)


def test_waiting_work_says_how_many_are_ahead(lab: Lab) -> None:
    with lab.heavy.turn():
        waiting = saying(lab, "es", "listo").frames("")
        assert shared_texts.QUEUE_ONE.es in next(waiting).said
        with lab.heavy.turn():
            third = saying(lab, "en", "done").frames("")
            assert shared_texts.QUEUE_MANY.format(n=3).en in next(third).said
            third.close()
        waiting.close()
    assert idle(lab)
    assert list(saying(lab, "es", "listo").frames("")) == [Frame("listo")]


def test_what_cannot_be_done_is_said_alone_and_takes_no_place(lab: Lab) -> None:
    def refuse(_: str) -> str:
        raise PromptError(Text("No.", "No, no."))

    with lab.heavy.turn():  # somebody is at work, whom nobody waits for
        (only,) = Action(lab, "en", refuse, lambda _: iter([Two("done")]), Two).frames("")
    assert only == Two(html.notice("No, no."))
    assert idle(lab)


def test_a_full_lane_is_said_in_the_language_of_the_page_and_is_no_error_of_gradio(lab: Lab) -> None:
    with ExitStack() as turns:
        for _ in range(lab.heavy.most):
            turns.enter_context(lab.heavy.turn())
        for language in LANGUAGES:
            (only,) = saying(lab, language, "done").frames("")
            assert only == Frame(html.notice(FULL.format(n=lab.heavy.most)[language]))
    assert list(saying(lab, "es", "listo").frames("")) == [Frame("listo")]
    assert HEAVY["concurrency_limit"] > lab.heavy.most  # gradio lets in whoever is to be told


def test_work_stops_where_it_is_asked_to_and_keeps_what_it_showed() -> None:
    stops, closed = Stops(), []

    def work() -> Iterator[Frame]:
        try:
            for n in range(100):
                yield Frame(f"<p>{n}<i class=caret></i></p>")
        finally:
            closed.append(True)

    stops.ask("ana")  # before anything runs: forgotten
    writing = work()
    frames = heeded(stops, "ana", "es", writing)
    assert [next(frames).said, next(frames).said] == ["<p>0<i class=caret></i></p>", "<p>1<i class=caret></i></p>"]
    stops.ask("luis")
    assert next(frames).said == "<p>2<i class=caret></i></p>"
    stops.ask("ana")
    *_, last = frames
    assert shared_texts.STOPPED.es in last.said
    assert last.said.endswith("<p>3</p>")
    assert closed


def test_stopping_work_of_several_outputs_marks_the_first_and_leaves_the_rest() -> None:
    for language in LANGUAGES:
        stops, rest = Stops(), {"figure": f"{bar(0.5)} of another"}
        frames = heeded(stops, "ana", language, iter([Two(f"{bar(n / 9)}<p>{n}</p>", rest) for n in range(9)]))
        first = next(frames)
        stops.ask("ana")
        assert first == Two(f"{bar(0)}<p>0</p>", rest)
        assert list(frames) == [Two(f"{html.notice(shared_texts.STOPPED[language], 'note')}<p>1</p>", rest)]


def test_finished_work_is_not_marked() -> None:
    """Whether the wish comes as the last frame is made, or after it."""
    stops, last = Stops(), Two("<p>whole</p>", 1)
    frames = heeded(stops, "ana", "es", iter([last]))
    assert next(frames) == last
    stops.ask("ana")
    assert list(frames) == []

    def late() -> Iterator[Frame]:
        stops.ask("ana")
        yield last

    assert list(heeded(stops, "ana", "es", late())) == [last]


def test_a_wish_to_stop_is_of_one_visitor_and_one_run() -> None:
    stops = Stops()
    one, two, three = (Frame(bar(n / 10)) for n in (1, 2, 3))
    frames = heeded(stops, "ana", "es", iter([one, two, three]))
    next(frames)
    stops.ask("ana")
    assert [shared_texts.STOPPED.es in f.said for f in frames] == [True]
    assert list(heeded(stops, "luis", "es", iter([one]))) == [one]
    assert list(heeded(stops, "ana", "es", iter([one, two]))) == [one, two]


def test_stopping_keeps_the_results_and_drops_the_bar() -> None:
    kept = html.stopped(html.progress(metrics_texts.MEASURING_SPEED, 0.5, "es") + "<p>resultado</p>", "es")
    assert "resultado" in kept
    assert shared_texts.STOPPED.es in kept
    assert "track" not in kept
    assert html.stopped("<p>resultado</p>", "es") == "<p>resultado</p>"


class Stop:
    """A stop button, without gradio's."""

    visible = True

    def __init__(self, connected: list[Any]) -> None:
        self.click = lambda listener, **_: connected.append(listener)


class Ran:
    """What gradio gives for a listener: something may follow it."""

    def __init__(self, after: list[Any]) -> None:
        self.then = lambda listener, *_, **__: after.append(listener)


def test_work_is_closed_when_the_visitor_leaves_or_stops(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """As gradio runs it: the listener is a generator, closed by whoever reads it."""
    closed: list[str] = []
    after: list[Any] = []  # what comes however the work has ended
    connected: list[Any] = []  # without Blocks, which would leave an event loop open
    monkeypatch.setattr(gr, "on", lambda triggers, listener, *_, **__: connected.append(listener) or Ran(after))
    stop: Any = Stop(connected)
    outputs = SimpleNamespace(said="said", beside="beside")
    for name in ("ana", "luis"):
        action = Action(lab, "es", lambda asked: asked, counting(name, closed), Two)
        connect(action, lambda values: values, [], [], outputs, stop)
    (run_ana, _), (run_luis, ask_luis) = connected[:2], connected[2:]
    assert not stop.visible  # until something runs
    ana, luis = SimpleNamespace(session_hash="ana"), SimpleNamespace(session_hash="luis")

    leaving = stepped(run_ana({}, ana))
    assert next(leaving) == {"said": f"{bar(0)}<p>ana 0</p>", "beside": 0, stop: gr.update(visible=True)}
    leaving.close()
    assert closed == ["ana"]

    stopping = stepped(run_luis({}, luis))
    next(stopping)
    ask_luis(luis)
    (last,) = stopping
    assert [hide() for hide in after] == [gr.update(visible=False)] * 2
    assert last == {"said": f"{html.notice(shared_texts.STOPPED.es, 'note')}<p>luis 1</p>", "beside": 1}
    assert closed == ["ana", "luis"]
    assert idle(lab)


@pytest.mark.parametrize(("frames", "again"), [
    (lambda chart: [Two("a", chart), Two("b"), Two("c")], True),
    (lambda chart: [Two("a", chart), Two("b", go.Figure())], False),  # another one took its place, and is the last
    (lambda chart: [Two("a", chart), Two("b", gr.update(visible=False))], False),
    (lambda chart: [Two("a"), Two("b", chart)], False),
])  # fmt: skip
def test_a_chart_that_only_a_frame_in_the_middle_had_comes_again_at_the_end(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, frames: Callable[[go.Figure], list[Two]], again: bool
) -> None:
    """Gradio's page changes a frame into the next where it stands; one that lags behind sees the last alone."""
    chart, connected = go.Figure(go.Bar(y=[1])), list[Any]()
    monkeypatch.setattr(gr, "on", lambda triggers, listener, *_, **__: connected.append(listener) or Ran([]))
    action = Action(lab, "es", lambda asked: asked, lambda _: iter(frames(chart)), Two)
    stop: Any = Stop([])
    connect(action, lambda values: values, [], [], SimpleNamespace(said="said", beside="beside"), stop)
    shown = list(stepped(connected[0]({}, SimpleNamespace(session_hash="ana"))))
    assert len(shown) == len(frames(chart)) + again
    assert (shown[-1] == {"said": "c", "beside": chart}) is again, "all that the last frame says comes with it"


def test_work_cancelled_in_the_middle_of_a_step_ends_it_before_the_next_begins(lab: Lab) -> None:
    """As gradio's `/cancel` does."""
    entered, ends, closed = threading.Event(), threading.Event(), []

    def work(_: object) -> Iterator[Frame]:
        try:
            entered.set()
            ends.wait(30)
            yield Frame("never seen")
        finally:
            closed.append(True)

    async def cancelled() -> None:
        stream = Action(lab, "es", lambda asked: asked, work, Frame).stream("")
        step = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(entered.wait, 30)
        step.cancel()
        await asyncio.sleep(0.05)
        assert not idle(lab)
        assert not closed
        ends.set()
        with pytest.raises(asyncio.CancelledError):
            await step

    asyncio.run(cancelled())
    assert closed
    assert idle(lab)


def test_leaving_in_the_middle_of_a_measurement_gives_the_turn_up(lab: Lab) -> None:
    frames = measuring(lab, "es").frames(Asked(Choice(lab.default(), bits=3), "own", "quick", OWN))
    next(frames)
    assert not idle(lab)
    frames.close()
    assert idle(lab)


def test_stopping_a_measurement_keeps_figures_and_history(lab: Lab) -> None:
    """Stopped while the speeds are measured: the tables stay, with no bar over them, and what stands beside too."""
    for language in LANGUAGES:
        stops, seen = Stops(), []
        work = measuring(lab, language).stream(Asked(Choice(lab.default(), bits=4), "own", "quick", OWN, speed=True))
        for shown in stepped(stops.heed("ana", language, work)):
            seen.append(shown)
            if metrics_texts.MEASURING_SPEED[language] in shown.said:
                stops.ask("ana")
        last = seen[-1]
        assert shared_texts.STOPPED[language] in last.said
        assert "lab-progress" not in last.said
        assert metrics_texts.PERPLEXITY[language] in "".join(s.details or "" for s in seen)
        assert "lab-brief" in last.said  # the card stays
        assert last == Measured(last.said, None)  # and so do the figures
        assert sum(s.history is not None for s in seen) == 1
        assert idle(lab)
