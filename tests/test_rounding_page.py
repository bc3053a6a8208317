"""The workbench in a real Chromium: its arithmetic against the definition in float64 and the library in float32, its
numbers against quant/text.py, and what a visitor does with mouse, keyboard and switches. No server: the element is all.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect

from quant.formats import FORMATS
from quant.methods.rtn import quantize
from quant.scheme import PerChannel, Scheme
from quant.text import Language, number
from quant.ui.tabs.start.rounding import SCRIPT, STYLE, element, strings

pytestmark = pytest.mark.browser

COUNT = 16
UNIT = 236 / 2 / 1.34  # pixels for a value of 1, where the axis reaches 1
CASES = list(itertools.product(range(2, 9), (False, True), (16, 8, 4), (1.0, 0.9, 0.73, 0.5)))
HTML = (
    "<!DOCTYPE html><html><head><meta charset=utf8><style>{style}</style><script>{script}</script></head><body>{body}"
)


@dataclass
class Shown:
    """The element in one language, and everything that should not have happened."""

    page: Page
    language: Language
    complaints: list[str] = field(default_factory=list)

    def say(self, key: str, **fields: object) -> str:
        return strings(self.language)[key].format(**fields)

    def handle(self, i: int) -> Locator:
        return self.page.locator(".lab-round-handle").nth(i - 1)

    def value(self, i: int) -> float:
        return float(self.handle(i).get_attribute("aria-valuenow") or "nan")

    def button(self, key: str) -> Locator:
        return self.page.get_by_role("button", name=self.say(key), exact=True)

    def result(self) -> dict[str, Any]:
        return self.page.evaluate("document.querySelector('lab-rounding').result")

    def live(self, sample: list[object], layer: str = "una capa") -> None:
        """The model has been read: its weights come in the page's own element."""
        script = """(data) => {
          const old = document.querySelector("lab-sample");
          const told = old ?? document.body.appendChild(document.createElement("lab-sample"));
          told.dataset.lab = data;
        }"""
        self.page.evaluate(script, json.dumps({"sample": sample, "layer": layer}))

    def recipe(self, **fields: object) -> None:
        """The live recipe has moved."""
        whole = {"bits": 4, "zero_point": False, "granularity": "group", "group": 64, "format": "int"} | fields
        self.page.evaluate(
            "recipe => { window.labRecipe = recipe; window.dispatchEvent(new CustomEvent('lab-recipe')); }", whole
        )

    def asked(self) -> list[dict[str, str]]:
        return self.page.evaluate("window.asked")

    def start(self) -> None:
        """Random values within -1 and 1, the first."""
        self.button("random").click()


def shown(browser: Browser, language: Language, width: int) -> Iterator[Shown]:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    seen = Shown(page, language)
    page.on("request", lambda request: seen.complaints.append(request.url))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.set_content(HTML.format(style=STYLE, script=SCRIPT, body=element(language)))
    page.evaluate("() => { window.asked = []; window.labAsk = (asked) => window.asked.push(asked); }")
    expect(seen.handle(16)).to_be_visible()
    yield seen
    context.close()
    assert seen.complaints == []


@pytest.fixture(params=["es", "en"])
def both(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Shown]:
    yield from shown(browser, request.param, 1280)


@pytest.fixture
def spanish(browser: Browser) -> Iterator[Shown]:
    yield from shown(browser, "es", 1280)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Shown]:
    yield from shown(browser, "es", 390)


def reference(
    values: np.ndarray, bits: int, zero_point: bool, size: int, clip: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Codes, scales, zero points and decoded values, float64, line by line as quant/methods/rtn.py defines them."""
    groups = values.reshape(-1, size)
    low, high = groups.min(1), groups.max(1)
    highest = 2**bits - 1 if zero_point else 2 ** (bits - 1) - 1
    lowest = 0 if zero_point else -highest
    if zero_point:
        low, high = clip * np.minimum(low, 0), clip * np.maximum(high, 0)
        scale = (high - low) / highest
    else:
        scale = clip * np.maximum(-low, high) / highest
    with np.errstate(all="ignore"):
        scale = np.where(np.isfinite(1 / scale), scale, 0)
        inverse = np.where(scale > 0, 1 / scale, 0)
        zero = np.where(scale > 0, np.rint(-low / scale), 0).clip(lowest, highest) if zero_point else np.zeros_like(low)
    codes = (np.rint(groups * inverse[:, None]) + zero[:, None]).clip(lowest, highest)
    return codes.ravel(), scale, zero, ((codes - zero[:, None]) * scale[:, None]).ravel()


def inputs(bits: int, zero_point: bool) -> list[np.ndarray]:
    """Sixteen values of every kind that can go wrong."""
    random = np.random.default_rng(bits + 10 * zero_point)
    bell = random.normal(size=COUNT)
    # A scale that is a power of two, and all but the ends of each four half way between two codes.
    highest = 2**bits - 1 if zero_point else 2 ** (bits - 1) - 1
    low, high = (-(highest // 2), highest - highest // 2) if zero_point else (-highest, highest)
    ties = (random.integers(low, high, COUNT) + 0.5) * 0.25
    ties[::4], ties[1::4] = low * 0.25, high * 0.25
    holes = bell.copy()
    holes[4:8] = 0
    outlier = bell.copy()
    outlier[5] = 8 * np.abs(bell).max()
    two_decimals = np.round(bell * 0.3, 2)
    constant = np.full(COUNT, 0.37)
    return [
        bell, ties, holes, outlier, two_decimals, constant, -constant, np.zeros(COUNT), np.abs(bell) + 0.3,
        -np.abs(bell), bell * 1e-310, bell * 5e-324, bell * 1e30,
    ]  # fmt: skip


def in_the_browser(page: Page, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return page.evaluate("jobs => jobs.map(({values, ...options}) => labRounding.quantize(values, options))", jobs)


def job(values: np.ndarray, bits: int, zero_point: bool, size: int, clip: float) -> dict[str, Any]:
    return {"values": values.tolist(), "bits": bits, "zeroPoint": zero_point, "groupSize": size, "clip": clip}


def test_codes_scales_and_values_are_those_of_the_definition_to_the_last_bit(spanish: Shown) -> None:
    cases = [(values, *case) for case in CASES for values in inputs(case[0], case[1])]
    assert len(cases) > 2000
    ties = 0
    for case, got in zip(cases, in_the_browser(spanish.page, [job(*case) for case in cases]), strict=True):
        codes, scales, zeros, decoded = reference(*case)
        values, bits, zero_point, size, _ = case
        np.testing.assert_array_equal(got["codes"], codes, str(case))
        np.testing.assert_array_equal(got["scales"], scales)
        np.testing.assert_array_equal(got["decoded"], decoded)
        np.testing.assert_array_equal(got["errors"], decoded - values)
        assert got["zeros"] == (zeros.tolist() if zero_point else None)
        assert got["bitsPerWeight"] == bits + (16 + bits * zero_point) / size
        with np.errstate(all="ignore"):
            ties += int((np.abs(values.reshape(-1, size) / scales[:, None]) % 1 == 0.5).sum())
    assert ties > 300


def test_without_clipping_it_agrees_with_the_library(spanish: Shown) -> None:
    cases = [c for c in CASES if c[3] == 1.0]
    random = np.random.default_rng(7)
    samples = [random.normal(size=COUNT).astype(np.float32).astype(np.float64) for _ in cases]
    jobs = [job(values, *case) for values, case in zip(samples, cases, strict=True)]
    compared = 0
    for values, (bits, zero_point, size, _), got in zip(
        samples, cases, in_the_browser(spanish.page, jobs), strict=True
    ):
        scheme = Scheme.integer(bits, PerChannel(), zero_point=zero_point, scale=FORMATS["float32"])
        q = quantize(torch.from_numpy(values).float().view(-1, size), scheme)
        scales = np.repeat(got["scales"], size)
        # Close to half way, float32 and float64 may part; so may the zero point, and with it its whole group.
        lows = np.minimum(values.reshape(-1, size).min(1), 0).repeat(size)
        sure = ~(near_half(values / scales) | (near_half(lows / scales) if zero_point else False))
        codes = scheme.element.decode(q.codes).numpy().ravel()
        np.testing.assert_array_equal(np.array(got["codes"])[sure], codes[sure])
        np.testing.assert_allclose(np.array(got["decoded"])[sure], q.dequantize().numpy().ravel()[sure], rtol=1e-6)
        compared += int(sure.sum())
    assert compared > 0.98 * COUNT * len(cases)


def near_half(x: np.ndarray) -> np.ndarray:
    return np.abs(np.abs(x) % 1 - 0.5) < 1e-4


def test_numbers_are_written_as_the_rest_of_the_page_writes_them(both: Shown) -> None:
    random = np.random.default_rng(3)
    values = [*(random.normal(size=300) * 10.0 ** random.integers(-8, 12, 300)), 0.0, -0.25, 1234.0, -12345.0, 999999.6]
    script = "([values, language]) => values.map((v) => labRounding.number(v, language))"
    assert both.page.evaluate(script, [values, both.language]) == [number(v, both.language) for v in values]
    shorter = both.page.evaluate(
        "(l) => [0.35, 100, -0.5, 1200, 3e-7].map((v) => labRounding.short(v, l))", both.language
    )
    comma = "," if both.language == "es" else "."
    assert shorter == [f"0{comma}35", "100", f"−0{comma}5", "1200" if comma == "," else "1,200", "3 × 10⁻⁷"]


def test_the_mouse_drags_a_value_and_everything_follows(both: Shown) -> None:
    both.start()
    handle = both.handle(5)
    before, code = both.value(5), both.result()["codes"][4]
    box = handle.locator("circle").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    both.page.mouse.move(x, y)
    both.page.mouse.down()
    both.page.mouse.move(x, y - 60, steps=4)
    both.page.mouse.up()
    both.page.mouse.move(x, y + 200)  # let go: nothing moves any more
    after = both.value(5)
    assert after - before == pytest.approx(60 / UNIT, abs=0.01)
    assert both.result()["codes"][4] > code
    text = number(after, both.language, 4).rstrip("0").rstrip(",.")
    expect(both.page.locator(".lab-round-formula h3")).to_have_text(both.say("formula", i=5, w=text))
    expect(both.page.locator(".lab-caption").first).to_contain_text(both.say("source_moved"))


def test_the_keyboard_moves_a_value_to_both_ends_and_no_further(spanish: Shown) -> None:
    spanish.start()
    spanish.handle(3).focus()
    start = spanish.value(3)
    for key, moved in (("ArrowUp", 0.01), ("ArrowDown", 0.0), ("PageUp", 0.1), ("PageDown", 0.0), ("ArrowLeft", -0.01)):
        spanish.page.keyboard.press(key)
        assert spanish.value(3) == pytest.approx(start + moved)
    for key, end in (("End", 1.0), ("ArrowUp", 1.0), ("Home", -1.0), ("PageDown", -1.0)):
        spanish.page.keyboard.press(key)
        assert spanish.value(3) == end
    text = spanish.handle(3).get_attribute("aria-valuetext") or ""
    assert text == spanish.say("handle_text", w="−1", q="−7", d="−1")


def test_an_outlier_ruins_one_scale_and_groups_confine_it(both: Shown) -> None:
    both.start()
    before = both.result()
    switch = both.page.get_by_role("checkbox")
    sentence = both.page.locator(".lab-verdict")
    expect(sentence).to_be_hidden()
    switch.check()
    ruined = both.result()
    others = [i for i in range(COUNT) if i != 5]
    used = {ruined["codes"][i] for i in others}
    rise = np.linalg.norm([ruined["errors"][i] for i in others]) / np.linalg.norm([before["errors"][i] for i in others])
    expect(sentence).to_contain_text(f" {len(used)} ")
    expect(sentence).to_contain_text(number(rise, both.language, 2).removesuffix(",0").removesuffix(".0"))
    both.button("repair").click()
    repaired = both.result()
    assert repaired["errors"][8:] != ruined["errors"][8:]
    assert repaired["rms"] < ruined["rms"]
    expect(sentence).to_contain_text("12")
    both.button("unrepair").click()
    assert both.result()["codes"] == ruined["codes"]
    switch.uncheck()
    expect(sentence).to_be_hidden()
    assert both.result()["codes"] == before["codes"]


def test_a_value_that_stretches_the_grid_until_the_others_coincide_is_said_so(spanish: Shown) -> None:
    spanish.page.get_by_role("checkbox").check()
    spanish.page.locator("input.lab-round-bits").fill("2")
    expect(spanish.page.locator(".lab-verdict")).to_contain_text("ya no se distinguen")


def test_weights_of_the_live_model_are_offered_and_what_is_no_number_is_left_out(both: Shown) -> None:
    take = both.button("live")
    expect(take).to_be_hidden()
    both.live([None, *[0.1] * 10])
    expect(take).to_be_hidden()  # ten numbers are not sixteen
    both.live([None, "7", *((i - 20) / 1000 for i in range(40))])
    take.click()
    assert [both.value(i) for i in range(1, 17)] == [(i - 20) / 1000 for i in range(16)]
    assert float(both.handle(1).get_attribute("aria-valuemax") or 0) == 0.02
    expect(both.page.locator(".lab-caption").first).to_contain_text(
        both.say("source_live", first=1, last=16, layer="una capa")
    )
    take.click()
    take.click()  # eight are left: from the start again
    assert both.value(1) == -0.02
    both.live([])
    expect(take).to_be_hidden()


def test_random_values_come_from_a_seed_and_reset_gives_the_first_again(both: Shown) -> None:
    first = both.result()
    both.button("random").click()
    assert both.result()["codes"] != first["codes"]
    expect(both.page.locator(".lab-caption").first).to_contain_text(both.say("source_random", seed=1))
    both.page.locator("input[value=true]").check()
    both.page.locator("input.lab-round-clip").fill("60")
    assert both.result()["zeros"] is not None
    both.button("reset").click()
    assert both.result() == first


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_zero_values_and_the_zero_point_grid_have_their_formula(spanish: Shown, bits: int) -> None:
    spanish.page.locator("input.lab-round-bits").fill(str(bits))
    spanish.page.locator("input[value=true]").check()
    spanish.page.locator("input.lab-round-clip").fill("75")
    formula = spanish.page.locator(".lab-round-formula")
    for word in ("z", "q", "ŵ", "75\u202f%", f"; 0; {2**bits - 1})"):
        expect(formula).to_contain_text(word)
    spanish.live([0] * 16)
    spanish.button("live").click()
    expect(formula).to_contain_text(spanish.say("zero_group"))
    spanish.page.locator(".lab-round-more summary").click()
    expect(spanish.page.locator(".lab-cards")).to_contain_text(spanish.say("exact"))
    assert "NaN" not in spanish.page.locator("body").inner_text()


@pytest.mark.parametrize("bits", [4, 8])
def test_on_a_phone_nothing_overflows_and_the_page_still_scrolls(phone: Shown, bits: int) -> None:
    if bits == 8:
        phone.page.get_by_role("checkbox").check()
    phone.page.locator("input.lab-round-bits").fill(str(bits))
    phone.page.locator("input[value='4']").check()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    touch = "(selector) => getComputedStyle(document.querySelector(selector)).touchAction"
    assert phone.page.evaluate(touch, ".lab-round-handle rect") == "none"
    assert phone.page.evaluate(touch, ".lab-round-svg") == "auto"
    boxes = phone.page.evaluate("""() => [...document.querySelectorAll(".lab-round-svg .under, .lab-round-svg .tick")]
        .map((text) => { const b = text.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom]; })""")
    right = phone.page.evaluate("document.querySelector('.lab-round-svg').getBoundingClientRect().right")
    assert all(box[0] >= 0 and box[1] <= right for box in boxes)
    for one, other in itertools.combinations(boxes, 2):
        apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] + 5 or other[3] <= one[2] + 5
        assert apart, (one, other)
    phone.page.set_viewport_size({"width": 800, "height": 900})
    expect(phone.page.locator(".lab-round-svg")).to_have_attribute("width", "784")


def test_an_error_is_drawn_over_what_it_joins(spanish: Shown) -> None:
    """Where it is short, a stroke below the circles would not be seen."""
    script = "[...document.querySelector('.lab-round-svg').children].map((node) => node.getAttribute('class'))"
    assert spanish.page.evaluate(script)[-1] == "over"
    assert spanish.page.locator(".lab-round-svg .over .error").count() == COUNT


def test_bits_and_grid_follow_the_live_recipe_and_the_rest_stays(both: Shown) -> None:
    both.recipe()
    both.button("random").click()
    both.page.locator("input[value='4']").check()
    both.recipe(bits=3)
    assert both.result()["highest"] == 3
    assert len(both.result()["scales"]) == 4
    both.recipe(bits=3, zero_point=True)
    assert both.result()["zeros"] is not None
    both.page.locator("input.lab-round-bits").fill("6")
    both.recipe(bits=3, zero_point=True, table=True)  # what moved is not ours
    assert both.result()["highest"] == 63
    both.recipe(bits=3, zero_point=True, granularity="tensor")
    assert len(both.result()["scales"]) == 1
    expect(both.page.locator(".lab-round-groups small")).to_have_text(both.say("recipe_tensor"))
    both.recipe(bits=2, format="NF4")  # whose bits are not ours to show
    assert both.result()["highest"] == 63


def test_its_bits_are_given_to_the_model(both: Shown) -> None:
    use = both.button("use")
    expect(use).to_be_hidden()  # no model yet
    both.recipe()
    expect(use).to_be_hidden()  # it has them
    both.page.locator("input.lab-round-bits").fill("5")
    both.page.locator("input[value=true]").check()
    use.click()
    assert both.asked() == [{"recipe": "format=int&bits=5&zero_point=1"}]
    both.recipe(bits=5, zero_point=True)
    expect(use).to_be_hidden()
    both.recipe(bits=5, zero_point=True, format="NF4")
    expect(use).to_be_visible()


def test_a_finger_drags_a_value_and_the_page_stays(browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 600}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_content(HTML.format(style=STYLE, script=SCRIPT, body=element("es")))
    handle = page.locator(".lab-round-handle").nth(3)
    handle.scroll_into_view_if_needed()
    box = handle.locator("circle").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before, scrolled = float(handle.get_attribute("aria-valuenow") or "nan"), page.evaluate("scrollY")
    finger = context.new_cdp_session(page)
    for kind, points in (("touchStart", [y]), *(("touchMove", [y - 8 * i]) for i in range(1, 7)), ("touchEnd", [])):
        at = [{"x": x, "y": to} for to in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    after = float(handle.get_attribute("aria-valuenow") or "nan")
    reach = float(handle.get_attribute("aria-valuemax") or "nan")
    assert after - before == pytest.approx(48 / UNIT * reach, abs=0.02 * reach)
    assert page.evaluate("scrollY") == scrolled
    context.close()


def test_taken_out_and_put_back_it_keeps_its_state(spanish: Shown) -> None:
    spanish.page.locator("input.lab-round-bits").fill("3")
    before = spanish.result()
    spanish.page.evaluate("const e = document.querySelector('lab-rounding'); e.remove(); document.body.append(e);")
    assert spanish.result() == before
    assert spanish.page.locator(".lab-round-handle").count() == COUNT
