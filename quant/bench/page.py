"""What a visitor of the page waits for, in a headless Chromium: `python -m quant.bench.page --json FILE`.

`python app.py` serves the page from a process of its own, and one visit warms it. Then five visits an address and
width, each in a fresh context (nothing cached, no storage):

first_picture_s  from the start of the navigation until the picture of the opening has been painted with at least half
                 of it on the first screen; null where it never is (`drawn_s` says when it was painted anywhere)
layout_shift     the sum of all layout shifts that nobody's input explains, until three seconds after the page is ready
                 (stricter than CLS, which takes the worst five seconds)
hero_ms          from an arrow key's input event on the opening's slider to the end of the frame that paints other text
own_bytes        what the first visit of `/` transfers, compressed as it travels, without gradio's and plotly's own
                 files: those are under /assets and /static. The document (which carries the page's configuration, its
                 styles and its scripts), the theme and the answers to events are ours, whoever wrote them

`bars` holds each figure's worst median against what is allowed. The picture is what `--picture` selects.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from quant.bench.report import arguments, spread, write
from quant.bench.startup import serving

VISITS = 5
SCREENS: dict[str, ViewportSize] = {
    "1280x800": {"width": 1280, "height": 800},
    "390x844": {"width": 390, "height": 844},
}
ADDRESSES = ("", "?tab=texto&bits=3")
PICTURE = "lab-hero svg, lab-hero .weights"
BARS = {"first_picture_s": 1.5, "layout_shift": 0.1, "hero_ms": 50.0, "own_bytes": 300_000}
GRADIO = ("/assets/", "/static/")
SETTLED_MS = 3000
SLIDER = "lab-hero input[type=range]"
# The page is whole, and what stood in the document before it is gone.
READY = "window.labReady === true && document.getElementById('lab-first') === null"
# Runs before anything of the page. A frame is over when a message that its callback sent is answered.
WATCH_JS = """
(() => {
  const watch = window.pageBench = { drawn: null, seen: null, shift: 0, moves: [] };
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now());
    port2.postMessage(0);
  }));
  const overlap = (low, high, most) => Math.max(0, Math.min(high, most) - Math.max(low, 0)) / (high - low);
  const inside = (box) => overlap(box.left, box.right, innerWidth) * overlap(box.top, box.bottom, innerHeight);
  const look = async () => {
    const boxes = [...document.querySelectorAll(PICTURE)].map((one) => one.getBoundingClientRect());
    const laid = boxes.filter((box) => box.width > 100 && box.height > 20);
    if (laid.length) watch.drawn ??= await painted();
    if (laid.some((box) => inside(box) >= 0.5)) watch.seen = await painted();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) watch.shift += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  addEventListener("input", async (event) => {
    const hero = event.target.closest("lab-hero");
    if (!hero) return;
    const before = hero.textContent;
    let now = performance.now();
    do now = await painted(); while (hero.textContent === before && now < event.timeStamp + 2000);
    watch.moves.push(now - event.timeStamp);
  }, true);
})();
"""
BYTES_JS = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .map((one) => [one.name, one.encodedBodySize])"""


@dataclass(frozen=True)
class Visit:
    """What one visit saw: seconds until the picture was drawn and on the screen, layout shift, bytes by path."""

    drawn_s: float | None
    picture_s: float | None
    shift: float
    bytes_by_path: dict[str, int]


@contextmanager
def opened(browser: Browser, screen: ViewportSize, address: str, picture: str) -> Iterator[Page]:
    """The page in a context of its own, once it is ready."""
    context = browser.new_context(viewport=screen, locale="es-ES")
    context.add_init_script(f"const PICTURE = {picture!r};" + WATCH_JS)
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(READY)
    yield page
    context.close()


def visit(browser: Browser, screen: ViewportSize, address: str, picture: str) -> Visit:
    """Open the page and look at it until it has settled."""
    with opened(browser, screen, address, picture) as page:
        page.wait_for_timeout(SETTLED_MS)
        seen = page.evaluate("window.pageBench")
        return Visit(_seconds(seen["drawn"]), _seconds(seen["seen"]), seen["shift"], own(page.evaluate(BYTES_JS)))


def own(transferred: list[tuple[str, int]]) -> dict[str, int]:
    """Bytes by path, without the files of gradio and plotly."""
    sums: dict[str, int] = {}
    for address, size in transferred:
        parts = urlsplit(address)
        if size and parts.scheme.startswith("http") and not parts.path.startswith(GRADIO):
            sums[parts.path] = sums.get(parts.path, 0) + size
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def moves_ms(browser: Browser, screen: ViewportSize, url: str, picture: str) -> list[float]:
    """Milliseconds of each stop of the opening's slider, to one end and back; none where there is no opening."""
    with opened(browser, screen, url, picture) as page:
        if not page.locator(SLIDER).count():
            return []
        slider = page.locator(SLIDER).first
        slider.press("Home")
        page.wait_for_timeout(500)
        stops = page.evaluate(
            f"(({{min, max, step}}) => (max - min) / (step || 1))(document.querySelector('{SLIDER}'))"
        )
        for key in ["ArrowRight"] * int(stops) + ["ArrowLeft"] * int(stops):
            times = page.evaluate("window.pageBench.moves.length")
            slider.press(key)
            page.wait_for_function("before => window.pageBench.moves.length > before", arg=times)
        return [float(ms) for ms in page.evaluate("window.pageBench.moves")[-2 * stops :]]


def summary(values: list[float | None]) -> dict[str, Any]:
    """Median and spread; a figure that one visit lacks has none."""
    there = [value for value in values if value is not None]
    return spread(there) if there and len(there) == len(values) else {"median": None, "values": values}


def bars(medians: dict[str, list[float | None]]) -> dict[str, dict[str, Any]]:
    """Each figure's worst median beside its bar, and whether it holds; what was not there does not hold."""
    judged = {}
    for name, bar in BARS.items():
        values = medians[name]
        worst = None if not values or None in values else max(value for value in values if value is not None)
        judged[name] = {"bar": bar, "worst_median": worst, "holds": worst is not None and worst <= bar}
    return judged


def measure(browser: Browser, url: str, picture: str, visits: int) -> dict[str, Any]:
    """All figures of a page that is served at `url`."""
    for address in ADDRESSES:  # the server's first answers, and the browser's
        visit(browser, SCREENS["1280x800"], url + address, picture)
    seen = {
        (address, name): [visit(browser, screen, url + address, picture) for _ in range(visits)]
        for address in ADDRESSES for name, screen in SCREENS.items()
    }  # fmt: skip
    heroes = {
        name: [ms for _ in range(visits) for ms in moves_ms(browser, screen, url, picture)]
        for name, screen in SCREENS.items()
    }
    first = {name: seen["", name] for name in SCREENS}
    own_bytes = {name: [float(sum(v.bytes_by_path.values())) for v in those] for name, those in first.items()}
    figures: dict[str, dict[str, Any]] = {
        "first_picture_s": {name: summary([v.picture_s for v in those]) for name, those in first.items()},
        "drawn_s": {name: summary([v.drawn_s for v in those]) for name, those in first.items()},
        "layout_shift": {f"/{a} {name}": summary([v.shift for v in those]) for (a, name), those in seen.items()},
        "hero_ms": {name: summary([*times]) for name, times in heroes.items()},
        "own_bytes": {name: summary([*sums]) for name, sums in own_bytes.items()},
    }
    medians = {name: [one["median"] for one in figure.values()] for name, figure in figures.items()}
    return {"bars": bars(medians), **figures, "own_bytes_by_path": first["1280x800"][-1].bytes_by_path}


def machine(browser: Browser) -> dict[str, Any]:
    """What it was measured on."""
    return {
        "system": platform.platform(), "processors": os.cpu_count(), "load": os.getloadavg()[0],
        "chromium": browser.version, "playwright": version("playwright"),
    }  # fmt: skip


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1e3


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--visits", type=int, default=VISITS, help="an address and width")
    parser.add_argument("--picture", default=PICTURE, help="which elements are the picture of the opening")
    parser.add_argument("--url", help="a page that is being served already")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if args.url:
            figures = measure(browser, args.url, args.picture, args.visits)
        else:
            with serving() as (url, _):
                figures = measure(browser, url, args.picture, args.visits)
        figures |= {"visits": args.visits, "picture": args.picture, "machine": machine(browser)}
        browser.close()
    write(figures, args.json)


if __name__ == "__main__":
    main()
