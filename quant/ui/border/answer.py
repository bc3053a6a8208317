"""What is sent back: gradio's answer with the headers that protect, or one sentence for what is not served."""

from __future__ import annotations

import gradio as gr
from gradio.utils import get_space
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from quant.errors import QuantError
from quant.text import Language, Text
from quant.ui.border import texts as t
from quant.ui.border.headers import guard
from quant.ui.border.visits import new_cookie, visitor_of


class Refusal(QuantError):
    """What is not served, and by which status."""

    def __init__(self, status: int, text: Text) -> None:
        super().__init__(text)
        self.status = status


class Answer:
    """What is sent back, with the headers that protect; it knows whether it has begun."""

    def __init__(self, scope: Scope, send: Send, page: gr.Blocks) -> None:
        self._scope, self._send, self._page = scope, send, page
        self.document = self.bodiless = self._begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            headers = MutableHeaders(scope=message)
            guard(headers, self._page, self.document)
            if self.document and message["status"] == 200:
                self._greet(headers)
        elif self.bodiless:
            message = {**message, "body": b""}
        await self._send(message)

    def _greet(self, headers: MutableHeaders) -> None:
        asked = Headers(scope=self._scope)
        if not visitor_of(asked.get("cookie")):
            secure = "https" in (self._scope["scheme"], asked.get("x-forwarded-proto"))
            headers.append("Set-Cookie", new_cookie(secure, framed=get_space() is not None))

    async def say(self, status: int, text: Text, scope: Scope, receive: Receive) -> None:
        """One sentence, where gradio's clients look for it. A body that nobody reads goes no further."""
        said, unread = text[language_of(scope)], scope["method"] == "POST"
        headers = {"Connection": "close"} if unread else None
        await JSONResponse({"detail": said, "error": said}, status, headers)(scope, receive, self.send)

    async def end(self, scope: Scope, receive: Receive) -> None:
        """End an answer that failed, as well as that can still be done."""
        if self._begun:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self.say(500, t.WENT_WRONG, scope, receive)


def language_of(scope: Scope) -> Language:
    """That of the page which asks; English for a program."""
    headers = Headers(scope=scope)
    page = headers.get("referer")
    if page is None:
        return "es" if headers.get("accept-language", "").startswith("es") else "en"
    return "en" if page.partition("?")[0].rstrip("/").endswith("/en") else "es"
