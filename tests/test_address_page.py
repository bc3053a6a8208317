"""In a real browser: what the address and the browser keep, links that ask for a recipe, results of an older one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from cases import each
from playwright.sync_api import Browser, Page, Route, expect
from visits import DESKTOP, PHONE, Visit, visit

from quant.methods import METHODS
from quant.methods.base import knobs_of
from quant.model.load import EMBEDDED
from quant.text import Language
from quant.ui.shared import texts as shared_texts
from quant.ui.sidebar import texts as sidebar_texts
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.knobs import Owner
from quant.ui.sidebar.together import fitting_methods
from quant.ui.tabs.table import TITLES

pytestmark = pytest.mark.browser
SHIFT_JS = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


@pytest.fixture(params=["es", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def ask(page: Page, **asked: object) -> None:
    page.evaluate("asked => window.labAsk(asked)", asked)


def again(seen: Visit) -> None:
    """Reload. Gradio complains in the console of a stream that a reload cuts."""
    seen.page.reload()
    seen.page.wait_for_function("window.labReady === true")
    seen.complaints.clear()


@each("query", ["", "tab=texto&bits=3", "tab=metrica&format=Q4_K"])
def test_nothing_jumps_while_the_page_opens(phone: Visit, query: str) -> None:
    phone.page.add_init_script(SHIFT_JS)
    phone.open(query)
    phone.page.wait_for_timeout(500)
    assert phone.page.evaluate("window.shift") < 0.1


def test_a_link_of_the_page_asks_for_a_recipe_and_a_tab(desktop: Visit) -> None:
    page = desktop.page
    desktop.open("bits=5&granularity=channel")
    line = page.locator(".lab-recipe")
    ask(page, recipe="bits=3", tab="pesos")
    expect(line).to_contain_text("3 bits")
    expect(line).to_contain_text(sidebar_texts.BRIEF_GRANULARITIES["channel"][desktop.language])  # type: ignore[index]
    expect(page).to_have_url(re.compile(r"tab=pesos.*bits=3|bits=3.*tab=pesos"))
    ask(page, recipe="format=Q4_K")
    expect(line).to_contain_text("Q4_K")
    ask(page, recipe="bits=2", whole=True)
    expect(line).to_contain_text(sidebar_texts.BRIEF_GRANULARITIES["group"].format(group=64)[desktop.language])  # type: ignore[index]
    expect(line).to_contain_text("2 bits")
    ask(page, recipe="bits=77&format=nothing")
    ask(page, recipe="group=16")
    expect(line).to_contain_text("2 bits")
    expect(line).to_contain_text("16")
    assert page.evaluate("window.labRecipe.bits") == 2
    expect(page).to_have_url(re.compile("group=16"))


def test_back_leads_to_the_tab_before_and_keeps_the_recipe(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=texto&bits=3")
    spanish.tab("pesos")
    ask(page, recipe="bits=6")
    expect(page.locator(".lab-recipe")).to_contain_text("6 bits")
    spanish.tab("metrica")
    for tab in ("pesos", "texto"):
        page.go_back()
        expect(page.get_by_role("tab", name=TITLES[tab].es, exact=True)).to_have_attribute("aria-selected", "true")
        expect(page).to_have_url(re.compile(f"tab={tab}.*bits=6|bits=6.*tab={tab}"))
    page.go_forward()
    expect(page.get_by_role("tab", name=TITLES["pesos"].es, exact=True)).to_have_attribute("aria-selected", "true")


def test_a_reload_and_the_other_language_lose_nothing(spanish: Visit) -> None:
    page, long = spanish.page, "Había una vez un texto que no cabe en la dirección. " * 10
    spanish.open("tab=texto&bits=6")
    page.locator("#prompt-es textarea").fill("El mar estaba")
    page.locator("#drift-text-es textarea").fill(long)
    expect(page).to_have_url(re.compile(r"prompt=El\+mar\+estaba"))
    assert "Hab" not in page.url
    again(spanish)
    for language in ("es", "en"):
        expect(page.locator(f"#prompt-{language} textarea")).to_have_value("El mar estaba")
        expect(page.locator(f"#drift-text-{language} textarea")).to_have_value(long)
        expect(page.locator(".lab-recipe")).to_contain_text("6 bits")
        if language == "es":
            page.locator("a.language").click()
            page.wait_for_url("**/en?**")
            page.wait_for_function("window.labReady === true")
    spanish.complaints.clear()


def test_a_shared_link_wins_over_what_the_browser_keeps(spanish: Visit) -> None:
    spanish.open("tab=texto")
    spanish.page.locator("#prompt-es textarea").fill("Lo mío")
    expect(spanish.page).to_have_url(re.compile("prompt="))
    spanish.open("tab=texto&prompt=Lo+de+otro")
    expect(spanish.page.locator("#prompt-es textarea")).to_have_value("Lo de otro")
    spanish.complaints.clear()


def test_a_result_of_another_recipe_says_so(desktop: Visit) -> None:
    page, language = desktop.page, desktop.language
    desktop.open("tab=texto&bits=3")
    page.locator(f"#write-{language}").click()
    written = page.locator(f"#written-{language}")
    expect(written.locator(".writer")).to_have_count(2)
    old = written.get_by_text(shared_texts.OLD_RECIPE[language])  # type: ignore[index]
    expect(old).not_to_be_visible()
    ask(page, recipe="bits=5")
    expect(old).to_be_visible()
    ask(page, recipe="bits=3")
    expect(old).not_to_be_visible()
    ask(page, recipe="bits=6")
    old.click()
    expect(old).not_to_be_visible()
    expect(written.locator(".writer")).to_have_count(2)


def test_a_word_and_the_drawer_open_over_the_page_and_give_the_focus_back(phone: Visit) -> None:
    phone.open("tab=texto")
    word = phone.page.locator(".lab-term button:visible").first
    said = word.locator("xpath=following-sibling::*")
    for opens in (word.click, lambda: word.press("Enter")):
        opens()
        expect(said).to_be_visible()
        expect(word).to_have_attribute("aria-expanded", "true")
        box = said.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        phone.page.keyboard.press("Escape")
        expect(said).not_to_be_visible()
        expect(word).to_be_focused()
    phone.tab("pesos")
    the_drawer_gives_the_focus_back(phone)


def the_drawer_gives_the_focus_back(phone: Visit) -> None:
    page, language = phone.page, phone.language
    drawer, line = page.locator(f"#recipe-{language}"), page.locator(".lab-recipe")
    expect(drawer).not_to_be_visible()
    for closes in (lambda: page.keyboard.press("Escape"), lambda: page.locator(".lab-close:visible").click()):
        phone.recipe()
        expect(page.locator(".lab-close:visible")).to_be_focused()
        expect(page.locator(f"#bits-{language} input[type=range]")).to_be_visible()
        closes()
        expect(drawer).not_to_be_visible()
        expect(line).to_be_focused()


def test_the_drawer_is_seen_in_a_low_window(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=metrica")
    for width, height in ((360, 560), (640, 450), (844, 390), (1280, 500)):
        page.set_viewport_size({"width": width, "height": height})
        spanish.recipe()
        expect(page.locator(".lab-close:visible")).to_be_in_viewport()
        expect(page.locator("#bits-es input[type=range]")).to_be_in_viewport()
        page.locator(".lab-close:visible").click()
        expect(page.locator("#recipe-es")).to_be_hidden()


def test_two_quick_steps_back_leave_the_history_whole(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=inicio")
    for tab in ("numeros", "pesos", "texto"):
        spanish.tab(tab)
        expect(page).to_have_url(re.compile(f"tab={tab}"))
    page.evaluate("history.back(); setTimeout(() => history.back(), 30)")
    expect(page.get_by_role("tab", name=TITLES["numeros"].es, exact=True)).to_have_attribute("aria-selected", "true")
    page.wait_for_timeout(400)  # a tab that says late that it was selected would be a step of its own
    page.go_forward()
    expect(page.get_by_role("tab", name=TITLES["pesos"].es, exact=True)).to_have_attribute("aria-selected", "true")


def test_what_moved_while_the_other_tabs_were_drawn_is_drawn_again(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("bits=7")
    # As if the recipe had moved before the answer for 7 bits came: the page is told that all tabs are drawn.
    page.evaluate("""() => {
        const live = {...window.labRecipe, bits: 3};
        window.labMoved(Object.keys(live), Object.values(live), {}, []);
        window.labOpened();
    }""")
    expect(page.locator(".lab-recipe")).to_contain_text("3 bits")
    spanish.tab("metrica")
    expect(page.locator("#file-plan-es")).to_contain_text("6,38")


def test_until_gradio_has_built_the_page_the_first_picture_stays(spanish: Visit) -> None:
    held: list[Route] = []
    spanish.page.clock.install()
    spanish.page.route("**/assets/*.js", lambda route: held.append(route))
    spanish.page.goto(spanish.url, wait_until="commit")
    first = spanish.page.locator("#lab-first lab-hero")
    expect(first).to_be_visible()
    spanish.page.clock.fast_forward(20_000)  # more than what gradio is waited for
    expect(first).to_be_visible()
    spanish.page.unroute_all(behavior="ignoreErrors")
    spanish.complaints.clear()


def test_a_family_of_formats_offers_its_own(desktop: Visit) -> None:
    language: Language = desktop.language  # type: ignore[assignment]
    page = desktop.page
    desktop.open("tab=pesos")
    desktop.recipe()
    page.get_by_role("radio", name=sidebar_texts.FAMILIES["bitsandbytes"][language]).check()
    expect(page.locator(".lab-recipe")).to_contain_text("NF4")
    page.get_by_label(sidebar_texts.FORMAT[language], exact=True).first.click()
    expect(page.locator("ul[role=listbox] [role=option]")).to_have_count(3)
    page.locator("ul[role=listbox] [role=option]").first.click()  # Escape might close the drawer too
    page.get_by_role("radio", name=sidebar_texts.FAMILIES["integer"][language]).check()
    expect(page.locator(".lab-recipe")).to_contain_text("4 bits")


def turnable() -> tuple[str, str] | None:
    """A method for the usual format and one of its knobs that slides down; None while there is none."""
    for name in fitting_methods(Choice(EMBEDDED)):
        for knob, ends in knobs_of(METHODS[name].knobs).items():
            if Owner(METHODS[name]).defaults[knob] > ends.low and (ends.low, ends.high, ends.step) != (0, 1, 1):
                return name, knob
    return None


def test_what_an_address_says_beyond_a_format_is_unfolded_and_a_knob_goes_into_it(spanish: Visit) -> None:
    page, found = spanish.page, turnable()
    spanish.open("keys=8&values=4&tab=texto" + (f"&method={found[0]}" if found else ""))
    expect(page.locator(".lab-recipe")).to_contain_text("claves 8, valores 4")
    spanish.recipe()
    expect(page.get_by_label(sidebar_texts.KEYS.es, exact=True)).to_be_visible()
    if not found:
        return
    slider = page.locator(f".lab-knobs:visible input[name='{found[1]}']")
    slider.press("Home")
    expect(page).to_have_url(re.compile(f"knobs={found[1]}%3A"))
    page.get_by_role("button", name=sidebar_texts.KNOBS_RESET.es).click()
    expect(page).not_to_have_url(re.compile("knobs="))
    expect(slider).to_have_js_property("value", slider.get_attribute("data-usual"))


def test_what_waits_for_a_model_is_drawn_once_it_has_been_made(spanish: Visit) -> None:
    """Without a reload: in Pesos and in Inicio, when their tab is chosen."""
    page = spanish.page
    waits = page.get_by_text("hay que hacer antes el modelo").locator("visible=true")
    spanish.open("tab=texto&method=awq&tokens=256")
    for tab in ("pesos", "inicio"):
        spanish.tab(tab)
        expect(waits).to_have_count(1)
    spanish.tab("texto")
    page.locator("#write-es").click()
    expect(page.locator("#written-es .writer")).to_have_count(2)  # the model is there
    spanish.ended("stop")
    for tab in ("pesos", "inicio"):
        spanish.tab(tab)
        expect(waits).to_have_count(0)
        expect(page.locator(f"#tab-{tab}-es-button")).to_have_attribute("aria-selected", "true")
