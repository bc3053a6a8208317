"""Knobs by which a method takes its time, turned down: for tests of what holds however well it has learned."""

from __future__ import annotations

from typing import Any

from quant.methods.base import Method, knobs_of

CHEAP = ("steps", "iterations", "rounds", "epochs")


def few_steps(method: Method[Any], knobs: Any = None, few: int = 10) -> Any:
    """`knobs` of the method, or its usual ones, with `few` steps, or as few as are allowed."""
    low = {name: max(knob.low, few) for name, knob in knobs_of(method.knobs).items() if name in CHEAP}
    return method.set_knobs({**(vars(knobs) if knobs else {}), **low})
