"""Schemes as plain JSON and back. Strings become objects here, once, or are refused with what is allowed.

    scheme        {"element", "granularity", "grid", "scale", "shift", "ties", "codes_from", "name"}
    granularity   "per_tensor", "per_channel", {"per_group": 64} or {"flat": 64}
    scale         the name of a format, a scheme, or null
    shift         null, "zero", or {"offset": format or scheme}

Only `element` and `granularity` have to be there; what else is missing takes its default, and what is unknown is
refused by name. What comes back is equal to what went in. A scheme that can be written down but that no packed matrix
can hold is refused too, so that what follows need not ask.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from quant.blocks import BLOCKS
from quant.errors import SchemeError, shown
from quant.floats import Specials
from quant.formats import FORMATS, NumberFormat, exmy, learned_format, number_format
from quant.json_model import BY_KIND, RECORD, JsonModel, JsonNull, JsonSizes, JsonText, parsed, refused
from quant.nearest import Ties
from quant.scheme import CodesFrom, Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Zero
from quant.text import Text

SIZED: dict[str, type[PerGroup | Flat]] = {"per_group": PerGroup, "flat": Flat}
ENTIRE: dict[str, Granularity] = {"per_tensor": PerTensor(), "per_channel": PerChannel()}
ZERO = "zero"
EXMY, LEARNED = re.compile(r"e(\d{1,2})m(\d{1,2})(fn)?"), re.compile(r"learned(\d)")
AS_WRITTEN = {"MXFP4_GGML": Grid.POWER_OF_TWO, "NVFP4_GGML": Grid.ABSMAX}  # the grids that 0.1.0 knew, still written
WIDTHS = (8, 16, 32)  # bits of a scale or an offset


class OffsetJson(JsonModel):
    """How offsets are stored: a format by name, or a scheme."""

    offset: Annotated[JsonText | Annotated[SchemeJson, RECORD], BY_KIND]


class SchemeJson(JsonModel):
    """The fields of a scheme, as they are written."""

    element: str
    granularity: Annotated[JsonText | JsonSizes, BY_KIND]
    grid: Grid = Field(default=Grid.ABSMAX, strict=False)
    scale: Annotated[JsonText | Annotated[SchemeJson, RECORD] | JsonNull, BY_KIND] = "float16"
    shift: Annotated[JsonText | Annotated[OffsetJson, RECORD] | JsonNull, BY_KIND] = None
    ties: Ties | None = Field(default=None, strict=False)
    codes_from: CodesFrom = Field(default=CodesFrom.STORED, strict=False)
    name: str = ""

    @classmethod
    def of(cls, scheme: Scheme) -> SchemeJson:
        """Everything that a scheme says."""
        return cls(
            element=scheme.element.name, granularity=_granularity_to_json(scheme.granularity),
            grid=AS_WRITTEN.get(scheme.name, scheme.grid),
            scale=None if scheme.scale is None else _stored_to_json(scheme.scale), shift=_shift_to_json(scheme.shift),
            ties=scheme.ties, codes_from=scheme.codes_from, name=scheme.name,
        )  # fmt: skip

    def made(self, where: str = "scheme") -> Scheme:
        """The scheme. Raises SchemeError for what does not exist, or that no matrix could hold."""
        scheme = self._made(where)
        for nested in (scheme.scale, scheme.shift.store if isinstance(scheme.shift, Offset) else None):
            if isinstance(nested, Scheme):
                _check_nested(nested, where)
        return scheme

    def _made(self, where: str) -> Scheme:
        scheme = Scheme(
            _format(self.element, f"{where}.element"), _granularity(self.granularity, f"{where}.granularity"),
            self._grid(), None if self.scale is None else _stored(self.scale, f"{where}.scale"),
            _shift(self.shift, f"{where}.shift"), self.ties, self.codes_from, self.name,
        )  # fmt: skip
        if self.name and (self.name not in BLOCKS or scheme != BLOCKS[self.name].scheme):
            raise SchemeError(
                Text("{where}: un esquema llamado «{name}» tiene que ser el formato de ese nombre, y no lo es; los que "
                     "hay: {allowed}.",
                     "{where}: a scheme called “{name}” has to be the format of that name, and is not; the ones that "
                     "exist: {allowed}.").format(where=where, name=shown(self.name), allowed=", ".join(BLOCKS))
            )  # fmt: skip
        return scheme

    def _grid(self) -> Grid:
        """What the named format has in place of the grid that stands for it."""
        stands = AS_WRITTEN.get(self.name) is self.grid
        return BLOCKS[self.name].scheme.grid if stands else self.grid


def scheme_to_json(scheme: Scheme) -> dict[str, Any]:
    """Everything that a scheme says, as JSON values."""
    return SchemeJson.of(scheme).model_dump(mode="json")


def scheme_from_json(value: object, where: str = "scheme") -> Scheme:
    """The scheme that `scheme_to_json` wrote. Raises SchemeError for anything else, or if no matrix could hold it."""
    return parsed(SchemeJson, value, where).made(where)


def _check_nested(scheme: Scheme, where: str) -> None:
    """Raise SchemeError for scales of scales that `Numbers` cannot hold: one level, and at most one number added."""
    single = scheme.grid is Grid.CENTRED or isinstance(scheme.granularity, PerTensor)
    added = isinstance(scheme.shift, Offset) and isinstance(scheme.shift.store, NumberFormat) and single
    if not isinstance(scheme.scale, NumberFormat) or not (scheme.shift is None or added):
        raise SchemeError(
            Text("{where}: las escalas cuantizadas llevan escalas en coma flotante y, como mucho, un número para todas "
                 "que se suma; no puntos cero, ni un desplazamiento por grupo, ni otro nivel.",
                 "{where}: quantized scales have floating-point scales and, at most, one number that is added to all; "
                 "no zero points, no offset for each group, no further level.").format(where=where)
        )  # fmt: skip


def _granularity_to_json(granularity: Granularity) -> str | dict[str, int]:
    if isinstance(granularity, PerGroup | Flat):
        return {next(kind for kind, sized in SIZED.items() if isinstance(granularity, sized)): granularity.size}
    return next(kind for kind, entire in ENTIRE.items() if entire == granularity)


def _granularity(value: str | dict[str, int], where: str) -> Granularity:
    if isinstance(value, str) and value in ENTIRE:
        return ENTIRE[value]
    if isinstance(value, dict) and len(value) == 1:
        kind, size = next(iter(value.items()))
        if kind in SIZED and size > 0:
            return SIZED[kind](size)
    raise refused(where, value, [*ENTIRE, *(f'{{"{kind}": 1, 2, 3 …}}' for kind in SIZED)])


def _shift_to_json(shift: Zero | Offset | None) -> str | OffsetJson | None:
    if isinstance(shift, Offset):
        return OffsetJson(offset=_stored_to_json(shift.store))
    return ZERO if shift else None


def _shift(value: str | OffsetJson | None, where: str) -> Zero | Offset | None:
    if isinstance(value, OffsetJson):
        return Offset(_stored(value.offset, f"{where}.offset"))
    if value in (None, ZERO):
        return Zero() if value else None
    raise refused(where, value, ["null", ZERO, '{"offset": …}'])


def _stored_to_json(how: NumberFormat | Scheme) -> SchemeJson | str:
    return SchemeJson.of(how) if isinstance(how, Scheme) else how.name


def _stored(value: SchemeJson | str, where: str) -> NumberFormat | Scheme:
    """How scales or offsets are stored."""
    if isinstance(value, SchemeJson):
        return value._made(where)
    found = _format(value, where)
    if found.code_bits not in WIDTHS or (found.code_bits > 8 and found.dtype is None):
        allowed = [f.name for f in FORMATS.values() if f.code_bits in WIDTHS and (f.code_bits == 8 or f.dtype)]
        raise refused(where, value, allowed)
    return found


def _format(name: str, where: str) -> NumberFormat:
    """A registered format, one of `exmy`, or one whose values the matrix brings."""
    if name not in FORMATS and (found := EXMY.fullmatch(name)):
        return exmy(int(found[1]), int(found[2]), Specials.FINITE if found[3] else Specials.IEEE)
    if found := LEARNED.fullmatch(name):
        return learned_format(int(found[1]))
    return number_format(name)
