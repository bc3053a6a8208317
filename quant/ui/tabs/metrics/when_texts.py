"""Which format when: the table that Métrica ends with."""

from __future__ import annotations

from quant.text import Text

WHEN = Text("Cuál y cuándo", "Which one, and when")
WHEN_SAID = Text(
    "Lo que suele elegirse, fuera de esta página también. «Probar» carga la receta aquí.",
    "What is usually chosen, beyond this page too. “Try it” loads the recipe here.",
)
WHEN_HEAD = [
    Text("Formato", "Format"),
    Text("Bits por número, con escalas", "Bits per number, with scales"),
    Text("Cuándo", "When"),
]
# Name, bits, use, and the recipe that this page can run, if it can.
WHEN_ROWS = [
    (Text("FP32", "FP32"), Text("32 bits", "32 bits"), Text(
        "La referencia: entrenar sin sorpresas, acumular sumas y comparar los demás con él.",
        "The reference: training without surprises, accumulating sums, and comparing the others with it."), ""),
    (Text("TF32", "TF32"), Text("32 bits en memoria, 19 al multiplicar", "32 bits in memory, 19 when multiplying"), Text(
        "Multiplicar matrices float32 más deprisa en GPU de NVIDIA desde la A100. No ahorra memoria.",
        "Multiplying float32 matrices faster on NVIDIA GPUs since the A100. It saves no memory."), ""),
    (Text("BF16", "BF16"), Text("16 bits", "16 bits"), Text(
        "Entrenar, y servir modelos en hardware reciente: tiene el alcance de FP32, y los gradientes pequeños no se vuelven 0.",
        "Training, and serving models on recent hardware: it has the range of FP32, and small gradients do not become 0."),
        "format=cast_bfloat16"),
    (Text("FP16", "FP16"), Text("16 bits", "16 bits"), Text(
        "Inferencia en GPU que no tienen BF16. Para entrenar hay que multiplicar la función de pérdida, para que los gradientes no se vuelvan 0.",
        "Inference on GPUs without BF16. For training, the loss must be multiplied so that gradients do not become 0."),
        "format=cast_float16"),
    (Text("FP8 E4M3 y E5M2", "FP8 E4M3 and E5M2"), Text("8 bits y una escala por tensor o bloque", "8 bits and a scale per tensor or block"), Text(
        "E4M3 para pesos y activaciones; E5M2 para gradientes, que necesitan más alcance. GPU desde Hopper y Ada.",
        "E4M3 for weights and activations; E5M2 for gradients, which need more range. GPUs since Hopper and Ada."),
        "format=float8_e4m3fn&granularity=tensor"),
    (Text("MXFP8, MXFP6, MXFP4", "MXFP8, MXFP6, MXFP4"), Text("8,25 · 6,25 · 4,25 bits", "8.25 · 6.25 · 4.25 bits"), Text(
        "Bloques de 32 con una escala E8M0, que es una potencia de dos. Hardware de la generación Blackwell.",
        "Blocks of 32 with an E8M0 scale, which is a power of two. Hardware of the Blackwell generation."), "format=MXFP4"),
    (Text("NVFP4", "NVFP4"), Text("4,5 bits", "4.5 bits"), Text(
        "Bloques de 16 con una escala E4M3, y otra por tensor: más fiel que MXFP4 por un cuarto de bit.",
        "Blocks of 16 with an E4M3 scale, and one more per tensor: closer than MXFP4 for a quarter of a bit."), "format=NVFP4"),
    (Text("INT8 por canal", "INT8 per channel"), Text("algo más de 8 bits", "a little over 8 bits"), Text(
        "Casi sin pérdida en los pesos. Con las activaciones también en 8 bits (W8A8) acelera de verdad, pero hay que vigilar los valores atípicos.",
        "Almost lossless for weights. With activations in 8 bits too (W8A8) it is truly faster, but outliers must be watched."),
        "bits=8&granularity=channel"),
    (Text("INT4 por grupos (GPTQ, AWQ, HQQ)", "INT4 in groups (GPTQ, AWQ, HQQ)"), Text("4,125 a 4,5 bits", "4.125 to 4.5 bits"), Text(
        "Servir modelos grandes en una GPU: solo los pesos, con una escala cada 32 a 128.",
        "Serving large models on one GPU: weights only, with a scale for every 32 to 128."), "bits=4&granularity=group&group=64"),
    (Text("NF4", "NF4"), Text("4,5 bits (4,127 con doble cuantización)", "4.5 bits (4.127 with double quantization)"), Text(
        "QLoRA: ajustar adaptadores sobre un modelo congelado en 4 bits.",
        "QLoRA: fine-tuning adapters over a model frozen in 4 bits."), "format=NF4"),
    (Text("Q8_0, Q4_K, Q4_0", "Q8_0, Q4_K, Q4_0"), Text("8,5 · 4,5 · 4,5 bits", "8.5 · 4.5 · 4.5 bits"), Text(
        "llama.cpp, en el procesador o en un portátil: Q4_K es la elección habitual, Q8_0 si sobra memoria.",
        "llama.cpp, on a processor or a laptop: Q4_K is the usual choice, Q8_0 where memory is plenty."), "format=Q4_K"),
]  # fmt: skip
