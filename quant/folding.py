"""What a method or a transform does to the inputs of layers, undone in whatever feeds them, or beside them.

    y = W x + b = (W diag(s)) (x / s) + b = (W H) (H x) + b

A scale s of the inputs is folded into the norm before them (weight and bias divided by s) or into the rows of the
linear layer before them; a rotation H, head by head, into the values of attention. Where no layer before can take it,
the layer itself does it first (`Prefixed`), and so does what is stored of it (`Beside`). A float model gives the same
logits before and after. What changes gets parameters of its own: those of the original are never written to.

SmoothQuant, Xiao et al. 2023, arXiv:2211.10438; AWQ, Lin et al. 2023, arXiv:2306.00978; QuaRot, Ashkboos et al. 2024,
arXiv:2404.00456.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from quant.errors import SchemeError
from quant.hadamard import block_size, rotated
from quant.model.chain import Feed, Fold, Link
from quant.model.packed import put
from quant.text import Text
from quant.weight import Beside

PROBES, CLOSE = 4, 1e-4  # random inputs of a norm, and how alike its results have to be


class Prefixed(nn.Module):
    """A float linear layer that scales or rotates what comes in: y = z W^T + b, z = `beside.before(x)`."""

    def __init__(self, linear: nn.Linear, beside: Beside) -> None:
        super().__init__()
        self.linear, self.beside = linear, beside

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(self.beside.before(x))
        return y


def linear_of(model: nn.Module, name: str) -> nn.Linear:
    """The float linear layer called `name`, prefixed or not."""
    found = model.get_submodule(name)
    found = found.linear if isinstance(found, Prefixed) else found
    assert isinstance(found, nn.Linear)
    return found


def beside_of(model: nn.Module, name: str) -> Beside:
    """What the layer called `name` does first."""
    found = model.get_submodule(name)
    return found.beside if isinstance(found, Prefixed) else Beside()


def fold(model: PreTrainedModel, what: Fold) -> None:
    """Do to `model` what a fold says. Raises SchemeError as `scale` does."""
    if what.scale is None:
        rotate(model, what.feed)
    else:
        scale(model, what.feed, what.scale)


@torch.no_grad()
def scale(model: PreTrainedModel, feed: Feed, scales: Tensor) -> None:
    """Divide the input of the layers of `feed` by `scales` [in], and multiply their columns.

    Raises SchemeError where the norm before them does not take a scale as norms do.
    """
    if feed.folds_scale:
        _divide(model, feed, scales)
    for name in feed.layers:
        old = linear_of(model, name)
        new = _linear(old.weight * scales, old.bias)
        if not feed.folds_scale:
            known = beside_of(model, name)
            assert known.hadamard is None, "a recipe does not scale after a rotation"
            before = scales if known.pre_scale is None else known.pre_scale * scales
            put(model, name, Prefixed(new, Beside(pre_scale=before)))
        else:
            _put(model, name, new)


@torch.no_grad()
def rotate(model: PreTrainedModel, feed: Feed) -> None:
    """Rotate the input of the layers of `feed`, and their columns.

    Where a layer scales its input itself, it rotates it itself too: what the heads rotate comes before that scale.
    """
    folds = feed.head_width is not None and all(beside_of(model, name).pre_scale is None for name in feed.layers)
    size = block_size((folds and feed.head_width) or linear_of(model, feed.layers[0]).in_features)
    assert size is not None, "a recipe makes sure"
    if folds:
        source, rows = linear_of(model, feed.source), _rows(feed)
        weight, bias = source.weight.detach().clone(), _bias(source)
        weight[rows] = rotated(weight[rows].t().contiguous(), size).t()
        if bias is not None:
            bias[rows] = rotated(bias[rows], size)
        _put(model, feed.source, _linear(weight, bias))
    for name in feed.layers:
        old, known = linear_of(model, name), beside_of(model, name)
        new = _linear(rotated(old.weight, size), old.bias)
        if folds:
            _put(model, name, new)
        else:
            put(model, name, Prefixed(new, Beside(known.pre_scale, hadamard=torch.tensor([size]))))


def _divide(model: PreTrainedModel, feed: Feed, scales: Tensor) -> None:
    """Make the source of `feed` give what it gave divided by `scales`."""
    if feed.link is Link.NORM:
        put(model, feed.source, _divided_norm(model.get_submodule(feed.source), scales, feed.source))
        return
    source, rows = linear_of(model, feed.source), _rows(feed)
    weight, bias = source.weight.detach().clone(), _bias(source)
    weight[rows] /= scales[:, None]
    if bias is not None:
        bias[rows] /= scales
    _put(model, feed.source, _linear(weight, bias))


def _divided_norm(norm: Any, scales: Tensor, name: str) -> nn.Module:
    """A norm like `norm` that gives its results divided by `scales`.

    Most multiply by their weight, Gemma's by 1 + weight: which one is seen in what they give.
    """
    x = torch.randn(PROBES, len(scales), generator=torch.Generator().manual_seed(0))
    want = norm(x) / scales
    for ones in (0.0, 1.0):
        made = _like(norm)
        made.weight = nn.Parameter((norm.weight + ones) / scales - ones, False)
        if getattr(norm, "bias", None) is not None:
            made.bias = nn.Parameter(norm.bias / scales, False)
        if torch.allclose(made(x), want, CLOSE, CLOSE * float(want.abs().max())):
            return made
    raise SchemeError(
        Text("La norma «{name}» no admite una escala por columna, así que este método no vale para este modelo.",
             "The norm “{name}” takes no scale for each column, so that this method does not work on this model.")
        .format(name=name)
    )  # fmt: skip


def _like(norm: Any) -> Any:
    """The same module with a table of parameters of its own."""
    made = norm.__class__.__new__(norm.__class__)
    made.__dict__ = {**norm.__dict__, "_parameters": dict(norm._parameters)}
    return made


def _bias(linear: nn.Linear) -> Tensor | None:
    """A bias of its own, to be changed; None where there is none."""
    found: Tensor | None = linear.bias
    return None if found is None else found.detach().clone()


def _rows(feed: Feed) -> slice:
    return slice(*feed.rows) if feed.rows else slice(None)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    made.weight = nn.Parameter(weight, False)
    if bias is not None:
        made.bias = nn.Parameter(bias.detach(), False)
    return made


def _put(model: PreTrainedModel, name: str, linear: nn.Linear) -> None:
    """Put a linear layer where another was, behind what that one did first."""
    known = beside_of(model, name)
    put(model, name, Prefixed(linear, known) if known else linear)
