"""The section De PTQ a QAT: its controls, and what it says of a training."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("De PTQ a QAT", "From PTQ to QAT")
INTRO = Text(
    "Cuantizar lo que ya está entrenado es PTQ. Si con tan pocos bits se pierde demasiado, el modelo puede seguir "
    "aprendiendo *ya cuantizado* (QAT): en cada paso usa los pesos redondeados y corrige los que hay detrás. Míralo aquí, "
    "en vivo.",
    "To quantize what is trained already is PTQ. Where so few bits lose too much, the model can go on learning *while it "
    "is quantized* (QAT): each step uses the rounded weights and corrects those behind them. Watch it here, live.",
)
BITS = Text("Bits por peso", "Bits per weight")
BITS_INFO = Text("1,58 son tres valores: −1, 0 y 1; 2 sin cero, cuatro: ±0,5 y ±1,5",
                 "1.58 are three values: −1, 0 and 1; 2 without zero, four: ±0.5 and ±1.5")  # fmt: skip
BIT_NAMES = {
    "1": Text("1 (binario)", "1 (binary)"), "1.58": Text("1,58 (ternario)", "1.58 (ternary)"),
    "2m": Text("2 sin cero", "2 without zero"), "2": Text("2", "2"), "3": Text("3", "3"), "4": Text("4", "4"),
}  # fmt: skip
SECONDS = Text("Segundos de entrenamiento", "Seconds of training")
SECONDS_INFO = Text("solo cuenta entrenar, no medir", "training alone counts, not measuring")
FOLD = Text("Qué aprende, de qué y desde dónde", "What it learns, from what, and from where")
LEARN = Text("Qué aprende", "What is learned")
LOSS = Text("Qué se le pide en cada paso", "What each step asks of it")
START = Text("Desde dónde empieza (con 2, 3 y 4 bits)", "Where it starts (at 2, 3 and 4 bits)")
STARTS = {
    "search": Text("Redondeo con la mejor escala", "Rounding with the best scale"),
    "rtn": Text("Redondeo con punto cero", "Rounding with a zero point"),
    "gptq": Text("GPTQ", "GPTQ"),
}
TEXT = Text("Con qué texto", "On which text")
TEXTS = {
    "training_sample": Text("Una muestra de su entrenamiento", "A sample of its training texts"),
    "own": Text("Uno mío", "One of mine"),
}
OWN = Text("Tu texto, si eliges «Uno mío»", "Your text, if you choose “One of mine”")
OWN_INFO = Text(
    "Unas dos mil letras o más; nunca se mide con él. Lo guarda tu navegador; este servidor lo usa para entrenar y lo "
    "olvida al apagarse.",
    "Some two thousand letters or more; nothing is measured on it. Your browser keeps it; this server trains on it, and "
    "forgets it when it stops.",
)
RATE = Text("Ritmo de aprendizaje", "Learning rate")
RATE_USUAL = Text("el habitual", "the usual")
SEED = Text("Semilla", "Seed")
TABLE = Text("También la tabla de tokens", "The token table too")
ACTIVATIONS = Text("Activaciones de 8 bits, una escala por token", "8-bit activations, one scale per token")
STATE = Text("Entrenamiento elegido", "Chosen training")
RUN = Text("Entrenar", "Train")
GO_ON = Text("Seguir", "Go on")
GO_ON_FOR = Text("Seguir {n} s más", "Go on for {n} s")
BAD_STATE = Text("De este entrenamiento no se entiende «{got}».", "This training is not understood: “{got}”.")

STARTING = Text("Cuantizando y midiendo el punto de partida:", "Quantizing, and measuring where it starts:")
TRAINING = Text("Entrenando: {seconds} s de {total}, paso {step}.", "Training: {seconds} s of {total}, step {step}.")
EMPTY = Text(
    "Pulsa «Entrenar»: {bits} bits por peso guardados, {seconds} segundos. La primera imagen sale en cuanto se mide lo que "
    "pierde PTQ.",
    "Press “Train”: {bits} bits per weight as stored, {seconds} seconds. The first picture comes once what PTQ loses is "
    "measured.",
)
RECOVERED = Text(
    "Tras {seconds} s y {steps} ha recuperado el {share}\N{NARROW NO-BREAK SPACE}% de lo que PTQ perdió: la KL baja de {first} a "
    "{last} nats y la perplejidad, de {before} a {after} (la del original es {float}).",
    "After {seconds} s and {steps} it has won back {share}% of what PTQ lost: KL falls from {first} to {last} nats, "
    "and perplexity from {before} to {after} (the original’s is {float}).",
)
WORSE = Text(
    "Tras {seconds} s y {steps} pierde más que PTQ: la KL sube de {first} a {last} nats. Prueba con un ritmo menor, "
    "o con más segundos.",
    "After {seconds} s and {steps} it loses more than PTQ: KL rises from {first} to {last} nats. Try a lower rate, "
    "or more seconds.",
)
HARDLY = Text(
    "Tras {seconds} s y {steps} casi no se nota: la KL pasa de {first} a {last} nats. PTQ ya pierde muy poco aquí, y "
    "no hace falta QAT.",
    "After {seconds} s and {steps} it hardly shows: KL goes from {first} to {last} nats. PTQ loses very little here "
    "already, and QAT is not needed.",
)
SLOW = Text(
    "Tras {seconds} s y {steps} aún no se nota: la KL pasa de {first} a {last} nats. Necesita más pasos.",
    "After {seconds} s and {steps} it does not show yet: KL goes from {first} to {last} nats. It takes more steps.",
)
BEGINS = Text(
    "De aquí parte: PTQ pierde {first} nats de KL y deja la perplejidad en {before} (la del original es {float}).",
    "This is where it starts: PTQ loses {first} nats of KL, and perplexity is {before} (the original’s is {float}).",
)
NOT_A_TEST = Text(
    "Medido con unos {tokens} tokens de la enciclopedia, que no están en lo que aprende. La cifra con su intervalo la da "
    "Métrica, con el modelo entrenado puesto.",
    "Measured on some {tokens} tokens of the encyclopedia, which are not in what it learns from. Metrics gives the figure "
    "with its interval, once the trained model is the live one.",
)
LOSS_TITLE = Text("Pérdida de cada paso (nats)", "Loss of each step (nats)")
LOSS_SAID = {
    "distillation": Text(
        "Cuánto se aparta del original en los trozos que le tocan.",
        "How far it is from the original on the parts it reads.",
    ),
    "language": Text("Cuánto le sorprende el token siguiente.", "How much the next token surprises it."),
}
NO_LOSS = Text("Aún no ha dado ningún paso.", "No step has been made yet.")
KL_TITLE = Text("KL con el original, texto aparte (nats)", "KL to the original, text held out (nats)")
KL_SAID = Text(
    "Cada cuadrado es una medida; abajo está el original.", "Each square is a measurement; the original is at the foot."
)
PERPLEXITY_TITLE = Text("Perplejidad, texto aparte", "Perplexity, text held out")
PERPLEXITY_SAID = Text("Eje logarítmico: más abajo, menos duda.", "Logarithmic axis: lower hesitates less.")
PLACES_TITLE = Text("Los pesos · {layer}", "The weights · {layer}")
PLACES_SAID = Text(
    "Las rayas son los valores que se pueden guardar; de puntos, cómo empezaron. {near}\N{NARROW NO-BREAK SPACE}% está a menos de un cuarto "
    "de paso de uno (al empezar, {before}\N{NARROW NO-BREAK SPACE}%).",
    "The lines are the values that can be stored; dotted, how they began. {near}% lie within a quarter of a step of one "
    "({before}% at the start).",
)
PLACES_STILL = Text(
    "Aquí solo se mueven las escalas: cada peso sigue en su código.",
    "Only scales move here: each weight keeps its code.",
)
BEFORE = Text("PTQ: antes de entrenar", "PTQ: before training")
NOW = Text("Ahora: {n}", "Now: {n}")
ORIGINAL = Text("Original", "Original")
MARKED = Text("Subrayado: lo que no dice el original.", "Underlined: what the original does not say.")
USE = Text("Usar este modelo", "Use this model")
USE_SAID = Text(
    "{n}. Pasa a ser el modelo de todas las pestañas, del archivo y del enlace.",
    "{n}. It becomes the model of every tab, of the file and of the link.",
)
USE_OWN = Text(
    "{n}. Pasa a ser el modelo de todas las pestañas y del archivo; su enlace solo vale mientras este servidor "
    "recuerde tu texto.",
    "{n}. It becomes the model of every tab and of the file; its link works for as long as this server remembers "
    "your text.",
)
USE_NOT = Text(
    "{n}. El panel de la receta no puede decir esta combinación, así que se queda en esta sección.",
    "{n}. The drawer of the recipe has no words for this combination, so it stays in this section.",
)
LADDER_TITLE = Text("Los peldaños, con los mismos bytes", "The rungs, at equal bytes")
LADDER_SAID = Text(
    "Lo que has entrenado aquí con estos bits, al lado de donde empezó, de menos a más pérdida. Cambia qué aprende o de "
    "qué en «Qué aprende, de qué y desde dónde», entrena otra vez y compara.",
    "What has been trained here at these bits, beside where it started, least loss first. Change what it learns or from "
    "what under “What it learns, from what, and from where”, train again and compare.",
)
LADDER_HEAD = (
    Text("Peldaño", "Rung"), Text("Tiempo", "Time"), Text("KL (nats)", "KL (nats)"), Text("Perplejidad", "Perplexity"),
    Text("Recuperado", "Won back"),
)  # fmt: skip
LADDER_PTQ = Text("PTQ: {start}", "PTQ: {start}")
LADDER_RUNG = Text("{learn}, {loss}", "{learn}, {loss}")
LADDER_FROM = Text("desde {start}; {text}, semilla {seed}", "from {start}; {text}, seed {seed}")
LADDER_TIME = Text("{seconds} s · {steps}", "{seconds} s · {steps}")
EXPORT_TITLE = Text("El fallo típico: exportar a otra rejilla", "The usual mistake: exporting to another grid")
EXPORT_SAID = Text(
    "El entrenamiento deja cada peso en un valor de *su* rejilla. Si luego se guarda con otra (otra herramienta, otro "
    "formato), se redondea otra vez y nadie ha aprendido a vivir con eso. Mídelo con el modelo que acabas de entrenar.",
    "Training leaves each weight at a value of *its* grid. Stored by another one (another tool, another format) it is "
    "rounded once more, and nothing has learned to live with that. Measure it on the model that you have just trained.",
)
EXPORT_RUN = Text("Exporta a otra rejilla", "Export to another grid")
EXPORT_FIRST = Text(
    "Entrena antes unos segundos: aún no hay nada que exportar.",
    "Train for some seconds first: there is nothing to export yet.",
)
EXPORT_NOTHING = Text("El entrenamiento no ha dado aún ningún paso.", "The training has not made a step yet.")
EXPORTING = Text("Guardando en otras rejillas ({i} de {n}):", "Storing on other grids ({i} of {n}):")
EXPORT_HEAD = (
    Text("Guardado como", "Stored as"), Text("KL del entrenado", "KL, trained"), Text("KL de PTQ ahí", "KL of PTQ there"),
)  # fmt: skip
EXPORT_OWN = Text("{name} (su rejilla)", "{name} (its own grid)")
EXPORT_WORST = Text(
    "Entrenado para «{own_name}» y guardado como «{name}», pierde {moved} nats en vez de {own}{beside}.",
    "Trained for “{own_name}” and stored as “{name}” it loses {moved} nats instead of {own}{beside}.",
)
EXPORT_LOST = Text(
    ", más que PTQ sin entrenar ({rounded}): lo aprendido se pierde",
    ", more than PTQ without any training ({rounded}): what was learned is lost",
)
EXPORT_LESS = Text("; PTQ sin entrenar pierde ahí {rounded}", "; PTQ without training loses {rounded} there")
EXPORT_SAFE = Text(
    " Donde la otra rejilla puede guardar esos mismos valores, apenas se pierde: «{name}», {moved}.",
    " Where the other grid can hold those very values, hardly anything is lost: “{name}”, {moved}.",
)
STEPS = Text("{n} pasos", "{n} steps")
ONE_STEP = Text("1 paso", "1 step")
ANEW = Text(
    "De aquel entrenamiento ya no queda aquí más que la figura: ha empezado otra vez desde PTQ.",
    "Of that training only its picture was left here: it has begun again from PTQ.",
)
