"""How far a quantized model's matrices lie from the original's: by their weights, and by what they give on a text.

    weight_db = mean over layers of 10 log10(|W|^2 / |W - Q|^2)
    output_db = mean over layers of 10 log10(|X W^T|^2 / |X (W - Q)^T|^2)

in decibels, more is better. X are inputs of each layer on the calibration text, never on a text that is measured on.
Where a method scales or rotates inputs first (AWQ, a Hadamard), W is the float matrix after that and X what then comes
in, so that W and Q lie in the same coordinates; the outputs are the original's either way. GPTQ gives some of the first
away for the second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from quant import folding
from quant.calibrate import Flow
from quant.errors import CalibrationError, ModelError
from quant.methods.base import Statistic
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.quantization import structural_copy
from quant.recipe import Calibration
from quant.work import Progress, Work

READ = Calibration(tokens=2048)  # a fifth of a second on the embedded model; 512 inputs of each layer are kept of them


@dataclass(frozen=True)
class LayerErrors:
    """Decibels; infinite without error. outputs: None where no layer's inputs are known."""

    weights: float
    outputs: float | None


@torch.no_grad()
def layer_errors(original: LoadedModel, quantized: LoadedModel) -> Work[LayerErrors]:
    """Both errors of a model that was quantized here, whose folds are known; infinite where no matrix was."""
    stored = {name: held for name, _, held in packed_matrices(quantized.model)}
    if not stored:
        return LayerErrors(math.inf, math.inf)
    twin = replace(original, model=folded(original, quantized))
    weights: dict[str, float] = {}
    outputs: list[float] = []
    try:
        flow = Flow(original, READ)
        for block in flow.blocks:
            known = flow.read(block, twin.model.get_submodule(block.name), frozenset({Statistic.INPUTS}))
            flow.go_on()
            for name in (n for n in known if n in stored):
                weight = folding.linear_of(twin.model, name).weight
                missed, inputs = weight - stored[name].quantized().behind.dequantize(), known[name].inputs
                weights[name] = decibels(weight, missed)
                if inputs is not None:
                    outputs.append(decibels(inputs @ weight.t(), inputs @ missed.t()))
            yield Progress(len(weights) / len(stored))
    except (
        CalibrationError,
        ModelError,
    ):  # not read block by block: its weights can be looked at all the same
        outputs = []
    for name in (n for n in stored if n not in weights):
        weight = twin.weight(name)
        weights[name] = decibels(weight, weight - stored[name].quantized().dequantize())
    return LayerErrors(_mean(list(weights.values())), _mean(outputs) if outputs else None)


def folded(original: LoadedModel, quantized: LoadedModel) -> PreTrainedModel:
    """The float model with every scale and rotation that `quantized` was made with: it gives what `original` gives."""
    twin = structural_copy(original.model)
    for one in quantized.folds:
        folding.fold(twin, one)
    return twin


def decibels(signal: Tensor, noise: Tensor) -> float:
    """10 log10 of the ratio of both tensors' energies; infinite without noise."""
    lost = float(noise.double().square().sum())
    return 10 * math.log10(float(signal.double().square().sum()) / lost) if lost else math.inf


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
