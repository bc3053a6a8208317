"""The doors of the page: what of gradio's routes it uses. Whatever is not listed here is not there.

Gradio answers over seventy routes. Many write to disk or memory (/upload, /process_recording, /deep_link, /stream,
/vibe-edit), read from elsewhere (/proxy=, /file=https://…) or tell about others (/monitoring). A list of what is open
stays right when the next version adds one; a list of what is closed does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import gradio as gr
from gradio.data_classes import FileData
from gradio.route_utils import API_PREFIX

from quant.ui.border.bodies import Ask, Body, Call, Cancel, NamedCall, Reset

NAME = r"[A-Za-z0-9_]{1,64}"
TOKEN = r"[A-Za-z0-9_-]{1,64}"  # the name of a visit or of one call
READ, WRITE = ("GET", "HEAD"), ("POST",)


@dataclass(frozen=True)
class Door:
    """A route: its path, how it is asked, what its body holds; whether it is a document, which other sites may link."""

    path: re.Pattern[str]
    methods: tuple[str, ...] = READ
    body: type[Body] | None = None
    document: bool = False


def door(path: str, methods: tuple[str, ...] = READ, body: type[Body] | None = None, document: bool = False) -> Door:
    return Door(re.compile(path), methods, body, document)


ASSETS = tuple(door(path) for path in (
    r"/(assets|static|svelte)/[A-Za-z0-9_.@+/-]{1,200}",
    r"/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt)",
    rf"{API_PREFIX}/(info/?|openapi\.json|app_id/?|startup-events|theme\.css)",
))  # fmt: skip
STREAMS = tuple(door(f"{API_PREFIX}{path}") for path in (
    rf"/heartbeat/(?P<session>{TOKEN})", r"/queue/data", rf"/call/(v2/)?{NAME}/(?P<session>{TOKEN})",
))  # fmt: skip
CALLS = (
    door(rf"{API_PREFIX}/queue/join", WRITE, Ask),
    door(rf"{API_PREFIX}/(run|api)/(?P<name>{NAME})/?", WRITE, Call),
    door(rf"{API_PREFIX}/call/v2/(?P<name>{NAME})/?", WRITE, NamedCall),
    door(rf"{API_PREFIX}/call/(?P<name>{NAME})/?", WRITE, Call),
    door(rf"{API_PREFIX}/cancel", WRITE, Cancel),
    door(rf"{API_PREFIX}/reset/?", WRITE, Reset),
)
PREVIEWS = door(r"/preview-(?P<preview>es|en)\.png")  # what a link to the page shows elsewhere
FILES = door(rf"{API_PREFIX}/file=(?P<file>.+)")
UPLOADS = (door(rf"{API_PREFIX}/upload", WRITE), door(rf"{API_PREFIX}/upload_progress"))


def doors(page: gr.Blocks) -> tuple[Door, ...]:
    """Those of this page: a document a language; the one for uploads only where a listener takes a file."""
    documents = (door("/" + re.escape(path), document=True) for path, *_ in page.pages)
    slashed = (door(f"/(?P<slashed>{re.escape(path)})/", document=True) for path, *_ in page.pages if path)
    return (*documents, *slashed, *ASSETS, *STREAMS, *CALLS, PREVIEWS, FILES, *(UPLOADS if takes_files(page) else ()))


def takes_files(page: gr.Blocks) -> bool:
    """Whether a listener of the page is given what a visitor has uploaded."""
    given = (block for fn in page.fns.values() for block in fn.inputs)
    return any(holds_files(getattr(block, "data_model", None)) for block in given)


def holds_files(model: object) -> bool:
    """Whether a component's data are files, or are made of parts that are."""
    return isinstance(model, type) and (issubclass(model, FileData) or "FileData" in str(model.model_json_schema()))  # type: ignore[attr-defined]


def is_upload(path: str) -> bool:
    return any(upload.path.fullmatch(path) for upload in UPLOADS)


def at(path: str, open_doors: Iterable[Door], method: str = "GET") -> tuple[Door, re.Match[str]] | None:
    """The door at `path`, one that may be asked so where there are two, and what its name says."""
    matched = ((one, one.path.fullmatch(path)) for one in open_doors)
    found = [(one, match) for one, match in matched if match]
    return next((pair for pair in found if method in pair[0].methods), found[0] if found else None)
