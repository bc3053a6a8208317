"""Turns for heavy work: one at a time, first come first served, in a thread of its own.

Whoever waits is a coroutine that looks at its place now and then, and costs no thread: a hundred wait as cheaply as
one. The work goes through a single thread, step by step, so that the event loop and light work go on beside it and
before it, and so that what torch and the kernels keep for each thread (OpenMP's team, buffers) is kept once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from quant.errors import CrowdedError
from quant.text import Text

POLL_S = 0.1
NICE = 10  # how far the lane's thread stands back for light work where both want the processor
MOST = 100  # at work and waiting: a class of thirty, three times
FULL = Text(
    "Ahora mismo hay {n} tareas en la cola y no caben más. Vuelve a intentarlo dentro de un rato; mientras tanto, los "
    "controles y las figuras funcionan como siempre.",
    "There are {n} tasks in the queue right now, and no room for more. Try again in a while; meanwhile controls and "
    "figures work as always.",
)

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """A queue for work that must not overlap."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._tickets = itertools.count()
        self._waiting: list[int] = []
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="heavy", initializer=_let_others_go_first)

    def turn(self) -> Turn:
        """A place in the queue, taken at once; use it as a context manager. Raises CrowdedError where there is none."""
        with self._lock:
            if len(self._waiting) >= self.most:
                raise CrowdedError(FULL.format(n=self.most))
            ticket = next(self._tickets)
            self._waiting.append(ticket)
        return Turn(self, ticket)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` gives, done in the lane's thread; for whoever has the turn."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, lambda: work(*args, **kwargs))

    def ahead_of(self, ticket: int) -> int:
        with self._lock:
            return self._waiting.index(ticket)

    def leave(self, ticket: int) -> None:
        with self._lock:
            self._waiting.remove(ticket)


def _let_others_go_first() -> None:
    """On Linux a thread has a priority of its own, which the threads that it starts, OpenMP's too, have from it."""
    if sys.platform == "linux":
        with suppress(OSError):
            own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own + NICE)  # the system stops at its least


class Turn:
    """One place in a `Lane`; leaving the `with` block gives it up, whether its turn came or not."""

    def __init__(self, lane: Lane, ticket: int) -> None:
        self._lane, self._ticket = lane, ticket

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, *exc: object) -> None:
        self._lane.leave(self._ticket)

    @property
    def ahead(self) -> int:
        """How many go first."""
        return self._lane.ahead_of(self._ticket)

    async def wait(self) -> AsyncIterator[int]:
        """Yield how many are ahead, again and again, until nobody is."""
        while ahead := self.ahead:
            yield ahead
            await asyncio.sleep(POLL_S)
