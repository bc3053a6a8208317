"""Recorrido de 10 minutos: six questions, the reasons, and what surrounds them."""

from __future__ import annotations

from quant.text import Text

TOUR = Text("Recorrido de 10 minutos", "10-minute tour")
TOUR_ABOUT = Text(
    "Seis preguntas, cinco pestañas: adivina antes de mirar.",
    "Six questions through the five tabs: guess before you look.",
)
TOUR_RESUME = Text("Seguir el recorrido (paso {step} de {steps})", "Resume the tour (step {step} of {steps})")
TOUR_AGAIN = Text("Repetir el recorrido", "Take the tour again")
TOUR_STEP = Text("Paso {step} de {steps}", "Step {step} of {steps}")
TOUR_OPTIONS = Text("Respuestas posibles", "Possible answers")
TOUR_CLOSE = Text("Cerrar el recorrido; se guarda por dónde vas", "Close the tour; your place is kept")
TOUR_BACK = Text("← Anterior", "← Back")
TOUR_SKIP = Text("Saltar →", "Skip →")
TOUR_NEXT = Text("Siguiente →", "Next →")
TOUR_END = Text("Terminar →", "Finish →")
TOUR_RIGHT = Text("Has acertado.", "You got it.")
TOUR_WRONG = Text("Esta vez no.", "Not this time.")
TOUR_MARK_RIGHT = Text("✓ es esta", "✓ this one")
TOUR_MARK_WRONG = Text("✗ tu respuesta", "✗ your answer")
TOUR_DONE = Text("Has acertado {score} de {steps}", "You got {score} of {steps}")
TOUR_KEPT = Text("Lo que te llevas:", "What you take away:")
TOUR_MEASURE = Text("Mide tu propia receta →", "Measure a recipe of your own →")

BITS_QUESTION = Text(
    "¿Con cuántos bits por peso empieza este modelo a decir disparates?",
    "At how many bits per weight does this model start to talk nonsense?",
)
BITS_OPTION = Text("{bits} bits", "{bits} bits")
BITS_WHY = Text(
    "Con {above} bits todavía se le entiende. Con {bits}, después de «{prompt}» escribe «{said}», y la [[perplejidad]] "
    "se multiplica por {factor}.",
    "With {above} bits it still makes sense. With {bits}, after “{prompt}” it writes “{said}”, and [[perplexity|perplejidad]] is "
    "multiplied by {factor}.",
)
BITS_LOOK = Text(
    "Mueve el control grande de 8 a 2 y mira en qué parada se estropea el texto.",
    "Move the big slider from 8 to 2 and see at which stop the text falls apart.",
)

FLOATS_QUESTION = Text(
    "FP16 y BF16 ocupan lo mismo, 16 bits. ¿Qué pierde BF16 frente a FP16?",
    "FP16 and BF16 take the same room, 16 bits. What does BF16 lose against FP16?",
)
FLOATS_OPTIONS = {
    "precision": Text("Precisión: guarda menos cifras", "Precision: it keeps fewer digits"),
    "range": Text("Alcance: se queda antes en infinito", "Range: it reaches infinity sooner"),
    "nothing": Text("Nada: solo cambia el nombre", "Nothing: only the name differs"),
}
FLOATS_WHY = Text(
    "BF16 reparte sus bits de otra forma: {exponent} de exponente y {mantissa} de mantisa, frente a {exponent_fp16} y "
    "{mantissa_fp16} de FP16. Entre 1 y 2 distingue {values} números y FP16, {values_fp16}. A cambio llega hasta "
    "{largest}, casi tanto como FP32; FP16 se acaba en {largest_fp16}, y después viene el infinito. Para entrenar importa más llegar lejos "
    "y por eso se usa BF16.",
    "BF16 spends its bits differently: {exponent} on the exponent and {mantissa} on the mantissa, where FP16 has "
    "{exponent_fp16} and {mantissa_fp16}. Between 1 and 2 it tells {values} numbers apart and FP16 {values_fp16}. In "
    "return it reaches {largest}, nearly as far as FP32; FP16 ends at {largest_fp16}, and after that comes infinity. Reach matters more in "
    "training, which is why BF16 is used there.",
)
FLOATS_LOOK = Text(
    "Escribe 70000 y después 0,1: mira qué guarda cada tarjeta.",
    "Type 70000, then 0.1: see what each card stores.",
)

SCALES_QUESTION = Text(
    "Con 4 bits, una sola escala para toda la matriz o una para cada 64 pesos: ¿cuántas veces menor es el error con grupos?",
    "With 4 bits, one scale for the whole matrix or one for every 64 weights: how many times smaller is the error with groups?",
)
SCALES_OPTION = Text("Unas {times} veces menor", "About {times} times smaller")
SCALES_SAME = Text("Casi igual: son los mismos bits", "About the same: the bits are the same")
SCALES_WHY = Text(
    "En la capa que ves, el error típico baja del {coarse} al {fine} del peso típico: unas {times} veces. Una sola [[escala]] tiene "
    "que llegar hasta el peso más grande de toda la matriz, y su [[rejilla]] queda gruesa para los demás; en un grupo solo "
    "manda el mayor de 64. Cuesta {extra} bits más por peso: los de guardar las escalas.",
    "In the layer below, the typical error falls from {coarse} to {fine} of a typical weight: about {times} times. A single [[scale|escala]] has to "
    "reach the largest weight of the whole matrix, and its [[grid|rejilla]] is coarse for the others; in a group only the largest "
    "of 64 rules. It costs {extra} bits more per weight: those that store the scales.",
)
SCALES_LOOK = Text(
    "Cambia en la receta entre matriz y grupos, y compara el error de la capa.",
    "Switch between matrix and groups in the recipe, and compare the layer’s error.",
)

SAME_QUESTION = Text(
    "Los dos modelos siguen el principio «{prompt}». Con 8 bits por peso, ¿escribe el cuantizado lo mismo que el original?",
    "Both models continue “{prompt}”. With 8 bits per weight, does the quantized one write the same as the original?",
)
SAME_OPTIONS = {
    "all": Text("Sí, letra por letra", "Yes, letter by letter"),
    "some": Text("Empieza igual y luego se separa", "It begins alike and then parts"),
    "none": Text("No, otra cosa desde el principio", "No, something else from the start"),
}
SAME_WHY = Text(
    "De {total} caracteres, los {same} primeros son iguales con 8 bits; con 5 bits, {same_five}; con 4, {same_four}; con 2, {same_two}. "
    "Pero que se separen antes o después no mide nada: con otro principio, dos palabras casi empatadas cambian de orden "
    "y el resto ya es otro texto. Por eso la nota se pone en Métrica.",
    "Of {total} characters the first {same} are equal with 8 bits; with 5 bits, {same_five}; with 4, {same_four}; with 2, {same_two}. But "
    "parting sooner or later measures nothing: after another beginning, two words that are nearly tied change places and "
    "the rest is another text. That is why the mark is given in Metrics.",
)
SAME_LOOK = Text(
    "Escribe tú un principio y compara los dos textos.", "Type a beginning of your own and compare both texts."
)

FACTOR_QUESTION = Text(
    "Ahora 4 bits, pero con una sola escala por matriz. ¿Por cuánto se multiplica la perplejidad?",
    "Now 4 bits, but with one scale for each matrix. By how much is perplexity multiplied?",
)
FACTOR_OPTION = Text("Por {factor}", "By {factor}")
FACTOR_WHY = Text(
    "Pasa de {original} a {coarse}: roto. Con los mismos 4 bits en grupos de 64 queda en {fine} (un {rise} más), y "
    "el modelo solo crece de {bytes_coarse} a {bytes_fine}. Cómo se reparten las escalas pesa más que un bit: con 3 bits "
    "en grupos la perplejidad es {three}.",
    "It goes from {original} to {coarse}: broken. With the same 4 bits in groups of 64 it is {fine} ({rise} more), and "
    "the model only grows from {bytes_coarse} to {bytes_fine}. How scales are shared out counts for more than a bit: with "
    "3 bits in groups perplexity is {three}.",
)
FACTOR_LOOK = Text(
    "Mide esta receta: deberías ver las mismas cifras.",
    "Measure this recipe: you should see the same figures.",
)

BUDGET_QUESTION = Text(
    "El modelo no puede pasar de {budget}. ¿Qué receta eliges?",
    "The model may take {budget} at most. Which recipe do you choose?",
)
BUDGET_OPTION = Text("{bits} bits, {granularity}", "{bits} bits, {granularity}")
BUDGET_GRANULARITIES = {
    "tensor": Text("una escala por matriz", "one scale a matrix"),
    "group": Text("grupos de {group}", "groups of {group}"),
}
BUDGET_TABLE = Text("{recipe}, y también la tabla de tokens", "{recipe}, and the token table too")
BUDGET_WHY = Text(
    "Ocupa {size} y es la única de las cuatro que cabe. Con 2 bits y la tabla en float32 son {small}: la [[tabla de tokens|tabla]] "
    "sola ocupa {table}. Cuantizarla también sube la perplejidad un {rise} en vez de un {rise_without}. Antes de bajar "
    "más bits, mira qué se queda sin cuantizar.",
    "It takes {size} and is the only one of the four that fits. With 2 bits and the table in float32 it is {small}: the "
    "[[token table|tabla]] alone takes {table}. Quantizing it too raises perplexity by {rise} instead of {rise_without}. Before you take "
    "more bits away, look at what is not quantized.",
)
BUDGET_LOOK = Text(
    "Mira los puntos de la figura: más a la izquierda, más pequeño; más abajo, mejor.",
    "Look at the points of the figure: further left is smaller, lower is better.",
)

KEPT = (
    Text(
        "Con 8 bits la perplejidad de este modelo sube un {rise}; con {bits}, se multiplica por {factor}.",
        "With 8 bits this model’s perplexity rises by {rise}; with {bits}, it is multiplied by {factor}.",
    ),
    Text(
        "Con los mismos 4 bits, una escala para cada 64 pesos en vez de una por matriz lleva la perplejidad de {coarse} a {fine}.",
        "With the same 4 bits, a scale for every 64 weights instead of one a matrix takes perplexity from {coarse} to {fine}.",
    ),
    Text(
        "Lo que no se cuantiza también pesa: con la tabla de tokens, de {without} a {size}.",
        "What is not quantized weighs too: with the token table, from {without} to {size}.",
    ),
)
