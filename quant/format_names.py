"""A short name for each way to store a matrix, and the way that a name means: for tables of who reads what.

Q4_K, NVFP4, NF4 ...        a published block format, by its name in `BLOCKS`
float16, bfloat16           a plain cast, without scales
int4 g128, int8 channel     integers around 0: an element, and what shares a scale
int4 g64 zero               with an integer zero point; `offset`: with a minimum beside the scale; `signed`: the
                            largest weight gets the lowest code; `half`: half a step beyond the largest
float8_e4m3fn channel       a small float with a scale
learned4 channel            a learned table
"""

from __future__ import annotations

import re
from functools import lru_cache

from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError, shown
from quant.formats import FORMATS, learned_format
from quant.scheme import Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Zero
from quant.text import Text

CASTS = ("float16", "bfloat16")
GRIDS = {"zero": Grid.MINMAX, "offset": Grid.RANGE, "signed": Grid.SIGNED_MAX, "half": Grid.HALF}
NAME = re.compile(r"(?P<element>[a-z][a-z0-9_]*?)(?P<bits>\d)? (?P<per>tensor|channel|g\d{1,3})(?: (?P<grid>[a-z]+))?")


def scheme_named(name: str) -> Scheme:
    """The scheme that a name means. Raises SchemeError for a name that means none.

    >>> from quant.format_names import scheme_named
    >>> scheme_named("int4 g128").granularity
    PerGroup(size=128)
    """
    if name in BLOCKS:
        return BLOCKS[name].scheme
    if name in CASTS:
        return Scheme(FORMATS[name], PerTensor(), Grid.UNIT, None)
    parts = NAME.fullmatch(name)
    if parts is None:
        raise _unknown(name)
    try:
        return _scaled(parts, _granularity(parts["per"]))
    except (KeyError, QuantError) as error:
        raise _unknown(name) from error


@lru_cache(maxsize=1000)
def format_name(scheme: Scheme) -> str | None:
    """The name of a scheme; None for one that has none."""
    found = _said(scheme)
    try:
        return found if scheme_named(found) == scheme else None
    except SchemeError:
        return None


def _scaled(parts: re.Match[str], per: Granularity) -> Scheme:
    """Raises KeyError for an element or a grid that does not exist."""
    element, bits, grid = parts["element"], parts["bits"], parts["grid"]
    if element == "int" and bits:
        if grid == "zero":
            return Scheme.integer(int(bits), per, zero_point=True)
        return Scheme.integer(int(bits), per, grid=GRIDS[grid] if grid else Grid.ABSMAX)
    if grid is not None:
        raise KeyError(grid)
    if element == "learned" and bits:
        return Scheme(learned_format(int(bits)), per, Grid.LEARNED, None)
    return Scheme(FORMATS[element + (bits or "")], per)


def _granularity(name: str) -> Granularity:
    """Raises SchemeError for a size that no group has."""
    fixed: dict[str, Granularity] = {"tensor": PerTensor(), "channel": PerChannel()}
    return fixed[name] if name in fixed else PerGroup(int(name.removeprefix("g")))


def _said(scheme: Scheme) -> str:
    """What a scheme would be called."""
    if scheme.name:
        return scheme.name
    element = scheme.element.name
    if scheme.grid is Grid.UNIT:
        return element
    per = scheme.granularity
    where = f"g{per.size}" if isinstance(per, PerGroup) else "channel" if isinstance(per, PerChannel) else "tensor"
    if not scheme.element.is_integer:
        return f"{element} {where}"
    shift = "zero" if isinstance(scheme.shift, Zero) else "offset" if isinstance(scheme.shift, Offset) else ""
    grid = shift or next((name for name, kind in GRIDS.items() if kind is scheme.grid), "")
    return f"int{scheme.element.code_bits} {where} {grid}".rstrip()


def _unknown(name: str) -> SchemeError:
    return SchemeError(
        Text("No hay ningún formato «{got}»; se admite un formato por bloques ({blocks}…), {casts}, o un elemento con "
             "lo que comparte escala, como «int4 g128», «int8 channel» o «int4 g64 zero».",
             "There is no format “{got}”; allowed: a block format ({blocks}…), {casts}, or an element with what shares "
             "a scale, such as “int4 g128”, “int8 channel” or “int4 g64 zero”.")
        .format(got=shown(name), blocks=", ".join([*BLOCKS][:4]), casts=", ".join(CASTS))
    )  # fmt: skip
