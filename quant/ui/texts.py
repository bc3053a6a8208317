"""Every sentence of the page, in both languages. Spanish addresses the reader as «tú»."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Laboratorio de cuantización", "Quantization lab")
SUBTITLE = Text(
    "Mueve los bits de un GPT-2 de verdad y mira qué les pasa a sus pesos, a su texto y a su calidad.",
    "Move the bits of a real GPT-2 and watch what happens to its weights, its text and its quality.",
)
OTHER_LANGUAGE = Text("English", "Español")
COPY_LINK = Text("Copiar enlace", "Copy link")
COPIED = Text("Copiado", "Copied")

BADGES = {
    "simulated": (
        Text("simulado", "simulated"),
        Text(
            "Calculado con copias float32 de los valores cuantizados: los números son los del modelo cuantizado, "
            "la memoria y la velocidad no.",
            "Computed on float32 copies of the quantized values: the numbers are those of the quantized model, "
            "its memory and speed are not.",
        ),
    ),
    "exact": (
        Text("exacto", "exact"),
        Text(
            "Bytes que ocuparían los pesos empaquetados, sin aproximar: códigos, escalas, puntos cero, relleno y lo que "
            "queda en float32.",
            "Bytes that the packed weights would take, with no approximation: codes, scales, zero points, padding and "
            "what stays in float32.",
        ),
    ),
    "measured": (
        Text("medido", "measured"),
        Text("Una ejecución que ocurrió en esta máquina.", "A run that happened on this machine."),
    ),
}

# Tabs
TABS = {
    "inicio": Text("Inicio", "Start"),
    "pesos": Text("Pesos", "Weights"),
    "texto": Text("Texto", "Text"),
    "metrica": Text("Métrica", "Metrics"),
}

# The queue and errors
QUEUE_ONE = Text(
    "Hay una tarea delante; la tuya empezará en cuanto acabe.", "One task is ahead of yours; it starts right after."
)
QUEUE_MANY = Text(
    "Hay {n} tareas delante; la tuya empezará en cuanto acaben.",
    "{n} tasks are ahead of yours; it starts right after.",
)
STOPPED = Text("Detenido. Se conserva lo que ya estaba hecho.", "Stopped. What was already done stays.")
MISSING_NUMBER = Text("Falta un número en «{name}».", "A number is missing in “{name}”.")

# Sidebar
RECIPE = Text("Qué se cuantiza y cómo", "What is quantized, and how")
MODEL = Text("Modelo", "Model")
MODEL_EMBEDDED = Text("Incluido (5 M)", "Embedded (5 M)")
MODEL_HUB = Text("gpt2-small-spanish (124 M)", "gpt2-small-spanish (124 M)")
FETCH = Text("Descargar gpt2-small-spanish (510 MB)", "Download gpt2-small-spanish (510 MB)")
FETCHING = Text("Descargando:", "Downloading:")
FETCHED = Text("Descargado. Ya puedes elegirlo arriba.", "Downloaded. You can choose it above.")
BITS = Text("Bits de cada código", "Bits of each code")
GRANULARITY = Text("Una escala para…", "One scale for…")
GRANULARITIES = {
    "tensor": Text("toda la matriz", "the whole matrix"),
    "channel": Text("cada canal de salida", "each output channel"),
    "group": Text("cada grupo", "each group"),
}
GROUP_SIZE = Text("Pesos por grupo", "Weights in a group")
GRID = Text("Rejilla", "Grid")
GRIDS = {
    False: Text("simétrica (absmax)", "symmetric (absmax)"),
    True: Text("con punto cero (mín–máx)", "zero point (min–max)"),
}
TABLE = Text("También la tabla de tokens", "Also the token table")
TABLE_INFO = Text(
    "Esta misma matriz sirve también de salida: se cuenta una sola vez y sigue compartida.",
    "It is also the output matrix: counted once, it stays tied.",
)
GRID_HELP = Text(
    "**Simétrica**: la escala es máx|w| / (2ᵇ⁻¹ − 1) y los códigos van de −(2ᵇ⁻¹ − 1) a 2ᵇ⁻¹ − 1. "
    "**Con punto cero**: la rejilla va del mínimo al máximo, ampliados si hace falta para incluir el 0, con 2ᵇ valores; "
    "un entero, el punto cero, dice qué código vale 0. En las dos el 0 es exacto. Las escalas se guardan en float16.",
    "**Symmetric**: the scale is max|w| / (2ᵇ⁻¹ − 1) and codes run from −(2ᵇ⁻¹ − 1) to 2ᵇ⁻¹ − 1. "
    "**Zero point**: the grid runs from the minimum to the maximum, stretched if need be to contain 0, with 2ᵇ values; "
    "an integer, the zero point, says which code stands for 0. In both 0 is exact. Scales are stored as float16.",
)
GRID_HELP_LABEL = Text("¿Qué significa?", "What does it mean?")

# Status line
STATUS_PARAMETERS = Text("{millions} millones de parámetros", "{millions} M parameters")
STATUS_BITS = Text(
    "{bits} bits/peso en lo cuantizado, {whole} en total", "{bits} bits/weight where quantized, {whole} overall"
)
STATUS_BEFORE = Text("{size} en float32", "{size} in float32")
STATUS_RATIO = Text("{ratio} veces menos", "{ratio}× smaller")

# Inicio
START_HEADING = Text("Qué es cuantizar, en cinco frases", "What quantization is, in five sentences")
START_SENTENCES = [
    Text(
        "Un modelo de lenguaje es, ante todo, una lista larguísima de números: sus **pesos**.",
        "A language model is, above all, a very long list of numbers: its **weights**.",
    ),
    Text(
        "**Cuantizar** es guardar cada peso con menos bits: en lugar de 32 bastan 8, 4 o incluso menos.",
        "To **quantize** is to store each weight in fewer bits: instead of 32, 8 or 4 will do, or even fewer.",
    ),
    Text(
        "Para eso se elige una **rejilla** de pocos valores y cada peso se lleva al más cercano; esa distancia es el "
        "**error**.",
        "For that, a **grid** of a few values is chosen and each weight moves to the nearest; how far it moves is the "
        "**error**.",
    ),
    Text(
        "Con menos bits el modelo ocupa menos y hay menos que leer de la memoria por cada palabra, pero cada redondeo "
        "borra un poco de lo que aprendió.",
        "With fewer bits the model is smaller and there is less to read from memory for each word, but every rounding "
        "wipes out a little of what it learned.",
    ),
    Text(
        "La pregunta es siempre la misma: **¿cuántos bits puedo quitar antes de que se note?** Aquí la respondes tú.",
        "The question is always the same: **how many bits can I take away before it shows?** Here you answer it.",
    ),
]
START_PICTURE = Text("Míralo en pesos de verdad", "See it on real weights")
START_LEGEND = [
    Text("peso original", "original weight"),
    Text("valor de la rejilla", "grid value"),
    Text("error", "error"),
]
START_CAPTION = Text(
    "Los primeros {n} pesos de «{layer}». Con {bits} bits la rejilla tiene {levels} valores; cada peso se desplaza, de "
    "media, un {error}\N{NARROW NO-BREAK SPACE}% del valor del mayor.",
    "The first {n} weights of “{layer}”. With {bits} bits the grid has {levels} values; on average each weight moves "
    "by {error}% of the largest of them.",
)
START_TRY = Text(
    "Mueve «Bits de cada código» y mira cómo cambian la rejilla y el error.",
    "Move “Bits of each code” and watch the grid and the error change.",
)
START_WAYS = Text("Dos formas de hacerlo", "Two ways to do it")
PTQ_TITLE = Text("PTQ: después de entrenar", "PTQ: after training")
PTQ_TEXT = Text(
    "La cuantización posterior al entrenamiento (*post-training quantization*) toma un modelo ya entrenado y redondea "
    "sus pesos. Tarda segundos o minutos y no necesita los datos de entrenamiento; los mejores métodos miran unas "
    "pocas frases para decidir hacia dónde redondear. **Elígela primero**: con 8 bits casi nunca se nota y con 4 bits, "
    "por grupos, suele bastar. Es lo que hace esta página.",
    "Post-training quantization takes a trained model and rounds its weights. It takes seconds or minutes and needs no "
    "training data; the best methods look at a few sentences to decide which way to round. **Try it first**: with 8 "
    "bits it hardly ever shows, and with 4 bits in groups it is usually enough. It is what this page does.",
)
QAT_TITLE = Text("QAT: durante el entrenamiento", "QAT: during training")
QAT_TEXT = Text(
    "El entrenamiento consciente de la cuantización (*quantization-aware training*) redondea los pesos en cada paso, "
    "de modo que el modelo aprende a vivir en la rejilla. Exige datos, tiempo y acceso al código de entrenamiento. "
    "**Elígelo cuando la PTQ no llega**: con 2 o 3 bits, o en chips que solo calculan con enteros.",
    "Quantization-aware training rounds the weights at every step, so that the model learns to live on the grid. It "
    "takes data, time and the training code. **Choose it where PTQ falls short**: at 2 or 3 bits, or on chips that "
    "compute with integers only.",
)
START_NEXT = Text("Sigue por aquí", "Where to go next")
START_LINKS = {
    "pesos": Text("Pesos: mira el histograma de cada capa", "Weights: see the histogram of each layer"),
    "texto": Text("Texto: compara lo que escriben", "Text: compare what they write"),
    "metrica": Text("Métrica: mide lo que se pierde", "Metrics: measure what is lost"),
}

# Pesos
WEIGHTS_LAYER = Text("Capa", "Layer")
WEIGHTS_LOG = Text("Eje vertical logarítmico", "Logarithmic vertical axis")
WEIGHTS_HISTOGRAM = Text("Histograma de los pesos, antes y después", "Histogram of the weights, before and after")
WEIGHTS_OCCUPANCY = Text("Cuánto se usa cada código", "How often each code is used")
WEIGHTS_SQNR = Text("Relación señal-error", "Signal-to-error ratio")
WEIGHTS_SQNR_SMALL = Text(
    "el error típico es el {percent}\N{NARROW NO-BREAK SPACE}% del peso típico",
    "a typical error is {percent}% of a typical weight",
)
WEIGHTS_EXACT = Text("sin error", "no error")
WEIGHTS_BYTES = Text("Bytes de la matriz", "Bytes of the matrix")
WEIGHTS_BPW = Text("Bits por peso", "Bits per weight")
WEIGHTS_BPW_SMALL = Text(
    "códigos de {bits} bits, escalas y puntos cero si los hay", "{bits}-bit codes, scales and zero points if any"
)
WEIGHTS_LEVELS = Text("Valores de la rejilla", "Values of the grid")
WEIGHTS_LEVELS_SMALL = Text("en esta matriz se usan {used}", "{used} are used in this matrix")
WEIGHTS_CAPTION = Text(
    "{layer}: {count} pesos. Arriba, los originales; abajo, los mismos pesos tras redondear, sobre los mismos ejes. "
    "El mayor error es {error} y el mayor peso, {largest}.",
    "{layer}: {count} weights. Above, the original ones; below, the same weights after rounding, on the same axes. "
    "The largest error is {error} and the largest weight, {largest}.",
)
OCCUPANCY_CAPTION = Text(
    "El código más usado es {code}, con el {share}\N{NARROW NO-BREAK SPACE}% de los pesos{tail}.",
    "The most used code is {code}, with {share}% of the weights{tail}.",
)
OCCUPANCY_RARE = Text(
    "; la mitad menos usada de los códigos solo reúne el {share}\N{NARROW NO-BREAK SPACE}% de los pesos",
    "; the less used half of the codes holds only {share}% of the weights",
)
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
TOKEN_TABLE = Text("tabla de tokens", "token table")
BLOCK = Text("Bloque {n}", "Block {n}")
PARTS = {
    "attn.c_attn": Text("atención: consulta, clave y valor", "attention: query, key and value"),
    "attn.c_proj": Text("atención: salida", "attention: output"),
    "mlp.c_fc": Text("MLP: entrada", "MLP: in"),
    "mlp.c_proj": Text("MLP: salida", "MLP: out"),
}

# Texto
PROMPT = Text("Texto de partida", "Prompt")
DEFAULT_PROMPT = "Me gusta mucho el futbol"
WRITE = Text("Escribir", "Write")
STOP = Text("Detener", "Stop")
SETTINGS = Text("Parámetros de la generación", "Generation settings")
MAX_LENGTH = Text("Longitud máxima (tokens, con el texto de partida)", "Maximum length (tokens, prompt included)")
NO_REPEAT = Text("No repetir secuencias de n tokens; n =", "Do not repeat runs of n tokens; n =")
DO_SAMPLE = Text("Muestrear con semilla", "Sample with a seed")
DO_SAMPLE_INFO = Text(
    "Sin marcar, cada modelo elige siempre su token más probable (decodificación voraz).",
    "Unticked, each model always takes its most likely token (greedy).",
)
TOP_K = Text("top_k", "top_k")
TOP_P = Text("top_p", "top_p")
TEMPERATURE = Text("Temperatura", "Temperature")
SEED = Text("Semilla", "Seed")
NOTEBOOK_NOTE = Text(
    "Los valores son los del cuaderno del que nació esta página: max_length 150, no_repeat_ngram_size 2, top_k 50, "
    "top_p 0,95 y temperatura 0,7. Aquel cuaderno nunca activó do_sample, así que sus top_k, top_p y temperatura no "
    "tenían ningún efecto: elegía siempre el token más probable, igual que aquí si no marcas el muestreo.",
    "The values are those of the notebook that this page grew from: max_length 150, no_repeat_ngram_size 2, top_k 50, "
    "top_p 0.95 and temperature 0.7. That notebook never set do_sample, so its top_k, top_p and temperature had no "
    "effect: it wrote greedily, as this page does while sampling is off.",
)
QUANTIZING = Text("Cuantizando el modelo:", "Quantizing the model:")
ORIGINAL = Text("Original", "Original")
QUANTIZED = Text("Cuantizado", "Quantized")
ORIGINAL_KIND = Text("float32", "float32")
QUANTIZED_KIND = Text("{bits} bits/peso", "{bits} bits/weight")
TOKENS_SPEED = Text("{n} tokens nuevos · {speed} tokens/s", "{n} new tokens · {speed} tokens/s")
SAME_SO_FAR = Text("De momento, los dos escriben lo mismo.", "So far both write the same.")
SAME_TEXT = Text(
    "Los dos han escrito exactamente lo mismo: {n} tokens sin una sola diferencia.",
    "Both wrote exactly the same: {n} tokens without a single difference.",
)
PART_AT = Text(
    "Se separan en el token {n}: el original escribe «{a}» y el cuantizado «{b}».",
    "They diverge at token {n}: the original writes “{a}” and the quantized one “{b}”.",
)
ENDS_AT = Text(
    "Escriben lo mismo hasta el token {n}: ahí {name} da el texto por terminado y el otro sigue.",
    "They write the same up to token {n}: there {name} ends its text and the other goes on.",
)
THE_ORIGINAL = Text("el original", "the original")
THE_QUANTIZED = Text("el cuantizado", "the quantized one")
FIRST_DIFFERENT = Text("primer token distinto", "first differing token")
SPEED_NOTE = Text(
    "La velocidad es la de cada modelo en esta máquina, por turnos y en una sola pasada: mídela con calma en Métrica. "
    "El cuantizado se calcula con copias float32, así que todavía no va más rápido: tener menos bits no acelera nada "
    "por sí solo.",
    "The speed is each model's own on this machine, taking turns, in a single run: Metrics measures it with care. The "
    "quantized one runs on float32 copies, so it is not faster yet: fewer bits alone speed nothing up.",
)
TEXT_EMPTY = Text("Pulsa «Escribir» para ver lo que escribe cada uno.", "Press “Write” to see what each one writes.")
LITTLE_MODEL = Text(
    "El modelo incluido tiene 5 millones de parámetros y lo ha entrenado este proyecto en un ordenador de dos núcleos: "
    "escribe en español, pero no sabe casi nada del mundo. Las novelas que leyó son de 1839 a 1931 y algunas llevan los "
    "prejuicios de su época.",
    "The embedded model has 5 million parameters and was trained by this project on a two-core computer: it writes "
    "Spanish but knows next to nothing about the world. The novels it read date from 1839 to 1931, and some carry the "
    "prejudices of their time.",
)

# Métrica
METRIC_INTRO = Text(
    "La línea base es el modelo sin cuantizar. Los dos leen el mismo texto, que no ha escrito ninguno de ellos, y se mide "
    "cuánto los sorprende cada token. El modelo incluido no ha visto al entrenarse los dos textos que vienen con la "
    "página.",
    "The baseline is the model before quantization. Both read the same text, which neither of them wrote, and what is "
    "measured is how much each token surprises them. The embedded model did not see the two texts that come with the "
    "page when it was trained.",
)
METRIC_TEXT = Text("Texto de evaluación", "Evaluation text")
METRIC_TEXTS = {
    "enciclopedia": Text("Enciclopedia", "Encyclopedia"),
    "literatura": Text("Literatura", "Literature"),
    "own": Text("El tuyo", "Your own"),
}
METRIC_OWN = Text("Tu texto", "Your text")
METRIC_OWN_INFO = Text(
    "Pega un texto escrito por una persona: con lo que escribe el propio modelo, la medida siempre sale bien.",
    "Paste a text written by a person: on what the model wrote itself the measure always looks good.",
)
METRIC_AMOUNT = Text("Cantidad de texto", "Amount of text")
METRIC_AMOUNTS = {
    "quick": Text("una parte (unos 40 kB)", "a part (about 40 kB)"),
    "whole": Text("todo el texto", "the whole text"),
}
MEASURE = Text("Medir", "Measure")
MEASURING_BASE = Text("Midiendo el original:", "Measuring the original:")
MEASURING_QUANTIZED = Text("Midiendo el cuantizado:", "Measuring the quantized model:")
MEASURING_SPEED = Text("Cronometrando los dos por turnos:", "Timing both in turns:")
METRIC_EMPTY = Text(
    "Pulsa «Medir» para obtener la línea base y la comparación.",
    "Press “Measure” for the baseline and the comparison.",
)
METRIC_HEAD = [Text("", ""), Text("Original", "Original"), Text("Cuantizado", "Quantized"), Text("Cambio", "Change")]
PERPLEXITY = Text("Perplejidad", "Perplexity")
PERPLEXITY_HINT = Text(
    "entre cuántos tokens duda; menos es mejor", "how many tokens it hesitates between; lower is better"
)
BPB = Text("Bits por byte", "Bits per byte")
BPB_HINT = Text("no depende del tokenizador; menos es mejor", "does not depend on the tokenizer; lower is better")
SIZE = Text("Tamaño", "Size")
SPEED = Text("Velocidad (tokens/s)", "Speed (tokens/s)")
SPEED_RANGE = Text("mediana de {n}; de {low} a {high}", "median of {n}; {low} to {high}")
METRIC_SO_FAR = Text(
    "El cuantizado lleva leído el {share}\N{NARROW NO-BREAK SPACE}% del texto, con perplejidad {perplexity}. La "
    "comparación solo vale al terminar, cuando los dos han leído lo mismo.",
    "The quantized model has read {share}% of the text, with perplexity {perplexity}. The comparison only holds at the "
    "end, when both have read the same.",
)
METRIC_WORDS = Text(
    "Con {bits} bits por peso en lo cuantizado, el modelo pasa de {before} en float32 a {after} y la perplejidad {move}.",
    "With {bits} bits per weight where it is quantized, the model goes from {before} in float32 to {after}, and "
    "perplexity {move}.",
)
METRIC_RISES = Text("sube de {a} a {b} ({change})", "rises from {a} to {b} ({change})")
METRIC_FALLS = Text(
    "baja de {a} a {b} ({change}); una bajada en este texto no demuestra que el modelo haya mejorado: prueba con otro",
    "falls from {a} to {b} ({change}); a fall on this text does not prove that the model got better: try another",
)
METRIC_SAME = Text("se queda en {a}", "stays at {a}")
PROTOCOL = Text(
    "Protocolo. Texto: {text}. Documentos: {documents}. Ventanas: {windows}, de {context} tokens con paso {stride}. "
    "Un token de inicio por documento. Tokens puntuados, cada uno una vez: {tokens} ({bytes} bytes). "
    "Aritmética: {arithmetic}.",
    "Protocol. Text: {text}. Documents: {documents}. Windows: {windows}, of {context} tokens with stride {stride}. One "
    "BOS token at the start of each document. Tokens scored, each once: {tokens} ({bytes} bytes). Arithmetic: {arithmetic}.",
)
STATUS_EMBEDDED = Text("GPT-2 incluido", "Embedded GPT-2")
FOOTER = Text(
    "Código Apache-2.0 · modelo incluido y textos de Wikipedia CC BY-SA 4.0 · lo que escribes solo llega al ordenador "
    "que sirve esta página",
    "Code Apache-2.0 · embedded model and Wikipedia texts CC BY-SA 4.0 · what you write only reaches the computer that "
    "serves this page",
)
BAD_AMOUNT = Text("Cantidad «{got}»: tiene que ser {allowed}.", "Amount “{got}”: it must be {allowed}.")
SIZE_HINT = Text("bytes que ocuparían los pesos empaquetados", "bytes that the packed weights would take")
SPEED_HINT = Text(
    "los dos con copias float32: no hay motivo para que cambie", "both on float32 copies: no reason for it to change"
)
MORE = Text("Más opciones de la receta", "More recipe options")
NO_CLEAR_CHANGE = Text("sin diferencia clara", "no clear difference")
BADGES_TITLE = Text("Qué significan simulado, exacto y medido", "What simulated, exact and measured mean")
RECIPE_LINE = Text(
    "Receta: {model}, {bits} bits, {granularity}, rejilla {grid}, {table}.",
    "Recipe: {model}, {bits} bits, {granularity}, {grid} grid, {table}.",
)
RECIPE_GRANULARITIES = {
    "tensor": Text("una escala por matriz", "one scale a matrix"),
    "channel": Text("una escala por canal de salida", "one scale an output channel"),
    "group": Text("una escala por cada {group} pesos", "one scale for each {group} weights"),
}
RECIPE_TABLE = {
    False: Text("sin cuantizar la tabla de tokens", "the token table left in float"),
    True: Text("con la tabla de tokens", "the token table included"),
}
