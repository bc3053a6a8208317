"""A visit to the page in a real browser, which ends by asserting that nothing went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect

from quant.ui.tabs.table import TITLES

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATHS = {"es": "", "en": "en"}
# What gradio writes where a page is left while it still waits for an answer.
LEAVING = ("AbortError: signal is aborted", "Connection errored out")
LIMIT_MS = 60_000  # the machine may be busy; what is asserted is what appears, not when


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
