"""A visit to the page in a real browser, which ends by asserting that nothing went wrong in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect

from quant.ui.tabs.table import TITLES

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATHS = {"es": "", "en": "en"}
# What gradio writes where a page is left while it still waits for an answer.
LEAVING = ("AbortError: signal is aborted", "Connection errored out")
# The components of what the browser keeps, by gradio's number for them; where a page's own files lie.
KEPT_JS = "gradio_config.components.filter((one) => one.type === 'browserstate').map((one) => one.id)"
FILES = ("/assets/", "/static/", "/theme.css")
STOP_JS = """([stop, shown]) => { const look = () => { const button = document.querySelector(stop);
  if (button?.offsetParent && document.querySelector(shown)) button.click(); else requestAnimationFrame(look); };
  look(); }"""
LIMIT_MS = 120_000  # the machine may be busy; what is asserted is what appears, not when


@dataclass
class Visit:
    """A page in one language, and everything that should not have happened on it."""

    page: Page
    url: str
    language: str
    complaints: list[str] = field(default_factory=list)

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.url}{PATHS[self.language]}?{query}")
        self.page.wait_for_function("window.labReady === true")
        # Until then there are two first pictures, and the page's own is hidden, so that it takes no focus.
        self.page.wait_for_function("document.documentElement.classList.contains('lab-shown')")
        expect(self.page.locator(".lab-recipe")).to_be_visible()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=TITLES[name][self.language], exact=True).click()  # type: ignore[index]

    def ended(self, stop: str) -> None:
        """Wait for the end of work that has shown something: its stop button goes, however it ended.

        Until then a late frame may come, and the button that began the work is not heard: its end comes after its last
        frame, on a busy machine by a second.
        """
        expect(self.page.locator(f"#{stop}-{self.language}")).to_be_hidden()

    def stops(self, stop: str, shown: str) -> None:
        """From now on, stop work as soon as `shown`, a selector, is there: the page itself presses, within a frame.

        A click from here takes a busy machine seconds, in which short work may end.
        """
        self.page.evaluate(STOP_JS, [f"#{stop}-{self.language}", shown])

    def asked(self) -> list[str]:
        """What the page asks the server for from now on, in a list that grows.

        Without files, without the streams that answers come in, and without what is drawn last while the page opens:
        what the browser has kept.
        """
        kept, found = self.page.evaluate(KEPT_JS), list[str]()

        def hears(request: Request) -> None:
            path = urlsplit(request.url).path
            of_kept = request.post_data is not None and json.loads(request.post_data).get("trigger_id") in kept
            if not (of_kept or path.startswith(FILES) or path.endswith("/queue/data")):
                found.append(f"{request.method} {request.url} {request.post_data}")

        self.page.on("request", hears)
        return found

    def recipe(self) -> None:
        """Open the drawer."""
        drawer = self.page.locator(f"#recipe-{self.language}")
        if not drawer.is_visible():  # the line, drawn anew with a recipe, says a moment later that it is open
            self.page.locator(".lab-recipe").click()
        expect(drawer).to_be_visible()

    def bits(self) -> int:
        return int(self.page.locator(f"#bits-{self.language} input[type=range]").input_value())


def visit(browser: Browser, server: str, language: str, viewport: dict[str, int]) -> Iterator[Visit]:
    context = browser.new_context(viewport=viewport, locale={"es": "es-ES", "en": "en-US"}[language])  # type: ignore[arg-type]
    context.set_default_timeout(LIMIT_MS)
    expect.set_options(timeout=LIMIT_MS)
    page = context.new_page()
    seen = Visit(page, server, language)

    def leaves_the_machine(request: Request) -> None:
        if not request.url.startswith((server, "data:", "blob:")):
            seen.complaints.append(f"external request: {request.url}")

    def fails(response: Response) -> None:
        if response.status >= 400:  # what the browser itself says of it leaves out what was asked for
            seen.complaints.append(f"{response.status} {response.request.method} {response.url}")

    page.on("request", leaves_the_machine)
    page.on("response", fails)
    page.on("pageerror", lambda error: seen.complaints.append(f"error: {error}"))

    def complains(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(said in message.text for said in LEAVING):
            seen.complaints.append(f"console: {message.text}")

    page.on("console", complains)
    yield seen
    context.close()
    assert not seen.complaints, seen.complaints
