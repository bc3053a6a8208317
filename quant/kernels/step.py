"""The C kernels seen from Python: rows, products with a few vectors, and a whole step of GPT-2, from packed weights.

Weights stay where they are: the structures that C reads point into the tensors, and hold them alive. What has no
kernel, or no compiler to make it, is said by `supported`, `supports` and `available`; the caller then takes the
definition. Activations are float32 throughout. The structures mirror kernels/packed.h and kernels/decode.c.
"""

from __future__ import annotations

import ctypes
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import GPT2LMHeadModel

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


class _Linear(ctypes.Structure):
    _fields_ = (("matrix", POINTER), ("bias", POINTER), ("rounded", LONG))


class _Norm(ctypes.Structure):
    _fields_ = (("weight", POINTER), ("bias", POINTER))


class _Block(ctypes.Structure):
    _fields_ = (("before_attention", _Norm), ("qkv", _Linear), ("attended", _Linear), ("before_mlp", _Norm),
                ("up", _Linear), ("down", _Linear))  # fmt: skip


class _Gpt2(ctypes.Structure):
    _fields_ = (("layers", LONG), ("width", LONG), ("heads", LONG), ("vocabulary", LONG), ("epsilon", ctypes.c_float),
                ("tokens", POINTER), ("positions", POINTER), ("blocks", POINTER), ("last", _Norm),
                ("head", _Linear))  # fmt: skip


class _Cache(ctypes.Structure):
    _fields_ = (("keys", POINTER), ("values", POINTER), ("room", LONG))


def available() -> bool:
    """Whether the kernels could be compiled here."""
    return decoder() is not None


def supported(matrix: object) -> bool:
    """Whether the kernels can read `matrix`, a PackedMatrix or a float32 tensor [out, in]."""
    if isinstance(matrix, Tensor):
        return (
            available() and _is_plain(matrix) and matrix.ndim == 2 and matrix.numel() > 0 and matrix.shape[1] % RUN == 0
        )
    if not isinstance(matrix, PackedMatrix) or not available():
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

    portable: plain C, even where this processor has something faster. Raises ValueError where `supported` says no.
    """

    def __init__(self, matrix: PackedMatrix | Tensor, *, portable: bool = False) -> None:
        if not supported(matrix):
            raise ValueError("the compiled kernels cannot read this matrix")
        self._alive: list[Tensor] = []
        self.shape = (matrix.shape[0], matrix.shape[1])
        if isinstance(matrix, Tensor):
            self._alive.append(matrix.detach())
            self.struct = _Matrix(*self.shape, 1, _Codes(matrix.data_ptr(), None, 32, SINGLE), portable=portable)
            return
        codes = self._codes(matrix.codes)
        zero = self._numbers(Numbers(matrix.zero)) if matrix.zero else _Numbers()
        scale, offset = (self._numbers(n) if n else _Numbers() for n in (matrix.scale, matrix.offset))
        self.struct = _Matrix(*self.shape, matrix.runs, codes, scale, zero, offset, portable)

    def rows(self, first: int = 0, last: int | None = None, out: Tensor | None = None) -> Tensor:
        """float32 [last - first, in], in `out` where given. Raises IndexError outside, ValueError for another `out`."""
        last = self.shape[0] if last is None else last
        if not 0 <= first <= last <= self.shape[0]:
            raise IndexError(f"rows {first} to {last} of {self.shape[0]}")
        if out is None:
            out = torch.empty(last - first, self.shape[1])
        if out.shape != (last - first, self.shape[1]) or not _is_plain(out):
            raise ValueError(f"rows {first} to {last} do not go into {tuple(out.shape)}")
        threads = torch.get_num_threads() if out.numel() > ALONE else 1
        _check(_library().packed_rows(ctypes.byref(self.struct), first, last, out.data_ptr(), threads))
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
            _check(_library().packed_matvec(
                ctypes.byref(self.struct), x.data_ptr(), _address(bias), y.data_ptr(), len(x), threads
            ))  # fmt: skip
        return y

    def _codes(self, codes: Codes) -> _Codes:
        stored = codes.stored
        self._alive.append(codes.data)
        if stored.values is None:
            return _Codes(codes.data.data_ptr(), None, stored.code_bits, WIDE[stored.layout])
        table = stored.values.float().contiguous()
        self._alive.append(table)
        return _Codes(codes.data.data_ptr(), table.data_ptr(), stored.code_bits, _table_kind(stored))

    def _numbers(self, numbers: Numbers) -> _Numbers:
        inner = self._codes(numbers.inner) if numbers.inner else _Codes()
        add = numbers.add if numbers.added else -0.0
        return _Numbers(self._codes(numbers.codes), inner, numbers.per, add, numbers_count(numbers) == 1)


def address_of(matrix: NativeMatrix) -> int:
    """Where its structure lies; it must outlive whoever reads it."""
    return ctypes.addressof(matrix.struct)


ALONE = 1 << 16  # weights that one thread is through with before another has started
_KNOWN: WeakKeyDictionary[PackedMatrix, NativeMatrix] = WeakKeyDictionary()


def _library() -> ctypes.CDLL:
    library = decoder()
    if library is None:
        raise RuntimeError("no C compiler")
    return library


def _check(failed: int) -> None:
    if failed:
        raise MemoryError


def _address(tensor: Tensor | None) -> int | None:
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
    narrow = torch.equal(values.bfloat16().float().nan_to_num(), values.nan_to_num())
    return NARROW if narrow and stored.code_bits == TABLE_BITS else TABLE


def _is_plain(tensor: Tensor) -> bool:
    return tensor.dtype is torch.float32 and tensor.device.type == "cpu" and tensor.is_contiguous()


def _readable(matrix: PackedMatrix) -> bool:
    (out, columns), runs = matrix.shape, matrix.runs
    if not out or columns % runs or columns // runs % RUN:
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


class NativeGpt2:
    """A GPT2LMHeadModel whose steps run in C. Its linear modules and its table are float32, or hold a `.matrix`.

    Points into the model's weights, which may change in place but not be replaced. Raises ValueError where `supports`
    says no.
    """

    def __init__(self, model: GPT2LMHeadModel, *, portable: bool = False) -> None:
        if not supports(model):
            raise ValueError("the compiled kernels do not run this model")
        self._alive: list[object] = []
        self._portable = portable
        body, config = model.transformer, model.config
        self._shape = (config.n_layer, config.n_head, config.n_embd // config.n_head)
        self.positions, self.vocabulary = body.wpe.weight.shape[0], _shape(model.lm_head)[0]
        blocks = (_Block * len(body.h))(*map(self._block, body.h))
        self._alive += [blocks, body.wpe.weight]
        self._struct = _Gpt2(
            len(body.h), config.n_embd, config.n_head, self.vocabulary, body.ln_f.eps, self._matrix(body.wte),
            body.wpe.weight.data_ptr(), ctypes.addressof(blocks), self._norm(body.ln_f), self._linear(model.lm_head),
        )  # fmt: skip

    @torch.no_grad()
    def step(self, ids: list[int], keys: Tensor, values: Tensor, position: int, all_logits: bool = False) -> Tensor:
        """float32 logits [1, vocabulary] after tokens `ids`, or [n, vocabulary] after each of them.

        keys, values: float32 [layers, heads, room, head width], filled up to `position`; theirs are added. Raises
        ValueError for tokens, positions or a cache that do not fit.
        """
        room = keys.shape[2]
        shape = (self._shape[0], self._shape[1], room, self._shape[2])
        if not all(c.shape == shape and _is_plain(c) for c in (keys, values)):
            raise ValueError(f"caches {tuple(keys.shape)} and {tuple(values.shape)}: float32 {shape} are needed")
        if not ids or not 0 <= position <= min(room, self.positions) - len(ids):
            raise ValueError(f"{len(ids)} tokens at {position}: there are {room} places and {self.positions} positions")
        if min(ids) < 0 or max(ids) >= self.vocabulary:
            raise ValueError(f"token {min(ids)} or {max(ids)}: the table has {self.vocabulary}")
        logits = torch.empty(len(ids) if all_logits else 1, self.vocabulary)
        cache = _Cache(keys.data_ptr(), values.data_ptr(), room)
        _check(_library().gpt2_step(
            ctypes.byref(self._struct), ctypes.byref(cache), (ctypes.c_int32 * len(ids))(*ids), len(ids), position,
            all_logits, torch.get_num_threads(), logits.data_ptr(),
        ))  # fmt: skip
        return logits

    def _block(self, block: Any) -> _Block:
        return _Block(
            self._norm(block.ln_1), self._linear(block.attn.c_attn), self._linear(block.attn.c_proj),
            self._norm(block.ln_2), self._linear(block.mlp.c_fc), self._linear(block.mlp.c_proj),
        )  # fmt: skip

    def _norm(self, norm: Any) -> _Norm:
        self._alive += [norm.weight, norm.bias]
        return _Norm(norm.weight.data_ptr(), norm.bias.data_ptr())

    def _linear(self, module: nn.Module) -> _Linear:
        bias = getattr(module, "bias", None)
        self._alive.append(bias)
        return _Linear(self._matrix(module), _address(bias), getattr(module, "rounds", False))

    def _matrix(self, module: nn.Module) -> int:
        weights = _weights(module)
        assert weights is not None
        matrix = NativeMatrix(weights, portable=self._portable)
        self._alive.append(matrix)
        return address_of(matrix)


def supports(model: nn.Module) -> bool:
    """Whether `NativeGpt2` runs `model`: a GPT-2 as published, every part of it float32 or packed in a known way."""
    if not isinstance(model, GPT2LMHeadModel) or not available():
        return False
    c, body = model.config, model.transformer
    usual = c.scale_attn_weights and not c.scale_attn_by_inverse_layer_idx and not c.add_cross_attention
    if not usual or c.activation_function not in ("gelu_new", "gelu_pytorch_tanh") or not len(body.h):
        return False
    norms = [body.ln_f, *(n for b in body.h for n in (b.ln_1, b.ln_2))]
    plain = [body.wpe.weight, *(t for n in norms for t in (n.weight, n.bias))]
    if not all(_is_plain(t) for t in plain) or len({n.eps for n in norms}) > 1:
        return False
    d, inner, vocabulary = c.n_embd, _shape(body.h[0].mlp.c_fc)[0], _shape(model.lm_head)[0]
    fits = [_fits(body.wte, (vocabulary, d)), _fits(model.lm_head, (vocabulary, d))]
    for block in body.h:
        fits += [_fits(block.attn.c_attn, (3 * d, d)), _fits(block.attn.c_proj, (d, d))]
        fits += [_fits(block.mlp.c_fc, (inner, d)), _fits(block.mlp.c_proj, (d, inner))]
    return all(fits)


def _weights(module: nn.Module) -> PackedMatrix | Tensor | None:
    """What a linear module or a table holds: packed, or a tensor [out, in]."""
    if isinstance(module, nn.Linear | nn.Embedding):
        return module.weight
    return getattr(module, "matrix", None)


def _shape(module: nn.Module) -> tuple[int, ...]:
    weights = _weights(module)
    return (0, 0) if weights is None else tuple(weights.shape)


def _fits(module: nn.Module, shape: tuple[int, int]) -> bool:
    bias = getattr(module, "bias", None)
    plain = bias is None or (_is_plain(bias) and bias.shape == shape[:1])
    return plain and _shape(module) == shape and supported(_weights(module))
