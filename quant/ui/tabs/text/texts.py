"""Texto."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Texto", "Text")
TEXT_INTRO = Text(
    "El original y el cuantizado continúan el mismo texto, cada uno por su cuenta. Mira en qué [[token]] se separan; luego "
    "cambia los bits y repite.",
    "The original and the quantized model continue the same text, each on its own. See at which [[token]] they first "
    "differ; then change the bits and try again.",
)
TEXT_LINKS = Text("Token a token: qué esperaba cada uno ↓", "Token by token: what each one expected ↓")
NOT_A_MEASURE = Text(
    "Dónde se separan no es una nota: con otro principio, 5 bits pueden aguantar más que 8.",
    "Where they first differ is not a score: with another beginning, 5 bits may hold out longer than 8.",
)
TO_METRICS = Text("La nota, en Métrica", "The score, in Metrics")
TO_DRIFT = Text("Qué cambia en cada token", "What changes at each token")
PROMPT = Text("Texto de partida", "Prompt")
WRITE = Text("Escribir", "Write")
SETTINGS = Text("Parámetros de la generación", "Generation settings")
MAX_LENGTH = Text(
    "Longitud máxima en tokens, con el texto de partida (max_length)",
    "Maximum length in tokens, prompt included (max_length)",
)
NO_REPEAT = Text(
    "No repetir secuencias de tantos tokens (no_repeat_ngram_size)",
    "Do not repeat runs of this many tokens (no_repeat_ngram_size)",
)
DO_SAMPLE = Text("Muestrear con semilla", "Sample with a seed")
DO_SAMPLE_INFO = Text(
    "Sin marcar, cada modelo elige siempre su token más probable (decodificación voraz).",
    "Unticked, each model always takes its most likely token (greedy).",
)
TOP_K = Text("top_k", "top_k")
TOP_P = Text("top_p (por ejemplo, 0,95)", "top_p (for example 0.95)")
TEMPERATURE = Text("Temperatura (por ejemplo, 0,7)", "Temperature (for example 0.7)")
SEED = Text("Semilla (seed)", "Seed")
NOTEBOOK_NOTE = Text(
    "Los valores son los del cuaderno del que nació esta página: max_length 150, no_repeat_ngram_size 2, top_k 50, "
    "top_p 0,95 y temperatura 0,7. Aquel cuaderno nunca activó do_sample, así que sus top_k, top_p y temperatura no "
    "tenían ningún efecto: elegía siempre el token más probable, igual que aquí si no marcas el muestreo.",
    "The values are those of the notebook that this page grew from: max_length 150, no_repeat_ngram_size 2, top_k 50, "
    "top_p 0.95 and temperature 0.7. That notebook never set do_sample, so its top_k, top_p and temperature had no "
    "effect: it wrote greedily, as this page does while sampling is off.",
)
ORIGINAL_KIND = Text("float32", "float32")
QUANTIZED_KIND = Text("{bits} bits por peso", "{bits} bits per weight")
NEW_TOKENS = Text("{n} tokens nuevos", "{n} new tokens")
SAME_SO_FAR = Text("De momento, los dos escriben lo mismo.", "So far both write the same.")
SAME_TEXT = Text(
    "Los dos han escrito exactamente lo mismo: {n} tokens sin una sola diferencia.",
    "Both wrote exactly the same: {n} tokens without a single difference.",
)
PART_AT = Text(
    "Se separan en el token {n}: el original escribe «{a}» y el cuantizado «{b}».",
    "They first differ at token {n}: the original writes “{a}” and the quantized one “{b}”.",
)
ENDS_AT = Text(
    "Escriben lo mismo hasta el token {n}: ahí {name} da el texto por terminado y el otro sigue.",
    "They write the same up to token {n}: there {name} ends its text and the other continues.",
)
THE_ORIGINAL = Text("el original", "the original")
THE_QUANTIZED = Text("el cuantizado", "the quantized one")
FIRST_DIFFERENT = Text("primer token distinto", "first differing token")
FIRST_DIFFERENT_WORD = Text("primera palabra distinta", "first differing word")
TEXT_EMPTY = Text("Pulsa «Escribir» para ver lo que escribe cada uno.", "Press “Write” to see what each one writes.")
RECORDED_TEXT = Text(
    "Mientras tanto, lo que escriben con esta receta después de «{prompt}», siempre el token más probable. Mueve los bits "
    "en la receta y cambiará.",
    "Meanwhile, what they write with this recipe after “{prompt}”, always the most likely token. Move the bits in the "
    "recipe, and it will change.",
)
LITTLE_MODEL = Text(
    "El modelo incluido tiene 5 millones de parámetros y lo ha entrenado este proyecto en un ordenador de dos núcleos: "
    "escribe en español, pero no sabe casi nada del mundo. Las novelas que leyó son de 1839 a 1931 y algunas llevan los "
    "prejuicios de su época.",
    "The built-in model has 5 million parameters and was trained by this project on a two-core computer: it writes "
    "Spanish but knows next to nothing about the world. The novels it read date from 1839 to 1931, and some carry the "
    "prejudices of their time.",
)
