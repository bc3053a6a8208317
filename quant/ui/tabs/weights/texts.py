"""Pesos."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Pesos", "Weights")
WEIGHTS_INTRO = Text(
    "Una [[matriz]] del modelo, antes y después de redondearla. Cambia los bits o cuántos pesos comparten [[escala]]: verás "
    "cuánto error queda y cuántos bytes cuesta.",
    "One [[matrix|matriz]] of the model, before and after rounding. Change the bits, or how many weights share a "
    "[[scale|escala]]: you will see how much error is left and how many bytes it takes.",
)
WEIGHTS_TRY = Text("Prueba una escala para…", "Try one scale for…")
WEIGHTS_TRY_INTEGERS = Text("Prueba enteros, con una escala para…", "Try integers, with one scale for…")
WEIGHTS_TRIES = {
    "granularity=tensor": Text("toda la matriz", "the whole matrix"),
    "granularity=channel": Text("cada canal", "each channel"),
    "granularity=group&group=64": Text("cada 64 pesos", "every 64 weights"),
    "granularity=group&group=16": Text("cada 16", "every 16"),
}
WEIGHTS_LOG = Text("Eje vertical logarítmico", "Logarithmic vertical axis")
WEIGHTS_HISTOGRAM = Text("Los pesos, antes y después", "The weights, before and after")
WEIGHTS_OCCUPANCY = Text("Cuánto se usa cada código", "How often each code is used")
WEIGHTS_SQNR = Text("Relación señal-error (SQNR)", "Signal-to-error ratio (SQNR)")
WEIGHTS_SQNR_SMALL = Text(
    "el error típico es el {percent}\N{NARROW NO-BREAK SPACE}% del peso típico",
    "a typical error is {percent}% of a typical weight",
)
WEIGHTS_EXACT = Text("sin error", "no error")
WEIGHTS_BYTES = Text("Bytes de la matriz", "Bytes of the matrix")
WEIGHTS_TIMES = Text("{times} veces menos que en float32", "{times} times fewer than in float32")
WEIGHTS_BPW = Text("Bits por peso", "Bits per weight")
WEIGHTS_BPW_ONE = Text("códigos de 1 bit y escalas", "1-bit codes and scales")
WEIGHTS_BPW_SMALL = Text(
    "códigos de {bits} bits, escalas y puntos cero si los hay", "{bits}-bit codes, scales and zero points if any"
)
WEIGHTS_BPW_CAST = Text("códigos de {bits} bits y nada más", "{bits}-bit codes and nothing else")
WEIGHTS_BPW_NESTED = Text(
    "códigos de {bits} bits y escalas guardadas a su vez con {sub} bits",
    "{bits}-bit codes, and scales stored in {sub} bits in turn",
)
WEIGHTS_LEVELS = Text("Valores de la rejilla", "Values of the grid")
WEIGHTS_LEVELS_SMALL = Text("en esta matriz se usan {used}", "{used} are used in this matrix")
WEIGHTS_MEANING = Text(
    "¿Es mucho error? Con {bits} bits y grupos de 64, esta matriz da {near} [[dB|dB]]{against}; con todas las capas así"
    "{but}, el veredicto del modelo incluido es {chip}: su [[perplejidad]] {change}. Cada bit de más reduce el error a la "
    "mitad: unos 6 dB.",
    "Is that much error? With {bits} bits and groups of 64 this matrix gives {near} [[dB|dB]]{against}; with all layers like "
    "that{but}, the verdict on the built-in model is {chip}: its [[perplexity|perplejidad]] {change}. Each further bit halves "
    "the error: about 6 dB.",
)
WEIGHTS_MEANING_SAME = Text(
    "¿Es mucho error? Con esta [[receta]] en todas las capas{but}, el veredicto del modelo incluido es {chip}: su "
    "[[perplejidad]] {change}. Cada bit de más reduce el error a la mitad: unos 6 [[dB|dB]].",
    "Is that much error? With this [[recipe|receta]] in all layers{but}, the verdict on the built-in model is {chip}: its "
    "[[perplexity|perplejidad]] {change}. Each further bit halves the error: about 6 [[dB|dB]].",
)
WEIGHTS_BUT_TABLE = Text(", sin contar esta tabla", ", not counting this table")
# Better or worse than what is seen, a bit's worth of decibels away from it at most or more.
WEIGHTS_A_BIT = (
    Text(", algo mejor que ahora", ", a little better than now"),
    Text(", algo peor que ahora", ", a little worse than now"),
)
WEIGHTS_MUCH = Text(", mejor que ahora", ", better than now"), Text(", peor que ahora", ", worse than now")
WEIGHTS_RISES = Text("sube un {percent}\N{NARROW NO-BREAK SPACE}%", "rises by {percent}%")
WEIGHTS_TIMES_WORSE = Text("se multiplica por {times}", "is multiplied by {times}")
WEIGHTS_CAME_SO = Text(
    "Sin error porque los pesos de este modelo ya venían en {format}. Con un modelo entrenado en float32 no es así.",
    "No error, since this model’s weights already came in {format}. With a model trained in float32 it is not so.",
)
WEIGHTS_TABLE_LEFT = Text(
    "La tabla de tokens no está en tu receta y sigue en float32: aquí ves lo que pasaría.",
    "The token table is not in your recipe and stays in float32: here you see what would happen.",
)
WEIGHTS_TABLE_ADD = Text("Añadirla a la receta", "Add it to the recipe")
WEIGHTS_NOT_STORED = Text(
    "Esta matriz no está en tu receta y sigue en float32: aquí ves lo que pasaría.",
    "This matrix is not in your recipe and stays in float32: here you see what would happen.",
)
WEIGHTS_ORIGINAL_ONLY = Text(
    "{layer}: {count} pesos, los originales. Los cuantizados se verán cuando el modelo esté hecho.",
    "{layer}: {count} weights, the original ones. The quantized ones show once the model has been made.",
)
WEIGHTS_CAPTION = Text(
    "{layer} ({shape}): {count} pesos. Arriba, los originales; abajo, los mismos tras redondear, con los mismos ejes. El mayor error "
    "es {error}; el mayor peso, {largest}.",
    "{layer} ({shape}): {count} weights. Above, the original ones; below, the same after rounding, on the same axes. The largest "
    "error is {error}; the largest weight, {largest}.",
)
WEIGHTS_ONE_GRID = Text(
    " Toda la matriz comparte una escala: abajo solo quedan {used} valores distintos.",
    " The whole matrix shares one scale: only {used} distinct values are left below.",
)
WEIGHTS_MANY_GRIDS = Text(
    " Hay {scales} escalas y cada una estira a su medida la misma [[rejilla]] de {levels} valores: por eso abajo se ven "
    "muchas más de {levels} columnas.",
    " There are {scales} scales, and each stretches the same [[grid|rejilla]] of {levels} values to its own size: that is why many more "
    "than {levels} columns can be seen below.",
)
OCCUPANCY_CAPTIONS = {
    "integer": Text(
        "El [[código]] más usado es {code}, con el {share}\N{NARROW NO-BREAK SPACE}% de los pesos{tail}.",
        "The most used [[code|código]] is {code}, with {share}% of the weights{tail}.",
    ),
    "value": Text(
        "El valor más usado de la tabla es {code}, con el {share}\N{NARROW NO-BREAK SPACE}% de los pesos{tail}.",
        "The most used value of the table is {code}, with {share}% of the weights{tail}.",
    ),
    "exponent": Text(
        "La potencia de dos más frecuente es {code}: de ahí a la siguiente cae el "
        "{share}\N{NARROW NO-BREAK SPACE}% de los pesos{tail}.",
        "The most frequent power of two is {code}: from there to the next lie {share}% of the weights{tail}.",
    ),
}
OCCUPANCY_RARE = Text(
    "; la mitad menos usada de los códigos solo reúne el {share}\N{NARROW NO-BREAK SPACE}% de los pesos",
    "; the less used half of the codes holds only {share}% of the weights",
)
OCCUPANCY_NEVER = Text("; la mitad de los códigos no se usa ni una vez", "; half of the codes are never used")
OCCUPANCY_OUTLIER = Text(
    " El mayor peso es {ratio} veces el típico: él solo estira la rejilla de todos los que comparten su escala.",
    " The largest weight is {ratio} times the typical one: alone it stretches the grid of all that share its scale.",
)
CENSUS = Text("Qué se ha cuantizado y qué no", "What was quantized and what was not")
CENSUS_HEAD = [
    Text("Tensor", "Tensor"),
    Text("Parámetros", "Parameters"),
    Text("float32", "float32"),
    Text("Guardado", "Stored"),
]
CENSUS_SUM = Text(
    "Se cuantizan {n} de las {of} matrices, el {share}\N{NARROW NO-BREAK SPACE}% de los parámetros. El resto queda en float32.",
    "{n} matrices out of {of} are quantized: {share}% of the parameters. The rest stays in float32.",
)
CENSUS_ROWS = {
    "linear": Text("{n} matrices de las capas lineales", "{n} matrices of the linear layers"),
    "table": Text("Tabla de tokens (compartida con la salida)", "Token table (tied to the output)"),
    "other": Text("{n} tensores más: posiciones, LayerNorm y sesgos", "{n} more tensors: positions, LayerNorm, biases"),
    "total": Text("Todo el modelo", "The whole model"),
}
YES_STORED = Text("con códigos y escalas", "as codes and scales")
NO_STORED = Text("en float32", "in float32")
