"""De PTQ a QAT in a real browser: a training that is stopped, used in every tab, taken off again, and gone on with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import DESKTOP, PHONE, Visit, visit

from quant.ui.sidebar import texts as s
from quant.ui.tabs.methods import training_texts as t

pytestmark = pytest.mark.browser


@pytest.fixture
def desktop(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


@pytest.fixture
def phone(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "en", PHONE)


def test_a_training_is_stopped_used_and_taken_off(desktop: Visit) -> None:
    page = desktop.page
    desktop.open("tab=metodos&qat=4:rtn:scales:distillation:training_sample:0:3:0:0:15")
    expect(page.locator("#qat-bits-es input[value='4']")).to_be_checked()
    page.locator("#qat-es").click()
    picture, go_on = page.locator("#qat-picture-es"), page.locator("#qat-go-on-es")
    use = picture.locator(".lab-qat-use a")
    expect(use).to_be_visible()  # after its first steps
    expect(picture.locator("svg")).to_have_count(3)  # no weight moves where scales alone are learned
    if page.locator("#qat-stop-es").is_visible():  # on a fast machine it may have ended meanwhile
        page.locator("#qat-stop-es").click()
    expect(go_on).to_be_visible()
    use.click()
    page.wait_for_function("(window.labRecipe.training ?? '').includes(':scales:')")
    expect(page.locator(".lab-recipe")).to_contain_text("entrenado")
    desktop.recipe()
    expect(page.locator("#trained-es")).to_contain_text("solo escalas")
    page.locator("#bits-es input[type=range]").press("ArrowLeft")
    page.wait_for_function("!window.labRecipe.training && !new URL(location).searchParams.has('training')")
    expect(page.locator(".lab-recipe")).not_to_contain_text("entrenado")
    expect(page.locator("#trained-es")).not_to_contain_text("solo escalas")
    page.reload()
    page.wait_for_function("window.labReady === true")
    expect(page.locator("#qat-bits-es input[value='4']")).to_be_checked()
    expect(picture.locator("svg").first).to_be_visible()  # what was shown is still there


def test_what_cannot_be_trained_is_said_and_a_bad_link_is_no_harm(phone: Visit) -> None:
    page = phone.page
    phone.open("tab=metodos&bits=2&training=5:weights:distillation:own-0123456789abcdef:0:0.0005&qat=nonsense")
    expect(page.get_by_text(s.OWN_TEXT_GONE.en).first).to_be_attached()
    expect(page.locator("#qat-said-en")).to_contain_text("not understood")
    page.locator("#qat-bits-en label").nth(2).click()  # a control that moves writes it anew
    page.locator("#qat-more-en button").first.click()
    page.locator("#qat-text-en label").nth(1).click()
    page.locator("#qat-own-en textarea").fill("Muy corto.")
    page.locator("#qat-en").click()
    expect(page.locator("#qat-said-en [role=alert]")).to_contain_text("tokens")
    expect(page.locator("#qat-en")).to_be_enabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.locator(f"#methods-training-en h2:has-text('{t.TITLE.en}')")).to_be_visible()
