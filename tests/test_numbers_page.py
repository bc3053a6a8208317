"""Números in a real browser: its JavaScript's arithmetic against Python's, and the panels as a visitor uses them."""

from __future__ import annotations

import itertools
import math
import random
import re
import struct
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import torch
from cases import each
from playwright.sync_api import Browser, Locator, Page, expect
from visits import DESKTOP, PHONE, Visit, visit

from quant.errors import SchemeError
from quant.floats import Overflow, Specials
from quant.formats import FORMATS, NumberFormat, exmy
from quant.ui.shared import texts as shared_texts
from quant.ui.tabs.numbers import texts as numbers_texts
from quant.ui.tabs.numbers.format_data import record

pytestmark = pytest.mark.browser
OWN = [
    exmy(e, m, s)
    for e, m, s in [
        (1, 0, Specials.FINITE), (1, 10, Specials.FINITE), (8, 10, Specials.IEEE), (2, 1, Specials.IEEE),
        (5, 0, Specials.FINITE), (3, 3, Specials.IEEE), (8, 0, Specials.FINITE), (4, 5, Specials.FINITE),
    ]
]  # fmt: skip
EVERY = [*FORMATS.values(), *OWN]
POLICIES: list[Overflow | None] = [None, *Overflow]


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    for seen in visit(browser, server, "es", DESKTOP):
        seen.open("tab=numeros")
        seen.page.wait_for_function("window.labLive")
        yield seen


@pytest.fixture(scope="module")
def page(browser: Browser, server: str) -> Iterator[Page]:
    """The page itself, for its functions alone."""
    for seen in visit(browser, server, "es", DESKTOP):
        seen.open("tab=numeros")
        yield seen.page


# ---- the arithmetic


def bits_of(x: float) -> str:
    return str(struct.unpack(">Q", struct.pack(">d", x))[0])


def from_bits(bits: str) -> float:
    return float(struct.unpack(">d", struct.pack(">Q", int(bits)))[0])


def inputs(element: NumberFormat) -> list[float]:
    """Numbers of every kind; ties of the format and the float64s beside them; what it holds."""
    rng = random.Random(f"{element.name}")
    found = [0.0, -0.0, math.inf, -math.inf, 5e-324, -5e-324, 2.0**-1022, 1.7976931348623157e308, 0.1, 1 / 3, 464.0]
    found += [from_bits(str(rng.getrandbits(64))) for _ in range(700)]
    found += [rng.gauss(0, 1) * 2.0 ** rng.randint(-30, 20) for _ in range(700)]
    if element.code_bits <= 19:
        codes = torch.arange(2**element.code_bits)
        codes = codes if len(codes) <= 256 else codes[torch.randperm(len(codes), generator=torch.manual_seed(3))[:400]]
        values = element.decode(codes).double()
        values = values[values.isfinite()].unique()
        middles = ((values[1:] + values[:-1]) / 2).tolist()
        found += [y for m in middles for y in (m, math.nextafter(m, math.inf), math.nextafter(m, -math.inf))]
        found += values.tolist()
    return [x for x in found if not math.isnan(x)]


ENCODE_JS = """([format, policy, inputs]) => inputs.map((bits) => {
  const pattern = labCodec.encode(labCodec.fromFloat64Bits(BigInt(bits)), format, policy ?? format.overflow);
  return pattern === null ? null : [String(pattern), String(labCodec.float64Bits(labCodec.decode(pattern, format)))];
})"""


def encoded(page: Page, element: NumberFormat, xs: list[float], policy: Overflow | None = None) -> list[Any]:
    return list(page.evaluate(ENCODE_JS, [record(element), policy and policy.value, [bits_of(x) for x in xs]]))


FLOATS = [element for element in EVERY if element.layout]


@each("element", FLOATS)
def test_floats_encode_and_decode_as_python_does(page: Page, element: NumberFormat) -> None:
    xs = inputs(element)
    for policy in POLICIES if element.name != "float64" else [None]:
        try:
            codes = element.encode(torch.tensor(xs, dtype=torch.float64), policy)
        except SchemeError:
            continue  # a policy that this format has no pattern for
        values = element.decode(codes).double().tolist()
        for x, (pattern, said), code, value in zip(
            xs, encoded(page, element, xs, policy), codes.tolist(), values, strict=True
        ):
            if math.isnan(value):  # one NaN is as good as another
                assert math.isnan(from_bits(said)), x
            else:
                assert (int(pattern), said) == (code % 2**64, bits_of(value)), (x, policy)


@each("element", [e for e in EVERY if not e.layout])
def test_tables_encode_to_the_nearest_value_as_python_does(page: Page, element: NumberFormat) -> None:
    """Python looks float32 up; here a float64 is rounded once, so it is checked against exact fractions too."""
    assert element.values is not None
    xs = [x for x in inputs(element) if math.isfinite(x)]
    values = sorted({Fraction(v) for v in element.values.tolist() if not math.isnan(v)})
    for x, (_, said) in zip(xs, encoded(page, element, xs), strict=True):
        nearest = min(abs(v - Fraction(x)) for v in values)
        assert abs(Fraction(from_bits(said)) - Fraction(x)) == nearest, x
    singles = [y for x in xs if math.isfinite(y := float(torch.tensor(x, dtype=torch.float64).float()))]
    codes = element.encode(torch.tensor(singles, dtype=torch.float64))
    middles = [(a + b) / 2 for a, b in itertools.pairwise(values)]
    decoded = element.decode(codes).tolist()  # values, not patterns: FP4's two zeros are the same
    for x, (_, said), value in zip(singles, encoded(page, element, singles), decoded, strict=True):
        beside = any(0 < abs(Fraction(x) - m) <= abs(m) * Fraction(2) ** -24 for m in middles)
        assert beside or from_bits(said) == value, x  # a midpoint that float32 cannot hold: the table's is rounded
    ends = [from_bits(said) for _, said in encoded(page, element, [math.inf, -math.inf, 1e300, -1e300])]
    assert [Fraction(e) for e in ends] == [values[-1], values[0]] * 2


@each("element", EVERY)
def test_every_pattern_decodes_as_python_says_and_has_its_neighbours(page: Page, element: NumberFormat) -> None:
    rng = random.Random(5)
    n = 2**element.code_bits
    codes = list(range(n)) if n <= 2**10 else [*range(40), *range(n - 40, n), *(rng.randrange(n) for _ in range(900))]
    signed = [c - 2**64 if c >= 2**63 else c for c in codes]
    expected = element.decode(torch.tensor(signed, dtype=torch.int64)).double().tolist()
    js = """([f, codes]) => codes.map((c) => {
      const value = labCodec.decode(BigInt(c), f), beside = labCodec.neighbours(BigInt(c), f);
      return [String(labCodec.float64Bits(value)), beside.below, beside.above, labCodec.kind(BigInt(c), f)];
    })"""
    found = page.evaluate(js, [record(element), [str(c) for c in codes]])
    finite = sorted({x for x in expected if math.isfinite(x)})
    for value, (said, below, above, kind) in zip(expected, found, strict=True):
        if math.isnan(value):
            assert kind == "nan"
            assert math.isnan(from_bits(said))
            continue
        assert said == bits_of(value)
        if len(codes) == n and math.isfinite(value):
            at = finite.index(value)
            beside = [None if side is None else float(side) for side in (below, above)]
            assert beside == [finite[at - 1] if at else None, finite[at + 1] if at + 1 < len(finite) else None]


def test_a_format_built_in_the_browser_is_the_one_built_in_python(page: Page) -> None:
    for e in range(1, 9):
        for m in range(11):
            for specials in (Specials.FINITE, Specials.IEEE):
                try:
                    wanted = record(exmy(e, m, specials))
                except SchemeError:
                    continue
                built = page.evaluate("([e, m, s]) => labCodec.exmy(e, m, s)", [e, m, specials.value])
                assert {k: built[k] for k in ("bits", "overflow", "layout")} == {
                    k: wanted[k] for k in ("bits", "overflow", "layout")
                }


def test_every_digit_of_a_float64_is_right(page: Page) -> None:
    xs = [x for x in inputs(FORMATS["float64"]) if math.isfinite(x)]
    js = "(xs) => xs.map((b) => labCodec.exactDecimal(labCodec.fromFloat64Bits(BigInt(b))))"
    for x, said in zip(xs, page.evaluate(js, [bits_of(x) for x in xs]), strict=True):
        exact = format(Decimal(x), "f")
        assert said == (re.sub(r"\.?0+$", "", exact) if "." in exact else exact)
    assert page.evaluate("[labCodec.exactDecimal(NaN), labCodec.exactDecimal(-Infinity)]") == ["NaN", "-inf"]


@each("typed, value", [
        ("0,1", 0.1), ("0.1", 0.1), ("  -3,5e-2 ", -0.035), ("1e-3", 0.001), ("+7", 7.0), (".5", 0.5), ("5,", 5.0),
        ("65\u202f504", 65504.0), ("−2", -2.0), ("inf", math.inf), ("-Infinito", -math.inf), ("∞", math.inf),
        ("NaN", math.nan), ("-0", -0.0), ("2^-24", 2.0**-24), ("-2**3", -8.0), ("1e308", 1e308), ("0e999", 0.0),
    ],
)  # fmt: skip
def test_numbers_are_read_as_written(page: Page, typed: str, value: float) -> None:
    found = page.evaluate("(typed) => String(labCodec.float64Bits(labWords.parse(typed).value))", typed)
    assert found == bits_of(value) or (math.isnan(value) and math.isnan(from_bits(found)))


def test_an_english_thousand_is_read_as_the_english_page_writes_it(page: Page) -> None:
    read = "([typed, language]) => labWords.parse(typed, language).value"
    assert page.evaluate("labWords.number(65504, 'en', 5)") == "65,504"
    for typed, english, spanish in (("65,504", 65504, 65.504), ("1,234,567.5", 1234567.5, None), ("0,25", 0.25, 0.25)):
        assert page.evaluate(read, [typed, "en"]) == english
        assert page.evaluate(read, [typed, "es"]) == spanish


@each("typed, problem", [
     ("", "empty"), ("  ", "empty"), ("-", "number"),
     ("hola", "number"), ("1,2,3", "number"), ("1.234,5", "number"), ("1e400", "huge"),
     ("-1e400", "huge"), ("2^5000", "huge"), ("1e-400", "tiny"), ("0x10", "number"), ("--1", "number"),
     ("1e", "number"), ("<b>", "number")],
)  # fmt: skip
def test_what_is_no_number_is_refused(page: Page, typed: str, problem: str) -> None:
    assert page.evaluate("(typed) => labWords.parse(typed)", typed) == {"problem": problem}


# ---- the panels


def card(page: Page, name: str) -> Locator:
    return page.locator(f"lab-bits:visible .lab-format[data-format={name}]")


def entry(page: Page) -> Locator:
    return page.locator("lab-bits:visible .lab-entry").first


def more(page: Page) -> None:
    """What the cards say besides: neighbours, formula, what is done with numbers that are too large."""
    page.locator("lab-bits:visible button[aria-pressed]", has_text=numbers_texts.NUMBERS_BITS["more"].es).click()


def add(page: Page, *names: str) -> None:
    """One more card each."""
    for name in names:
        chip = page.locator(f"lab-bits:visible [data-name={name}]")
        if not chip.is_visible():
            page.locator("lab-bits:visible .lab-picker summary").click()
        chip.click()


def bits(page: Page, name: str) -> str:
    return "".join(card(page, name).locator(".lab-bit").all_inner_texts())


def test_a_bit_changes_the_number_in_every_format_without_the_server(spanish: Visit) -> None:
    page = spanish.page
    asked = spanish.asked()
    assert bits(page, "float16") == f"{0x2E66:016b}"
    card(page, "float16").locator("[data-bit='15']").click()
    expect(entry(page)).to_have_value("-0,0999755859375")
    expect(card(page, "bfloat16").locator(".lab-value")).to_contain_text("−0,10009765625")
    card(page, "float16").locator("[data-bit='15']").click()
    entry(page).fill("65520")
    expect(card(page, "float16").locator(".lab-value")).to_have_text("= ∞")
    expect(card(page, "float16").locator(".lab-note")).to_contain_text("65\u202f504")
    more(page)
    card(page, "float16").locator("select").select_option("saturate")
    expect(card(page, "float16").locator(".lab-value")).to_have_text("= 65\u202f504")
    expect(page).to_have_url(re.compile("x=65520"))  # the last thing to happen
    assert asked == []


def test_values_neighbours_formula_and_errors_are_told(spanish: Visit) -> None:
    page = spanish.page
    float32, half = card(page, "float32"), card(page, "float16")
    expect(float32.locator(".lab-value")).to_have_text("= 0,100000001490116119384765625")
    expect(half.locator(".lab-facts")).to_contain_text("0x2E66")
    expect(half.locator(".lab-error-line")).to_contain_text("relativo: 0,0244")
    expect(half.locator(".lab-formula")).to_contain_text("(−1)0 × 211 − 15 × (1 + 614/210) = 2−4 × 1,599609375")
    entry(page).fill("2^-24")
    expect(half.locator(".lab-formula")).to_contain_text("21 − 15 × (0 + 1/210)")
    expect(half.locator(".lab-note")).to_contain_text("Subnormal")
    add(page, "float8_e4m3fn", "float4_e2m1fn")
    for typed, name, said in [
        ("-0", "float16", "Menos cero"), ("NaN", "float16", "no es un número"), ("inf", "bfloat16", "Infinito"),
        ("NaN", "float4_e2m1fn", "no tiene ningún código"), ("500", "float8_e4m3fn", "da NaN"),
        ("1e-30", "float16", "Desaparece"), ("9", "float4_e2m1fn", "satura"),
    ]:  # fmt: skip
        entry(page).fill(typed)
        expect(card(page, name).locator(".lab-note")).to_contain_text(said)


def test_the_keyboard_flips_a_bit_and_builds_one_s_own_format(spanish: Visit) -> None:
    page = spanish.page
    first = card(page, "bfloat16").locator(".lab-bit").first
    first.focus()
    for key in ("End", "ArrowLeft", "ArrowRight", "Space"):
        page.keyboard.press(key)
    assert bits(page, "bfloat16") == f"{0x3DCC:016b}"
    expect(card(page, "bfloat16").locator("[data-bit='0']")).to_be_focused()
    expect(card(page, "bfloat16").locator("[data-bit='0']")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Tab")
    expect(page.locator("lab-bits:visible .lab-picker summary")).to_be_focused()
    own_format_and_an_impossible_one(page)


def own_format_and_an_impossible_one(page: Page) -> None:
    """An exponent of one bit leaves no number beside those that IEEE 754 takes."""
    add(page, "exmy")
    expect(card(page, "E4M3")).to_be_visible()
    exponent = page.locator("lab-bits:visible .lab-builder input[type=range]").first
    exponent.focus()
    page.keyboard.press("Home")
    expect(card(page, "E1M3")).to_be_visible()
    page.locator("lab-bits:visible .lab-builder input[type=checkbox]").check()
    expect(page.locator("lab-bits:visible [role=alert]")).to_contain_text("E1M3 no puede ser")
    expect(card(page, "E1M3")).to_be_visible()
    exponent.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("lab-bits:visible [role=alert]")).to_be_empty()
    expect(card(page, "E2M3").locator("select option")).to_have_count(3)


def test_bad_input_says_what_is_allowed_and_keeps_the_number(desktop: Visit) -> None:
    desktop.open("tab=numeros&x=0.25")
    page, language = desktop.page, desktop.language
    problem = page.locator("lab-bits:visible [role=alert]")
    code, value = page.locator("lab-bits:visible .lab-entry").nth(1), card(page, "float16").locator(".lab-value")
    for typed, key in (("hola", "number"), ("1e400", "huge"), ("1e-400", "tiny")):
        entry(page).fill(typed)
        expect(problem).to_contain_text(numbers_texts.NUMBERS_PROBLEMS[key].format(typed=typed)[language])  # type: ignore[index]
        expect(value).to_have_text("= 0,25" if language == "es" else "= 0.25")
        expect(entry(page)).to_have_value(typed)
    entry(page).fill("")
    expect(problem).to_have_text("⚠ " + numbers_texts.NUMBERS_PROBLEMS["empty"][language])  # type: ignore[index]
    page.locator("lab-bits:visible .lab-by-hand summary").click()
    code.fill("0x12345")
    expect(problem).to_contain_text("17 bits")
    code.fill("0xZZ")
    expect(problem).to_contain_text("hexadecimal")
    code.fill("")
    expect(problem).to_have_text("⚠ " + numbers_texts.NUMBERS_PROBLEMS["noBits"][language])  # type: ignore[index]
    code.fill("3C00")
    expect(problem).to_be_empty()
    expect(value).to_have_text("= 1")
    expect(entry(page)).to_have_value("1")


def test_weights_of_the_live_model_can_be_taken(spanish: Visit) -> None:
    page = spanish.page
    largest = page.locator("lab-bits:visible .lab-chip", has_text=numbers_texts.NUMBERS_BITS["largest"].es)
    largest.click()
    taken = page.evaluate("window.labLive.largest")
    expect(page.locator("lab-bits:visible .lab-original")).to_contain_text(taken["where"])
    assert page.evaluate("labWords.parse(document.querySelector('lab-bits .lab-entry').value).value") == taken["value"]
    expect(card(page, "float32").locator(".lab-error-line")).to_contain_text(numbers_texts.NUMBERS_BITS["exact"].es)
    page.locator("lab-bits:visible .lab-chip", has_text=numbers_texts.NUMBERS_BITS["random"].es).click()
    expect(card(page, "float32").locator(".lab-error-line")).to_contain_text(numbers_texts.NUMBERS_BITS["exact"].es)


def test_the_number_line_counts_values_and_follows_the_layer(spanish: Visit) -> None:
    page = spanish.page
    figures_stay_clipped(page)
    page.get_by_role("button", name=numbers_texts.NUMBERS_LINE_TITLE.es).click()
    line = page.locator("lab-line:visible")
    expect(line.locator(".lab-caption")).to_contain_text("float8_e4m3fn: 253 valores distintos")
    for name, count in (("nf4", 16), ("int4", 16), ("float4_e2m1fn", 15), ("float8_e8m0fnu", 255)):
        line.locator("select").select_option(name)
        expect(line.locator(".lab-caption")).to_contain_text(f"{name}: {count} valores distintos")
    expect(line.locator(".lab-caption")).to_contain_text(numbers_texts.NUMBERS_LINE["lineUnsigned"].es)
    line.locator("select").select_option("float4_e2m1fn")
    expect(line.locator("svg .tick")).to_have_count(15)
    line.locator("svg.lab-line").focus()
    page.keyboard.press("End")
    expect(line.locator(".lab-readout")).to_contain_text("Valor 6 · código 0111")
    line.locator("summary").click()
    expect(line.locator("tbody tr")).to_have_count(15)
    before = page.evaluate("window.labLive.layer")
    page.get_by_label(shared_texts.WEIGHTS_LAYER.es).locator("visible=true").click()
    page.locator("ul[role=listbox] [role=option]").first.click()
    page.wait_for_function("before => window.labLive.layer !== before", arg=before)
    expect(line.locator(".lab-caption")).to_contain_text(page.evaluate("window.labLive.layer"))
    chosen = page.evaluate("window.labLive.layer")
    spanish.tab("pesos")
    expect(page.get_by_label(shared_texts.WEIGHTS_LAYER.es).locator("visible=true")).to_have_value(
        re.compile(re.escape(chosen))
    )
    page.get_by_label(shared_texts.WEIGHTS_LAYER.es).locator("visible=true").click()
    page.locator("ul[role=listbox] [role=option]").nth(1).click()
    page.wait_for_function("chosen => window.labLive.layer !== chosen", arg=chosen)  # and the other way round
    spanish.tab("numeros")
    expect(card(page, "float16")).to_be_visible()
    expect(line.locator(".lab-caption")).to_contain_text(page.evaluate("window.labLive.layer"))


def figures_stay_clipped(page: Page) -> None:
    """Plotly wrote the address of that moment into its clips, and the histogram ran over the bands below it."""
    page.get_by_role("button", name=numbers_texts.NUMBERS_EXPONENTS_TITLE.es).click()
    page.locator(".js-plotly-plot:visible").wait_for()
    clips = "[...document.querySelectorAll('.js-plotly-plot [clip-path]')].map((e) => e.getAttribute('clip-path'))"
    found = page.evaluate(clips)
    assert found
    assert [clip for clip in found if not re.match(r"url\(['\"]?#", clip)] == []


def test_the_other_language_shows_the_same_number(spanish: Visit) -> None:
    entry(spanish.page).fill("0,75")
    spanish.page.wait_for_url("**x=0.75**")
    spanish.page.locator("a.language").click()
    spanish.page.wait_for_url("**/en?**")
    expect(entry(spanish.page)).to_have_value("0.75")


def test_an_address_with_no_number_says_so_and_shows_another(desktop: Visit) -> None:
    desktop.open("tab=numeros&x=hola")
    said = numbers_texts.NUMBERS_PROBLEMS["number"].format(typed="hola")[desktop.language]  # type: ignore[index]
    expect(desktop.page.locator("lab-bits:visible [role=alert]")).to_contain_text(said)
    expect(desktop.page.locator("lab-bits:visible .lab-original")).to_contain_text(
        numbers_texts.NUMBERS_BITS["nearest"][desktop.language]  # type: ignore[index]
    )


def test_a_question_opens_once_it_is_answered_and_says_whether_it_was_right(desktop: Visit) -> None:
    desktop.open("tab=numeros")
    exact = numbers_texts.NUMBERS_EXACT.format(formats="float16")[desktop.language]  # type: ignore[index]
    expect(desktop.page.get_by_text(exact)).to_be_visible()  # in what format the included model's numbers came
    page, said = desktop.page, {key: text[desktop.language] for key, text in numbers_texts.NUMBERS_QUIZ.items()}  # type: ignore[index]
    questions = page.locator(".lab-quiz:visible li")
    for i, (_, _, right, _, _) in enumerate(numbers_texts.NUMBERS_WRONG[:2]):
        expect(questions.nth(i).locator("details p").first).to_be_hidden()
        chosen = questions.nth(i).locator("[data-answer]").nth(right if i == 0 else 1 - right)
        chosen.focus()
        page.keyboard.press("Enter")
        expect(questions.nth(i).locator("details p").first).to_be_visible()
        expect(questions.nth(i).locator("[role=status]")).to_have_text(said["right" if i == 0 else "wrong"])
        expect(questions.nth(i).locator("[data-answer].right")).to_have_count(1)
        expect(chosen).to_be_focused()
    expect(page.locator(".lab-quiz-score:visible")).to_have_text(said["score"].format(right=1, answered=2))
    questions.nth(2).locator("summary").click()  # whoever does not want to guess
    expect(questions.nth(2).locator("details p").first).to_be_visible()
    expect(page.locator(".lab-quiz-score:visible")).to_have_text(said["score"].format(right=1, answered=2))


def test_a_phone_shows_long_numbers_without_scrolling_sideways(browser: Browser, server: str) -> None:
    for seen in visit(browser, server, "es", PHONE):
        seen.open("tab=numeros&x=5e-324")
        page = seen.page
        add(page, "float64", "exmy", "nf4", "int8")
        page.wait_for_function("window.labLive")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert card(page, "float64").locator(".lab-value").inner_text().endswith("625")
        box = card(page, "float16").locator(".lab-bit").first.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24


def test_the_tab_is_read_in_a_few_screens_and_its_headings_are_in_order(browser: Browser, server: str) -> None:
    """It took 8.3 screens of a desktop and 13.4 of a phone."""
    for viewport, screens in ((DESKTOP, 3.2), (PHONE, 5.2)):
        for seen in visit(browser, server, "es", viewport):
            seen.open("tab=numeros")
            seen.page.wait_for_function("window.labLive")
            assert seen.page.locator("lab-bits:visible .lab-format h3").all_inner_texts() == ["FP32", "FP16", "BF16"]
            height = seen.page.evaluate("document.documentElement.scrollHeight")
            assert height <= screens * viewport["height"], (viewport, height)
            levels = seen.page.evaluate(
                "[...document.querySelectorAll('.lab-tab-numeros :is(h1, h2, h3, h4)')]"
                ".filter((h) => h.checkVisibility()).map((h) => +h.tagName[1])"
            )
            assert levels[0] == 2
            assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
            assert (
                seen.page.evaluate("[...document.querySelectorAll('th')].filter((th) => !th.textContent.trim()).length")
                == 0
            )
