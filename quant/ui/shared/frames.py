"""Components by name: what a listener is given, what it changes, and the frames that an action shows one after another.

A frame and the components that show it are two frozen dataclasses with the same names, and so are a form and what it
asks for: nothing is taken by its position in a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

from gradio.blocks import Block

Values = Mapping[Block, Any]  # what a listener with a set of inputs is given
Updates = dict[Block, object]  # what a listener returns; a component that is not named stays as it is
T = TypeVar("T")


@dataclass(frozen=True)
class Frame:
    """What the outputs of an action show now; None leaves an output as it is.

    said: the output that says what happens, whatever happens.
    """

    said: str

    def ended(self) -> Self:
        """The same as the last that is shown, for frames that say whether more will come."""
        return self


def updates(frame: Frame, outputs: object) -> Updates:
    """The frame, each part for the component of the same name. Gradio writes into the updates that it is given."""
    parts = ((getattr(outputs, f.name), getattr(frame, f.name)) for f in fields(frame))
    return {c: dict(part) if isinstance(part, dict) else part for c, part in parts if part is not None}


def outputs_of(frame: type[Frame], outputs: object) -> list[Block]:
    """The components that show such a frame."""
    return [getattr(outputs, f.name) for f in fields(frame)]


def components(form: Any) -> list[Block]:
    """Every component of a form."""
    return list(vars(form).values())


def read(kind: type[T], form: object, values: Values) -> T:
    """What a form holds: each field of `kind` from the component of the same name."""
    return kind(**{f.name: values[getattr(form, f.name)] for f in fields(kind)})  # type: ignore[arg-type]
