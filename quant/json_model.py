"""What is saved: pydantic models whose refusals are sentences in both languages.

A missing field takes its default; an unknown one is refused by name; a value of another type is refused with what came
and what is allowed. Nothing is converted in silence: "4" is not 4 and 1 is not true.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from quant.errors import SchemeError, shown
from quant.text import Text

TAG = "·"  # begins the names of a union's members, which no message shows
EXPECTED = {
    "string_type": "text", "bool_type": "bool", "int_type": "int", "list_type": "[…]", "tuple_type": "[…]",
    "dict_type": "{…}", "model_type": "{…}", "float_type": "number", "finite_number": "number",
}  # fmt: skip


class JsonModel(BaseModel):
    """A record as JSON has it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_field(cls, value: Any) -> Any:
        forbidden = isinstance(value, dict) and cls.model_config["extra"] == "forbid"
        unknown = [name for name in value if name not in cls.model_fields] if forbidden else []
        if unknown:
            said = {"name": shown(str(unknown[0])), "allowed": ", ".join(cls.model_fields)}
            raise PydanticCustomError("unknown_field", "unknown field", said)
        return value


M = TypeVar("M", bound=JsonModel)


def kind_of(value: Any) -> str:
    """The tag of a union's member: what a value is in JSON."""
    kinds = {str: "text", bool: "bool", int: "int", list: "list", type(None): "null"}
    return TAG + ("record" if isinstance(value, dict | JsonModel) else kinds.get(type(value), "other"))


# The members of a union of JSON kinds, for `Annotated[A | B, BY_KIND]`.
JsonText = Annotated[str, Tag(f"{TAG}text")]
JsonNull = Annotated[None, Tag(f"{TAG}null")]
JsonSizes = Annotated[dict[str, int], Tag(f"{TAG}record")]
RECORD, BY_KIND = Tag(f"{TAG}record"), Discriminator(kind_of)


def parsed(model: type[M], value: object, where: str) -> M:
    """A JSON value as that model; `where` begins every path in a message. Raises SchemeError with what is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _said(error.errors()[0], where) from error


def read_json(text: str, where: str) -> Any:
    """The JSON value of `text`. Raises SchemeError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemeError(
            Text("{where}: no es JSON ({detail}).", "{where}: it is not JSON ({detail}).")
            .format(where=where, detail=shown(str(error)))
        ) from error  # fmt: skip


def refused(where: str, value: object, allowed: Iterable[str]) -> SchemeError:
    """The error for a value that is not one of those allowed."""
    return SchemeError(
        Text("{where}: ha llegado {got}; se admite {allowed}.", "{where}: got {got}; allowed: {allowed}.")
        .format(where=where, got=shown(repr(value)), allowed=", ".join(allowed))
    )  # fmt: skip


def _said(error: ErrorDetails, where: str) -> SchemeError:
    path = [str(step) for step in error["loc"] if not str(step).startswith(TAG)]
    known: dict[str, Any] = error.get("ctx", {})
    if error["type"] == "unknown_field":
        return SchemeError(
            Text("{where}: el campo «{name}» es desconocido; los que hay: {allowed}.",
                 "{where}: the field “{name}” is unknown; the ones that exist: {allowed}.")
            .format(where=".".join([where, *path]), name=known["name"], allowed=known["allowed"])
        )  # fmt: skip
    if error["type"] == "missing":
        return SchemeError(
            Text("{where}: falta el campo «{name}».", "{where}: the field “{name}” is missing.")
            .format(where=".".join([where, *path[:-1]]), name=path[-1])
        )  # fmt: skip
    return refused(".".join([where, *path]), error["input"], [_allowed(error["type"], known)])


def _allowed(kind: str, known: dict[str, Any]) -> str:
    """What a field takes, of pydantic's name for its refusal."""
    tags = str(known.get("expected_tags") or known.get("expected") or "")
    names = {"text": "text", "record": "{…}", "null": "null", "int": "int", "list": "[…]"}
    listed = [part.strip("' ") for part in tags.replace(" or ", ",").split(",") if part.strip("' ")]
    return EXPECTED.get(kind) or ", ".join(names.get(name.removeprefix(TAG), name) for name in listed) or kind
