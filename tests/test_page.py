"""The page as a visitor meets it: `python app.py` in its own process, driven in a real headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from test_texts import ALL

from quant.ui import texts

pytestmark = pytest.mark.browser

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATHS = {"es": "", "en": "en"}
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
        expect(self.page.locator(".lab-status b")).to_be_visible()
        self.page.wait_for_function("window.labReady === true")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=texts.TABS[name][self.language], exact=True).click()  # type: ignore[index]

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

    page.on("request", leaves_the_machine)
    page.on("pageerror", lambda error: seen.complaints.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: seen.complaints.append(f"console: {message.text}") if message.type == "error" else None,
    )
    yield seen
    context.close()
    assert seen.complaints == []


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


@pytest.fixture(params=["es", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def visible_text(page: Page) -> str:
    return page.locator("body").inner_text()


def fragments_of(language: str) -> set[str]:
    """Runs of three words or more that only the other language's half of some sentence has."""
    other = "en" if language == "es" else "es"
    mine = " ".join(text[language] for text in ALL)  # type: ignore[index]
    pieces = (re.split(r"[{}*:.;«»“”()]", text[other]) for text in ALL)  # type: ignore[index]
    found = {piece.strip() for group in pieces for piece in group if len(piece.split()) >= 3}
    return {piece for piece in found if piece not in mine}


def test_every_tab_opens_in_its_own_language(desktop: Visit) -> None:
    desktop.open()
    foreign = fragments_of(desktop.language)
    assert len(foreign) > 100
    for name in reversed(texts.TABS):
        desktop.tab(name)
        expect(desktop.page).to_have_url(re.compile(f"tab={name}"))
        shown = visible_text(desktop.page)
        assert [piece for piece in foreign if piece in shown] == []
    assert desktop.page.locator('[aria-label*="slider for"]').count() == 0


def test_the_keyboard_moves_the_slider_and_the_figure_follows(desktop: Visit) -> None:
    desktop.open("tab=pesos")
    expect(desktop.page.locator(".js-plotly-plot")).to_have_count(2)
    cards = desktop.page.locator(".lab-cards")
    expect(cards).to_contain_text("15")
    before = bars(desktop.page)
    slider = desktop.page.locator(f"#bits-{desktop.language} input[type=range]")
    slider.focus()
    for _ in range(2):
        slider.press("ArrowLeft")
    expect(cards).to_contain_text(texts.WEIGHTS_BPW_SMALL.format(bits=2)[desktop.language])  # type: ignore[index]
    expect(desktop.page).to_have_url(re.compile("bits=2"))
    desktop.page.wait_for_function("before => JSON.stringify(" + BARS_JS + ") !== before", arg=before)
    expect(desktop.page.locator(".lab-status")).to_contain_text(re.compile(r"2[.,]25"))


BARS_JS = "document.querySelector('.js-plotly-plot').data[1].y"


def test_the_mouse_moves_the_slider_too(spanish: Visit) -> None:
    spanish.open("tab=pesos")
    slider = spanish.page.locator("#bits-es input[type=range]")
    box = slider.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    spanish.page.mouse.move(box["x"] + box["width"] / 2, middle)
    spanish.page.mouse.down()
    spanish.page.mouse.move(box["x"] + box["width"] - 2, middle, steps=8)
    spanish.page.mouse.up()
    expect(spanish.page.locator(".lab-cards")).to_contain_text(texts.WEIGHTS_BPW_SMALL.format(bits=8).es)
    expect(spanish.page).to_have_url(re.compile("bits=8"))


def bars(page: Page) -> str:
    """The quantized histogram as drawn, as JSON."""
    return str(page.evaluate(f"JSON.stringify({BARS_JS})"))


def test_text_streams_and_stops(spanish: Visit) -> None:
    spanish.open("tab=texto&bits=8&granularity=channel")
    # A beginning that the embedded model carries on to the end of its context: there is time to press a button.
    spanish.page.locator("#prompt-es textarea").fill("Aquella noche")
    spanish.page.get_by_role("button", name=texts.SETTINGS.es).click()
    spanish.page.get_by_label(texts.MAX_LENGTH.es).fill("512")
    spanish.page.locator("#write-es").click()
    written = spanish.page.locator("#written-es")
    expect(written.locator(".writer")).to_have_count(2)
    first = written.inner_text()
    spanish.page.wait_for_function(
        "first => document.querySelector('#written-es').innerText !== first", arg=first
    )  # it grows
    expect(written.locator(".caret").first).to_be_visible()
    spanish.page.locator("#stop-es").click()
    expect(written).to_contain_text(texts.STOPPED.es)
    stopped = written.inner_text()
    spanish.page.wait_for_timeout(1500)
    assert written.inner_text() == stopped
    assert written.locator(".caret").count() == 0
    assert "512" not in stopped
    assert spanish.bits() == 8


def test_a_second_visitor_sees_a_place_in_the_queue_and_then_the_text(
    spanish: Visit, browser: Browser, server: str
) -> None:
    spanish.open("tab=metrica&bits=7")
    spanish.page.get_by_label(texts.METRIC_AMOUNTS["whole"].es).check()
    spanish.page.locator("#measure-es").click()
    expect(spanish.page.locator("#measured-es .lab-progress")).to_be_visible()
    for second in visit(browser, server, "es", DESKTOP):
        second.open("tab=texto")
        second.page.locator("#write-es").click()
        expect(second.page.locator("#written-es")).to_contain_text(texts.QUEUE_ONE.es)
        spanish.page.close()  # whoever leaves gives the place up
        expect(second.page.locator("#written-es .writer")).to_have_count(2)


def test_text_of_both_models_side_by_side(desktop: Visit) -> None:
    desktop.open("tab=texto&bits=2")
    desktop.page.locator(f"#write-{desktop.language}").click()
    written = desktop.page.locator(f"#written-{desktop.language}")
    expect(written.locator("mark")).to_have_count(2)
    expect(written.locator(".caret")).to_have_count(0)
    assert "Me gusta mucho el futbol" in written.inner_text()


def test_the_language_switch_keeps_recipe_and_tab(spanish: Visit) -> None:
    spanish.open("bits=3&granularity=channel&zero_point=1&table=1&tab=texto")
    assert spanish.bits() == 3
    spanish.page.locator("a.language").click()
    spanish.page.wait_for_url("**/en?**")
    spanish.page.wait_for_function("window.labReady === true")
    other = Visit(spanish.page, spanish.url, "en")
    assert other.bits() == 3
    expect(spanish.page.get_by_role("tab", name=texts.TABS["texto"].en)).to_have_attribute("aria-selected", "true")
    expect(spanish.page.get_by_label(texts.GRIDS[True].en)).to_be_checked()
    expect(spanish.page.get_by_label(texts.TABLE.en)).to_be_checked()


def test_a_bad_link_says_what_is_allowed_and_the_page_works(desktop: Visit) -> None:
    desktop.open("bits=99&group=7&model=nobody/nothing&tab=nowhere")
    status = desktop.page.locator(".block.lab-status-holder")
    expect(status.locator(".lab-notice")).to_have_count(3)
    expect(status).to_contain_text("nobody/nothing")
    assert desktop.bits() == 4
    desktop.page.wait_for_url("**group=64**")
    expect(desktop.page).to_have_url(re.compile("bits=4&"))  # mended, so that the other language gets no bad link


def test_a_link_to_a_model_that_is_not_here_keeps_the_rest(spanish: Visit) -> None:
    spanish.open("model=datificate/gpt2-small-spanish&bits=3&granularity=channel")
    assert spanish.bits() == 3
    expect(spanish.page.get_by_label(texts.GRANULARITIES["channel"].es)).to_be_checked()
    expect(spanish.page.locator(".lab-status-holder .lab-notice").first).to_contain_text("datificate")


def test_each_language_has_its_title_and_says_what_it_is(desktop: Visit) -> None:
    desktop.open()
    expect(desktop.page).to_have_title(texts.TITLE[desktop.language])  # type: ignore[index]
    expect(desktop.page.locator("html")).to_have_attribute("lang", desktop.language)


def test_measuring_gives_a_baseline_and_the_quantized_figure(desktop: Visit) -> None:
    desktop.open("tab=metrica&bits=3")
    desktop.page.locator(f"#measure-{desktop.language}").click()
    measured = desktop.page.locator(f"#measured-{desktop.language}")
    expect(measured.locator("tbody tr")).to_have_count(4)
    expect(measured.locator(".lab-progress")).to_have_count(0)
    assert "512" in measured.locator(".lab-caption").last.inner_text()


def test_a_bad_prompt_gets_a_message_and_nothing_is_lost(spanish: Visit) -> None:
    spanish.open("tab=texto&bits=5")
    spanish.page.locator("#prompt-es textarea").fill("   ")
    spanish.page.locator("#write-es").click()
    expect(spanish.page.locator("#written-es .lab-notice.error")).to_contain_text("vacío")
    assert spanish.bits() == 5
    spanish.page.locator("#prompt-es textarea").fill("Hola")
    spanish.page.locator("#write-es").click()
    expect(spanish.page.locator("#written-es .writer")).to_have_count(2)


def test_fetching_without_a_network_says_so(spanish: Visit) -> None:
    spanish.open()
    spanish.page.get_by_role("button", name=texts.FETCH.es).click()
    expect(spanish.page.locator(".lab-side .lab-notice.error")).to_contain_text("datificate/gpt2-small-spanish")
    assert "GPT-2 incluido" in spanish.page.locator(".lab-status").inner_text()


def test_a_phone_shows_everything_without_scrolling_sideways(phone: Visit) -> None:
    for name in texts.TABS:
        phone.open(f"tab={name}")
        width = phone.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"]
        expect(phone.page.locator(f"#bits-{phone.language} input[type=range]")).to_be_in_viewport()
    phone.page.evaluate("window.scrollTo(0, 99999)")
    expect(phone.page.locator(".lab-status b")).to_be_in_viewport()  # the line on top stays, under the slider
    more = phone.page.get_by_role("button", name=texts.MORE[phone.language])  # type: ignore[index]
    table = phone.page.get_by_label(texts.TABLE[phone.language])  # type: ignore[index]
    expect(table).not_to_be_visible()
    more.click()
    expect(table).to_be_visible()


def test_links_of_the_first_tab_lead_to_the_others(spanish: Visit) -> None:
    spanish.open()
    spanish.page.get_by_role("button", name=texts.START_LINKS["metrica"].es).click()
    expect(spanish.page.locator("#measure-es")).to_be_visible()
    expect(spanish.page).to_have_url(re.compile("tab=metrica"))
