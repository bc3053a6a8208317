"""Inicio: the opening. What the browser fills in is filled here, once for each stop of the slider (hero.py)."""

from __future__ import annotations

from quant.recorded import QUESTION as QUESTION
from quant.text import NO_BREAK, Text

BITS = Text("Bits por peso", "Bits per weight")
ORIGINAL_STOP = Text("original", "original")
ORIGINAL_CHIP = Text("Sin tocar", "Untouched")
AT = Text("{bits} bits por peso", "{bits} bits per weight")
AT_ORIGINAL = Text("32 bits por peso", "32 bits per weight")
VALUE = Text("{bits} bits por peso: {size}, {verdict}", "{bits} bits per weight: {size}, {verdict}")
VALUE_ORIGINAL = Text("original, 32 bits por peso: {size}", "original, 32 bits per weight: {size}")
# What the sizes are: weights as a program holds them, as they ship, and packed.
SIZE_OF = Text("empaquetados; en float32, {whole}", "packed; as float32, {whole}")
SIZE_OF_ORIGINAL = Text("en memoria, en float32", "in memory, as float32")
SIZE_PARTS = Text(
    f"{{codes}} en {{bits}}{NO_BREAK}bits",
    f"{{codes}} in {{bits}}{NO_BREAK}bits",
)
SIZE_REST = Text(
    "{rest} en 32: [[tabla]], etc.",
    "{rest} in 32: [[table|tabla]], etc.",
)
SIZE_PUBLISHED = Text("así se publicó, en float16: {published}", "as published, in float16: {published}")
PERPLEXITY = Text("[[perplejidad]]", "[[perplexity|perplejidad]]")
KL = Text("[[KL|KL]]", "[[KL|KL]]")
NATS = Text("{kl} nats", "{kl} nats")
NOT_A_MEASURE = Text(
    "En qué palabra se separan no mide nada; esto, sí.",
    "Where they first differ measures nothing; these do.",
)
SAME = Text("palabra por palabra, como el original", "word for word the original’s")
CHANGED = Text("subrayado: lo que cambia", "underlined: what changed")
THE_ORIGINAL = Text("lo que escribe el original", "what the original writes")
# The models write Spanish, on the English page too.
RECORDED = Text("grabado", "recorded, in Spanish")
LIVE = Text("en vivo", "live, in Spanish")
WRITING = Text("escribiendo…", "writing…")
UNFINISHED = Text("se quedó a medias", "left unfinished")
UNWRITTEN = Text("no se ha escrito", "not written")
WEIGHTS = Text(
    "{bits} bits: {levels} valores; error medio, un {error}\N{NARROW NO-BREAK SPACE}% del peso mayor.",
    "{bits} bits: {levels} values; mean error {error}% of the largest weight.",
)
WEIGHTS_ORIGINAL = Text("Dieciséis de sus pesos, tal como son.", "Sixteen of its weights, as they are.")
LEGEND = (Text("peso", "weight"), Text("guardado", "stored"), Text("error", "error"))
PLAY = Text("▶ Ver la caída de 8 a 2", "▶ Watch the fall, 8 to 2")
PAUSE = Text("❚❚ Pausa", "❚❚ Pause")
OWN = Text("Escribe tú el principio", "Write your own beginning")
BACK = Text("volver a «{prompt}»", "back to “{prompt}”")
# One line of a phone, but for what is shown here, which a wide screen has room for.
SHOWN_RECIPE = Text(
    "Esto es el modelo incluido, en enteros y grupos de 64.", "This is the built-in model, as integers in groups of 64."
)
OTHER_RECIPE = Text("Tu receta es otra: mírala más abajo.", "Yours is another recipe: see below.")
BETWEEN = Text("Tu receta, entre dos paradas, más abajo.", "Yours, between two stops: see below.")
USE_THIS = Text("Usar esta", "Use this one")

OWN_LABEL = Text("Tu principio", "Your beginning")
OWN_HINT = Text("Por ejemplo: Aquella noche", "In Spanish, for instance: Aquella noche")
OWN_GO = Text("Continuar", "Go on")
OWN_WRITING = Text("Escribiendo:", "Writing:")
OWN_LONG = Text(
    "Es demasiado largo: caben unas {words} palabras; deja solo el principio.",
    "That is too long: some {words} words fit; leave the beginning alone.",
)
NOTHING_RECORDED = Text(
    "Lo que se enseña aquí no es de los pesos que hay en este ordenador: {problem}",
    "What is shown here is not of the weights on this computer: {problem}",
)
