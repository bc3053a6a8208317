"""The section Comparar: what it asks, what it says of its rows, and the words of its table."""

from __future__ import annotations

from quant.text import Text

COMPARE = Text("¿Quién pierde menos con los mismos bytes?", "Who loses least at equal bytes?")
BITS = Text("Bits por peso", "Bits per weight")
BITS_INFO = Text(
    "grupos de 64; escalas y demás se cuentan aparte", "groups of 64; scales and the rest are counted apart"
)
METHODS = Text("Métodos", "Methods")
TEXT = Text("Texto con el que se mide", "Text to measure on")
TEXTS = {"enciclopedia": Text("Enciclopedia", "Encyclopedia"), "literatura": Text("Literatura", "Literature")}
VIEW = Text("La figura", "The figure")
VIEWS = {
    "ranking": Text("Uno por línea", "One a line"),
    "seconds": Text("KL y segundos", "KL and seconds"),
    "bytes": Text("KL y bytes", "KL and bytes"),
}
RUN = Text("Comparar en vivo", "Compare live")
STATE = Text("Comparación", "Comparison")

ALL_KNOWN = Text("Con {bits} bits", "At {bits} bits")
SOME_KNOWN = Text(
    "De lo que se sabe con {bits} bits ({n} de {m} métodos)", "Of what is known at {bits} bits ({n} of {m} methods)"
)
WINS = Text(
    "{where}, lo que menos pierde es «{best}»: una KL de {kl}, {factor} menor que la del redondeo ({base}).",
    "{where}, “{best}” loses least: a KL of {kl}, {factor} less than rounding’s ({base}).",
)
TIMES = Text("{n} veces", "{n} times")
PERCENT = Text("un {n}\N{NO-BREAK SPACE}%", "{n}%")
BASE_WINS = Text("{where}, nada mejora al redondeo: una KL de {kl}.", "{where}, nothing beats rounding: a KL of {kl}.")
NO_BETTER = Text(
    "{where}, nada se distingue del redondeo: «{best}» pierde una KL de {kl} y él, {base}; la diferencia cabe en el azar de estos textos.",
    "{where}, nothing can be told from rounding: “{best}” loses a KL of {kl} and rounding {base}; the difference is within the chance of these texts.",
)
ONLY = Text("{where}, lo que menos pierde es «{best}»: una KL de {kl}.", "{where}, “{best}” loses least: a KL of {kl}.")
ONE = Text(
    "{where}, «{best}» da una KL de {kl}; aún no hay con qué compararlo.",
    "{where}, “{best}” has a KL of {kl}; there is nothing to compare it with yet.",
)
TIES = Text(
    " No se distingue de él: {names}; la diferencia cabe en el azar de estos textos.",
    " Tied with it: {names}; the difference is within the chance of these texts.",
)
WORSE = Text(
    " Pierden más que el redondeo: {names}; por qué, en su ficha de la tabla.",
    " Losing more than rounding: {names}; why, in its entry of the table.",
)
SURPRISE = Text(
    "Lo llamativo: {name} deja los pesos **más lejos** de los originales que el redondeo ({weight} dB frente a {base_weight}) y "
    "aun así lo que sale de cada capa queda **más cerca** ({output} dB frente a {base_output}): cada peso compensa el "
    "error de los demás. Acercarse a los pesos no es el objetivo.",
    "The surprise: {name} leaves the weights **further** from the original’s than rounding does ({weight} dB against {base_weight}), and yet "
    "what comes out of each layer lies **closer** ({output} dB against {base_output}): each weight makes up for the error "
    "of others. To be close to the weights is not the aim.",
)
UNEQUAL = Text(
    "No compiten, porque ocupan más: {names}, con lo que va al lado de los códigos.",
    "Out of the contest, as they take more: {names}, with what stands beside the codes.",
)
UNEQUAL_ONE = Text("{name} ({bits} bits por peso)", "{name} ({bits} bits per weight)")
NOTHING = Text(
    "Con {bits} bits no hay nada grabado de este modelo: pulsa «Comparar en vivo».",
    "At {bits} bits nothing is recorded of this model: press “Compare live”.",
)
NO_FORMAT = Text("Con {bits} bits no entran: {names}.", "Not possible at {bits} bits: {names}.")
NONE_CHOSEN = Text("Marca al menos un método.", "Tick at least one method.")
BAD_STATE = Text("De esta comparación no se entiende «{got}».", "This comparison is not understood: “{got}”.")

ESTIMATE = Text(
    "Medir aquí lo que falta tardará unos {seconds} s: lo dicen las filas que esta máquina ya ha hecho.",
    "To measure here what is missing will take about {seconds} s: so say the rows that this machine has made.",
)
ESTIMATE_SOME = Text(
    "Esta máquina aún no ha hecho ninguna fila de: {names}. De lo demás que falta, unos {seconds} s.",
    "This machine has made no row yet of: {names}. For the rest of what is missing, about {seconds} s.",
)
ESTIMATE_NONE = Text(
    "Esta máquina aún no ha hecho ninguna fila, así que no sabe cuánto tardará. Puedes detenerla: las filas hechas se "
    "quedan.",
    "This machine has made no row yet, so it does not know how long it will take. You can stop: finished rows stay.",
)
ESTIMATE_DONE = Text("Todo esto ya está medido en esta máquina.", "All of this has been measured on this machine.")
RECORDED_TOOK = Text(
    " Donde se grabó, cuantizar tardó {seconds} s en total.",
    " Where it was recorded, quantizing took {seconds} s in all.",
)
COMPARING = Text("{name} ({place} de {count}):", "{name} ({place} of {count}):")
DONE = Text("Medidos {count} métodos. {lead}", "Measured {count} methods. {lead}")
DONE_ONE = Text("Medido un método. {lead}", "Measured one method. {lead}")

CAPTION = Text(
    "Cada cuadrado es un método; la raya, su intervalo del 95 %. Vacío: grabado; relleno: medido aquí. La línea de "
    "puntos es el redondeo: a su izquierda se pierde menos.",
    "Each square is a method; the bar is its 95% interval. Hollow: recorded; filled: measured here. The dotted line is "
    "rounding: left of it less is lost.",
)
CAPTION_SECONDS = Text(
    "Más abajo, menos se pierde; más a la izquierda, antes acaba. Los tiempos grabados son de otra máquina.",
    "Lower loses less; further left is done sooner. Recorded times are another machine’s.",
)
CAPTION_BYTES = Text(
    "Una línea por método, de {low} a {high} bits: a la misma altura, el de más a la izquierda ocupa menos.",
    "One line a method, from {low} to {high} bits: at the same height the leftmost takes least.",
)
HEAD = (
    Text("Método", "Method"),
    Text("KL (nats)", "KL (nats)"),
    Text("Perpl.", "Perpl."),
    Text("Pesos (dB)", "Weights (dB)"),
    Text("Salida (dB)", "Output (dB)"),
    Text("Tamaño", "Size"),
    Text("Tiempo (s)", "Time (s)"),
)
TABLE = Text("Todas las cifras, y usar uno de ellos", "All the figures, and using one of them")
CHOOSE = Text("Elegir métodos y texto", "Choose methods and text")
READ = Text(
    "Perpl. es la perplejidad. Los errores de los pesos y de la salida van en decibelios, media de las capas: más es "
    "mejor. El de salida se mide con el texto de calibración, nunca con el de evaluar. Con [[KL]] se ordena.",
    "Perpl. is perplexity. The errors of weights and of outputs are in decibels, the mean over layers: more is better. "
    "That of outputs is on the calibration text, never on the one that is scored. [[KL]] decides the order.",
)
USE = Text("Usar este", "Use this one")
SOURCE = Text("Artículo: {source}. Necesita {needs}.", "Paper: {source}. Needs {needs}.")
NEEDS_TEXT = Text("leer antes un texto de calibración", "to read a calibration text first")
NEEDS_NOTHING = Text("solo los pesos", "the weights alone")
BITS_EACH = Text("{bits} bits por peso", "{bits} bits per weight")
TIMES_LESS = Text("÷\N{NO-BREAK SPACE}{factor}", "÷\N{NO-BREAK SPACE}{factor}")
PERCENT_LESS = Text("−{n}\N{NO-BREAK SPACE}%", "−{n}%")
PERCENT_MORE = Text("+{n}\N{NO-BREAK SPACE}%", "+{n}%")
TIMES_MORE = Text("×\N{NO-BREAK SPACE}{factor}", "×\N{NO-BREAK SPACE}{factor}")
TIE = Text("empate con el mejor", "tied with the best")
PYTHON = Text("El Python que lo reproduce", "The Python that reproduces it")
CSV = Text("Descargar CSV", "Download CSV")
OF_ALL = Text("Qué hace cada método", "What each method does")
UNKNOWN = Text("—", "—")
