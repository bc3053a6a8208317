"""What the border says to those whom it turns away."""

from __future__ import annotations

from quant.text import Text

NO_DOOR = Text("Aquí no hay nada con ese nombre.", "There is nothing of that name here.")
NO_UPLOADS = Text(
    "Esta página no recibe archivos: ninguna parte de ella los pide.",
    "This page takes no files: no part of it asks for any.",
)
NO_METHOD = Text("Eso no se puede pedir así.", "That cannot be asked for in this way.")
NO_FUNCTION = Text(
    "La página no tiene esa función: recárgala y vuelve a intentarlo.",
    "The page has no such function: reload it and try again.",
)
NO_SESSION = Text(
    "Esa visita ha terminado o no existe: recarga la página.",
    "That visit has ended or does not exist: reload the page.",
)
OTHERS_SESSION = Text(
    "Esa visita no es de este navegador, o la empezó sin su cookie: recarga la página.",
    "That visit is not this browser's, or it began without its cookie: reload the page.",
)
NO_FILE = Text("Ese archivo no está aquí.", "That file is not here.")
TOO_LARGE = Text(
    "Lo que envías no cabe: se admiten {most} bytes.", "What you send does not fit: {most} bytes are allowed."
)
TOO_SLOW = Text("Lo que envías no acaba de llegar.", "What you send does not arrive.")
OTHER_SITE = Text(
    "Esta página solo atiende a lo que se pide desde ella misma, no desde otra web.",
    "This page only answers what is asked from itself, not from another site.",
)
BAD_HOST = Text(
    "Esta página no responde a ese nombre de máquina. Si es el suyo, arráncala con QUANT_HOSTS=nombre.",
    "This page does not answer to that host name. If it is its own, start it with QUANT_HOSTS=name.",
)
BAD_SESSION = Text("El nombre de la visita no es válido.", "The name of the visit is not valid.")
WENT_WRONG = Text("Algo ha fallado al atenderte.", "Something failed while serving you.")
UNKNOWN_PARAMETER = Text(
    "El parámetro «{name}» es desconocido; los que hay: {allowed}.",
    "The parameter “{name}” is unknown; the ones that exist: {allowed}.",
)
MISSING_PARAMETER = Text("Falta el parámetro «{name}».", "The parameter “{name}” is missing.")
BAD_COUNT = Text(
    "Hacen falta {n} valores y han llegado {got}: recarga la página y vuelve a intentarlo.",
    "{n} values are needed and {got} came: reload the page and try again.",
)
BAD_INPUT = Text(
    "«{name}»: ha llegado {got}; se admite {allowed}.",
    "“{name}”: got {got}; allowed: {allowed}.",
)
UNUSABLE = Text("«{name}»: lo que ha llegado no se puede usar.", "“{name}”: what came cannot be used.")
UNNAMED = Text("Un valor", "A value")
A_NUMBER = Text("un número", "a number")
A_RANGE = Text("un número de {low} a {high}", "a number from {low} to {high}")
YES_OR_NO = Text("sí o no (true o false)", "yes or no (true or false)")
A_TEXT = Text("un texto", "a text")
ONE_OF = Text("una de estas opciones: {options}", "one of these: {options}")
