"""What the section “Why did it collapse?” says."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("¿Por qué se ha hundido?", "Why did it collapse?")
INTRO = Text(
    "Para la receta de arriba: la capa que más pierde, por dónde entra su error, en qué bloque se separan los dos "
    "modelos, y cuánto recupera cada arreglo. Los dos leen {tokens} tokens del texto de calibración.",
    "For the recipe on top: the layer that loses most, where its error comes in, at which block the two models part, "
    "and what each fix recovers. Both read {tokens} tokens of the calibration text.",
)
LOOK = Text("Buscar por qué", "Find out why")
READING = Text("Leyendo con los dos modelos, bloque a bloque…", "Reading with both models, block by block…")
TRYING = Text("Probando: {name} ({i} de {n})…", "Trying: {name} ({i} of {n})…")
EMPTY = Text(
    "Elige arriba una receta que pierda mucho (3 bits sin grupos, por ejemplo) y pulsa «Buscar por qué».",
    "Choose a recipe that loses a lot on top (3 bits without groups, say) and press “Find out why”.",
)
NOTHING_LOST = Text(
    "Esta receta no cambia ningún número del modelo: no hay nada que buscar.",
    "This recipe changes no number of the model: there is nothing to look for.",
)
VERDICT = Text(
    "La capa que más pierde es {layer}: su error es el {share} % de su salida (en energía), {db} dB.",
    "The layer that loses most is {layer}: its error is {share} % of its output (in energy), {db} dB.",
)
PARTED = Text(
    "Tras el bloque {first} el error del flujo residual es de {start} dB, y tras el último, de {end} dB{worse}.",
    "After block {first} the error of the residual stream is {start} dB, and after the last {end} dB{worse}.",
)
WORSE = Text("; donde más crece es en el bloque {block} (+{by} dB)", "; it grows most in block {block} (+{by} dB)")
LOSSES = Text("Error de la salida de cada capa", "Error of the output of each layer")
LOSSES_HEAD = (Text("Capa", "Layer"), Text("Error de su salida", "Error of its output"))
ALL_LAYERS = Text("Las demás capas", "The other layers")
MAP = Text("Por dónde entra el error de esa capa", "Where that layer's error comes in")
MAP_CAPTION = Text(
    "Cada celda es un trozo de la matriz: más rojo, más error llega a la salida. La línea marca el canal de entrada "
    "{channel}, por el que entra el {share} % del error ({fair} veces lo que le tocaría); {outlier}.",
    "Each cell is a piece of the matrix: the redder, the more error reaches the output. The line marks input channel "
    "{channel}, through which {share} % of the error comes ({fair} times its fair share); {outlier}.",
)
OUTLIER = Text(
    "sus entradas son {ratio} veces las del canal mediano: es un canal atípico",
    "its inputs are {ratio} times those of the median channel: it is an outlier channel",
)
NO_OUTLIER = Text(
    "sus entradas son {ratio} veces las del canal mediano, así que no hay un canal atípico que explique la pérdida",
    "its inputs are {ratio} times those of the median channel, so that no outlier channel explains the loss",
)
DEPTH = Text("Dónde se separan los dos modelos", "Where the two models part")
DEPTH_CAPTION = Text(
    "Cada punto compara lo que sale de un bloque en los dos modelos, cada uno con lo que él mismo ha calculado antes. "
    "0 dB quiere decir que el error es tan grande como la señal.",
    "Each point compares what comes out of a block in the two models, each with what it has computed itself before. "
    "0 dB means that the error is as large as the signal.",
)
FIXES = Text("Qué recupera cada arreglo", "What each fix recovers")
FIXES_HEAD = (
    Text("Arreglo", "Fix"), Text("Pesos", "Weights"), Text("KL (nats)", "KL (nats)"),
    Text("Recupera", "Recovers"),
)  # fmt: skip
AS_IT_IS = Text("Como está", "As it is")
FIXES_CAPTION = Text(
    "Cada fila cambia una sola cosa. «Recupera» es la parte de la divergencia KL que desaparece, medida en «{text}»; "
    "el intervalo es del 95 %. Las filas se comparan documento a documento, así que dos intervalos que se solapan pueden "
    "distinguirse.",
    "Each row changes one thing alone. “Recovers” is the share of the KL divergence that goes away, measured on "
    "“{text}”; the interval is of 95 %. Rows are compared document by document, so that two whose intervals overlap may "
    "differ clearly.",
)
PERCENT = Text("{share}\u00a0%", "{share}%")
SAME = Text("sin diferencia clara", "no clear difference")
FIXED = Text(
    "Lo que más recupera es «{name}»{ties}: la KL pasa de {before} a {after} nats, con {size}.",
    "“{name}” recovers most{ties}: KL goes from {before} to {after} nats, at {size}.",
)
TIES = Text(" (empata con {names})", " (ties with {names})")
QUOTED = Text("«{name}»", "“{name}”")
NONE_BETTER = Text(
    "Ningún arreglo se distingue claramente de dejarla como está.",
    "No fix can be told clearly from leaving it as it is.",
)
SPREAD = Text(
    "Pero arreglar solo esa capa apenas recupera ({share}): la pérdida está repartida.",
    "But mending that layer alone recovers hardly anything ({share}): the loss is spread out.",
)
REFUSED = Text("no se puede: {why}", "cannot be done: {why}")
