"""Event streams compressed as they go: what an event draws travels as text, and most of it is mark-up that repeats.

Starlette's middleware leaves streams alone, since a compressor that waits for more holds messages back. Here each
message is flushed (Z_SYNC_FLUSH, RFC 1979), so that nobody waits for it; the dictionary lasts as long as the stream.
"""

from __future__ import annotations

import zlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GZIP = 31  # zlib's window bits for a gzip header and the largest window


class CompressedStreams:
    """An application whose event streams are sent as gzip to those who take it; all else passes as it is."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        takes = scope["type"] == "http" and "gzip" in Headers(scope=scope).get("accept-encoding", "")
        await self._inner(scope, receive, _Compressing(send).send if takes else send)


class _Compressing:
    """What is sent of one answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._compressor = zlib.compressobj(wbits=GZIP)
        self._is_stream = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            plain = "content-encoding" not in headers
            self._is_stream = plain and headers.get("content-type", "").startswith("text/event-stream")
            if self._is_stream:
                headers["Content-Encoding"] = "gzip"
                headers.add_vary_header("Accept-Encoding")
                del headers["Content-Length"]
        elif self._is_stream and message["type"] == "http.response.body":
            message = {**message, "body": self._compressed(message.get("body", b""), message.get("more_body", False))}
        await self._send(message)

    def _compressed(self, body: bytes, more: bool) -> bytes:
        return self._compressor.compress(body) + self._compressor.flush(zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH)
