"""Barrido in a real browser: the answer and its figure, a point that becomes the recipe, a sweep in the address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import PHONE, Visit, visit

pytestmark = pytest.mark.browser


@pytest.fixture(params=["es", "en"])
def phone(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def test_a_sweep_is_read_linked_run_and_used_on_a_phone(phone: Visit) -> None:
    page, la = phone.page, phone.language
    phone.open("tab=elige&sweep=int8,int3:rtn:float32")
    picture = page.locator(f"#sweep-chart-{la} svg.pareto.narrow")
    expect(page.locator(f"#sweep-lead-{la} .lab-verdict")).to_contain_text("INT")
    expect(picture).to_be_visible()
    expect(page.locator(f"#sweep-chart-{la} svg.pareto.wide")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator(f"#sweep-run-{la}").click()
    expect(page.locator(f"#sweep-said-{la} .lab-notice.note")).to_contain_text("2")
    for bits in (8, 3):  # others that visit the page measure too, so that there may be more
        expect(picture.locator(f"a.measured[href*='bits={bits}']").first).to_be_attached()
    page.locator(f"#sweep-choose-{la} button").first.click()
    page.locator(f"#sweep-formats-{la}").get_by_label("int3", exact=True).uncheck()
    page.wait_for_function("new URL(location).searchParams.get('sweep') === 'int8:rtn:float32'")
    picture.locator("a.measured[href*='bits=3']").first.dispatch_event("click")
    page.wait_for_function("window.labRecipe.bits === 3")
