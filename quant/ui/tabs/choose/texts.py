"""What the tab Elige says of itself; each section has its own texts."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Elige", "Choose")
QUESTIONS = Text("Las preguntas de esta pestaña", "The questions of this tab")
