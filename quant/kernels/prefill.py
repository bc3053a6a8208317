"""The C kernels for many tokens at once: causal attention in float32, and 8-bit weights times 8-bit activations.

Definitions: torch's `scaled_dot_product_attention`, and `reference.int8_activations` with a float64 product. Where
there is no compiler, or no instruction for bytes, `available` and `has_int8` say so and the caller takes those.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from quant.kernels.native import many_tokens

LANES = 16  # widths and inputs come in multiples of it
MOST_WIDTH = 256  # of a head
POINTER, LONG = ctypes.c_void_p, ctypes.c_int64
_KEPT = threading.local()


class _Attention(ctypes.Structure):
    _fields_ = (
        *((name, POINTER) for name in ("queries", "keys", "values", "out", "memory")),
        *((name, LONG) for name in ("heads", "width", "queries_n", "past", "query_row", "query_head", "key_row",
                                    "key_head", "value_row", "value_head", "out_row")),
        ("scale", ctypes.c_float),
    )  # fmt: skip


class _Int8(ctypes.Structure):
    _fields_ = (
        *((name, POINTER) for name in ("x", "weights", "scales", "bias", "out")),
        *((name, LONG) for name in ("tokens", "inputs", "outputs")), ("gelu", ctypes.c_int32),
    )  # fmt: skip


def available() -> bool:
    """Whether the kernels could be compiled here."""
    return many_tokens() is not None


def has_int8() -> bool:
    """Whether this processor multiplies bytes four at a time (VNNI)."""
    library = many_tokens()
    return library is not None and _has_int8(library)


@cache
def _has_int8(library: ctypes.CDLL) -> bool:
    return bool(library.has_int8())


def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """float32 [batch, n, heads * width]: causal attention of queries [batch, heads, n, width], the last n of the keys.

    keys, values: [batch, heads, past + n, width], neighbours in `width` next to each other in memory.
    """
    batch, heads, n, width = queries.shape
    if not _fits(queries, keys, values):
        return _defined(queries, keys, values)
    out = torch.empty(batch, n, heads * width)
    for i in range(batch):
        q, k, v = queries[i], keys[i], values[i]
        job = _Attention(
            q.data_ptr(), k.data_ptr(), v.data_ptr(), out[i].data_ptr(), None, heads, width, n, k.shape[1] - n,
            q.stride(1), q.stride(0), k.stride(1), k.stride(0), v.stride(1), v.stride(0), heads * width, width**-0.5,
        )  # fmt: skip
        threads = torch.get_num_threads()
        job.memory = _memory(_library().attention_floats(ctypes.byref(job), threads)).data_ptr()
        _check(_library().causal_attention(ctypes.byref(job), threads))
    return out


def _memory(floats: int) -> Tensor:
    """This thread's own, kept from call to call: some megabytes, which the system takes a tenth of a call to find."""
    kept: Tensor | None = getattr(_KEPT, "memory", None)
    if kept is None or kept.numel() < floats:
        kept = _KEPT.memory = torch.empty(floats)
    return kept


def _fits(*tensors: Tensor) -> bool:
    width = tensors[0].shape[-1]
    plain = all(t.dtype is torch.float32 and t.stride(-1) == 1 and t.device.type == "cpu" for t in tensors)
    return plain and width % LANES == 0 and width <= MOST_WIDTH and tensors[0].shape[2] > 0 and available()


def _defined(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    n, past = queries.shape[2], keys.shape[2] - queries.shape[2]
    mask = None
    if past and n > 1:  # `is_causal` would line the first query up with the first key
        mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    y = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=not past and n > 1)
    return y.transpose(1, 2).reshape(len(queries), n, -1)


def int8_linear(x: Tensor, weights: Tensor, scales: Tensor, bias: Tensor | None, *, gelu: bool = False,
                out: Tensor | None = None) -> Tensor:  # fmt: skip
    """float32 [n, out]: x [n, in] rounded to bytes, times int8 weights [out, in] and scales [out], plus bias.

    `in` a multiple of 16, `has_int8()`; x and the weights contiguous. out: where to write, float32 and contiguous.
    """
    x = x.contiguous()
    out = torch.empty(len(x), len(weights)) if out is None else out
    job = _Int8(
        x.data_ptr(), weights.data_ptr(), scales.data_ptr(), None if bias is None else bias.data_ptr(), out.data_ptr(),
        len(x), x.shape[1], len(weights), gelu,
    )  # fmt: skip
    _check(_library().int8_product(ctypes.byref(job), torch.get_num_threads()))
    return out


def _library() -> ctypes.CDLL:
    library = many_tokens()
    assert library is not None
    return library


def _check(failed: int) -> None:
    if failed == 1:
        raise MemoryError
    assert failed == 0
