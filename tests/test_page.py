"""The page as a visitor meets it: `python app.py` in its own process, driven in a real headless Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sentences import ALL
from visits import DESKTOP, PHONE, Visit, visit

from quant.text import Language
from quant.ui.shared import texts as shared_texts
from quant.ui.sidebar import texts as sidebar_texts
from quant.ui.tabs.metrics import history_texts, notebook_texts
from quant.ui.tabs.metrics import texts as metrics_texts
from quant.ui.tabs.start import texts as start_texts
from quant.ui.tabs.table import TITLES
from quant.ui.tabs.text import drift_texts, speculate_texts
from quant.ui.tabs.text import texts as text_texts
from quant.ui.tabs.weights import texts as weights_texts

pytestmark = pytest.mark.browser


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


@pytest.mark.languages
def test_every_tab_opens_in_its_own_language_and_the_page_says_which_it_is(desktop: Visit) -> None:
    desktop.open()
    expect(desktop.page).to_have_title(shared_texts.TITLE[desktop.language])  # type: ignore[index]
    expect(desktop.page.locator("html")).to_have_attribute("lang", desktop.language)
    foreign = fragments_of(desktop.language)
    assert len(foreign) > 100
    for name in reversed(TITLES):
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
    desktop.recipe()
    slider = desktop.page.locator(f"#bits-{desktop.language} input[type=range]")
    slider.focus()
    for _ in range(2):
        slider.press("ArrowLeft")
    expect(cards).to_contain_text(weights_texts.WEIGHTS_BPW_SMALL.format(bits=2)[desktop.language])  # type: ignore[index]
    expect(desktop.page).to_have_url(re.compile("bits=2"))
    desktop.page.wait_for_function("before => JSON.stringify(" + BARS_JS + ") !== before", arg=before)
    expect(desktop.page.locator(".lab-recipe")).to_contain_text("2 bits")
    expect(desktop.page.locator(".lab-about:visible")).to_contain_text(re.compile(r"2[.,]25"))


def test_histogram_and_codes_are_seen_at_once_and_the_mouse_moves_the_slider_too(spanish: Visit) -> None:
    spanish.open("tab=pesos&bits=3")
    plots = spanish.page.locator(".js-plotly-plot:visible")
    expect(plots).to_have_count(2)
    before, codes = (plots.nth(i).bounding_box() for i in range(2))
    assert before
    assert codes
    assert abs(before["y"] - codes["y"]) < 5
    assert before["x"] + before["width"] <= codes["x"]
    assert max(before["height"], codes["height"]) <= 400
    spanish.recipe()
    slider = spanish.page.locator("#bits-es input[type=range]")
    box = slider.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    spanish.page.mouse.move(box["x"] + box["width"] / 2, middle)
    spanish.page.mouse.down()
    spanish.page.mouse.move(box["x"] + box["width"] - 2, middle, steps=8)
    spanish.page.mouse.up()
    expect(spanish.page.locator(".lab-cards")).to_contain_text(weights_texts.WEIGHTS_BPW_SMALL.format(bits=8).es)
    expect(spanish.page).to_have_url(re.compile("bits=8"))


BARS_JS = "document.querySelector('.js-plotly-plot').data[1].y"


def bars(page: Page) -> str:
    """The quantized histogram as drawn, as JSON."""
    return str(page.evaluate(f"JSON.stringify({BARS_JS})"))


# Inside the page, since 512 tokens are written in less time than a command from out here may take: stops at the second
# frame in which both still write.
STOP_WHEN_IT_GROWS_JS = """([output, stop]) => {
  const seen = new Set(), written = document.querySelector(output);
  new MutationObserver((_, observer) => {
    if (written.querySelectorAll(".caret").length < 2) return;
    seen.add(written.innerText);
    if (seen.size < 2) return;
    observer.disconnect();
    window.grown = true;
    const button = document.querySelector(stop);
    button.click();
    // Gradio now and then loses a press; whoever sees the work go on presses again.
    const again = setInterval(() => button.checkVisibility() ? button.click() : clearInterval(again), 150);
  }).observe(written, {childList: true, subtree: true, characterData: true});
}"""


def test_text_streams_and_stops(spanish: Visit) -> None:
    spanish.open("tab=texto&bits=8&granularity=channel")
    # A beginning that the embedded model carries on to the end of its context: there is time to press a button.
    spanish.page.locator("#prompt-es textarea").fill("Aquella noche")
    spanish.page.get_by_role("button", name=text_texts.SETTINGS.es).click()
    spanish.page.get_by_label(text_texts.MAX_LENGTH.es).fill("512")
    spanish.page.evaluate(STOP_WHEN_IT_GROWS_JS, ["#written-es", "#stop-es"])
    spanish.page.locator("#write-es").click()
    written = spanish.page.locator("#written-es")
    spanish.page.wait_for_function("window.grown === true")
    expect(written.locator(".writer")).to_have_count(2)
    expect(written).to_contain_text(shared_texts.STOPPED.es)
    stopped = written.inner_text()
    spanish.ended("stop")
    assert written.inner_text() == stopped
    assert written.locator(".caret").count() == 0
    assert "512" not in stopped
    assert spanish.bits() == 8


def test_a_draft_is_corrected_in_colour_and_in_words(desktop: Visit) -> None:
    language: Language = desktop.language  # type: ignore[assignment]
    page = desktop.page
    desktop.open("tab=texto&bits=3")
    page.get_by_role("button", name=speculate_texts.SPECULATE_TITLE[language]).click()
    page.locator(f"#speculate-{language}").click()
    output = page.locator(f"#speculated-{language}")
    expect(output.locator(".lab-verdict")).to_contain_text(speculate_texts.SPECULATE_SAME[language])
    text = output.locator(".lab-spec-text")
    looks = {
        tag: text.locator(f"> {tag}").first.evaluate(
            "one => [getComputedStyle(one).textDecorationLine, getComputedStyle(one).borderBottomWidth]"
        )
        for tag in ("span", "ins", "del")
    }
    assert looks == {"span": ["none", "2px"], "ins": ["underline", "0px"], "del": ["line-through", "0px"]}
    size = "one => parseFloat(getComputedStyle(one).fontSize)"
    assert text.locator("> del").first.evaluate(size) == 0  # a sign stands for it
    output.get_by_label(speculate_texts.SPECULATE_SEE[language]).check()
    assert text.locator("> del").first.evaluate(size) > 10
    for words in (
        speculate_texts.SPECULATE_ACCEPTED,
        speculate_texts.SPECULATE_OWN,
        speculate_texts.SPECULATE_REJECTED,
    ):
        expect(output.locator(".lab-spec-legend")).to_contain_text(words[language])
    cards = output.locator(".lab-card")
    assert cards.count() == 4
    expect(cards.first).not_to_be_visible()  # what a beginner does not need is folded
    output.locator("summary").click()
    expect(cards.first).to_contain_text(speculate_texts.SPECULATE_AGREEMENT[language])
    shown = visible_text(page)
    assert [piece for piece in fragments_of(language) if piece in shown] == []


def test_drafting_stops_between_two_rounds(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=texto&bits=2")  # hardly anything is accepted, so that it takes long enough to press a button
    page.locator("#prompt-es textarea").fill("Aquella noche")
    page.get_by_role("button", name=text_texts.SETTINGS.es).click()
    page.get_by_label(text_texts.MAX_LENGTH.es).fill("512")
    page.get_by_role("button", name=speculate_texts.SPECULATE_TITLE.es).click()
    slider = page.locator("#drafted-es input[type=range]")
    while slider.input_value() != "7":  # what unfolds may drop a key while it is being built
        slider.press("ArrowRight")
        page.wait_for_timeout(100)
    output = page.locator("#speculated-es")
    spanish.stops("speculate-stop", "#speculated-es .lab-spec-text .caret")
    page.locator("#speculate-es").click()
    expect(output).to_contain_text(shared_texts.STOPPED.es)
    kept = output.inner_text()
    spanish.ended("speculate-stop")
    assert output.inner_text() == kept
    assert output.locator(".caret").count() == 0
    assert speculate_texts.SPECULATE_SAME.es not in kept


def test_a_second_visitor_sees_a_place_in_the_queue_and_then_the_text(
    spanish: Visit, browser: Browser, server: str
) -> None:
    spanish.open("tab=metrica&bits=7")
    spanish.page.locator("#amount-es input[value=whole]").check()
    spanish.page.locator("#measure-es").click()
    expect(spanish.page.locator("#measured-es .lab-progress")).to_be_visible()
    for second in visit(browser, server, "es", DESKTOP):
        second.open("tab=texto")
        second.page.locator("#write-es").click()
        expect(second.page.locator("#written-es")).to_contain_text(shared_texts.QUEUE_ONE.es)
        spanish.page.close()  # whoever leaves gives the place up
        expect(second.page.locator("#written-es .writer")).to_have_count(2)


def test_the_language_switch_keeps_recipe_and_tab(spanish: Visit) -> None:
    spanish.open("bits=3&granularity=channel&zero_point=1&table=1&tab=texto")
    assert spanish.bits() == 3
    spanish.page.locator("a.language").click()
    spanish.page.wait_for_url("**/en?**")
    spanish.page.wait_for_function("window.labReady === true")
    other = Visit(spanish.page, spanish.url, "en")
    assert other.bits() == 3
    expect(spanish.page.get_by_role("tab", name=TITLES["texto"].en)).to_have_attribute("aria-selected", "true")
    other.recipe()
    expect(spanish.page.get_by_label(sidebar_texts.GRIDS[True].en)).to_be_checked()
    expect(spanish.page.get_by_label(sidebar_texts.TABLE.en)).to_be_checked()


def test_a_bad_link_says_what_is_allowed_and_the_page_works(desktop: Visit) -> None:
    desktop.open("bits=99&group=7&model=nobody/nothing&tab=nowhere")
    status = desktop.page.locator(".block.lab-status-holder")
    expect(status.locator(".lab-notice")).to_have_count(3)
    expect(status).to_contain_text("nobody/nothing")
    assert desktop.bits() == 4
    desktop.page.wait_for_url("**group=64**")
    expect(desktop.page).to_have_url(re.compile("bits=4(&|$)"))  # mended, so that the other language gets no bad link


def test_a_link_to_a_model_that_is_not_here_keeps_the_rest(spanish: Visit) -> None:
    spanish.open("model=datificate/gpt2-small-spanish&bits=3&granularity=channel")
    spanish.recipe()
    assert spanish.bits() == 3
    expect(spanish.page.get_by_label(sidebar_texts.GRANULARITIES["channel"].es)).to_be_checked()
    expect(spanish.page.locator(".lab-status-holder .lab-notice").first).to_contain_text("datificate")


def test_measuring_gives_a_baseline_and_the_quantized_figure(desktop: Visit) -> None:
    language: Language = desktop.language  # type: ignore[assignment]
    desktop.open("tab=metrica&bits=3")
    own_text(desktop)
    desktop.page.locator(f"#measure-{language}").click()
    measured = desktop.page.locator(f"#measured-{language}")
    figures = desktop.page.locator(f"#figures-{language}")
    expect(figures).to_contain_text(metrics_texts.SPEED_PROMPT[language])
    expect(measured.locator(".lab-progress")).to_have_count(0)
    expect(measured.locator(".lab-brief-word")).to_be_visible()
    expect(desktop.page.locator(f"#brief-{language}")).not_to_be_visible()  # measured, no longer recorded
    chart = desktop.page.locator(f"#divergence-{language} .js-plotly-plot")
    expect(chart).not_to_be_visible()
    figures.locator("summary").first.click()
    expect(chart).to_be_visible()
    assert "512" in str(figures.text_content())
    expect(desktop.page.locator(f"#history-{language} tbody tr")).to_have_count(2)
    foreign = fragments_of(language)
    shown = visible_text(desktop.page)
    assert [piece for piece in foreign if piece in shown] == []


def choose_format(visit: Visit, name: str) -> None:
    """Take the family of formats, and the option that begins with `name` from its list."""
    visit.page.get_by_role("radio", name=sidebar_texts.FAMILIES["llama.cpp"][visit.language]).check()  # type: ignore[index]
    visit.page.locator(".lab-side").get_by_label(sidebar_texts.FORMAT[visit.language]).first.click()  # type: ignore[index]
    options = visit.page.locator("ul[role=listbox] [role=option]")
    options.filter(has_text=re.compile(rf"^\W*{re.escape(name)}")).first.click()


def test_a_format_brings_its_own_bits_and_the_address_keeps_it(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("bits=5&tab=pesos")
    spanish.recipe()
    slider = page.locator("#bits-es input[type=range]")
    granularity = page.get_by_text(sidebar_texts.GRANULARITY.es, exact=True)
    rounded = page.get_by_role("radio", name=sidebar_texts.ACTIVATIONS_KINDS["int8"].es)
    folded = page.get_by_role("button", name=sidebar_texts.ACTIVATIONS.es)
    expect(slider).to_be_visible()
    expect(granularity).to_be_visible()
    folded.click()
    rounded.check()
    expect(page.locator(".lab-status")).to_contain_text("W5A8")
    expect(page).to_have_url(re.compile("activations=int8(&|$)"))
    choose_format(spanish, "Q4_K")
    expect(slider).not_to_be_visible()
    expect(granularity).not_to_be_visible()
    expect(folded).not_to_be_visible()
    expect(rounded).not_to_be_visible()
    expect(page.locator(".lab-status")).not_to_contain_text("A8")
    expect(page.locator(".lab-about:visible")).to_contain_text("4,5 bits por peso")
    expect(page).to_have_url(re.compile("format=Q4_K(&|$)"))
    page.get_by_role("radio", name=sidebar_texts.FAMILIES["integer"].es).check()
    expect(slider).to_be_visible()
    expect(granularity).to_be_visible()
    expect(rounded).to_be_checked()
    assert spanish.bits() == 5
    expect(page).to_have_url(re.compile("format=int(&|$)"))
    expect(page.locator(".lab-about:visible")).to_contain_text("5,25 bits por peso")


LONG = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 12


def own_text(visit: Visit) -> None:
    """A short text to measure and to be timed on, so that a test need not read the whole of a shipped one."""
    visit.page.get_by_label(metrics_texts.METRIC_TEXTS["own"][visit.language]).check()  # type: ignore[index]
    visit.page.get_by_label(metrics_texts.METRIC_OWN[visit.language]).fill(LONG * 3)  # type: ignore[index]
    visit.page.get_by_label(metrics_texts.MEASURE_SPEED[visit.language]).check()  # type: ignore[index]


def test_what_was_measured_stays_in_a_table_with_its_files(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=metrica&bits=3")
    own_text(spanish)
    history = page.locator("#history-es")
    expect(history).to_contain_text(history_texts.HISTORY_EMPTY.es)
    for done in (1, 2):
        page.locator("#measure-es").click()
        expect(history.locator("tbody tr")).to_have_count(1 + done)
        expect(page.locator("#figures-es")).to_contain_text(metrics_texts.SPEED_PROMPT.es)
        expect(page.locator("#measured-es .lab-progress")).to_have_count(0)
        spanish.ended("measure-stop")
        page.evaluate(f"window.labAsk({{recipe: 'bits={3 + done}'}})")
        expect(page).to_have_url(re.compile(f"bits={3 + done}"))
    for kind, lines in (("CSV", 3), ("JSON", None)):
        with page.expect_download() as waiting:
            history.get_by_role("link", name=kind).click()
        content = waiting.value.path().read_text(encoding="utf8")
        assert waiting.value.suggested_filename.endswith(f".{kind.lower()}")
        assert len(content.splitlines()) == lines if lines else len(json.loads(content)) == 2


def test_stopping_a_measurement_keeps_what_is_there(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("tab=metrica&bits=6")
    page.locator("#amount-es input[value=whole]").check()
    page.locator("#measure-es").click()
    measured = page.locator("#measured-es")
    expect(measured.locator(".lab-brief-word")).to_be_visible()
    page.locator("#measure-stop-es").click()
    expect(measured).to_contain_text(shared_texts.STOPPED.es)
    assert measured.locator(".lab-progress").count() == 0
    assert metrics_texts.PERPLEXITY.es in str(page.locator("#figures-es").text_content())
    kept = measured.inner_text()
    spanish.ended("measure-stop")
    assert measured.inner_text() == kept


def test_a_text_that_cannot_be_measured_leaves_what_was_there(spanish: Visit) -> None:
    spanish.open("tab=metrica")
    spanish.page.get_by_label(metrics_texts.METRIC_TEXTS["own"].es).check()
    spanish.page.get_by_label(metrics_texts.METRIC_OWN.es).fill("Hola.")
    spanish.page.locator("#measure-es").click()
    expect(spanish.page.locator("#measured-es .lab-notice.error")).to_contain_text("513")
    expect(spanish.page.locator("#history-es")).to_contain_text(history_texts.HISTORY_EMPTY.es)


def test_two_texts_lead_to_the_drift_which_tints_tokens_and_opens_their_cards(desktop: Visit) -> None:
    language, page = desktop.language, desktop.page
    desktop.open("tab=texto&bits=2")
    title = page.locator(f"#drift-title-{language}")
    page.evaluate("window.here = true")  # Gradio's <base> took such links to "/", in Spanish and without the recipe
    page.locator(".lab-jump:visible a").click()
    expect(title).to_be_in_viewport()
    page.evaluate("window.scrollTo(0, 0)")
    page.locator(f"#write-{language}").click()
    written = page.locator(f"#written-{language}")
    expect(written.locator("mark")).to_have_count(2)
    expect(written.locator(".caret")).to_have_count(0)
    assert "Me gusta mucho el futbol" in written.inner_text()
    desktop.ended("stop")
    written.locator(f"a[href='#drift-title-{language}']").click()
    expect(title).to_be_in_viewport()
    assert page.evaluate("window.here") is True
    assert desktop.bits() == 2
    page.locator(f"#drift-read-{language}").click()
    tokens_are_tinted_and_opened(desktop)


def tokens_are_tinted_and_opened(visit: Visit) -> None:
    """By the keyboard; a card at a time."""
    language, page = visit.language, visit.page
    tokens = page.locator(f"#drift-{language} .lab-drift-text > [data-m]")
    expect(tokens.first).to_be_visible()
    assert tokens.count() > 10
    levels = set(tokens.evaluate_all("all => all.map(one => +one.dataset.m)"))
    assert len(levels) > 3
    tinted = page.locator(f"#drift-{language} .lab-drift-text > [data-m='-3']").first
    assert tinted.evaluate("one => getComputedStyle(one).backgroundColor") != "rgba(0, 0, 0, 0)"
    cards = page.locator(f"#drift-{language} .lab-drift-card:visible")
    page.mouse.move(0, 0)
    assert cards.count() == 0
    tokens.first.focus()
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text(drift_texts.DRIFT_TOKEN.format(n=1)[language])  # type: ignore[index]
    first = cards.inner_text()
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(1)).to_be_focused()
    expect(cards).to_have_count(1)
    assert cards.inner_text() != first
    page.keyboard.press("Escape")
    expect(cards).to_have_count(0)


def test_the_notebook_is_run_and_names_the_layer_that_it_touched(desktop: Visit) -> None:
    language, page = desktop.language, desktop.page
    desktop.open("tab=metrica")
    page.get_by_role("button", name=notebook_texts.NOTEBOOK_TITLE[language]).click()  # type: ignore[index]
    page.locator(f"#revisit-{language}").click()
    output = page.locator(f"#revisited-{language}")
    expect(output.locator("table")).to_have_count(3)
    expect(output.locator(".lab-progress")).to_have_count(0)
    expect(output.locator(".lab-verdict").first).to_contain_text("lm_head")
    expect(output).to_contain_text("Conv1D")


def test_a_phone_shows_results_without_scrolling_sideways(phone: Visit) -> None:
    language, page = phone.language, phone.page
    width = "document.documentElement.scrollWidth"
    phone.open("tab=texto&bits=2")
    page.locator(f"#drift-read-{language}").click()
    tokens = page.locator(f"#drift-{language} .lab-drift-text > [data-m]")
    expect(tokens.first).to_be_visible()
    tokens.nth(3).focus()
    expect(page.locator(f"#drift-{language} .lab-drift-card:visible")).to_have_count(1)
    assert page.evaluate(width) <= PHONE["width"]
    phone.open("tab=metrica&bits=2")  # its tab may be behind the menu of those that do not fit
    own_text(phone)
    page.locator(f"#measure-{language}").click()
    expect(page.locator(f"#figures-{language}")).to_contain_text(metrics_texts.SPEED_PROMPT[language])  # type: ignore[index]
    phone.ended("measure-stop")  # the last frame may write anew what would be unfolded here
    page.locator(f"#figures-{language} summary").first.click()
    expect(page.locator(f"#divergence-{language} .js-plotly-plot")).to_be_visible()
    expect(page.locator(f"#history-{language} tbody tr")).to_have_count(2)
    assert page.evaluate(width) <= PHONE["width"]


def test_a_bad_prompt_gets_a_message_and_nothing_is_lost(spanish: Visit) -> None:
    spanish.open("tab=texto&bits=5")
    recorded = spanish.page.locator("#wrote-es")
    expect(recorded.locator(".writer")).to_have_count(2)
    expect(recorded).to_be_visible()
    spanish.page.locator("#prompt-es textarea").fill("   ")
    spanish.page.locator("#write-es").click()
    expect(spanish.page.locator("#written-es .lab-notice.error")).to_contain_text("vacío")
    expect(recorded).to_be_hidden()
    assert spanish.bits() == 5
    spanish.ended("stop")
    spanish.page.locator("#prompt-es textarea").fill("Hola")
    spanish.page.locator("#write-es").click()
    expect(spanish.page.locator("#written-es .writer")).to_have_count(2)
    expect(recorded).to_be_hidden()


def test_a_phone_shows_everything_without_scrolling_sideways(phone: Visit) -> None:
    phone.open()
    for name in (*TITLES, *TITLES):  # by the second time all is drawn
        phone.page.evaluate("window.scrollTo(0, 0)")
        phone.tab(name)
        width = phone.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], name
        phone.page.evaluate("window.scrollTo(0, 99999)")
        expect(phone.page.locator(".lab-recipe")).to_be_in_viewport()  # the line on top stays
    table = phone.page.get_by_label(sidebar_texts.TABLE[phone.language])  # type: ignore[index]
    expect(table).not_to_be_visible()
    phone.recipe()
    expect(table).to_be_visible()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_nothing_shows_through_what_stays_on_top(phone: Visit) -> None:
    """The label of the layer scrolls under the line."""
    phone.open("tab=pesos")
    label = phone.page.locator(".lab-main .lab-layer [data-testid=block-info]:visible")
    label.evaluate("e => window.scrollBy(0, e.getBoundingClientRect().top - 24)")
    seen = label.evaluate("""e => {
        const box = e.getBoundingClientRect();
        return document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
            .closest(".lab-status-holder") !== null;
    }""")
    assert seen


def test_a_phone_shows_the_names_of_all_tabs(phone: Visit) -> None:
    phone.open()
    for width in (PHONE["width"], 360):
        phone.page.set_viewport_size({"width": width, "height": PHONE["height"]})
        for name in TITLES.values():
            expect(phone.page.get_by_role("tab", name=name[phone.language], exact=True)).to_be_in_viewport()  # type: ignore[index]


def test_links_of_the_first_tab_lead_to_the_others_and_fetching_without_a_network_says_so(spanish: Visit) -> None:
    spanish.open()
    spanish.page.get_by_role("link", name=start_texts.START_LINKS["metrica"].es).click()
    expect(spanish.page.locator("#measure-es")).to_be_visible()
    expect(spanish.page).to_have_url(re.compile("tab=metrica"))
    spanish.recipe()
    spanish.page.get_by_role("button", name=sidebar_texts.FETCH.es).click()
    expect(spanish.page.locator(".lab-side .lab-notice.error")).to_contain_text("datificate/gpt2-small-spanish")
    assert "GPT-2 incluido" in spanish.page.locator(".lab-status").inner_text()
