"""K-quants and IQ4: formats whose scales are quantized too, and searched for.

    W = (d * sc) * v[codes] - dmin * m      sc, m: a few bits per group; d, dmin: a float16 per super-block of 256

(dmin and m only in Q2_K, Q4_K and Q5_K.) `search.py` fits each group freely, `superblock.py` finds what can be stored;
formats without super-blocks (IQ4_NL; Q4_0 with an importance matrix) need only the first.

The formats are llama.cpp's (ggml-common.h), the encoder is not. It minimizes the squared error, weighted by importance
where that is given, because that is what the page shows; ggml weighs by the size of the weights besides, and does not
revise sc and m once they are rounded. On the golden rows the error is 0.72 (Q2_K) to 0.95 (Q4_K) of ggml's on average,
0.81 to 0.92 with an importance matrix, and on no row more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from quant.errors import SchemeError, WeightError
from quant.formats import NumberFormat
from quant.methods.grid import checked
from quant.methods.search import Groups, Levels
from quant.methods.superblock import Scales, search_plain, search_super
from quant.qtensor import QTensor
from quant.scheme import Grid, Offset, PerGroup, Scheme
from quant.text import Text

CHUNK = 131_072  # weights searched at a time: what a core's cache holds
LEAST_IMPORTANCE = 1e-6  # of the mean: what does not matter still gets a sensible code
GRIDS = (Grid.SEARCH, Grid.SIGNED_MAX)  # those that use every code, and whose scale may have any sign


def quantize(weight: Tensor, scheme: Scheme, importance: Tensor | None = None) -> QTensor:
    """Search for the codes and scales of `scheme` that lose least. Deterministic.

    weight: [out, in]; importance: [in], how much a squared error counts in each column, the same in all unless given.
    A group of zeros decodes to zeros. Raises WeightError on weights or an importance that cannot be used, SchemeError
    on a scheme that has no search or does not divide the matrix, or where a scale overflows.
    """
    weight = checked(weight)
    size = _group_size(scheme)
    rows, per_row, _ = scheme.groups((weight.shape[0], weight.shape[1]))
    if isinstance(scheme.scale, Scheme):
        scheme.scale.groups((rows, per_row))  # raises where super-blocks do not divide a row
    levels, counts = Levels(scheme.element), usable_importance(importance, weight.shape[1]).view(per_row, size).t()
    found = []
    for some in weight.split(max(CHUNK // weight.shape[1], 1)):
        x = some.view(-1, size).t().contiguous()
        found.append(_encode(Groups(x, counts.repeat(1, len(some)), levels, scheme.shift is not None), scheme))
    codes, sc, m, d, dmin = (torch.cat(part) for part in zip(*found, strict=True))
    scale = _stored(sc.view(rows, per_row), d.view(rows, -1), scheme.scale)
    offset = None
    if isinstance(scheme.shift, Offset):
        offset = _stored(m.view(rows, per_row), -dmin.view(rows, -1), scheme.shift.store)
    return QTensor(codes.view(weight.shape), scale, None, scheme, offset)


def _encode(groups: Groups, scheme: Scheme) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Of n groups in N super-blocks: codes uint8 [n, size]; sc, m [N, G] and d, dmin [N, 1] float32."""
    best = _scales(groups, scheme)
    values = groups.values(best.scale, best.shift).t().contiguous()
    codes = scheme.element.encode_integers(values) if scheme.element.is_integer else scheme.element.nearest(values)
    return codes, best.sc, best.m, best.d, best.dmin


def _scales(groups: Groups, scheme: Scheme) -> Scales:
    if not isinstance(scheme.scale, Scheme):
        assert scheme.scale is not None, "only plain casts have no scale"
        return search_plain(groups, scheme.scale)
    shift = scheme.shift.store if isinstance(scheme.shift, Offset) else scheme.scale
    assert isinstance(shift, Scheme), "checked before"
    return search_super(groups, scheme.scale, shift)


def _stored(codes: Tensor, step: Tensor, how: NumberFormat | Scheme | None) -> Tensor | QTensor:
    """codes [rows, groups] times step [rows, super-blocks] as a QTensor; the step itself where there are no codes."""
    if isinstance(how, Scheme):
        return QTensor(how.element.encode_integers(codes), step, None, how)
    return step


def takes(scheme: Scheme) -> bool:
    """Whether this search can fill `scheme`."""
    stores = [scheme.scale, *([scheme.shift.store] if isinstance(scheme.shift, Offset) else [])]
    known = all(map(_is_nested, stores)) or (scheme.shift is None and isinstance(scheme.scale, NumberFormat))
    return scheme.grid in GRIDS and isinstance(scheme.granularity, PerGroup) and known


def _group_size(scheme: Scheme) -> int:
    """Raises SchemeError for schemes whose scales cannot be searched for."""
    if not takes(scheme):
        raise SchemeError(
            Text("{name} no admite búsqueda de escalas: hace falta la rejilla {grids}, por grupos, y que los "
                 "desplazamientos y sus escalas sean enteros por un número común.",
                 "{name} has no search for scales: it takes grid {grids}, groups, and offsets that are, like their "
                 "scales, integers times a shared number.")
            .format(name=scheme.name or scheme.grid.name, grids=", ".join(g.name for g in GRIDS))
        )  # fmt: skip
    assert isinstance(scheme.granularity, PerGroup)
    return scheme.granularity.size


def _is_nested(store: NumberFormat | Scheme | None) -> bool:
    """Whether scales are stored as integers times a float that several share."""
    if not isinstance(store, Scheme):
        return False
    grouped = isinstance(store.granularity, PerGroup) and isinstance(store.scale, NumberFormat)
    return grouped and store.element.is_integer and store.shift is None


def usable_importance(importance: Tensor | None, inputs: int) -> Tensor:
    """float32 [in] with mean 1 or a little more, all positive; ones where there is none or all is zero.

    Raises WeightError for one of another length, or with what is negative or not finite.
    """
    if importance is None:
        return torch.ones(inputs)
    importance = importance.detach().double()
    if importance.shape != (inputs,) or not bool((torch.isfinite(importance) & (importance >= 0)).all()):
        raise WeightError(
            Text("La importancia tiene que ser un vector de {inputs} números finitos no negativos, uno por entrada; ha "
                 "llegado un tensor {shape}.",
                 "The importance must be a vector of {inputs} finite numbers, none negative, one for each input; got a "
                 "tensor {shape}.").format(inputs=inputs, shape=str(tuple(importance.shape)))
        )  # fmt: skip
    mean = importance.mean()
    return (importance / mean).clamp(min=LEAST_IMPORTANCE).float() if mean > 0 else torch.ones(inputs)
