"""The file of the quantized model."""

from __future__ import annotations

from quant.text import Text

FILE_TITLE = Text("Descarga el modelo cuantizado", "Download the quantized model")
FILE_INTRO = Text(
    "Un solo archivo safetensors: los pesos, empaquetados según tu receta, con el tokenizador, la configuración y la propia "
    "receta.",
    "A single safetensors file: the weights, packed by your recipe, with the tokenizer, the configuration and the recipe "
    "itself.",
)
FILE_ORIGINAL = Text("El original, en memoria", "The original, in memory")
FILE_WEIGHTS_ALONE = Text("{n} bytes en float32: solo los pesos", "{n} bytes in float32: weights only")
FILE_PUBLISHED = Text("El original, como se publicó", "The original, as published")
FILE_PUBLISHED_BYTES = Text("{n} bytes: archivo en float16", "{n} bytes: a float16 file")
FILE_WHOLE = Text("Archivo completo", "Whole file")
FILE_BYTES = Text("{n} bytes", "{n} bytes")
FILE_WEIGHTS = Text("Pesos empaquetados", "Packed weights")
FILE_READERS = Text(
    "Con ese archivo, cualquier ordenador con este proyecto puede generar texto. Otros programas no lo leen.",
    "Any computer with this project can generate text from it. Other programs cannot read it.",
)
FILE_REST = Text(
    "{n} bytes; los otros {rest} son el tokenizador y la cabecera",
    "{n} bytes; the other {rest} are tokenizer and header",
)
FILE_PREPARE = Text("Crear el archivo", "Make the file")
FILE_WRITING = Text("Escribiendo el archivo…", "Writing the file…")
FILE_NO_FOLDER = Text(
    "No se puede escribir en la carpeta temporal de este ordenador: {reason}.",
    "This computer's temporary folder cannot be written to: {reason}.",
)
FILE_READY = Text("Listo: ocupa {n} bytes, los previstos.", "Ready: it takes {n} bytes, as predicted.")
FILE_NAME = Text("Archivo", "File")
FILE_KEPT = Text(
    "El servidor lo guarda un tiempo; si caduca, créalo otra vez.",
    "The server keeps it for a while; if it has expired, make it again.",
)
FILE_DOWNLOAD = Text("Descargar ({size})", "Download ({size})")
FILE_CODE = Text(
    "Para generar texto con él, desde la carpeta de este proyecto:",
    "To generate text from it, in this project’s folder:",
)
