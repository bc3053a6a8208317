"""The bench of the page, on a page of which everything is known: what it sees, what it counts, what it judges."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from quant.bench import page as bench

pytestmark = pytest.mark.browser
SCREEN = bench.SCREENS["390x844"]
# The picture comes after 400 ms and pushes what is under it 200 pixels down; the slider takes 60 ms to change the text.
DOCUMENT = b"""<!DOCTYPE html><title>x</title><style>body { margin: 0 } p { height: 400px; margin: 0 }</style>
<script src="assets/theirs.js"></script><script src="ours.js"></script>
<div></div><p>moved</p>
<lab-hero><input type=range min=0 max=3 step=1 value=0><b>0</b></lab-hero>
<script>
  const slider = document.querySelector("input"), text = document.querySelector("b");
  slider.addEventListener("input", () => setTimeout(() => { text.textContent = slider.value; }, 60));
  setTimeout(() => {
    const svg = '<svg width="300" height="200" style="display: block"></svg>';
    document.querySelector("div").innerHTML = `<lab-hero>${svg}</lab-hero>`;
    window.labReady = true;
  }, 400);
</script>"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = DOCUMENT if self.path == "/" else b"//" + b"x" * (1000 if "theirs" in self.path else 500)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path == "/" else "text/javascript")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(bench, "SETTLED_MS", 300)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_visit_sees_what_the_page_does(browser: Browser, known: str) -> None:
    seen = bench.visit(browser, SCREEN, known, bench.PICTURE)
    assert seen.picture_s is not None
    assert 0.4 <= seen.picture_s < 5
    assert seen.drawn_s == pytest.approx(seen.picture_s, abs=0.2)
    assert 0.05 < seen.shift < 0.4
    assert seen.bytes_by_path["/"] == len(DOCUMENT)
    assert seen.bytes_by_path["/ours.js"] == 502
    assert not [path for path in seen.bytes_by_path if "theirs" in path]
    times = bench.moves_ms(browser, SCREEN, known, bench.PICTURE)
    assert len(times) == 6
    assert min(times) >= 55  # until the text is another, and not until the next frame


def test_a_picture_below_the_fold_is_none(browser: Browser, known: str) -> None:
    seen = bench.visit(browser, {"width": 390, "height": 60}, known, "p")
    assert seen.drawn_s is not None
    assert seen.picture_s is None
    assert bench.summary([1.0, seen.picture_s])["median"] is None


def test_figures_are_held_to_their_bars() -> None:
    medians: dict[str, list[float | None]] = {
        "first_picture_s": [1.2, 1.5], "layout_shift": [0.0, 0.2], "hero_ms": [10.0, None], "own_bytes": [],
    }  # fmt: skip
    judged = bench.bars(medians)
    assert {name: one["holds"] for name, one in judged.items()} == {
        "first_picture_s": True, "layout_shift": False, "hero_ms": False, "own_bytes": False,
    }  # fmt: skip
    assert judged["layout_shift"]["worst_median"] == 0.2
    assert judged["hero_ms"]["worst_median"] is None
