"""The tabs of the page, in their order. A new tab is a folder beside these and a row here."""

from __future__ import annotations

from quant.ui.tabs.base import Tab
from quant.ui.tabs.choose import texts as choose
from quant.ui.tabs.choose.tab import CSS as CHOOSE_CSS
from quant.ui.tabs.choose.tab import build_choose
from quant.ui.tabs.methods import texts as methods
from quant.ui.tabs.methods.tab import CSS as METHODS_CSS
from quant.ui.tabs.methods.tab import HEAD as METHODS_HEAD
from quant.ui.tabs.methods.tab import build_methods
from quant.ui.tabs.metrics import texts as metrics
from quant.ui.tabs.metrics.tab import CSS as METRICS_CSS
from quant.ui.tabs.metrics.tab import HEAD as METRICS_HEAD
from quant.ui.tabs.metrics.tab import build_metrics
from quant.ui.tabs.numbers import texts as numbers
from quant.ui.tabs.numbers.tab import CSS as NUMBERS_CSS
from quant.ui.tabs.numbers.tab import HEAD as NUMBERS_HEAD
from quant.ui.tabs.numbers.tab import build_numbers
from quant.ui.tabs.start import texts as start
from quant.ui.tabs.start.tab import CSS as START_CSS
from quant.ui.tabs.start.tab import HEAD as START_HEAD
from quant.ui.tabs.start.tab import build_start
from quant.ui.tabs.text import texts as text
from quant.ui.tabs.text.tab import CSS as TEXT_CSS
from quant.ui.tabs.text.tab import build_text
from quant.ui.tabs.weights import texts as weights
from quant.ui.tabs.weights.tab import CSS as WEIGHTS_CSS
from quant.ui.tabs.weights.tab import build_weights

TABS = (
    Tab("inicio", start.TITLE, build_start, START_CSS, START_HEAD),
    Tab("numeros", numbers.TITLE, build_numbers, NUMBERS_CSS, NUMBERS_HEAD),
    Tab("pesos", weights.TITLE, build_weights, WEIGHTS_CSS),
    Tab("texto", text.TITLE, build_text, TEXT_CSS),
    Tab("metrica", metrics.TITLE, build_metrics, METRICS_CSS, METRICS_HEAD),
    Tab("metodos", methods.TITLE, build_methods, METHODS_CSS, METHODS_HEAD),
    Tab("elige", choose.TITLE, build_choose, CHOOSE_CSS),
)
TITLES = {tab.name: tab.title for tab in TABS}
