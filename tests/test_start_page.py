"""The opening as a visitor meets it: seen at once, without scrolling; dragged, played, written to in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from visits import PHONE, Visit, visit

from quant.text import Language
from quant.ui.shared import texts as shared_texts
from quant.ui.tabs.start import hero_texts as t
from quant.ui.tabs.start.hero import STOPS

pytestmark = pytest.mark.browser

DESKTOP = {"width": 1280, "height": 800}
# What the visitor sees two frames after the slider moved; how long that takes is measured (quant/bench/page.py).
DRAG_JS = """(at) => new Promise((done) => {
  const hero = document.querySelector("lab-hero"), slider = hero.querySelector("input[type=range]");
  slider.value = at;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => requestAnimationFrame(() => done({
    text: hero.querySelector("[data-slot=text]").textContent,
    size: hero.querySelector("[data-slot=size]").textContent, said: slider.getAttribute("aria-valuetext"),
  })));
})"""
# What is asked of the page from now on.
ASKED_JS = """() => {
  const ask = window.labAsk;
  window.asked = [];
  window.labAsk = (what) => { window.asked.push(what); ask(what); };
}"""
# A step of the fall in ten minutes but for the first two.
SLOW_FALL_JS = """() => {
  const later = window.setTimeout;
  let steps = 0;
  window.setTimeout = (call, ms, ...rest) => later(call, ms === 1600 ? ((steps += 1) < 2 ? 50 : 600000) : ms, ...rest);
}"""
LEVELS_JS = "[...document.querySelectorAll('lab-hero .squares rect')].map((one) => parseFloat(one.getAttribute('y')))"

# How many different pictures thirty frames show after the slider moved.
FRAMES_JS = f"""(at) => new Promise((done) => {{
  const slider = document.querySelector("lab-hero input[type=range]"), seen = new Set();
  const look = (left) => {{
    seen.add({LEVELS_JS}.join());
    if (left) requestAnimationFrame(() => look(left - 1));
    else done(seen.size);
  }};
  slider.value = at;
  slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
  look(30);
}})"""


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


@pytest.fixture(params=["es", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, PHONE)


def slot(page: Page, name: str) -> str:
    return page.locator(f"lab-hero [data-slot={name}]").inner_text()


def slide(page: Page, key: str) -> None:
    page.locator("lab-hero input[type=range]").fill(str(STOPS.index(key)))


PARTS = [".lab-hero-question", "input[type=range]", ".lab-hero-bar", ".lab-hero-text", "svg", ".lab-hero-own"]
EDGES_JS = """(parts) => Object.fromEntries(parts.map((part) => {
  const { left, top, right, bottom } = document.querySelector(`lab-hero ${part}`).getBoundingClientRect();
  return [part, [left, top, right, bottom]];
}))"""


def seen_whole(visit: Visit) -> None:
    """At every stop, from the question to the buttons, nothing lies beyond the window."""
    visit.open()
    visit.page.evaluate("window.ask = window.labAsk; window.labAsk = () => {}")  # the recipe stays, and what it says
    fits(visit)


def fits(visit: Visit) -> None:
    height, width = visit.page.evaluate("[window.innerHeight, document.documentElement.clientWidth]")
    for key in STOPS:
        slide(visit.page, key)
        for part, (left, top, right, bottom) in visit.page.evaluate(EDGES_JS, PARTS).items():
            assert 0 <= top < bottom <= height, (key, part, top, bottom)
            assert 0 <= left < right <= width, (key, part, left, right)


def test_all_of_it_is_seen_without_scrolling_on_a_desktop(desktop: Visit) -> None:
    seen_whole(desktop)


def test_all_of_it_is_seen_without_scrolling_on_a_phone(phone: Visit) -> None:
    """With another recipe than those that are recorded too, of which more is said."""
    seen_whole(phone)
    for recipe in ("format=NF4", "format=int&bits=7"):
        phone.page.evaluate("recipe => window.ask({recipe})", recipe)
        expect(phone.page.locator(".lab-recipe")).to_contain_text("NF4" if "NF4" in recipe else "7 bits")
        expect(phone.page.locator(".lab-hero-other")).to_be_visible()
        fits(phone)
        expect(phone.page.locator(".lab-hero-other")).to_be_visible()


def test_keys_and_dragging_change_everything_without_the_server_and_a_stop_can_be_pressed(spanish: Visit) -> None:
    page = spanish.page
    spanish.open()
    page.evaluate("window.labAsk = () => {}")  # so that no recipe is asked for
    asked = spanish.asked()
    slider = page.locator("lab-hero input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    assert slot(page, "at") == t.AT.format(bits=3).es
    slider.press("Home")
    assert slot(page, "at") == t.AT_ORIGINAL.es
    page.locator("lab-hero [data-place='6']").click()
    assert "8273" in slot(page, "perplexity")
    assert slider.get_attribute("aria-valuetext") == t.VALUE.format(bits=2, size="5,89\u202fMB", verdict="roto").es
    seen = [page.evaluate(DRAG_JS, at) for at in range(len(STOPS))]
    page.wait_for_function("document.querySelector('lab-hero').asked === '2'")
    assert asked == []
    assert len({one["text"] for one in seen}) == 5  # at 8 and 6 bits it writes what the original writes
    assert len({one["size"] for one in seen}) == len({one["said"] for one in seen}) == len(STOPS)
    page.wait_for_function(f"new Set({LEVELS_JS}).size === 3")  # 2 bits: three values are left


def test_it_gives_its_bits_to_the_recipe_and_takes_those_of_the_recipe(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("bits=6")
    assert slot(page, "at") == t.AT.format(bits=6).es  # the address's
    slide(page, "3")
    expect(page).to_have_url(re.compile("bits=3"))
    page.wait_for_function("window.labRecipe.bits === 3")
    page.evaluate("window.labAsk({recipe: 'bits=5'})")
    page.wait_for_function("document.querySelector('lab-hero input').value === '3'")
    assert slot(page, "at") == t.AT.format(bits=5).es
    expect(page.locator(".lab-hero-other")).to_be_hidden()


def test_an_answer_to_an_earlier_question_does_not_move_it_back(spanish: Visit) -> None:
    page = spanish.page
    spanish.open()
    page.evaluate("window.labAsk = () => {}")  # a server that is slow
    for key in ("6", "3"):
        slide(page, key)
        page.wait_for_function("key => document.querySelector('lab-hero').asked === key", arg=key)
    announce = """bits => {
      window.labRecipe = {...window.labRecipe, bits};
      window.dispatchEvent(new CustomEvent("lab-recipe"));
    }"""
    page.evaluate(announce, 6)
    assert slot(page, "at") == t.AT.format(bits=3).es
    page.evaluate(announce, 3)
    page.evaluate(announce, 5)  # somebody else's wish, after the answer
    assert slot(page, "at") == t.AT.format(bits=5).es


def test_another_recipe_is_said_to_be_elsewhere_and_shown_below(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("format=NF4")
    other = page.locator(".lab-hero-other")
    expect(other).to_contain_text(t.OTHER_RECIPE.es)
    expect(other).not_to_contain_text(t.BETWEEN.es, use_inner_text=True)
    expect(page.locator("svg.rounding").first).to_be_visible()
    slide(page, "3")
    page.wait_for_function("document.querySelector('lab-hero').asked === '3'")
    assert page.evaluate("window.labRecipe.format") == "NF4"  # nobody's recipe is changed by looking
    page.evaluate(ASKED_JS)
    other.get_by_role("button").click()
    # It names the model: the one that a lab begins with may be another.
    assert page.evaluate("window.asked") == [{"recipe": "model=embedded&bits=3", "whole": True}]
    page.wait_for_function("window.labRecipe.format === 'int' && window.labRecipe.bits === 3")
    expect(other).to_be_hidden()
    expect(page.locator("svg.rounding")).to_have_count(0)


def test_bits_between_two_stops_are_said_to_be_below(spanish: Visit) -> None:
    page = spanish.page
    spanish.open("bits=7")
    expect(page.locator(".lab-hero-other")).to_contain_text(t.BETWEEN.es)
    expect(page.locator(".lab-hero-other")).not_to_contain_text(t.OTHER_RECIPE.es, use_inner_text=True)
    expect(page.locator("svg.rounding").first).to_be_visible()
    slide(page, "original")
    expect(page.locator(".lab-hero-other button")).to_be_hidden()  # the original is no recipe


FALL_JS = """() => new Promise((done) => {
  const hero = document.querySelector("lab-hero"), seen = [];
  const slider = hero.querySelector("input[type=range]"), play = hero.querySelector(".lab-hero-play");
  const later = window.setTimeout;
  window.setTimeout = (call, ms, ...rest) => later(call, ms > 1000 ? 60 : ms, ...rest); // a fall of a third of a second
  new MutationObserver(() => {
    if (seen.at(-1) !== slider.getAttribute("aria-valuetext")) seen.push(slider.getAttribute("aria-valuetext"));
  }).observe(slider, { attributes: true });
  const pressed = [play.textContent];
  play.click();
  pressed.push(play.textContent);
  new MutationObserver((_, observer) => {
    if (play.textContent === pressed[1]) return;
    observer.disconnect();
    done({ seen, pressed: [...pressed, play.textContent], at: slider.value });
  }).observe(play, { childList: true, characterData: true, subtree: true });
})"""


# Begun and paused before its next step could come, however slow the machine; a step would take a twentieth of a second.
PAUSED_FALL_JS = """() => {
  const later = window.setTimeout, play = document.querySelector("lab-hero .lab-hero-play");
  window.setTimeout = (call, ms, ...rest) => later(call, ms > 1000 ? 50 : ms, ...rest);
  play.click();
  const at = document.querySelector("lab-hero [data-slot=at]").innerText;
  play.click();
  return at;
}"""


def test_the_fall_ends_at_2_or_where_it_is_paused_and_squares_glide(spanish: Visit) -> None:
    """For those who want no motion they are there at once."""
    page = spanish.page
    spanish.open()
    fall = page.evaluate(FALL_JS)
    assert [said.split()[0] for said in fall["seen"]] == ["8", "6", "5", "4", "3", "2"]
    assert fall["pressed"] == [t.PLAY.es, t.PAUSE.es, t.PLAY.es]
    assert fall["at"] == str(STOPS.index("2"))
    expect(page).to_have_url(re.compile("bits=2"))  # where it rests is the recipe
    assert page.evaluate(PAUSED_FALL_JS) == t.AT.format(bits=8).es
    expect(page.locator(".lab-hero-play")).to_have_text(t.PLAY.es)
    expect(page).to_have_url(re.compile("bits=8"))
    page.wait_for_timeout(400)
    assert slot(page, "at") == t.AT.format(bits=8).es
    assert page.evaluate(FRAMES_JS, STOPS.index("2")) > 1
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(FRAMES_JS, STOPS.index("3")) == 1
    bar = "getComputedStyle(document.querySelector('lab-hero .codes')).transitionDuration"
    assert page.evaluate(bar) == "0s"


ASSETS = "**/assets/*.js"  # not the styles, for which scripts in the document wait


@dataclass
class Held:
    """A page of which nothing but the document has come."""

    page: Page
    routes: list[Route] = field(default_factory=list)
    holds: bool = True

    def open(self, visit: Visit, query: str = "") -> None:
        self.page.route(ASSETS, self.hold)
        self.page.goto(f"{visit.url}?{query}", wait_until="commit")
        expect(self.page.locator("#lab-first lab-hero")).to_be_visible()

    def hold(self, route: Route) -> None:
        self.routes.append(route) if self.holds else route.continue_()

    def release(self) -> None:
        self.holds = False
        for route in self.routes:
            route.continue_()
        self.page.wait_for_function("window.labReady === true")
        expect(self.page.locator("#lab-first")).to_have_count(0)


@pytest.fixture
def held(spanish: Visit) -> Held:
    return Held(spanish.page)


def test_what_is_moved_before_the_page_is_built_goes_on_in_it(spanish: Visit, held: Held) -> None:
    page = held.page
    held.open(spanish, "bits=6")
    first = page.locator("#lab-first lab-hero")
    assert slot(page, "at") == t.AT.format(bits=6).es
    first.locator("input[type=range]").fill(str(STOPS.index("3")))
    first.locator(".lab-hero-own").click()
    expect(first.locator(".lab-hero-own")).to_have_attribute("aria-expanded", "true")
    page.wait_for_function("document.querySelector('lab-hero').wish")  # the slider rests, and nobody is there to ask
    held.release()
    expect(page.locator("#hero-prompt-es :is(input, textarea)")).to_be_focused()
    expect(page.locator(".lab-hero-own")).to_have_attribute("aria-expanded", "true")
    page.wait_for_function("window.labRecipe.bits === 3")
    assert slot(page, "at") == t.AT.format(bits=3).es
    page.locator(".lab-hero-own").click()
    expect(page.locator("#hero-own-es")).to_be_hidden()


def test_a_fall_begun_before_the_page_is_built_goes_on_and_asks_for_nothing_on_its_way(
    spanish: Visit, held: Held
) -> None:
    page = held.page
    held.open(spanish, "bits=5")
    page.evaluate(ASKED_JS)
    page.evaluate(SLOW_FALL_JS)
    page.locator("#lab-first .lab-hero-play").click()
    expect(page.locator("#lab-first .lab-hero-play")).to_have_text(t.PAUSE.es)
    page.wait_for_function("document.querySelector('#lab-first lab-hero').places.length === 4")
    held.release()
    expect(page.locator(".lab-hero-play")).to_have_text(t.PAUSE.es)
    expect(page.locator(".lab-hero-play")).to_be_focused()
    assert page.evaluate("document.querySelector('lab-hero').places.length") in (3, 4)
    assert page.evaluate("window.asked") == []
    assert page.evaluate("window.labRecipe.bits") == 5
    page.locator(".lab-hero-play").click()
    expect(page.locator(".lab-hero-play")).to_have_text(t.PLAY.es)
    at = page.evaluate("document.querySelector('lab-hero').stop.key")
    page.wait_for_function("bits => window.labRecipe.bits === Number(bits)", arg=at)


def test_looking_before_the_page_is_built_changes_nobodys_recipe(spanish: Visit, held: Held) -> None:
    page = held.page
    held.open(spanish, "format=NF4")
    page.locator("#lab-first input[type=range]").fill(str(STOPS.index("3")))
    page.wait_for_timeout(400)
    held.release()
    assert slot(page, "at") == t.AT.format(bits=3).es
    page.wait_for_timeout(600)
    assert page.evaluate("window.labRecipe.format") == "NF4"


def test_a_beginning_of_ones_own_takes_the_place_of_the_recorded_text(desktop: Visit) -> None:
    language: Language = desktop.language  # type: ignore[assignment]
    page = desktop.page
    desktop.open()
    field = page.locator(f"#hero-prompt-{language} :is(input, textarea)")
    expect(field).to_be_hidden()
    page.locator(".lab-hero-own").click()
    expect(field).to_be_focused()
    field.fill("El mar")
    field.press("Enter")
    page.wait_for_function("Object.keys(document.querySelector('lab-hero').live?.texts ?? {}).length === 7")
    assert slot(page, "text").startswith("El mar")
    assert t.LIVE[language] in slot(page, "kind")
    texts = set()
    for key in STOPS:
        slide(page, key)
        texts.add(slot(page, "text"))
    assert len(texts) > 4
    assert all(text.startswith("El mar") for text in texts)
    page.locator(".lab-hero-back").click()
    assert slot(page, "text").startswith("La luz")
    assert t.RECORDED[language] in slot(page, "kind")


# Inside the page, since all seven texts may be there before a command from out here is. The button is not there until
# something is written.
STOP_AT_ONCE_JS = """() => new MutationObserver((_, observer) => {
  const stop = document.querySelector("#hero-stop-es");
  if (stop?.offsetParent) { stop.click(); observer.disconnect(); }
}).observe(document.body, { childList: true, subtree: true, attributes: true })"""
ENDED_JS = """prompt => {
  const live = document.querySelector("lab-hero").live;
  return live?.ended && live.prompt.includes(prompt);
}"""


def test_a_beginning_that_is_stopped_says_what_was_not_written(spanish: Visit) -> None:
    page = spanish.page
    spanish.open()
    page.locator(".lab-hero-own").click()
    # All of a text may be written before it is heard, or the last of them begun.
    for prompt in ("El mar", "La casa", "Un perro", "Mi amigo", "Su padre", "El cielo", "La mesa", "Un día", "Mi madre",
                   "Su casa", "El campo", "La noche", "Un libro", "Mi tierra", "Su mano", "El sol"):  # fmt: skip
        page.evaluate(STOP_AT_ONCE_JS)
        page.locator("#hero-prompt-es :is(input, textarea)").fill(prompt)
        page.locator("#hero-go-es").click()
        page.wait_for_function(ENDED_JS, arg=prompt)
        expect(page.locator("#hero-stop-es")).to_be_hidden()
        live = page.evaluate("document.querySelector('lab-hero').live")
        if page.locator("#hero-own-es").get_by_text(shared_texts.STOPPED.es).count() and "2" not in live["texts"]:
            break
    expect(page.locator("#hero-own-es")).to_contain_text(shared_texts.STOPPED.es)
    told = {}
    for key in STOPS:
        slide(page, key)
        told[key] = slot(page, "told")
    assert [key for key in STOPS if told[key] == t.UNWRITTEN.es] == [key for key in STOPS if key not in live["texts"]]
    assert told["2"] == t.UNWRITTEN.es
    assert t.WRITING.es not in told.values()
    for key in set(live["texts"]) - set(live["done"]):
        assert told[key] == t.UNFINISHED.es
    expect(page.locator("lab-hero [aria-live=polite]")).to_have_text(t.UNWRITTEN.es)


def test_weights_are_offered_and_a_bad_beginning_gets_a_sentence_and_loses_nothing(spanish: Visit) -> None:
    page = spanish.page
    spanish.open()
    weights_of_the_live_model_are_offered(page)
    page.locator(".lab-hero-own").click()
    field = page.locator("#hero-prompt-es :is(input, textarea)")
    before = slot(page, "text")
    for bad, said in (("   ", "vacío"), ("palabra " * 200, re.compile(r"caben unas \d+ palabras"))):
        field.fill(bad)
        page.locator("#hero-go-es").click()
        expect(page.locator("#hero-own-es [role=alert]")).to_contain_text(said)
        spanish.ended("hero-stop")
        assert field.input_value() == bad
        assert slot(page, "text") == before


def weights_of_the_live_model_are_offered(page: Page) -> None:
    """The page hands them over itself: nothing in the test does."""
    take = page.locator(".lab-round-live")
    expect(take).to_be_visible()
    before = page.evaluate("document.querySelector('lab-rounding').result.decoded")
    take.click()
    first = page.evaluate("document.querySelector('lab-rounding').result.decoded")
    take.click()
    assert page.evaluate("document.querySelector('lab-rounding').result.decoded") != first
    assert before == first  # the workbench begins with the same sixteen
