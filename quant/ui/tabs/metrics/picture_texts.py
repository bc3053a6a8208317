"""The picture of size against quality, and the two lessons under it."""

from __future__ import annotations

from quant.text import Text

PICTURE = Text("Tamaño contra calidad", "Size against quality")
PICTURE_INTRO = Text(
    "Cada cuadrado es una receta: más a la izquierda, más pequeño el modelo; más arriba, más pierde. Pulsa uno para "
    "cargar su receta.",
    "Each square is a recipe: further left, the smaller the model; higher up, the more it loses. Press one to load its "
    "recipe.",
)
PICTURE_UNIT = Text("Eje horizontal", "Horizontal axis")
PICTURE_UNITS = {"bits": Text("Bits por peso", "Bits per weight"), "mb": Text("MB", "MB")}
BUILT_IN = Text("el modelo incluido", "the built-in model")
KEY_ORIGINAL = Text("el original", "the original")
KEY_RECORDED = Text(
    "grabado de antemano, del modelo incluido ({text})", "recorded beforehand, of the built-in model ({text})"
)
KEY_MEASURED = Text(
    "medido por ti con {model} ({text}), con su intervalo del 95\N{NARROW NO-BREAK SPACE}%",
    "measured by you with {model} ({text}), with its 95% interval",
)
PICTURE_EMPTY = Text(
    "De {model} no hay nada grabado. «Medir estas {n}», debajo, lo mide aquí y llena esta figura.",
    "Nothing is recorded of {model}. “Measure these {n}”, below, measures it here and fills this figure.",
)
PICTURE_CAPTION = Text(
    "{small}{broken} Las franjas son los límites de la regla para la perplejidad; el signo de cada receta es su veredicto "
    "entero (≈ pequeña, ▲ apreciable, ✗ roto), que mira también la [[KL|KL]] y las palabras que cambian.",
    "{small}{broken} The bands are the rule’s limits on perplexity; the sign of each recipe is its entire verdict (≈ small, "
    "▲ noticeable, ✗ broken), which looks at [[KL|KL]] and at the words that change as well.",
)
PICTURE_SMALL = Text(
    "La receta más pequeña con una pérdida pequeña es {name} ({size}, {change}).",
    "The smallest recipe with a small loss is {name} ({size}, {change}).",
)
PICTURE_NONE_SMALL = Text(
    "Ninguna de estas recetas tiene una pérdida pequeña.", "None of these recipes has a small loss."
)
PICTURE_BROKEN = Text(
    " La primera que se rompe es {name} ({size}, {change}).", " The first to break is {name} ({size}, {change})."
)
PICTURE_TABLE = Text("La misma figura, en una tabla", "The same figure, as a table")
PICTURE_HEAD = [
    Text("Receta", "Recipe"), Text("Bits por peso", "Bits per weight"), Text("Pesos empaquetados", "Packed weights"),
    Text("Perplejidad", "Perplexity"),
]  # fmt: skip
SWEEP = Text("Medir estas {n}", "Measure these {n}")
SWEEP_SAID = Text(
    "Mide aquí las de 8 a 2 bits con la Enciclopedia, de una en una; puedes parar cuando quieras.",
    "Measures those of 8 to 2 bits here on the Encyclopedia, one after another; you can stop at any time.",
)
SWEEPING = Text("Midiendo {name} ({i} de {n}):", "Measuring {name} ({i} of {n}):")
SWEPT = Text(
    "Medidas las {n}: están en la figura y en la tabla.", "All {n} measured: they are in the figure and the table."
)
LABEL_TENSOR = Text("{label}, por matriz", "{label}, per matrix")
LABEL_CHANNEL = Text("{label}, por canal", "{label}, per channel")
LABEL_TABLE = Text("{label} + tabla", "{label} + table")

LESSONS = Text("Dos decisiones que pesan más que los bits", "Two choices that weigh more than bits")
LESSONS_SAID = Text(
    "Todas con 4 bits y del modelo incluido; grabado de antemano con la Enciclopedia.",
    "All with 4 bits and of the built-in model; recorded beforehand on the Encyclopedia.",
)
TRY = Text("probar", "try it")
LESSON_SCALE = Text(
    "¿Una escala para toda la matriz o una cada 64 pesos?", "One scale per matrix, or one for every 64 weights?"
)
LESSON_TENSOR = Text("Una por matriz", "One per matrix")
LESSON_GROUP = Text("Una cada 64 pesos", "One for every 64 weights")
LESSON_PERPLEXITY = Text("perplejidad {before} → {after}, {size}", "perplexity {before} → {after}, {size}")
LESSON_SCALE_SAID = Text(
    "Un solo peso muy grande estira la escala de toda su matriz, y los demás acaban en el 0. Con grupos solo estropea a los "
    "suyos: cuesta un {extra} más de bytes.",
    "A single very large weight stretches the scale of its whole matrix, and the others end up at 0. With groups it only "
    "spoils its own: that costs {extra} more bytes.",
)
LESSON_TABLE = Text("¿Cuantizar también la tabla de tokens?", "Quantize the token table too?")
LESSON_WITHOUT = Text("Se queda en float32", "It stays in float32")
LESSON_WITH = Text("También en 4 bits", "In 4 bits too")
LESSON_TIMES = Text("{times} veces", "{times} times")
LESSON_LOSES = Text("más pequeño ({size}), perplejidad {change}", "smaller ({size}), perplexity {change}")
LESSON_TABLE_SAID = Text(
    "En un modelo tan pequeño, la tabla sin cuantizar es el {share} de lo que queda por guardar: por eso con 4 bits no sale "
    "ocho veces menor. En un modelo grande, la tabla apenas cuenta.",
    "In a model this small, the table left in float is {share} of what remains to be stored: that is why 4 bits do not make "
    "it eight times smaller. In a large model the table hardly counts.",
)
