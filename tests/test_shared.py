"""What one visitor has had drawn or measured, another gets: the same figures, within bounds, never a stale one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from working import steps

from quant import lab as lab_module
from quant import lane as lane_module
from quant.evaluation.figures import figures
from quant.lab import Lab
from quant.recipe import Recipe
from quant.text import Language
from quant.texts import own_text
from quant.ui.api import Api, in_turn
from quant.ui.shared import html
from quant.ui.shared.drawn import Drawn
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Follow, Seen
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.measure import Asked, Measured, measuring
from quant.ui.tabs.metrics.result import ago
from quant.work import Progress, Work, finished

LANGUAGES: tuple[Language, Language] = ("es", "en")
OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24


@pytest.fixture
def lab(hub_folder: Path) -> Lab:
    return Lab(extra=hub_folder)


def frames(lab: Lab, language: Language, speed: bool = False, own: str = OWN) -> list[Measured]:
    asked = Asked(Choice(lab.default(), bits=4), "own", "quick", own, speed=speed)
    return list(measuring(lab, language).frames(asked))


def compared(lab: Lab, recipe: Recipe, own: str) -> list[float]:
    """Progress of a measurement."""
    text = own_text(own)
    said, _ = steps(lab.measured(recipe, text, finished(lab.quantized(recipe))))
    return [s.fraction for s in said]


def test_the_second_to_ask_gets_the_figures_of_the_first_and_is_told_so(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = frames(lab, "es")
    monkeypatch.setattr(lab_module, "compare_steps", None)  # nothing is measured again
    for language in LANGUAGES:
        second = frames(lab, language)
        assert first[-1].history is not None
        assert second[-1].history is not None
        assert second[-1].history == first[-1].history
        notice = t.SHARED.format(ago=t.AGO_MOMENT)[language]
        assert notice in second[-1].said
        assert notice not in first[-1].said
        assert second[-1].chart is not None
        if language == "es":
            assert second[-1].chart.to_json() == first[-1].chart.to_json()  # type: ignore[union-attr]


def test_a_class_that_asks_for_the_same_at_the_same_time_has_it_measured_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25 visitors, 7 recipes: 7 measurements; who waited finds it there when the turn comes."""
    real, measured = lab_module.compare_steps, []
    monkeypatch.setattr(lab_module, "compare_steps", lambda *a: measured.append(a) or real(*a))
    monkeypatch.setattr(lane_module, "POLL_S", 0.001)
    text = OWN[: len(OWN) // 6]  # of a few windows: no intervals to work out

    async def visitor(number: int) -> list[float]:
        asked = Asked(Choice(lab.default(), bits=2 + number % 7), "own", "quick", text)
        frames = [frame async for frame in measuring(lab, "es").stream(asked)]
        assert frames[-1].history, frames[-1].said
        return [frames[-1].history[0]["estimates"]["kl_mean"][0]]

    async def lesson() -> list[list[float]]:
        return await asyncio.gather(*[visitor(number) for number in range(25)])

    found = asyncio.run(lesson())
    assert len(measured) == 7
    assert all(found[number] == found[number % 7] for number in range(25))


def test_programs_share_what_visitors_have_measured(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first = frames(lab, "es")[-1].history
    known = lab.known(Choice(lab.default(), bits=4).recipe(), own_text(OWN))
    assert known is not None
    monkeypatch.setattr(lab_module, "compare_steps", None)
    monkeypatch.setattr(lab_module.time, "time", lambda: known.at + 40)
    found = finished(Api(lab).evaluate("own", "quick", OWN, recipe=Choice(lab.default(), bits=4).recipe()))
    assert first is not None
    assert found["kl_mean"] == first[0]["estimates"]["kl_mean"][0]
    assert found["measured_s_ago"] == 40.0


def test_results_stay_in_their_bytes_and_the_oldest_goes_first(hub_folder: Path) -> None:
    lab = Lab(extra=hub_folder)
    recipe = Choice(lab.default(), bits=4).recipe()
    compared(lab, recipe, OWN)
    one = lab.result_bytes()
    lab = Lab(extra=hub_folder, result_bytes=5 * one // 2)
    texts = [OWN, OWN.replace("tren", "coche"), OWN.replace("tren", "barco")]
    for own in texts:
        assert compared(lab, recipe, own), own
    assert one < lab.result_bytes() <= 5 * one // 2
    assert [lab.known(recipe, own_text(own)) is None for own in texts] == [True, False, False]
    known = lab.known(recipe, own_text(texts[1]))
    assert known is not None
    again = finished(lab.measured(recipe, own_text(texts[1]), finished(lab.quantized(recipe))))
    assert figures(again) == figures(known.comparison)


def test_a_measurement_stopped_half_way_is_not_shared(lab: Lab) -> None:
    work = measuring(lab, "es").frames(Asked(Choice(lab.default(), bits=4), "own", "quick", OWN))
    for shown in work:
        if beginning(t.METRIC_SO_FAR.es) in shown.said:
            break
    work.close()
    assert lab.known(Choice(lab.default(), bits=4).recipe(), own_text(OWN)) is None


def beginning(text: str) -> str:
    return text.partition("{")[0]


@pytest.mark.parametrize("speed", [False, True])
def test_speeds_are_measured_where_they_are_asked_for(lab: Lab, speed: bool) -> None:
    for language in LANGUAGES:
        last = frames(lab, language, speed)[-1]
        assert last.details is not None
        assert last.history is not None
        assert (t.SPEED[language] in last.details) is speed
        assert (last.history[0]["written"] is not None) is speed


def test_the_times_of_an_earlier_measurement_stay_in_the_history(lab: Lab) -> None:
    timed = frames(lab, "es", speed=True)[-1].history
    assert timed
    asked = Asked(Choice(lab.default(), bits=4), "own", "quick", OWN, timed)
    again = list(measuring(lab, "es").frames(asked))[-1].history
    assert again
    assert again[0]["written"] == timed[0]["written"]


def test_how_long_ago_is_said_as_one_says_it() -> None:
    assert [ago(s).en for s in (3, 100, 7300)] == ["a moment ago", "2\xa0min ago", "2\xa0h ago"]
    assert [ago(s).es for s in (3, 100, 7300)] == ["hace un momento", "hace 2\xa0min", "hace 2\xa0h"]


def test_what_was_drawn_is_drawn_once_but_for_what_is_wrong_or_changes(lab: Lab) -> None:
    drawn, calls, block = Drawn(lab), [], object()
    lab.loaded(lab.default())

    def show(seen: Seen, _: object) -> dict[object, object]:
        calls.append(seen)
        return {block: {"value": seen.choice.bits}}

    follow = Follow(show, (block,))  # type: ignore[arg-type]
    four, wrong = Seen(Choice(lab.default(), bits=4)), Seen(Choice("nobody/nothing"))
    for _ in range(2):
        shown = drawn.show(follow, four, {})
        shown[block].clear()  # type: ignore[attr-defined, index]
    assert calls == [four]
    assert drawn.show(follow, four, {}) == {block: {"value": 4}}
    for _ in range(2):
        drawn.show(follow, wrong, {})
    assert calls == [four, wrong, wrong]
    finished(lab.quantized(four.choice.recipe()))  # some methods show nothing until the model is made
    drawn.show(follow, four, {})
    assert calls[3:] == [four]


def test_a_choice_of_another_type_is_another_and_what_is_wrong_is_not_kept(lab: Lab) -> None:
    drawn, block = Drawn(lab), object()
    lab.loaded(lab.default())
    broken = [True]

    def show(seen: Seen, _: object) -> dict[object, object]:
        return {block: html.notice("mal") if broken[0] else f"{seen.choice.bits!r} bits"}

    follow = Follow(show, (block,))  # type: ignore[arg-type]
    whole, point = (Seen(Choice(lab.default(), bits=bits)) for bits in (3, 3.0))  # type: ignore[arg-type]
    assert "mal" in str(drawn.show(follow, whole, {}))
    broken[0] = False
    assert drawn.show(follow, point, {}) == {block: "3.0 bits"}
    assert drawn.show(follow, whole, {}) == {block: "3 bits"}


def test_work_of_a_program_that_is_cancelled_ends_and_keeps_its_turn_until_then(lab: Lab) -> None:
    done: list[int] = []

    def work() -> Work[int]:
        try:
            for step in range(50):
                done.append(step)
                time.sleep(0.02)
                yield Progress(0)
        finally:
            done.append(-1)
        return 3

    async def cancelled() -> None:
        call = asyncio.create_task(in_turn(lab, work)())
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert done[-1] == -1
        with lab.heavy.turn() as turn:
            assert turn.ahead == 0

    asyncio.run(cancelled())
    assert len(done) < 40
    assert asyncio.run(in_turn(lab, lambda: ended_at_once())()) == 4


def ended_at_once() -> Work[int]:
    yield Progress(0)
    return 4
