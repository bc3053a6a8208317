"""The border in a real browser: a Space in the Hub's frame and in nobody else's; a refusal, as a visitor reads it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import DESKTOP, LIMIT_MS, Visit, visit

from quant.bench.fuzz import served
from quant.ui.border.visits import COOKIE
from quant.ui.sidebar import texts as sidebar_texts
from quant.ui.tabs.table import TITLES

pytestmark = pytest.mark.browser
HUB, OTHER = "https://huggingface.co/spaces/a/b", "https://example.org/"


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


@pytest.fixture(scope="module")
def space() -> Iterator[str]:
    """A page that takes itself for a Space."""
    with served(SYSTEM="spaces", SPACE_ID="a/b", GRADIO_SERVER_NAME="0.0.0.0") as page:
        yield page.url


@pytest.mark.slow
@pytest.mark.parametrize("parent", [HUB, OTHER])
def test_a_space_works_in_the_frame_of_the_hub_and_in_no_other(browser: Browser, space: str, parent: str) -> None:
    context = browser.new_context(permissions=["local-network-access"])
    page, blocked = context.new_page(), list[str]()
    page.on("console", lambda message: blocked.append(message.text) if message.type == "error" else None)
    frame = f'<iframe src="{space}?bits=3" style="width: 1200px; height: 800px"></iframe>'
    context.route(parent, lambda route: route.fulfill(content_type="text/html", body=frame))
    inside = page.frame_locator("iframe")
    if parent == HUB:
        page.goto(parent)
        inside.locator("html.lab-shown").wait_for(timeout=LIMIT_MS)
        expect(inside.locator(".lab-recipe")).to_contain_text("3 bits", timeout=LIMIT_MS)
        inside.locator(".lab-recipe").click()
        inside.locator("#bits-es input[type=range]").press("ArrowLeft")
        expect(inside.locator(".lab-recipe")).to_contain_text("2 bits", timeout=LIMIT_MS)
        assert blocked == []
        (cookie,) = (cookie for cookie in context.cookies() if cookie["name"] == COOKIE)
        assert (cookie["sameSite"], cookie["httpOnly"], cookie["secure"]) == ("None", True, True)
    else:
        with page.expect_console_message(lambda said: "frame-ancestors" in said.text, timeout=LIMIT_MS):
            page.goto(parent)
        assert inside.locator(".lab-status").count() == 0
        assert blocked
    context.close()


def test_a_number_out_of_range_becomes_the_nearest_with_a_word(desktop: Visit) -> None:
    desktop.open("tab=pesos")
    desktop.recipe()
    number = desktop.page.locator(f"#bits-{desktop.language} input[type=number]")
    said = desktop.page.locator(".lab-clamped")
    for typed, kept, key in (
        ("99", 8, "Enter"),
        ("1", 2, "Tab"),
        ("3.7", 4, "Enter"),
        ("", 4, "Tab"),
        ("6", 6, "Enter"),
    ):
        number.press("ControlOrMeta+a")
        number.press("Delete")
        number.press_sequentially(typed)
        number.press(key)
        words = sidebar_texts.CLAMPED.format(low=2, high=8, allowed=kept)
        expect(said).to_have_text("" if typed == "6" else words[desktop.language])  # type: ignore[index]
        expect(desktop.page.locator(".lab-recipe")).to_contain_text(f"{kept} bits")
        expect(number).to_have_value(str(kept))
    assert desktop.page.locator(".toast-wrap > *").count() == 0


def test_the_policy_blocks_nothing_that_the_page_needs(spanish: Visit) -> None:
    spanish.page.add_init_script(
        "window.blocked = []; document.addEventListener('securitypolicyviolation', (e) => window.blocked.push("
        "e.violatedDirective + ' ' + e.blockedURI));"
    )
    spanish.open()
    for tab in (*TITLES, "inicio"):  # each is left with what it draws drawn
        spanish.tab(tab)
        expect(spanish.page.locator(f"#tab-{tab}-es-button")).to_have_attribute("aria-selected", "true")
        assert spanish.page.evaluate("window.blocked") == [], tab
