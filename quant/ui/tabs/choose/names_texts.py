"""The section ¿Qué quiere decir ese nombre?: its words; those of the parts are in quant/named/words.py."""

from __future__ import annotations

from quant.text import Text

NAMES = Text("¿Qué quiere decir ese nombre?", "What does that name mean?")
INTRO = Text(
    "Los archivos cuantizados se llaman Q4_K_M o W4A16. Escribe uno, o elige un ejemplo, y léelo por partes.",
    "Quantized files go by names such as Q4_K_M or W4A16. Type one, or pick an example, and read it part by part.",
)
NAME = Text("El nombre", "The name")
EXAMPLES = Text("Ejemplos", "Examples")
SHOWN = ("Q4_K_M", "IQ4_XS", "UD-Q4_K_XL", "Q8_0", "W4A16", "W8A8", "GPTQ-Int4", "AWQ", "NF4", "NVFP4", "MXFP4", "FP8",
         "EXL3 4.0bpw", "q4f16_1", "MLX-4bit", "bf16")  # fmt: skip
PARTS = Text("Por partes", "Part by part")
RECIPES = Text("Aquí es esto", "Here it is this")
NEAREST = Text("Lo más parecido que hay aquí", "The nearest that there is here")
USE = Text("Usar esta", "Use this one")
PYTHON = Text("Su Python", "Its Python")
BITS = Text("{n} bits por peso en este modelo", "{n} bits a weight in this model")
READ = Text("leído en {read}", "read in {read}")
