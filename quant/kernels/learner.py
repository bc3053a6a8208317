"""The C kernels of training: rounding to a grid and its gradients, in one pass over the matrix each way.

Definition: `quant.estimator.FakeQuantize`, which takes its own passes where there is no compiler.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from quant.kernels.native import learner

POINTER, LONG, INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
DTYPES = (torch.float32, torch.bfloat16)


class _Learner(ctypes.Structure):
    _fields_ = (
        *((name, POINTER) for name in ("w", "scale", "zero", "gradient", "out", "of_scale", "of_zero")),
        ("groups", LONG), ("size", LONG), ("low", ctypes.c_float), ("high", ctypes.c_float), ("two", INT),
        ("narrow", INT),
    )  # fmt: skip


def fits(*tensors: Tensor | None) -> bool:
    """Whether the kernels take these: compiled here, float32 next to each other in memory, or bfloat16 gradients."""
    return learner() is not None and all(
        t is None or (t.dtype in DTYPES and t.is_contiguous() and t.device.type == "cpu") for t in tensors
    )


def fake_quantize(w: Tensor, s: Tensor, z: Tensor | None, ends: tuple[float, float], *, two: bool,
                  dtype: torch.dtype) -> Tensor:  # fmt: skip
    """`dtype` [rows, groups, size]: w rounded to the grid of s and z [rows, groups, 1]; two: no values but the ends."""
    out = torch.empty(w.shape, dtype=dtype)
    job = _job(w, s, z, ends, two, out, narrow=dtype is torch.bfloat16)
    _check(_library().fake_quantize(ctypes.byref(job), torch.get_num_threads()))
    return out


def gradients(gradient: Tensor, w: Tensor, s: Tensor, z: Tensor | None, ends: tuple[float, float], *, two: bool
              ) -> tuple[Tensor, Tensor, Tensor | None]:  # fmt: skip
    """float32, of w, s and z: what `gradient`, of the loss by what `fake_quantize` gave, is worth to them."""
    of_w, of_s = torch.empty(w.shape), torch.empty(s.shape)
    of_z = None if z is None else torch.empty(s.shape)
    job = _job(w, s, z, ends, two, of_w, narrow=gradient.dtype is torch.bfloat16)
    job.gradient, job.of_scale = gradient.data_ptr(), of_s.data_ptr()
    job.of_zero = None if of_z is None else of_z.data_ptr()
    _check(_library().fake_quantize_gradients(ctypes.byref(job), torch.get_num_threads()))
    return of_w, of_s, of_z


def _job(w: Tensor, s: Tensor, z: Tensor | None, ends: tuple[float, float], two: bool, out: Tensor, *, narrow: bool
         ) -> _Learner:  # fmt: skip
    zero = None if z is None else z.data_ptr()
    return _Learner(w.data_ptr(), s.data_ptr(), zero, None, out.data_ptr(), None, None, s.numel(), w.shape[-1], *ends,
                    two, narrow)  # fmt: skip


def _library() -> ctypes.CDLL:
    library = learner()
    assert library is not None
    return library


def _check(failed: int) -> None:
    if failed:
        raise MemoryError
