"""Elige in a real browser: a guess, the answer, another target, using it, and a name decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import DESKTOP, PHONE, Visit, visit

pytestmark = pytest.mark.browser


@pytest.fixture(params=["es", "en"])
def desktop(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture(params=["es"])
def phone(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def test_a_guess_comes_before_the_answer_which_follows_what_is_wanted(desktop: Visit) -> None:
    page, la = desktop.page, desktop.language
    desktop.open("tab=elige&advice=browser:few:10:512:small:size")
    answer = page.locator(f"#advice-answer-{la} .lab-advice")
    expect(answer).to_have_count(1)
    expect(answer).to_be_hidden()
    page.locator(f"#advice-guess-{la} [value=BROKEN]").check()
    expect(answer).to_be_visible()
    expect(answer.locator(".lab-guessed:visible")).to_have_count(1)
    expect(answer.locator(".lab-advice-big")).to_contain_text("GPTQ")
    expect(page.locator(f"#advice-target-{la} input[value=browser]")).to_be_checked()
    page.locator(f"#advice-target-{la} input[value=apple]").check()
    page.wait_for_function("new URL(location).searchParams.get('advice').startsWith('apple:')")
    page.locator(f"#advice-tolerance-{la} input[value=noticeable]").check()
    expect(answer.locator(".lab-advice-big")).to_contain_text(re.compile("[«“]Q3_K · "))
    answer.locator(".lab-link").first.click()
    page.wait_for_function("window.labRecipe.format === 'Q3_K'")


def test_a_name_is_picked_typed_and_refused(phone: Visit) -> None:
    page, la = phone.page, phone.language
    phone.open("tab=elige&name=NVFP4")
    decoded = page.locator(f"#names-decoded-{la}")
    expect(decoded.locator("code").first).to_have_text("NVFP")
    expect(page.locator(f"#names-examples-{la} input[value=NVFP4]")).to_be_checked()
    page.locator(f"#names-examples-{la} input[value=Q4_K_M]").check()
    expect(decoded.locator("code").first).to_have_text("Q")
    page.locator(f"#names-{la} :is(input, textarea)").fill("Q9_K")
    expect(decoded.locator(".lab-notice")).to_contain_text("Q9_K")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
