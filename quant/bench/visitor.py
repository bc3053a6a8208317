"""A visitor of the page without a browser: Gradio's protocol, as its JavaScript speaks it.

GET  /                                       the page
GET  /gradio_api/heartbeat/SESSION           a stream that stays open as long as the page does
POST /gradio_api/queue/join                  asks for an event of the page's configuration
GET  /gradio_api/queue/data?session_hash=    one stream of messages about all that was asked for
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from quant.lane import FULL

API = "/gradio_api"
ENDED = ("process_completed", "unexpected_error", "server_stopped")


@dataclass(frozen=True)
class Heavy:
    """One press of a heavy button: seconds until the first sign of it, and whether it was seen to its end."""

    first_s: float
    done: bool


@dataclass
class Watch:
    """What all visitors have seen: seconds of each move, heavy runs, errors, and how often it was full."""

    light: list[float] = field(default_factory=list)
    heavy: list[Heavy] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    full: int = 0


def is_full(message: dict[str, Any]) -> bool:
    """Whether it is the polite word that there are too many."""
    first = (message.get("output") or {}).get("data", [""])[0]
    return isinstance(first, str) and FULL.es.partition(". ")[2] in first


async def page_config(url: str) -> dict[str, Any]:
    """The components and events of the Spanish page."""
    async with httpx.AsyncClient(base_url=url, timeout=None) as client:
        return dict((await client.get("/config")).json())


class Visitor:
    """One browser tab. Does one thing at a time."""

    def __init__(self, client: httpx.AsyncClient, config: dict[str, Any], rng: random.Random, watch: Watch) -> None:
        self.client, self.watch, self.rng = client, watch, rng
        self.session = uuid.uuid4().hex
        self.events = [d for d in config["dependencies"] if d["backend_fn"]]
        self.chain = config["dependencies"]
        self.ids = {c["props"]["elem_id"]: c["id"] for c in config["components"] if c["props"].get("elem_id")}
        self.values = {c["id"]: c["props"].get("value") for c in config["components"]}
        self.choices = {c["id"]: [v for _, v in c["props"].get("choices") or []] for c in config["components"]}
        self._heart: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Fetch the page and let it restore what its address says."""
        (await self.client.get("/")).raise_for_status()
        self._heart = asyncio.create_task(self._beat())
        restored = next(d for d in self.events if any(what == "load" for _, what in d["targets"]))
        await self._fire([restored])
        after = {restored["id"]}
        for event in self.chain:
            if event["trigger_after"] in after:
                after.add(event["id"])
                if event["backend_fn"]:
                    await self._fire([event])
        for component, choices in self.choices.items():  # one of six recipes, of which the bits then move
            if choices in (["tensor", "channel", "group"], [False, True]):
                self.values[component] = self.rng.choice(choices)

    def leave(self) -> None:
        """Close the tab."""
        if self._heart:
            self._heart.cancel()

    async def move(self) -> float:
        """Move the slider of bits; seconds until all that follows it is there."""
        slider = self.ids["bits-es"]
        self.values[slider] = self.rng.randint(2, 8)
        started = time.monotonic()
        await self._fire([d for d in self.events if [slider, "input"] in d["targets"]], slider)
        self.watch.light.append(time.monotonic() - started)
        return self.watch.light[-1]

    async def press(self, button: str) -> None:
        """Press a heavy button and watch until it is done."""
        started, seen, at = time.monotonic(), [], self.ids[button]
        try:
            async for message in self._messages([d for d in self.events if [at, "click"] in d["targets"]], at):
                if message["msg"] in ("process_generating", *ENDED):
                    seen.append(time.monotonic() - started)
                    self.watch.full += is_full(message)
        finally:
            done = bool(seen) and message["msg"] in ENDED
            self.watch.heavy.append(Heavy(seen[0] if seen else time.monotonic() - started, done))

    async def call(self, name: str) -> None:
        """What a program does: a call by name, in a session of its own."""
        event = next(d for d in self.events if d["api_name"] == name)
        self.values[event["inputs"][1]] = self.rng.randint(2, 8)
        started = time.monotonic()
        await self._fire([event])
        self.watch.light.append(time.monotonic() - started)

    async def _beat(self) -> None:
        with suppress(httpx.HTTPError):
            async with self.client.stream("GET", f"{API}/heartbeat/{self.session}") as stream:
                async for _ in stream.aiter_bytes():
                    pass

    async def _fire(self, events: list[dict[str, Any]], trigger: int | None = None) -> None:
        """Run these events, and keep what they put into the components."""
        async for message in self._messages(events, trigger):
            if message["msg"] == "process_completed" and message["success"]:
                self._keep(message["event"], message["output"].get("data", []))

    def _keep(self, event: dict[str, Any], data: list[Any]) -> None:
        for component, shown in zip(event["outputs"], data, strict=False):
            if not isinstance(shown, dict) or shown.get("__type__") != "update":
                self.values[component] = shown
            elif "value" in shown:
                self.values[component] = shown["value"]

    async def _messages(self, events: list[dict[str, Any]], trigger: int | None) -> Any:
        """All that is said of these events, with the event that it is about."""
        joined = await asyncio.gather(*(self._join(event, trigger) for event in events))
        asked = {found: event for found, event in zip(joined, events, strict=True) if found}
        if not asked:
            return
        query = {"session_hash": self.session}
        async with self.client.stream("GET", f"{API}/queue/data", params=query) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("event_id") in asked:
                    if message["msg"] in ENDED and not message.get("success"):
                        self.watch.errors.append(json.dumps(message)[:120])
                    yield message | {"event": asked[message["event_id"]]}
                elif message.get("msg") == "close_stream":
                    return

    async def _join(self, event: dict[str, Any], trigger: int | None) -> str | None:
        data = [self.values.get(component) for component in event["inputs"]]
        body = {"data": data, "fn_index": event["id"], "session_hash": self.session, "trigger_id": trigger}
        answer = await self.client.post(f"{API}/queue/join", json=body)
        if answer.status_code != 200:
            self.watch.errors.append(f"{answer.status_code} {answer.text[:120]}")
            return None
        return str(answer.json()["event_id"])
