"""Every sentence of the page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

from quant import ui
from quant.text import Text


def halves(value: object) -> Iterator[Text]:
    """Every Text inside a constant."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from halves(item)
    elif isinstance(value, dict):
        yield from halves(list(value.values()))


MODULES = [import_module(m.name) for m in walk_packages(ui.__path__, "quant.ui.") if m.name.endswith("texts")]
ALL = [text for texts in MODULES for name, value in vars(texts).items() if name.isupper() for text in halves(value)]
