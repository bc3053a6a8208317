"""The one table of what the sidebar holds.

`Fields` is that table, one attribute a row. From it follow the choice, the controls and when they are seen, the address
and the simple parameters of the endpoints; a new field is a new row here, and what it means is said in `Choice.recipe`.
The order of the rows is that of the address. A row never says what a recipe is: this module knows no Recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from dataclasses import field as attribute
from typing import Any

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.errors import SchemeError, shown
from quant.formats import FORMATS
from quant.lab import Lab
from quant.methods import METHODS
from quant.model.load import EMBEDDED
from quant.model.source import DEFAULT_HUB_ID
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.text import Language, Text
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.formats import (
    CASTS,
    CHOSEN_FORMATS,
    INTEGER,
    SCALED,
    family,
    family_of,
    format_choices,
    format_info,
)

GRANULARITIES = tuple(t.GRANULARITIES)
GROUP_SIZES = (16, 32, 64, 128, 256)
ACTIVATIONS = (Activations.FLOAT.name, Activations.INT8.name)
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


@dataclass(frozen=True)
class Field:
    """A row. `row`: its place in the sidebar from the top; `visible`: whether it is seen beside the other values.

    info: the small print under the label, for a value. decides: whether others are seen or not by its value.
    parameter: what the endpoints call it, where not by its own name. of_matrix: whether it changes how a single matrix
    is stored. fitting: which of its values go with the others.
    """

    name: str
    default: Value
    kind: Slide | Tick | OneOf
    label: Text
    row: int
    visible: Callable[[Fields], bool]
    info: Callable[[Any], Text] | None
    decides: bool
    parameter: str
    of_matrix: bool
    fitting: Callable[[Fields], Sequence[Value]] | None

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
        """Raise SchemeError for a value that no control gives but a program may."""
        if isinstance(self.kind, OneOf) and self.kind.unknown and value not in self.kind.values:
            raise SchemeError(self.kind.unknown.format(got=value, allowed=_listed(self.kind.values)))


def _listed(values: Sequence[Value]) -> str:
    return ", ".join(str(value) for value in values if value != "")


def always(choice: Fields) -> bool:
    return True


def has_bits(choice: Fields) -> bool:
    """Whether bits and grid are the visitor's to choose."""
    return choice.format == INTEGER


def has_granularity(choice: Fields) -> bool:
    return choice.format == INTEGER or choice.format in SCALED


def has_groups(choice: Fields) -> bool:
    return has_granularity(choice) and choice.granularity == "group"


def siblings(choice: Fields) -> Sequence[str]:
    """The formats that the list offers beside the chosen one: those of its family."""
    return family(family_of(choice.format)) if choice.format in CHOSEN_FORMATS else CHOSEN_FORMATS


def has_siblings(choice: Fields) -> bool:
    """Whether the family of the format leaves something to choose."""
    return len(siblings(choice)) > 1


def fitting_methods(choice: Fields) -> list[str]:
    """The methods that can fill the scheme of `choice`; none where that cannot be."""
    try:
        scheme = scheme_of(choice)
    except SchemeError:
        return []
    return [name for name, method in METHODS.items() if method.fits(scheme)]


def has_methods(choice: Fields) -> bool:
    """Whether there is a method to choose."""
    return len(fitting_methods(choice)) > 1


def named(names: Mapping[Any, Text]) -> Titles:
    """The names of a few fixed values."""
    return lambda _, language: [(name[language], value) for value, name in names.items()]


def model_titles(lab: Lab, language: Language) -> list[tuple[str, Any]]:
    """The models that can be chosen now."""
    known = {EMBEDDED: t.MODEL_EMBEDDED[language], DEFAULT_HUB_ID: t.MODEL_HUB[language]}
    return [(known.get(name, name.rstrip("/").rpartition("/")[2]), name) for name in lab.names()]


def of(kind: Slide | Tick | OneOf, label: Text, row: int, default: Any = MISSING, *, parameter: str = "",
       visible: Callable[[Fields], bool] = always, info: Callable[[Any], Text] | None = None, decides: bool = False,
       of_matrix: bool = True,
       fitting: Callable[[Fields], Sequence[Value]] | None = None) -> Any:  # fmt: skip
    """A row of the table, as `Field` describes it."""
    row_ = {
        "kind": kind, "label": label, "row": row, "visible": visible, "info": info, "decides": decides,
        "parameter": parameter, "of_matrix": of_matrix, "fitting": fitting,
    }  # fmt: skip
    return attribute(default=default, metadata=row_)


@dataclass(frozen=True)
class Fields:
    """The table, and the values that the sidebar holds. The model has no default: only the lab knows it."""

    model: str = of(OneOf((), model_titles, stacked=True), t.MODEL, 8)
    bits: int = of(Slide(2, 8), t.BITS, 0, 4, visible=has_bits, info=lambda _: t.BITS_INFO)
    granularity: str = of(
        OneOf(GRANULARITIES, named(t.GRANULARITIES), t.BAD_GRANULARITY, stacked=True), t.GRANULARITY, 3, "group",
        visible=has_granularity, decides=True, info=lambda _: t.GRANULARITY_INFO,
    )  # fmt: skip
    group: int = of(
        OneOf(GROUP_SIZES, lambda *_: [(str(size), size) for size in GROUP_SIZES]), t.GROUP_SIZE, 4, 64,
        visible=has_groups, parameter="group_size",
    )  # fmt: skip
    zero_point: bool = of(
        OneOf(tuple(t.GRIDS), named(t.GRIDS), stacked=True), t.GRID, 5, False, visible=has_bits,
        info=lambda _: t.GRID_INFO,
    )  # fmt: skip
    table: bool = of(Tick(), t.TABLE, 7, False, of_matrix=False)
    format: str = of(
        OneOf(CHOSEN_FORMATS, lambda _, language: format_choices(language), t.BAD_FORMAT, listed=True), t.FORMAT, 2,
        INTEGER, info=format_info, decides=True, visible=has_siblings, fitting=siblings,
    )  # fmt: skip
    activations: str = of(
        OneOf(ACTIVATIONS, named(t.ACTIVATIONS_KINDS), t.BAD_ACTIVATIONS), t.ACTIVATIONS, 6, Activations.FLOAT.name,
        visible=has_bits, info=lambda _: t.ACTIVATIONS_INFO, of_matrix=False,
    )  # fmt: skip
    method: str = of(
        OneOf(("", *METHODS), lambda _, language: method_titles(language), t.BAD_METHOD, listed=True), t.METHOD, 2, "",
        visible=has_methods, info=lambda name: method_info(name), decides=True,
        fitting=lambda choice: ("", *fitting_methods(choice)),
    )  # fmt: skip


def method_titles(language: Language) -> list[tuple[str, Any]]:
    """The methods by name, after the one that each format is meant for."""
    return [(t.METHOD_OWN[language], ""), *((method.title[language], name) for name, method in METHODS.items())]


def method_info(name: str) -> Text:
    return METHODS[name].summary if name in METHODS else t.METHOD_INFO


def scheme_of(choice: Fields) -> Scheme:
    """How a matrix is stored by these values. Raises SchemeError for what no control gives but a program may."""
    # The size of the group is checked even while another granularity is chosen: it waits in the sidebar.
    sized = PerGroup(choice.group)
    others: dict[str, Granularity] = {"tensor": PerTensor(), "channel": PerChannel()}
    granularity = others.get(choice.granularity, sized)
    integers = Scheme.integer(choice.bits, granularity, zero_point=choice.zero_point)
    if choice.format in BLOCKS:
        return BLOCKS[choice.format].scheme
    if choice.format in CASTS:
        return Scheme(FORMATS[CASTS[choice.format]], PerTensor(), Grid.UNIT, None)
    return Scheme(FORMATS[choice.format], granularity) if choice.format in SCALED else integers


def _field(name: str, default: Any, row: Mapping[str, Any]) -> Field:
    return Field(**{**row, "name": name, "default": default, "parameter": row["parameter"] or name})


FIELDS = tuple(_field(f.name, EMBEDDED if f.default is MISSING else f.default, f.metadata) for f in fields(Fields))
