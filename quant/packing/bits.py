"""Codes of a few bits to bytes and back."""

from __future__ import annotations

import torch
from torch import Tensor

CODES_IN_WORD = 8  # eight codes of b bits are b whole bytes


def pack_codes(codes: Tensor, bits: int, *, high_first: bool = False) -> bytes:
    """uint8 codes below 2**bits, any shape, to ceil(n * bits / 8) bytes.

    One code follows another, the first in the lowest bits; high_first: in the highest (bitsandbytes' nibbles).
    """
    flat = codes.reshape(-1)
    if bits == 8:
        return flat.numpy().tobytes()
    n_bytes = -(-flat.numel() * bits // 8)
    words = torch.nn.functional.pad(flat, (0, -flat.numel() % CODES_IN_WORD)).view(-1, CODES_IN_WORD)
    if 8 % bits == 0:
        packed = fold(words.view(-1, 8 // bits).t(), bits, high_first=high_first)
    else:
        packed = _pack_words(words, bits)
    return packed.reshape(-1)[:n_bytes].numpy().tobytes()


def unpack_codes(data: bytes | Tensor, bits: int, count: int, *, high_first: bool = False) -> Tensor:
    """The first `count` codes of `bits` bits in `data` (bytes, or the same as uint8 [n]), uint8 [count]."""
    raw = data if isinstance(data, Tensor) else as_tensor(data)
    if bits == 8:
        return raw[:count]
    if 8 % bits == 0:
        return unfold(raw, bits, 8 // bits, high_first=high_first).t().reshape(-1)[:count]
    words = torch.nn.functional.pad(raw, (0, -raw.numel() % bits)).view(-1, bits)
    word = sum((words[:, i].long() << (8 * i) for i in range(bits)), torch.zeros(len(words), dtype=torch.long))
    codes = [(word >> (bits * i)) & ((1 << bits) - 1) for i in range(CODES_IN_WORD)]
    return torch.stack(codes, dim=1).to(torch.uint8).view(-1)[:count]


def _pack_words(words: Tensor, bits: int) -> Tensor:
    """uint8 [n, 8] codes to uint8 [n, bits]: through one integer that holds all eight."""
    word = words[:, 0].to(torch.int64, copy=True, memory_format=torch.contiguous_format)
    for i in range(1, CODES_IN_WORD):
        word |= words[:, i].long() << (bits * i)
    return word.view(-1, 1).view(torch.uint8)[:, :bits]


def fold(parts: Tensor, bits: int, *, high_first: bool = False) -> Tensor:
    """uint8 [k, ...] to [...]: part i goes to bits i * bits and up of each byte (from the top with high_first)."""
    order = range(len(parts) - 1, -1, -1) if high_first else range(len(parts))
    result: Tensor | None = None
    for place, part in enumerate(order):
        moved = parts[part] << (bits * place) if place else parts[part]
        result = moved if result is None else result | moved
    assert result is not None
    return result


def unfold(data: Tensor, bits: int, count: int, *, high_first: bool = False) -> Tensor:
    """The inverse of `fold`: uint8 [...] to [count, ...]."""
    parts = [(data >> (bits * i)) & ((1 << bits) - 1) for i in range(count)]
    return torch.stack(parts[::-1] if high_first else parts)


def as_tensor(data: bytes) -> Tensor:
    """uint8 [len(data)], a copy; an empty one too."""
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.zeros(0, dtype=torch.uint8)
