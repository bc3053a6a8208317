"""Métrica."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Métrica", "Metrics")
METRIC_INTRO = Text(
    "Los dos modelos leen el mismo texto, que no ha escrito ninguno de ellos, y se mide cuánto les sorprende cada palabra. "
    "El modelo incluido no vio al entrenarse los textos de aquí.",
    "Both models read the same text, which neither of them wrote, and what is measured is how much each word surprises "
    "them. The built-in model did not see the texts offered here when it was trained.",
)
ALL_FIGURES = Text("Todas las cifras", "All figures")
METRIC_TEXT = Text("Texto de evaluación", "Evaluation text")
METRIC_TEXTS = {
    "enciclopedia": Text("Enciclopedia", "Encyclopedia"),
    "literatura": Text("Literatura", "Literature"),
    "own": Text("El tuyo", "Your own"),
}
METRIC_OWN = Text("Tu texto", "Your text")
METRIC_OWN_INFO = Text(
    "Pega un texto escrito por una persona: con lo que escribe el propio modelo, la medida siempre sale bien.",
    "Paste a text written by a person: on what the model itself wrote, the measure always looks good.",
)
METRIC_AMOUNT = Text("Cantidad de texto", "Amount of text")
METRIC_AMOUNTS = {
    "quick": Text("una parte (unas {words} palabras, {time})", "a part (about {words} words, {time})"),
    "whole": Text("todo el texto (unas {words} palabras, {time})", "the whole text (about {words} words, {time})"),
}
AMOUNT_SECONDS = Text("unos {n}\N{NO-BREAK SPACE}s", "about {n}\N{NO-BREAK SPACE}s")
AMOUNT_MINUTES = Text("unos {n}\N{NO-BREAK SPACE}min", "about {n}\N{NO-BREAK SPACE}min")
MISSING_WORDS = Text(
    "Faltan unas {n} palabras: el modelo lee por tramos y hacen falta dos para comparar (más de {need} tokens).",
    "About {n} words are missing: the model reads by stretches, and two are needed to compare (more than {need} tokens).",
)
ENOUGH_WORDS = Text("Unas {n} palabras: bastan para medir.", "About {n} words: enough to measure.")
MEASURE = Text("Medir", "Measure")
MEASURE_SPEED = Text("Medir también la velocidad", "Time both models too")
MEASURE_SPEED_INFO = Text(
    "Los dos modelos escriben y leen por turnos, cronometrados en esta máquina; tarda unos segundos más.",
    "Both models write and read in turns, timed on this machine; it takes some seconds more.",
)
SHARED = Text(
    "Ya se midió aquí {ago} con el mismo modelo, receta y texto: son esas cifras.",
    "Measured here {ago} already, with the same model, recipe and text: these are those figures.",
)
AGO_MOMENT = Text("hace un momento", "a moment ago")
AGO_MINUTES = Text("hace {n}\N{NO-BREAK SPACE}min", "{n}\N{NO-BREAK SPACE}min ago")
AGO_HOURS = Text("hace {n}\N{NO-BREAK SPACE}h", "{n}\N{NO-BREAK SPACE}h ago")
MEASURING_BOTH = Text("Leyendo con los dos modelos:", "Reading with both models:")
MEASURING_SPEED = Text("Cronometrando los dos por turnos:", "Timing both in turns:")
METRIC_HEAD = [Text("", ""), Text("Original", "Original"), Text("Cuantizado", "Quantized"), Text("Cambio", "Change")]
PERPLEXITY = Text("Perplejidad", "Perplexity")
PERPLEXITY_HINT = Text(
    "como si dudara entre tantos tokens; menos es mejor", "as if it hesitated between so many tokens; lower is better"
)
BPB = Text("Bits por byte", "Bits per byte")
BPB_HINT = Text("no depende del tokenizador; menos es mejor", "does not depend on the tokenizer; lower is better")
SIZE = Text("Pesos empaquetados", "Packed weights")
SPEED = Text("Velocidad al escribir (tokens/s)", "Writing speed (tokens/s)")
SPEED_RANGE = Text("mediana de {n}; de {low} a {high}", "median of {n}; {low} to {high}")
METRIC_SO_FAR = Text(
    "Leído el {share}\N{NARROW NO-BREAK SPACE}%: las cifras ya valen, pero aún son gruesas.",
    "{share}% read: the figures hold already, but are still coarse.",
)
BOS_OF_DOCUMENTS = Text("Un token de inicio por documento.", "One BOS token at the start of each document.")
BOS_OF_WINDOWS = Text(
    "Un token de inicio en cada ventana, como este modelo lo vio siempre.",
    "One BOS token at the start of each window, as this model has always seen it.",
)
PROTOCOL_LABEL = Text("Cómo se ha medido", "How it was measured")
PROTOCOL = Text(
    "Texto: {text}. Documentos: {documents}. Ventanas: {windows}, de {context} tokens con paso {stride}. "
    "{bos} Tokens puntuados, cada uno una vez: {tokens} ({bytes} bytes). "
    "Aritmética: {arithmetic}.",
    "Text: {text}. Documents: {documents}. Windows: {windows}, of {context} tokens with stride {stride}. "
    "{bos} Tokens scored, each once: {tokens} ({bytes} bytes). Arithmetic: {arithmetic}.",
)
BAD_AMOUNT = Text("Cantidad «{got}»: tiene que ser {allowed}.", "Amount “{got}”: it must be {allowed}.")
SIZE_HINT = Text(
    "los bytes que ocupan guardados, sin tokenizador; del original, en float32",
    "the bytes that they take stored, without the tokenizer; of the original, in float32",
)
PUBLISHED = Text("El original, como se publicó", "The original, as published")
PUBLISHED_HINT = Text("un archivo en float16; aquí se carga en float32", "a float16 file; here it is loaded in float32")
SPEED_HINT = Text(
    "de uno en uno: cada token vuelve a leer todos los pesos", "one at a time: each token reads all the weights again"
)
NO_CLEAR_CHANGE = Text("sin diferencia clara", "no clear difference")
INTERVAL = Text("IC 95\N{NARROW NO-BREAK SPACE}%: {ends}", "95% CI: {ends}")
NO_INTERVAL = Text("sin intervalo: el texto es corto", "no interval: the text is short")
DIVERGENCE = Text("Cuánto se aparta, token a token", "How far it drifts, token by token")
DIVERGENCE_HEAD = [
    Text("", ""),
    Text("Valor", "Value"),
    Text("Intervalo del 95\N{NARROW NO-BREAK SPACE}%", "95% interval"),
]
KL_MEAN = Text("KL media (nats)", "Mean KL (nats)")
KL_HINT = Text(
    "cuánto se aparta lo que espera el cuantizado de lo que espera el original; 0 es idéntico",
    "how far what the quantized model expects is from what the original does; 0 is identical",
)
KL_MEDIAN = Text("KL mediana (nats)", "Median KL (nats)")
KL_MEDIAN_HINT = Text("la mitad de los tokens queda por debajo", "half of the tokens lie below")
KL_99 = Text("KL del 99\N{NARROW NO-BREAK SPACE}% (nats)", "99% KL (nats)")
KL_99_HINT = Text("uno de cada 100 tokens la supera", "one token in 100 lies above")
KL_999 = Text("KL del 99,9\N{NARROW NO-BREAK SPACE}% (nats)", "99.9% KL (nats)")
KL_999_HINT = Text("uno de cada 1000 la supera", "one token in 1000 lies above")
KL_MAX = Text("KL máxima (nats)", "Largest KL (nats)")
KL_MAX_HINT = Text("el peor token de este texto; no generaliza", "the worst token of this text; it does not generalize")
SAME_TOP = Text("Mismo token más probable", "Same most likely token")
SAME_TOP_HINT = Text("tokens en los que los dos eligen lo mismo", "tokens where both would choose the same")
PROBABILITY_RMS = Text("Cambio típico de probabilidad", "Typical change of probability")
PROBABILITY_RMS_HINT = Text(
    "raíz de la media de los cuadrados, del token que de verdad venía", "root mean square, of the token that did come"
)
SPEED_PROMPT = Text("Velocidad al leer (tokens/s)", "Reading speed (tokens/s)")
MEMORY = Text("Pesos en memoria", "Weights in memory")
SPEED_PROMPT_HINT = Text(
    "muchos a la vez: los pesos se leen una sola vez para todos",
    "many at once: the weights are read a single time for all of them",
)
MEMORY_HINT = Text(
    "lo que ocupan los tensores de cada uno; el proceso entero, medido: {process}",
    "what the tensors of each one take; the whole process, measured: {process}",
)
COMPUTES = Text(
    "Al escribir calcula con: {kernels}; {activations}.", "When writing it computes with: {kernels}; {activations}."
)
COMPUTES_ALONE = Text("Al escribir calcula con: {kernels}.", "When writing it computes with: {kernels}.")
COMPUTES_SOON = Text(
    "{said} El código C de esta máquina se está compilando: dentro de un rato escribirá más deprisa.",
    "{said} The C code for this machine is being compiled: in a while it will write faster.",
)
COMPUTES_FLOAT = Text("activaciones float32", "float32 activations")
COMPUTES_INT8 = Text(
    "activaciones redondeadas a 8 bits, con una escala por token", "activations rounded to 8 bits, one scale per token"
)
COMPUTES_SIMULATED = Text(
    "activaciones redondeadas a {name}, simulado: se multiplican en float32",
    "activations rounded to {name}, simulated: they are multiplied in float32",
)
COMPUTES_HELD = Text(
    "Los pesos cuantizados ocupan {held} bits también en memoria: no hay copia en float32.",
    "Quantized weights take {held} bits in memory too: there is no float32 copy.",
)
COMPUTES_HELD_MORE = Text(
    "Los pesos cuantizados ocupan {held} bits en memoria y {stored} en el archivo: en memoria van en el orden en que los "
    "lee el núcleo.",
    "Quantized weights take {held} bits in memory and {stored} in the file: in memory they lie in the order in which the "
    "kernel reads them.",
)
BANDWIDTH = Text("Velocidad y bytes leídos", "Speed and bytes read")
BANDWIDTH_READS = Text(
    "Con {label}, el modelo lee {ratio} veces menos bytes por token que el original y {pace}",
    "With {label}, the model reads {ratio} times fewer bytes for each token than the original and {pace}",
)
BANDWIDTH_FASTER = Text("escribe {ratio} veces más deprisa", "writes {ratio} times faster")
BANDWIDTH_SLOWER = Text("sin embargo escribe {ratio} veces más despacio", "yet writes {ratio} times more slowly")
BANDWIDTH_SAME = Text("no se distingue en velocidad", "cannot be told apart in speed")
BANDWIDTH_SHARE = Text(
    "{said}; está al {share}\N{NARROW NO-BREAK SPACE}% de lo que permite la memoria de esta máquina.",
    "{said}; it stands at {share}% of what the memory of this machine allows.",
)
BANDWIDTH_SLOW = Text(
    "{said}; se queda en el {share}\N{NARROW NO-BREAK SPACE}% de lo que permite la memoria de esta máquina: lo que más "
    "tarda no es traer los pesos.",
    "{said}; it stays at {share}% of what the memory of this machine allows: what takes longest is not fetching the "
    "weights.",
)
BANDWIDTH_CACHED = {
    True: Text(
        "{said}. Los dos caben en la caché del procesador{cache}, que es más rápida que la memoria: ahí no son los bytes lo que "
        "frena, y por eso no se dibuja la figura que los relaciona con la velocidad. Con un modelo que no quepa, sale.",
        "{said}. Both fit in the cache of the processor{cache}, which is faster than memory: there bytes are not what holds "
        "them back, so the figure of speed against bytes is not drawn. With a model that does not fit, it is.",
    ),
    False: Text(
        "{said}. Solo él cabe en la caché del procesador{cache}, que es más rápida que la memoria: la línea limita al "
        "original, no a él.",
        "{said}. Only the quantized model fits in the cache of the processor{cache}, which is faster than memory: the line "
        "limits the original, not this one.",
    ),
}
BANDWIDTH_COUNTED = Text(
    "Se cuentan todas las matrices y la tabla de salida; no las activaciones ni la caché de claves y valores. Por encima "
    "de la línea, medida en esta máquina, los bytes no llegan a tiempo desde la memoria.",
    "All matrices and the output table are counted; activations and the cache of keys and values are not. Above the line, "
    "measured on this machine, bytes cannot come from memory in time.",
)
UNKNOWN = Text("desconocido", "unknown")
RESAMPLED = Text(
    "Intervalos: bootstrap por {unit}, con los dos modelos sobre los mismos tokens.",
    "Intervals: bootstrap over {unit}, both models on the same tokens.",
)
NOT_RESAMPLED = Text(
    "Sin intervalos: hacen falta al menos 10 ventanas de texto.",
    "No intervals: at least 10 windows of text are needed.",
)
CHART_UNEVEN = Text(
    "La mitad de los tokens tiene una KL por debajo de {median}, pero uno de cada 100 pasa de {high}: el daño se concentra "
    "en unos pocos sitios.",
    "Half of the tokens have a KL below {median}, but one in 100 lies above {high}: the harm lies in a few places.",
)
CHART_EVEN = Text(
    "La mitad de los tokens tiene una KL por debajo de {median} y uno de cada 100 pasa de {high}: el daño está repartido "
    "por todo el texto.",
    "Half of the tokens have a KL below {median} and one in 100 lies above {high}: the harm is spread over the whole text.",
)
HISTORY_BITS = Text("{bits} bits/peso", "{bits} bits/weight")
HISTORY_BASE = Text("Original (línea base)", "Original (baseline)")
