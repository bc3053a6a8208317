"""What the section “Does calibration matter?” says."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("¿Importa con qué calibras?", "Does calibration matter?")
INTRO = Text(
    "El mismo método y los mismos bits, con otros textos o con más o menos tokens. Se mide siempre en «{text}», que "
    "ningún método ha leído.",
    "The same method and the same bits, with other texts or with more or fewer tokens. It is always measured on "
    "“{text}”, which no method has read.",
)
METHOD = Text("Método", "Method")
VARY = Text("Qué cambia", "What changes")
VARIES = {
    "text": Text("el texto ({tokens} tokens)", "the text ({tokens} tokens)"),
    "tokens": Text("cuántos tokens (del incluido)", "how many tokens (of the included text)"),
}
OWN = Text("Tu texto, si quieres probarlo también", "Your text, if you want to try it too")
OWN_INFO = Text("Al menos {least} tokens: unas cien palabras.", "At least {least} tokens: about a hundred words.")
OWN_NAME = Text("Tu texto", "Your text")
TRY = Text("Probar", "Try")
TRYING = Text("Probando {i} de {n}: {name}…", "Trying {i} of {n}: {name}…")
EMPTY = Text(
    "Con {method} y la receta de arriba. Pulsa «Probar»: cada fila cuantiza el modelo de nuevo y lo mide.",
    "With {method} and the recipe on top. Press “Try”: each row quantizes the model anew and measures it.",
)
NO_DATA = Text("Sin datos: redondeo", "No data: rounding")
WITH_TOKENS = Text("{tokens} tokens", "{tokens} tokens")
HEAD = (
    Text("Calibración", "Calibration"),
    Text("KL (nats)", "KL (nats)"),
    Text("Frente a la mejor", "Against the best"),
)
BEST, TIE, WORSE = Text("la mejor", "the best"), Text("empate", "a tie"), Text("peor", "worse")
CAPTION = Text(
    "{scheme}, {method}. «Empate»: la diferencia, documento a documento, no se distingue de cero (intervalo del\N{NO-BREAK SPACE}"
    "95\N{NARROW NO-BREAK SPACE}%).",
    "{scheme}, {method}. “A tie”: the difference, document by document, cannot be told from zero (95% interval).",
)
FEWER_TOKENS = Text(
    "Aquí se leen {tokens} tokens de cada texto; la receta de arriba, si no la cambias, lee {usual}.",
    "Here {tokens} tokens of each text are read; the recipe on top reads {usual}, unless you change it.",
)
SAID_ALL_TIE = Text(
    "Todas las calibraciones empatan: aquí da igual cuál uses. Frente a redondear, la KL pasa de {rounding} a "
    "{best} nats.",
    "All calibrations tie: here it does not matter which one is chosen. Against rounding, KL goes from {rounding} to "
    "{best} nats.",
)
SAID = Text(
    "La mejor es «{best_name}» ({best} nats){ties}; la peor, «{worst_name}» ({worst} nats). Redondear sin datos: "
    "{rounding} nats.",
    "The best is “{best_name}” ({best} nats){ties}; the worst “{worst_name}” ({worst} nats). Rounding without data: "
    "{rounding} nats.",
)
ONE_TIE = Text(", en empate con otra", ", in a tie with one other")
TIES = Text(", en empate con otras {n}", ", in a tie with {n} others")
RUINED = Text(
    " Calibrar mal puede ser peor que no calibrar: «{name}» pierde más que el redondeo.",
    " To calibrate badly can be worse than not to: “{name}” loses more than rounding.",
)
OTHER_SCHEME = Text(
    "{method} no puede rellenar el formato de la receta de arriba, así que aquí usa enteros de 4 bits con punto cero "
    "en grupos de 64.",
    "{method} cannot fill the format of the recipe on top, so that here it uses 4-bit integers with a zero point in "
    "groups of 64.",
)
