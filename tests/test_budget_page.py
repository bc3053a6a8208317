"""Presupuesto in a real browser: a budget in the address, refused, divided, measured, and its mix live everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import PHONE, Visit, visit

pytestmark = pytest.mark.browser


@pytest.fixture(params=["es", "en"])
def phone(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def test_a_budget_is_divided_measured_and_used(phone: Visit) -> None:
    page, la = phone.page, phone.language
    phone.open("tab=elige&budget=size:0.5:0.1:0:integers")
    lead, answer = page.locator(f"#budget-lead-{la}"), page.locator(f"#budget-answer-{la}")
    expect(lead.locator(".lab-notice.error")).to_contain_text(re.compile("lo mínimo posible|the least possible"))
    field = page.locator(f"#budget-mb-{la} input")
    field.fill("3.1")
    field.press("Tab")
    expect(answer.locator(".budget-heat td[title]")).to_have_count(21)
    page.wait_for_function("new URL(location).searchParams.get('budget') === 'size:3.1:0.1:0:integers'")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    heat = answer.locator(".lab-scroll").first
    assert heat.evaluate("one => one.scrollWidth <= one.clientWidth"), "all of the map is seen on a phone"
    page.locator(f"#budget-{la}").click()
    expect(answer.locator("table.data .lab-mark.measured").first).to_be_visible()
    expect(lead).to_contain_text(re.compile("menos|less"))
    phone.ended("budget-stop")
    answer.locator("table.data .lab-link").first.click()
    expect(page.locator(".lab-recipe")).to_contain_text(re.compile("mezcla de|mix of"))
    page.wait_for_function("new URL(location).searchParams.get('mix')")
    phone.recipe()
    expect(page.locator(f"#trained-{la}")).to_contain_text(re.compile("Mezcla|mix"))
    slider = page.locator(f"#bits-{la} input[type=range]")
    slider.press("ArrowRight")  # the mix was made for what moves now
    page.wait_for_function("!new URL(location).searchParams.get('mix')")
    expect(page.locator(".lab-recipe")).not_to_contain_text(re.compile("mezcla de|mix of"))
