"""The section Barrido: what it asks, what it says of its rows, and the words of its table."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("¿Qué receta da más por cada byte?", "Which recipe gives most for each byte?")
LINK = Text("Barrido", "Sweep")
VIEW = Text("La figura", "The figure")
VIEWS = {"bytes": Text("KL y bytes", "KL and bytes"), "speed": Text("KL y velocidad", "KL and speed")}
SCOPE = Text("La tabla de tokens", "The token table")
SCOPES = {
    "linear": Text("en float32: se comparan formatos", "in float32: formats compared"),
    "all": Text("todas las recetas", "all recipes"),
}
STATE = Text("Recetas del barrido", "Recipes of the sweep")
CHOOSE = Text("Elegir formatos y métodos", "Choose formats and methods")
FORMATS = Text("Formatos", "Formats")
FORMATS_INFO = Text(
    "enteros en grupos de 64; los demás traen su bloque", "integers in groups of 64; others bring their block"
)
METHODS = Text("Métodos", "Methods")
PLAIN = Text("el más simple de cada formato", "the plainest of each format")
TABLES = Text("Tabla de tokens", "Token table")
TABLE_NAMES = {
    "float32": Text("en float32", "in float32"),
    "float16": Text("en float16 (+emb16)", "in float16 (+emb16)"),
    "same": Text("como las demás (+emb)", "as the others (+emb)"),
}
SPEED = Text("Medir también la velocidad", "Measure the speed too")
RUN = Text("Barrer en vivo", "Sweep live")
SWEEPING = Text("{name} ({place} de {count}):", "{name} ({place} of {count}):")
TIMING = Text("Velocidad, por turnos con el original:", "Speed, taking turns with the original:")
DONE = Text("Medidas {count} recetas. {lead}", "Measured {count} recipes. {lead}")
BAD_STATE = Text("De este barrido no se entiende «{got}».", "This sweep is not understood: “{got}”.")

NOTHING = Text(
    "De este modelo no hay ninguna fila todavía: elige formatos y métodos y pulsa «Barrer en vivo».",
    "There is no row of this model yet: choose formats and methods and press “Sweep live”.",
)
ONE = Text("Solo hay una receta, «{name}»: KL {kl}, {size}.", "There is one recipe, “{name}”: KL {kl}, {size}.")
FRONT = Text(
    "De {n} recetas, {m} están en el frente: ninguna otra es a la vez igual de pequeña y más fiel.",
    "Of {n} recipes, {m} are on the front: no other is both as small and closer to the original.",
)
FRONT_SPEED = Text(
    "De {n} recetas con velocidad medida, {m} están en el frente: ninguna otra es igual de rápida y más fiel.",
    "Of {n} recipes whose speed was measured, {m} are on the front: no other is as fast and closer to the original.",
)
KNEE = Text(
    " El codo es «{name}» ({cost}, KL {kl}): ahí es donde más se dobla la curva.",
    " The knee is “{name}” ({cost}, KL {kl}): that is where the curve bends most.",
)
UNDER_ONE = Text(" Bajo el suelo ({floor} nats) queda {name}.", " Under the floor ({floor} nats) lies {name}.")
UNDER = Text(
    " Bajo el suelo ({floor} nats) quedan {n}, la más pequeña «{name}» ({size}): entre ellas elige por los bytes.",
    " Under the floor ({floor} nats) lie {n}, the smallest “{name}” ({size}): choose among them by their bytes.",
)
UNDER_NONE = Text(" Ninguna queda bajo el suelo ({floor} nats).", " None lies under the floor ({floor} nats).")
TABLE_SAVES = Text(
    "La tabla de tokens pesa: «{small}» ocupa {saved} menos que «{big}» y pierde {kl} nats frente a {base}{tie}.",
    "The token table weighs: “{small}” takes {saved} less than “{big}” and loses {kl} nats against {base}{tie}.",
)
TIE = Text(", un empate dentro del azar de estos textos", ", a tie within the chance of these texts")
OVERLAP = Text(
    " Las rondas de {n} se solapan con las de «{name}», la más rápida: no se puede decir que lo sea más que ellas.",
    " The rounds of {n} overlap those of “{name}”, the fastest: it cannot be called faster than they are.",
)
TIMES = Text("{n} veces la velocidad de float32", "{n} times float32’s speed")
NO_SPEED = Text(
    "Ninguna de estas recetas tiene la velocidad medida: marca «Medir también la velocidad» y barre en vivo.",
    "None of these recipes has its speed measured: tick “Measure the speed too” and sweep live.",
)

CAPTION = Text(
    "Cada cuadrado es una receta; la raya, su intervalo del 95 %. Abajo a la izquierda se está mejor. Con nombre y unidas, "
    "las del frente; apagadas, las que otra supera en todo; ○, el codo. Pulsa una y será tu receta.",
    "Each square is a recipe; the bar is its 95% interval. Lower left is better. Named and joined: the front; faded: those "
    "that another beats in both; ○: the knee. Press one and it becomes your recipe.",
)
CAPTION_SPEED = Text(
    "Abajo a la derecha se está mejor. La raya horizontal va de la ronda más lenta a la más rápida; si dos se solapan, "
    "ninguna es más rápida. Las grabadas se midieron en otra máquina ({machine}).",
    "Lower right is better. The horizontal bar goes from the slowest round to the fastest; where two overlap, neither is "
    "faster. Recorded ones were measured on another machine ({machine}).",
)
RULES = Text("Qué es el suelo, el frente y el codo", "What the floor, the front and the knee are")
FLOOR_RULE = Text(
    "El suelo es la KL del modelo original consigo mismo cuando en cada capa se le suma un ruido del tamaño del redondeo a "
    "bfloat16 (a la salida de cada capa lineal y de cada bloque): {mean} nats de media con {n} semillas, de {low} a {high}. "
    "Quien ejecuta en bfloat16 ya pierde eso, así que dos recetas por debajo no se distinguen.",
    "The floor is the KL of the original to itself when noise of the size of bfloat16’s rounding is added in every layer "
    "(to the output of each linear layer and of each block): {mean} nats on average over {n} seeds, from {low} to {high}. "
    "Who runs in bfloat16 loses that anyway, so that two recipes under it cannot be told apart.",
)
FRONT_RULE = Text(
    "Una receta está en el frente si ninguna otra cuesta lo mismo o menos y pierde lo mismo o menos, con algo mejor. El codo "
    "es el punto del frente más alejado de la recta que une sus extremos, con los dos ejes en logaritmos y sin contar lo que "
    "el veredicto da por roto; lo que queda "
    "bajo el suelo cuenta como uno solo.",
    "A recipe is on the front where no other costs as little and loses as little with one of both better. The knee is the "
    "point of the front furthest from the straight line between its ends, both axes in logarithms, leaving out what the "
    "verdict calls broken; what lies under the floor "
    "counts as one.",
)
NAME_RULE = Text(
    "Un nombre dice el formato, el método si no es el más simple, y la tabla de tokens: sin más, en float32; «+emb16», en "
    "float16; «+emb», guardada como las demás matrices.",
    "A name says the format, the method where it is not the plainest, and the token table: nothing more, in float32; "
    "“+emb16”, in float16; “+emb”, stored as the other matrices are.",
)
ZERO_RULE = Text(
    "Una KL de 0 no es magia: los pesos de este modelo ya venían en float16.",
    "A KL of 0 is no magic: the weights of this model came in float16.",
)

ESTIMATE = Text(
    "{n} recetas; medir las que faltan tardará unos {seconds} s, según las filas que esta máquina ya ha hecho.",
    "{n} recipes; to measure those missing will take about {seconds} s, by the rows that this machine has made.",
)
ESTIMATE_SOME = Text(
    "{n} recetas. Esta máquina aún no ha hecho filas de {m} de ellas; las demás que faltan, unos {seconds} s. Puedes "
    "detenerlo: las filas hechas se quedan.",
    "{n} recipes. This machine has made no row yet like {m} of them; the rest of those missing take about {seconds} s. You can "
    "stop: finished rows stay.",
)
ESTIMATE_NEW = Text(
    "{n} recetas. Esta máquina aún no ha hecho ninguna como ellas, así que no sabe cuánto tardará. Puedes detenerlo: las "
    "filas hechas se quedan.",
    "{n} recipes. This machine has made none like them yet, so it does not know how long it will take. You can stop: "
    "finished rows stay.",
)
ESTIMATE_DONE = Text(
    "Las {n} recetas ya están medidas en esta máquina.", "All {n} recipes have been measured on this machine."
)
ESTIMATE_NONE = Text(
    "Ningún formato elegido va con esos métodos en este modelo.",
    "No chosen format goes with those methods in this model.",
)
TABLE = Text("Todas las cifras, descargarlas y usar una", "All the figures, to download or to use one")
HEAD = (
    Text("Receta", "Recipe"),
    Text("Tamaño", "Size"),
    Text("KL (nats)", "KL (nats)"),
    Text("Perpl.", "Perpl."),
    Text("Velocidad", "Speed"),
)
USE = Text("Usar esta", "Use this one")
ON_FRONT = Text("frente", "front")
BITS_EACH = Text("{bits} bits por peso", "{bits} bits per weight")
PACE = Text("{n}×", "{n}×")
TOKENS = Text("{n} tokens/s", "{n} tokens/s")
UNKNOWN = Text("—", "—")
CSV, JSON = Text("Descargar CSV", "Download CSV"), Text("Descargar JSON", "Download JSON")
SAID = Text(
    "{name}: KL {kl} nats{ends}, {size}, {bits} bits por peso, perplejidad {ppl}{speed} ({kind})",
    "{name}: KL {kl} nats{ends}, {size}, {bits} bits per weight, perplexity {ppl}{speed} ({kind})",
)
SAID_SPEED = Text(", {n} tokens/s, {ratio} veces float32", ", {n} tokens/s, {ratio} times float32")
LIVE, RECORDED = Text("medida aquí", "measured here"), Text("grabada", "recorded")

CERTAINTY = Text("¿Dónde se equivoca: cuando el original dudaba o cuando estaba seguro?",
                 "Where does it err: where the original hesitated, or where it was sure?")  # fmt: skip
SURE = Text(
    "«{name}»: donde el original daba menos del {low} al token que vino pierde {first} nats por token; donde le daba más del "
    "{high}, {last}: {word}. El tramo que más pesa en su KL es el de {worst}: {share} del total.",
    "“{name}”: where the original gave the token that came less than {low} it loses {first} nats a token; where it gave more "
    "than {high}, {last}: {word}. The range that weighs most in its KL is {worst}: {share} of all.",
)
TIMES_LESS, TIMES_MORE = Text("{n} veces menos", "{n} times less"), Text("{n} veces más", "{n} times more")
RANGE = Text("{low} a {high}", "{low} to {high}")
SURE_CAPTION = Text(
    "Cada línea es una receta; de izquierda a derecha, lo seguro que estaba el original del token que vino; la raya, su "
    "intervalo del 95 %.",
    "Each line is a recipe; from left to right, how sure the original was of the token that came; the bar is its 95% interval.",
)
