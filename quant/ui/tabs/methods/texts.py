"""What the tab Métodos says of itself; each section has its own texts."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Métodos", "Methods")
INTRO = Text(
    "Con los mismos bytes, unos métodos pierden mucho menos que otros. Aquí los comparas sobre el mismo modelo.",
    "At the same bytes some methods lose far less than others. Here you compare them on the same model.",
)
