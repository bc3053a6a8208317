"""A request's body, read once and bounded in bytes and time, and the request that goes on to gradio in its place."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from quant.errors import QuantError
from quant.ui.border import texts as t
from quant.ui.border.answer import Refusal
from quant.ui.border.bodies import MOST_BYTES, NOT_JSON, Body, read_body

PATIENCE_S = 30.0


async def read(scope: Scope, receive: Receive, kind: type[Body]) -> Body:
    """The body, whole, as a record. Raises Refusal."""
    headers = Headers(scope=scope)
    if not headers.get("content-type", "").lower().startswith("application/json"):
        raise Refusal(415, NOT_JSON)
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > MOST_BYTES:
        raise Refusal(413, t.TOO_LARGE.format(most=MOST_BYTES))
    try:
        async with asyncio.timeout(PATIENCE_S):
            return read_body(kind, await content_of(receive))
    except TimeoutError:
        raise Refusal(408, t.TOO_SLOW) from None
    except QuantError as error:
        raise (error if isinstance(error, Refusal) else Refusal(400, error.text)) from None


async def content_of(receive: Receive) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, t.TOO_SLOW)
        content += message.get("body", b"")
        if len(content) > MOST_BYTES:
            raise Refusal(413, t.TOO_LARGE.format(most=MOST_BYTES))
        if not message.get("more_body", False):
            return bytes(content)


def rewritten(scope: Scope, content: bytes) -> Scope:
    """The request with another body."""
    kept = [(k, v) for k, v in scope["headers"] if k not in (b"content-length", b"transfer-encoding", b"content-type")]
    told = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    return {**scope, "headers": kept + told}


def without_ranges(scope: Scope) -> Scope:
    """The request for the whole file: gradio's own way with ranges repeats the request's headers in the answer."""
    return {**scope, "headers": [(k, v) for k, v in scope["headers"] if k not in (b"range", b"if-range")]}


def replayed(content: bytes, receive: Receive) -> Receive:
    """A body that has been read, to be read again; then what comes after it."""
    left: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again
