"""The words that a visitor may not know, each in two lines. The key is how other sentences name the entry."""

from __future__ import annotations

from quant.text import Text

ENTRIES: dict[str, tuple[Text, Text]] = {
    "token": (Text("token", "token"), Text(
        "Un trozo de texto: una palabra corta, parte de una larga o un signo de puntuación. El modelo lee y escribe token a token.",
        "A piece of text: a short word, part of a long one, or a punctuation mark. The model reads and writes token by token.")),
    "código": (Text("código", "code"), Text(
        "El número entero y corto que se guarda en lugar de un peso. Con 4 bits hay 16 códigos posibles.",
        "The short whole number that is stored in place of a weight. With 4 bits there are 16 possible codes.")),
    "escala": (Text("escala", "scale"), Text(
        "El número por el que se multiplica un código para recuperar el peso. Lo comparte un grupo de pesos.",
        "The number that a code is multiplied by to get the weight back. A group of weights shares it.")),
    "punto cero": (Text("punto cero", "zero point"), Text(
        "El código que representa el 0. Se guarda cuando los pesos de un grupo no están centrados en 0.",
        "The code that stands for 0. It is stored where the weights of a group are not centred on 0.")),
    "canal": (Text("canal", "channel"), Text(
        "Una fila de la matriz: los pesos con los que una capa calcula una de sus salidas.",
        "A row of the matrix: the weights from which a layer computes one of its outputs.")),
    "activaciones": (Text("activaciones", "activations"), Text(
        "Los números que el modelo calcula al leer tu texto y que se multiplican por los pesos.",
        "The numbers that the model computes as it reads your text, and that are multiplied by the weights.")),
    "perplejidad": (Text("perplejidad", "perplexity"), Text(
        "Entre cuántos tokens duda el modelo, de media, al adivinar el siguiente. Cuanto más baja, mejor.",
        "Between how many tokens the model hesitates, on average, when it guesses the next one. Lower is better.")),
    "nats": (Text("nats", "nats"), Text(
        "Unidad de información, como el bit pero con logaritmos naturales: 1 nat son 1,44 bits.",
        "A unit of information, like the bit but with natural logarithms: 1 nat is 1.44 bits.")),
    "dB": (Text("dB", "dB"), Text(
        "Decibelios: cuánto mayor es la señal que el error. Cada 20 dB, el error es 10 veces menor.",
        "Decibels: how much larger the signal is than the error. For every 20 dB the error is 10 times smaller.")),
    "receta": (Text("receta", "recipe"), Text(
        "Cómo se cuantiza el modelo: cuántos bits, qué pesos comparten escala, con qué formato y qué método.",
        "How the model is quantized: how many bits, which weights share a scale, in which format, by which method.")),
    "float32": (Text("float32", "float32"), Text(
        "Número con decimales de 32 bits, unas 7 cifras: con él calcula el modelo original. También FP32.",
        "A number of 32 bits with about 7 digits: the original model computes with it. Also called FP32.")),
    "KL": (Text("divergencia KL", "KL divergence"), Text(
        "Cuánto cambian las probabilidades que el modelo da al token siguiente. 0 es que no cambian nada.",
        "How much the probabilities that the model gives the next token change. 0 means not at all.")),
    "rejilla": (Text("rejilla", "grid"), Text(
        "Los únicos valores que se pueden guardar: cada peso pasa al más cercano.",
        "The only values that can be stored: each weight moves to the nearest one.")),
    "matriz": (Text("matriz", "matrix"), Text(
        "Una tabla de pesos en filas y columnas. Casi todo el modelo son matrices, una o dos por capa.",
        "A table of weights in rows and columns. Nearly all of the model is matrices, one or two per layer.")),
    "absmax": (Text("absmax", "absmax"), Text(
        "Escala simétrica: el peso más grande, sin mirar el signo, cae en el extremo de la rejilla.",
        "A symmetric scale: the largest weight, whatever its sign, meets the end of the grid.")),
    "tabla": (Text("tabla de tokens", "token table"), Text(
        "La matriz con una fila de números por cada token que el modelo conoce. Sirve a la entrada y a la salida.",
        "The matrix with one row of numbers for each token that the model knows. It serves both input and output.")),
    "épsilon": (Text("épsilon", "epsilon"), Text(
        "Lo que separa al 1 del número siguiente de un formato: cuanto menor, más precisión.",
        "The distance from 1 to the next number of a format: the smaller, the more precision.")),
    "saturar": (Text("saturar", "to saturate"), Text(
        "Quedarse en el extremo: lo que no cabe en la rejilla se guarda como su valor más grande o más pequeño.",
        "To stay at the end: what lies beyond the grid is stored as its largest or its lowest value.")),
    "intervalo": (Text("intervalo del 95 %", "95% interval"), Text(
        "Entre qué valores estaría la cifra con mucho más texto como este. De 100 intervalos así aciertan unos 95.",
        "Between which values the figure would lie with far more text like this. Of 100 such intervals about 95 are right.")),
    "calibración": (Text("calibración", "calibration"), Text(
        "Pasar unos textos por el modelo para ver qué pesos importan más, antes de redondearlos. No se entrena nada.",
        "Running some texts through the model to see which weights matter most, before rounding them. Nothing is trained.")),
    "claves y valores": (Text("claves y valores", "keys and values"), Text(
        "Lo que la atención guarda de cada token leído: la clave dice cuándo hay que mirarlo, y el valor, qué aporta.",
        "What attention keeps of each token read: the key says when to look at it, and the value what it contributes.")),
}  # fmt: skip
