"""Cheap guesses at what it costs to quantize each matrix, from one or a few passes, and how well they rank.

With W the float matrix, E its error, x its inputs, p the original's and q the quantized model's next-token
probabilities, on some windows of a text:

    weights     |E|^2 / |W|^2                                      looks at nothing but weights
    outputs     mean over tokens of |E x|^2                        what GPTQ lessens, tr(E H E^T) with H = E[x x^T]
    cosine      1 - mean over tokens of cos(W x, (W + E) x)        blind to what length and place make of an error
    fisher      1/2 sum F E^2, F the diagonal of the Fisher        second order of KL at the original; several backward
                information, labels drawn from p                   passes
    gradient    1/2 <d KL(p || q) / d W, E> at the quantized       one backward pass for all: KL is near to quadratic in
                model                                              E, so that these halves add up to it (Euler)

All are larger where the matrix should cost more. Gradient times change at the quantized model is what mlx-lm scores
layers by; the Fisher information's diagonal goes back to LeCun et al. 1989, "Optimal brain damage".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from quant.evaluation.layer_error import folded
from quant.evaluation.quality import Window
from quant.evaluation.sensitivity import layer_of, matrices_of, module_of, pair
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.text import Text

PROXIES: dict[str, Text] = {
    "weights": Text("Error de los pesos", "Error of the weights"),
    "outputs": Text("Error de la salida", "Error of the output"),
    "cosine": Text("Similitud del coseno", "Cosine similarity"),
    "fisher": Text("Información de Fisher", "Fisher information"),
    "gradient": Text("Gradiente por cambio", "Gradient times change"),
}
DRAWS = 4  # of the labels of each window, for the Fisher information


def proxies(original: LoadedModel, quantized: LoadedModel, windows: Sequence[Window]) -> dict[str, dict[str, float]]:
    """Each guess by its name, for every stored matrix by its name.

    original: the float model; windows: some of a text that is not measured on.
    """
    twin = replace(original, model=folded(original, quantized))
    names = matrices_of(quantized)
    pairs = {name: pair(twin, quantized, name) for name in names}
    errors = {name: stored - weight for name, (weight, stored) in pairs.items()}
    found = {"weights": {n: _energy(errors[n]) / max(_energy(pairs[n][0]), 1e-30) for n in names}}
    found |= _seen(twin, quantized, errors, windows)
    found["fisher"] = _fisher(twin, errors, windows)
    found["gradient"] = _gradient(twin, errors, windows)
    return found


def gradient(original: LoadedModel, quantized: LoadedModel, windows: Sequence[Window]) -> dict[str, float]:
    """The guess of that name alone: what each matrix of `quantized` adds to the KL of all together, nats."""
    twin = replace(original, model=folded(original, quantized))
    pairs = {name: pair(twin, quantized, name) for name in matrices_of(quantized)}
    return _gradient(twin, {name: stored - weight for name, (weight, stored) in pairs.items()}, windows)


@torch.no_grad()
def _seen(twin: LoadedModel, quantized: LoadedModel, errors: Mapping[str, Tensor], windows: Sequence[Window]) -> dict[
    str, dict[str, float]
]:  # fmt: skip
    """Both guesses that follow from the outputs of each matrix; of a tied table, from those of the output matrix."""
    lost, turned = dict.fromkeys(errors, 0.0), dict.fromkeys(errors, 0.0)

    def note(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def look(_: nn.Module, args: tuple[Tensor, ...], y: Tensor) -> None:
            missed = functional.linear(args[0], errors[name])
            lost[name] += _energy(missed)
            turned[name] += float((1 - functional.cosine_similarity(y, y + missed, dim=-1)).sum())

        return look

    model = structural_copy(twin.model)
    for name in errors:
        multiplied = layer_of(quantized, name).tied_to or name
        module_of(model, multiplied).register_forward_hook(note(name))
    for window in windows:
        model(window.inputs[None], use_cache=False)
    tokens = sum(len(w.inputs) for w in windows)
    return {
        name: {n: value / tokens for n, value in of.items()} for name, of in (("outputs", lost), ("cosine", turned))
    }


def _fisher(twin: LoadedModel, errors: Mapping[str, Tensor], windows: Sequence[Window]) -> dict[str, float]:
    """Scores of labels drawn from the model itself are uncorrelated from token to token: the square of their sum over a
    window is, on average, the sum of their squares.
    """
    generator = torch.Generator().manual_seed(0)
    found = dict.fromkeys(errors, 0.0)
    model, weights = _learning(twin, {})
    with torch.enable_grad():
        for window in windows:
            logits = model(window.inputs[None], use_cache=False).logits[0].log_softmax(-1)
            labels = torch.multinomial(logits.detach().exp(), DRAWS, replacement=True, generator=generator)
            for draw in range(DRAWS):
                score = logits.gather(1, labels[:, draw : draw + 1]).sum()
                grads = torch.autograd.grad(score, [weights[n] for n in errors], retain_graph=draw < DRAWS - 1)
                for name, grad in zip(errors, grads, strict=True):
                    found[name] += float((grad * errors[name]).double().square().sum())
    tokens = DRAWS * sum(len(w.inputs) for w in windows)
    return {name: value / 2 / tokens for name, value in found.items()}


def _gradient(twin: LoadedModel, errors: Mapping[str, Tensor], windows: Sequence[Window]) -> dict[str, float]:
    found = dict.fromkeys(errors, 0.0)
    tokens = sum(len(w.inputs) for w in windows)
    model, weights = _learning(twin, errors)
    with torch.enable_grad():
        for window in windows:
            with torch.no_grad():
                p = twin.model(window.inputs[None], use_cache=False).logits[0].log_softmax(-1)
            q = model(window.inputs[None], use_cache=False).logits[0].log_softmax(-1)
            kl = functional.kl_div(q, p, reduction="sum", log_target=True) / tokens
            grads = torch.autograd.grad(kl, [weights[n] for n in errors])
            for name, grad in zip(errors, grads, strict=True):
                found[name] += float((grad * errors[name]).double().sum()) / 2
    return found


def _learning(twin: LoadedModel, errors: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, Tensor]]:
    """A copy whose matrices take gradients, moved by `errors`; and these matrices, by name."""
    model, own = structural_copy(twin.model), dict[int, nn.Parameter]()
    found: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            key = id(module.weight)
            own.setdefault(key, nn.Parameter(module.weight.detach().clone()))
            module.weight = found[name.removesuffix(".linear")] = own[key]  # of `Prefixed`, by the name of the layer
    with torch.no_grad():
        for name, error in errors.items():
            found[name] += error
    return model, found


def _energy(values: Tensor) -> float:
    return float(values.double().square().sum())


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's: Pearson's of the ranks, equals sharing theirs; 0 where one of them is constant."""
    ranks = [_ranks(np.asarray(one, float)) for one in (a, b)]
    x, y = (r - r.mean() for r in ranks)
    scale = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum()) / scale if scale else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[where]
