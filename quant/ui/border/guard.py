"""The border itself: an ASGI application around gradio's, which sees every request first and every answer last.

`launch(app_kwargs={"middleware": …})` would put it inside gradio's own CORS and compression, which would then answer
before it and write after it; so the lifespan, which FastAPI runs before the first request, wraps the finished stack.
What is refused is refused in one sentence, before its body is read or gradio knows of it. What gradio itself fails at
ends as one line in the log, without a traceback.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from quant.errors import QuantError, shown
from quant.recorded import ASSETS
from quant.ui.border import texts as t
from quant.ui.border.answer import Answer, Refusal, language_of
from quant.ui.border.bodies import Body, Call, NamedCall
from quant.ui.border.document import ASKED, Asked
from quant.ui.border.doors import Door, at, doors, is_upload
from quant.ui.border.origin import answers_to, follows_link, from_elsewhere
from quant.ui.border.reading import read, replayed, rewritten, without_ranges
from quant.ui.border.streams import CompressedStreams
from quant.ui.border.visits import Visits, visitor_of

LOG = logging.getLogger("quant.border")
FAILURES = (QuantError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, OSError, HTTPException)


@asynccontextmanager
async def bordered(app: FastAPI) -> AsyncIterator[None]:
    """The lifespan that puts the border around gradio's application."""
    assert app.middleware_stack is not None, "it is built to run the lifespan"
    app.middleware_stack = Border(app.middleware_stack, app.get_blocks())  # type: ignore[attr-defined]
    yield


class Border:
    """Whom the page serves with what, before gradio is asked."""

    def __init__(self, inner: ASGIApp, page: gr.Blocks) -> None:
        self._inner, self._page, self._visits = CompressedStreams(inner), page, Visits()
        self._documents = GZipMiddleware(inner)  # half a megabyte of configuration, styles and scripts each
        self._doors = doors(page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._serve(scope, receive, Answer(scope, send, self._page))

    async def _serve(self, scope: Scope, receive: Receive, answer: Answer) -> None:
        try:
            found = self._door(scope)
            answer.document = found[0].document
            if answer.document and scope["method"] == "HEAD":  # gradio knows that of its first page alone
                scope, answer.bodiless = {**scope, "method": "GET"}, True
            admitted = await self._admitted(scope, receive, *found)
        except Refusal as refusal:
            await answer.say(refusal.status, refusal.text, scope, receive)
            return
        if isinstance(admitted, Response):
            await admitted(scope, receive, answer.send)
            return
        asked = ASKED.set(self._document(scope) if answer.document else None)
        try:
            await (self._documents if answer.document else self._inner)(*admitted, answer.send)
        except FAILURES as error:
            LOG.warning("%s %s: %s", scope["method"], scope["path"], where(error))
            await answer.end(scope, receive)
        finally:
            ASKED.reset(asked)

    def _document(self, scope: Scope) -> Asked:
        return Asked(below_root(scope["path"], self._page).strip("/"), dict(Request(scope).query_params))

    def _door(self, scope: Scope) -> tuple[Door, Any]:
        """The door that is asked for. Raises Refusal where there is none, or none for who asks so."""
        headers, path = Headers(scope=scope), below_root(scope["path"], self._page)
        if not answers_to(headers.get("host", ""), self._page):
            raise Refusal(421, t.BAD_HOST)
        found = at(path, self._doors, scope["method"])
        if found is None:
            raise Refusal(403, t.NO_UPLOADS) if is_upload(path) else Refusal(404, t.NO_DOOR)
        if scope["method"] not in found[0].methods:
            raise Refusal(405, t.NO_METHOD)
        if from_elsewhere(headers) and not (found[0].document and follows_link(headers)):
            raise Refusal(403, t.OTHER_SITE)
        return found

    async def _admitted(self, scope: Scope, receive: Receive, door: Door,
                        named: Any) -> tuple[Scope, Receive] | Response:  # fmt: skip
        """What goes on to gradio, or its answer where gradio would fail. Raises Refusal."""
        groups, request = named.groupdict(), Request(scope)
        if "session" in groups or scope["path"].endswith("/queue/data"):
            return self._stream(scope, receive, groups.get("session", request.query_params.get("session_hash", "")))
        if "slashed" in groups:  # its assets would be looked for one folder below
            return RedirectResponse(f"../{groups['slashed']}?{request.url.query}".rstrip("?"))
        if "preview" in groups:
            return FileResponse(ASSETS / f"preview-{groups['preview']}.png")
        if "file" in groups:
            self._check_file(scope, groups["file"])
            return without_ranges(scope), receive
        if door.body is None:
            return scope, receive
        body = await read(scope, receive, door.body)
        self._check_visit(scope, body.session_hash)
        self._check_function(body, groups.get("name"))
        content = body.written()
        return rewritten(scope, content), replayed(content, receive)

    def _stream(self, scope: Scope, receive: Receive, session: str) -> tuple[Scope, Receive] | Response:
        """What a visit or a call is told as it goes. Gradio fails in the middle of its answer for one it knows not."""
        if at(f"/gradio_api/heartbeat/{session}", self._doors) is None:
            raise Refusal(400, t.BAD_SESSION)
        self._check_visit(scope, session)
        if "/heartbeat/" in scope["path"] or self._is_known(session):
            return scope, receive
        if "/call/" in scope["path"]:
            raise Refusal(404, t.NO_SESSION)
        said = {"msg": "unexpected_error", "message": t.NO_SESSION[language_of(scope)], "session_not_found": True,
                "success": False, "event_id": None}  # fmt: skip
        return Response(f"data: {json.dumps(said)}\n\n", media_type="text/event-stream")

    def _is_known(self, name: str) -> bool:
        queue = self._page._queue
        events = queue.pending_event_ids_session
        return name in queue.pending_messages_per_session or any(name in ids for ids in list(events.values()))

    def _check_visit(self, scope: Scope, session: str | None) -> None:
        if session and not self._visits.admits(session, visitor_of(Headers(scope=scope).get("cookie"))):
            raise Refusal(403, t.OTHERS_SESSION)

    def _check_file(self, scope: Scope, name: str) -> None:
        """Only what this process has made to be downloaded."""
        folder = Path(scope["app"].uploaded_file_dir).resolve()
        try:
            path = Path(name).resolve()
            served = path.is_relative_to(folder) and path.is_file() and not path.name.startswith(".")
        except (ValueError, OSError):
            served = False
        if not served:
            raise Refusal(404, t.NO_FILE)

    def _check_function(self, body: Body, name: str | None) -> None:
        """Raise Refusal for a function that the page does not have; by name only those for programs can be called."""
        if isinstance(body, Call) and body.fn_index is not None:
            known = self._page.fns.get(body.fn_index)
            if known is None or known.fn is None:
                raise Refusal(404, t.NO_FUNCTION)
        elif isinstance(body, Call | NamedCall):
            public = [fn for fn in self._page.fns.values() if fn.api_visibility == "public" and fn.api_name == name]
            if not public:
                raise Refusal(404, t.NO_FUNCTION)
            if isinstance(body, NamedCall):
                check_named(body, inspect.signature(public[0].fn).parameters)


def below_root(path: str, page: gr.Blocks) -> str:
    """A path without the prefix under which a proxy shows the page (GRADIO_ROOT_PATH), where it left it there."""
    root = urlsplit(page.root_path or "").path.rstrip("/")
    return path.removeprefix(root) or "/" if root and (path == root or path.startswith(f"{root}/")) else path


def check_named(body: NamedCall, known: Mapping[str, inspect.Parameter]) -> None:
    """Raise Refusal for parameters that the endpoint does not have, and for those that it lacks."""
    given = body.model_extra or {}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise Refusal(400, t.UNKNOWN_PARAMETER.format(name=shown(unknown[0]), allowed=", ".join(known)))
    missing = [name for name, one in known.items() if one.default is inspect.Parameter.empty and name not in given]
    if missing:
        raise Refusal(400, t.MISSING_PARAMETER.format(name=missing[0]))


def where(error: BaseException) -> str:
    """An error in a line: its kind, and where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {place}"
