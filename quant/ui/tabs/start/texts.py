"""Inicio."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Inicio", "Start")
START_HEADING = Text("Qué es cuantizar, en cinco frases", "What quantization is, in five sentences")
START_SENTENCES = [
    Text(
        "Un modelo de lenguaje es, ante todo, una lista larguísima de números: sus **pesos**.",
        "A language model is, above all, a very long list of numbers: its **weights**.",
    ),
    Text(
        "**Cuantizar** es guardar cada peso con menos bits: en lugar de 32 bastan 8, 4 o incluso menos.",
        "To **quantize** is to store each weight in fewer bits: instead of 32, 8 or 4 will do, or even fewer.",
    ),
    Text(
        "Para eso se elige una **rejilla** de pocos valores y cada peso se lleva al más cercano; esa distancia es el "
        "**error**.",
        "For that, a **grid** of a few values is chosen and each weight moves to the nearest; how far it moves is the "
        "**error**.",
    ),
    Text(
        "Con menos bits el modelo ocupa menos y hay menos que leer de la memoria por cada palabra, pero cada redondeo "
        "borra un poco de lo que aprendió.",
        "With fewer bits the model is smaller and there is less to read from memory for each word, but every rounding "
        "wipes out a little of what it learned.",
    ),
    Text(
        "La pregunta es siempre la misma: **¿cuántos bits puedo quitar antes de que se note?** Aquí la respondes tú.",
        "The question is always the same: **how many bits can I take away before it shows?** Here you answer it.",
    ),
]
START_PICTURE = Text("Míralo en pesos de verdad", "See it on real weights")
START_LEGEND = [
    Text("peso original", "original weight"),
    Text("valor de la rejilla", "grid value"),
    Text("error", "error"),
]
START_CAPTION = Text(
    "Los primeros {n} pesos de «{layer}». Con códigos de {bits} bits la rejilla tiene {levels} valores; cada peso se desplaza, de "
    "media, un {error}\N{NARROW NO-BREAK SPACE}% del valor del mayor.",
    "The first {n} weights of “{layer}”. With {bits}-bit codes the grid has {levels} values; on average each weight moves "
    "by {error}% of the largest of them.",
)
START_TRY = Text(
    "Mueve «Bits de cada código» o elige otro formato, y mira cómo cambian la rejilla y el error.",
    "Move “Bits of each code” or choose another format, and watch the grid and the error change.",
)
START_WAYS = Text("Dos formas de hacerlo", "Two ways to do it")
PTQ_TITLE = Text("PTQ: después de entrenar", "PTQ: after training")
PTQ_TEXT = Text(
    "La cuantización posterior al entrenamiento (*post-training quantization*) toma un modelo ya entrenado y redondea "
    "sus pesos. Tarda segundos o minutos y no necesita los datos de entrenamiento; los mejores métodos miran unas "
    "pocas frases para decidir hacia dónde redondear. **Elígela primero**: con 8 bits casi nunca se nota y con 4 bits, "
    "por grupos, suele bastar. Es lo que hace esta página.",
    "Post-training quantization takes a trained model and rounds its weights. It takes seconds or minutes and needs no "
    "training data; the best methods look at a few sentences to decide which way to round. **Try it first**: with 8 "
    "bits it hardly ever shows, and with 4 bits in groups it is usually enough. It is what this page does.",
)
QAT_TITLE = Text("QAT: durante el entrenamiento", "QAT: during training")
QAT_TEXT = Text(
    "El entrenamiento consciente de la cuantización (*quantization-aware training*) redondea los pesos en cada paso, "
    "de modo que el modelo aprende a vivir en la rejilla. Exige datos, tiempo y acceso al código de entrenamiento. "
    "**Elígelo cuando la PTQ no llega**: con 2 o 3 bits, o en chips que solo calculan con enteros.",
    "Quantization-aware training rounds the weights at every step, so that the model learns to live on the grid. It "
    "takes data, time and the training code. **Choose it where PTQ falls short**: at 2 or 3 bits, or on chips that "
    "compute with integers only.",
)
START_NEXT = Text("Sigue por aquí", "Where to go next")
START_LINKS = {
    "numeros": Text("Números: mira cómo se guarda un número", "Numbers: see how a number is stored"),
    "pesos": Text("Pesos: mira el histograma de cada capa", "Weights: see the histogram of each layer"),
    "texto": Text("Texto: compara lo que escriben los dos", "Text: compare what the two write"),
    "metrica": Text("Métrica: mide lo que se pierde", "Metrics: measure what is lost"),
}
