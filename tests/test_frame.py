"""The border in a real browser: a Space in the Hub's frame and in nobody else's; a refusal, as a visitor reads it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import DESKTOP, LIMIT_MS, Visit, visit

from quant.bench.fuzz import served
from quant.ui.border.visits import COOKIE
from quant.ui.sidebar import texts as sidebar_texts

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
    page.goto(parent)
    inside = page.frame_locator("iframe")
    if parent == HUB:
        expect(inside.locator(".lab-status")).to_contain_text("3,25", timeout=LIMIT_MS)
        inside.locator("#bits-es input[type=range]").press("ArrowLeft")
        expect(inside.locator(".lab-status")).to_contain_text("2,25", timeout=LIMIT_MS)
        assert blocked == []
        (cookie,) = (cookie for cookie in context.cookies() if cookie["name"] == COOKIE)
        assert (cookie["sameSite"], cookie["httpOnly"], cookie["secure"]) == ("None", True, True)
    else:
        page.wait_for_timeout(1000)
        assert inside.locator(".lab-status").count() == 0
        assert any("frame-ancestors" in said for said in blocked)
    context.close()


def test_a_number_out_of_range_is_refused_in_the_language_of_the_page(desktop: Visit) -> None:
    desktop.open("tab=pesos")
    number = desktop.page.locator(f"#bits-{desktop.language} input[type=number]")
    number.fill("99")
    number.press("Tab")
    label = sidebar_texts.BITS[desktop.language]  # type: ignore[index]
    words = {"es": f"«{label}»: ha llegado 99; se admite un número de 2 a 8.",
             "en": f"“{label}”: got 99; allowed: a number from 2 to 8."}[desktop.language]  # fmt: skip
    expect(desktop.page.get_by_text(words).first).to_be_visible()
    desktop.complaints.clear()  # gradio logs what it shows


def test_the_policy_blocks_nothing_that_the_page_needs(spanish: Visit) -> None:
    spanish.page.add_init_script(
        "window.blocked = []; document.addEventListener('securitypolicyviolation', (e) => window.blocked.push("
        "e.violatedDirective + ' ' + e.blockedURI));"
    )
    for tab in ("inicio", "numeros", "pesos", "texto", "metrica"):
        spanish.open(f"tab={tab}")
        assert spanish.page.evaluate("window.blocked") == [], tab
