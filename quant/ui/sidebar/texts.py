"""The sidebar, the line on top, and the line that names a recipe."""

from __future__ import annotations

from quant.text import Text

COPY_LINK = Text("Copiar enlace", "Copy link")
COPIED = Text("Copiado", "Copied")
RECIPE = Text("Receta", "Recipe")
CLOSE = Text("Cerrar la receta", "Close the recipe")
CLAMPED = Text(
    "De {low} a {high}, sin decimales: se queda en {allowed}.",
    "From {low} to {high}, whole numbers: it stays at {allowed}.",
)
BRIEF_GRANULARITIES = {
    "tensor": Text("una escala por matriz", "one scale per matrix"),
    "channel": Text("una escala por canal", "one scale per channel"),
    "group": Text("grupos de {group}", "groups of {group}"),
}
BRIEF_ZERO = Text("con punto cero", "zero point")
BRIEF_TABLE = Text("tabla incluida", "table included")
MODEL = Text("Modelo", "Model")
MODEL_EMBEDDED = Text("GPT-2 incluido (5 M)", "Built-in GPT-2 (5 M)")
MODEL_HUB = Text("gpt2-small-spanish (124 M)", "gpt2-small-spanish (124 M)")
FETCH = Text("Descargar gpt2-small-spanish (510 MB)", "Download gpt2-small-spanish (510 MB)")
FETCHING = Text("Descargando:", "Downloading:")
FETCHED = Text("Descargado. Ya puedes elegirlo arriba.", "Downloaded. You can choose it above.")
BITS = Text("Bits por peso", "Bits per weight")
BITS_INFO = Text("sin contar las escalas", "scales not counted")
GRANULARITY = Text("Una escala para…", "One scale for…")
GRANULARITY_INFO = Text(
    "La escala convierte los códigos otra vez en pesos. Cuantos menos pesos la comparten, menos error y más bytes.",
    "The scale turns codes back into weights. The fewer weights share it, the smaller the error and the more bytes.",
)
GRANULARITIES = {
    "tensor": Text("toda la matriz", "the whole matrix"),
    "channel": Text("cada canal de salida", "each output channel"),
    "group": Text("cada grupo de pesos", "each group of weights"),
}
GROUP_SIZE = Text("Pesos por grupo", "Weights in a group")
GRID = Text("Rejilla", "Grid")
GRID_INFO = Text(
    "Los valores que se pueden guardar: a los dos lados del 0 por igual, o del menor al mayor de los pesos.",
    "The values that can be stored: the same on both sides of 0, or from the smallest weight to the largest.",
)
GRIDS = {
    False: Text("simétrica (absmax)", "symmetric (absmax)"),
    True: Text("con punto cero (mín–máx)", "zero point (min–max)"),
}
TABLE = Text("Cuantizar también la tabla de tokens", "Quantize the token table too")
TABLE_WEIGHS = Text(
    "Es el {share}\N{NARROW NO-BREAK SPACE}% del modelo, y sirve a la entrada y a la salida: {without} sin cuantizarla, {packed} con ella.",
    "It is {share}% of the model, and serves both input and output: {without} without it, {packed} with it quantized.",
)
ACTIVATIONS = Text("Activaciones", "Activations")
ACTIVATIONS_INFO = Text(
    "Los números que el modelo calcula al leer tu texto. Si también van en 8 bits, con pesos de 8 bits la receta se llama W8A8.",
    "The numbers that the model computes as it reads your text. With 8 bits there too, and 8-bit weights, the recipe is called W8A8.",
)
ACTIVATIONS_KINDS = {"float": Text("float32", "float32"), "int8": Text("8 bits", "8 bits")}
BAD_ACTIVATIONS = Text(
    "Activaciones «{got}»: tienen que ser {allowed}.", "Activations “{got}”: they must be {allowed}."
)
BAD_FORMAT = Text(
    "No existe el formato «{got}»; los que hay: {allowed}.",
    "There is no format “{got}”; the ones that exist: {allowed}.",
)
BAD_GRANULARITY = Text("Granularidad «{got}»: tiene que ser {allowed}.", "Granularity “{got}”: it must be {allowed}.")
LINK_NOT_WHOLE = Text(
    "En el enlace, {name} = «{value}»: tiene que ser un número entero.",
    "In the link, {name} = “{value}”: it must be a whole number.",
)
LINK_NOT_ALLOWED = Text(
    "En el enlace, {name} = {got}: tiene que ser {allowed}.",
    "In the link, {name} = {got}: it must be one of {allowed}.",
)
GRID_HELP = Text(
    "**Simétrica**: la escala es máx|w| / (2ᵇ⁻¹ − 1) y los códigos van de −(2ᵇ⁻¹ − 1) a 2ᵇ⁻¹ − 1. "
    "**Con punto cero**: la rejilla va del mínimo al máximo, ampliados si hace falta para incluir el 0, con 2ᵇ valores; "
    "un entero, el punto cero, dice qué código vale 0. En las dos el 0 es exacto. Las escalas se guardan en float16. "
    "Los demás formatos se ven, bit a bit, en la pestaña **Números**.",
    "**Symmetric**: the scale is max|w| / (2ᵇ⁻¹ − 1) and codes run from −(2ᵇ⁻¹ − 1) to 2ᵇ⁻¹ − 1. "
    "**Zero point**: the grid runs from the minimum to the maximum, stretched if need be to contain 0, with 2ᵇ values; "
    "an integer, the zero point, says which code stands for 0. In both 0 is exact. Scales are stored as float16. "
    "The other formats can be seen, bit by bit, in the **Numbers** tab.",
)
GRID_HELP_LABEL = Text("¿Qué significa?", "What does it mean?")
STATUS_PARAMETERS = Text("{millions} millones de parámetros", "{millions} M parameters")
STATUS_BITS = Text(
    "{bits} bits por peso en las capas, contando las escalas; {whole} en todo el modelo, porque la [[tabla de tokens|tabla]] sigue en [[float32]].",
    "{bits} bits per weight in the layers, scales counted; {whole} over the whole model, since the [[token table|tabla]] stays in [[float32]].",
)
STATUS_BITS_ALL = Text(
    "{bits} bits por peso en lo cuantizado, contando las escalas; {whole} en todo el modelo.",
    "{bits} bits per weight where it is quantized, scales counted; {whole} over the whole model.",
)
STATUS_BEFORE = Text("en vez de {size} en float32", "instead of {size} in float32")
STATUS_RATIO = Text("{ratio} veces menos", "{ratio}× smaller")
STATUS_EMBEDDED = Text("GPT-2 incluido", "Built-in GPT-2")
RECIPE_LINE = Text("Receta: {model}, {how}, {table}.", "Recipe: {model}, {how}, {table}.")
RECIPE_SHORT = Text("{how}, {table}", "{how}, {table}")
RECIPE_INTEGERS = Text("{bits} bits, {granularity}, rejilla {grid}", "{bits} bits, {granularity}, {grid} grid")
RECIPE_INT8 = Text("{how}, activaciones de 8 bits ({name})", "{how}, 8-bit activations ({name})")
LABEL_BITS = Text("{bits} bits", "{bits} bits")
RECIPE_SCALED = Text("{name}, {granularity}", "{name}, {granularity}")
RECIPE_CAST = Text("{name} sin escala", "{name} without a scale")
FORMAT = Text("Formato", "Format")
FAMILY = Text("Familia de formatos", "Family of formats")
FAMILIES = {
    "integer": Text("Enteros", "Integers"),
    "float": Text("Coma flotante", "Floating point"),
    "mx": Text("MX y NV", "MX and NV"),
    "bitsandbytes": Text("bitsandbytes", "bitsandbytes"),
    "llama.cpp": Text("llama.cpp", "llama.cpp"),
}
FORMAT_INTEGER = Text("Enteros de 2 a 8 bits", "Integers of 2 to 8 bits")
FORMAT_CAST = Text("{name}, sin escala", "{name}, no scale")
FORMAT_SCALED = Text("{name}, con escala", "{name}, with a scale")
FORMAT_BLOCK = Text("{name} · {bits} bits por peso", "{name} · {bits} bits per weight")
FORMAT_INFO = {
    "int": Text(
        "Una rejilla uniforme: eliges bits, escala y punto cero.", "A uniform grid: choose bits, scale, zero point."
    ),
    "cast": Text(
        "Cada peso se convierte tal cual, sin escala: lo que es demasiado pequeño para el formato se vuelve cero.",
        "Each weight is cast as it is, with no scale: what is too small for the format becomes zero.",
    ),
    "scaled": Text(
        "La escala lleva el mayor peso de cada grupo al mayor valor del formato.",
        "The scale takes the largest weight of each group to the largest value of the format.",
    ),
}
METHOD = Text("Método", "Method")
METHOD_OWN = Text("el habitual del formato", "the format’s own")
METHOD_INFO = Text("Cómo se eligen los códigos.", "How the codes are chosen.")
BAD_METHOD = Text("Método «{got}»: tiene que ser {allowed}.", "Method “{got}”: it must be one of {allowed}.")
RECIPE_METHOD = Text("{how}, método: {method}", "{how}, method: {method}")
RECIPE_GRANULARITIES = {
    "tensor": Text("una escala por matriz", "one scale per matrix"),
    "channel": Text("una escala por canal de salida", "one scale per output channel"),
    "group": Text("una escala por cada {group} pesos", "one scale for each {group} weights"),
}
RECIPE_TABLE = {
    False: Text("sin cuantizar la tabla de tokens", "the token table left in float"),
    True: Text("con la tabla de tokens", "the token table included"),
}
