"""Activations in a real browser: figures that are there before anything runs, links that load them, one layer drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from visits import DESKTOP, PHONE, Visit, visit

from quant.evaluation.activation_costs import KINDS, STEPS
from quant.ui.tabs.methods import activations_texts as t

pytestmark = pytest.mark.browser


@pytest.fixture
def spanish(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", DESKTOP)


@pytest.fixture
def english(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "en", PHONE)


def test_the_table_is_there_and_its_figures_load_recipes(spanish: Visit) -> None:
    spanish.open("tab=metodos")
    table = spanish.page.locator("#activations-costs-es")
    expect(table.locator("a[data-recipe]")).to_have_count(len(KINDS) * len(STEPS))
    expect(table).to_contain_text("se rompe con")
    expect(table).to_contain_text("29,96 a 6996")
    spanish.page.locator("#activations-bits-es").get_by_label(t.WEIGHT_CHOICES[4].es, exact=True).check()
    expect(table).to_contain_text("W4A4")
    table.locator("a[data-recipe*='activations=int8&'], a[data-recipe$='activations=int8']").first.click()
    expect(spanish.page).to_have_url(re.compile("bits=4&.*activations=int8"))


def test_a_layer_is_read_and_drawn_on_a_phone(english: Visit) -> None:
    english.open("tab=metodos")
    english.page.locator("#activations-look-en").click()
    expect(english.page.locator("#activations-figures-en .js-plotly-plot")).to_have_count(2)
    expect(english.page.locator("#activations-layer-en")).to_contain_text("no channel is an outlier")
    assert english.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
