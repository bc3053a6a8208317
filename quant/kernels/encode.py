"""Float weights straight to stored bytes: `Layout.pack(quantize(...))`, in one pass over memory where C can do it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch
from torch import Tensor

from quant.blocks import BLOCKS
from quant.kernels.native import library
from quant.methods import method_for
from quant.packing import Layout
from quant.scheme import Scheme

KERNELS = {"Q4_0": "encode_q4_0", "Q8_0": "encode_q8_0"}
LARGEST_SCALE = 65504.0  # of float16


def encode(weight: Tensor, scheme: Scheme) -> bytes:
    """The bytes that `weight` [out, in] is stored in under `scheme`, made by torch's threads. Raises what these raise.

    What cannot be encoded is left to the definition, which says why.
    """
    kernels = library() if scheme.name in KERNELS and scheme == BLOCKS[scheme.name].scheme else None
    if kernels is None:
        return _defined(weight, scheme)
    data = weight.detach().float().contiguous()
    if data.ndim != 2 or data.numel() == 0:
        return _defined(weight, scheme)
    nbytes = Layout(scheme).nbytes((data.shape[0], data.shape[1]))  # refuses a shape that blocks do not fill
    run = getattr(kernels, KERNELS[scheme.name])
    blocks, threads = data.numel() // scheme.block, torch.get_num_threads()
    out = np.empty((blocks, nbytes // blocks), np.uint8)

    def part(thread: int) -> int:
        first, last = blocks * thread // threads, blocks * (thread + 1) // threads
        start = data.data_ptr() + first * scheme.block * data.element_size()
        return int(run(start, out[first:].ctypes.data, last - first))

    largest = np.array(list(_pool(threads).map(part, range(threads))), np.uint32).view(np.float32).max()
    # NaN fails the comparison too.
    fits = largest / -scheme.element.lowest <= LARGEST_SCALE
    return out.tobytes() if fits else _defined(weight, scheme)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def _defined(weight: Tensor, scheme: Scheme) -> bytes:
    return Layout(scheme).pack(method_for(scheme).run(weight, scheme))
