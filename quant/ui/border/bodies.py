"""What may come in a request's body, read once at the border; what goes on to gradio is written anew from it.

A field that the page does not use never reaches gradio: `batched`, `oauth_token`, `simple_format`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from quant.errors import SchemeError
from quant.json_model import JsonModel, parsed
from quant.text import Text

MOST_BYTES = 2**20  # an own text of 200,000 bytes fits, however it is escaped
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Body(JsonModel):
    """What every body may say."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)
    session_hash: Token | None = None

    def written(self) -> bytes:
        """The body as gradio is given it."""
        return json.dumps(self.model_dump(exclude_unset=True)).encode()


class Call(Body):
    """A function by its number or, in the path, by its name, and what it is given."""

    data: list[Any]
    fn_index: int | None = None
    trigger_id: int | None = None
    event_data: Any = None


class Ask(Call):
    """A place in the queue."""

    session_hash: Token
    fn_index: int


class NamedCall(Body):
    """A function by its name, and what it is given by the names of its parameters, which are the endpoint's own."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    def written(self) -> bytes:
        """The parameters alone: gradio takes a name of a visit for one of them."""
        return json.dumps(self.model_extra).encode()


class Cancel(Body):
    """The end of a call."""

    session_hash: Token
    fn_index: int
    event_id: Token


class Reset(Body):
    """Nothing, any more: older clients say it."""

    event_id: Token


def read_body(kind: type[Body], content: bytes) -> Body:
    """The body as a record of that kind. Raises SchemeError with what is wrong."""
    try:
        value = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SchemeError(NOT_JSON) from error
    return parsed(kind, value, "body")


def _no_number(name: str) -> float:
    raise ValueError(name)


NOT_JSON = Text("Lo que ha llegado no es JSON.", "What came is not JSON.")
