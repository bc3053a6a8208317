"""Cuál y cuándo: what is usually chosen for what, each row with its recipe where this page can run it."""

from __future__ import annotations

from markupsafe import Markup

from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.tabs.metrics import when_texts as t
from quant.ui.tabs.metrics.brief import METRICS
from quant.ui.tabs.metrics.picture_texts import TRY


def when_html(language: Language) -> Markup:
    rows = [(name[language], bits[language], use[language], recipe) for name, bits, use, recipe in t.WHEN_ROWS]
    table = macros(METRICS).when([head[language] for head in t.WHEN_HEAD], rows, TRY[language])
    return html.caption(t.WHEN_SAID[language]) + table
