"""A number of the report: named once, printed everywhere by that name, and a row of the CSV beside it.

Whatever prints a number asks for it by its id, and nothing else can print one: so that the text and the table cannot
say different things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.text import NO_BREAK, Language, Text, fixed, number, size

Shown = Callable[[float, Language], str]


class Worth(Enum):
    """What a number is worth; the value is the sign that stands beside it."""

    MEASURED = "◷"
    PACKED = "■"
    RECORDED = "●"
    COMPUTED = "∑"
    STATED = "·"


class Section(Enum):
    """The five parts of the report, and the scales of its charts."""

    QUANTIZATION = "quantization"
    MODEL = "model"
    NUMBERS = "numbers"
    PTQ = "ptq"
    COMPARISON = "comparison"
    AXES = "axes"


@dataclass(frozen=True)
class Ref:
    """A number of the report by its id; with `ends` its interval stands behind it, where it has one."""

    id: str
    ends: bool = False

    @property
    def with_ends(self) -> Ref:
        return Ref(self.id, True)


@dataclass(frozen=True)
class Fact:
    """One number. value: not rounded; ends: of its 95 % interval; unit: nats, bytes, %; the others: as printed."""

    id: str
    section: Section
    name: Text
    value: float
    unit: str
    worth: Worth
    shown: Text
    ends: Interval | None = None
    ends_shown: Text | None = None


class Facts:
    """The numbers of a report as they come to be known; each id is given once."""

    def __init__(self, known: Mapping[str, Fact] | None = None) -> None:
        """known: those that there are already."""
        self._facts: dict[str, Fact] = dict(known or {})

    def add(self, section: Section, id_: str, name: Text, value: float | Estimate, shown: Shown, *, unit: str = "",
            worth: Worth = Worth.COMPUTED) -> Ref:  # fmt: skip
        """Name a number; what prints it is handed back."""
        assert id_ not in self._facts, f"{id_} has been given"
        estimate = value if isinstance(value, Estimate) else Estimate(value)
        ends = estimate.interval
        between = None
        if ends is not None:
            low, high = _both(shown, ends.low), _both(shown, ends.high)
            between = Text(f"{low.es} – {high.es}", f"{low.en} – {high.en}")
        self._facts[id_] = Fact(
            id_, section, name, estimate.value, unit, worth, _both(shown, estimate.value), ends, between
        )
        return Ref(id_)

    @property
    def known(self) -> Mapping[str, Fact]:
        return MappingProxyType(dict(self._facts))


def _both(shown: Shown, value: float) -> Text:
    return Text(shown(value, "es"), shown(value, "en"))


# ---- how a number is printed


def whole(value: float, language: Language) -> str:
    return fixed(value, language, 0)


def digits(count: int) -> Shown:
    """So many significant digits; nothing is 0, not 0.00."""
    return lambda value, language: number(value, language, count) if value else "0"


def percent(count: int) -> Shown:
    """A value in per cent, with so many digits; Spanish sets the sign off with a space."""
    said = digits(count)
    return lambda value, language: said(value, language) + (f"{NO_BREAK}%" if language == "es" else "%")


def signed_percent(count: int) -> Shown:
    """The same of a change, which has a sign."""
    said = percent(count)
    return lambda value, language: ("+" if value > 0 else "") + said(value, language)


def share(value: float, language: Language) -> str:
    """Per cent to a tenth; cut near a hundred, never rounded up to it."""
    cut = min(value, 99.9) if value < 100 else value
    return fixed(cut, language, 0 if cut in (0, 100) else 1) + (f"{NO_BREAK}%" if language == "es" else "%")


def in_size(value: float, language: Language) -> str:
    """Bytes in kB or MB."""
    return size(value, language)
