"""What a report says whatever was measured: titles, explanations, heads of tables. Names stand between backticks."""

from __future__ import annotations

from quant.report.fact import Worth
from quant.text import Text

TITLE = Text("Informe de cuantización", "Quantization report")
ABOUT = Text(
    "Modelo: {model}. Receta: «{recipe}». Hecho el {made} con el laboratorio de cuantización; cada cifra está también en el "
    "archivo CSV que acompaña a este informe.",
    "Model: {model}. Recipe: “{recipe}”. Made on {made} with the quantization lab; every figure is in the CSV file beside "
    "this report too.",
)
IN_BRIEF = Text("En pocas palabras", "In brief")
SIGNS = Text("Lo que vale cada cifra: {signs}.", "What each figure is worth: {signs}.")
WORTHS = {
    Worth.MEASURED: Text("medido ahora, en este ordenador", "measured now, on this computer"),
    Worth.PACKED: Text("bytes que existen, contados", "bytes that exist, counted"),
    Worth.RECORDED: Text("grabado antes con este mismo modelo", "recorded before with this very model"),
    Worth.COMPUTED: Text("calculado a partir de los pesos", "computed from the weights"),
}

# ---- 1

QUANTIZATION = Text("Qué es la cuantización", "What quantization is")
IDEA = Text(
    "Cuantizar un modelo es guardar sus pesos con menos bits. Cada peso {w} se cambia por un código {q}: el del punto más "
    "cercano de una rejilla. Con los códigos se guarda una escala {s}, que comparten muchos pesos, y a veces un punto "
    "cero {z}:",
    "To quantize a model is to store its weights with fewer bits. Each weight {w} is replaced by a code {q}: that of the "
    "nearest point of a grid. With the codes goes a scale {s}, which many weights share, and sometimes a zero point {z}:",
)
FORMULA = "q = round(w / s) + z          w' = s · (q − z)"
ERROR = Text(
    "El error de cada peso es la distancia al punto más cercano. Con menos bits hay menos puntos y están más lejos unos "
    "de otros; con una escala para menos pesos la rejilla se ajusta mejor, a cambio de guardar más escalas.",
    "The error of each weight is its distance to the nearest point. Fewer bits make fewer points, further apart; a scale "
    "for fewer weights fits the grid better, at the price of storing more scales.",
)
EXAMPLE = Text(
    "En tu receta, el primer peso de la matriz {layer} vale {weight}. Su código es {code}; con una escala de {scale}, al "
    "leerlo vale {stored}.",
    "In your recipe, the first weight of matrix {layer} is {weight}. Its code is {code}; with a scale of {scale}, it reads "
    "back as {stored}.",
)
EXAMPLE_ZERO = Text(
    "En tu receta, el primer peso de la matriz {layer} vale {weight}. Su código es {code}; con una escala de {scale} y un "
    "punto cero de {zero}, al leerlo vale {stored}.",
    "In your recipe, the first weight of matrix {layer} is {weight}. Its code is {code}; with a scale of {scale} and a "
    "zero point of {zero}, it reads back as {stored}.",
)
EXAMPLE_OTHER = Text(
    "En tu receta, el primer peso de la matriz {layer} vale {weight}, y al leer lo que se guarda de él vale {stored}.",
    "In your recipe, the first weight of matrix {layer} is {weight}, and what is stored of it reads back as {stored}.",
)
PTQ_QAT = Text("PTQ y QAT", "PTQ and QAT")
PTQ_IS = Text(
    "La cuantización posterior al entrenamiento (PTQ, post-training quantization) parte de un modelo ya entrenado y lo "
    "redondea sin volver a entrenarlo. Unos métodos miran solo los pesos; otros, como {gptq}, leen antes un texto de "
    "calibración y eligen los códigos que menos cambian lo que sale de cada capa.",
    "Post-training quantization (PTQ) starts from a trained model and rounds it without training it again. Some methods "
    "look at the weights alone; others, such as {gptq}, first read a calibration text and choose the codes that change "
    "what comes out of each layer least.",
)
QAT_IS = Text(
    "El entrenamiento con cuantización (QAT, quantization-aware training; {jacob}) redondea los pesos mientras el modelo "
    "aprende, de modo que aprende a acertar con pesos redondeados. Redondear tiene derivada cero en casi todas partes y no "
    "dejaría aprender nada; por eso, al volver hacia atrás, el gradiente pasa como si no se hubiera redondeado "
    "(estimador directo o straight-through; {bengio}).",
    "Quantization-aware training (QAT; {jacob}) rounds the weights while the model learns, so that it learns to do well "
    "with rounded weights. Rounding has a derivative of zero almost everywhere, and nothing could be learned through it; "
    "so on the way back the gradient passes as if nothing had been rounded (the straight-through estimator; {bengio}).",
)
AGAINST = Text("PTQ frente a QAT.", "PTQ against QAT.")
AGAINST_HEAD = (Text("", ""), Text("PTQ", "PTQ"), Text("QAT", "QAT"))
AGAINST_ROWS = (
    (Text("Parte de", "Starts from"), Text("un modelo entrenado", "a trained model"),
     Text("un modelo entrenado, o de cero", "a trained model, or from scratch")),
    (Text("Datos", "Data"), Text("ninguno, o un texto corto de calibración", "none, or a short calibration text"),
     Text("texto para entrenar", "text to train on")),
    (Text("Qué cambia", "What changes"), Text("códigos y escalas, una vez", "codes and scales, once"),
     Text("los pesos, paso a paso, por gradiente", "the weights, step by step, by gradient")),
)  # fmt: skip
JACOB = Text("Jacob y otros, 2018", "Jacob et al., 2018")
BENGIO = Text("Bengio y otros, 2013", "Bengio et al., 2013")
GPTQ = Text("GPTQ (Frantar y otros, 2022)", "GPTQ (Frantar et al., 2022)")
URLS = {"jacob": "https://arxiv.org/abs/1712.05877", "bengio": "https://arxiv.org/abs/1308.3432",
        "gptq": "https://arxiv.org/abs/2210.17323"}  # fmt: skip

# ---- 2

MODEL = Text("El modelo y su punto de partida", "The model and its baseline")
MODEL_IS = Text(
    "El original es {model} ({origin}){revision}: un modelo causal, que predice el token siguiente a partir de los "
    "anteriores. Se ejecuta en `float32`.",
    "The original is {model} ({origin}){revision}: a causal model, which predicts the next token from those before. It "
    "runs in `float32`.",
)
REVISION = Text(", revisión {name}", ", revision {name}")
MODEL_TABLE = Text("El modelo.", "The model.")
VALUE_HEAD = (Text("", ""), Text("Valor", "Value"))
WRITES = Text("Qué escribe", "What it writes")
SETTINGS = Text(
    "A partir de {prompt} ({prompt_tokens} tokens) sigue hasta {max_length} tokens como mucho, sin repetir ninguna serie "
    "de {no_repeat} (`no_repeat_ngram_size`); `top_k` {top_k}, `top_p` {top_p} y `temperature` {temperature}.",
    "After {prompt} ({prompt_tokens} tokens) it goes on to {max_length} tokens at most, without repeating any run of "
    "{no_repeat} (`no_repeat_ngram_size`); `top_k` {top_k}, `top_p` {top_p} and `temperature` {temperature}.",
)
GREEDY = Text(
    "Como `do_sample` no está activado, escribe siempre el token más probable: `top_k`, `top_p` y `temperature` no "
    "intervienen, y al repetirlo sale lo mismo.",
    "Since `do_sample` is off, it always writes the most likely token: `top_k`, `top_p` and `temperature` play no part, "
    "and repeating it gives the same.",
)
SAMPLED = Text("Los tokens se sortean, con la misma semilla para los dos modelos.",
               "Tokens are drawn, with the same seed for both models.")  # fmt: skip
ORIGINAL_WRITES = Text("El original ({tokens} tokens nuevos)", "The original ({tokens} new tokens)")
BASELINE = Text("Métrica de partida", "Baseline metric")
PERPLEXITY_IS = Text(
    "La métrica es la perplejidad: la exponencial de la pérdida media por token, en un texto que nadie ha usado para "
    "entrenar ni para calibrar. Dice entre cuántos tokens igual de probables duda el modelo; menos es mejor.",
    "The metric is perplexity: the exponential of the mean loss per token, on a text that nobody has used to train or to "
    "calibrate. It says between how many equally likely tokens the model hesitates; less is better.",
)
BASELINE_SAID = Text(
    "El original tiene una perplejidad de {perplexity} y {bits} bits por byte.",
    "The original has a perplexity of {perplexity} and {bits} bits per byte.",
)
PROTOCOL = Text(
    "Protocolo: {title}; {tokens} tokens ({bytes} bytes) de {documents} documentos, en {windows} ventanas de {window} "
    "tokens como mucho, sin solaparse; un token de comienzo ante cada documento; aritmética en `float32`.",
    "Protocol: {title}; {tokens} tokens ({bytes} bytes) of {documents} documents, in {windows} windows of {window} tokens "
    "at most, without overlap; a beginning token before each document; `float32` arithmetic.",
)
INTERVALS = Text(
    "Detrás de una cifra, entre paréntesis, su intervalo del {level}, por remuestreo de los {count} {unit}. Los dos modelos leen los "
    "mismos tokens, así que lo que hace difícil un texto para ambos se cancela en las diferencias.",
    "Behind a figure, in parentheses, its {level} interval, by resampling the {count} {unit}. Both models read the same tokens, so "
    "that what makes a text hard for both cancels in their differences.",
)
DOCUMENTS, WINDOWS = Text("documentos", "documents"), Text("ventanas", "windows")
EMBEDDED = Text("el GPT-2 pequeño incluido", "the small built-in GPT-2")
NO_INTERVALS = Text("El texto es demasiado corto para dar intervalos.", "The text is too short for intervals.")

# ---- 3

NUMBERS = Text("Formatos de números", "Number formats")
FLOAT_IS = Text(
    "Un número en coma flotante guarda un signo, un exponente (hasta dónde llega) y una mantisa (con cuántas cifras). "
    "`FP32` es el formato en que se ejecuta el original; `FP16` y `BF16` usan la mitad de bits y los reparten de otro "
    "modo: `FP16` gasta más en cifras y `BF16` conserva el alcance de `FP32`.",
    "A floating-point number stores a sign, an exponent (how far it reaches) and a mantissa (with how many digits). "
    "`FP32` is the format that the original runs in; `FP16` and `BF16` use half the bits and share them out otherwise: "
    "`FP16` spends more on digits and `BF16` keeps the reach of `FP32`.",
)
FIELDS = Text("Los bits de cada formato", "The bits of each format")
FIELDS_CAPTION = Text("En qué gasta sus bits cada formato.", "What each format spends its bits on.")
FIELD_NAMES = (Text("signo", "sign"), Text("exponente", "exponent"), Text("mantisa", "mantissa"))
LAYOUT = Text("Qué distingue cada formato {sign}.", "What each format can tell apart {sign}.")
LAYOUT_HEAD = (
    Text("", ""), Text("Bits", "Bits"), Text("Mayor número", "Largest number"),
    Text("Menor normal", "Smallest normal"), Text("De uno al siguiente", "From one to the next"),
    Text("Este modelo", "This model"),
)  # fmt: skip
KEPT = Text("Qué conserva de los {total} pesos de las capas lineales {sign}.",
            "What it keeps of the {total} weights of the linear layers {sign}.")  # fmt: skip
KEPT_HEAD = (
    Text("", ""), Text("Pasan a cero", "Become zero"), Text("Subnormales", "Subnormal"), Text("No caben", "Do not fit"),
    Text("Señal sobre error (dB)", "Signal over error (dB)"),
)  # fmt: skip
EXAMPLES = Text("Dos pesos de este modelo en cada formato, y su error {sign}.",
                "Two weights of this model in each format, and their errors {sign}.")  # fmt: skip
EXAMPLES_HEAD = (
    Text("", ""), Text("El mayor peso", "The largest weight"), Text("Error", "Error"),
    Text("El peso mediano", "The median weight"), Text("Error", "Error"),
)  # fmt: skip

# ---- 4

PTQ = Text("PTQ aplicada y evaluada", "PTQ applied and evaluated")
TRAINED_TITLE = Text("Cuantización aplicada y evaluada", "Quantization applied and evaluated")
STORED = Text("Cómo se guarda", "How it is stored")
WAYS = Text(
    "Cómo guarda los pesos la receta «{recipe}» {sign}.", "How the recipe “{recipe}” stores the weights {sign}."
)
WAYS_HEAD = (
    Text("", ""), Text("Escalas", "Scales"), Text("Método", "Method"), Text("Tensores", "Tensors"),
    Text("Bits por peso", "Bits per weight"), Text("Ocupa", "Takes"),
)  # fmt: skip
STEPS = Text("Antes de redondear, los pesos pasan por: {steps}.", "Before rounding, the weights go through: {steps}.")
ACTIVATIONS = Text("Lo que entra en cada capa se redondea también, a {name}.",
                   "What comes into each layer is rounded too, to {name}.")  # fmt: skip
CACHE = Text(
    "Las claves y los valores de un contexto lleno se guardan en {stored}, frente a {float} en `float32`.",
    "The keys and values of a full context are stored in {stored}, against {float} in `float32`.",
)
BITS_SAID = Text(
    "Son {bits} bits por peso cuantizado, con escalas y puntos cero incluidos, y {whole} por peso en todo el modelo: "
    "{exact} bytes exactos.",
    "That is {bits} bits per quantized weight, scales and zero points included, and {whole} per weight over the entire "
    "model: {exact} bytes exactly.",
)
NO_RULE = Text("`float32`: el resto", "`float32`: the rest")
SIZES = Text("Lo que ocupan los pesos", "What the weights take")
SIZES_CAPTION = Text("Lo que ocupan los pesos {sign}.", "What the weights take {sign}.")
ORIGINAL_BAR = Text("Original, en `float32`", "Original, in `float32`")
HALF_BAR = Text("El mismo modelo en `FP16` o `BF16`", "The same model in `FP16` or `BF16`")
HISTOGRAM = Text("Los pesos de una matriz antes y después", "The weights of a matrix before and after")
HISTOGRAM_CAPTION = Text(
    "Los pesos de {layer}: el contorno son los originales y las barras, lo que queda de ellos (la altura es la raíz "
    "cuadrada de cuántos hay). La señal queda {db} dB por encima del error.",
    "The weights of {layer}: the outline is the originals and the bars what is left of them (the height is the square "
    "root of how many there are). The signal is {db} dB above the error.",
)
BOTH_WRITE = Text("Qué escribe ahora", "What it writes now")
QUANTIZED_WRITES = Text("El cuantizado ({tokens} tokens nuevos)", "The quantized model ({tokens} new tokens)")
COSTS = Text("Qué cuesta", "What it costs")
COSTS_TABLE = Text("El original y el cuantizado en el mismo texto {sign}.",
                   "The original and the quantized model on the same text {sign}.")  # fmt: skip
COSTS_HEAD = (Text("", ""), Text("Original", "Original"), Text("Cuantizado", "Quantized"), Text("Cambio", "Change"))
PERPLEXITY = Text("Perplejidad", "Perplexity")
BITS_PER_BYTE = Text("Bits por byte", "Bits per byte")
DIVERGENCE_TABLE = Text("Cuánto cambian sus probabilidades, token por token {sign}.",
                        "How much its probabilities change, token by token {sign}.")  # fmt: skip
KL_ROWS = (
    (Text("KL media (nats)", "Mean KL (nats)"), "ptq.kl"),
    (Text("KL mediana (nats)", "Median KL (nats)"), "ptq.kl_median"),
    (Text("KL que supera un token de cada cien (nats)", "KL exceeded by one token in a hundred (nats)"), "ptq.kl_99"),
    (Text("KL máxima (nats)", "Largest KL (nats)"), "ptq.kl_max"),
    (Text("Mismo token más probable", "Same most likely token"), "ptq.same_top"),
    (Text("Señal sobre error de los pesos (dB)", "Signal over error of the weights (dB)"), "ptq.weight_db"),
    (Text("Señal sobre error de las salidas (dB)", "Signal over error of the outputs (dB)"), "ptq.output_db"),
)
KL_IS = Text(
    "La divergencia KL compara, en cada token, todas las probabilidades del cuantizado con las del original; es cero si "
    "son iguales. La perplejidad solo mira el token que venía, y ahí ganancias y pérdidas pueden compensarse.",
    "KL divergence compares, at each token, all probabilities of the quantized model with the original’s; it is zero "
    "where they are the same. Perplexity only looks at the token that came, where gains and losses may cancel.",
)
WORDS = Text("Lo que significa el veredicto", "What the verdict means")
WORDS_RULE = Text("Decide la peor de tres medidas, siempre con los mismos límites:",
                  "The worst of three measures decides, always by the same limits:")  # fmt: skip

# ---- 5

COMPARISON = Text("Comparación y conclusiones", "Comparison and conclusions")
ROWS = Text(
    "Recetas del mismo modelo en el mismo texto, de menor a mayor: {measured} medidas en esta página ◷ y {recorded} "
    "grabadas en el proyecto ●.",
    "Recipes of the same model on the same text, smallest first: {measured} measured on this page ◷ and {recorded} "
    "recorded in the project ●.",
)
ROWS_HEAD = (
    Text("", ""), Text("Ocupa", "Takes"), Text("Bits por peso", "Bits per weight"), Text("Perplejidad", "Perplexity"),
    Text("KL media (nats)", "Mean KL (nats)"), Text("Veredicto", "Verdict"),
)  # fmt: skip
SPEED = Text("Tokens/s", "Tokens/s")
YOURS = Text("la tuya", "yours")
NAMED = Text("{name} {sign}", "{name} {sign}")
NAMED_YOURS = Text("{name} {sign} ({yours})", "{name} {sign} ({yours})")
SCATTER = Text("Lo que se pierde frente a lo que ocupa", "What is lost against what it takes")
SCATTER_CAPTION = Text(
    "Abajo a la izquierda está lo bueno: poco que perder y poco que guardar. El rombo es tu receta; los círculos llenos, "
    "otras medidas; los vacíos, grabadas; las atenuadas, aquellas que otra mejora. La barra es el intervalo.",
    "Bottom left is good: little to lose and little to store. The diamond is your recipe; full circles are others that "
    "were measured; hollow ones were recorded; faded ones are those that another does better than. The bar is the "
    "interval.",
)
AXES = (Text("tamaño de los pesos", "size of the weights"), Text("KL media (nats)", "mean KL (nats)"))
CONCLUSIONS = Text("Conclusiones", "Conclusions")
LIMITS = Text("Límites de lo medido", "Limits of what was measured")
LIMITS_SAID = (
    Text("Un solo texto, {title}, y un solo modelo: en otros las cifras son otras.",
         "A single text, {title}, and a single model: on others the figures are others."),
    Text("Ni la perplejidad ni la KL dicen si lo que se escribe es verdad o sirve para una tarea.",
         "Neither perplexity nor KL says whether what is written is true or of use for a task."),
    Text("Los tamaños son los de los pesos; un archivo añade el tokenizador y una cabecera.",
         "Sizes are those of the weights; a file adds the tokenizer and a header."),
    Text("La aritmética es `float32` salvo donde la receta dice otra cosa: los pesos cuantizados se leen y se multiplican "
         "por lo que llega.",
         "Arithmetic is `float32` except where the recipe says otherwise: quantized weights are read and multiplied by "
         "what comes in."),
)  # fmt: skip
REPEAT = Text("Para repetirlo", "To repeat it")
LINK = Text("La receta en la página: {link}.", "The recipe on the page: {link}.")
LINK_NAME = Text("abrir con la misma receta", "open with the same recipe")
WITH_PYTHON = Text("En Python, desde la carpeta del proyecto:", "In Python, from the folder of the project:")
VERSIONS = Text("Versiones: {versions}.", "Versions: {versions}.")
SOURCES = Text("Fuentes", "Sources")
SOURCE = Text("{said}: {title}.", "{said}: {title}.")
PAPERS = {
    "jacob": Text("Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
                  "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"),
    "bengio": Text("Estimating or Propagating Gradients Through Stochastic Neurons for Conditional Computation",
                   "Estimating or Propagating Gradients Through Stochastic Neurons for Conditional Computation"),
    "gptq": Text("GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
                 "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers"),
}  # fmt: skip
