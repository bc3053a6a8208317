"""What the section about activations says."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Activaciones", "Activations")
INTRO = Text(
    "Para multiplicar con enteros no basta con redondear los pesos: también hay que redondear lo que los multiplica, "
    "las [[activaciones]], y eso se hace sobre la marcha, con cada texto. Un solo valor enorme estira la [[escala]] de "
    "todos los que la comparten. Cada cifra es lo que pierde el modelo al redondearlas así; pulsa una y cargas su "
    "[[receta]].",
    "To multiply with integers it is not enough to round the weights: what multiplies them, the "
    "[[activations|activaciones]], has to be rounded too, on the fly, whatever the text. A single huge value stretches "
    "the [[scale|escala]] of all that share it. Each figure is what the model loses when they are rounded that way; "
    "press one and its [[recipe|receta]] is loaded.",
)
WEIGHTS = Text("Bits de los pesos", "Bits of the weights")
WEIGHT_CHOICES = {
    8: Text("8 bits (casi sin pérdida)", "8 bits (almost no loss)"),
    4: Text("4 bits", "4 bits"),
}
KIND = Text("Activaciones · KL media (nats)", "Activations · mean KL (nats)")
ALONE = Text("Sin más", "As they are")
# By the keys of ACTIVATIONS: the row's name, and how the sentence names it.
KINDS = {
    "float": (Text("float32, sin redondear", "float32, not rounded"), Text("float32", "float32")),
    "int8": (Text("8 bits, una escala por token", "8 bits, one scale per token"),
             Text("8 bits por token", "8 bits per token")),
    "int8-tensor": (Text("8 bits, una escala para todo", "8 bits, one scale for all"),
                    Text("8 bits con una escala para todo", "8 bits with one scale for all")),
    "int8-static": (Text("8 bits, una escala fijada al calibrar", "8 bits, one scale fixed by calibration"),
                    Text("8 bits con una escala fija", "8 bits with a fixed scale")),
    "int4": (Text("4 bits, una escala por token", "4 bits, one scale per token"),
             Text("4 bits por token", "4 bits per token")),
    "int4-g32": (Text("4 bits, una escala cada 32", "4 bits, one scale for every 32"),
                 Text("4 bits en grupos de 32", "4 bits in groups of 32")),
    "mxfp4": (Text("MXFP4, una potencia de 2 cada 32", "MXFP4, a power of 2 for every 32"), Text("MXFP4", "MXFP4")),
    "nvfp4": (Text("NVFP4, una escala FP8 cada 16", "NVFP4, an FP8 scale for every 16"), Text("NVFP4", "NVFP4")),
}  # fmt: skip
SURVIVES = Text(
    "Con pesos de {bits} bits, este modelo aguanta {kinds}", "With {bits}-bit weights this model survives {kinds}"
)
SURVIVES_NOTHING = Text(
    "Con pesos de {bits} bits, este modelo no aguanta nada de lo medido",
    "With {bits}-bit weights this model survives nothing of what was measured",
)  # fmt: skip
# What follows a comma, and what comes last.
SUFFERS = Text("se resiente con {kinds}", "suffers with {kinds}")
BREAKS = Text("se rompe con {kinds}", "breaks with {kinds}")
LAST = Text(", y ", ", and ")
BREAKS_NOWHERE = Text(": nada de lo medido lo rompe", ": nothing that was measured breaks it")
FIX = Text(
    " Lo que más ayuda a «{kind}» es «{step}»: su KL baja de {before} a {after} nats{still}.",
    " What helps “{kind}” most is “{step}”: its KL falls from {before} to {after} nats{still}.",
)
STILL_BROKEN = Text(" y sigue roto", " and it is still broken")
NO_FIX = Text(" Ninguna transformación ayuda a «{kind}».", " No transform helps “{kind}”.")
READ = Text("Cómo leer la tabla", "How to read the table")
RULE = Text(
    "«Roto» es lo que dice la regla del veredicto de Métrica: perplejidad al doble, KL de 0,45 nats o coincidencia del "
    "60\N{NARROW NO-BREAK SPACE}%. Debajo de cada cifra, su [[intervalo]] del 95\N{NARROW NO-BREAK SPACE}%. {where}. "
    "Todo menos la primera fila se simula: las activaciones se redondean a los mismos números y se multiplican en "
    "float32, así que el error es el de verdad y la velocidad no (con pesos de 8 bits y una escala por canal, 8 bits "
    "por token sí se multiplica con enteros). La segunda escala de NVFP4 es aquí una por token.",
    "“Broken” is what the rule of the verdict in Metrics says: perplexity doubled, a KL of 0.45 nats, or agreement of "
    "60%. Below each figure is its [[95% interval|intervalo]]. {where}. All but the first row is simulated: activations "
    "are rounded to the same numbers and multiplied in float32, so that the error is the real one and the speed is not "
    "(with weights of 8 bits and one scale per channel, 8 bits per token is multiplied with integers). NVFP4’s second "
    "scale is one per token here.",
)
WHERE = Text("Medido con: {title}, una parte", "Measured on: {title}, a part")
PUBLISHED = Text(
    "Publicado, no medido aquí: el GPT-2 de 124 M sí tiene activaciones enormes en su primera posición, y con 8 bits "
    "por tensor (mínimo y máximo) su perplejidad salta de 29,96 a 6996 (Sparsebit, PR 125).",
    "Published, not measured here: GPT-2 124M does have huge activations at its first position, and with 8 bits per "
    "tensor (minimum and maximum) its perplexity jumps from 29.96 to 6,996 (Sparsebit, PR 125).",
)
NOTHING_YET = Text(
    "De este modelo aún no se ha medido nada: pulsa «{button}».",
    "Nothing of this model has been measured yet: press “{button}”.",
)
NOT_MEASURED = Text("sin medir", "not measured")
MEASURE = Text("Medir todas", "Measure all")
MEASURE_SAID = Text(
    "{n} recetas, una tras otra. Si lo detienes, lo medido se queda, y al volver a pulsar sigue donde iba.",
    "{n} recipes, one after another. If you stop it, what was measured stays, and pressing again goes on from there.",
)
MEASURING = Text("{kind}{step} ({i} de {n}):", "{kind}{step} ({i} of {n}):")
WITH = Text(" con {step}", " with {step}")
MEASURED = Text("Medidas {n} recetas.", "{n} recipes measured.")
LEFT_OUT = Text("{n} no caben en este modelo: {why}", "{n} do not fit this model: {why}")

# ---- one layer

LAYER = Text("Las activaciones de una capa", "The activations of one layer")
LAYER_INTRO = Text(
    "Elige una capa y el modelo original lee {tokens} tokens del texto de [[calibración]]: verás qué tamaño tiene lo "
    "que le entra, token a token y [[canal]] a canal.",
    "Choose a layer and the original model reads {tokens} tokens of the [[calibration|calibración]] text: you will see "
    "how large what comes into it gets, token by token and [[channel|canal]] by channel.",
)
LOOK = Text("Ver sus activaciones", "See its activations")
LOOKING = Text("Leyendo el texto de calibración:", "Reading the calibration text:")
HEAT = Text("Tokens × canales", "Tokens × channels")
CHANNELS = Text("Canal a canal", "Channel by channel")
LAYER_SAID = Text("{layer}: {outliers} {first} {lost}", "{layer}: {outliers} {first} {lost}")
NO_OUTLIERS = Text(
    "ningún canal es atípico; el mayor, el {channel}, llega a {largest}, {times} veces lo que el canal mediano.",
    "no channel is an outlier; the largest, number {channel}, reaches {largest}, {times} times the median channel.",
)
OUTLIERS = Text(
    "{n} canales atípicos de {channels}; el mayor, el {channel}, llega a {largest}, {times} veces lo que el canal "
    "mediano.",
    "{n} outlier channels of {channels}; the largest, number {channel}, reaches {largest}, {times} times the median "
    "channel.",
)
ONE_OUTLIER = Text(
    "un canal atípico de {channels}: el {channel} llega a {largest}, {times} veces lo que el canal mediano.",
    "one outlier channel of {channels}: number {channel} reaches {largest}, {times} times the median channel.",
)
MASSIVE = Text(
    "La primera posición tiene activaciones enormes: {first}, contra {rest} en las demás.",
    "The first position has massive activations: {first}, against {rest} anywhere else.",
)
NOT_MASSIVE = Text(
    "La primera posición no se sale de lo normal: {first}, contra {rest} en las demás.",
    "The first position is nothing out of the ordinary: {first}, against {rest} anywhere else.",
)
LOST = Text(
    "Con una sola escala para todos los tokens, el token mediano desaprovecha {bits} bits de la rejilla.",
    "With a single scale for all tokens, the median token wastes {bits} bits of the grid.",
)
HEAT_CAPTION = Text(
    "Cada punto es el mayor |x| de unos cuantos tokens y canales vecinos. Las rayas verticales son canales grandes en "
    "todos los tokens; las horizontales, tokens grandes en todos los canales.",
    "Each dot is the largest |x| of a few neighbouring tokens and channels. Vertical streaks are channels that are "
    "large in every token; horizontal ones, tokens that are large in every channel.",
)
CHANNELS_CAPTION = Text(
    "La regla: un canal es atípico si su mayor |x| pasa de 6 (el umbral de LLM.int8()) y de {times} veces la mediana "
    "de los mayores de todos los canales.",
    "The rule: a channel is an outlier if its largest |x| is above 6 (LLM.int8()’s threshold) and above {times} times "
    "the median of all channels’ largest.",
)
