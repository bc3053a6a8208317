"""What comes into a layer on a calibration text: how large each channel and each token gets, and what stands out.

One scale serves everything that shares it, so that its largest number decides how coarsely all others are rounded:
a few channels in all tokens (Dettmers et al. 2022, LLM.int8(), arXiv:2208.07339), or the first token of a window alone
(Sun et al. 2024, massive activations, arXiv:2402.17762). Of the original model, through transformers' own code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from quant.calibrate import windows
from quant.errors import CalibrationError
from quant.model.copied import structural_copy
from quant.model.layers import Kind, Layer
from quant.model.load import LoadedModel
from quant.recipe import Calibration
from quant.run import own
from quant.text import Text
from quant.work import Progress, Work

TOKENS = 2048
OUTLIER_SIZE, OUTLIER_TIMES = 6.0, 20.0  # LLM.int8()'s threshold; how many times the median channel's largest
MASSIVE_SIZE, MASSIVE_TIMES = 100.0, 1000.0  # Sun et al.'s: how many times the median magnitude
TOKEN_BINS, CHANNEL_BINS = 64, 128


@dataclass(frozen=True, eq=False)
class Ranges:
    """The magnitudes of what comes into one layer, in the units of the model.

    largest, typical: float32 [in], of each channel over all tokens, typical being the root mean square; by_token:
    float32 [tokens], the largest of each; heat: float32 [token bins, channel bins], the largest of each bin of
    neighbours, tokens in reading order. first, rest: the largest at the first position of a window, and at any other;
    median: of all magnitudes; windows, context: how many of how many tokens were read.
    """

    layer: str
    largest: np.ndarray
    typical: np.ndarray
    by_token: np.ndarray
    heat: np.ndarray
    first: float
    rest: float
    median: float
    windows: int
    context: int

    @property
    def tokens(self) -> int:
        return len(self.by_token)

    @property
    def channels(self) -> int:
        return len(self.largest)

    @property
    def usual_channel(self) -> float:
        """The largest magnitude of the median channel."""
        return float(np.median(self.largest))

    @property
    def worst(self) -> int:
        """The channel with the largest magnitude."""
        return int(self.largest.argmax())

    @property
    def threshold(self) -> float:
        """Beyond which a channel is called an outlier: above 6, and above 20 times the median channel's largest."""
        return max(OUTLIER_SIZE, OUTLIER_TIMES * self.usual_channel)

    @property
    def outliers(self) -> tuple[int, ...]:
        """The channels beyond `threshold`, the largest first."""
        ranked = np.argsort(-self.largest, kind="stable")
        return tuple(int(i) for i in ranked if self.largest[i] > self.threshold)

    @property
    def massive(self) -> bool:
        """Whether the first position has a massive activation: above 100, and above 1,000 times the median."""
        return self.first > max(MASSIVE_SIZE, MASSIVE_TIMES * self.median)

    @property
    def lost_bits(self) -> float:
        """How many bits of a grid that all tokens share the median token leaves unused, for its largest is smaller."""
        usual = float(np.median(self.by_token))
        return math.log2(float(self.by_token.max()) / usual) if usual else 0.0


@torch.no_grad()
def range_steps(loaded: LoadedModel, layer: Layer, calibration: Calibration) -> Work[Ranges]:
    """Read the text, a window at a time, as far as `layer`. The model is left as it is.

    Raises CalibrationError for a text that is too short, and for a table that is only looked up.
    """
    if layer.kind is Kind.TABLE and not layer.tied_to:
        raise CalibrationError(
            Text("«{layer}» solo se consulta, fila a fila: no le entran activaciones. Elige una capa lineal.",
                 "“{layer}” is only looked up, row by row: no activations come into it. Choose a linear layer.")
            .format(layer=layer.name)
        )  # fmt: skip
    ids = windows(loaded, calibration)
    model = structural_copy(loaded.model)  # modules of its own to stop at: others may be reading the original
    module, found = model.get_submodule(layer.tied_to or layer.name), []
    for i, row in enumerate(ids):
        found.append(_inputs(model, module, row[None]).abs())
        yield Progress((i + 1) / len(ids))
    return _ranges(layer.name, torch.stack(found))


class _Arrived(Exception):
    """The layer has been reached."""


def _inputs(model: nn.Module, module: nn.Module, ids: Tensor) -> Tensor:
    """float32 [n, in]: what `module` is given, of one window [1, n]."""
    found: list[Tensor] = []

    def stop(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        found.append(args[0])
        raise _Arrived

    handle = module.register_forward_pre_hook(stop)
    try:
        own.logits(model, ids)
    except _Arrived:
        return found[0].reshape(-1, found[0].shape[-1]).float()
    finally:
        handle.remove()
    raise CalibrationError(
        Text("Esta arquitectura no pasa por esa capa al leer un texto, así que no hay activaciones que ver.",
             "This architecture does not go through that layer when it reads a text, so there are no activations.")
    )  # fmt: skip


def _ranges(layer: str, size: Tensor) -> Ranges:
    """Of magnitudes float32 [windows, n, in]."""
    flat = size.flatten(0, 1)
    rest = size[:, 1:]
    return Ranges(
        layer, flat.amax(0).numpy(), flat.square().mean(0).sqrt().numpy(), flat.amax(1).numpy(),
        binned(binned(flat.numpy(), TOKEN_BINS, 0), CHANNEL_BINS, 1), float(size[:, 0].max()),
        float(rest.max()) if rest.numel() else 0.0, float(flat.median()), size.shape[0], size.shape[1],
    )  # fmt: skip


def binned(values: np.ndarray, bins: int, axis: int) -> np.ndarray:
    """The largest of each of at most `bins` runs of neighbours along `axis`, as even as they can be."""
    n = values.shape[axis]
    starts = np.unique(np.arange(bins) * n // bins)
    return np.maximum.reduceat(values, starts, axis)
