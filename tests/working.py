"""Work, step by step, for tests that look at its progress."""

from __future__ import annotations

from typing import TypeVar

from quant.work import Progress, Work

T = TypeVar("T")


def steps(work: Work[T]) -> tuple[list[Progress[T]], T]:
    """All that a work says on its way, and its result."""
    said: list[Progress[T]] = []
    while True:
        try:
            said.append(next(work))
        except StopIteration as done:
            return said, done.value


def fractions(work: Work[T]) -> tuple[list[float], T]:
    """How far it says it is at each step, and its result."""
    said, result = steps(work)
    return [step.fraction for step in said], result


def known(work: Work[T]) -> list[T]:
    """What it says to know so far, and last its result."""
    said, result = steps(work)
    return [*(step.so_far for step in said if step.so_far is not None), result]
