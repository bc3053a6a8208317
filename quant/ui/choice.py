"""The live choice as plain values: what the sidebar holds, what the address says, which recipe it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from quant.errors import QuantError, SchemeError
from quant.model.recipe import Recipe
from quant.scheme import Granularity, PerChannel, PerGroup, PerTensor, Scheme
from quant.text import Text

GRANULARITIES = ("tensor", "channel", "group")
GROUP_SIZES = (16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Choice:
    """The sidebar, field by field, in the order of its components."""

    model: str
    bits: int = 4
    granularity: str = "group"
    group: int = 64
    zero_point: bool = False
    table: bool = False

    def scheme(self) -> Scheme:
        """Raises SchemeError for values that no slider gives but a link or a client may."""
        return Scheme.integer(self.bits, self._granularity(), zero_point=self.zero_point)

    def recipe(self) -> Recipe:
        return Recipe(self.scheme(), embedding=self.table, model=self.model)

    def _granularity(self) -> Granularity:
        # The size of the group is checked even while another granularity is chosen: it waits in the sidebar.
        known: dict[str, Granularity] = {"tensor": PerTensor(), "channel": PerChannel(), "group": PerGroup(self.group)}
        if self.granularity in known:
            return known[self.granularity]
        raise SchemeError(
            Text("Reparto de escalas «{got}»: se permite {allowed}.", "Granularity “{got}”: allowed are {allowed}.")
            .format(got=self.granularity, allowed=", ".join(GRANULARITIES))
        )  # fmt: skip

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
            changed.scheme()
        except QuantError as error:
            errors.append(error)
        else:
            choice = changed
    return choice, errors


def _parse(name: str, value: str) -> str | int | bool:
    if name in ("model", "granularity"):
        return value
    try:
        number = int(value)
    except ValueError:
        raise SchemeError(
            Text("En el enlace, {name} = «{value}»: se permite un número entero.",
                 "In the link, {name} = “{value}”: a whole number is allowed.").format(name=name, value=value)
        ) from None  # fmt: skip
    return bool(number) if name in ("zero_point", "table") else number
