"""One weight that learns, on the page in a real browser; and the element of a recorded training, by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from visits import DESKTOP, Visit, visit

from quant.estimator import FakeQuantize
from quant.estimator import Values as GridValues
from quant.plots.style import as_css
from quant.recorded_training import RecordedTraining
from quant.text import Language
from quant.ui.tabs.methods import training_recorded_texts as recorded_texts
from quant.ui.tabs.methods import training_theory_texts as t
from quant.ui.tabs.methods.tab import CSS, HEAD
from quant.ui.tabs.methods.training_recorded import run_html

pytestmark = pytest.mark.browser
FIXTURE = Path(__file__).parent / "training_recorded.json"
LATENT_JS = "document.querySelector('lab-straight').now.w"
POINTS = [(-1.7, 1.0), (-0.8, 1.0), (0.2, 1.0), (0.9, 0.7), (1.45, 1.2), (2.6, 1.0), (-0.3, 0.5), (1.9, 0.9)]
PASSED_JS = "points => points.map(([w, s]) => window.labStraight.passed(w, s))"
# How many different places of the dot sixty frames show.
FRAMES_JS = """() => new Promise((done) => {
  const dot = document.querySelector("lab-straight [data-part=dot]"), seen = new Set();
  const look = (left) => {
    seen.add(dot.getAttribute("cx"));
    if (left) requestAnimationFrame(() => look(left - 1));
    else done(seen.size);
  };
  look(60);
})"""


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


def words(key: str, language: str) -> str:
    return t.STRINGS[key][language]  # type: ignore[index]


def test_it_moves_by_small_steps_and_asks_nobody(desktop: Visit) -> None:
    desktop.open("tab=metodos")
    page, language = desktop.page, desktop.language
    play = page.locator("lab-straight [data-of=play]")
    expect(play).to_have_text(words("play", language))
    page.wait_for_timeout(500)  # what the browser has kept is asked for last
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    play.click()
    expect(play).to_have_text(words("pause", language))
    assert page.evaluate(FRAMES_JS) > 20  # it slides between steps
    page.wait_for_function("document.querySelector('lab-straight').jumps.length > 0")
    play.click()
    expect(play).to_have_text(words("play", language))
    at = page.evaluate(LATENT_JS)
    page.wait_for_timeout(300)
    assert page.evaluate(LATENT_JS) == at
    assert -0.8 < at < 1.6
    assert asked == []


def its_gradients_are_those_of_the_training(page: Page) -> None:
    """The picture and quant/estimator.py, whose grid of codes from 0 to 3 has its zero point at 1."""
    for (w, s), seen in zip(POINTS, page.evaluate(PASSED_JS, [list(p) for p in POINTS]), strict=True):
        latent, scale = (torch.tensor([[[v]]], requires_grad=True) for v in (w, s))
        stored = FakeQuantize.apply(latent, scale, torch.ones(1, 1, 1), GridValues(0, 3))  # type: ignore[no-untyped-call]
        stored.sum().backward()
        assert latent.grad is not None
        assert scale.grad is not None
        found = [float(stored.detach()), float(latent.grad), float(scale.grad)]
        assert [seen["stored"], seen["byW"], seen["byS"]] == pytest.approx(found, abs=1e-5), (w, s)


def test_keys_step_it_and_the_true_gradient_moves_nothing(spanish: Visit) -> None:
    spanish.open("tab=metodos")
    page = spanish.page
    its_gradients_are_those_of_the_training(page)
    step, said = page.locator("lab-straight [data-of=step]"), page.locator("lab-straight [data-of=said]")
    expect(said).to_contain_text("la pérdida pide 1,3")
    step.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(LATENT_JS) == pytest.approx(-0.8 + 0.05 * 2.3)
    rate = page.locator("lab-straight [data-of=rate]")
    rate.focus()
    page.keyboard.press("ArrowRight")
    assert rate.get_attribute("aria-valuetext") == "0,06"
    flat = page.locator("lab-straight [data-of=straight]")
    flat.focus()
    page.keyboard.press("Space")
    expect(said).to_have_text(words("flat", "es"))
    at = page.evaluate(LATENT_JS)
    step.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(LATENT_JS) == at
    page.locator("lab-straight [data-of=again]").press("Enter")
    assert page.evaluate(LATENT_JS) == -0.8


def test_without_motion_steps_come_at_once(spanish: Visit) -> None:
    page = spanish.page
    page.emulate_media(reduced_motion="reduce")
    spanish.open("tab=metodos")
    play = page.locator("lab-straight [data-of=play]")
    expect(play).to_have_text(words("many", "es"))
    play.click()
    assert page.evaluate("document.querySelector('lab-straight').steps") == 20
    assert page.evaluate(FRAMES_JS) == 1
    expect(play).to_have_text(words("many", "es"))


def alone(browser: Browser, language: Language) -> Page:
    """A page that holds nothing but a recorded training."""
    recorded = RecordedTraining.model_validate(json.loads(FIXTURE.read_text(encoding="utf8")))
    page = browser.new_page()
    # As gradio brings it, all of the element at once: the script comes after it.
    page.set_content(f"<style>{as_css()}{CSS}</style>{run_html(recorded.runs[0], language)}{HEAD}")
    return page


def test_the_slider_of_a_recorded_training_moves_everything(browser: Browser) -> None:
    page = alone(browser, "en")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    slider, said = page.locator("lab-trained input"), page.locator("lab-trained output")
    mark, bars = page.locator("svg.trained.wide .at"), page.locator("svg.places .bars")
    seen = []
    for key in ("End", "ArrowLeft", "Home"):
        slider.press(key)
        seen.append((said.inner_text(), mark.get_attribute("transform"), bars.get_attribute("d"),
                     page.locator("[data-slot=text]").inner_text()))  # fmt: skip
        assert slider.get_attribute("aria-valuetext") == seen[-1][0]
    assert all(len(set(column)) == 3 for column in zip(*seen, strict=True)), seen
    assert seen[-1][0].startswith(recorded_texts.AT_START.en.partition("{")[0])
    assert page.locator("svg.places text").all_text_contents() == ["0", "1", "2", "3"]
    assert problems == []
    page.close()
