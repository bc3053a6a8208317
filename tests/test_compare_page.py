"""Comparar in a real browser: the answer in the first screen, a live row, the address, and using a row."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import DESKTOP, PHONE, Visit, visit

from quant.ui.tabs.methods.tab import SECTIONS
from quant.ui.tabs.sections import links

pytestmark = pytest.mark.browser


@pytest.fixture(params=["es", "en"])
def desktop(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture(params=["es", "en"])
def phone(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def test_a_comparison_is_linked_measured_and_used(desktop: Visit) -> None:
    page, la = desktop.page, desktop.language
    desktop.open("tab=metodos&compare=4:rtn,search:enciclopedia")
    bits, lead = page.locator(f"#compare-bits-{la} input[type=range]"), page.locator(f"#compare-lead-{la}")
    expect(bits).to_have_value("4")
    expect(lead).to_contain_text("4 bits")
    page.locator(f"#compare-{la}").click()
    expect(page.locator(f"#compare-said-{la} .lab-notice.note")).to_contain_text("KL")  # the winner, where one looks
    table = page.locator(f"#compare-table-{la}")
    fold = page.locator(f"#compare-figures-{la}")
    fold.locator("button").first.click()
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table.locator("tbody .lab-mark.measured")).to_have_count(2)
    bits.press("ArrowLeft")
    page.wait_for_function("new URL(location).searchParams.get('compare').startsWith('3:rtn,search:')")
    expect(lead).to_contain_text("3 bits")
    expect(table.locator("tbody tr").first).to_be_visible()  # rows drawn again leave the fold open
    table.locator(".lab-link").first.click()
    page.wait_for_function("window.labRecipe.bits === 3")


def test_the_answer_and_its_figure_are_on_the_first_screen_of_a_phone(phone: Visit) -> None:
    page, la = phone.page, phone.language
    phone.open("tab=metodos")
    expect(page.locator(f"#compare-lead-{la}")).to_contain_text(re.compile(r"3 bits"))
    figure = page.locator(f"#compare-chart-{la} svg.main-svg").first
    expect(figure).to_be_visible()
    box = figure.bounding_box()
    assert box
    assert box["y"] < PHONE["height"] * 0.75
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_links_lead_to_the_questions_of_the_tab(phone: Visit) -> None:
    page = phone.page
    phone.open("tab=metodos")
    for id_, said in links("methods", SECTIONS, "es" if phone.language == "es" else "en"):
        page.locator(".lab-questions").get_by_role("link", name=said, exact=True).click()
        expect(page.locator(f"#{id_}")).to_be_in_viewport()
