"""What the picture of the straight-through estimator says; names in STRINGS are those of training_theory.js."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("¿Cómo aprende un peso redondeado?", "How does a rounded weight learn?")
INTRO = Text(
    "Redondear es una escalera, plana casi en todas partes: un gradiente que la atraviesa vale 0, y así ningún peso "
    "aprendería. El truco del QAT (*straight-through*) es redondear de verdad hacia delante y, hacia atrás, hacer como "
    "si la escalera fuera la línea azul: recta dentro de la [[rejilla]] y plana más allá de sus extremos. Detrás de "
    "cada peso guardado hay otro en float, el *latente*: se desliza a pasos pequeños, y lo guardado solo salta cuando "
    "el latente cruza la mitad entre dos valores.",
    "Rounding is a staircase, flat almost everywhere: a gradient that passes through it is 0, and so no weight would "
    "learn. The trick of QAT (*straight-through*) is to round for real on the way forward and, on the way back, to "
    "pretend that the staircase is the blue line: straight inside the [[grid|rejilla]] and flat beyond its ends. Behind "
    "each stored weight there is another one in float, the *latent* one: it slides by small steps, and what is stored "
    "jumps only when the latent one crosses the middle between two values.",
)
STEP = Text("Un paso", "One step")
AGAIN = Text("Volver a empezar", "Start again")
RATE = Text("Ritmo de aprendizaje:", "Learning rate:")
WANTED = Text("Valor que pide la pérdida:", "Value that the loss asks for:")
TRUE_GRADIENT = Text("Con el gradiente de verdad, que es 0", "With the true gradient, which is 0")
LEARN_SCALE = Text("Aprender también la escala (LSQ)", "Learn the scale too (LSQ)")
MAP = Text(
    "La escalera de 2 bits: cuatro valores. El trazo rojo es el error de redondear.",
    "The staircase of 2 bits: four values. The red stroke is the rounding error.",
)
MAP_LABEL = Text(
    "Escalera del redondeo a cuatro valores, la línea que la sustituye hacia atrás, y el peso sobre las dos",
    "Staircase of rounding to four values, the line that stands in for it on the way back, and the weight on both",
)
TRACE = Text(
    "Lo mismo paso a paso: el latente se desliza, lo guardado salta.",
    "The same step by step: the latent one slides, what is stored jumps.",
)
TRACE_LABEL = Text("El peso latente y el guardado, paso a paso", "The latent weight and the stored one, step by step")
LATENT_AXIS = Text("peso latente w", "latent weight w")
STEPS_AXIS = Text("pasos", "steps")
LEGEND = (
    ("dot", Text("peso latente w", "latent weight w")),
    ("square", Text("peso guardado W", "stored weight W")),
    ("", Text("redondear, hacia delante", "rounding, forward")),
    ("line", Text("lo que se finge hacia atrás", "what is pretended, backward")),
    ("error", Text("error", "error")),
    ("wanted", Text("lo que pide la pérdida", "what the loss asks for")),
)
STRINGS = {
    "play": Text("▶ Entrenar", "▶ Train"),
    "pause": Text("Pausa", "Pause"),
    "many": Text("20 pasos", "20 steps"),
    "figures": Text(
        "Paso {steps}: latente w = {w}, guardado W = {stored}, gradiente que recibe w = {gradient}.",
        "Step {steps}: latent w = {w}, stored W = {stored}, gradient that w receives = {gradient}.",
    ),
    "scale_figures": Text(
        " Escala s = {s}, con gradiente {bys}; crece cuando es negativo.",
        " Scale s = {s}, with gradient {bys}; it grows where that is negative.",
    ),
    "begin": Text(
        "Pulsa «Entrenar»: la pérdida pide {wanted} y lo guardado es {stored}.",
        "Press “Train”: the loss asks for {wanted} and what is stored is {stored}.",
    ),
    "slides": Text(
        "El latente se desliza hacia lo que pide la pérdida; lo guardado sigue en {stored} hasta que cruce la mitad.",
        "The latent weight slides towards what the loss asks for; {stored} stays stored until it crosses the middle.",
    ),
    "jumped": Text(
        "Ha cruzado la mitad entre dos valores: lo guardado ha saltado de {from} a {to}.",
        "It has crossed the middle between two values: what is stored jumped from {from} to {to}.",
    ),
    "between": Text(
        "Va y viene alrededor de la mitad: la pérdida pide {wanted} y ninguno de los dos valores lo es. Oscilar así es "
        "propio del straight-through; un ritmo que baja lo calma.",
        "It goes back and forth about the middle: the loss asks for {wanted}, and neither value is that. To oscillate "
        "so is typical of straight-through; a rate that falls calms it.",
    ),
    "between_scale": Text(
        "Va y viene, y a la vez la escala se estira o se encoge hasta que un valor de la rejilla caiga en {wanted}.",
        "It goes back and forth, and meanwhile the scale stretches or shrinks until a value of the grid falls on "
        "{wanted}.",
    ),
    "outside": Text(
        "El latente se ha salido de la rejilla: ahí fuera el gradiente cuenta como 0, y ya no vuelve aunque la pérdida "
        "pida otra cosa.",
        "The latent weight has left the grid: out there the gradient counts as 0, and it does not come back even if "
        "the loss asks for something else.",
    ),
    "there": Text(
        "Ya está: lo guardado es lo que pide la pérdida, así que el gradiente es 0.",
        "There it is: what is stored is what the loss asks for, so the gradient is 0.",
    ),
    "flat": Text(
        "Bajo el peso la escalera es plana: el gradiente es 0 y, por mucho que entrenes, no se mueve.",
        "Under the weight the staircase is flat: the gradient is 0 and, however long you train, it does not move.",
    ),
    "flat_scale": Text(
        "Bajo el peso la escalera es plana: el latente no se mueve, solo aprende la escala.",
        "Under the weight the staircase is flat: the latent weight does not move, the scale alone learns.",
    ),
}
FORMULAS = Text("Las fórmulas", "The formulas")
INSIDE, OUTSIDE = Text("dentro", "inside"), Text("fuera", "outside")
# Each formula, and what it says; {inside} and {outside} are 1 where it holds and 0 where not.
LINES = (
    (Text("q = limitar(redondear(w / s + z))", "q = clamp(round(w / s + z))"), Text(
        "Hacia delante: el código del peso latente w con escala s y punto cero z, sin salirse de la rejilla.",
        "Forward: the code of the latent weight w with scale s and zero point z, kept on the grid.")),
    (Text("W = (q − z) · s", "W = (q − z) · s"), Text(
        "Lo que se guarda, y por lo que se multiplica.", "What is stored, and what is multiplied by.")),
    (Text("∂L/∂w = ∂L/∂W · [{inside}]", "∂L/∂w = ∂L/∂W · [{inside}]"), Text(
        "Hacia atrás: w recibe el gradiente tal cual dentro de la rejilla y nada fuera.",
        "Backward: w receives the gradient as it is inside the grid and none outside.")),
    (Text("∂L/∂s = ∂L/∂W · (q − z − w / s · [{inside}])", "∂L/∂s = ∂L/∂W · (q − z − w / s · [{inside}])"), Text(
        "La escala (LSQ): dentro cuenta el error de redondear, en pasos de rejilla; fuera, el extremo al que se llegó. "
        "La comparten los pesos de un grupo, y se suman.",
        "The scale (LSQ): inside, the rounding error counts, in steps of the grid; outside, the end that was met. The "
        "weights of a group share it, and are summed.")),
    (Text("∂L/∂z = −∂L/∂W · s · [{outside}]", "∂L/∂z = −∂L/∂W · s · [{outside}]"), Text(
        "El punto cero (LSQ+): solo lo mueven los pesos que se salen.",
        "The zero point (LSQ+): only weights beyond the ends move it.")),
)  # fmt: skip
SOURCES = Text(
    "Straight-through: Bengio y otros, 2013, arXiv:1308.3432. LSQ: Esser y otros, 2020, arXiv:1902.08153. LSQ+: Bhalgat "
    "y otros, 2020, arXiv:2004.09576. En el dibujo L = (W − pedido)² / 2 y los pasos son de descenso de gradiente "
    "sencillo; el entrenamiento de verdad usa AdamW.",
    "Straight-through: Bengio et al. 2013, arXiv:1308.3432. LSQ: Esser et al. 2020, arXiv:1902.08153. LSQ+: Bhalgat et "
    "al. 2020, arXiv:2004.09576. In the picture L = (W − asked)² / 2 and steps are of plain gradient descent; the real "
    "training uses AdamW.",
)
