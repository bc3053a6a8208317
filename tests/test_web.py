"""What stands against each threat of the README's list: a test a line, over HTTP against `python app.py`."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from starlette.datastructures import Headers

from quant.ui.api import FIRST
from quant.ui.border import texts as t
from quant.ui.border.bodies import MOST_BYTES
from quant.ui.border.doors import UPLOADS, at, doors
from quant.ui.border.guard import below_root
from quant.ui.border.headers import SHARED, policy
from quant.ui.border.origin import answers_to, from_elsewhere
from quant.ui.border.visits import COOKIE, Visits
from quant.ui.sidebar.fields import FIELDS

ROOT = Path(__file__).resolve().parents[1]
API = "/gradio_api"
LEFT = ["upload", "process_recording", "deep_link?session_hash=a", "component_server", "stream/a", "vibe-edit", "runs",
        "dev/reload", "token", "user", "custom_component/a/client/b/c.js", "stream/a/1/1/playlist-file"]  # fmt: skip


@pytest.fixture(scope="module")
def page(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=60) as client:
        yield client


def local(**known: object) -> SimpleNamespace:
    """What the border asks of a page that is served on a laptop."""
    return SimpleNamespace(**{"server_name": "127.0.0.1", "share": False, "share_url": None} | known)


def listener(page: httpx.Client, name: str) -> dict[str, object]:
    """A function of the page, by the name that gradio gave it."""
    (found,) = (d for d in page.get("/config").json()["dependencies"] if d["api_name"] == name)
    return found


# ---- the list itself


def test_the_list_names_tests_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    blocks = re.findall(r"<!-- threats -->\n(.*?)<!-- /threats -->", readme, re.DOTALL)
    assert len(blocks) == 2
    named = [re.findall(r"`(test_\w+)\.(test_\w+)`", block) for block in blocks]
    assert named[0] == named[1]
    assert len(named[0]) >= 14
    for file, name in named[0]:
        assert f"def {name}(" in (ROOT / "tests" / f"{file}.py").read_text(encoding="utf8"), name


# ---- who asks


@pytest.mark.slow
def test_a_page_of_another_site_is_not_answered(page: httpx.Client) -> None:
    elsewhere = [{"sec-fetch-site": site} for site in ("cross-site", "same-site")]
    elsewhere += [{"origin": origin} for origin in ("https://example.org", "null", "http://localhost:1")]
    for headers in elsewhere:
        for method, path in (("GET", "/config"), ("GET", f"{API}/info"), ("POST", f"{API}/queue/join"),
                             ("POST", f"{API}/run/layers"), ("GET", f"{API}/heartbeat/abc")):  # fmt: skip
            answer = page.request(method, path, headers=headers, json={"data": ["embedded"]})
            assert (answer.status_code, answer.json()["detail"]) == (403, t.OTHER_SITE.en), (headers, path)
        assert page.get("/", headers=headers | {"sec-fetch-mode": "cors"}).status_code == 403
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    assert page.get("/", headers=link).status_code == 200  # a link, or a Space's frame
    own = page.post(
        f"{API}/run/layers", json={"data": ["embedded"]}, headers={"origin": str(page.base_url).rstrip("/")}
    )
    assert own.status_code == 200


@pytest.mark.slow
def test_no_answer_may_be_read_from_another_site(page: httpx.Client) -> None:
    for path in ("/", "/config", f"{API}/info", "/nothing"):
        for origin in ("https://example.org", "null", "https://huggingface.co"):
            asked = {"origin": origin, "access-control-request-method": "POST"}
            for method in ("GET", "OPTIONS"):
                told = page.request(method, path, headers=asked).headers
                assert not [name for name in told if name.startswith("access-control-")], (path, origin, method)


@pytest.mark.slow
def test_a_site_whose_name_points_here_is_not_answered(page: httpx.Client) -> None:
    port = page.base_url.port
    for host in (
        "example.org",
        f"example.org:{port}",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "10.0.0.1",
        "",
    ):
        answer = page.get("/config", headers={"host": host})
        assert (answer.status_code, answer.json()["detail"]) == (421, t.BAD_HOST.en), host
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert page.get("/", headers={"host": host}).status_code == 200, host


def test_the_names_of_a_page_follow_from_how_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = local(share=True, share_url="https://abc.gradio.live")
    everywhere = local(server_name="0.0.0.0")
    for page, host, expected in (
        (local(), "localhost:7860", True), (local(), "192.168.1.7", False), (local(server_name=""), "localhost", True),
        (local(), "my-laptop", False), (local(), "", False), (shared, "abc.gradio.live", True),
        (shared, "other.gradio.live", False),
        (everywhere, "192.168.1.7:8080", True), (everywhere, socket.gethostname(), True),
        (everywhere, "example.org", False), (everywhere, "[fe80::1]:80", True), (local(), "a:b:c", False),
    ):  # fmt: skip
        assert answers_to(host, page) is expected, (page, host)  # type: ignore[arg-type]
    monkeypatch.setenv("QUANT_HOSTS", "lab.example.org,other")
    assert answers_to("lab.example.org", local())  # type: ignore[arg-type]
    assert not answers_to("", local())  # type: ignore[arg-type]
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("SPACE_ID", "a/b")
    assert answers_to("a-b.hf.space", everywhere)  # type: ignore[arg-type]


def test_who_asks_is_told_by_the_browser_where_it_can_tell() -> None:
    for headers, expected in (
        ({}, False), ({"sec-fetch-site": "same-origin"}, False), ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True), ({"sec-fetch-site": "same-origin", "origin": "https://x"}, False),
        ({"origin": "http://a:1", "host": "a:1"}, False), ({"origin": "http://a:2", "host": "a:1"}, True),
        ({"origin": "https://x.gradio.live", "host": "127.0.0.1", "x-forwarded-host": "x.gradio.live"}, False),
        ({"origin": "null", "host": "a:1"}, True),
    ):  # fmt: skip
        assert from_elsewhere(Headers(headers)) is expected, headers


# ---- what the browser may do


@pytest.mark.slow
def test_every_answer_carries_its_protection(page: httpx.Client) -> None:
    for path in ("/", "/en", "/config", f"{API}/info", "/theme.css", "/nothing", f"{API}/upload"):
        told = page.get(path).headers
        assert told["x-content-type-options"] == "nosniff", path
        assert told["referrer-policy"] == "same-origin", path
        assert "camera=()" in told["permissions-policy"], path
        assert told["cross-origin-resource-policy"] == "same-origin", path
        allowed = told["content-security-policy"]
        assert allowed.startswith("default-src 'none'"), path
        assert "frame-ancestors 'none'" in allowed, path
    assert page.get("/").headers["x-frame-options"] == "DENY"
    assert "connect-src 'self'" in page.get("/").headers["content-security-policy"]


def test_only_the_hub_frames_a_space_and_only_a_share_link_takes_scripts_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone, shared = policy(local()), policy(local(share=True))  # type: ignore[arg-type]
    assert "http" not in alone
    assert set(re.findall(r"https?://[^ ;]+", shared)) == {SHARED}
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("SPACE_ID", "a/b")
    framed = policy(local())  # type: ignore[arg-type]
    assert "frame-ancestors https://huggingface.co" in framed


# ---- what is shut


@pytest.mark.slow
def test_uploads_are_refused_before_their_body_is_read(page: httpx.Client, server: str) -> None:
    """300 MB are announced, a few bytes sent: the answer comes at once."""
    url = httpx.URL(server)
    started = time.monotonic()
    with socket.create_connection((url.host, url.port or 80), timeout=30) as wire:
        wire.sendall(
            f"POST {API}/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            "Content-Length: 300000000\r\n\r\n--x\r\n".encode()
        )
        assert wire.recv(100).startswith(b"HTTP/1.1 403")
    assert time.monotonic() - started < 10
    many = page.post(f"{API}/upload", files=[("files", (f"{n}", b"x")) for n in range(50)])
    assert (many.status_code, many.json()["detail"]) == (403, t.NO_UPLOADS.en)
    spanish = page.post(f"{API}/upload", files={"files": b"x"}, headers={"referer": server})
    assert spanish.json()["detail"] == t.NO_UPLOADS.es


def test_uploads_open_only_where_a_listener_takes_a_file() -> None:
    def found(model: object) -> bool:
        fns = {0: SimpleNamespace(inputs=[SimpleNamespace(data_model=model)])}
        built = doors(SimpleNamespace(pages=[("", "A", True)], fns=fns))  # type: ignore[arg-type]
        return at(f"{API}/upload", built) is not None

    for kind in (gr.File, gr.Image, gr.Audio, gr.MultimodalTextbox, gr.UploadButton, gr.Gallery):
        assert found(kind().data_model), kind
    for kind in (gr.Textbox, gr.Dataframe, gr.HTML, gr.Slider, gr.State):
        assert not found(getattr(kind(), "data_model", None)), kind
    assert len(UPLOADS) == 2


@pytest.mark.slow
def test_what_the_page_does_not_use_is_not_there(page: httpx.Client) -> None:
    for path in ("/monitoring", "/monitoring/summary", "/monitoring/x", "/login", "/docs", "/pwa_icon", "/logout"):
        assert page.get(path).status_code == 404, path
    for path in LEFT:
        for method in ("GET", "POST"):
            assert page.request(method, f"{API}/{path}", content=b"{}").status_code in (403, 404), (path, method)


@pytest.mark.slow
def test_the_page_fetches_nothing_for_others(page: httpx.Client, server: str) -> None:
    for path in (f"proxy={server}", "proxy=https://example.hf.space/x", f"file={server}", "file=https://example.org/"):
        assert page.get(f"{API}/{path}").status_code == 404, path


@pytest.mark.slow
def test_no_file_of_the_machine_is_served(page: httpx.Client) -> None:
    for name in ("/etc/passwd", str(ROOT / "app.py"), "app.py", "..%2f..%2fetc%2fpasswd", "%00", "/proc/self/environ",
                 "C:%5Cx", ".", "a" * 5000):  # fmt: skip
        assert page.get(f"{API}/file={name}").status_code == 404, name
    for path in ("/static/..%2f..%2f..%2f..%2fapp.py", "/assets/%2e%2e/%2e%2e/index.html", "/static//etc/passwd"):
        assert page.get(path).status_code in (403, 404), path


@pytest.mark.slow
def test_the_page_tells_nothing_of_the_machine(page: httpx.Client) -> None:
    told = page.get("/config").text + page.get("/").text + page.get(f"{API}/info").text
    assert str(ROOT) not in told
    assert str(Path.home()) not in told.replace(f"{Path.home()}/.", "") or str(Path.home()) == "/"
    assert not re.findall(r"<function|object at 0x|/(?:home|tmp|usr)/", told)


@pytest.mark.slow
def test_a_body_is_bounded_and_is_json(page: httpx.Client) -> None:
    for content, kind, status in (
        (b"x" * (MOST_BYTES + 1), "application/json", 413), (b"{", "application/json", 400),
        (b"[" * 200_000, "application/json", 400), (b'{"data": [NaN]}', "application/json", 400),
        (b'{"data": []}', "text/plain", 415), (b'{"data": 3}', "application/json", 400), (b"", "application/json", 400),
    ):  # fmt: skip
        answer = page.post(f"{API}/run/layers", content=content, headers={"content-type": kind})
        assert answer.status_code == status, content[:20]
        assert set(answer.json()) == {"detail", "error"}

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    with pytest.raises(httpx.HTTPError):  # it is cut off, or answered and then cut off
        page.post(
            f"{API}/run/layers", content=endless(), headers={"content-type": "application/json"}
        ).raise_for_status()


# ---- whose a visit is


def joined(client: httpx.Client, session: str) -> httpx.Response:
    number = listener(client, "layers")["id"]
    return client.post(f"{API}/queue/join", json={"data": ["embedded"], "fn_index": number, "session_hash": session})


@pytest.mark.slow
def test_a_visit_is_only_read_and_stopped_by_who_began_it(page: httpx.Client, server: str) -> None:
    with httpx.Client(base_url=server, timeout=60) as ana, httpx.Client(base_url=server, timeout=60) as luis:
        assert COOKIE in ana.get("/").cookies
        assert COOKIE in luis.get("/").cookies
        event = joined(ana, "ana12345678").json()["event_id"]
        body = {"session_hash": "ana12345678", "fn_index": 0, "event_id": event, "data": ["embedded"]}
        for other in (luis, page):
            for answer in (
                other.get(f"{API}/queue/data", params={"session_hash": "ana12345678"}),
                other.get(f"{API}/heartbeat/ana12345678"), other.post(f"{API}/cancel", json=body),
                other.post(f"{API}/queue/join", json=body), other.post(f"{API}/run/layers", json=body),
            ):  # fmt: skip
                assert (answer.status_code, answer.json()["detail"]) == (403, t.OTHERS_SESSION.en)
        told = ana.get(f"{API}/queue/data", params={"session_hash": "ana12345678"}).text
        assert '"process_completed"' in told


@pytest.mark.slow
def test_a_visit_that_is_not_there_is_said_without_a_failure(page: httpx.Client) -> None:
    told = page.get(f"{API}/queue/data", params={"session_hash": "nobody"})
    assert (told.status_code, json.loads(told.text.removeprefix("data: "))["session_not_found"]) == (200, True)
    assert page.get(f"{API}/queue/data").status_code == 400
    assert page.get(f"{API}/queue/data", params={"session_hash": "../x"}).status_code == 400
    assert page.get(f"{API}/call/layers/nobody").status_code == 404


def test_visits_are_remembered_as_far_as_there_is_room() -> None:
    visits = Visits(most=2)
    assert visits.admits("a", "ana")
    assert not visits.admits("a", "luis")
    assert not visits.admits("a", "")
    assert visits.admits("p", "")  # a program, which keeps no cookie: anybody who knows the name
    assert visits.admits("p", "luis")
    assert visits.admits("b", "ana")
    assert visits.admits("a", "luis")  # forgotten: "p" and "b" came since


@pytest.mark.slow
def test_every_way_in_is_open_and_says_what_it_does_not_take(page: httpx.Client) -> None:
    """By number and by name, at once and by the queue, by position and by parameters."""
    number = listener(page, "weights")["id"]
    later = [field.default for field in FIELDS if field.of_matrix and field.name not in FIRST]
    data = ["", 3, "channel", 64, False, "embedded", *later, ""]
    for path, body in (
        ("run/weights", {"data": data}),
        ("api/weights", {"data": data}),
        ("run/predict", {"data": data, "fn_index": number}),
    ):
        assert page.post(f"{API}/{path}", json=body).json()["data"][0]["levels"] == 7, path
    for path, body, words in (
        ("call/weights", {"data": data}, '"levels": 7'),
        ("call/v2/weights", {"bits": 3, "granularity": "channel"}, '"levels": 7'),
        ("call/v2/weights", {"bits": "3"}, "weights.bits: got '3'; allowed: int."),
    ):
        event = page.post(f"{API}/{path}", json=body).json()["event_id"]
        assert words in page.get(f"{API}/{path}/{event}").text, (path, body)
    for name, body, words in (
        ("weights", {"nobody": 1}, "“nobody” is unknown"), ("generate", {"session_hash": "abc"}, "“prompt” is missing"),
    ):  # fmt: skip
        answer = page.post(f"{API}/call/v2/{name}", json=body)
        assert (answer.status_code, words in answer.json()["detail"]) == (400, True)
    for path in ("call/draw", "call/v2/draw", "run/draw", "call/nobody"):
        assert page.post(f"{API}/{path}", json={"data": []}).status_code == 404, path


@pytest.mark.slow
def test_a_program_still_comes_in(server: str) -> None:
    client = Client(server, verbose=False)
    assert client.predict(api_name="/layers")
    client.close()


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        ("", "/config", "/config"), ("/lab", "/lab/config", "/config"), ("/lab", "/lab", "/"), ("/lab/", "/lab/", "/"),
        ("/lab", "/laboratory", "/laboratory"), ("https://x.org/lab", "/lab/en", "/en"), ("/lab", "/config", "/config"),
    ],
)  # fmt: skip
def test_behind_a_proxy_the_prefix_is_no_part_of_a_door(root: str, path: str, below: str) -> None:
    assert below_root(path, SimpleNamespace(root_path=root)) == below  # type: ignore[arg-type]


def test_names_that_were_told_may_ask_whatever_the_proxy_calls_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Headers({"origin": "https://lab.example.org", "host": "127.0.0.1:7860"})
    assert from_elsewhere(asked)
    monkeypatch.setenv("QUANT_HOSTS", "other.example.org, lab.example.org")
    assert not from_elsewhere(asked)
    assert from_elsewhere(Headers({"origin": "https://evil.example.org", "host": "127.0.0.1:7860"}))
    assert from_elsewhere(Headers({"origin": "null", "host": "127.0.0.1:7860"}))
