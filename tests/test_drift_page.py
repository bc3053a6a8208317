"""The cards of token drift in a real browser: opened by mouse and by keyboard, and whole inside the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect

from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.ui.shared.shelf import Shelf
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Place
from quant.ui.tabs.text.drift import Asked, build_drift, reading
from quant.ui.tabs.text.tab import CSS

pytestmark = pytest.mark.browser
TEXT = "Hola <b>tú</b> {{x}} ${1+1}.\nMe gusta mucho el futbol, pero no lo es todo: también el mar."


@pytest.fixture
def section(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The section on a page of its own, the text already read."""
    lab = Lab()
    *_, shown = (frame.said for frame in reading(lab, "es").frames(Asked(Choice(EMBEDDED, bits=2), TEXT)))
    with gr.Blocks() as demo:
        build_drift(Place(lab, "es", Shelf(tmp_path)))[1].outputs.said.value = shown  # type: ignore[attr-defined]
    _, url, _ = demo.launch(css=CSS, prevent_thread_lock=True, quiet=True, ssr_mode=False)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(url)
    expect(page.locator(".lab-drift-text")).to_be_visible(timeout=60_000)
    yield page
    page.close()
    demo.close()
    assert problems == []


def test_cards_open_by_mouse_and_by_keyboard_and_stay_in_the_window(section: Page) -> None:
    tokens, open_card = section.locator(".lab-drift-text > [data-m]"), section.locator(".lab-drift-card:visible")
    assert "Hola <b>tú</b> {{x}} ${1+1}." in section.locator(".lab-drift-text").inner_text().replace("≠", "")
    expect(open_card).to_have_count(0)
    for width, height in ((1280, 900), (1280, 420), (390, 844)):
        section.set_viewport_size({"width": width, "height": height})
        assert section.evaluate("document.documentElement.scrollWidth") <= width
        for i in (0, 9, tokens.count() - 1):
            tokens.nth(i).hover()
            expect(open_card).to_have_count(1)
            box = open_card.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height + 1
        section.mouse.move(1, 1)
        expect(open_card).to_have_count(0)
    tokens.first.focus()
    section.keyboard.press("ArrowRight")
    section.keyboard.press("ArrowRight")
    expect(tokens.nth(2)).to_be_focused()
    assert [tokens.nth(i).get_attribute("tabindex") for i in range(3)] == ["-1", "-1", "0"]
    expect(open_card).to_have_count(1)
    expect(open_card).to_have_attribute("id", tokens.nth(2).get_attribute("aria-describedby") or "")
    tokens.nth(8).hover()
    expect(open_card).to_have_count(1)
    section.mouse.move(1, 1)
    section.keyboard.press("Escape")
    expect(open_card).to_have_count(0)
