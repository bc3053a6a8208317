"""Quantization you can step through: number formats, schemes, methods, and a real GPT-2 to try them on.

    from quant import *

    model = load_model()                                    # the embedded GPT-2, a folder, or a cached name of the Hub
    recipe = Recipe.uniform(Scheme.integer(4, PerGroup(64)))
    small = quantize_model(model, recipe)
    print(generate(small, "Me gusta mucho el futbol", max_length=80).text)
    print(measure(model, small, "enciclopedia").judgement.sentence.en)

`help()` of each name says shapes, units and errors, and has an example.
"""

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.cache import CacheScheme, cache_scheme
from quant.errors import QuantError
from quant.evaluation.figures import measure
from quant.evaluation.quality import evaluate
from quant.file.quantized import load_quantized, save_quantized
from quant.formats import FORMATS
from quant.generation import Sampling, generate
from quant.loading import load_model
from quant.methods import METHODS, TRANSFORMS, quantize
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe, Rule, Step
from quant.scheme import PerChannel, PerGroup, PerTensor, Scheme
from quant.size import cache_bytes
from quant.texts import EvalText, own_text
from quant.training import Training
from quant.vml import settle_first_calls

__all__ = [
    "BLOCKS",
    "FORMATS",
    "METHODS",
    "TRANSFORMS",
    "Activations",
    "CacheScheme",
    "Calibration",
    "EvalText",
    "PerChannel",
    "PerGroup",
    "PerTensor",
    "QuantError",
    "Recipe",
    "Rule",
    "Sampling",
    "Scheme",
    "Step",
    "Training",
    "cache_bytes",
    "cache_scheme",
    "evaluate",
    "generate",
    "load_model",
    "load_quantized",
    "measure",
    "own_text",
    "quantize",
    "quantize_model",
    "save_quantized",
]

settle_first_calls()
