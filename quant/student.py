"""A quantized model whose matrices learn, and what it is told: losses against the float model, rates, arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.activations import NewGELUActivation

from quant import folding
from quant.estimator import Latent, LearningLinear, LearningTable
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, packed_matrices, put
from quant.training import SCALES, Training

OF_SCALES, OF_ZEROS = 0.5, 1.5  # the rates of the logarithms of scales, and of zero points, over that of the weights
BFLOAT16 = ("avx512_bf16", "amx_bf16")
LEARNING = (LearningLinear, LearningTable)


class Divergence(torch.autograd.Function):
    """Mean over tokens of KL(p || q), nats, of logits [tokens, vocabulary]; the gradient is that of q's alone."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor) -> Tensor:
        p_log, q_log = teacher.log_softmax(-1), student.log_softmax(-1)
        p = p_log.exp()
        loss = torch.linalg.vecdot(p, p_log.sub_(q_log)).mean()
        ctx.save_for_backward(q_log.exp_().sub_(p).div_(len(student)))
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return kept * gradient, None


def apart(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor | float:
    """How far the states after each block lie apart: mean squared distance over the teacher's variance, of the mean
    block; the embeddings, which come first, are left out.
    """
    each = [
        nn.functional.mse_loss(one.float(), other.float()) / other.float().var(correction=0)
        for one, other in zip(student[1:], teacher[1:], strict=True)
    ]
    return sum(each, torch.zeros(())) / len(each) if each else 0.0


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for it, which are twice as fast."""
    known = torch.cpu.get_capabilities()
    return any(known.get(name, False) for name in BFLOAT16)


def arithmetic() -> torch.autocast:
    """Products in bfloat16 where that is fast, in float32 elsewhere."""
    return torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16())


def in_one_pass(model: PreTrainedModel) -> PreTrainedModel:
    """`model` with torch's GELU in place of transformers' own, which writes the same function in eight passes."""
    for name, module in list(model.named_modules()):
        if isinstance(module, NewGELUActivation):
            put(model, name, nn.GELU("tanh"))
    return model


def learned(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def student_of(loaded: LoadedModel, made: LoadedModel, training: Training) -> PreTrainedModel:
    """`made` with modules that learn in place of the packed ones, and nothing else that does."""
    model = structural_copy(made.model)
    floats = structural_copy(loaded.model)
    for one in made.folds:
        folding.fold(floats, one)
    matrices: dict[int, Latent] = {}
    for name, _, held in list(packed_matrices(model)):
        weight = floats.get_submodule(name)
        weight = weight.linear.weight if isinstance(weight, folding.Prefixed) else weight.weight
        stored = held.quantized()
        matrices[id(held)] = Latent(stored, weight, learns_codes=training.learn != SCALES)
    for name, module in list(model.named_modules()):
        if isinstance(module, QuantLinear):
            put(model, name, LearningLinear(matrices[id(module.matrix)], module.bias, module.activations))
        elif isinstance(module, QuantEmbedding):
            put(model, name, LearningTable(matrices[id(module.matrix)], module.multiplier))
    return model


def parameter_groups(matrices: list[Latent]) -> list[dict[str, Any]]:
    """Latent weights, scales, and what shifts codes, each with its rate over `rate_at`, in steps of its matrix's grid:
    so one rate suits matrices of any size.
    """
    unique = list({id(m): m for m in matrices}.values())
    found = [
        *(([m.latent], float(m.first_scale.abs().mean())) for m in unique if m.latent is not None),
        *(([m.offset], OF_SCALES * float(m.first_scale.abs().mean())) for m in unique if m.offset is not None),
        ([m.log_scale for m in unique], OF_SCALES),
        ([m.zero for m in unique if m.zero is not None], OF_ZEROS),
    ]
    return [{"params": parameters, "lr": rate} for parameters, rate in found if parameters]
