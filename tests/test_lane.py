"""Heavy work in turns: first come, first served; one at a time in one thread; a hundred wait without a thread each."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from quant import lane as lane_module
from quant.errors import CrowdedError
from quant.lane import MOST, NICE, Lane


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "POLL_S", 0.001)


LEAST = 19  # no priority is below it, and the tests may themselves run with a low one


async def job(lane: Lane) -> AsyncIterator[int | str]:
    """What a heavy callback does: tell how many are ahead, then work."""
    with lane.turn() as turn:
        async for ahead in turn.wait():
            yield ahead
        yield "working"


async def rest(job: AsyncIterator[int | str]) -> list[int | str]:
    return [step async for step in job]


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_a_loop
async def test_an_empty_lane_lets_in_at_once() -> None:
    assert await rest(job(Lane())) == ["working"]


@in_a_loop
async def test_who_comes_first_goes_first() -> None:
    lane = Lane()
    first, second, third = job(lane), job(lane), job(lane)
    assert [await anext(j) for j in (first, second, third)] == ["working", 1, 2]
    assert [await anext(second), await anext(third)] == [1, 2]
    assert await rest(first) == []
    assert [await anext(third), await anext(second)] == [1, "working"]
    await second.aclose()  # type: ignore[attr-defined]
    assert await rest(third) == ["working"]


@in_a_loop
async def test_a_turn_given_up_while_waiting_leaves_the_queue() -> None:
    lane = Lane()
    first, second, third = job(lane), job(lane), job(lane)
    assert [await anext(j) for j in (first, second, third)] == ["working", 1, 2]
    await second.aclose()  # type: ignore[attr-defined]
    assert await anext(third) == 1
    await first.aclose()  # type: ignore[attr-defined]
    assert await anext(third) == "working"


@in_a_loop
async def test_work_that_fails_gives_up_its_turn() -> None:
    lane = Lane()

    async def work() -> None:
        with lane.turn() as turn:
            assert [ahead async for ahead in turn.wait()] == []
            await lane.run(lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        await work()
    assert await rest(job(lane)) == ["working"]


@in_a_loop
async def test_works_never_overlap_and_share_a_thread() -> None:
    lane, inside, most, threads = Lane(), [0], [0], set()

    def step() -> None:
        threads.add(threading.get_ident())
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.005)
        inside[0] -= 1

    async def work() -> None:
        with lane.turn() as turn:
            async for _ in turn.wait():
                pass
            await lane.run(step)

    await asyncio.gather(*[work() for _ in range(5)])
    assert (most, inside, len(threads)) == ([1], [0], 1)
    assert threading.get_ident() not in threads


@in_a_loop
async def test_the_seventieth_gets_a_place_at_once_and_no_thread() -> None:
    lane = Lane()
    jobs = [job(lane) for _ in range(70)]
    before = threading.active_count()
    places = [await anext(j) for j in jobs]
    assert places == ["working", *range(1, 70)]
    assert threading.active_count() == before
    for waiting in reversed(jobs):
        await waiting.aclose()  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
@in_a_loop
async def test_light_work_goes_before_the_lane() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await Lane().run(priority) == min(priority() + NICE, LEAST)


def test_a_full_lane_says_so_and_that_one_can_try_again() -> None:
    lane = Lane(most=2)
    with lane.turn(), lane.turn():
        with pytest.raises(CrowdedError) as caught:
            lane.turn()
        assert "Vuelve a intentarlo" in caught.value.text.es
        assert "Try again" in caught.value.text.en
    with lane.turn() as turn:
        assert turn.ahead == 0
    assert MOST >= 70
