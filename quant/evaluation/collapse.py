"""Why a recipe loses what it loses: which layer, which channel, and where two models part by depth.

Both models read the same text. Each block of the quantized one is also given the original's states, so that what its
layers do is told from what came before:

    loss of a layer      |y_q - y|^2 / |y|^2     y, y_q: its outputs in the two blocks, of one block's input
    error of a weight    (w_q - w)^2 E[x_j^2]    what it adds, on average, to the square of the error of its output
    parting              |h_q - h|^2 / |h|^2     h, h_q: the residual stream after each block, each model on its own

in dB. Where a method scales or rotates, y and w are those of the float model after that (`layer_error.folded`), so that
both lie in the same coordinates.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from quant.calibrate import Flow
from quant.evaluation.layer_error import folded
from quant.folding import linear_of
from quant.methods.base import Statistic
from quant.model.chain import Block
from quant.model.layers import Layer, linear_layers
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.recipe import Calibration
from quant.work import Progress, Work

CELLS = 48  # rows and columns of the picture of a matrix
OUTLIER = 6.0  # times the median of the columns' root mean squares: what is called an outlier channel


@dataclass(frozen=True)
class LayerLoss:
    """How much of a layer's output is error, in dB (0: as large as the output)."""

    layer: Layer
    loss_db: float


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """Where in one matrix the error of its output comes from.

    cells: float32 [rows, columns] up to CELLS each, mean error of the weights there (root of the equation above);
    by_input: float32 [in], each input channel's share of all of it; inputs_rms: float32 [in].
    """

    layer: Layer
    cells: Tensor
    by_input: Tensor
    inputs_rms: Tensor

    @property
    def worst_input(self) -> int:
        """The channel through which most of the error comes."""
        return int(self.by_input.argmax())

    @property
    def worst_share(self) -> float:
        return float(self.by_input[self.worst_input])

    @property
    def outlier_ratio(self) -> float:
        """How many times the median channel's input the worst channel's is."""
        return float(self.inputs_rms[self.worst_input] / self.inputs_rms.median().clamp(min=1e-12))


@dataclass(frozen=True, eq=False)
class Collapse:
    """What is known so far. depth_db: after each block; worst: of the layer that loses most."""

    tokens: int
    losses: tuple[LayerLoss, ...] = ()
    depth_db: tuple[float, ...] = ()
    worst: ErrorMap | None = None

    @property
    def ranked(self) -> list[LayerLoss]:
        """From the layer that loses most."""
        return sorted(self.losses, key=lambda one: one.loss_db, reverse=True)


@torch.no_grad()
def collapse_steps(loaded: LoadedModel, quantized: LoadedModel, calibration: Calibration) -> Work[Collapse]:
    """Look at both models on a text, block by block. Raises CalibrationError as `Flow` does."""
    flow, own, twin = Flow(loaded, calibration), Flow(loaded, calibration), folded(loaded, quantized)
    stored = {name: held for name, _, held in packed_matrices(quantized.model)}
    layers = {layer.name: layer for layer in linear_layers(loaded)}
    squares: dict[str, Tensor] = {}
    found = Collapse(flow.tokens)
    for done, block in enumerate(flow.blocks):
        modules = [m.get_submodule(block.name) for m in (twin, quantized.model)]
        known = flow.read(block, modules[0], frozenset({Statistic.SQUARES}))
        squares |= {name: one.squares for name, one in known.items() if one.squares is not None}
        losses = tuple(LayerLoss(layers[name], loss) for name, loss in _losses(flow, block, *modules).items())
        own.read(block, modules[1], frozenset())
        depth = _db(own.outputs, flow.outputs)
        found = replace(found, losses=found.losses + losses, depth_db=(*found.depth_db, depth))
        flow.go_on()
        own.go_on()
        yield Progress((done + 1) / (len(flow.blocks) + 1), found)
    worst = next((one.layer for one in found.ranked if one.layer.name in stored), None)
    if worst is None:
        return found
    error = stored[worst.name].quantized().behind.dequantize() - linear_of(twin, worst.name).weight
    return replace(found, worst=error_map(worst, error, squares[worst.name]))


def error_map(layer: Layer, error: Tensor, squares: Tensor) -> ErrorMap:
    """Of the error of the weights [out, in], and the mean squares of what they are multiplied by [in]."""
    weighted = error.square() * squares
    rows, columns = (min(CELLS, side) for side in weighted.shape)
    cells = nn.functional.adaptive_avg_pool2d(weighted[None], (rows, columns))[0].sqrt()
    return ErrorMap(layer, cells, weighted.sum(0) / weighted.sum().clamp(min=1e-30), squares.sqrt())


def _losses(flow: Flow, block: Block, original: nn.Module, quantized: nn.Module) -> dict[str, float]:
    """Of each linear layer, on some of the windows."""
    states = flow.inputs[: flow.windows_at_once]
    with _outputs(block, original) as want:
        flow.through(block, original, states)
    with _outputs(block, quantized) as got:
        flow.through(block, quantized, states)
    return {name: _db(got[name], want[name]) for name in block.linears}


@contextmanager
def _outputs(block: Block, module: nn.Module) -> Iterator[Mapping[str, Tensor]]:
    """What each linear layer of a block gives in this thread while this is open: others may be reading the model."""
    here, seen = threading.get_ident(), dict[str, Tensor]()

    def note(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def keep(_: nn.Module, __: object, output: Tensor) -> None:
            if threading.get_ident() == here:
                seen[name] = output

        return keep

    relative = {name: module.get_submodule(name[len(block.name) + 1 :]) for name in block.linears}
    handles = [one.register_forward_hook(note(name)) for name, one in relative.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _db(got: Tensor, want: Tensor) -> float:
    """Of the error's energy over that of what was wanted; -inf where there is none."""
    ratio = float((got - want).double().square().sum() / want.double().square().sum().clamp(min=1e-30))
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf
