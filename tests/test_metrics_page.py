"""Métrica in a real browser: points that load recipes, what is kept between visits, words counted while one pastes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import DESKTOP, PHONE, Visit, visit

from quant.evaluation.verdict import WORDS, Verdict
from quant.text import Language, fixed
from quant.texts import shipped_text
from quant.ui.shared import texts as shared_texts
from quant.ui.tabs.metrics import history_texts, picture_texts
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.reading import rounded, words_of
from quant.ui.tabs.metrics.tab import STORAGE_KEY

pytestmark = pytest.mark.browser
LONG = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 36


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


@pytest.fixture
def phone(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", PHONE)


# What gradio tells the console where a page is left while it still draws: what was measured is drawn once more, as
# other windows draw it.
CUT = ("AbortError: signal is aborted", "Connection errored out")


def forget(seen: Visit, *words: str) -> None:
    """Complaints that a test brings about."""
    seen.complaints[:] = [said for said in seen.complaints if not any(word in said for word in words)]


def measure_own(seen: Visit) -> None:
    """A measurement on a short text, so that a test need not read a shipped one."""
    seen.page.locator(f"#text-{seen.language} input[value=own]").check()
    seen.page.locator(f"#own-{seen.language} textarea").fill(LONG)
    seen.page.locator(f"#measure-{seen.language}").click()
    expect(seen.page.locator(f"#history-{seen.language} tbody tr")).not_to_have_count(0)
    seen.ended("measure-stop")


def test_the_verdict_is_there_before_anything_is_measured_and_follows_the_recipe(desktop: Visit) -> None:
    language: Language = desktop.language  # type: ignore[assignment]
    desktop.open("tab=metrica")
    card = desktop.page.locator(f"#brief-{language}")
    expect(card.locator(".lab-brief-word")).to_contain_text(WORDS[Verdict.NOTICEABLE][language])
    expect(card).to_contain_text(re.compile("6[.,]88"))
    box = card.locator(".lab-brief-word .lab-chip-verdict").bounding_box()
    assert box is not None
    assert 40 <= box["height"] <= 56
    assert box["y"] + box["height"] < 400
    assert not desktop.page.get_by_label("Empty value").is_visible()
    point = desktop.page.locator(f"#tradeoff-{language} svg.bits.wide a.point").filter(has_text="2 bits")
    point.click()
    expect(card.locator(".lab-brief-word")).to_contain_text(WORDS[Verdict.BROKEN][language])
    expect(desktop.page).to_have_url(re.compile("bits=2&"))
    expect(desktop.page).to_have_url(re.compile("tab=metrica"))
    expect(point).to_have_attribute("aria-current", "true")


def test_the_keyboard_loads_a_point_and_mb_is_another_drawing(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=metrica")
    bits, mb = (page.locator(f"#tradeoff-es svg.{unit}.wide") for unit in ("bits", "mb"))
    expect(bits).to_be_visible()
    expect(mb).not_to_be_visible()
    page.get_by_label(picture_texts.PICTURE_UNITS["mb"].es, exact=True).check()
    expect(mb).to_be_visible()
    expect(bits).not_to_be_visible()
    expect(page.locator("#tradeoff-es svg.narrow").first).not_to_be_visible()
    point = mb.locator("a.point").filter(has_text="3 bits")
    point.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".lab-recipe")).to_contain_text("3 bits")
    expect(page.locator("#bits-es input[type=range]")).to_have_value("3")


def test_what_was_measured_is_there_after_a_reload_and_in_the_other_language(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=metrica&bits=3")
    measure_own(spanish)
    spanish.open("tab=inicio")  # anew: gradio complains in the console of a stream that a reload cuts
    spanish.tab("metrica")
    expect(page.locator("#history-es tbody tr")).to_have_count(2)
    expect(page.locator("#tradeoff-es svg.bits.wide a.measured")).to_have_count(1)
    english = Visit(page, spanish.url, "en")
    english.open("tab=metrica")
    expect(page.locator("#history-en tbody tr")).to_have_count(2)
    expect(page.locator("#history-en")).to_contain_text(history_texts.HISTORY_READ.en)
    page.locator("#history-en a.lab-link").click()
    expect(page).to_have_url(re.compile("bits=3&"))
    forget(spanish, *CUT)


def test_two_windows_lose_nothing_of_what_either_has_measured(spanish: Visit) -> None:
    """A measures 4 bits, B 3, A 2: all three are there, in both windows and after a reload."""
    first, other = spanish, Visit(spanish.page.context.new_page(), spanish.url, "es")
    first.open("tab=metrica&bits=4")
    other.open("tab=inicio&bits=3")  # the table there is not built before its tab is chosen
    measure_own(first)
    other.tab("metrica")
    expect(other.page.locator("#history-es tbody tr")).to_have_count(2)
    measure_own(other)
    for window in (first, other):
        expect(window.page.locator("#history-es tbody tr")).to_have_count(3)
    first.page.evaluate("window.labAsk({recipe: 'bits=2'})")
    expect(first.page).to_have_url(re.compile("bits=2&"))
    first.page.locator("#measure-es").click()
    for window in (first, other):
        expect(window.page.locator("#history-es tbody tr")).to_have_count(4)
    other.page.close()
    first.open("tab=metrica")
    expect(first.page.locator("#history-es tbody tr")).to_have_count(4)
    forget(first, *CUT)


@pytest.mark.parametrize("kept", ["address", "storage"])
def test_an_own_text_that_was_kept_is_seen(spanish: Visit, kept: str) -> None:
    page = spanish.page
    if kept == "storage":
        page.add_init_script(
            "localStorage.setItem('lab-measured_text', 'own'); localStorage.setItem('lab-own', 'hola')"
        )
        spanish.open("tab=metrica")
    else:
        spanish.open("tab=metrica&measured_text=own&own=hola")
    expect(page.locator("#text-es input[value=own]")).to_be_checked()
    expect(page.locator("#own-es textarea")).to_have_value("hola")
    expect(page.locator("#missing-es .lab-counter")).to_be_visible()
    expect(page.locator("#amount-es")).not_to_be_visible()


@pytest.mark.parametrize("tab", ["metrica", "inicio"])
def test_a_text_that_was_kept_brings_its_amounts(spanish: Visit, tab: str) -> None:
    page = spanish.page
    page.add_init_script("localStorage.setItem('lab-measured_text', 'literatura')")
    spanish.open(f"tab={tab}")
    spanish.tab("metrica")
    words = fixed(rounded(words_of(shipped_text("literatura"))), "es", 0)
    expect(page.locator("#text-es input[value=literatura]")).to_be_checked()
    expect(page.locator("#amount-es")).to_contain_text(words)


@pytest.mark.parametrize("query", ["", "&measured_text=otro"])
def test_what_is_no_text_does_not_break_the_page(spanish: Visit, query: str) -> None:
    page = spanish.page
    page.add_init_script("localStorage.setItem('lab-measured_text', 'otro')")
    spanish.open(f"tab=metrica{query}")
    expect(page.locator("#brief-es .lab-brief-word")).to_be_visible()
    expect(page.locator("#amount-es")).to_be_visible()
    expect(page.locator("#text-es input[value=enciclopedia]")).to_be_checked()


def test_what_another_has_written_into_the_browser_is_left_out_with_a_word(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=metrica&bits=3")
    measure_own(spanish)
    page.evaluate("key => localStorage.setItem(key, 'nonsense')", STORAGE_KEY)
    spanish.open("tab=metrica")
    expect(page.locator("#history-es")).to_contain_text(history_texts.HISTORY_EMPTY.es)
    measure_own(spanish)
    expect(page.locator("#history-es tbody tr")).to_have_count(2)
    forget(spanish, "localStorage", "decrypt", *CUT)  # the component itself says that it could not read it


def test_a_result_is_copied_grows_old_and_goes_when_the_next_text_cannot_be_read(spanish: Visit) -> None:
    spanish.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    spanish.open("tab=metrica&bits=3")
    measure_own(spanish)
    the_table_is_copied(spanish)
    a_result_of_another_recipe_says_so(spanish)
    page = spanish.page
    page.locator("#figures-es summary").first.click()
    expect(page.locator("#divergence-es .js-plotly-plot")).to_be_visible()
    expect(page.locator("#tradeoff-es svg.bits.wide a.measured")).to_have_attribute("aria-current", "true")
    page.locator("#measure-es").click()  # figures that one has opened stay open while they are written anew
    expect(page.locator("#measured-es")).to_contain_text(t.SHARED.es.partition("{")[0])
    expect(page.locator("#divergence-es .js-plotly-plot")).to_be_visible()
    spanish.ended("measure-stop")
    page.locator("#own-es textarea").fill("Hola.")
    page.locator("#measure-es").click()
    expect(page.locator("#measured-es .lab-notice.error")).to_contain_text("513")
    expect(page.locator("#divergence-es")).not_to_be_visible()
    expect(page.locator("#history-es tbody tr")).to_have_count(2)  # what was measured stays


def the_table_is_copied(seen: Visit) -> None:
    """For a spreadsheet."""
    button = seen.page.locator("#history-es .lab-copy")
    button.click()
    expect(button).to_have_text(history_texts.HISTORY_COPIED.es)
    lines = str(seen.page.evaluate("navigator.clipboard.readText()")).splitlines()
    assert [len(line.split("\t")) for line in lines] == [12, 12]


def a_result_of_another_recipe_says_so(seen: Visit) -> None:
    """And the recorded card is seen again."""
    page = seen.page
    expect(page.locator("#brief-es")).not_to_be_visible()
    page.evaluate("window.labAsk({recipe: 'bits=4'})")
    expect(page.locator("#measured-es .lab-stale")).to_be_visible()
    expect(page.locator("#brief-es .lab-brief-word")).to_contain_text(WORDS[Verdict.NOTICEABLE].es)
    page.evaluate("window.labAsk({recipe: 'bits=3'})")
    expect(page.locator("#measured-es .lab-stale")).not_to_be_visible()
    expect(page.locator("#brief-es")).not_to_be_visible()


def test_missing_words_are_counted_while_one_pastes(desktop: Visit) -> None:
    language: Language = desktop.language  # type: ignore[assignment]
    page = desktop.page
    desktop.open("tab=metrica")
    counter = page.locator(f"#missing-{language} .lab-counter")
    expect(counter).not_to_be_visible()
    page.locator(f"#text-{language} input[value=own]").check()
    words = re.compile(re.escape(t.MISSING_WORDS[language]).split(r"\{n\}")[0] + r"\d{2,3} ")
    expect(counter).to_have_text(re.compile(words.pattern))
    first = int(re.findall(r"\d+", str(counter.text_content()))[0])
    assert 300 <= first <= 400
    page.locator(f"#own-{language} textarea").fill("una palabra tras otra " * 30)
    expect(counter).not_to_contain_text(f" {first} ")
    page.locator(f"#own-{language} textarea").fill(LONG)
    expect(counter).to_have_class(re.compile("enough"))


DRAWN_AS_LISTED_JS = """() => document.querySelectorAll("#history-es tbody tr").length - 1 ===
  document.querySelectorAll("#tradeoff-es svg.bits.wide a.measured").length"""


def test_seven_are_measured_until_one_stops(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=metrica")
    drawn = page.locator("#tradeoff-es svg.bits.wide a.measured")
    spanish.stops("sweep-stop", "#tradeoff-es svg.bits.wide a.measured")
    page.locator("#sweep-es").click()
    expect(page.locator("#swept-es")).to_contain_text(shared_texts.STOPPED.es)
    spanish.ended("sweep-stop")
    page.wait_for_function(DRAWN_AS_LISTED_JS)  # the row that was stopped may still be on its way to one of them
    assert 1 <= drawn.count() <= 7


def test_a_phone_shows_its_own_drawing_and_nothing_sticks_out(phone: Visit) -> None:
    phone.open("tab=metrica")
    expect(phone.page.locator("#tradeoff-es svg.bits.narrow")).to_be_visible()
    expect(phone.page.locator("#tradeoff-es svg.wide").first).not_to_be_visible()
    touch = phone.page.locator("#tradeoff-es svg.bits.narrow a.point .touch").first.bounding_box()
    assert touch is not None
    assert min(touch["width"], touch["height"]) >= 24
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
