"""Many cases of one check in one test: what fails together is one failure, that names each case that fails."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from matrices import label

from quant.formats import NumberFormat
from quant.scheme import Granularity, Scheme

SHOWN_CASES, SHOWN_CHARACTERS = 20, 200
Axis = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def each(names: str, values: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with each of `values` as its argument, as `pytest.mark.parametrize` does, but inside one test.

    Several names, parted by commas, take values that are tuples; decorators on top of each other run every combination.
    All cases run, whatever fails. What a case does with `monkeypatch` is undone after it; other fixtures are shared.
    The first case may skip the test; a later one that skips fails, since it would hide those that failed before it.
    """
    axis = tuple(names.split(", ")), [v if ", " in names else (v,) for v in values]
    if not axis[1]:
        raise ValueError(f"no values of {names}: the test would check nothing")

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        axes: list[Axis] = [axis, *vars(function).get("axes", [])]
        check: Callable[..., None] = vars(function).get("check", function)

        @functools.wraps(function)
        def test(**fixtures: Any) -> None:
            run(check, axes, fixtures)

        taken = {name for axis_names, _ in axes for name in axis_names}
        signature = inspect.signature(check)
        left = [p for p in signature.parameters.values() if p.name not in taken]
        vars(test).update(axes=axes, check=check, __signature__=signature.replace(parameters=left))
        return test

    return decorate


def run(check: Callable[..., None], axes: list[Axis], fixtures: dict[str, Any]) -> None:
    """Call `check` with every combination of the axes; raise AssertionError with those that fail."""
    failures: list[tuple[str, BaseException]] = []
    count = 0
    for chosen in itertools.product(*(values for _, values in axes)):
        case = {n: v for (names, _), row in zip(axes, chosen, strict=True) for n, v in zip(names, row, strict=True)}
        count += 1
        with pytest.MonkeyPatch.context() as patch:
            own = {"monkeypatch": patch} if "monkeypatch" in fixtures else {}
            try:
                check(**(fixtures | own | case))
            except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
                if isinstance(error, pytest.skip.Exception) and count == 1:
                    raise
                failures.append((", ".join(f"{name}={described(value)}" for name, value in case.items()), error))
    if failures:
        lines = [f"  {case}: {type(e).__name__}: {shortened(str(e))}" for case, e in failures[:SHOWN_CASES]]
        raise AssertionError(f"{len(failures)} of {count} cases fail:\n" + "\n".join(lines)) from failures[0][1]


def described(value: object) -> str:
    """A short name of a test's argument."""
    if isinstance(value, Scheme):
        return label(value)
    if isinstance(value, NumberFormat):
        return value.name
    return str(value) if isinstance(value, Granularity) else shortened(repr(value))


def shortened(text: str) -> str:
    """The beginning of `text`, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
