"""The section ¿Cuál elijo?: what it asks, the guess, what it says around the recommendation."""

from __future__ import annotations

from quant.advice.reasons import MATTERS as MATTERS_TO
from quant.advice.rules import Matters, Users
from quant.evaluation.verdict import BROKEN_KL, SAME_KL, SMALL_KL
from quant.targets import LEAST_MANY, MOST_FEW
from quant.text import Text, as_typed

ADVICE = Text("¿Cuál elijo?", "Which one do I pick?")
INTRO = Text(
    "Di qué lo va a ejecutar y qué necesitas; entre lo medido en este modelo, sale la [[receta]], sus razones y qué la cambiaría.",
    "Say what will run it and what you need; from what is measured on this model come the [[recipe|receta]], its reasons, and what would change it.",
)
TARGET = Text("¿Qué lo va a ejecutar?", "What will run it?")
USERS = Text("¿Para cuántos a la vez?", "For how many at once?")
USERS_OF = {
    Users.FEW: Text("uno o pocos (hasta {n})", "one or a few (up to {n})").format(n=MOST_FEW),
    Users.MANY: Text("muchos ({n} o más)", "many ({n} or more)").format(n=LEAST_MANY),
}
MEMORY = Text("Memoria, en MB", "Memory, in MB")
MEMORY_INFO = Text("para los pesos y lo que recuerda; 0: sin límite", "for weights and what it remembers; 0: no limit")
CONTEXT = Text("Contexto, en tokens", "Context, in tokens")
TOLERANCE = Text("¿Cuánto puede perder?", "How much may it lose?")
_UP_TO = Text("{name}: hasta {kl} nats", "{name}: up to {kl} nats")
TOLERANCES = {
    "same": _UP_TO.format(name=Text("nada que se vea", "nothing visible"), kl=as_typed(SAME_KL)),
    "small": _UP_TO.format(name=Text("poco", "a little"), kl=as_typed(SMALL_KL)),
    "noticeable": _UP_TO.format(name=Text("sin llegar a romperse", "short of breaking"), kl=as_typed(BROKEN_KL)),
}
MATTERS = Text("Entre lo que cumple, ¿qué te importa más?", "Of what satisfies that, what matters most?")
MATTERS_OF = {one: MATTERS_TO[one] for one in Matters}
STATE = Text("Lo que pides", "What you want")
BAD_STATE = Text("De lo que pides no se entiende «{got}».", "What you want is not understood: “{got}”.")

GUESS = Text(
    "Antes de verlo, adivina: la receta que menos pierde de las que caben ahí, ¿cuánto pierde?",
    "Guess before you see it: the recipe that loses least of those that fit there, how much does it lose?",
)
GUESSES = {
    "SMALL": Text("poco: hasta {kl} nats", "little: up to {kl} nats").format(kl=as_typed(SMALL_KL)),
    "NOTICEABLE": Text("bastante", "quite some"),
    "BROKEN": Text("se rompe: {kl} nats o más", "it breaks: {kl} nats or more").format(kl=as_typed(BROKEN_KL)),
}
LOOK = Text("verlo sin adivinar", "see it without guessing")
HIT = Text("Has acertado: «{name}» pierde {kl} nats.", "You were right: “{name}” loses {kl} nats.")
MISS = Text("No: «{name}» pierde {kl} nats, {band}.", "No: “{name}” loses {kl} nats, {band}.")
BANDS = {
    "SMALL": Text("poco", "little"),
    "NOTICEABLE": Text("bastante", "quite some"),
    "BROKEN": Text("roto", "broken"),
}

BIG = Text("Usa «{name}»: {total} y una KL de {kl}.", "Use “{name}”: {total} and a KL of {kl}.")
USE = Text("Usar esta", "Use this one")
WHY = Text("Por qué", "Why")
CHANGES = Text("Qué cambiaría la respuesta", "What would change the answer")
ELSEWHERE = Text("Si lo ejecuta otra cosa", "If something else runs it")
NO_CHANGE = Text(
    "Nada de lo que se puede mover aquí, por sí solo: la respuesta es la misma.",
    "Nothing that can be moved here, by itself: the answer stays.",
)
TABLE = Text("Las candidatas", "The candidates")
TABLE_SAID = Text(
    "De menos a más bytes, contando claves y valores. Apagadas, las que otra de las que cumplen iguala o mejora en todo. La [[KL]] va en [[nats]].",
    "From fewest bytes to most, keys and values included. Faded: those that another that satisfies it equals or beats in everything. [[KL]] is in [[nats]].",
)
HEAD = (
    Text("Receta", "Recipe"),
    Text("KL (nats)", "KL (nats)"),
    Text("Total", "Total"),
    Text("Bits por peso", "Bits a weight"),
)
OTHERS = Text("Las otras {n} que ahí se ejecutan", "The other {n} that run there")
BEST, SECOND, TIED = Text("★ la elegida", "★ the pick"), Text("la segunda", "the runner-up"), Text("empate", "tie")
TOO_LARGE, TOO_LOSSY = Text("no cabe", "does not fit"), Text("pierde más que tu límite", "loses more than your limit")
UNIFORM = Text("sin mezclar, la mejor de sus bytes", "unmixed, the best of its bytes")
OF_WHICH = Text("pesos {weights}", "weights {weights}")
SOURCES = Text("De dónde sale lo que ejecuta cada uno", "Where what each runs is from")
SOURCE = Text("leído en {read}", "read in {read}")
GUIDE = Text(
    "Pesos solos hasta {few} a la vez y también activaciones desde {many}: lo dice {title}.",
    "Weights alone up to {few} at once, activations too from {many} on: so says {title}.",
)
UNMEASURED = Text(
    "Lo que ahí se ejecuta ocuparía esto, que es exacto; lo que pierde hay que medirlo, y aquí no se inventa. "
    "«Usar esta» la carga para verla en las demás pestañas.",
    "What runs there would take this, which is exact; what it loses must be measured, and is not made up here. “Use this "
    "one” loads it, to be seen in the other tabs.",
)
MEASURE = Text("Medirlas en el barrido", "Measure them in the sweep")
SIZED_HEAD = (
    Text("Formato, por redondeo", "Format, by rounding"),
    Text("Total", "Total"),
    Text("¿Cabe?", "Does it fit?"),
)
FITS = {True: Text("sí", "yes"), False: Text("no", "no")}
NONE_FITS = Text("Ninguna cabe.", "None fits.")
DO_NOT_FIT = Text("Las {n} que no caben", "The {n} that do not fit")
NO_FORMAT = Text(
    "Las filas de este modelo no se pueden repartir en los bloques de nada de lo que ahí se ejecuta.",
    "The rows of this model cannot be cut into the blocks of anything that runs there.",
)
