"""Calls that nobody should send, for `quant.bench.fuzz`: strategies over a page's description, and some by hand.

A call is a value: what is asked for, how, and which stream then tells the answer. What is heavy is made cheap by what
it is asked for (six tokens, a text of a line), so that a wrong value costs no more than its refusal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

API = "/gradio_api"
SESSIONS = [f"fuzz{n}" for n in range(8)]
LONG = "á" * 40_000
TEXTS = ["", " ", "\x00", "\ud800", "x\udfffy", "<script>alert(1)</script>", "../../etc/passwd", "%s%n{0}{x}",
         "🙂" * 50, "NaN", "None", "4", "-1", "1e999", "true", "[]", "{}", "{\"rules\": 3}", "[" * 3000, LONG,
         "\u202e\u0000\ufeff", "own", "embedded", "group", "Q4_K", "quick"]  # fmt: skip
NUMBERS = [0, -1, 1, 3, 4.5, -0.0, 1e308, -1e308, 1e-320, 2**31, 2**63, -(2**63) - 1, 10**40, 10**400, 0.1]
FILE = {"path": "/etc/hosts", "meta": {"_type": "gradio.FileData"}}
OTHERS: list[Any] = [
    None, True, False, [], {}, [[]], [4], ["embedded"], {"value": 4}, {"__type__": "update", "value": 1}, FILE, [FILE],
    FILE | {"url": "http://127.0.0.1:1/"}, [None] * 20, {"a": {"b": [1, {"c": None}]}},
]  # fmt: skip
CHEAP = {"max_length": 6, "drafted": 1, "own": "Una línea.", "text": "own", "prompt": "Hola", "recipe": ""}


@dataclass(frozen=True)
class Request:
    """What is sent. `body`: as it goes over the wire; `follow`: which stream then tells the answer."""

    path: str
    body: bytes | None = None
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    follow: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {(self.body or b'')[:300].decode(errors='replace')}"


@dataclass(frozen=True)
class Function:
    """One that the page can be asked for: its number, its name where programs know one, and a cheap call of it."""

    number: int
    name: str
    public: bool
    values: tuple[Any, ...]


def functions(config: dict[str, Any], info: dict[str, Any]) -> list[Function]:
    """Those of a page, by its /config and its /gradio_api/info."""
    blocks = {block["id"]: block for block in config["components"]}
    named = {name: [p["parameter_name"] for p in one["parameters"]] for name, one in info["named_endpoints"].items()}
    found = []
    for one in (one for one in config["dependencies"] if one["backend_fn"] or one["id"] % 8 == 0):  # the rest is JS
        names = named.get(f"/{one['api_name']}", [""] * len(one["inputs"]))
        values = (_cheap(blocks[number]["props"], name) for number, name in zip(one["inputs"], names, strict=True))
        found.append(Function(one["id"], str(one["api_name"]), one["api_visibility"] == "public", tuple(values)))
    return found


def _cheap(props: dict[str, Any], name: str) -> Any:
    """The value that a component begins with, or one that makes what it asks for short."""
    options = [value for _, value in props.get("choices") or []]
    if props["name"] == "textbox":
        return CHEAP["prompt"]
    if props["name"] == "number" and props["value"] > 100:
        return CHEAP["max_length"]
    return "own" if "own" in options else CHEAP.get(name, props.get("value"))


ATOMS = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.sampled_from(OTHERS), st.integers(), st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False), st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip


@st.composite
def values_of(draw: st.DrawFn, function: Function) -> Any:
    """The cheap call with one to three values spoilt, or a wrong number of them, or no list at all."""
    values = list(function.values)
    how = draw(st.integers(0, 9))
    if how == 0:
        return draw(st.one_of(st.none(), ATOMS))
    if how == 1 or not values:
        return draw(st.lists(ATOMS, max_size=len(values) + 2))
    for _ in range(draw(st.integers(1, 3))):
        values[draw(st.integers(0, len(values) - 1))] = draw(ATOMS)
    return values


@st.composite
def calls(draw: st.DrawFn, known: Sequence[Function]) -> Request:
    """One call of one function, by one of the ways in."""
    function = draw(st.sampled_from(list(known)))
    data, session = draw(values_of(function)), draw(st.sampled_from(SESSIONS))
    body = {"data": data, "fn_index": function.number, "session_hash": session, "trigger_id": None, "event_data": None}
    if draw(st.integers(0, 9)) == 0:
        body[draw(st.sampled_from([*body, "batched", "event_id", "oauth_token"]))] = draw(ATOMS)
    ways = (
        ["queue", "queue", "run", "call", "named", "api"] if function.public else ["queue"] * 4 + ["run"] * 4 + ["call"]
    )
    way = draw(st.sampled_from(ways))
    if way == "queue":
        where = quote(str(body["session_hash"]), errors="replace")
        return sent(f"{API}/queue/join", body, follow=f"{API}/queue/data?session_hash={where}")
    if way == "named":
        return sent(f"{API}/call/v2/{function.name}", draw(st.dictionaries(st.sampled_from(
            ["prompt", "layer", "bits", "recipe", "model", "x", "text", "own", "session_hash"]), ATOMS, max_size=3)),
            follow=f"{API}/call/v2/{function.name}")  # fmt: skip
    if way == "call":
        return sent(f"{API}/call/{function.name}", {"data": data}, follow=f"{API}/call/{function.name}")
    return sent(f"{API}/{way}/{function.name}", body)


def sent(path: str, value: Any, **more: Any) -> Request:
    """A JSON body, as a client sends it."""
    return Request(path, json.dumps(value).encode(), headers={"content-type": "application/json"}, **more)


PATHS = st.one_of(
    st.sampled_from(["/monitoring", "/monitoring/summary", "/monitoring/x", "/gradio_api/deep_link?session_hash=fuzz0",
        "/gradio_api/proxy=https://huggingface.co/x", "/gradio_api/proxy=http://127.0.0.1:1/", "/login", "/logout",
        "/gradio_api/file=https://example.org/", "/gradio_api/file=/etc/passwd", "/gradio_api/file=app.py",
        "/gradio_api/file=..%2f..%2fetc/passwd", "/gradio_api/file=%00", "/gradio_api/file/etc/hosts",
        "/static/%2e%2e/app.py",
        "/assets/..%2f..%2f..%2fapp.py", "/assets/" + "a" * 3000, "/gradio_api/stream/fuzz0", "/gradio_api/token",
        "/gradio_api/process_recording", "/gradio_api/vibe-edit", "/gradio_api/vibe-code", "/gradio_api/dev/reload",
        "/gradio_api/stream/fuzz0/1/1/playlist.m3u8", "/gradio_api/component_server", "/gradio_api/upload",
        "/gradio_api/upload_progress?upload_id=1", "/gradio_api/custom_component/a/client/b/c.js", "/pwa_icon/0",
        "/gradio_api/runs", "/docs", "/openapi.json", "/gradio_api/queue/status", "/gradio_api/user", "/config?page=x",
        "/config?deep_link=..%2f..%2f", "/?deep_link=x", "/en?page=%00", "/gradio_api/info?all_endpoints=True",
        "/gradio_api/queue/data", "/gradio_api/queue/data?session_hash=nobody",
        "/gradio_api/queue/data?session_hash=%F0",
        "/gradio_api/call/layers/nobody", "/gradio_api/call/v2/layers/nobody",
        "/gradio_api/call/nobody/nobody"]),
    st.text("abz/.%?=&~", max_size=30).map(lambda text: "/x" + text),
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=50), st.sampled_from([b"", b"{", b"[]", b"null", b"NaN", b'{"data": NaN}', b"[" * 100_000,
        b'"x"', b'{"data": [1e999]}', b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}", b"9" * 5000,
        b'{"data": [' + b"9" * 5000 + b"]}",
        b'{"data": [], "session_hash": "\\ud800", "fn_index": 1}', b"x" * (2**20 + 1)]),
    ATOMS.map(lambda value: json.dumps(value).encode()),
)  # fmt: skip


@st.composite
def strays(draw: st.DrawFn) -> Request:
    """A request to a route that the page does not need, or with a body or a header that makes no sense."""
    method = draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"]))
    kinds = ["application/json", "text/plain", "multipart/form-data; boundary=x", "multipart/form-data", ""]
    headers = {"content-type": draw(st.sampled_from(kinds))}
    if draw(st.booleans()):
        headers |= draw(st.sampled_from([{"origin": "https://example.org"}, {"sec-fetch-site": "cross-site"},
            {"range": "bytes=²-³"}, {"x-forwarded-host": "a,b"}, {"cookie": "a=\"; =;;"}, {"referer": "%%"},
            {"accept-language": "es"}, {"access-control-request-method": "POST", "origin": "null"}]))  # fmt: skip
    posts = ["queue/join", "run/predict", "api/x", "call/generate", "call/v2/weights", "cancel", "reset"]
    if draw(st.booleans()):
        body = draw(BODIES)
        return Request(f"{API}/{draw(st.sampled_from(posts))}", body, "POST", headers)
    return Request(draw(PATHS), draw(BODIES) if method in ("POST", "PUT") else None, method, headers)


def written(known: Sequence[Function]) -> list[Request]:
    """By hand: each of the worst values in each place of each function, one call a function and a value."""
    worst: list[Any] = [
        None,
        [],
        {},
        "\ud800",
        10**400,
        True,
        {"path": "/etc/hosts", "meta": {"_type": "gradio.FileData"}},
    ]
    found = []
    for function in known:
        for place, value in enumerate(worst):
            values = list(function.values)
            if values:
                values[place % len(values)] = value
            body = {"data": values if values else value, "fn_index": function.number, "session_hash": SESSIONS[0]}
            found.append(sent(f"{API}/run/predict", body))
    unknown = [sent(f"{API}/run/predict", {"data": [], "fn_index": n}) for n in (-1, 10**6, 2**70)]
    return found + unknown + [sent(f"{API}/cancel", {"session_hash": s, "fn_index": n, "event_id": "x"})
                              for s in SESSIONS for n in (0, -1)]  # fmt: skip
