"""Recipes and schemes as plain JSON, and back. Strings become objects here, once, or are refused with what is allowed.

    recipe    {"scheme", "embedding", "method", "model", "activations", "overrides": [[layer, scheme], ...]}
    scheme    {"element", "granularity", "grid", "scale", "shift", "ties", "codes_from", "name"}
    scale     the name of a format, a scheme, or null
    shift     null, "zero", or {"offset": format or scheme}

What comes back is equal to what went in. A scheme that can be written down but that no packed matrix can hold is
refused too, so that what follows need not ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, TypeVar

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.errors import SchemeError, shown
from quant.floats import Specials
from quant.formats import FORMATS, NumberFormat, exmy, number_format
from quant.methods import method_for
from quant.nearest import Ties
from quant.recipe import Recipe
from quant.scheme import CodesFrom, Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Zero
from quant.text import Text

SIZED: dict[str, type[PerGroup | Flat]] = {"per_group": PerGroup, "flat": Flat}
WHOLE: dict[str, Granularity] = {"per_tensor": PerTensor(), "per_channel": PerChannel()}
RECIPE = ("scheme", "embedding", "method", "model", "activations", "overrides")
SCHEME = ("element", "granularity", "grid", "scale", "shift", "ties", "codes_from", "name")
ZERO, OFFSET = "zero", "offset"
EXMY = re.compile(r"e(\d{1,2})m(\d{1,2})(fn)?")
WIDTHS = (8, 16, 32)  # bits of a scale or an offset
Named = TypeVar("Named", bound=Enum)
T = TypeVar("T")


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """Everything that a recipe says."""
    *apart, last = recipe.rules
    assert last.scheme is not None
    return {
        "scheme": scheme_to_json(last.scheme),
        "embedding": last.layers == "*",
        "method": "" if last.method == method_for(last.scheme).name else last.method,
        "model": recipe.model,
        "activations": recipe.activations.name,
        "overrides": [[rule.layers, scheme_to_json(rule.scheme)] for rule in apart if rule.scheme],
    }


def recipe_from_json(value: object) -> Recipe:
    """The recipe that `recipe_to_json` wrote. Raises QuantError for anything else."""
    got = record(value, "recipe", RECIPE)
    overrides = []
    for i, pair in enumerate(typed(got["overrides"], list, "recipe.overrides")):
        where = f"recipe.overrides[{i}]"
        if len(typed(pair, list, where)) != 2:
            raise refused(where, pair, ["[layer, scheme]"])
        overrides.append((typed(pair[0], str, f"{where}[0]"), scheme_from_json(pair[1], f"{where}[1]")))
    kinds = {a.name: a for a in (Activations.FLOAT, Activations.INT8)}
    if typed(got["activations"], str, "recipe.activations") not in kinds:
        raise refused("recipe.activations", got["activations"], list(kinds))
    return Recipe.uniform(
        scheme_from_json(got["scheme"]),
        table=typed(got["embedding"], bool, "recipe.embedding"),
        method=typed(got["method"], str, "recipe.method"),
        model=typed(got["model"], str, "recipe.model"),
        activations=kinds[got["activations"]],
        overrides=overrides,
    )


def scheme_to_json(scheme: Scheme) -> dict[str, Any]:
    """Everything that a scheme says."""
    return {
        "element": scheme.element.name,
        "granularity": _granularity_to_json(scheme.granularity),
        "grid": scheme.grid.value,
        "scale": None if scheme.scale is None else _stored_to_json(scheme.scale),
        "shift": _shift_to_json(scheme.shift),
        "ties": None if scheme.ties is None else scheme.ties.value,
        "codes_from": scheme.codes_from.value,
        "name": scheme.name,
    }


def scheme_from_json(value: object, where: str = "scheme") -> Scheme:
    """The scheme that `scheme_to_json` wrote. Raises SchemeError for anything else, or if no matrix could hold it."""
    scheme = _scheme(value, where)
    inner = [s for s in (scheme.scale, getattr(scheme.shift, "store", None)) if isinstance(s, Scheme)]
    for nested in inner:
        _check_nested(nested, where)
    return scheme


def _scheme(value: object, where: str) -> Scheme:
    got = record(value, where, SCHEME)
    scheme = Scheme(
        _format(got["element"], f"{where}.element"),
        _granularity(got["granularity"], f"{where}.granularity"),
        _member(Grid, got["grid"], f"{where}.grid"),
        None if got["scale"] is None else _stored(got["scale"], f"{where}.scale"),
        _shift(got["shift"], f"{where}.shift"),
        None if got["ties"] is None else _member(Ties, got["ties"], f"{where}.ties"),
        _member(CodesFrom, got["codes_from"], f"{where}.codes_from"),
        typed(got["name"], str, f"{where}.name"),
    )
    if scheme.name and scheme != getattr(BLOCKS.get(scheme.name), "scheme", None):  # the name decides the bytes
        raise SchemeError(
            Text("{where}: un esquema llamado «{name}» tiene que ser el formato de ese nombre, y no lo es; los que "
                 "hay: {allowed}.",
                 "{where}: a scheme called “{name}” has to be the format of that name, and is not; the ones that "
                 "exist: {allowed}.").format(where=where, name=shown(scheme.name), allowed=", ".join(BLOCKS))
        )  # fmt: skip
    return scheme


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


def _granularity_to_json(granularity: Granularity) -> Any:
    for kind, sized in SIZED.items():
        if isinstance(granularity, sized):
            return {kind: granularity.size}
    return next(kind for kind, whole in WHOLE.items() if whole == granularity)


def _granularity(value: object, where: str) -> Granularity:
    if isinstance(value, str) and value in WHOLE:
        return WHOLE[value]
    if isinstance(value, dict) and len(value) == 1:
        kind, size = next(iter(value.items()))
        if kind in SIZED and type(size) is int and size > 0:
            return SIZED[kind](size)
    raise refused(where, value, [*WHOLE, *(f'{{"{kind}": 1, 2, 3 …}}' for kind in SIZED)])


def _shift_to_json(shift: Zero | Offset | None) -> Any:
    if isinstance(shift, Offset):
        return {OFFSET: _stored_to_json(shift.store)}
    return None if shift is None else ZERO


def _shift(value: object, where: str) -> Zero | Offset | None:
    if value is None or value == ZERO:
        return Zero() if value else None
    if isinstance(value, dict) and list(value) == [OFFSET]:
        return Offset(_stored(value[OFFSET], f"{where}.{OFFSET}"))
    raise refused(where, value, ["null", ZERO, f'{{"{OFFSET}": …}}'])


def _stored_to_json(how: NumberFormat | Scheme) -> Any:
    return scheme_to_json(how) if isinstance(how, Scheme) else how.name


def _stored(value: object, where: str) -> NumberFormat | Scheme:
    """How scales or offsets are stored."""
    if isinstance(value, dict):
        return _scheme(value, where)
    found = _format(value, where)
    if found.code_bits not in WIDTHS or (found.code_bits > 8 and found.dtype is None):
        allowed = [f.name for f in FORMATS.values() if f.code_bits in WIDTHS and (f.code_bits == 8 or f.dtype)]
        raise refused(where, value, allowed)
    return found


def _format(value: object, where: str) -> NumberFormat:
    """A registered format, or one of `exmy`."""
    name = typed(value, str, where)
    if name not in FORMATS and (found := EXMY.fullmatch(name)):
        return exmy(int(found[1]), int(found[2]), Specials.FINITE if found[3] else Specials.IEEE)
    return number_format(name)


def _member(kind: type[Named], value: object, where: str) -> Named:
    for member in kind:
        if member.value == value:
            return member
    raise refused(where, value, [m.value for m in kind])


def record(value: object, where: str, names: Iterable[str]) -> dict[str, Any]:
    """A JSON object with these fields and no others."""
    got = typed(value, dict, where)
    wrong = [f"−{name}" for name in names if name not in got] + [f"+{name}" for name in got if name not in names]
    if wrong:
        raise SchemeError(
            Text("{where}: faltan (−) o sobran (+) los campos {wrong}; lleva {allowed}.",
                 "{where}: fields are missing (−) or unknown (+): {wrong}; it has {allowed}.")
            .format(where=where, wrong=shown(", ".join(wrong)), allowed=", ".join(names))
        )  # fmt: skip
    return got


def typed(value: object, kind: type[T], where: str) -> T:
    """`value` if it is of that JSON type."""
    if not isinstance(value, kind):
        raise refused(where, value, [{"str": "text", "dict": "{…}", "list": "[…]"}.get(kind.__name__, kind.__name__)])
    return value


def refused(where: str, value: object, allowed: Iterable[str]) -> SchemeError:
    """The error for a value that is not one of those allowed."""
    return SchemeError(
        Text("{where}: ha llegado {got}; se admite {allowed}.", "{where}: got {got}; allowed: {allowed}.")
        .format(where=where, got=shown(repr(value)), allowed=", ".join(allowed))
    )  # fmt: skip
