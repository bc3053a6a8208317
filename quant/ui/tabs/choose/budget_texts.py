"""What the section Presupuesto says."""

from __future__ import annotations

from quant.evaluation.sensitivity import KEYS, VALUES
from quant.text import Text

TITLE = Text("Presupuesto", "Budget")
HEADING = Text("Reparte un presupuesto de bits", "Divide a budget of bits")
INTRO = Text(
    "No todas las matrices duelen igual. Di cuánto puede ocupar el modelo, o cuánto puede perder, y cada una recibe los bits que más cunden: el reparto es exacto, y al lado está siempre la mejor receta que guarda todas igual.",
    "Not all matrices hurt alike. Say how big the model may be, or how much it may lose, and each gets the bits that pay most: the division is exact, and beside it always stands the best recipe that stores all alike.",
)
WANT = Text("¿Qué no puede pasarse?", "What must not be exceeded?")
WANTS = {"size": Text("El tamaño", "The size"), "loss": Text("La pérdida", "The loss")}
MB = Text("Como mucho, en MB", "At most, in MB")
NATS = Text("Como mucho, en nats por token", "At most, in nats a token")
CONTEXT = Text("Contar también claves y valores", "Count keys and values too")
CONTEXTS = {
    0: Text("No: solo los pesos", "No: weights alone"),
    128: Text("De 128 tokens", "Of 128 tokens"),
    512: Text("De 512 tokens", "Of 512 tokens"),
    1024: Text("De 1024 tokens", "Of 1,024 tokens"),
    4096: Text("De 4096 tokens", "Of 4,096 tokens"),
    32768: Text("De 32\N{NARROW NO-BREAK SPACE}768 tokens", "Of 32,768 tokens"),
}
PALETTE = Text("Entre qué formatos", "Among which formats")
STATE = Text("Presupuesto", "Budget")
RUN = Text("Medir", "Measure")
RUN_FIRST = Text("Calcular lo que cuesta cada matriz", "Work out what each matrix costs")
BAD_STATE = Text(
    "El enlace pide un presupuesto que no se entiende: «{got}».",
    "The link asks for a budget that makes no sense: “{got}”.",
)
UNKNOWN = Text(
    "De este modelo aún no se sabe lo que cuesta cada matriz. Se calcula con una pasada hacia atrás por formato, y lleva {ways} cuantizaciones del modelo entero.",
    "What each matrix of this model costs is not known yet. One backward pass for each format works it out; it takes {ways} quantizations of the entire model.",
)
COSTING = Text("Calculando lo que cuesta cada matriz", "Working out what each matrix costs")
MEASURING = Text("Midiendo la mezcla y la receta uniforme", "Measuring the mix and the uniform recipe")
DONE = Text("Medido.", "Measured.")
# The sentence on top, by what is known.
MIX_PREDICTED = Text(
    "En {size} caben {bits} bits por peso, y repartidos así se espera perder {kl} nats.",
    "{size} hold {bits} bits a weight; divided so, {kl} nats should be lost.",
)
MIX_WINS = Text(
    "En {size}, la mezcla pierde {kl} nats y la mejor receta uniforme, {other}: un {less} menos.",
    "Within {size} the mix loses {kl} nats and the best uniform recipe {other}: {less} less.",
)
MIX_TIES = Text(
    "En {size}, la mezcla ({kl} nats) y la mejor receta uniforme ({other}) no se distinguen: quédate con la uniforme.",
    "Within {size} the mix ({kl} nats) and the best uniform recipe ({other}) cannot be told apart: take the uniform one.",
)
MIX_LOSES = Text(
    "En {size}, la mezcla pierde {kl} nats, más que la mejor receta uniforme ({other}): quédate con la uniforme.",
    "Within {size} the mix loses {kl} nats, more than the best uniform recipe ({other}): take the uniform one.",
)
MIX_SAME = Text(
    "En {size}, lo mejor es guardarlas todas igual: {name} pierde {kl} nats.",
    "Within {size} it is best to store all alike: {name} loses {kl} nats.",
)
MIX_ALONE = Text(
    "En {size}, la mezcla pierde {kl} nats; ninguna receta uniforme cabe.",
    "Within {size} the mix loses {kl} nats; no uniform recipe fits.",
)
AS_PREDICTED = Text(
    "Se esperaba {predicted}: la suma de lo que cada matriz cuesta por separado, en otro texto, acierta en un factor de {factor}.",
    "{predicted} was expected: the sum of what each matrix costs alone, on another text, is right within a factor of {factor}.",
)
TABLE = Text("Bits de cada matriz", "Bits of each matrix")
HEAT = Text(
    "Cada casilla dice el formato que recibe; cuanto más oscura, mayor es su parte de la pérdida.",
    "Each cell says the format that it gets; the darker, the larger its share of the loss.",
)
CELL = Text("{where}: {name}, {kl} nats ({share} de la pérdida)", "{where}: {name}, {kl} nats ({share} of the loss)")
SIDES = {KEYS: Text("las claves", "the keys"), VALUES: Text("los valores", "the values")}
THE_TABLE = Text("la tabla de tokens", "the token table")
CACHE_BITS = Text("{n} bits", "{n} bits")
HEAD = (
    Text("Receta", "Recipe"), Text("Tamaño", "Size"), Text("KL prevista", "KL expected"), Text("KL medida", "KL measured"),
)  # fmt: skip
MIX = Text("Mezcla", "Mix")
UNIFORM = Text("Todas {name}", "All {name}")
NOT_YET = Text("sin medir", "not measured")
USE = Text("Usarla", "Use it")
BITS_EACH = Text("{bits} bits por peso", "{bits} bits a weight")
HOW_MEASURED = Text(
    "Lo que cuesta cada matriz se midió de una en una, grabado con el modelo incluido, en un texto de calibración; lo medido es de {text}.",
    "What each matrix costs was measured one at a time, recorded with the built-in model, on a calibration text; what is measured is of {text}.",
)
HOW_ESTIMATED = Text(
    "Lo que cuesta cada matriz se estimó aquí, con el gradiente por el cambio, en un texto de calibración; lo medido es de {text}.",
    "What each matrix costs was estimated here, by gradient times change, on a calibration text; what is measured is of {text}.",
)
NAMES = {f"int{bits}": Text(f"{bits} bits", f"{bits} bits") for bits in (2, 3, 4, 5, 6, 8)}
