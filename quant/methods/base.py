"""What a quantization method is: the maths of one matrix, pure, and all that the rest has to know of it.

A method says which statistics of the inputs it needs, which knobs it has, which schemes it can fill and what it stores
beside the codes; it never sees a module, a model or a text. One file a method, one row in `METHODS`.

    run      one matrix at a time: every method
    scales   before that, a scale for each input of the matrices that read it together (AWQ); who calls it folds the
             scale into whatever feeds them, or puts it beside the codes
    tune     all matrices of a block together, by what the block gives (AutoRound), in place of `run`

A transform (`Transform`) is what can be done to float weights before any method: scales, or a rotation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from enum import Enum
from typing import Any, Generic, TypeVar

import torch
from torch import Generator, Tensor

from quant.errors import CalibrationError, SchemeError, shown
from quant.scheme import Scheme, Shape
from quant.text import Text, as_typed
from quant.weight import QuantWeight, part_bytes
from quant.work import Work


class Statistic(Enum):
    """What can be known of the inputs X [tokens, in] of a matrix.

    SQUARES: each column's mean square; LARGEST: its largest magnitude; HESSIAN: X^T X / tokens; INPUTS: some of them.
    """

    SQUARES = "squares"
    LARGEST = "largest"
    HESSIAN = "hessian"
    INPUTS = "inputs"


@dataclass(frozen=True, eq=False)
class Statistics:
    """The inputs of one matrix on a calibration text, as float32; None where nobody asked for it.

    tokens: how many inputs were seen; squares, largest: [in]; hessian: [in, in]; inputs: [k, in], k of them spread
    evenly over the text.
    """

    tokens: int = 0
    squares: Tensor | None = None
    largest: Tensor | None = None
    hessian: Tensor | None = None
    inputs: Tensor | None = None

    @property
    def known(self) -> frozenset[Statistic]:
        """What is there."""
        return frozenset(statistic for statistic in Statistic if getattr(self, statistic.value) is not None)

    def divided(self, scale: Tensor) -> Statistics:
        """Of the same inputs, each divided by its `scale` [in]."""
        part = 1 / scale
        return Statistics(
            self.tokens,
            None if self.squares is None else self.squares * part.square(),
            None if self.largest is None else self.largest * part.abs(),
            None if self.hessian is None else self.hessian * part * part.unsqueeze(1),
            None if self.inputs is None else self.inputs / scale,
        )


NOTHING_KNOWN = Statistics()
ALONE = 8  # windows of what stands for the inputs of a matrix in no block


@dataclass(frozen=True)
class Knob:
    """A number that a visitor may turn: its range, the step of its slider, its name, and what it does."""

    low: float
    high: float
    step: float
    label: Text
    help: Text


@dataclass(frozen=True)
class NoKnobs:
    """The knobs of a method that has none."""


K = TypeVar("K", bound="NoKnobs | Any")


def knob(default: float, low: float, high: float, step: float, label: Text, help: Text) -> Any:
    """A field of a dataclass of knobs."""
    return field(default=default, metadata={"knob": Knob(low, high, step, label, help)})


def _any_scheme(scheme: Scheme, knobs: object) -> None:
    """Every scheme will do."""


def _never(knobs: object) -> bool:
    """Whatever the knobs are."""
    return False


def _nothing_beside(scheme: Scheme, shape: Shape, knobs: object) -> dict[str, tuple[int, ...]]:
    return {}


@dataclass(frozen=True, eq=False)
class Target:
    """One matrix of a block: float32 [out, in], and how it is to be stored."""

    weight: Tensor
    scheme: Scheme


@dataclass(frozen=True, eq=False)
class BlockProblem:
    """A block of a model for a method that looks at all of it.

    targets: its matrices by name, those alone that the method stores. inputs, outputs: float32 [windows, n, width], the
    states before the block, and after it with weights in float. run(weights, windows): the block's output for inputs[
    windows], int64 [k], with these weights (by name, differentiable) in place of its own; what a rule before has stored
    is as stored.
    """

    targets: Mapping[str, Target]
    inputs: Tensor
    outputs: Tensor
    run: Callable[[Mapping[str, Tensor], Tensor], Tensor]


def alone(name: str, target: Target, hessian: Tensor) -> BlockProblem:
    """The problem of one matrix in no block, of whose inputs `hessian` [in, in] is known.

    Any inputs with the same products will do. With H = U diag(e) U^T and a rotation Q by chance they are the rows of
    Q sqrt(in e) U^T, in `ALONE` windows, each a bit of all directions as a text's are; the mean squared error over them
    is tr(dW H dW^T) / out, but for rows of zeros that fill the last window.
    """
    values, vectors = torch.linalg.eigh(hessian.double())
    rows = (vectors * (values.clamp(min=0) * len(values)).sqrt()).t()
    turn = torch.linalg.qr(torch.randn(rows.shape, generator=Generator().manual_seed(0), dtype=rows.dtype)).Q
    inputs = torch.nn.functional.pad((turn @ rows).float(), (0, 0, 0, -len(rows) % ALONE)).view(ALONE, -1, len(rows))

    def run(weights: Mapping[str, Tensor], windows: Tensor) -> Tensor:
        return inputs[windows] @ weights[name].t()

    return BlockProblem({name: target}, inputs, inputs @ target.weight.detach().t(), run)


@dataclass(frozen=True)
class Method(Generic[K]):
    """A way to choose the codes of one matrix.

    run(weight, scheme, statistics, knobs, generator): of float32 [out, in]; pure but for the generator, its one source
    of chance. check(scheme, knobs): raises SchemeError for a scheme that the method cannot fill, before any work.
    beside(scheme, shape, knobs): the shapes of what it stores beside the codes of a matrix, by the names of
    `Beside.parts`. needs: what it may want to know of the inputs. scales(weights, schemes, statistics, knobs): float32
    [in], none 0, of matrices that read one input, by which their columns are multiplied and the input divided.
    tune(problem, knobs, generator): what `run` gives, of all targets of a block, which need no statistics then. light:
    whether one matrix takes well under a second and nothing but its weights. blind(knobs): whether it wants to know
    nothing of the inputs where its knobs are so.
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
    scales: Callable[[Sequence[Tensor], Sequence[Scheme], Statistics, K], Tensor] | None = None
    tune: Callable[[BlockProblem, K, Generator], Work[dict[str, QuantWeight]]] | None = None
    light: bool = True
    blind: Callable[[K], bool] = _never

    def extra_bytes(self, scheme: Scheme, shape: Shape, knobs: K) -> int:
        """Bytes of what it stores beside the codes of a matrix of that shape."""
        return sum(part_bytes(name, sides) for name, sides in self.beside(scheme, shape, knobs).items())

    def needs_with(self, knobs: K) -> frozenset[Statistic]:
        """What it wants to know of the inputs, turned so."""
        return frozenset() if self.blind(knobs) else self.needs

    def quantize(self, weight: Tensor, scheme: Scheme, statistics: Statistics = NOTHING_KNOWN, knobs: K | None = None,
                 generator: Generator | None = None) -> QuantWeight:  # fmt: skip
        """`run`, once it is sure that the method can. Raises SchemeError, CalibrationError and WeightError."""
        knobs = self.knobs() if knobs is None else knobs
        self.check(scheme, knobs)
        if self.needs_with(knobs) - statistics.known:
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
        return set_knobs(self.knobs, self.name, values)


@dataclass(frozen=True)
class Transform(Generic[K]):
    """What is done to float weights before a method rounds them, and leaves the float model's results as they were.

    scales: as `Method.scales`, of inputs alone and their weights; None for a rotation.
    """

    name: str
    title: Text
    summary: Text
    source: str
    scales: Callable[[Sequence[Tensor], Statistics, K], Tensor] | None = None
    needs: frozenset[Statistic] = frozenset()
    knobs: type[K] = NoKnobs  # type: ignore[assignment]

    @property
    def rotates(self) -> bool:
        return self.scales is None

    def set_knobs(self, values: Mapping[str, float]) -> K:
        """`Method.set_knobs`."""
        return set_knobs(self.knobs, self.name, values)


def set_knobs(knobs: type[K], owner: str, values: Mapping[str, float]) -> K:
    """Knobs with these values, the others as they come. Raises SchemeError for one unknown, out of range or no number.

    A knob whose step is a whole number takes whole numbers alone, and one whose usual value is an int holds an int,
    where JSON and sliders give 200.0 for 200.
    """
    known: dict[str, Field[Any]] = {f.name: f for f in fields(knobs)}  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in known:
            said = Text("El método «{method}» no tiene el ajuste «{got}»; tiene: {allowed}.",
                        "Method “{method}” has no knob “{got}”; it has: {allowed}.")  # fmt: skip
            none = Text("El método «{method}» no tiene ajustes; ha llegado «{got}».",
                        "Method “{method}” has no knobs; got “{got}”.")  # fmt: skip
            raise SchemeError((said if known else none).format(method=owner, got=shown(name), allowed=", ".join(known)))
        limits: Knob = known[name].metadata["knob"]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not limits.low <= value <= limits.high or (limits.step % 1 == 0 and value % 1):
            raise SchemeError(
                Text("{name} = {got}: tiene que ser un número de {low} a {high}, de {step} en {step}.",
                     "{name} = {got}: it must be a number from {low} to {high}, in steps of {step}.")
                .format(name=name, got=as_typed(shown(str(value))), low=as_typed(limits.low),
                        high=as_typed(limits.high), step=as_typed(limits.step))
            )  # fmt: skip
    return knobs(**{name: _like(known[name].default, value) for name, value in values.items()})


def _like(default: object, value: float) -> float:
    """An int where the usual value is one and nothing is lost."""
    return int(value) if isinstance(default, int) and value % 1 == 0 else value


def knobs_of(knobs: type[Any]) -> dict[str, Knob]:
    """The knobs by name."""
    return {f.name: f.metadata["knob"] for f in fields(knobs)}
