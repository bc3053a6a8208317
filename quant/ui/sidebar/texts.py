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
ACTIVATIONS_INTRO = Text(
    "Las [[activaciones]] son los números que el modelo calcula al leer tu texto y que multiplica por los pesos. "
    "Si también van en 8 bits, con pesos de 8 bits la receta se llama W8A8.",
    "[[Activations|activaciones]] are the numbers that the model computes as it reads your text and multiplies by the "
    "weights. With 8 bits there too, and 8-bit weights, the recipe is called W8A8.",
)
ACTIVATIONS_LABEL = Text("Cómo se redondean", "How they are rounded")
ACTIVATIONS_INFO = Text(
    "Con pesos en MX o NV solo cuentan las activaciones en MX o NV.",
    "With weights in MX or NV only activations in MX or NV count.",
)
ACTIVATIONS_KINDS = {
    "float": Text("float32: no se redondean", "float32: not rounded"),
    "int8": Text("8 bits, una escala por token", "8 bits, one scale per token"),
    "int8-tensor": Text("8 bits, una escala para todas", "8 bits, one scale for all"),
    "int8-static": Text("8 bits, escala fija de la calibración", "8 bits, fixed scale from calibration"),
    "int4": Text("4 bits, una escala por token", "4 bits, one scale per token"),
    "int4-g32": Text("4 bits, grupos de 32", "4 bits, groups of 32"),
    "mxfp4": Text("MXFP4", "MXFP4"),
    "nvfp4": Text("NVFP4", "NVFP4"),
}
BAD_ACTIVATIONS = Text(
    "Activaciones «{got}»: tienen que ser {allowed}.", "Activations “{got}”: they must be {allowed}."
)
BAD_FORMAT = Text(
    "No existe el formato «{got}»; los que hay: {allowed}.",
    "There is no format “{got}”; the ones that exist: {allowed}.",
)
BAD_GRANULARITY = Text("Granularidad «{got}»: tiene que ser {allowed}.", "Granularity “{got}”: it must be {allowed}.")
BAD_STEPS = Text("Paso previo «{got}»: tiene que ser {allowed}.", "Step “{got}”: it must be one of {allowed}.")
BAD_GRID = Text("Rejilla «{got}»: tiene que ser {allowed}.", "Grid “{got}”: it must be one of {allowed}.")
BAD_CALIBRATION = Text(
    "Texto de calibración «{got}»: tiene que ser {allowed}.", "Calibration text “{got}”: it must be one of {allowed}."
)
BAD_CACHE_BITS = Text(
    "Claves o valores de {got} bits: tienen que ser {allowed}; 0 es float32.",
    "Keys or values of {got} bits: they must be one of {allowed}; 0 is float32.",
)
BAD_CACHE_PER = Text(
    "Escala de claves y valores «{got}»: tiene que ser {allowed}.",
    "Scale of keys and values “{got}”: it must be one of {allowed}.",
)
BAD_CACHE_GROUP = Text(
    "Grupos de {got} en claves y valores: tienen que ser de {allowed}; 0 es lo habitual.",
    "Groups of {got} in keys and values: they must be of {allowed}; 0 is the usual.",
)
BAD_KNOBS = Text(
    "Ajustes «{got}»: se escriben como nombre:número, separados por comas.",
    "Knobs “{got}”: they are written as name:number, with commas between.",
)
UNKNOWN_KNOB = Text(
    "El método y los pasos elegidos no tienen el ajuste «{got}»; tienen: {allowed}.",
    "The chosen method and steps have no knob “{got}”; they have: {allowed}.",
)
NO_KNOBS = Text(
    "El método y los pasos elegidos no tienen ajustes; ha llegado «{got}».",
    "The chosen method and steps have no knobs; got “{got}”.",
)
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
RECIPE_ACTIVATIONS = Text("{how}, activaciones: {kind} ({name})", "{how}, activations: {kind} ({name})")
LABEL_BITS = Text("{bits} bits", "{bits} bits")
RECIPE_SCALED = Text("{name}, {granularity}", "{name}, {granularity}")
RECIPE_CAST = Text("{name} sin escala", "{name} without a scale")
FORMAT = Text("Formato", "Format")
FAMILY = Text("Familia de formatos", "Family of formats")
FAMILIES = {
    "integer": Text("Enteros", "Integers"),
    "learned": Text("Tabla aprendida", "Learned table"),
    "no zero": Text("Sin cero", "No zero"),
    "float": Text("Coma flotante", "Floating point"),
    "mx": Text("MX y NV", "MX and NV"),
    "bitsandbytes": Text("bitsandbytes", "bitsandbytes"),
    "llama.cpp": Text("llama.cpp", "llama.cpp"),
}
FORMAT_INTEGER = Text("Enteros de 2 a 8 bits", "Integers of 2 to 8 bits")
FORMAT_TABLES = {
    "learned": Text("Tabla de valores aprendida", "Learned table of values"),
    "learned_group": Text("Tabla aprendida para cada grupo", "Learned table for each group"),
}
FORMAT_CAST = Text("{name}, sin escala", "{name}, no scale")
FORMAT_SCALED = Text("{name}, con escala", "{name}, with a scale")
FORMAT_NO_ZERO = {
    "binary": Text("1 bit: −1 o 1, con escala", "1 bit: −1 or 1, with a scale"),
    "midrise2": Text("2 bits: ±0,5 y ±1,5, con escala", "2 bits: ±0.5 and ±1.5, with a scale"),
}
NAMES_NO_ZERO = {
    "binary": Text("1 bit", "1 bit"), "midrise2": Text("2 bits sin cero", "2 bits without zero"),
}  # fmt: skip
FORMAT_BLOCK = Text("{name} · {bits} bits por peso", "{name} · {bits} bits per weight")
FORMAT_INFO = {
    "int": Text(
        "Una rejilla uniforme: eliges bits, escala y punto cero.", "A uniform grid: choose bits, scale, zero point."
    ),
    "learned": Text(
        "Los valores que se pueden guardar se aprenden de los pesos: una tabla por matriz o por canal.",
        "The values that can be stored are learned from the weights: a table per matrix or per channel.",
    ),
    "learned_group": Text(
        "Una tabla para cada grupo, en 16 bits por valor: con grupos de 64, un bit más por peso con 2 bits y cuatro "
        "más con 4.",
        "A table for each group, at 16 bits a value: in groups of 64 one more bit a weight at 2 bits, and four more "
        "at 4.",
    ),
    "binary": Text(
        "De cada peso queda solo el signo, por una escala que comparten los de un grupo: la que menos error deja.",
        "Of each weight only its sign is left, times a scale that a group shares: the one that leaves least error.",
    ),
    "midrise2": Text(
        "Cuatro valores a igual distancia, dos a cada lado del cero y ninguno en él (mid-rise): no hay un lado con más "
        "valores que el otro. Es la rejilla de ParetoQ con 2 bits.",
        "Four values at equal distances, two on either side of zero and none at it (mid-rise): neither side has more "
        "of them. It is ParetoQ’s grid at 2 bits.",
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
METHOD_SECTION = Text("Método y calibración", "Method and calibration")
METHOD_INTRO = Text(
    "El formato dice qué números se pueden guardar; el método, cuál se guarda de cada peso. Algunos leen antes un texto "
    "de [[calibración]].",
    "The format says which numbers can be stored; the method, which one is stored for each weight. Some read a "
    "[[calibration|calibración]] text first.",
)
KNOBS = Text("Ajustes del método", "Knobs of the method")
KNOBS_OF = Text("Ajustes de {name}", "Knobs of {name}")
KNOBS_RESET = Text("Dejarlos como venían", "Leave them as they came")
STEPS = Text("Antes de redondear", "Before rounding")
STEPS_NONE = Text("nada", "nothing")
STEPS_INFO = Text(
    "Los pesos se pueden cambiar de modo que el modelo en coma flotante dé lo mismo y al redondear pierda menos.",
    "Weights can be changed so that the float model gives the same and loses less when it is rounded.",
)
CALIBRATION = Text("Texto de calibración", "Calibration text")
TOKENS = Text("Tokens de calibración", "Calibration tokens")
TOKENS_INFO = Text(
    "Con más, el método conoce mejor las entradas de cada capa y tarda más.",
    "With more of them the method knows the inputs of each layer better, and takes longer.",
)
SEQUENTIAL = Text(
    "Cada bloque ve lo que dan los anteriores ya cuantizados", "Each block sees what the blocks before give, quantized"
)
VARIANT = Text("Variante de la rejilla", "Variant of the grid")
VARIANT_INFO = Text(
    "Otros programas ponen el extremo de la rejilla en otro sitio. Los nombres son de 4 bits.",
    "Other programs put the end of the grid elsewhere. The names are those of 4 bits.",
)
VARIANTS = {
    "": Text("la de arriba", "the one above"),
    "half": Text("máx|w|/7,5 y 16 valores (torchao)", "max|w|/7.5 and 16 values (torchao)"),
    "signed": Text("máx/−8 y 16 valores (Q4_0 de ggml)", "max/−8 and 16 values (ggml’s Q4_0)"),
    "offset": Text("mín–máx con mínimo decimal (Q4_1 de ggml)", "min–max with a float minimum (ggml’s Q4_1)"),
}
RECIPE_VARIANTS = {
    "half": Text("simétrica (máx/7,5)", "symmetric (max/7.5)"),
    "signed": Text("simétrica (máx/−8)", "symmetric (max/−8)"),
    "offset": Text("mín–máx con mínimo decimal", "min–max with a float minimum"),
}
BRIEF_VARIANTS = {
    "half": Text("máx/7,5", "max/7.5"), "signed": Text("máx/−8", "max/−8"),
    "offset": Text("mínimo decimal", "float minimum"),
}  # fmt: skip
CACHE_SECTION = Text("Claves y valores", "Keys and values")
CACHE_INTRO = Text(
    "De cada token que lee, el modelo guarda sus [[claves y valores]] para no volver a calcularlos. Con textos largos "
    "llegan a ocupar más que los pesos, y también se pueden redondear.",
    "Of each token that it reads, the model keeps its [[keys and values|claves y valores]] so as not to compute them "
    "again. With long texts they take more than the weights, and they can be rounded too.",
)
KEYS = Text("Bits de las claves", "Bits of the keys")
VALUES = Text("Bits de los valores", "Bits of the values")
CACHE_BITS = {0: Text("32 (float32)", "32 (float32)"), 16: Text("16 (float16)", "16 (float16)")}
CACHE_PER = Text("Comparten escala…", "A scale is shared by…")
CACHE_PERS = {
    "token": Text("los números de un token", "the numbers of a token"),
    "channel": Text("un canal, a lo largo de varios tokens", "a channel, over several tokens"),
}
CACHE_GROUP = Text("Números por escala", "Numbers in a scale")
CACHE_GROUP_USUAL = Text("lo habitual: una cabeza, o 32 tokens", "the usual: one head, or 32 tokens")
CONTEXT = Text("Su tamaño, para un texto de…", "Their size, for a text of…")
CONTEXT_OWN = Text("lo que lee el modelo", "what the model reads")
CONTEXT_TOKENS = Text("{n} tokens", "{n} tokens")
STATUS_CACHE = Text(
    "claves y valores de {n} tokens: {after} en vez de {before}",
    "keys and values of {n} tokens: {after} instead of {before}",
)
BRIEF_CACHE = Text("claves {keys}, valores {values}", "keys {keys}, values {values}")
RECIPE_CACHE = Text(
    "claves de {keys} bits y valores de {values} {per}", "keys of {keys} bits and values of {values} {per}"
)
RECIPE_CACHE_PERS = {"token": Text("por token", "by token"), "channel": Text("por canal", "by channel")}
RECIPE_STEPS = Text("{how}, antes: {steps}", "{how}, first: {steps}")
RECIPE_KNOBS = Text("{how} ({knobs})", "{how} ({knobs})")
RECIPE_WITH = Text("{how}, {other}", "{how}, {other}")
RECIPE_LEARNED = Text(
    "{bits} bits con tabla aprendida, {granularity}", "{bits} bits with a learned table, {granularity}"
)
RECIPE_TABLES = {
    "tensor": Text("una por matriz", "one per matrix"),
    "channel": Text("una por canal", "one per channel"),
    "group": Text("una por cada grupo de {group}", "one per group of {group}"),
}
BRIEF_TABLES = {
    "tensor": Text("una tabla por matriz", "one table per matrix"),
    "channel": Text("una tabla por canal", "one table per channel"),
    "group": Text("una tabla por cada {group}", "one table per {group}"),
}
LABEL_LEARNED = Text("{bits} bits, tabla", "{bits} bits, table")
METHOD = Text("Método", "Method")
METHOD_OWN = Text("el habitual del formato", "the format’s own")
METHOD_INFO = Text("Cómo se eligen los códigos.", "How the codes are chosen.")
BAD_METHOD = Text("Método «{got}»: tiene que ser {allowed}.", "Method “{got}”: it must be one of {allowed}.")
UNFIT_METHOD = Text(
    "«{got}» no vale para este formato: «{format}» solo se rellena con {allowed}.",
    "“{got}” will not do for this format: “{format}” is only filled by {allowed}.",
)
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
TRAINING = Text("Entrenamiento", "Training")
BAD_TRAINING = Text(
    "Entrenamiento «{got}»: se escribe pasos:qué aprende:pérdida:texto:semilla:ritmo, como "
    "240:weights:distillation:training_sample:0:0.0005.",
    "Training “{got}”: it is written steps:what is learned:loss:text:seed:rate, as in "
    "240:weights:distillation:training_sample:0:0.0005.",
)
OTHER_TRAINING = Text(
    "El entrenamiento del enlace es de otra receta, así que se deja aparte.",
    "The training in the link is of another recipe, so it is left aside.",
)
OWN_TEXT_GONE = Text(
    "Ese modelo se entrenó con un texto propio que este servidor ya no guarda. Vuelve a entrenarlo en Métodos.",
    "That model was trained on a text of somebody’s own that this server no longer holds. Train it again in Methods.",
)
LABEL_TRAINED = Text("entrenado", "trained")
BRIEF_TRAINED = Text("entrenado {n} pasos", "trained {n} steps")
TRAINED_HOW = Text(
    "entrenado {n} pasos ({learn}, {loss}, {text}, semilla {seed})",
    "trained {n} steps ({learn}, {loss}, {text}, seed {seed})",
)
TRAINED_LEARNED = {
    "weights": Text("pesos y escalas", "weights and scales"), "scales": Text("solo escalas", "scales only"),
}  # fmt: skip
TRAINED_LOSSES = {
    "distillation": Text("imitando al original", "imitating the original"),
    "language": Text("acertando el token siguiente", "predicting the next token"),
}
TRAINED_TEXTS = {
    "training_sample": Text("con la muestra del entrenamiento", "on the sample of the training texts"),
    "everything": Text("con todo lo incluido que no se mide", "on all that is included but for what is measured"),
    "corpus": Text("con los textos de su entrenamiento", "on the texts that it was trained on"),
    "own": Text("con un texto propio", "on a text of one’s own"),
}
TRAINED_OTHER = Text("con un texto de calibración", "on a calibration text")
TRAINED_LINE = Text("Con QAT: {said}.", "With QAT: {said}.")
TRAINED_OFF = Text("Quitar el entrenamiento", "Take the training off")
TRAINED_MOVES = Text(
    "Si cambias algo de la receta, el entrenamiento se quita: es de esta.",
    "If you change the recipe, the training goes: it belongs to this one.",
)
MIX = Text("Mezcla", "Mix")
BAD_MIX = Text(
    "El enlace lleva una mezcla de formatos que no se puede leer; puede que se haya copiado a medias.",
    "The link holds a mix of formats that cannot be read; it may have been copied in part.",
)
OTHER_MIX = Text(
    "La mezcla de formatos del enlace se hizo para otra receta, así que se deja aparte.",
    "The mix of formats in the link was made for another recipe, so it is left aside.",
)
LABEL_MIX = Text("mezcla", "mix")
BRIEF_MIX = Text("mezcla de {n} formatos", "mix of {n} formats")
RECIPE_MIX = Text("{how}; {n} matrices, de otro modo", "{how}; {n} matrices otherwise")
MIX_LINE = Text(
    "Mezcla de {n} formatos: {apart} matrices se guardan de otro modo que el que dicen estos controles.",
    "A mix of {n} formats: {apart} matrices are stored otherwise than these controls say.",
)
MIX_OFF = Text("Quitar la mezcla", "Take the mix off")
MIX_MOVES = Text("Si cambias los bits o el método, la mezcla se quita.", "If you change bits or method, the mix goes.")
