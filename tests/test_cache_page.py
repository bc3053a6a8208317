"""Keys and values in a real browser: the controls move bytes and table; a cell asks for its recipe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import PHONE, Visit, visit

pytestmark = pytest.mark.browser
ASKED_JS = "() => { window.asked = []; window.labAsk = (what) => window.asked.push(what); }"


@pytest.fixture(params=["es", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def test_bits_move_the_bytes_and_a_cell_is_a_recipe(phone: Visit) -> None:
    phone.open("tab=metodos")
    page, language = phone.page, phone.language
    sizes, table = page.locator(f"#kv-sizes-{language}"), page.locator(f"#kv-table-{language}")
    chosen = table.locator("td.chosen a")
    expect(chosen).to_have_attribute("data-recipe", "keys=8&values=4&cache_per=token")
    before = sizes.inner_text()
    page.locator(f"#kv-keys-{language} label", has_text="4").first.click()
    expect(chosen).to_have_attribute("data-recipe", "keys=4&values=4&cache_per=token")
    expect(sizes).not_to_have_text(before)
    page.evaluate(ASKED_JS)
    chosen.click()
    assert page.evaluate("window.asked[0].recipe") == "keys=4&values=4&cache_per=token"
