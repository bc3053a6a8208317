"""What the page answers to calls that nobody should send: `python -m quant.bench.fuzz --json FILE [--calls N]`.

A page is started in a process of its own and asked over HTTP, one call after another: hand-written calls first, then as
many as hypothesis draws. Keys: `calls`; `tracebacks` in the page's log, and those of them that name a file of this
project (`tracebacks_ours`); `leaks`, answers that show internals; `deaths`, how often the page was gone or silent
afterwards; `slow`, calls that gave no answer in time; `caught`, lines that the border wrote where gradio failed;
`found`, which calls led to what. Hypothesis comes with tests/requirements.txt.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from quant.bench import nasty
from quant.bench.report import arguments, write

ROOT = Path(__file__).resolve().parents[2]
CALLS, SEED, START_S, ANSWER_S, LOOK_EVERY = 5_200, 0, 600.0, 60.0, 50
TRACEBACK = "Traceback (most recent call last)"
# The path of a file to download is gradio's name for it: that of the temporary folder, and what the page made there.
INTERNAL = re.compile(
    r"NoneType|Traceback|has no attribute|Cannot move|site-packages|<class '|<function|object at 0x|unhashable|"
    r"not supported between|list of choices|serializable|Object of type|[Oo]riginal error|preprocess|"
    r"positional argument|keyword argument|"
    r"(?<![\w.])(gradio|pydantic|starlette|fastapi|torch|transformers|numpy|quant)\.[a-z_]+\.|"
    r"File \"|\.py\", line|\.py:\d|(?<![\w.])/(root|home|usr|opt|tmp|var|etc|proc)/(?!quant-lab-)|"
    r"\b(Value|Type|Key|Attribute|Index|Runtime|Validation|Unicode\w+|Overflow|Recursion|OS)Error\b|"
    r"codec can't|input_value|_type\b.*\bloc\b|" + re.escape(str(ROOT)) + "|" + re.escape(sys.prefix)
)
CAUGHT = re.compile(r"^[A-Z]+ /.*: \w+ at ", re.MULTILINE)
OURS = re.compile(re.escape(str(ROOT / "quant")) + r"/(?!ui/border/inputs)")


@dataclass
class Tally:
    """What has happened so far."""

    calls: int = 0
    tracebacks_ours: int = 0
    tracebacks: int = 0
    leaks: int = 0
    deaths: int = 0
    slow: int = 0
    caught: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def note(self, what: str, request: nasty.Request, said: str) -> None:
        self.found.append(f"{what}: {request} -> {said[:300]}")


@dataclass(frozen=True)
class Served:
    """A page in a process of its own, and what it has written to its log."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def written(self) -> str:
        return self.log.read_text(encoding="utf8", errors="replace")

    def lives(self) -> bool:
        """Whether it still answers."""
        return self.process.poll() is None and answers(self.url)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def served(**variables: str) -> Iterator[Served]:
    """`python app.py` on a free port, with these environment variables, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    environment = os.environ | {
        "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": port, "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1",
    } | variables  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, (log := Path(folder) / "log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        page = Served(f"http://127.0.0.1:{port}/", process, log)
        try:
            until = time.monotonic() + START_S
            while not answers(page.url):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"app.py gave no page:\n{page.written()}")
                time.sleep(0.1)
            yield page
        finally:
            process.terminate()
            process.wait()


def asked(client: httpx.Client, request: nasty.Request) -> tuple[int, str]:
    """Status and text of the answer; of the stream that tells it, where there is one."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in request.headers.items()]
    response = client.request(request.method, request.path, content=request.body, headers=headers)
    said = response.text
    if response.status_code != 200 or not request.follow:
        return response.status_code, said
    event = response.json()["event_id"]
    path = request.follow if "session_hash" in request.follow else f"{request.follow}/{event}"
    return response.status_code, told(client, path, event)


def told(client: httpx.Client, path: str, event: str) -> str:
    """What a stream says until the call ends. Raises httpx.ReadTimeout when that takes too long."""
    until, lines = time.monotonic() + ANSWER_S, list[str]()
    with client.stream("GET", path) as stream:
        for line in stream.iter_lines():
            lines.append(line)
            completed = "process_completed" in line and event in line
            over = len(lines) > 1 and lines[-2] in ("event: error", "event: complete")
            if completed or over or "unexpected_error" in line or "close_stream" in line:
                break
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the call goes on")
    return "\n".join(lines)


def one(page: Served, client: httpx.Client, request: nasty.Request, tally: Tally) -> None:
    """Send one call, and note what it led to."""
    before, said = len(page.written()), ""
    try:
        status, said = asked(client, request)
        tally.statuses[status] += 1
    except httpx.TimeoutException:
        tally.slow += 1
        tally.note("slow", request, "")
    except httpx.HTTPError as error:
        said = str(error)
        tally.statuses[0] += 1
    tally.calls += 1
    sent = f"{request.path} {(request.body or b'').decode(errors='replace')}"
    if leak := next((found for found in INTERNAL.finditer(said) if found[0] not in sent), None):
        tally.leaks += 1
        tally.note("leak", request, said[max(0, leak.start() - 100) :])
    new = page.written()[before:]
    if caught := CAUGHT.findall(new):
        tally.caught += len(caught)
        tally.note("caught", request, new)
    for trace in new.split(TRACEBACK)[1:]:
        tally.tracebacks += 1
        tally.tracebacks_ours += bool(OURS.search(trace))
        tally.note("traceback", request, trace.strip()[-250:])
    if page.process.poll() is not None or (tally.calls % LOOK_EVERY == 0 and not page.lives()):
        tally.deaths += 1
        tally.note("death", request, said)


def fuzz(page: Served, n_calls: int) -> Tally:
    """`n_calls` calls, a third at most of them by hand."""
    tally = Tally()
    with httpx.Client(base_url=page.url, timeout=ANSWER_S) as client:
        known = nasty.functions(client.get("config").json(), client.get("gradio_api/info").json())
        by_hand = nasty.written(known)
        for request in by_hand[:: max(1, 3 * len(by_hand) // n_calls)]:
            one(page, client, request, tally)
        drawn(lambda request: one(page, client, request, tally), known, n_calls - tally.calls)
    return tally


def drawn(send: Callable[[nasty.Request], None], known: list[nasty.Function], n_calls: int) -> None:
    """As many calls as that, four of five to functions, by hypothesis; the same at each run."""
    kinds = st.integers(0, 4).flatmap(lambda kind: nasty.strays() if kind == 0 else nasty.calls(known))
    left = [n_calls]

    @seed(SEED)
    @settings(max_examples=n_calls, database=None, deadline=None, phases=[Phase.generate], derandomize=False,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(kinds)
    def each(request: nasty.Request) -> None:
        left[0] -= 1
        send(request)

    while left[0] > 0:  # hypothesis may end early
        each()


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=CALLS)
    args = parser.parse_args()
    with served() as page:
        started = time.monotonic()
        tally = fuzz(page, args.calls)
    figures: dict[str, Any] = asdict(tally)
    figures["statuses"] = {str(status): n for status, n in sorted(tally.statuses.items())}
    write({**figures, "seconds": round(time.monotonic() - started)}, args.json, seed=SEED)


if __name__ == "__main__":
    main()
