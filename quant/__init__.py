"""Quantization you can step through: number formats, schemes, methods, and a real GPT-2 to try them on."""

from quant.blocks import BLOCKS
from quant.errors import QuantError
from quant.evaluate.figures import measure
from quant.evaluate.quality import evaluate
from quant.file.quantized import load_quantized, save_quantized
from quant.formats import FORMATS
from quant.generate import generate
from quant.methods import quantize
from quant.model.load import load_model
from quant.quantization import quantize_model
from quant.recipe import Recipe, Rule
from quant.scheme import PerChannel, PerGroup, PerTensor, Scheme
from quant.vml import settle_first_calls

__all__ = [
    "BLOCKS",
    "FORMATS",
    "PerChannel",
    "PerGroup",
    "PerTensor",
    "QuantError",
    "Recipe",
    "Rule",
    "Scheme",
    "evaluate",
    "generate",
    "load_model",
    "load_quantized",
    "measure",
    "quantize",
    "quantize_model",
    "save_quantized",
]

settle_first_calls()
