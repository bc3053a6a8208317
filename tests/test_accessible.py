"""Whoever does not see the page, has no mouse, or looks at it through a small window: axe-core and what it cannot see.

Results are made once a language; axe then judges every tab in both themes and at both widths, with all that can be
unfolded unfolded, and besides the drawer of the recipe and the tour. A theme changes colours and a width what is laid
out where, so that each language sees one of the four combinations, and with `--thorough` both together all.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from visits import DESKTOP, PHONE, Visit, visit

from quant.ui.tabs.table import TITLES

pytestmark = pytest.mark.browser

GRAVE = ("serious", "critical")
SEEN_IN = {"es": (("light", DESKTOP), ("dark", PHONE)), "en": (("dark", PHONE), ("light", DESKTOP))}
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"  # half-way is no colour
LOW = {"width": 844, "height": 390}  # a phone on its side; a desktop at 200 %
UNFOLD_JS = """() => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const one of document.querySelectorAll("button.label-wrap:not(.open)")) one.click();
}"""
AXE_JS = "() => axe.run(document, {resultTypes: ['violations']})"
# Elements that stay where they are on the screen while the page is scrolled under them: their names and edges.
STUCK_JS = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const edges = () => new Map([...document.querySelectorAll("body *")]
    .filter((one) => ["sticky", "fixed"].includes(getComputedStyle(one).position) && one.checkVisibility())
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.height > 0 && box.width > 0 && box.bottom > 0 && box.top < innerHeight));
  scrollTo(0, 300); await frame();
  const before = edges();
  scrollTo(0, 420); await frame();
  if (scrollY !== 420) throw new Error(`the page scrolls to ${scrollY} only`);
  return [...edges()].filter(([one, box]) => before.get(one)?.top === box.top)
    .map(([one, { top, bottom }]) => ({ name: one.className, top: Math.max(0, top), bottom }));
}"""
# One element of each kind that the keyboard reaches, and whether anything is drawn round it, or round what holds it,
# that was not there before. The last thing pressed must have been a key.
RINGS_JS = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const kinds = new Map();
  const reached = 'a[href], button, input, textarea, select, summary, [tabindex="0"]';
  for (const one of document.querySelectorAll(reached)) {
    const box = one.getBoundingClientRect();
    if (one.tabIndex < 0 || one.disabled || !one.checkVisibility({ visibilityProperty: true }) || !box.width) continue;
    const name = [...one.classList].find((word) => !word.startsWith("svelte")) ?? "";
    const kind = [one.localName, one.type ?? "", one.getAttribute("role") ?? "", name].filter(Boolean).join(" ");
    if (!kinds.has(kind)) kinds.set(kind, one);
  }
  const held = (one, levels = 3) => (levels ? [one, ...held(one.parentElement, levels - 1)] : [one]);
  const drawn = (one) => held(one).map((box) => {
    const style = getComputedStyle(box);
    return [style.outlineStyle === "none" ? "" : style.outlineWidth + style.outlineColor, style.boxShadow];
  }).join();
  const seen = {};
  for (const [kind, one] of kinds) {
    document.activeElement.blur();
    await frame();
    const before = drawn(one);
    one.focus({ preventScroll: true });
    await frame();
    seen[kind] = drawn(one) !== before;
  }
  return seen;
}"""


@dataclass(frozen=True)
class Found:
    """One violation of a rule of axe's, and where."""

    where: str
    rule: str
    impact: str
    elements: tuple[str, ...]


@pytest.fixture(scope="module", params=["es", "en"])
def filled(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    """The page of one language with a text written and read and a recipe measured."""
    for seen in visit(browser, server, request.param, DESKTOP):
        page, language = seen.page, seen.language
        seen.open("tab=texto&bits=3")
        page.locator(f"#write-{language}").click()
        expect(page.locator(f"#written-{language} .writer")).to_have_count(2)
        page.locator(f"#drift-read-{language}").click()
        expect(page.locator(f"#drift-{language} .lab-drift-text > [data-m]").first).to_be_visible()
        seen.tab("metrica")
        page.locator(f"#measure-{language}").click()
        expect(page.locator(f"#details-{language} table").first).to_be_attached()
        expect(page.locator(f"#measured-{language} .lab-progress")).to_have_count(0)
        yield seen


def judged(visit: Visit, where: str, combinations: int) -> Iterator[Found]:
    """What axe finds in a theme at a width, or in both themes, each at one width."""
    page = visit.page
    for theme, viewport in SEEN_IN[visit.language][:combinations]:
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", theme == "dark")
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.wait_for_timeout(100)
        violations: list[dict[str, Any]] = page.evaluate(AXE_JS)["violations"]
        for one in violations:
            elements = tuple(str(node["target"]) for node in one["nodes"])
            yield Found(f"{where} {theme} {viewport['width']}", one["id"], one["impact"], elements)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found(filled: Visit, pytestconfig: pytest.Config) -> list[Found]:
    """All that axe finds in the page of one language."""
    page, all_ = filled.page, list[Found]()
    combinations = 2 if pytestconfig.getoption("--thorough") else 1
    page.evaluate(Axe().axe_script)
    page.add_style_tag(content=STILL)
    for name in TITLES:
        filled.tab(name)
        page.evaluate(UNFOLD_JS)
        expect(page.locator("[aria-label='Empty value']:visible")).to_have_count(0)  # gradio's, until a figure comes
        page.wait_for_timeout(300)
        all_ += judged(filled, name, combinations)
    filled.tab("inicio")
    page.evaluate("window.dispatchEvent(new CustomEvent('lab-tour-start'))")
    expect(page.locator("lab-tour")).to_be_visible()
    page.locator("[data-guess]:visible").first.click()
    page.locator(".lab-recipe:visible").click()
    page.wait_for_timeout(300)
    return [*all_, *judged(filled, "tour and drawer", combinations)]


@pytest.mark.slow
@pytest.mark.languages
def test_axe_finds_nothing_grave(found: list[Found]) -> None:
    grave = [one for one in found if one.impact in GRAVE]
    assert grave == [], "\n".join(map(str, grave))


@pytest.mark.slow
@pytest.mark.languages
def test_no_level_of_headings_is_left_out(found: list[Found]) -> None:
    jumps = [one for one in found if one.rule == "heading-order"]
    assert jumps == [], "\n".join(map(str, jumps))


@pytest.mark.slow
def test_what_the_keyboard_reaches_shows_it(filled: Visit) -> None:
    page, kinds = filled.page, dict[str, bool]()
    page.add_style_tag(content=STILL)  # a ring that grows is there at once
    filled.recipe()
    for name in TITLES:
        filled.tab(name)
        page.wait_for_timeout(200)
        page.keyboard.press("Tab")
        kinds |= page.evaluate(RINGS_JS)
    assert len(kinds) > 12
    bare = [kind for kind, ringed in kinds.items() if not ringed]
    assert bare == [], bare


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


def test_the_first_stop_of_the_keyboard_leads_to_the_tabs(spanish: Visit) -> None:
    page = spanish.page
    spanish.open()
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    expect(skip).to_have_class(re.compile("lab-skip"))
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#tabs-es') !== null")


def stuck(visit: Visit, name: str) -> list[dict[str, Any]]:
    visit.tab(name)
    visit.page.wait_for_function("document.documentElement.scrollHeight >= innerHeight + 420")
    visit.page.wait_for_timeout(200)
    return list(visit.page.evaluate(STUCK_JS))


def test_what_sticks_leaves_room_to_read(browser: Browser, server: str) -> None:
    for seen in visit(browser, server, "es", PHONE):
        seen.open()
        for name in TITLES:
            there = stuck(seen, name)
            covered = {y for one in there for y in range(round(one["top"]), round(one["bottom"]))}
            assert len(covered) <= PHONE["height"] / 5, (name, there)
        seen.page.set_viewport_size(LOW)  # type: ignore[arg-type]
        for name in TITLES:
            assert stuck(seen, name) == [], name


@pytest.mark.parametrize(("path", "language"), [("", "es"), ("en", "en"), ("?tab=texto&bits=3", "es")])
def test_the_document_says_its_language_before_any_script_runs(server: str, path: str, language: str) -> None:
    with urllib.request.urlopen(server + path) as response:
        document = response.read().decode()
    tag = re.search(r"<html[^>]*>", document)
    assert tag
    assert re.findall(r'\blang="(\w+)"', tag[0]) == [language]
