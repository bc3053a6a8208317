"""What a row of the table of the sidebar can say: its kind of control, its names, when it is seen, where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Any

from quant.errors import SchemeError, shown
from quant.lab import Lab
from quant.text import Language, Text, fixed
from quant.ui.sidebar import texts as t

if TYPE_CHECKING:
    from quant.ui.sidebar.fields import Fields

Value = str | int | bool
Titles = Callable[[Lab, Language], list[tuple[str, Any]]]


@dataclass(frozen=True)
class Slide:
    """A whole number from `low` to `high`, dragged."""

    low: int
    high: int


@dataclass(frozen=True)
class Tick:
    """Yes or no, in a box of its own."""


@dataclass(frozen=True)
class Unseen:
    """A text that no control of gradio's shows. check: raises QuantError for one that cannot be."""

    check: Callable[[str], object]


@dataclass(frozen=True)
class OneOf:
    """One of `values` (empty where the lab decides, and says what there is), under the names that `titles` gives.

    unknown: the message for another value; where it is empty, only an address is held to the list. listed: one name in
    sight and the others in a list that unfolds; stacked: one name a line.
    """

    values: Sequence[Value]
    titles: Titles
    unknown: Text | None = None
    listed: bool = False
    stacked: bool = False


Kind = Slide | Tick | OneOf | Unseen


@dataclass(frozen=True)
class Field:
    """A row. `row`: its place in the sidebar from the top; `visible`: whether it is seen beside the other values.

    info: the small print under the label, for a value. decides: whether others are seen or not by its value.
    parameter: what the endpoints call it, where not by its own name. of_matrix: whether it changes how a single matrix
    is stored. fitting: which of its values go with the others. section: the folded part of the drawer that it stands
    in. quiet: whether an address leaves it out where it is as it comes. of_recipe: whether the recipe says it.
    """

    name: str
    default: Value
    kind: Kind
    label: Text
    row: int
    visible: Callable[[Fields], bool]
    info: Callable[[Any], Text] | None
    decides: bool
    parameter: str
    of_matrix: bool
    fitting: Callable[[Fields], Sequence[Value]] | None
    section: str
    quiet: bool
    of_recipe: bool

    def parse(self, text: str) -> Value:
        """The value that an address means. Raises SchemeError for what no value can be."""
        allowed = self.kind.values if isinstance(self.kind, OneOf) else ()
        if isinstance(self.default, str):
            return text
        try:
            number = int(text)
        except ValueError:
            raise SchemeError(t.LINK_NOT_WHOLE.format(name=self.name, value=shown(text))) from None
        if isinstance(self.default, bool):
            return bool(number)
        if allowed and number not in allowed:
            raise SchemeError(t.LINK_NOT_ALLOWED.format(name=self.name, got=number, allowed=_listed(allowed)))
        return number

    def check(self, value: object) -> None:
        """Raise QuantError for a value that no control gives but a program may."""
        if isinstance(self.kind, Unseen):
            self.kind.check(str(value))
        if isinstance(self.kind, OneOf) and self.kind.unknown and value not in self.kind.values:
            raise SchemeError(self.kind.unknown.format(got=value, allowed=_listed(self.kind.values)))


def _listed(values: Sequence[Value]) -> str:
    return ", ".join(str(value) for value in values if value != "")


def always(choice: Fields) -> bool:
    return True


def named(names: Mapping[Any, Text]) -> Titles:
    """The names of a few fixed values."""
    return lambda _, language: [(name[language], value) for value, name in names.items()]


def numbered(values: Sequence[int], names: Mapping[int, Text], else_: Text) -> Titles:
    """Numbers as each language writes them, by `else_`, but those that have a name."""

    def titles(_: Lab, language: Language) -> list[tuple[str, Any]]:
        return [(names.get(n, else_.format(n=Text(fixed(n, "es", 0), fixed(n, "en", 0))))[language], n) for n in values]

    return titles


def of(kind: Kind, label: Text, row: int, default: Any = MISSING, *, parameter: str = "",
       visible: Callable[[Fields], bool] = always, info: Callable[[Any], Text] | None = None, decides: bool = False,
       of_matrix: bool = True, fitting: Callable[[Fields], Sequence[Value]] | None = None, section: str = "",
       quiet: bool = True, of_recipe: bool = True) -> Any:  # fmt: skip
    """A row of the table, as `Field` describes it."""
    row_ = {
        "kind": kind, "label": label, "row": row, "visible": visible, "info": info, "decides": decides,
        "parameter": parameter, "of_matrix": of_matrix, "fitting": fitting, "section": section, "quiet": quiet,
        "of_recipe": of_recipe,
    }  # fmt: skip
    return attribute(default=default, metadata=row_)
