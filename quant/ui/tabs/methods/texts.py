"""What the tab Métodos says of itself; each section has its own texts."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Métodos", "Methods")
QUESTIONS = Text("Las preguntas de esta pestaña", "The questions of this tab")
COMPARE = Text("Comparar", "Compare")
CALIBRATION = Text("Calibración", "Calibration")
ACTIVATIONS = Text("Activaciones", "Activations")
CACHE = Text("Claves y valores", "Keys and values")
TRAINING = Text("De PTQ a QAT", "From PTQ to QAT")
COLLAPSE = Text("¿Por qué se hunde?", "Why does it collapse?")
ESTIMATOR = Text("El truco del QAT", "The trick of QAT")
TRAINED = Text("QAT grabado", "Recorded QAT")
