"""Inicio, below the opening and the workbench."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Inicio", "Start")
PICTURE_HEADING = Text("Tu receta: {recipe}", "Your recipe: {recipe}")
PICTURE_LEGEND = [
    Text("peso original", "original weight"),
    Text("valor guardado", "stored value"),
    Text("error", "error"),
]
PICTURE_CAPTION = Text(
    "Los primeros {n} pesos de «{layer}»: la rejilla tiene {levels} valores y el error medio es un {error}\N{NARROW NO-BREAK SPACE}% del "
    "peso más grande. Con sus escalas, {bits} bits por peso.",
    "The first {n} weights of “{layer}”: the grid has {levels} values, and the mean error is {error}% of the largest weight. "
    "With their scales, {bits} bits per weight.",
)
START_HEADING = Text("Qué es cuantizar", "What quantization is")
START_WHAT = Text(
    "Un modelo de lenguaje es, ante todo, una lista larguísima de números: sus **pesos**. **Cuantizar** es guardar cada "
    "uno con menos bits: en lugar de 32, con 8, 4 o menos. El modelo ocupa menos y hay menos que leer de la memoria por "
    "cada palabra; a cambio, cada redondeo borra un poco de lo que aprendió. La pregunta es siempre la misma: **¿cuántos "
    "bits puedo quitar antes de que se note?** Arriba la respondes tú. Hay dos maneras de hacerlo.",
    "A language model is, above all, a very long list of numbers: its **weights**. To **quantize** is to store each of "
    "them in fewer bits: instead of 32, in 8, 4 or fewer. The model is smaller and there is less to read from memory for "
    "each word; in return, every rounding wipes out a little of what it learned. The question is always the same: **how "
    "many bits can I take away before anyone notices?** Find out above. There are two ways to do it.",
)
PTQ_TITLE = Text("PTQ: después de entrenar", "PTQ: after training")
PTQ_TEXT = Text(
    "En la cuantización posterior al entrenamiento (*post-training quantization*) se redondean los pesos de un modelo ya "
    "entrenado. Tarda segundos o minutos y no necesita los datos de entrenamiento; los mejores métodos miran unas pocas "
    "frases para decidir hacia dónde redondear: eso es la [[calibración]]. **Elígela primero**: con 8 bits casi nunca se nota y "
    "con 4 bits, por grupos, suele bastar en modelos grandes. Aquí se hace en su forma más simple: redondear al más "
    "cercano. En un modelo tan pequeño como el incluido, 4 bits ya se notan: "
    '<a class="lab-link" href="?tab=metrica" data-tab="metrica">mídelo</a>.',
    "Post-training quantization rounds the weights of a trained model. It takes seconds or minutes and needs no training "
    "data; the best methods look at a few sentences to decide which way to round: that is [[calibration|calibración]]. **Try it "
    "first**: with 8 bits you can hardly ever tell, and with 4 bits, in groups, it is usually enough for large models. "
    "Here it is done in its simplest form: round to nearest. In a model as small as the built-in one, 4 bits already "
    'show: <a class="lab-link" href="?tab=metrica" data-tab="metrica">measure it</a>.',
)
QAT_TITLE = Text("QAT: durante el entrenamiento", "QAT: during training")
QAT_TEXT = Text(
    "En el entrenamiento consciente de la cuantización (*quantization-aware training*) los pesos se redondean en cada "
    "paso, de modo que el modelo aprende a vivir en la rejilla. Un escalón no tiene pendiente por la que bajar: al "
    "calcular el gradiente se hace como si el redondeo no estuviera (*straight-through estimator*). Exige datos, tiempo y "
    "acceso al código de entrenamiento. **Elígelo cuando la PTQ no llega**: con 2 o 3 bits, o en chips que solo calculan "
    "con enteros.",
    "Quantization-aware training rounds the weights at every step, so that the model learns to live on the grid. A step "
    "has no slope to go down: for the gradient, the rounding is taken as if it were not there (*straight-through "
    "estimator*). It takes data, time and the training code. **Choose it where PTQ falls short**: at 2 or 3 bits, or on "
    "chips that compute with integers only.",
)
START_NEXT = Text("Sigue por aquí", "Where to go next")
START_LINKS = {
    "numeros": Text("Números: cómo se guarda un número", "Numbers: how a number is stored"),
    "pesos": Text("Pesos: qué le pasa a cada capa", "Weights: what happens to each layer"),
    "texto": Text("Texto: dónde empiezan a separarse", "Text: where they begin to part"),
    "metrica": Text("Métrica: cuánto se pierde", "Metrics: how much is lost"),
    "metodos": Text("Métodos: quién pierde menos", "Methods: who loses least"),
    "elige": Text("Elige: con cuál te quedas", "Choose: which one you take"),
}
