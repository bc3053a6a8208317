"""The blocks of a model, and in each which linear layers read the same input, and what makes that input.

A method that scales the columns of a matrix (AWQ, SmoothQuant) has to undo it in whatever feeds that matrix; a method
that looks at inputs (GPTQ) gathers them once for all layers that share them. GPT-2 and the kinds of Llama (Mistral,
Qwen, SmolLM, Gemma) are known by the names of their modules; of others the blocks are known and nothing inside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from quant.errors import ModelError
from quant.hadamard import block_size
from quant.model.packed import QuantLinear, is_linear
from quant.text import Text


class Link(Enum):
    """What lies between a source and the layers that it feeds.

    NORM: the source is a norm, whose weight takes a scale of each column. ROWS: a linear layer whose output passes
    unmixed (the values of attention; the up projection, times a gate), so that its rows take it. NONLINEAR: a function
    that no scale passes (GELU).
    """

    NORM = "norm"
    ROWS = "rows"
    NONLINEAR = "nonlinear"


@dataclass(frozen=True)
class Feed:
    """Linear layers that read one input, by name, and its source.

    rows: first and last + 1 of the source's that they read, None for all. folds_scale: whether a scale of each input
    can be undone in the source: not behind a function that no scale passes, nor where several heads share the rows of
    their values (GQA). head_width: of the values of attention, whose heads can undo a rotation of their own; None else.
    """

    layers: tuple[str, ...]
    source: str
    link: Link
    rows: tuple[int, int] | None = None
    folds_scale: bool = False
    head_width: int | None = None


@dataclass(frozen=True, eq=False)
class Fold:
    """What was done to the input of the layers of a feed: divided by `scale` [in], or, where that is None, rotated."""

    feed: Feed
    scale: Tensor | None


@dataclass(frozen=True)
class Block:
    """One block of a model. linears: all its linear layers, in order; feeds: empty where the kind is not known."""

    name: str
    linears: tuple[str, ...]
    feeds: tuple[Feed, ...]


@dataclass(frozen=True)
class _Wire:
    """A `Feed` within a block; `sources` in order of preference."""

    layers: tuple[str, ...]
    sources: tuple[str, ...]
    link: Link
    heads: bool = False
    third: bool = False  # the last third of the source's rows: GPT-2's queries, keys and values are one matrix


_GPT2 = (
    _Wire(("attn.c_attn",), ("ln_1",), Link.NORM),
    _Wire(("attn.c_proj",), ("attn.c_attn",), Link.ROWS, heads=True, third=True),
    _Wire(("mlp.c_fc",), ("ln_2",), Link.NORM),
    _Wire(("mlp.c_proj",), ("mlp.c_fc",), Link.NONLINEAR),
)
_LLAMA = (
    _Wire(("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), ("input_layernorm",), Link.NORM),
    _Wire(("self_attn.o_proj",), ("self_attn.v_proj",), Link.ROWS, heads=True),
    # Gemma 2 and 3 have a norm of their own before the MLP; their post_attention_layernorm follows attention.
    _Wire(("mlp.gate_proj", "mlp.up_proj"), ("pre_feedforward_layernorm", "post_attention_layernorm"), Link.NORM),
    _Wire(("mlp.down_proj",), ("mlp.up_proj",), Link.ROWS),
)
_KINDS = (_GPT2, _LLAMA)


def blocks_of(model: PreTrainedModel) -> tuple[Block, ...]:
    """The blocks in order. Raises ModelError for a model that has no list of them."""
    lists = _lists(model)
    if not lists:
        raise ModelError(
            Text("El modelo no tiene una lista de bloques, así que no se puede calibrar bloque a bloque.",
                 "The model has no list of blocks, so that it cannot be calibrated block by block.")
        )  # fmt: skip
    name, found = max(lists, key=lambda item: sum(p.numel() for p in item[1].parameters()) + len(_linears(item[1])))
    return tuple(_block(f"{name}.{place}", block) for place, block in enumerate(found))


def has_blocks(model: PreTrainedModel) -> bool:
    """Whether there is a list of them."""
    return bool(_lists(model))


def _lists(model: PreTrainedModel) -> list[tuple[str, nn.ModuleList]]:
    return [(name, m) for name, m in model.named_modules() if isinstance(m, nn.ModuleList) and _all_alike(m)]


def _all_alike(found: nn.ModuleList) -> bool:
    return len(found) > 0 and len({type(m) for m in found}) == 1 and bool(_linears(found))


def _linears(module: nn.Module) -> list[str]:
    return [name for name, m in module.named_modules() if is_linear(m)]


def _block(name: str, block: nn.Module) -> Block:
    linears, modules = _linears(block), dict(block.named_modules())
    feeds: tuple[Feed, ...] = ()
    for kind in _KINDS:
        fed = sorted(layer for wire in kind for layer in wire.layers)
        # With the same matrices and other norms (Cohere's one norm before both halves) it is another kind.
        if fed == sorted(linears) and all(any(s in modules for s in wire.sources) for wire in kind):
            feeds = tuple(_feed(name, wire, modules) for wire in kind)
    return Block(name, tuple(f"{name}.{layer}" for layer in linears), feeds)


def _feed(name: str, wire: _Wire, modules: dict[str, nn.Module]) -> Feed:
    source = next(s for s in wire.sources if s in modules)
    rows, folds = None, wire.link is Link.NORM
    if wire.link is Link.ROWS:
        found, reader = modules[source], modules[wire.layers[0]]
        assert isinstance(found, nn.Linear | QuantLinear)
        assert isinstance(reader, nn.Linear | QuantLinear)
        rows = (found.out_features * 2 // 3, found.out_features) if wire.third else None
        folds = (found.out_features // 3 if rows else found.out_features) == reader.in_features
    width = None
    if wire.heads:
        attention: Any = modules[wire.layers[0].rpartition(".")[0]]
        width = attention.head_dim if block_size(attention.head_dim) else None
    layers = tuple(f"{name}.{layer}" for layer in wire.layers)
    return Feed(layers, f"{name}.{source}", wire.link, rows, folds, width)
