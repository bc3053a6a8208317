"""What has been measured in this browser, and its files."""

from __future__ import annotations

from quant.text import Text

HISTORY = Text("Lo que has medido", "What you have measured")
HISTORY_EMPTY = Text(
    "Aquí queda cada medida completa, para compararlas y descargarlas. Se guardan en tu navegador: siguen ahí al volver.",
    "Each complete measurement stays here, to compare and download. They are kept in your browser, and are there when you "
    "come back.",
)
HISTORY_LOST = Text(
    "Tu navegador guardaba {n} medidas que esta versión de la página no sabe leer; se han dejado aparte.",
    "Your browser kept {n} measurements that this version of the page cannot read; they were left out.",
)
HISTORY_HEAD = [
    Text("Receta y veredicto", "Recipe and verdict"), Text("Pesos empaquetados", "Packed weights"),
    Text("Perplejidad", "Perplexity"), Text("KL media", "Mean KL"),
]  # fmt: skip
HISTORY_READ = Text(
    "La perplejidad de cada receta es su cambio sobre el original con los dos leyendo lo mismo, con su intervalo del 95 % y "
    "el valor detrás. Pulsa una receta para cargarla.",
    "The perplexity of each recipe is its change from the original with both reading the same, with its 95% interval and "
    "the value after it. Press a recipe to load it.",
)
HISTORY_TOP = Text("elige la misma palabra el {share} de las veces", "picks the same word {share} of the time")
HISTORY_DOWNLOAD = Text("Descargar:", "Download:")
HISTORY_COPY = Text("Copiar tabla", "Copy table")
HISTORY_COPIED = Text("Copiada", "Copied")

COLUMNS = [
    Text("Receta", "Recipe"), Text("Texto", "Text"), Text("Veredicto", "Verdict"),
    Text("Pesos empaquetados (bytes)", "Packed weights (bytes)"),
    Text("Bits por peso (todo el modelo)", "Bits per weight (whole model)"),
    Text("Perplejidad del original", "Perplexity of the original"),
    Text("Perplejidad del cuantizado", "Perplexity of the quantized"),
    Text("Cambio de perplejidad (%)", "Change of perplexity (%)"),
    Text("Cambio mínimo, IC 95 % (%)", "Least change, 95% CI (%)"),
    Text("Cambio máximo, IC 95 % (%)", "Greatest change, 95% CI (%)"),
    Text("KL media (nats)", "Mean KL (nats)"),
    Text("Misma palabra más probable (%)", "Same most likely word (%)"),
]  # fmt: skip
IN_MAIN_COLUMNS = (
    "recipe", "text", "verdict", "stored_bytes", "bits_per_weight", "perplexity_original", "perplexity_quantized",
    "kl_mean", "same_top",
)  # fmt: skip
