"""Heavy work: its place in the queue, where it stops, what stays on the screen, closed when nobody looks any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from quant.lab import Lab
from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.heavy import Stops, connect, in_turn
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import texts as metrics_texts
from quant.ui.tabs.metrics.tab import measured_or_problem

OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(extra=hub_folder)


def bar(fraction: float) -> str:
    return html.progress(metrics_texts.MEASURING_BOTH, fraction, "es")


def idle(lab: Lab) -> bool:
    """Whether nobody holds a place in the heavy lane."""
    with lab.heavy.turn() as turn:
        return next(turn.wait(), None) is None


def test_waiting_work_says_how_many_are_ahead(lab: Lab) -> None:
    with lab.heavy.turn():
        waiting = in_turn(lab, "es", iter(["listo"]))
        assert shared_texts.QUEUE_ONE.es in str(next(waiting))
        with lab.heavy.turn():
            third = in_turn(lab, "en", iter(["done"]))
            assert shared_texts.QUEUE_MANY.format(n=3).en in str(next(third))
            third.close()  # type: ignore[attr-defined]
        waiting.close()  # type: ignore[attr-defined]
    assert idle(lab)
    assert list(in_turn(lab, "es", iter(["listo"]))) == ["listo"]


def test_work_stops_where_it_is_asked_to_and_keeps_what_it_showed() -> None:
    stops, closed = Stops(), []

    def work() -> Iterator[str]:
        try:
            for n in range(100):
                yield f"<p>{n}<i class=caret></i></p>"
        finally:
            closed.append(True)

    stops.ask("ana")  # before anything runs: forgotten
    writing = work()
    frames = stops.heed("ana", "es", writing)
    assert [next(frames), next(frames)] == ["<p>0<i class=caret></i></p>", "<p>1<i class=caret></i></p>"]
    stops.ask("luis")
    assert next(frames) == "<p>2<i class=caret></i></p>"
    stops.ask("ana")
    *_, last = frames
    assert shared_texts.STOPPED.es in last
    assert last.endswith("<p>3</p>")
    writing.close()  # type: ignore[attr-defined]
    assert closed


@pytest.mark.parametrize("language", ["es", "en"])
def test_stopping_work_of_several_outputs_marks_the_first_and_leaves_the_rest(language: Language) -> None:
    stops = Stops()
    rest = (gr.skip(), {"figure": 1}, f"{bar(0.5)} of another", [1, 2])
    work: Iterator[tuple[object, ...]] = iter([(bar(n / 9) + f"<p>{n}</p>", *rest) for n in range(9)])
    frames = stops.heed("ana", language, work)
    first = next(frames)
    stops.ask("ana")
    shown = list(frames)
    assert first == (bar(0) + "<p>0</p>", *rest)
    assert len(shown) == 1
    assert shown[0] == (html.notice(shared_texts.STOPPED[language], "note") + "<p>1</p>", *rest)


@pytest.mark.parametrize("last", ["<p>whole</p>", ("<p>whole</p>", 1, gr.skip())])
def test_finished_work_is_not_marked(last: Any) -> None:
    """Whether the wish comes as the last frame is made, or after it."""
    stops = Stops()
    frames = stops.heed("ana", "es", iter([last]))
    assert next(frames) == last
    stops.ask("ana")
    assert list(frames) == []

    def late() -> Iterator[Any]:
        stops.ask("ana")
        yield last

    assert list(stops.heed("ana", "es", late())) == [last]


def test_a_wish_to_stop_is_of_one_visitor_and_one_run() -> None:
    stops = Stops()
    frames = stops.heed("ana", "es", iter([bar(0.1), bar(0.2), bar(0.3)]))
    next(frames)
    stops.ask("ana")
    assert [shared_texts.STOPPED.es in f for f in frames] == [True]
    assert list(stops.heed("luis", "es", iter([bar(0.1)]))) == [bar(0.1)]
    assert list(stops.heed("ana", "es", iter([bar(0.1), bar(0.2)]))) == [bar(0.1), bar(0.2)]


def test_stopping_keeps_the_results_and_drops_the_bar() -> None:
    kept = html.stopped(html.progress(metrics_texts.MEASURING_SPEED, 0.5, "es") + "<p>resultado</p>", "es")
    assert "resultado" in kept
    assert shared_texts.STOPPED.es in kept
    assert "track" not in kept
    assert html.stopped("<p>resultado</p>", "es") == "<p>resultado</p>"


def test_work_is_closed_when_the_visitor_leaves_or_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """As gradio runs it: the listener is a generator, closed by whoever reads it."""
    closed: list[str] = []

    def work(name: str) -> Iterator[tuple[object, ...]]:
        try:
            for n in range(100):
                yield f"{bar(n / 100)}<p>{name} {n}</p>", n
        finally:
            closed.append(name)

    connected: list[Any] = []  # without Blocks, which would leave an event loop open
    monkeypatch.setattr(gr, "on", lambda triggers, listener, *_, **__: connected.append(listener))
    stop: Any = SimpleNamespace(click=lambda listener, **_: connected.append(listener))
    connect("es", work, [], [], [], stop)
    run, ask = connected
    ana, luis = SimpleNamespace(session_hash="ana"), SimpleNamespace(session_hash="luis")

    leaving = run(ana, "ana")
    next(leaving)
    leaving.close()
    assert closed == ["ana"]

    stopping, other = run(luis, "luis"), run(ana, "eva")
    next(stopping)
    next(other)
    ask(luis)
    (last,) = stopping
    assert last == (html.notice(shared_texts.STOPPED.es, "note") + "<p>luis 1</p>", 1)
    assert closed == ["ana", "luis"]
    assert next(other)[1] == 1
    other.close()
    assert closed == ["ana", "luis", "eva"]


def test_leaving_in_the_middle_of_a_measurement_gives_the_turn_up(lab: Lab) -> None:
    frames = measured_or_problem(lab, "es", Choice(lab.default(), bits=3), "own", "quick", OWN, [])
    next(frames)
    assert not idle(lab)
    frames.close()
    assert idle(lab)


@pytest.mark.parametrize("language", ["es", "en"])
def test_stopping_a_measurement_keeps_figures_and_history(lab: Lab, language: Language) -> None:
    """Stopped while the speeds are measured: the tables stay, with no bar over them, and what stands beside too."""
    stops = Stops()
    work = measured_or_problem(lab, language, Choice(lab.default(), bits=4), "own", "quick", OWN, [])
    seen: list[tuple[object, ...]] = []
    for shown in stops.heed("ana", language, work):
        seen.append(shown)
        if metrics_texts.MEASURING_SPEED[language] in str(shown[0]):
            stops.ask("ana")
    last = seen[-1]
    assert shared_texts.STOPPED[language] in str(last[0])
    assert "lab-progress" not in str(last[0])
    assert metrics_texts.PERPLEXITY[language] in str(last[0])
    assert last[1:] == (gr.skip(),) * (len(last) - 1)
    assert sum(s[4] != gr.skip() for s in seen) == 1
    work.close()  # as `connect` does
    assert idle(lab)
