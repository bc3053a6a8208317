"""Which recipe to pick: from measured candidates and what somebody wants, the one to use, and what would change that.

The rules, stated once:

- A candidate runs on a target where the target reads each of its formats (`targets.py`) and nothing stands beside the
  codes, which only this page reads. For many at once, where a target multiplies in fewer bits, what is multiplied must
  be rounded too; for a few, weights alone.
- It satisfies the wants where its weights and what it remembers of the context fit the memory, and the upper end of the
  interval of its KL is within the tolerance.
- Of those the best is the one of fewest bytes, or of least KL, or the fastest, the other figures deciding between
  equals. Speed is tokens per second where the target is this page and they were measured; elsewhere it is bytes: what
  is read for each token is what is waited for.
- Two tie where the paired interval of the difference of their KL contains 0 (`evaluation/methods.py`), and where they
  were not measured on the same tokens, for then nothing tells them apart.
- A mix of formats is shown only beside the best uniform recipe of at most its bytes; without one it is no candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from quant.errors import QuantError, asked
from quant.evaluation.methods import below
from quant.evaluation.sweep import Entry
from quant.evaluation.verdict import BROKEN_KL, SMALL_KL, Verdict
from quant.format_names import format_name
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Rule
from quant.size import cache_bytes
from quant.targets import LEAST_MANY, TARGETS, Target
from quant.text import Text

PROBE_SHAPE = (256, 256)  # of a matrix, to ask a method whether it leaves anything beside the codes


class Users(Enum):
    """How many at once: up to `targets.MOST_FEW`, or from `targets.LEAST_MANY` on."""

    FEW = "few"
    MANY = "many"


class Matters(Enum):
    """What is wanted most, among what satisfies the rest."""

    SIZE = "size"
    SPEED = "speed"
    FIDELITY = "fidelity"


@dataclass(frozen=True)
class Wants:
    """What somebody wants. memory_bytes: for weights, keys and values, None for no limit; context: tokens remembered of
    each sequence; most_kl: nats, that the upper end of the interval may reach. Raises QuantError for what cannot be.

    >>> from quant.advice.rules import Wants
    >>> Wants("llama.cpp", memory_bytes=8_000_000).sequences
    1
    """

    target: str = "page"
    users: Users = Users.FEW
    memory_bytes: int | None = None
    context: int = 512
    most_kl: float = SMALL_KL
    matters: Matters = Matters.SIZE

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise _wrong(Text("lo que lo ejecuta", "what runs it"), self.target, ", ".join(TARGETS))
        if self.memory_bytes is not None and not self.memory_bytes > 0:
            raise _wrong(Text("la memoria", "the memory"), self.memory_bytes, "> 0")
        if self.context < 1:
            raise _wrong(Text("el contexto", "the context"), self.context, ">= 1")
        if not self.most_kl > 0:
            raise _wrong(Text("la pérdida que admites", "the loss that you accept"), self.most_kl, "> 0")

    @property
    def runs_on(self) -> Target:
        return TARGETS[self.target]

    @property
    def sequences(self) -> int:
        """How many are remembered at once: one, or LEAST_MANY."""
        return LEAST_MANY if self.users is Users.MANY else 1

    @property
    def rounds_activations(self) -> bool:
        """Whether what the weights are multiplied by is to be rounded too."""
        return self.users is Users.MANY and bool(self.runs_on.both)


Memory = Callable[[Recipe, Wants], int]  # bytes of keys and values of all sequences


@dataclass(frozen=True)
class Option:
    """A candidate that runs where it is wanted. cache_bytes: keys and values of all sequences at the context."""

    entry: Entry
    cache_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.entry.stored_bytes + self.cache_bytes

    @property
    def kl(self) -> float:
        return self.entry.kl.value

    @property
    def highest_kl(self) -> float:
        """The upper end of its interval, or the figure where there is none."""
        return self.entry.kl.interval.high if self.entry.kl.interval else self.kl

    @property
    def is_mix(self) -> bool:
        return is_mix(self.entry.recipe)


def remembered(loaded: LoadedModel) -> Memory:
    """Keys and values of a model, in 16 bits where the target keeps them so. Raises QuantError where none are known."""

    def count(recipe: Recipe, wants: Wants) -> int:
        size = cache_bytes(loaded, recipe, wants.context)
        half = wants.runs_on.half_cache and recipe.cache is None
        return wants.sequences * (size.half_bytes if half else size.stored_bytes)

    return count


def is_mix(recipe: Recipe) -> bool:
    """Whether it stores matrices by more than one scheme."""
    stored = [rule.scheme for rule in recipe.rules if rule.scheme]
    return any(scheme != stored[0] for scheme in stored[1:])


def runs_on(recipe: Recipe, wants: Wants) -> bool:
    """Whether the target reads all that `recipe` stores, and rounds what the wants ask for."""
    target, stored = wants.runs_on, [rule for rule in recipe.rules if rule.scheme]
    if target.reads_everything:
        return bool(stored)
    name = recipe.activations.name
    if wants.rounds_activations == (name == "float") or recipe.cache or recipe.steps or not stored:
        return False
    return all(not _leaves_beside(rule) and target.reads(_format(rule), name) for rule in stored)


def _format(rule: Rule) -> str | None:
    assert rule.scheme is not None
    return format_name(rule.scheme)


def _leaves_beside(rule: Rule) -> bool:
    """Whether its method stores more than codes and scales, or divides what comes in."""
    assert rule.scheme is not None
    return rule.how.scales is not None or bool(rule.how.beside(rule.scheme, PROBE_SHAPE, rule.knobs))


def options(entries: Iterable[Entry], wants: Wants, memory: Memory) -> list[Option]:
    """Those that run there, fewest bytes first; a mix only where a uniform one of at most its bytes is there too."""
    found = [Option(one, memory(one.recipe, wants)) for one in entries if runs_on(one.recipe, wants)]
    least = min((one.total_bytes for one in found if not one.is_mix), default=None)
    found = [one for one in found if not one.is_mix or (least is not None and least <= one.total_bytes)]
    return sorted(found, key=lambda one: (one.total_bytes, one.kl, one.entry.name))


def uniform_beside(mix: Option, among: Sequence[Option]) -> Option | None:
    """Of the uniform ones of at most its bytes the one that loses least."""
    fitting = [one for one in among if not one.is_mix and one.total_bytes <= mix.total_bytes]
    return min(fitting, key=lambda one: (one.kl, one.total_bytes), default=None)


def satisfies(option: Option, wants: Wants) -> bool:
    fits = wants.memory_bytes is None or option.total_bytes <= wants.memory_bytes
    return fits and option.highest_kl <= wants.most_kl


def timed(among: Sequence[Option], wants: Wants) -> list[Option]:
    """Those with tokens per second, where these decide; none elsewhere."""
    decides = wants.matters is Matters.SPEED and wants.target == "page"
    return [one for one in among if one.entry.tokens_per_second is not None] if decides else []


def pick(among: Sequence[Option], wants: Wants) -> Option | None:
    """The best of those that satisfy the wants; None of none."""
    fitting = [one for one in among if satisfies(one, wants)]
    if fast := timed(fitting, wants):
        return min(fast, key=lambda one: (-(one.entry.tokens_per_second or 0.0), one.total_bytes, one.kl))
    if wants.matters is Matters.FIDELITY:
        return min(fitting, key=lambda one: (one.kl, one.total_bytes, one.entry.name), default=None)
    return min(fitting, key=lambda one: (one.total_bytes, one.kl, one.entry.name), default=None)


def dominates(a: Option, b: Option, wants: Wants) -> bool:
    """Whether `a` is no worse than `b` in bytes and KL, and in speed where it decides, and better in one of them."""
    pairs = [(a.total_bytes, b.total_bytes), (a.kl, b.kl)]
    if timed([b], wants):
        pairs.append((-(a.entry.tokens_per_second or 0.0), -(b.entry.tokens_per_second or 0.0)))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def tie(a: Option, b: Option) -> bool:
    """Whether neither loses less than the other beyond chance."""
    return not below(a.entry, b.entry) and not below(b.entry, a.entry)


def band(kl: float) -> Verdict:
    """How much a KL is, by the bounds of `verdict.py` for it alone: at most small, noticeable, or broken."""
    if kl <= SMALL_KL:
        return Verdict.SMALL
    return Verdict.NOTICEABLE if kl < BROKEN_KL else Verdict.BROKEN


def _wrong(what: Text, got: object, allowed: str) -> QuantError:
    return QuantError(
        Text("No puede ser {what}: ha llegado {got}; se admite {allowed}.",
             "This cannot be {what}: got {got}; allowed: {allowed}.")
        .format(what=what, got=asked(got), allowed=allowed)
    )  # fmt: skip
