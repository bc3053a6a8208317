"""What the section Sensibilidad says."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Sensibilidad", "Sensitivity")
HEADING = Text("¿Qué matriz duele más?", "Which matrix hurts most?")
INTRO = Text(
    "Se cuantiza una sola matriz, todo lo demás queda en float32, y se mide la divergencia KL. Así con cada una, con las claves y con los valores.",
    "One matrix alone is quantized, all else stays in float32, and the KL divergence is measured. So with each of them, with the keys and with the values.",
)
WHICH = Text("Receta", "Recipe")
RECIPES = {
    "rtn4": Text("4 bits, redondeo", "4 bits, rounding"),
    "gptq4": Text("4 bits, GPTQ", "4 bits, GPTQ"),
    "rtn3": Text("3 bits, redondeo", "3 bits, rounding"),
    "gptq3": Text("3 bits, GPTQ", "3 bits, GPTQ"),
}
RUN = Text("Medir la receta viva", "Measure the live recipe")
RUNNING = Text("Midiendo {part}, de una en una", "Measuring {part}, one at a time")
NOTHING = Text(
    "La receta viva no guarda nada en pocos bits: no hay nada que medir.",
    "The live recipe stores nothing in few bits: there is nothing to measure.",
)
ONLY_EMBEDDED = Text(
    "Lo grabado es del modelo incluido. De este modelo, mide la receta viva.",
    "What is recorded is of the built-in model. Of this one, measure the live recipe.",
)
LEAD = Text(
    "Lo que más duele con {recipe}: {first} ({kl} nats, el {share} de la suma). Lo que menos: {last}, {times} veces menos.",
    "What hurts most with {recipe}: {first} ({kl} nats, {share} of the sum). What hurts least: {last}, {times} times less.",
)
LIVE = Text("tu receta", "your recipe")
ADDITIVE = Text(
    "Los efectos por separado suman {sum} nats; todo junto pierde {together}: {ratio} veces. Por eso se puede repartir un presupuesto sumando.",
    "Alone, the effects add up to {sum} nats; all together lose {together}: {ratio} times as much. So a budget can be divided by adding up.",
)
NOT_ADDITIVE = Text(
    "Los efectos por separado suman {sum} nats y todo junto pierde {together} ({ratio} veces): aquí sumar engaña.",
    "Alone, the effects add up to {sum} nats and all together lose {together} ({ratio} times): here adding up misleads.",
)
NOISE_MORE = Text(
    "Con ruido al azar de la misma norma, la matriz mediana perdería {ratio} veces más: el método deja el error donde menos duele.",
    "With random noise of the same norm the median matrix would lose {ratio} times as much: the method leaves its error where it hurts least.",
)
NOISE_LIKE = Text(
    "Con ruido al azar de la misma norma, la matriz mediana pierde lo mismo ({ratio} veces): a este método le da igual dónde cae el error.",
    "With random noise of the same norm the median matrix loses as much ({ratio} times): this method does not care where its error falls.",
)
NOISE_LESS = Text(
    "Con ruido al azar de la misma norma, la matriz mediana perdería menos ({ratio} veces): el error cae donde duele, y otro método podría evitar parte.",
    "With random noise of the same norm the median matrix would lose less ({ratio} times): the error falls where it hurts, and another method could avoid some.",
)
CONTROL = Text("Control, sin cuantizar nada: {control} nats.", "Control, nothing quantized: {control} nats.")
TABLE = Text("KL de cada parte sola, en nats", "KL of each part alone, in nats")
NOTE = Text(
    "Cuanto más oscura, más duele (escala logarítmica). {low} – {high}: intervalo del 95\N{NARROW NO-BREAK SPACE}% de la mayor.",
    "The darker, the more it hurts (logarithmic scale). {low} – {high}: 95 % interval of the largest.",
)
CELL = Text("{where}: {kl} nats", "{where}: {kl} nats")
GUESSES = Text("Adivinarlo sin medir: cinco atajos", "Guessing without measuring: five short cuts")
GUESS_LEAD = Text(
    "«{best}» ordena las matrices casi como la medida (ρ de {rho} o más en las {n} recetas); «{worst}» falla: ρ baja a {low}.",
    "“{best}” ranks the matrices almost as measured (ρ of {rho} or more in all {n} recipes); “{worst}” fails: ρ falls to {low}.",
)
GUESS_NOTE = Text(
    "ρ de Spearman entre cada atajo y la KL medida, sobre las matrices: 1 es el mismo orden, 0 ninguno. Lo grabado es del modelo incluido.",
    "Spearman’s ρ between each short cut and the measured KL, over the matrices: 1 is the same order, 0 none. What is recorded is of the built-in model.",
)
GUESS = Text("Atajo", "Short cut")
SAID = {
    "weights": Text("cuánto se mueven los pesos; no mira entradas", "how far weights move; looks at no inputs"),
    "outputs": Text("cuánto se mueve la salida de la capa", "how far the layer’s output moves"),
    "cosine": Text("si la salida apunta a otro lado", "whether the output points elsewhere"),
    "fisher": Text("segundo orden, diagonal; varias pasadas", "second order, diagonal; several passes"),
    "gradient": Text("una pasada hacia atrás para todas", "one backward pass for all of them"),
}
