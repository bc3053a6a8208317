"""Work that takes time: progress by yield, result by return.

    def quantize_steps(...) -> Work[LoadedModel]: ...
    model = finished(quantize_steps(...))                 # a program, which waits
    model = yield from part(quantize_steps(...), 0, 0.5)  # a longer work, of which this is the first half

Between two yields nothing runs in the generator, so that whoever asks stops it by no longer asking. What is already
known may come along with the progress (`so_far`), of the same type as the result.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Progress(Generic[T]):
    """How far a work has come, from 0 to 1, and the part of its result that is known by then."""

    fraction: float
    so_far: T | None = None


Work = Generator[Progress[T], None, T]


def finished(work: Work[T]) -> T:
    """Do all of it; its result."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result


def part(work: Work[S], start: float, share: float) -> Generator[Progress[T], None, S]:
    """`work` as a part of a longer one, from fraction `start` on and `share` of it; what it knows stays behind."""
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            result: S = done.value
            return result
        yield Progress(start + share * step.fraction)


def stepped(work: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """What an asynchronous generator yields, for a program without an event loop; closed with it.

    Its loop runs in a thread of its own, so that it can also be closed where another loop is running.
    """
    with ThreadPoolExecutor(1) as thread:
        runner = asyncio.Runner()
        try:
            while True:
                try:
                    yield thread.submit(runner.run, _step(work)).result()
                except StopAsyncIteration:
                    return
        finally:
            thread.submit(runner.run, work.aclose()).result()
            thread.submit(runner.close).result()


async def _step(work: AsyncGenerator[T, None]) -> T:
    return await anext(work)
