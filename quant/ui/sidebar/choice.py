"""The live choice as plain values: what the sidebar holds, what the address says, which recipe it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError
from quant.formats import FORMATS
from quant.model.load import EMBEDDED
from quant.recipe import Recipe
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.text import Text, as_typed
from quant.ui.sidebar import texts as t

GRANULARITIES = ("tensor", "channel", "group")
GROUP_SIZES = (16, 32, 64, 128, 256)
MODEL_NAMES = {EMBEDDED: t.STATUS_EMBEDDED}
INTEGER = "int"
# Small floats that take a scale as integers do, and casts that take none; block formats bring their own.
SCALED = ("float8_e4m3fn", "float8_e5m2", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn")
CASTS = {f"cast_{name}": name for name in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")}
ACTIVATIONS = (Activations.FLOAT.name, Activations.INT8.name)
CHOSEN_FORMATS = (INTEGER, *CASTS, *SCALED, *BLOCKS)


@dataclass(frozen=True)
class Choice:
    """The sidebar, field by field, in the order of its components."""

    model: str
    bits: int = 4
    granularity: str = "group"
    group: int = 64
    zero_point: bool = False
    table: bool = False
    format: str = INTEGER
    activations: str = Activations.FLOAT.name

    def scheme(self) -> Scheme:
        """Raises SchemeError for values that no slider gives but a link or a client may."""
        if self.format not in CHOSEN_FORMATS:
            raise SchemeError(
                Text("No existe el formato «{name}»; los que hay: {allowed}.",
                     "There is no format “{name}”; the ones that exist: {allowed}.")
                .format(name=self.format, allowed=", ".join(CHOSEN_FORMATS))
            )  # fmt: skip
        integers = Scheme.integer(self.bits, self._granularity(), zero_point=self.zero_point)
        if self.format in BLOCKS:
            return BLOCKS[self.format].scheme
        if self.format in CASTS:
            return Scheme(FORMATS[CASTS[self.format]], PerTensor(), Grid.UNIT, None)
        return Scheme(FORMATS[self.format], self._granularity()) if self.format in SCALED else integers

    @property
    def has_bits(self) -> bool:
        """Whether bits and grid are the visitor's to choose."""
        return self.format == INTEGER

    @property
    def has_granularity(self) -> bool:
        return self.format == INTEGER or self.format in SCALED

    @property
    def rounds_activations(self) -> bool:
        """Whether what the weights are multiplied by is rounded too: only integers are, and only where asked for."""
        return self.has_bits and self.activations == Activations.INT8.name

    @property
    def arithmetic(self) -> str:
        """What the quantized model computes with, by its usual name: float32, or W8A8 and its like."""
        return f"W{self.bits}A8" if self.rounds_activations else "float32"

    def recipe(self) -> Recipe:
        """Raises SchemeError as `scheme` does."""
        if self.activations not in ACTIVATIONS:
            raise SchemeError(t.BAD_ACTIVATIONS.format(got=self.activations, allowed=", ".join(ACTIVATIONS)))
        activations = Activations.INT8 if self.rounds_activations else Activations.FLOAT
        return Recipe.uniform(self.scheme(), table=self.table, model=self.model, activations=activations)

    def _granularity(self) -> Granularity:
        # The size of the group is checked even while another granularity is chosen: it waits in the sidebar.
        known: dict[str, Granularity] = {"tensor": PerTensor(), "channel": PerChannel(), "group": PerGroup(self.group)}
        if self.granularity in known:
            return known[self.granularity]
        raise SchemeError(
            Text("Granularidad «{got}»: tiene que ser {allowed}.", "Granularity “{got}”: it must be {allowed}.")
            .format(got=self.granularity, allowed=", ".join(GRANULARITIES))
        )  # fmt: skip

    def describe(self) -> Text:
        """One line under a result, so that it still says what it belongs to after the sidebar has moved."""
        return t.RECIPE_LINE.format(
            model=MODEL_NAMES.get(self.model, self.model), how=self._how(), table=t.RECIPE_TABLE[self.table]
        )

    def short(self) -> Text:
        """The same without the model, for a table."""
        return t.RECIPE_SHORT.format(how=self._how(), table=t.RECIPE_TABLE[self.table])

    def label(self) -> Text:
        """A word or two, for a point in a figure."""
        if self.has_bits:
            return as_typed(self.arithmetic) if self.rounds_activations else t.LABEL_BITS.format(bits=self.bits)
        name = CASTS.get(self.format, self.format)
        return Text(name, name)

    def _how(self) -> Text:
        granularity = t.RECIPE_GRANULARITIES[self.granularity].format(group=self.group)
        if self.has_bits:
            how = t.RECIPE_INTEGERS.format(bits=self.bits, granularity=granularity, grid=t.GRIDS[self.zero_point])
            return t.RECIPE_INT8.format(how=how, name=self.arithmetic) if self.rounds_activations else how
        if self.has_granularity:
            return t.RECIPE_SCALED.format(name=self.format, granularity=granularity)
        return t.RECIPE_CAST.format(name=CASTS[self.format]) if self.format in CASTS else Text(self.format, self.format)

    def query(self) -> str:
        """The address of this choice, without the question mark."""
        return urlencode({k: int(v) if isinstance(v, bool) else v for k, v in asdict(self).items()})


def read_query(params: Mapping[str, str], default: Choice) -> tuple[Choice, list[QuantError]]:
    """The choice that an address asks for; a field that cannot be is left at its default and reported."""
    choice, errors = default, []
    for field in fields(Choice):
        if field.name not in params:
            continue
        try:
            parsed: dict[str, Any] = {field.name: _parse(field.name, params[field.name])}
            changed = replace(choice, **parsed)
            changed.recipe()
        except QuantError as error:
            errors.append(error)
        else:
            choice = changed
    return choice, errors


def _parse(name: str, value: str) -> str | int | bool:
    if name in ("model", "granularity", "format", "activations"):
        return value
    try:
        number = int(value)
    except ValueError:
        raise SchemeError(
            Text("En el enlace, {name} = «{value}»: tiene que ser un número entero.",
                 "In the link, {name} = “{value}”: it must be a whole number.").format(name=name, value=value)
        ) from None  # fmt: skip
    if name == "group" and number not in GROUP_SIZES:
        raise SchemeError(
            Text("En el enlace, group = {got}: tiene que ser {allowed}.",
                 "In the link, group = {got}: it must be one of {allowed}.")
            .format(got=number, allowed=", ".join(map(str, GROUP_SIZES)))
        )  # fmt: skip
    return bool(number) if name in ("zero_point", "table") else number
