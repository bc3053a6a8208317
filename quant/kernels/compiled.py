"""Matrices as the C kernels see them: rows and products with a few vectors, from packed weights.

Weights stay where they are: the structures that C reads point into the tensors, and hold them alive. What has no
kernel, or no compiler to make it, is said by `supported` and `available`; the caller then takes the definition.
Activations are float32. The structures mirror kernels/packed.h.
"""

from __future__ import annotations

import ctypes
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from quant.formats import FORMATS, TABLE_BITS, NumberFormat
from quant.kernels.matrix import Codes, Numbers, PackedMatrix, numbers_count
from quant.kernels.native import decoder

TABLE, SIGNED, UNSIGNED, NARROW, HALF, BFLOAT, SINGLE = range(1, 8)
WIDE = {FORMATS["float16"].layout: HALF, FORMATS["bfloat16"].layout: BFLOAT, FORMATS["float32"].layout: SINGLE}
RUN = 8  # weights that share a scale come in multiples of it
POINTER, LONG = ctypes.c_void_p, ctypes.c_int64


class _Codes(ctypes.Structure):
    _fields_ = (("data", POINTER), ("table", POINTER), ("bits", ctypes.c_int32), ("kind", ctypes.c_int32))


class _Numbers(ctypes.Structure):
    _fields_ = (
        ("codes", _Codes),
        ("inner", _Codes),
        ("per", LONG),
        ("add", ctypes.c_float),
        ("single", ctypes.c_int32),
    )


class _Matrix(ctypes.Structure):
    _fields_ = (("rows", LONG), ("columns", LONG), ("runs", LONG), ("codes", _Codes), ("scale", _Numbers),
                ("zero", _Numbers), ("offset", _Numbers), ("portable", ctypes.c_int32))  # fmt: skip


def available() -> bool:
    """Whether the kernels could be compiled here."""
    return decoder() is not None


def supported(matrix: object) -> bool:
    """Whether the kernels can read `matrix`, a PackedMatrix or a float32 tensor [out, in]."""
    if isinstance(matrix, Tensor):
        return (
            available() and is_plain(matrix) and matrix.ndim == 2 and matrix.numel() > 0 and matrix.shape[1] % RUN == 0
        )
    if type(matrix) is not PackedMatrix or not available():
        return False
    return matrix in _KNOWN or _readable(matrix)


def rows(matrix: PackedMatrix | Tensor, first: int = 0, last: int | None = None, out: Tensor | None = None) -> Tensor:
    """float32 [last - first, in], the very numbers of `PackedMatrix.rows`, by torch's threads.

    out: where to write them. Several times as fast as new memory, whose pages the system first has to find.
    """
    return native(matrix).rows(first, last, out)


def matvec(matrix: PackedMatrix | Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [n, in] times the matrix [out, in] plus bias [out]: float32 [n, out]; made for n from 1 to 8."""
    return native(matrix).matvec(x, bias)


def native(matrix: PackedMatrix | Tensor) -> NativeMatrix:
    """What C reads `matrix` through, made once for each PackedMatrix."""
    if isinstance(matrix, Tensor):
        return NativeMatrix(matrix)
    known = _KNOWN.get(matrix)
    if known is None:
        known = _KNOWN[matrix] = NativeMatrix(matrix)
    return known


class NativeMatrix:
    """A structure that points into the tensors of a PackedMatrix, or into a float32 tensor [out, in].

    A C function takes the object itself, which thus lives until it returns; what keeps the address for longer takes it
    with `address_for`. portable: plain C, even where this processor has something faster. Raises ValueError where
    `supported` says no.
    """

    def __init__(self, matrix: PackedMatrix | Tensor, *, portable: bool = False) -> None:
        if not supported(matrix):
            raise ValueError("the compiled kernels cannot read this matrix")
        self._alive: list[Tensor] = []
        self.shape = (matrix.shape[0], matrix.shape[1])
        if isinstance(matrix, Tensor):
            self._alive.append(matrix.detach())
            self._struct = _Matrix(*self.shape, 1, _Codes(matrix.data_ptr(), None, 32, SINGLE), portable=portable)
            return
        codes = self._codes(matrix.codes, matrix.table)
        zero = self._numbers(Numbers(matrix.zero)) if matrix.zero else _Numbers()
        scale, offset = (self._numbers(n) if n else _Numbers() for n in (matrix.scale, matrix.offset))
        self._struct = _Matrix(*self.shape, matrix.runs, codes, scale, zero, offset, portable)

    @property
    def _as_parameter_(self) -> object:
        """What ctypes passes in its place."""
        return ctypes.byref(self._struct)

    def address_for(self, reader: list[object]) -> int:
        """Where its structure lies; `reader`, what its reader holds, holds it from now on."""
        reader.append(self)
        return ctypes.addressof(self._struct)

    def rows(self, first: int = 0, last: int | None = None, out: Tensor | None = None) -> Tensor:
        """float32 [last - first, in], in `out` where given. Raises IndexError outside, ValueError for another `out`."""
        last = self.shape[0] if last is None else last
        if not 0 <= first <= last <= self.shape[0]:
            raise IndexError(f"rows {first} to {last} of {self.shape[0]}")
        if out is None:
            out = torch.empty(last - first, self.shape[1])
        if out.shape != (last - first, self.shape[1]) or not is_plain(out):
            raise ValueError(f"rows {first} to {last} do not go into {tuple(out.shape)}")
        threads = torch.get_num_threads() if out.numel() > ALONE else 1
        check(library().packed_rows(self, first, last, out.data_ptr(), threads))
        return out

    def matvec(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """x [n, in] to float32 [n, out]. Raises ValueError for another shape."""
        if x.ndim != 2 or x.shape[1] != self.shape[1] or (bias is not None and bias.shape != self.shape[:1]):
            raise ValueError(f"x {tuple(x.shape)} for a matrix {self.shape}")
        x = x.detach().float().contiguous()
        bias = None if bias is None else bias.detach().float().contiguous()
        y = torch.empty(len(x), self.shape[0])
        threads = torch.get_num_threads() if self.shape[0] * self.shape[1] > ALONE else 1
        if len(x):
            check(library().packed_matvec(self, x.data_ptr(), address(bias), y.data_ptr(), len(x), threads))
        return y

    def _codes(self, codes: Codes, learned: Tensor | None = None) -> _Codes:
        stored = codes.stored
        self._alive.append(codes.data)
        if learned is not None:
            self._alive.append(table := learned.float().view(-1))
            kind = NARROW if is_narrow(table) and stored.code_bits == TABLE_BITS else TABLE
            return _Codes(codes.data.data_ptr(), table.data_ptr(), stored.code_bits, kind)
        if stored.values is None:
            return _Codes(codes.data.data_ptr(), None, stored.code_bits, WIDE[stored.layout])
        table = stored.values.float().contiguous()
        self._alive.append(table)
        return _Codes(codes.data.data_ptr(), table.data_ptr(), stored.code_bits, _table_kind(stored))

    def _numbers(self, numbers: Numbers) -> _Numbers:
        inner = self._codes(numbers.inner) if numbers.inner else _Codes()
        add = numbers.add if numbers.added else -0.0
        return _Numbers(self._codes(numbers.codes), inner, numbers.per, add, numbers_count(numbers) == 1)


ALONE = 1 << 16  # weights that one thread is through with before another has started
_KNOWN: WeakKeyDictionary[PackedMatrix, NativeMatrix] = WeakKeyDictionary()


def library() -> ctypes.CDLL:
    """The library. Raises RuntimeError where there is none."""
    found = decoder()
    if found is None:
        raise RuntimeError("no C compiler")
    return found


def check(failed: int) -> None:
    """Raises MemoryError where C had none."""
    if failed:
        raise MemoryError


def address(tensor: Tensor | None) -> int | None:
    """Where its numbers lie; None stays None."""
    return None if tensor is None else tensor.data_ptr()


def _table_kind(stored: NumberFormat) -> int:
    """The kind of a table: binary, two's complement, 256 numbers that bfloat16 holds, or anything else."""
    values, count = stored.values, 1 << stored.code_bits
    assert values is not None
    plain = torch.arange(count).float()
    if torch.equal(values, plain):
        return UNSIGNED
    if torch.equal(values, torch.where(plain < count / 2, plain, plain - count)):
        return SIGNED
    return NARROW if is_narrow(values) and stored.code_bits == TABLE_BITS else TABLE


def is_narrow(values: Tensor) -> bool:
    """Whether bfloat16 holds all of a table."""
    return torch.equal(values.bfloat16().float().nan_to_num(), values.nan_to_num())


def is_plain(tensor: Tensor) -> bool:
    """Whether C can read it as it lies: float32, on the processor, in one piece."""
    return tensor.dtype is torch.float32 and tensor.device.type == "cpu" and tensor.is_contiguous()


def _readable(matrix: PackedMatrix) -> bool:
    (out, columns), runs = matrix.shape, matrix.runs
    if not out or columns % runs or columns // runs % RUN or (matrix.table is not None and len(matrix.table) > 1):
        return False
    shared = [n for n in (matrix.scale, matrix.offset, Numbers(matrix.zero) if matrix.zero else None) if n]
    if matrix.zero and matrix.zero.stored != matrix.codes.stored:
        return False
    return _decodable(matrix.codes) and all(
        _decodable(n.codes) and (n.inner is None or _decodable(n.inner)) and numbers_count(n) in (1, out * runs)
        for n in shared
    )


def _decodable(codes: Codes) -> bool:
    """Whether C can turn the codes into values, and all of them are there."""
    stored, data = codes.stored, codes.data
    known = stored.code_bits <= TABLE_BITS if stored.values is not None else stored.layout in WIDE
    whole = data.dtype is torch.uint8 and data.device.type == "cpu" and data.is_contiguous()
    return known and whole and data.numel() * 8 >= codes.count * stored.code_bits
