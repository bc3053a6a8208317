"""Many visitors at once on a served page, and what they leave behind, spoken to as a browser does."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx
import pytest

from quant.bench.load import many
from quant.bench.visitor import Visitor, Watch, page_config
from quant.ui.shared import texts as t

VISITORS = 24  # more than gradio let in when it counted threads


@pytest.fixture(scope="module")
def config(server: str) -> dict[str, Any]:
    return asyncio.run(page_config(server))


@pytest.mark.slow  # a page is started
def test_visits_and_calls_go_through_without_an_error(server: str, config: dict[str, Any]) -> None:
    watch = asyncio.run(many(server, config, visits=5, calls=20))
    assert watch.errors == []
    assert len(watch.light) == 20


@pytest.mark.slow
def test_everybody_who_waits_sees_a_place_at_once(server: str, config: dict[str, Any]) -> None:
    """Before the first has ended, the last knows how many go before."""
    firsts: list[str] = []

    async def press(client: httpx.AsyncClient, number: int, watch: Watch) -> None:
        visitor, first = Visitor(client, config, random.Random(number), watch), True
        at = visitor.ids["measure-es"]
        async for message in visitor._messages([e for e in visitor.events if [at, "click"] in e["targets"]], at):
            if message["msg"] == "process_generating" and first:
                firsts.append(str(message["output"]["data"][0]))
                first = False
            if len(firsts) == VISITORS:
                return  # and everybody leaves

    async def crowd() -> Watch:
        watch = Watch()
        async with httpx.AsyncClient(base_url=server, timeout=60) as client:
            presses = [asyncio.create_task(press(client, number, watch)) for number in range(VISITORS)]
            await asyncio.wait(presses, return_when=asyncio.FIRST_COMPLETED)
            for task in presses:
                task.cancel()
            await asyncio.gather(*presses, return_exceptions=True)
        return watch

    watch = asyncio.run(crowd())
    assert watch.errors == []
    places = [t.QUEUE_ONE.es, *(t.QUEUE_MANY.format(n=n).es for n in range(2, VISITORS))]
    assert [sum(place in first for first in firsts) for place in places] == [1] * len(places)
