"""What the section about recorded trainings says, and when quantizing without training is enough."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("¿Hasta dónde llega el QAT?", "How far does QAT go?")
INTRO = Text(
    "Entrenamientos largos de este mismo modelo, ya hechos y grabados: así ves el final del camino sin esperar. "
    "Elige los bits y mueve el tiempo; lo que ves son la [[KL]], lo que el modelo escribe y sus pesos en ese momento.",
    "Long trainings of this very model, made before and recorded: so you see the end of the road without waiting. "
    "Choose the bits and move the time; you see the [[KL divergence|KL]], what the model writes and its weights at that "
    "moment.",
)
NOTHING = Text(
    "Aún no hay entrenamientos largos grabados con los pesos de este modelo.",
    "No long trainings of this model’s weights are recorded yet.",
)
OTHERS = Text("No se enseñan entrenamientos grabados: {problem}", "No recorded trainings are shown: {problem}")
RUN = Text("Bits por peso de lo entrenado", "Bits per weight of what was trained")
BITS = Text("{bits} bits", "{bits} bits")
ONE_BIT = Text("1 bit", "1 bit")
MIDRISE, MIDRISE_BITS = Text("2 (sin cero)", "2 (without zero)"), Text("2 bits sin cero", "2 bits without zero")
METHODS = {"rounding": Text("redondeo", "rounding"), "gptq": Text("GPTQ", "GPTQ"), "qat": Text("QAT", "QAT")}
LEGEND = (("", Text("QAT, grabado", "QAT, recorded")), ("at", Text("el momento elegido", "the moment chosen")))
TIME = Text("Tiempo de entrenamiento:", "Training time:")
AT = Text(
    "{seconds}, paso {step}: KL {kl}, perplejidad {perplexity}",
    "{seconds}, step {step}: KL {kl}, perplexity {perplexity}",
)
AT_START = Text("Sin entrenar: KL {kl}, perplejidad {perplexity}", "Before training: KL {kl}, perplexity {perplexity}")
SECONDS = Text("{n} s", "{n} s")
MINUTES = Text("{n} min", "{n} min")
CURVE = Text(
    "La curva se mide de vez en cuando con el modelo empaquetado, sobre un trozo de un texto con el que no se "
    "entrena; las líneas y el cuadrado del final, sobre el texto entero.",
    "The curve is measured now and then on the packed model, on a part of a text that it never trains on; the lines "
    "and the square at the end, on the entire text.",
)
HALF = Text(
    "La mitad de lo que gana llega en {half} de {all}.", "Half of what it gains is there after {half} of {all}."
)
TO_ZERO = Text(
    "Aquí el ritmo de aprendizaje baja poco a poco hasta cero: por eso la KL sigue cayendo al final, cuando los pesos "
    "dejan de saltar de un valor a otro.",
    "Here the learning rate falls slowly to zero: so the KL goes on falling at the end, when weights cease to jump from "
    "one value to another.",
)
WROTE = {
    "original": Text("El original", "The original"), "start": Text("Cuantizado, sin entrenar", "Quantized, untrained"),
    "now": Text("En este momento", "At this moment"),
}  # fmt: skip
PLACES = Text("Pesos latentes de una capa sobre su rejilla", "Latent weights of a layer on their grid")
PLACES_LABEL = Text(
    "Histograma de los pesos latentes de una capa; las rayas son los valores de la rejilla",
    "Histogram of the latent weights of a layer; the lines are the values of the grid",
)
PLACES_SAID = Text(
    "Las rayas son los valores que se pueden guardar: cada peso pasa al más cercano. Los que se salen están en las "
    "barras de los extremos.",
    "The lines are the values that can be stored: each weight moves to the nearest. Those beyond are in the bars at the "
    "ends.",
)
USE = Text("Usar este modelo", "Use this model")

WORTH = Text("¿Cuándo basta el PTQ y cuándo merece la pena el QAT?", "When is PTQ enough, and when is QAT worth it?")
LEAD_ENOUGH = Text(
    "Con este modelo el PTQ basta hasta los {bits} bits.", "With this model PTQ is enough down to {bits} bits."
)
LEAD_NEVER = Text("Con este modelo el PTQ no basta con ningún número de bits de la tabla.",
                  "With this model PTQ is enough at none of the bits in the table.")  # fmt: skip
LEAD_WORTH = Text(" El QAT gana, más allá del azar, a {bits}.", " QAT wins, beyond chance, at {bits}.")
LEAD_LOST = Text(
    " El QAT grabado no gana más allá del azar con ningún número de bits.",
    " The recorded QAT wins beyond chance at none of the bits.",
)
ENOUGH = Text(
    "A {bits}, {method} pierde {kl} nats: no pasa de los {limit} de una pérdida pequeña, así que aquí el QAT no hacía "
    "falta.",
    "At {bits}, {method} loses {kl} nats: no more than the {limit} of a small loss, so QAT was not needed here.",
)
ENOUGH_TRIED = Text(
    " El QAT, tras {seconds}, se queda en {qat}: {how}.", " QAT, after {seconds}, ends at {qat}: {how}."
)
HOW_LESS, HOW_MORE = Text("menos, pero de un error que ya era pequeño", "less, of an error that was small already"), Text(
    "peor", "worse"
)  # fmt: skip
HOW_SAME = Text("no se distingue", "a tie")
GPTQ_LEAVES = Text("A {bits}, {method} deja {kl} nats{took}; ", "At {bits}, {method} leaves {kl} nats{took}; ")
TOOK = Text(" en {seconds}", " in {seconds}")
PAYS = Text(
    "el QAT los baja a {qat} tras {seconds}: gana {won} nats, a {price} de entrenamiento por cada nat. {left}",
    "QAT brings them down to {qat} after {seconds}: it wins {won} nats, at {price} of training for each nat. {left}",
)
LEFT = {
    "small": Text("Lo que queda es una pérdida pequeña.", "What is left is a small loss."),
    "noticeable": Text("Lo que queda aún se nota.", "What is left is still noticeable."),
    "broken": Text(
        "Aun así sigue en la zona de lo roto (desde {limit}).", "Even so it is still in the broken zone (from {limit})."
    ),
}
TIES = Text(
    "el QAT, tras {seconds}, deja {qat}: no se distingue, porque sus intervalos se tocan. No compensa el tiempo.",
    "QAT, after {seconds}, leaves {qat}: a tie, since their intervals touch. Not worth its time.",
)
LOSES = Text(
    "el QAT, tras {seconds}, deja {qat}: pierde más. Con ese tiempo no le basta.",
    "QAT, after {seconds}, leaves {qat}: it loses more. That time is not enough for it.",
)
UNKNOWN = Text(
    "es más que una pérdida pequeña ({limit}), y ahí no hay un QAT grabado: pruébalo tú en vivo, más arriba.",
    "that is more than a small loss ({limit}), and no QAT is recorded there: try it live, further up.",
)
AND = Text(" y ", " and ")
HEAD = {
    "bits": Text("Bits", "Bits"), "rounding": Text("Redondeo", "Rounding"), "gptq": Text("GPTQ", "GPTQ"),
    "qat": Text("QAT", "QAT"), "size": Text("Tamaño", "Size"),
}  # fmt: skip
BITS_EACH = Text("{bits} bits por peso", "{bits} bits per weight")
PERPLEXITY = Text("perpl. {perplexity}", "perpl. {perplexity}")
TIED = Text("empate", "tie")
READ = Text(
    "En cada casilla, la KL en nats sobre el texto entero, en negrita la menor de cada fila; debajo, su intervalo del "
    "95 %, la perplejidad y lo que tardó en la máquina que lo grabó. Los tres ocupan los mismos bytes. «Empate»: su "
    "intervalo toca el de la menor. «—»: no está grabado, o ese método no admite ese formato.",
    "In each cell, KL in nats on the entire text, the least of each row in bold; below, its 95% interval, the "
    "perplexity, and how long it took on the machine that recorded it. All three take the same bytes. “Tie”: its "
    "interval touches that of the least. “—”: not recorded, or the method does not take that format.",
)
PUBLISHED = Text("Lo que han publicado otros, con otros modelos", "What others have published, of other models")
PUBLISHED_LABEL = Text("publicado", "published")
OF_OTHERS = (
    (
        Text(
            "Llama-3.2-1B a 2 bits, perplejidad: original 14,0; PTQ 11551; QAT (ParetoQ) 18,3.",
            "Llama-3.2-1B at 2 bits, perplexity: original 14.0; PTQ 11,551; QAT (ParetoQ) 18.3.",
        ),
        "ubergarm, ParetoQ, Hugging Face",
    ),
    (
        Text(
            "Entre 3 y 2 bits cambia la clase de aprendizaje: de 3 para arriba los modelos entrenados se quedan cerca "
            "del original; a 2 o menos, lo que representan por dentro cambia mucho.",
            "Between 3 and 2 bits the kind of learning changes: at 3 and above trained models stay close to the "
            "original; at 2 or fewer what they represent inside changes a lot.",
        ),
        "ParetoQ, arXiv:2502.02631",
    ),
    (
        Text(
            "Entrenar solo las escalas y los puntos cero, con 5 bits por peso en Qwen3-0.6B, perplejidad: original "
            "9,97; redondeo 11,92; GPTQ 11,41; escalas entrenadas 10,87.",
            "Training scales and zero points only, at 5 bits a weight on Qwen3-0.6B, perplexity: original 9.97; "
            "rounding 11.92; GPTQ 11.41; trained scales 10.87.",
        ),
        "mlx-lm, PR 279",
    ),
    (
        Text(
            "Entrenar en una rejilla y exportar a otra costó 0,17 bits por byte; exportar a la misma, 0,044.",
            "Training on one grid and exporting to another cost 0.17 bits per byte; exporting to the same one, 0.044.",
        ),
        "parameter-golf, PR 1773",
    ),
)
