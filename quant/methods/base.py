"""What a quantization method is: the maths of one matrix, pure, and all that the rest has to know of it.

A method says which statistics of the inputs it needs, which knobs it has, which schemes it can fill and what it stores
beside the codes; it never sees a module, a model or a text. One file a method, one row in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import Enum
from typing import Any, Generic, TypeVar

from torch import Generator, Tensor

from quant.errors import CalibrationError, SchemeError, shown
from quant.scheme import Scheme, Shape
from quant.text import Text, as_typed
from quant.weight import QuantWeight, part_bytes


class Statistic(Enum):
    """What can be known of the inputs of a matrix: each column's mean square, or its largest magnitude."""

    SQUARES = "squares"
    LARGEST = "largest"


@dataclass(frozen=True, eq=False)
class Statistics:
    """The inputs of one matrix on a calibration text: float32 [in] each, None where nobody asked for it.

    tokens: how many inputs were seen.
    """

    tokens: int = 0
    squares: Tensor | None = None
    largest: Tensor | None = None

    @property
    def known(self) -> frozenset[Statistic]:
        """What is there."""
        found = {Statistic.SQUARES: self.squares, Statistic.LARGEST: self.largest}
        return frozenset(statistic for statistic, value in found.items() if value is not None)


NOTHING_KNOWN = Statistics()


@dataclass(frozen=True)
class Knob:
    """A number that a visitor may turn: its range, the step of its slider, and what it does."""

    low: float
    high: float
    step: float
    help: Text


@dataclass(frozen=True)
class NoKnobs:
    """The knobs of a method that has none."""


K = TypeVar("K", bound="NoKnobs | Any")


def knob(default: float, low: float, high: float, step: float, help: Text) -> Any:
    """A field of a dataclass of knobs."""
    return field(default=default, metadata={"knob": Knob(low, high, step, help)})


def _any_scheme(scheme: Scheme, knobs: object) -> None:
    """Every scheme will do."""


def _nothing_beside(scheme: Scheme, shape: Shape, knobs: object) -> dict[str, tuple[int, ...]]:
    return {}


@dataclass(frozen=True)
class Method(Generic[K]):
    """A way to choose the codes of one matrix.

    run(weight, scheme, statistics, knobs, generator): of float32 [out, in]; pure but for the generator, its one source
    of chance. check(scheme, knobs): raises SchemeError for a scheme that the method cannot fill, before any work.
    beside(scheme, shape, knobs): the shapes of what it stores beside the codes of a matrix, by the names of
    `Beside.parts`.
    """

    name: str
    title: Text
    summary: Text
    source: str
    run: Callable[[Tensor, Scheme, Statistics, K, Generator | None], QuantWeight]
    check: Callable[[Scheme, K], None] = _any_scheme
    beside: Callable[[Scheme, Shape, K], dict[str, tuple[int, ...]]] = _nothing_beside
    needs: frozenset[Statistic] = frozenset()
    knobs: type[K] = NoKnobs  # type: ignore[assignment]

    def extra_bytes(self, scheme: Scheme, shape: Shape, knobs: K) -> int:
        """Bytes of what it stores beside the codes of a matrix of that shape."""
        return sum(part_bytes(name, sides) for name, sides in self.beside(scheme, shape, knobs).items())

    def quantize(self, weight: Tensor, scheme: Scheme, statistics: Statistics = NOTHING_KNOWN, knobs: K | None = None,
                 generator: Generator | None = None) -> QuantWeight:  # fmt: skip
        """`run`, once it is sure that the method can. Raises SchemeError, CalibrationError and WeightError."""
        knobs = self.knobs() if knobs is None else knobs
        self.check(scheme, knobs)
        if self.needs - statistics.known:
            raise CalibrationError(
                Text("El método «{name}» necesita saber cómo son las entradas de cada capa; indica un texto de "
                     "calibración en la receta.",
                     "Method “{name}” needs to know the inputs of each layer; name a calibration text in the recipe.")
                .format(name=self.name)
            )  # fmt: skip
        return self.run(weight, scheme, statistics, knobs, generator)

    def fits(self, scheme: Scheme) -> bool:
        """Whether it can fill `scheme` with its knobs as they come."""
        try:
            self.check(scheme, self.knobs())
        except SchemeError:
            return False
        return True

    def set_knobs(self, values: Mapping[str, float]) -> K:
        """The knobs with these values, the others as they come. Raises SchemeError for one unknown or out of range."""
        known: dict[str, Field[Any]] = {f.name: f for f in fields(self.knobs)}
        for name, value in values.items():
            if name not in known:
                raise SchemeError(
                    Text("El método «{method}» no tiene el ajuste «{got}»; tiene: {allowed}.",
                         "Method “{method}” has no knob “{got}”; it has: {allowed}.")
                    .format(method=self.name, got=shown(name), allowed=", ".join(known) or "—")
                )  # fmt: skip
            limits: Knob = known[name].metadata["knob"]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not limits.low <= value <= limits.high:
                raise SchemeError(
                    Text("{name} = {got}: tiene que estar entre {low} y {high}.",
                         "{name} = {got}: it must be from {low} to {high}.")
                    .format(name=name, got=as_typed(shown(str(value))), low=as_typed(limits.low),
                            high=as_typed(limits.high))
                )  # fmt: skip
        return self.knobs(**values)
