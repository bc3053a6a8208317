"""A whole step of GPT-2 in C: a few tokens through all layers in one call, from packed or float32 weights.

The structures mirror kernels/decode.c and point into the model's tensors, which they hold alive. C never calls a
module, so every module has to be of a type known here, and so does what it holds: `supports` refuses any other, and the
caller then takes `quant/run/gpt2.py`, which calls them.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2LMHeadModel

from quant.activations import Activations
from quant.kernels import compiled
from quant.kernels.compiled import LONG, POINTER, NativeMatrix, address, check, is_plain
from quant.kernels.held import Held
from quant.kernels.matrix import PackedMatrix
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.run.cache import scheme_of


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


class NativeGpt2:
    """A GPT2LMHeadModel whose steps run in C. Its linear modules and its table are float32, or hold a PackedMatrix.

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
        if not all(c.shape == shape and is_plain(c) for c in (keys, values)):
            raise ValueError(f"caches {tuple(keys.shape)} and {tuple(values.shape)}: float32 {shape} are needed")
        if not ids or not 0 <= position <= min(room, self.positions) - len(ids):
            raise ValueError(f"{len(ids)} tokens at {position}: there are {room} places and {self.positions} positions")
        if min(ids) < 0 or max(ids) >= self.vocabulary:
            raise ValueError(f"token {min(ids)} or {max(ids)}: the table has {self.vocabulary}")
        logits = torch.empty(len(ids) if all_logits else 1, self.vocabulary)
        cache = _Cache(keys.data_ptr(), values.data_ptr(), room)
        check(compiled.library().gpt2_step(
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
        bias = _bias(module)
        self._alive.append(bias)
        return _Linear(self._matrix(module), address(bias), _activations(module) == Activations.INT8)

    def _matrix(self, module: nn.Module) -> int:
        weights = _weights(module)
        assert weights is not None
        return NativeMatrix(weights, portable=self._portable).address_for(self._alive)


def supports(model: nn.Module) -> bool:
    """Whether `NativeGpt2` runs `model`: a GPT-2 as published, every part of it float32 or packed in a known way,
    keys and values float32."""
    if not isinstance(model, GPT2LMHeadModel) or scheme_of(model) or not compiled.available():
        return False
    c, body = model.config, model.transformer
    usual = c.scale_attn_weights and not c.scale_attn_by_inverse_layer_idx and not c.add_cross_attention
    if not usual or c.activation_function not in ("gelu_new", "gelu_pytorch_tanh") or not len(body.h):
        return False
    norms = [body.ln_f, *(n for b in body.h for n in (b.ln_1, b.ln_2))]
    if type(body.wpe) is not nn.Embedding or not all(type(n) is nn.LayerNorm for n in norms):
        return False
    plain = [body.wpe.weight, *(t for n in norms for t in (n.weight, n.bias))]
    if not all(is_plain(t) for t in plain) or len({n.eps for n in norms}) > 1:
        return False
    d, inner, vocabulary = c.n_embd, _shape(body.h[0].mlp.c_fc)[0], _shape(model.lm_head)[0]
    fits = [_fits(body.wte, (vocabulary, d)), _fits(model.lm_head, (vocabulary, d))]
    for block in body.h:
        fits += [_fits(block.attn.c_attn, (3 * d, d)), _fits(block.attn.c_proj, (d, d))]
        fits += [_fits(block.mlp.c_fc, (inner, d)), _fits(block.mlp.c_proj, (d, inner))]
    return all(fits)


def _weights(module: nn.Module) -> PackedMatrix | Tensor | None:
    """What C can read of a linear module or a table; None where module or holder is of any other type."""
    if type(module) is nn.Linear or type(module) is nn.Embedding:
        return module.weight
    held: Held | None = None
    if type(module) is QuantLinear or (type(module) is QuantEmbedding and module.multiplier == 1):
        held = module.matrix
    return held if type(held) is PackedMatrix else None


def _activations(module: nn.Module) -> Activations:
    return module.activations if isinstance(module, QuantLinear) else Activations.FLOAT


def _bias(module: nn.Module) -> Tensor | None:
    return module.bias if isinstance(module, nn.Linear | QuantLinear) else None


def _shape(module: nn.Module) -> tuple[int, ...]:
    weights = _weights(module)
    return (0, 0) if weights is None else tuple(weights.shape)


def _fits(module: nn.Module, shape: tuple[int, int]) -> bool:
    bias = _bias(module)
    plain = bias is None or (is_plain(bias) and bias.shape == shape[:1])
    known = _activations(module) in (Activations.FLOAT, Activations.INT8)
    return plain and known and _shape(module) == shape and compiled.supported(_weights(module))
