"""Métrica."""

from __future__ import annotations

from quant.text import Text

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
BAD_AMOUNT = Text("Cantidad «{got}»: tiene que ser {allowed}.", "Amount “{got}”: it must be {allowed}.")
SIZE_HINT = Text("bytes que ocuparían los pesos empaquetados", "bytes that the packed weights would take")
SPEED_HINT = Text(
    "los dos con copias float32: no hay motivo para que cambie", "both on float32 copies: no reason for it to change"
)
NO_CLEAR_CHANGE = Text("sin diferencia clara", "no clear difference")
