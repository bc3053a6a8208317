"""What the tab Métodos says of itself; each section has its own texts."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Métodos", "Methods")
