"""What a public name is given, held to its signature: a sentence at once, not a failure three calls further down.

`typed` does it for a function, `check_fields` for a record. True is not 1 here, "4" is not 4, and text has no halves of
characters; what a hint cannot say (a range, a shape) each name checks itself. A missing or unknown argument is Python's
own TypeError.
"""

from __future__ import annotations

import inspect
import reprlib
import types
from collections.abc import Callable
from dataclasses import fields
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from torch import Tensor

from quant.errors import QuantError
from quant.text import Text

P = ParamSpec("P")
R = TypeVar("R")
PLAIN = (str, bytes, bool, int, float, complex, type(None), list, tuple, dict, set, frozenset)
NAMES: dict[Any, Text] = {
    str: Text("un texto", "text"), int: Text("un entero", "a whole number"), float: Text("un número", "a number"),
    bool: Text("True o False", "True or False"), type(None): Text("None", "None"), Path: Text("una ruta", "a path"),
    Tensor: Text("un tensor de torch (torch.as_tensor lo hace)", "a torch tensor (torch.as_tensor makes one)"),
}  # fmt: skip


def typed(error: type[QuantError]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: the function is only reached by arguments of the types that its hints name."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            known = hints_of(function)
            for name, value in signature.bind(*args, **kwargs).arguments.items():
                if name in known and signature.parameters[name].kind is not inspect.Parameter.VAR_KEYWORD:
                    check(f"{function.__qualname__}, {name}", value, known[name], error)
            return function(*args, **kwargs)

        return call

    return decorate


def check_fields(record: Any, error: type[QuantError]) -> None:
    """Raise `error` for a field of a dataclass that does not hold what its hint names."""
    known = hints_of(type(record))  # type: ignore[arg-type]
    for one in fields(record):
        check(f"{type(record).__name__}, {one.name}", getattr(record, one.name), known[one.name], error)


@cache
def hints_of(named: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(named)


def check(name: str, value: object, hint: Any, error: type[QuantError]) -> None:
    """Raise `error` unless `value` is what `hint` names."""
    if not fits(value, hint):
        raise error(
            Text("{name}: ha llegado {got}; se admite {allowed}.", "{name}: got {got}; allowed: {allowed}.")
            .format(name=name, got=described(value), allowed=allowed(hint))
        )  # fmt: skip


def fits(value: object, hint: Any) -> bool:
    """Whether `value` is what `hint` names; what a hint says of the inside of others than tuples is not looked at."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inside)
    if origin is tuple and inside[-1:] == (...,):
        return isinstance(value, tuple) and all(fits(one, inside[0]) for one in value)
    if hint is str:
        return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)
    if hint in (int, float):
        return isinstance(value, int | float if hint is float else int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def described(value: object) -> Text:
    """What came, in a few words; the value itself where it is a plain one."""
    if isinstance(value, PLAIN):
        return Text(shown := reprlib.repr(value), shown)
    name = type(value).__name__
    return Text(f"un objeto {name}", f"an object {name}")


def allowed(hint: Any) -> Text:
    """What a hint names, in words."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        words = [allowed(one) for one in inside]
        return Text(" o ".join(w.es for w in words), " or ".join(w.en for w in words))
    if origin is tuple:
        one = allowed(inside[0])
        return Text(f"una tupla, cada parte {one.es}", f"a tuple, each part {one.en}")
    kind = origin or hint
    return NAMES.get(kind, Text(kind.__name__, kind.__name__))
