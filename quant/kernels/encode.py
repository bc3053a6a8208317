"""Float weights straight to stored bytes: `Layout.pack(quantize(...))`, in one pass over memory where C can do it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from quant.blocks import BLOCKS
from quant.kernels.native import library
from quant.methods import method_for
from quant.methods.rtn import checked
from quant.packing import Layout
from quant.scheme import Scheme

KERNELS = {"Q4_0": "encode_q4_0", "Q8_0": "encode_q8_0"}
LARGEST_SCALE = 65504.0  # of float16


def encode(weight: Tensor, scheme: Scheme) -> bytes:
    """The bytes that `weight` [out, in] is stored in under `scheme`, made by torch's threads. Raises what these raise.

    A scale that overflows is left to the definition, which says so.
    """
    kernels = library() if scheme.name in KERNELS and scheme == BLOCKS[scheme.name].scheme else None
    if kernels is None:
        return _defined(weight, scheme)
    weight = checked(weight)
    shape = (weight.shape[0], weight.shape[1])
    nbytes = Layout(scheme).nbytes(shape)  # refuses a shape that blocks do not fill
    low, high = torch.aminmax(weight)
    if float(torch.maximum(-low, high)) / -scheme.element.lowest > LARGEST_SCALE:
        return _defined(weight, scheme)
    run = getattr(kernels, KERNELS[scheme.name])
    blocks = weight.numel() // scheme.block
    out = np.empty((blocks, nbytes // blocks), np.uint8)
    threads = torch.get_num_threads()
    cuts = [blocks * i // threads for i in range(threads + 1)]

    def part(first: int, last: int) -> None:
        run(weight.data_ptr() + first * scheme.block * weight.element_size(), out[first:].ctypes.data, last - first)

    if threads == 1:
        part(0, blocks)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, cuts[:-1], cuts[1:]))
    return out.tobytes()


def _defined(weight: Tensor, scheme: Scheme) -> bytes:
    return Layout(scheme).pack(method_for(scheme).run(weight, scheme))
