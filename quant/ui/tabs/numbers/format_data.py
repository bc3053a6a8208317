"""What the browser is told of the formats: parameters and tables, so that no script repeats them."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

from quant.errors import SchemeError
from quant.floats import Specials
from quant.formats import EXPONENT_BITS, FORMATS, MANTISSA_BITS, NumberFormat, exmy
from quant.text import Language


def record(element: NumberFormat) -> dict[str, Any]:
    """A format as numbers/codec.js reads it: its layout, or else its values by bit pattern (null: unused)."""
    layout = element.layout
    return {
        "name": element.name,
        "bits": element.code_bits,
        "integer": element.is_integer,
        "ties": element.ties.value,
        "overflow": element.overflow.value,
        "layout": layout
        and {
            "exponent": layout.exponent_bits,
            "mantissa": layout.mantissa_bits,
            "bias": layout.bias,
            "specials": layout.specials.value,
            "signed": layout.signed,
            "subnormals": layout.subnormals,
        },
        "values": None if layout else _values(element),
    }


def _values(element: NumberFormat) -> list[float | None]:
    assert element.values is not None
    return [None if math.isnan(v) else int(v) if v == int(v) and v else v for v in element.values.tolist()]


@cache
def records() -> list[dict[str, Any]]:
    """Every registered format."""
    return [record(element) for element in FORMATS.values()]


@cache
def impossible(language: Language) -> dict[str, str]:
    """What to say of each ExMy within the sliders' reach that cannot be, by "exponent,mantissa,specials"."""
    said = {}
    for specials in (Specials.FINITE, Specials.IEEE):
        for e in EXPONENT_BITS:
            for m in MANTISSA_BITS:
                try:
                    exmy(e, m, specials)
                except SchemeError as error:
                    said[f"{e},{m},{specials.value}"] = error.text[language]
    return said


def as_json(data: object) -> str:
    """`data` as JSON, as short as it can be."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
