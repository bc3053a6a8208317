"""Event streams travel compressed, message by message; everything else as it was."""

from __future__ import annotations

import asyncio
import zlib

import pytest
from starlette.types import Message, Receive, Scope, Send

from quant.ui.border.streams import GZIP, CompressedStreams

MESSAGES = [b'data: {"html": "' + b"<p>la casa</p>" * 60 + b'"}\n\n', b"data: 2\n\n", b"data: 3\n\n"]


def answered(kind: str, accepts: bytes) -> list[Message]:
    """What is sent of an answer of that content type to a client that accepts that encoding."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
        for message in MESSAGES:
            await send({"type": "http.response.body", "body": message, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    scope = {"type": "http", "headers": [(b"accept-encoding", accepts)]}
    asyncio.run(CompressedStreams(inner)(scope, receive, send))
    return sent


def test_each_message_of_a_stream_can_be_read_as_soon_as_it_is_sent() -> None:
    start, *bodies = answered("text/event-stream; charset=utf-8", b"gzip, br")
    headers = dict(start["headers"])
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"vary"] == b"Accept-Encoding"
    reader = zlib.decompressobj(wbits=GZIP)
    assert [reader.decompress(body["body"]) for body in bodies] == [*MESSAGES, b""]
    assert reader.eof
    assert len(bodies[0]["body"]) < len(MESSAGES[0]) / 5


@pytest.mark.parametrize(("kind", "accepts"), [("text/event-stream", b"identity"), ("text/html", b"gzip")])
def test_what_is_no_stream_or_cannot_be_read_passes_as_it_is(kind: str, accepts: bytes) -> None:
    start, *bodies = answered(kind, accepts)
    assert dict(start["headers"]) == {b"content-type": kind.encode()}
    assert [body["body"] for body in bodies] == [*MESSAGES, b""]
