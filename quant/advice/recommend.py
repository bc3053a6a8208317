"""The recommendation: the best by the rules of `rules.py`, the one after it, what ties, and what would change it.

What would change it is not guessed but computed: the same rules are run again with one want moved, to the nearest value
at which the answer is another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from quant.advice.rules import (
    Matters,
    Memory,
    Option,
    Users,
    Wants,
    dominates,
    options,
    pick,
    satisfies,
    tie,
    uniform_beside,
)
from quant.evaluation.sweep import Entry
from quant.targets import TARGETS

MOST_CONTEXT = 8192  # tokens, up to which it is doubled to see what changes


class Lack(Enum):
    """Why there is no answer: nothing that runs there is measured, the least does not fit, all that fits loses more."""

    MEASURED = "measured"
    MEMORY = "memory"
    FIDELITY = "fidelity"


class Moved(Enum):
    """Which want was moved, and where to."""

    MORE_MEMORY = "more memory"
    LESS_MEMORY = "less memory"
    MORE_LOSS = "more loss"
    LESS_LOSS = "less loss"
    MORE_CONTEXT = "more context"
    USERS = "users"
    MATTERS = "matters"
    TARGET = "target"


@dataclass(frozen=True)
class Change:
    """Wants of which one was moved, and their best; None where nothing satisfies them any more."""

    moved: Moved
    wants: Wants
    best: Option | None


@dataclass(frozen=True)
class Recommendation:
    """An answer. options: all that run there, fewest bytes first; runner_up: the best without `best`; ties: those that
    satisfy the wants and whose KL cannot be told from its; changes: see above. Without a best: lack says why, and
    nearest is the one of fewest bytes, or of least KL among those that fit, the least possible.
    """

    wants: Wants
    options: tuple[Option, ...]
    best: Option | None
    runner_up: Option | None
    ties: tuple[Option, ...]
    changes: tuple[Change, ...]
    lack: Lack | None = None
    nearest: Option | None = None

    @property
    def fitting(self) -> list[Option]:
        return [one for one in self.options if satisfies(one, self.wants)]

    @property
    def least_lossy(self) -> Option | None:
        """Of those that fit the memory the one of least KL, whatever loss is accepted."""
        free = replace(self.wants, most_kl=math.inf, matters=Matters.FIDELITY)
        return pick(self.options, free)

    def is_dominated(self, option: Option) -> bool:
        """Whether another that satisfies the wants is no worse in anything."""
        return any(dominates(one, option, self.wants) for one in self.fitting)

    def uniform_beside(self, mix: Option) -> Option | None:
        """What a mix is held against: the uniform one of at most its bytes that loses least."""
        return uniform_beside(mix, self.options) if mix.is_mix else None


def recommend(entries: Sequence[Entry], wants: Wants, memory: Memory) -> Recommendation:
    """The answer to `wants` from what is measured. memory: see `rules.remembered`."""
    found = options(entries, wants, memory)
    best = pick(found, wants)
    moved = tuple(_changes(entries, found, wants, memory, best))
    if best is None:
        return Recommendation(wants, tuple(found), None, None, (), moved, *_lack(found, wants))
    others = [one for one in found if one is not best]
    ties = tuple(one for one in others if satisfies(one, wants) and tie(best, one))
    return Recommendation(wants, tuple(found), best, pick(others, wants), ties, moved)


def _lack(found: Sequence[Option], wants: Wants) -> tuple[Lack, Option | None]:
    """Why nothing satisfies the wants, and what comes nearest. found: fewest bytes first."""
    if not found:
        return Lack.MEASURED, None
    if wants.memory_bytes is not None and found[0].total_bytes > wants.memory_bytes:
        return Lack.MEMORY, found[0]
    fitting = [one for one in found if wants.memory_bytes is None or one.total_bytes <= wants.memory_bytes]
    return Lack.FIDELITY, min(fitting, key=lambda one: one.highest_kl)


def _changes(entries: Sequence[Entry], found: Sequence[Option], wants: Wants, memory: Memory, best: Option | None
             ) -> Iterator[Change]:  # fmt: skip
    """Each want moved to the nearest value that changes the answer, where there is one."""
    for moved, steps in (*_limits(found, wants, best), *_others(wants)):
        for step in steps:
            same_runs = (step.target, step.users, step.context) == (wants.target, wants.users, wants.context)
            other = pick(found if same_runs else options(entries, step, memory), step)
            if _name(other) != _name(best) and (other is not None or moved in _MAY_END):
                yield Change(moved, step, other)
                break


_MAY_END = (Moved.LESS_MEMORY, Moved.LESS_LOSS, Moved.MORE_CONTEXT)  # after which there may be no answer at all


def _name(option: Option | None) -> Entry | None:
    return option.entry if option else None


def _limits(found: Sequence[Option], wants: Wants, best: Option | None) -> list[tuple[Moved, list[Wants]]]:
    """Memory and loss: the figures of the candidates are the values at which anything can change."""
    steps: list[tuple[Moved, list[Wants]]] = []
    if wants.memory_bytes is not None:
        more = sorted({one.total_bytes for one in found if one.total_bytes > wants.memory_bytes})
        steps.append((Moved.MORE_MEMORY, [replace(wants, memory_bytes=n) for n in more]))
    if best is not None and best.total_bytes > 1:
        steps.append((Moved.LESS_MEMORY, [replace(wants, memory_bytes=best.total_bytes - 1)]))
    looser = sorted({one.highest_kl for one in found if one.highest_kl > wants.most_kl})
    steps.append((Moved.MORE_LOSS, [replace(wants, most_kl=kl) for kl in looser]))
    if best is not None and (under := math.nextafter(best.highest_kl, 0)) > 0:
        steps.append((Moved.LESS_LOSS, [replace(wants, most_kl=under)]))
    return steps


def _others(wants: Wants) -> list[tuple[Moved, list[Wants]]]:
    """The wants that have few values: a longer context, users, what matters, and each other target by itself."""
    longer = [wants.context << n for n in range(1, 14) if wants.context << n <= MOST_CONTEXT]
    if wants.memory_bytes is None:
        longer = []
    steps = [(Moved.MORE_CONTEXT, [replace(wants, context=n) for n in longer])]
    steps += [(Moved.USERS, [replace(wants, users=one)]) for one in Users if one is not wants.users]
    steps += [(Moved.MATTERS, [replace(wants, matters=one)]) for one in Matters if one is not wants.matters]
    return steps + [(Moved.TARGET, [replace(wants, target=name)]) for name in TARGETS if name != wants.target]
