"""The tour in a real Chromium, by itself: what is shown, where the focus goes, what it asks of the page, what is kept.

Its script comes after its elements, as gradio puts the elements in after the scripts of the head have run: whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from visits import PHONE, visit

from quant.plots.style import as_css
from quant.recorded import recorded
from quant.text import Language
from quant.ui.tour import texts as t
from quant.ui.tour.steps import Step, steps
from quant.ui.tour.tour import SCRIPT, STYLE, element, start_button

pytestmark = pytest.mark.browser

ADDRESS = "http://127.0.0.1:1/"  # answered by the browser's own routing; storage needs an origin
HTML = """<!DOCTYPE html><html lang="{language}"><head><meta charset=utf8><style>{style}</style>
<script>window.asked = []; window.labAsk = (what) => window.asked.push(what);</script></head>
<body>{start}<div class="lab-tour-holder">{tour}</div><script>{script}</script></body></html>"""


@dataclass
class Shown:
    """The tour in one language, and everything that should not have happened."""

    page: Page
    language: Language
    complaints: list[str] = field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        return list(steps(recorded(), self.language))

    @property
    def step(self) -> Locator:
        return self.page.locator(".lab-tour-step:not([hidden])")

    def begin(self) -> None:
        self.page.locator("lab-tour-start button").click()

    def guess(self, i: int) -> None:
        self.step.locator("[data-guess]").nth(i).dispatch_event("click")

    def do(self, what: str) -> None:
        self.step.locator(f"[data-do={what}]:visible").click()

    def asked(self) -> list[dict[str, object]]:
        return list(self.page.evaluate("window.asked.splice(0)"))

    def focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.innerText")).strip()


def shown(browser: Browser, language: Language, width: int = 1280) -> Iterator[Shown]:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    seen = Shown(page, language)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda message: seen.complaints.append(message.text))
    body = HTML.format(
        language=language, style=as_css() + STYLE, script=SCRIPT, start=start_button(language), tour=element(language)
    )
    context.route("**", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(ADDRESS)
    yield seen
    context.close()
    assert seen.complaints == []


@pytest.fixture(params=["es", "en"])
def both(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Shown]:
    yield from shown(browser, request.param)


@pytest.fixture
def spanish(browser: Browser) -> Iterator[Shown]:
    yield from shown(browser, "es")


@pytest.fixture
def phone(browser: Browser) -> Iterator[Shown]:
    yield from shown(browser, "es", 390)


def test_six_questions_are_guessed_before_their_answers_show(both: Shown) -> None:
    expect(both.page.locator("lab-tour")).to_be_hidden()
    both.begin()
    for i, step in enumerate(both.steps):
        expect(both.step.get_by_role("heading", name=step.question)).to_be_focused()
        expect(both.step.locator(".lab-tour-answer")).to_be_hidden()
        asked = both.asked()
        assert asked == [{"tab": step.tab, **({"recipe": step.before, "whole": True} if step.before else {})}]
        guess = step.right if i % 2 else (step.right + 1) % len(step.options)
        both.guess(guess)
        answer = both.step.locator(".lab-tour-answer")
        expect(answer).to_be_visible()
        said, other = (t.TOUR_RIGHT, t.TOUR_WRONG) if i % 2 else (t.TOUR_WRONG, t.TOUR_RIGHT)
        assert both.focused().startswith(said[both.language])
        assert other[both.language] not in answer.inner_text()
        expect(both.step.locator(".right")).to_contain_text(step.options[step.right])
        expect(both.step.locator(".right")).to_contain_text(t.TOUR_MARK_RIGHT[both.language])
        assert both.step.locator(".wrong").count() == (0 if i % 2 else 1)
        assert both.asked() == [{"tab": step.tab, **({"recipe": step.after, "whole": True} if step.after else {})}]
        both.guess((guess + 1) % len(step.options))  # answered once
        assert both.asked() == []
        both.do("next")
    done = t.TOUR_DONE.format(score=3, steps=6)[both.language]
    expect(both.step.get_by_role("heading", name=done)).to_be_focused()
    both.do("measure")
    assert both.asked()[-1] == {"tab": "metrica"}
    expect(both.page.locator("lab-tour")).to_be_hidden()


def test_the_place_is_kept_and_nothing_moves_by_itself(spanish: Shown) -> None:
    page, start = spanish.page, spanish.page.locator("lab-tour-start button")
    expect(start).to_have_text(t.TOUR.es)
    spanish.begin()
    spanish.guess(0)
    spanish.do("next")
    page.reload()
    expect(spanish.step.get_by_role("heading")).to_have_text(spanish.steps[1].question)
    assert spanish.asked() == []
    assert page.evaluate("document.activeElement === document.body")
    spanish.do("close")
    expect(page.locator("lab-tour")).to_be_hidden()
    expect(start).to_be_focused()
    page.reload()
    expect(page.locator("lab-tour")).to_be_hidden()
    expect(start).to_have_text(t.TOUR_RESUME.format(step=2, steps=6).es)
    spanish.begin()
    spanish.do("back")
    expect(spanish.step.locator(".lab-tour-answer")).to_be_visible()  # what was answered stays answered
    for _ in range(6):
        spanish.do("next")
    expect(start).to_have_text(t.TOUR_AGAIN.es)
    spanish.do("again")
    expect(spanish.step.locator(".lab-tour-answer")).to_be_hidden()
    expect(spanish.step.get_by_role("heading")).to_have_text(spanish.steps[0].question)


def test_what_is_no_tour_in_the_storage_is_none(spanish: Shown) -> None:
    for kept in ('{"step": 99, "guesses": [], "open": true}', "null", "no", '{"step": 1}', "[]"):
        spanish.page.evaluate("kept => localStorage.setItem('lab-tour', kept)", kept)
        spanish.page.reload()
        expect(spanish.page.locator("lab-tour"), kept).to_be_hidden()
        spanish.begin()
        expect(spanish.step.get_by_role("heading"), kept).to_have_text(spanish.steps[0].question)


def test_without_storage_it_lasts_as_long_as_the_page(spanish: Shown) -> None:
    spanish.page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})")
    spanish.page.reload()
    spanish.begin()
    spanish.guess(3)
    spanish.do("next")
    expect(spanish.step.get_by_role("heading")).to_have_text(spanish.steps[1].question)


def test_the_keyboard_is_enough(spanish: Shown) -> None:
    page, keys = spanish.page, spanish.page.keyboard
    keys.press("Tab")
    keys.press("Enter")
    expect(spanish.step.get_by_role("heading")).to_be_focused()
    keys.press("Tab")
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"
    keys.press("Enter")
    assert spanish.focused().startswith(t.TOUR_WRONG.es)
    for _ in range(10):
        keys.press("Tab")
        if spanish.focused() == t.TOUR_NEXT.es:
            break
    keys.press("Enter")
    expect(spanish.step.get_by_role("heading", name=spanish.steps[1].question)).to_be_focused()
    region = page.get_by_role("region", name=t.TOUR.es)
    expect(region.get_by_role("button")).not_to_have_count(0)


def test_a_phone_shows_a_compact_card(phone: Shown) -> None:
    phone.begin()
    for step in phone.steps:
        box = phone.page.locator("lab-tour section").bounding_box()
        assert box
        assert box["height"] < 844 / 2, step.question  # the question; its answer may take more
        assert phone.page.evaluate("getComputedStyle(document.querySelector('lab-tour')).position") == "static"
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
        phone.guess(0)
        phone.do("next")


def wait_for_recipe(page: Page, address: str) -> None:
    named = "asked => asked.every(([name, value]) => new URLSearchParams(location.search).get(name) === value)"
    page.wait_for_function(named, arg=parse_qsl(address))


def test_the_page_follows_the_tour_and_not_the_other_way_round(browser: Browser, server: str) -> None:
    for seen in visit(browser, server, "es", PHONE):
        page, all_ = seen.page, list(steps(recorded(), "es"))
        seen.open("bits=6")
        page.locator("lab-tour-start button").click()
        for i, step in enumerate(all_[:3]):
            expect(page.locator(f"#tab-{step.tab}-es-button")).to_have_attribute("aria-selected", "true")
            page.wait_for_timeout(300)  # a tab that is asked for twice ends in the wrong one
            expect(page.locator(f"#tab-{step.tab}-es-button")).to_have_attribute("aria-selected", "true")
            if step.before:
                wait_for_recipe(page, step.before)
            if i < 2:
                page.locator("[data-do=next]:visible").click()
        page.locator("[data-guess]:visible").nth(all_[2].right).click()
        wait_for_recipe(page, all_[2].after)
        seen.tab("texto")
        expect(page.locator("lab-tour")).to_be_visible()
        expect(page.locator(".lab-tour-answer:visible")).to_have_count(1)
        page.locator("[data-do=close]:visible").click()
        expect(page.locator("#tab-texto-es-button")).to_be_focused()  # the button that begins it is in another tab
