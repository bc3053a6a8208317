"""The file of the quantized model."""

from __future__ import annotations

from quant.text import Text

FILE_TITLE = Text("Descarga el modelo cuantizado", "Download the quantized model")
FILE_INTRO = Text(
    "Un solo archivo safetensors: los pesos, empaquetados según la receta de la barra lateral, con el tokenizador, la "
    "configuración y la propia receta. Con él se puede escribir en cualquier ordenador que tenga este proyecto.",
    "A single safetensors file: the weights, packed by the recipe of the sidebar, with the tokenizer, the configuration "
    "and the recipe itself. It writes on any computer that has this project.",
)
FILE_ORIGINAL = Text("El original en float32", "The original in float32")
FILE_WEIGHTS_ALONE = Text("{n} bytes, solo los pesos", "{n} bytes, weights alone")
FILE_BYTES = Text("{n} bytes", "{n} bytes")
FILE_WEIGHTS = Text("Los pesos del archivo", "The weights in it")
FILE_REST = Text(
    "{n} bytes; los otros {rest} son el tokenizador y la cabecera",
    "{n} bytes; the other {rest} are tokenizer and header",
)
FILE_PREPARE = Text("Preparar el archivo", "Prepare the file")
FILE_WRITING = Text("Escribiendo el archivo…", "Writing the file…")
FILE_NO_FOLDER = Text(
    "No se puede escribir en la carpeta temporal de este ordenador: {reason}.",
    "This computer's temporary folder cannot be written to: {reason}.",
)
FILE_READY = Text("Listo: ocupa {n} bytes, los previstos.", "Ready: it takes {n} bytes, as predicted.")
FILE_NAME = Text("Archivo", "File")
FILE_KEPT = Text(
    "Se guarda aquí mientras haya sitio; si desaparece, vuelve a prepararlo.",
    "It is kept here while there is room; if it is gone, prepare it again.",
)
FILE_DOWNLOAD = Text("Descargar ({size})", "Download ({size})")
FILE_CODE = Text(
    "Para escribir con él, desde la carpeta de este proyecto:", "To write with it, from this project's folder:"
)
