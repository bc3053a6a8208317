"""The budget's exact division: against every choice there is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.allocation import Allotted, Option, front
from quant.errors import BudgetError

options = st.builds(Option, st.just(""), st.integers(0, 12), st.integers(0, 12).map(lambda n: n / 8))
instances = st.lists(st.lists(options, min_size=1, max_size=4), min_size=1, max_size=5)


def named(parts: list[list[Option]]) -> list[list[Option]]:
    return [[Option(f"{i}", o.n_bytes, o.loss) for i, o in enumerate(part)] for part in parts]


def every_choice(parts: list[list[Option]]) -> list[Allotted]:
    """All of them, by counting."""
    return [
        Allotted(tuple(o.name for o in choice), sum(o.n_bytes for o in choice), sum(o.loss for o in choice))
        for choice in product(*parts)
    ]


@settings(max_examples=200, deadline=None)
@given(instances, st.integers(0, 60), st.integers(0, 60))
def test_it_finds_what_counting_finds(drawn: list[list[Option]], budget: int, eighths: int) -> None:
    parts, most = named(drawn), eighths / 8
    choices, found = every_choice(parts), front(parts)
    fitting = [c for c in choices if c.n_bytes <= budget]
    if fitting:
        best = found.within(budget)
        assert best in choices
        assert best.n_bytes <= budget
        assert best.loss == min(c.loss for c in fitting)
    else:
        with pytest.raises(BudgetError):
            found.within(budget)
    allowed = [c for c in choices if c.loss <= most]
    if allowed:
        least = found.losing(most)
        assert least in choices
        assert least.loss <= most
        assert least.n_bytes == min(c.n_bytes for c in allowed)
    else:
        with pytest.raises(BudgetError):
            found.losing(most)


@settings(max_examples=100, deadline=None)
@given(instances)
def test_the_front_holds_what_nothing_beats(drawn: list[list[Option]]) -> None:
    choices, found = every_choice(named(drawn)), front(named(drawn))
    best = {(c.n_bytes, c.loss) for c in choices
            if not any((o.n_bytes <= c.n_bytes and o.loss < c.loss) or (o.n_bytes < c.n_bytes and o.loss <= c.loss)
                       for o in choices)}  # fmt: skip
    assert set(zip(found.n_bytes.tolist(), found.losses.tolist(), strict=True)) == best


def test_a_large_one_is_exact_too() -> None:
    """Fifty parts of few shapes, as a model has them: the relaxed bound lies within one part's step of the answer."""
    rng = np.random.default_rng(0)
    parts = [
        [Option(str(bits), bits * side, float(weight) * 4.0**-bits) for bits in (2, 3, 4, 5, 6, 8)]
        for side, weight in zip(rng.choice([64, 192, 256], 50), rng.lognormal(0, 2, 50), strict=True)
    ]
    budget = 4 * sum(part[0].n_bytes for part in parts) // 2
    best = front(parts).within(budget)
    assert best.n_bytes <= budget
    assert best.loss >= bound(parts, budget) - 1e-12  # of the dual, which no choice beats
    assert best.loss <= greedy(parts, budget)


def bound(parts: list[list[Option]], budget: int) -> float:
    """The Lagrangian dual, the largest over prices: below every choice that fits."""
    prices = np.geomspace(1e-9, 1e2, 400)
    return max(float(sum(min(o.loss + p * o.n_bytes for o in part) for part in parts) - p * budget) for p in prices)


def greedy(parts: list[list[Option]], budget: int) -> float:
    """From the smallest of each, always the step that wins most for its bytes."""
    at = [0] * len(parts)
    while True:
        left = budget - sum(part[a].n_bytes for part, a in zip(parts, at, strict=True))
        steps = [((part[a].loss - part[a + 1].loss) / (part[a + 1].n_bytes - part[a].n_bytes), i)
                 for i, (part, a) in enumerate(zip(parts, at, strict=True))
                 if a + 1 < len(part) and part[a + 1].n_bytes - part[a].n_bytes <= left]  # fmt: skip
        if not steps:
            return sum(part[a].loss for part, a in zip(parts, at, strict=True))
        at[max(steps)[1]] += 1


def test_messages_say_the_least() -> None:
    found = front([[Option("a", 2_000_000, 0.5), Option("b", 3_000_000, 0.25)]])
    with pytest.raises(BudgetError) as error:
        found.within(1_500_000)
    assert "1,5\N{NARROW NO-BREAK SPACE}MB" in error.value.text.es
    assert "2\N{NARROW NO-BREAK SPACE}MB" in error.value.text.en
    with pytest.raises(BudgetError) as error:
        found.losing(0.1)
    assert "0,25" in error.value.text.es
