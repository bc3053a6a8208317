"""The section Descargar informe."""

from __future__ import annotations

from quant.text import Text

REPORT = Text("Descargar informe", "Download a report")
INTRO = Text(
    "Un informe de tu receta en cinco partes: qué es la cuantización, el modelo y su punto de partida, los formatos de "
    "números, la receta aplicada y evaluada, y la comparación con otras. Cada frase sale de cifras medidas, y cada cifra "
    "está en un CSV.",
    "A report of your recipe in five parts: what quantization is, the model and its baseline, number formats, the recipe "
    "applied and evaluated, and the comparison with others. Each sentence follows from measured figures, and each figure "
    "is in a CSV.",
)
MAKE = Text("Hacer el informe", "Make the report")
ALL_KNOWN = Text(
    "Ya está todo medido, con {others} recetas más para comparar: solo falta escribir con los dos modelos.",
    "Everything has been measured, with {others} more recipes to compare: all that is left is to write with both models.",
)
TO_MEASURE = Text(
    "Al pulsar se mide lo que falta ({missing}) y escriben los dos modelos. Entran en la comparación {others} recetas más "
    "que ya se conocen.",
    "Press to measure what is missing ({missing}) and to let both models write. {others} more recipes that are known "
    "already enter the comparison.",
)
YOUR_RECIPE = Text("tu receta", "your recipe")
AND = Text(" y ", " and ")
SECONDS = Text("Serán unos {seconds} segundos, por lo que han tardado otras en este ordenador.",
               "It will take about {seconds} seconds, as others have taken on this computer.")  # fmt: skip
RECORDED_SECONDS = Text(
    "Con el modelo incluido, unos 20 segundos de procesador (medido en noviembre de 2026); un GPT-2 de 124 millones de "
    "parámetros tarda minutos.",
    "With the built-in model, about 20 seconds of processor time (measured in November 2026); a GPT-2 of 124 million "
    "parameters takes minutes.",
)
MAKING = Text("Midiendo lo que falta para el informe:", "Measuring what the report lacks:")
READY = Text(
    "El informe tiene {figures} cifras y {pictures} gráficos. La página se abre sin conexión y se imprime bien; el zip trae "
    "además el Markdown, los gráficos y el CSV, en español y en inglés.",
    "The report has {figures} figures and {pictures} charts. The page opens without a connection and prints well; the zip "
    "holds the Markdown, the charts and the CSV too, in Spanish and in English.",
)
PAGE = Text("Página HTML ({size})", "HTML page ({size})")
ARCHIVE = Text("Todo en un zip ({size})", "All of it in a zip ({size})")
PREVIEW = Text("Leer el informe aquí", "Read the report here")
PREVIEW_EMPTY = Text("Aquí se leerá cuando esté hecho.", "It can be read here once it is made.")
ADDRESS = Text("Dirección de esta página", "Address of this page")
