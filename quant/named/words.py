"""What the parts of a name stand for, in both languages, and where that is said."""

from __future__ import annotations

from quant.targets import Source
from quant.text import Text

GGML = Source("llama.cpp, tools/quantize", "https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md")
KQUANTS = Source("llama.cpp #1684: k-quants", "https://github.com/ggml-org/llama.cpp/pull/1684")
IQUANTS = Source("llama.cpp #4773: i-quants", "https://github.com/ggml-org/llama.cpp/pull/4773")
RULE = Source("llama.cpp, llama-quant.cpp", "https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp")
UNSLOTH = Source("Unsloth Dynamic 2.0", "https://unsloth.ai/docs/basics/unsloth-dynamic-2.0-ggufs")
TENSORS = Source(
    "compressed-tensors, quant_scheme.py",
    "https://github.com/vllm-project/compressed-tensors/blob/main/src/compressed_tensors/quantization/quant_scheme.py",
)
QLORA = Source("QLoRA", "https://arxiv.org/abs/2305.14314")
MX = Source(
    "OCP Microscaling 1.0", "https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf"
)
NVFP4 = Source("NVIDIA, NVFP4", "https://arxiv.org/abs/2509.25149")
FP8 = Source("FP8 formats for deep learning", "https://arxiv.org/abs/2209.05433")
GPTQ = Source("GPTQ", "https://arxiv.org/abs/2210.17323")
AWQ = Source("AWQ", "https://arxiv.org/abs/2306.00978")
HQQ = Source("HQQ", "https://mobiusml.github.io/hqq_blog/")
AUTOROUND = Source("AutoRound", "https://arxiv.org/abs/2309.05516")
LLM_INT8 = Source("LLM.int8()", "https://arxiv.org/abs/2208.07339")
BNB = Source("bitsandbytes", "https://huggingface.co/docs/bitsandbytes/reference/nn/linear4bit")
EXL3 = Source("ExLlamaV3, exl3.md", "https://github.com/turboderp-org/exllamav3/blob/master/doc/exl3.md")
EXL2 = Source("ExLlamaV2", "https://github.com/turboderp-org/exllamav2")
MLC = Source("MLC LLM, quantization.py",
             "https://github.com/mlc-ai/mlc-llm/blob/main/python/mlc_llm/quantization/quantization.py")  # fmt: skip
DTYPES = Source("transformers.js, dtypes", "https://huggingface.co/docs/transformers.js/guides/dtypes")
MLX = Source("MLX, mlx.core.quantize",
             "https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.quantize.html")  # fmt: skip
IEEE = Source("IEEE 754", "https://doi.org/10.1109/IEEESTD.2019.8766229")
BRAIN = Source("bfloat16", "https://arxiv.org/abs/1905.12322")
GPTQMODEL = Source("GPT-QModel", "https://github.com/ModelCloud/GPTQModel")

BITS = Text("{n} bits por código", "{n} bits a code")
WEIGHTS_LETTER = Text("los pesos (weights)", "the weights")
ACTIVATIONS_LETTER = Text(
    "las activaciones: lo que se multiplica por los pesos", "the activations: what the weights are multiplied by"
)
KEPT_16 = Text(
    "se quedan en 16 bits: solo se cuantizan los pesos", "they stay in 16 bits: only the weights are quantized"
)
GROUP = Text("una escala por cada {n} pesos", "a scale for each {n} weights")
SEPARATOR = Text("solo separa", "only separates")
FILE = Text("un archivo GGUF, de llama.cpp", "a GGUF file, of llama.cpp")
DYNAMIC = Text("Unsloth Dynamic: elige un formato para cada matriz, distinto en cada modelo",
               "Unsloth Dynamic: chooses a format for each matrix, another in each model")  # fmt: skip
Q = Text("cuantizado (quantized), de ggml", "quantized, by ggml")
IQ = Text(
    "cuantizado con una tabla de valores (i-quant), de ggml", "quantized with a table of values (i-quant), by ggml"
)
TQ = Text("ternario: cada peso es −1, 0 o 1 por una escala", "ternary: each weight is −1, 0 or 1 times a scale")
K = Text("k-quant: superbloques de 256 pesos, cuyas escalas se cuantizan también",
         "k-quant: super-blocks of 256 weights, whose scales are quantized too")  # fmt: skip
ZERO = Text("el formato más sencillo: una escala por bloque de 32", "the plainest format: a scale for each block of 32")
TERNARY_ZERO = Text("la primera versión del formato", "the format’s first version")
ONE = Text("una escala y un mínimo por bloque de 32", "a scale and a minimum for each block of 32")
NL = Text("no lineal: 16 valores más juntos cerca del 0, en bloques de 32",
          "non-linear: 16 values closer together near 0, in blocks of 32")  # fmt: skip
XS4 = Text(
    "extra pequeño: la misma tabla, en superbloques de 256", "extra small: the same table, in super-blocks of 256"
)
SIZES = {
    "XXS": Text("la mezcla más pequeña de todas", "the smallest mixture of all"),
    "XS": Text("mezcla muy pequeña", "very small mixture"),
    "S": Text("mezcla pequeña: pocas matrices reciben más bits", "small mixture: few matrices get more bits"),
    "M": Text("mezcla media: algunas matrices reciben más bits", "medium mixture: some matrices get more bits"),
    "L": Text("mezcla grande: más matrices reciben más bits", "large mixture: more matrices get more bits"),
    "XL": Text("mezcla extra grande", "extra large mixture"),
}
METHODS = {
    "gptq": Text("GPTQ: redondea columna a columna y compensa el error en las que quedan",
                 "GPTQ: rounds column by column and makes up for the error in those left"),
    "awq": Text("AWQ: escala antes los canales que más importan a las activaciones",
                "AWQ: first scales the channels that matter most to the activations"),
    "hqq": Text("HQQ: busca el desplazamiento que menos error deja, sin leer ningún texto",
                "HQQ: looks for the offset that leaves least error, without reading any text"),
    "autoround": Text("AutoRound: aprende hacia dónde redondear cada peso", "AutoRound: learns which way each weight goes"),
    "bnb": Text("bitsandbytes, la biblioteca que lo hace al cargar el modelo",
                "bitsandbytes, the library that does it as the model loads"),
}  # fmt: skip
INTEGER = Text("enteros", "integers")
UNSIGNED = Text("enteros sin signo", "unsigned integers")
SYMMETRIC = Text("rejilla simétrica alrededor del 0", "a grid symmetric around 0")
ASYMMETRIC = Text("rejilla con punto cero", "a grid with a zero point")
ACT_ORDER = Text("las columnas, de la que más importa a la que menos", "columns from the one that matters most on")
NORMAL = Text("NormalFloat: 16 valores que son cuantiles de la curva normal",
              "NormalFloat: 16 values that are quantiles of the normal curve")  # fmt: skip
FLOAT = Text("números en coma flotante", "floating-point numbers")
FLOAT_4 = Text("FP4 de bitsandbytes: 16 valores en coma flotante", "bitsandbytes’ FP4: 16 floating-point values")
DOUBLE = Text("doble cuantización: también las escalas", "double quantization: the scales too")
MICRO = Text("microscaling: bloques de 32 con una escala que es una potencia de dos",
             "microscaling: blocks of 32 with a scale that is a power of two")  # fmt: skip
NVIDIA = Text("de NVIDIA: bloques de 16 con una escala FP8, y otra para toda la matriz",
              "NVIDIA’s: blocks of 16 with an FP8 scale, and another for the whole matrix")  # fmt: skip
E4M3 = Text("4 bits de exponente y 3 de mantisa", "4 bits of exponent and 3 of mantissa")
E5M2 = Text("5 bits de exponente y 2 de mantisa", "5 bits of exponent and 2 of mantissa")
LAYOUTS = {
    "E4M3": E4M3, "E5M2": E5M2,
    "E2M3": Text("2 bits de exponente y 3 de mantisa", "2 bits of exponent and 3 of mantissa"),
    "E3M2": Text("3 bits de exponente y 2 de mantisa", "3 bits of exponent and 2 of mantissa"),
}  # fmt: skip
FLAVOUR = Text("sin infinitos (finite), con un solo NaN", "finite: no infinities, a single NaN")
DYNAMIC_8 = Text("una escala por canal, y otra por token hallada al ejecutar",
                 "a scale for each channel, and one for each token found as it runs")  # fmt: skip
BLOCK_8 = Text("una escala por cada bloque de 128 × 128 pesos", "a scale for each block of 128 × 128 weights")
STATIC_8 = Text("una escala fija, hallada con un texto de calibración", "a fixed scale, found on a calibration text")
HALF = Text("coma flotante de 16 bits: 5 de exponente, 10 de mantisa", "16-bit floats: 5 of exponent, 10 of mantissa")
BFLOAT = Text(
    "brain float, 16 bits: 8 de exponente, 7 de mantisa", "brain float, 16 bits: 8 of exponent, 7 of mantissa"
)
SINGLE = Text("coma flotante de 32 bits: sin cuantizar", "32-bit floats: not quantized")
EXL = {
    "2": Text("formato de ExLlamaV2: GPTQ con bits distintos en cada parte de cada matriz",
              "ExLlamaV2’s format: GPTQ with different bits in each part of each matrix"),
    "3": Text("formato de ExLlamaV3: una variante de QTIP, que codifica muchos pesos juntos por un camino (trellis)",
              "ExLlamaV3’s format: a variant of QTIP, which codes many weights together along a path (trellis)"),
}  # fmt: skip
BPW = Text("bits por peso, de media", "bits a weight, on average")
AVERAGE = Text("{n} bits por peso de media", "{n} bits a weight on average")
HEAD_BITS = Text("la matriz de salida, en {n} bits", "the head, in {n} bits")
MLX_SAID = Text("de MLX, para Mac: enteros en grupos de 64, con escala y mínimo",
                "MLX’s, for Macs: integers in groups of 64, with a scale and a minimum")  # fmt: skip
MLC_Q = Text(
    "de MLC y WebLLM: pesos en {n} bits; en grupos de 32 si son 4",
    "MLC’s and WebLLM’s: weights in {n} bits; in groups of 32 where 4",
)
MLC_F = Text("se calcula en coma flotante de {n} bits", "computes in {n}-bit floats")
MLC_ID = Text("la variante: cómo se colocan los códigos en memoria", "the variant: how codes lie in memory")
JS_Q = Text("de transformers.js: pesos en {n} bits", "transformers.js’s: weights in {n} bits")
WORD_BITS = Text("bits", "bits")
# Why there is no recipe.
NO_GRID = Text("No se puede ejecutar aquí: sus códigos nombran grupos de 4 u 8 pesos a la vez, en tablas de ggml que esta página no tiene.",
               "It cannot be run here: its codes name groups of 4 or 8 weights at once, in tables of ggml’s that this page lacks.")  # fmt: skip
NO_UD = Text("No se puede ejecutar aquí: qué formato recibe cada matriz no está en el nombre; lo eligió Unsloth para ese modelo.",
             "It cannot be run here: which format each matrix gets is not in the name; Unsloth chose it for that model.")  # fmt: skip
NO_SIZE = Text("No se puede ejecutar aquí: llama.cpp no escribe esa mezcla; quien la publicó dejó más bits donde quiso, y el nombre no lo dice.",
               "It cannot be run here: llama.cpp writes no such mixture; whoever published it left more bits where they chose, and the name does not say.")  # fmt: skip
NO_EXL = Text("No se puede ejecutar aquí: hace falta su decodificador, y esta página guarda cada peso por separado.",
              "It cannot be run here: it needs its own decoder, and this page stores each weight by itself.")  # fmt: skip
NO_BLOCK_8 = Text("No se puede ejecutar aquí: una escala por rectángulo de 128 × 128 no está entre las de esta página.",
                  "It cannot be run here: a scale for each rectangle of 128 × 128 is not among this page’s.")  # fmt: skip
NO_STATIC_8 = Text("No se puede ejecutar aquí tal cual: la escala fija de FP8 no está; la receta de abajo la halla al ejecutar.",
                   "It cannot be run here as it is: the fixed scale of FP8 is not here; the recipe below finds it as it runs.")  # fmt: skip
NO_Q8 = Text("No se puede ejecutar aquí: redondea también las activaciones, con un punto cero que esta página no tiene.",
             "It cannot be run here: it rounds the activations too, with a zero point that this page lacks.")  # fmt: skip
NO_ACTIVATIONS = Text("No se puede ejecutar aquí: esta página no redondea las activaciones a {n} bits.",
                      "It cannot be run here: this page does not round activations to {n} bits.")  # fmt: skip
NO_BITS = Text(
    "No se puede ejecutar aquí: no hay enteros de {n} bits.",
    "It cannot be run here: there are no integers of {n} bits.",
)
NO_FIT = Text("No cabe en este modelo: {why}", "It does not fit this model: {why}")
FLOAT_32 = Text(
    "No hay nada que cuantizar: es el original de esta página.",
    "There is nothing to quantize: it is this page’s original.",
)
# What the recipes are called.
AS_FILE = Text("como la escribe llama.cpp", "as llama.cpp writes it")
AS_FORMAT = Text("solo el formato, igual en todas las matrices", "the format alone, the same in all matrices")
WEIGHTS = Text("solo los pesos", "weights alone")
BOTH = Text("pesos y activaciones", "weights and activations")
USUAL = Text("con grupos de {n}, lo usual", "in groups of {n}, the usual")
AS_SAID = Text("tal como se llama", "as it is called")
# Notes.
MIXTURE = Text("Es una mezcla: {what}. La tabla de tokens, que aquí es también la salida, va en {table}.",
               "It is a mixture: {what}. The token table, which here is the output too, is in {table}.")  # fmt: skip
ONE_KIND = Text("Todas las matrices van en {name}; la tabla de tokens, que aquí es también la salida, en {table}.",
                "All matrices are in {name}; the token table, which here is the output too, in {table}.")  # fmt: skip
MIXED_PART = Text("{name} en {n} de {of} matrices", "{name} in {n} of {of} matrices")
NOMINAL = Text("Según su autor, {n} bits por peso.", "By its author {n} bits a weight.")
COMPUTED = Text(
    "{n} bits por peso en este modelo, escalas incluidas.", "{n} bits a weight in this model, scales included."
)
