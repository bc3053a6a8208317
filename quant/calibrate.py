"""A text through a model, block by block: what the inputs of each linear layer are. Quantizes nothing.

The hidden states of the text are held once, before the block that is to come, and once after it; nothing else grows
with the text, so that memory is twice tokens x width x 4 bytes whatever the depth. Who quantizes a block may send the
states through the quantized one instead of the original, before going on.

What else a block takes (masks, rotary angles) depends on positions alone, and may differ from block to block: it is
taken down, for each block, from one pass over a single window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from quant import drawn
from quant.errors import CalibrationError, WeightError
from quant.folding import Prefixed
from quant.methods.base import Statistic, Statistics
from quant.model.chain import Block, blocks_of
from quant.model.copied import structural_copy
from quant.model.load import LoadedModel
from quant.model.skeleton import REFUSALS
from quant.recipe import LEAST_TOKENS, Calibration
from quant.run import own
from quant.text import Text
from quant.texts import calibration_text

BATCH_TOKENS = 2048  # read at a time: with more, what lies between two layers falls out of the cache
GRAM_PARTS = 8  # a symmetric product in so many strips takes 0.6 of the time that all of it takes
CHECKED = 128  # tokens of a window by which it is known whether its blocks can be read one after another
SAMPLE = 512  # inputs of a layer that are kept as they are


def windows(loaded: LoadedModel, calibration: Calibration) -> Tensor:
    """Token ids [windows, context]: documents one after another, each after a BOS, cut at the context and at `tokens`.

    One shorter window where the text is no longer; of several the last is whole too, so that up to one window less is
    read than was asked for: `Flow.tokens` says how much. Raises CalibrationError for a text of fewer than LEAST_TOKENS.
    """
    ids = tokens_of(loaded, calibration)
    context = min(loaded.window, len(ids), calibration.tokens)
    count = min(len(ids), calibration.tokens) // context
    found = torch.tensor(ids[: count * context]).view(count, context)
    if loaded.starts_with_bos:
        found[:, 0] = loaded.bos
    return found


def tokens_of(loaded: LoadedModel, calibration: Calibration) -> list[int]:
    """The first tokens of the text, `calibration.tokens` of them or a few more, or all. Raises CalibrationError."""
    if calibration.text == "random":
        return drawn.at_random(loaded, calibration.tokens)
    if calibration.text == "model":
        return drawn.written(loaded, calibration.tokens)
    documents = (calibration.own,) if calibration.text == "own" else calibration_text(calibration.text)
    ids = tokens_in(loaded, documents, calibration.tokens)
    if len(ids) <= LEAST_TOKENS:
        raise CalibrationError(
            Text("El texto de calibración tiene {got} tokens; hacen falta al menos {least}.",
                 "The calibration text has {got} tokens; at least {least} are needed.")
            .format(got=max(0, len(ids) - 1), least=LEAST_TOKENS)
        )  # fmt: skip
    return ids


def tokens_in(loaded: LoadedModel, documents: Iterable[str], most: int) -> list[int]:
    """Documents one after another, each after a BOS, until there are `most` tokens or a few more."""
    ids: list[int] = []
    for document in documents:
        ids += [loaded.bos, *loaded.tokenizer.encode(document, add_special_tokens=False, verbose=False)]
        if len(ids) >= most:
            break
    return ids


@dataclass(frozen=True, eq=False)
class _Call:
    """All that a block is given besides hidden states, of one window: it broadcasts over several."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def through(self, block: nn.Module, states: Tensor) -> Tensor:
        """The block's hidden states, alone or the first of several results."""
        output = block(states, *self.args, **self.kwargs)
        found: Tensor = output[0] if isinstance(output, tuple) else output
        return found


class Flow:
    """A calibration text on its way through the blocks of a model, whose weights stay as they are.

    tokens: how many are read.
    """

    @torch.no_grad()
    def __init__(self, loaded: LoadedModel, calibration: Calibration) -> None:
        """Raises CalibrationError for a text that cannot be used, or a model that does not read it block by block.

        WeightError for a model whose weights are not finite: what it gives then says nothing.
        """
        # Modules of its own to put hooks on: the original's are being read from other threads.
        self._model, self.blocks = structural_copy(loaded.model), blocks_of(loaded.model)
        ids = windows(loaded, calibration)
        self.tokens = ids.numel()
        self._rows = max(1, BATCH_TOKENS // ids.shape[1])
        try:
            self._start(ids)
        except REFUSALS as error:
            raise self._refused() from error

    def _start(self, ids: Tensor) -> None:
        """What the first block is given, once it is known that other tokens come out as in the model's own pass.

        Other tokens than those by which it is known how a block is called: what depends on them is no part of a call.
        """
        short = ids[:, :CHECKED]
        self._beside, out = _taken_down(self._model, self.blocks, short[:1])
        _check_finite(self._model, out)
        others = torch.cat([short[-1:].flip(1), short[:1].roll(1, 1)])
        if not self._comes_out(others):
            self._rows = 1
            if not self._comes_out(others[:1]):
                raise self._refused()
        self._beside, out = _taken_down(self._model, self.blocks, ids[:1])
        _check_finite(self._model, out)
        first = self._model.get_submodule(self.blocks[0].name)
        self._states = torch.cat([_input_of(self._model, first, part) for part in ids.split(self._rows)])
        self._next = torch.empty_like(self._states)

    def _comes_out(self, ids: Tensor) -> bool:
        """Whether windows sent through the blocks one after another come out as in the model's own pass."""
        _, want = _taken_down(self._model, self.blocks, ids)
        states = _input_of(self._model, self._model.get_submodule(self.blocks[0].name), ids)
        try:
            for block in self.blocks:
                states = self._beside[block.name].through(self._model.get_submodule(block.name), states)
        except REFUSALS:
            return False
        return states.shape == want.shape and torch.allclose(states, want, 1e-4, 1e-4 * float(want.abs().max()))

    def _refused(self) -> CalibrationError:
        return CalibrationError(
            Text("Esta arquitectura ({kind}) pasa de un bloque a otro algo más que sus estados, así que no se puede "
                 "calibrar bloque a bloque: elige un método que no lea un texto antes.",
                 "This architecture ({kind}) hands more than its states from block to block, so that it cannot be "
                 "calibrated block by block: choose a method that reads no text first.")
            .format(kind=self._model.config.model_type)
        )  # fmt: skip

    @property
    def inputs(self) -> Tensor:
        """float32 [windows, n, width]: the states before the next block."""
        return self._states

    @property
    def windows_at_once(self) -> int:
        """How many windows are read together."""
        return self._rows

    @property
    def outputs(self) -> Tensor:
        """float32 [windows, n, width]: what the last `read` gave; the next one overwrites it."""
        return self._next

    def through(self, block: Block, module: nn.Module, states: Tensor) -> Tensor:
        """States [windows, n, width] through `module`, which stands in the place of this block; differentiable."""
        return self._beside[block.name].through(module, states)

    @torch.no_grad()
    def read(self, block: Block, module: nn.Module, needs: frozenset[Statistic]) -> dict[str, Statistics]:
        """Send the text through `module`, this block as it is or quantized; what its linear layers were given.

        Of a layer that scales or rotates its input first (`Prefixed`): what came after that.
        """
        linears = {name: module.get_submodule(name[len(block.name) + 1 :]) for name in block.linears if needs}
        with _watching(linears, needs, self.tokens) as seen:
            for first in range(0, len(self._states), self._rows):
                part = self._states[first : first + self._rows]
                self._next[first : first + len(part)] = self._beside[block.name].through(module, part)
        return {name: gathered.statistics() for name, gathered in seen.items()}

    def go_on(self) -> None:
        """What the last `read` gave is what the next block gets."""
        self._states, self._next = self._next, self._states


@torch.no_grad()
def statistics(loaded: LoadedModel, calibration: Calibration, needs: frozenset[Statistic]) -> Iterator[
    tuple[Block, dict[str, Statistics]]
]:  # fmt: skip
    """Each block in turn, with the statistics of its linear layers on the original model."""
    flow, model = Flow(loaded, calibration), structural_copy(loaded.model)
    for block in flow.blocks:
        yield block, flow.read(block, model.get_submodule(block.name), needs)
        flow.go_on()


@torch.no_grad()
def outside(loaded: LoadedModel, calibration: Calibration, needs: frozenset[Statistic],
            names: Mapping[str, str]) -> dict[str, Statistics]:  # fmt: skip
    """Statistics of layers that lie in no block. names: of modules, and what the result calls each."""
    ids = windows(loaded, calibration)
    model = structural_copy(loaded.model)  # others may be reading the original
    watched = {called: model.get_submodule(module) for module, called in names.items()}
    with _watching(watched, needs, ids.numel()) as seen:
        for row in ids:  # the logits of one window at a time are enough
            own.logits(model, row[None])
    return {name: gathered.statistics() for name, gathered in seen.items()}


def gram(x: Tensor) -> Tensor:
    """X^T X float32 [in, in] of X [n, in]: what lies right of the diagonal is computed, and copied to its left."""
    width = x.shape[1]
    product = torch.empty(width, width)
    for part in range(GRAM_PARTS):
        first, last = width * part // GRAM_PARTS, width * (part + 1) // GRAM_PARTS
        rows = x[:, first:last].t() @ x[:, first:]
        product[first:last, first:] = rows
        product[first:, first:last] = rows.t()
    return product


class _Gathered:
    """Sums over what a layer is given, of `total` tokens."""

    def __init__(self, needs: frozenset[Statistic], total: int) -> None:
        self._needs, self._every, self._tokens = needs, max(1, total // SAMPLE), 0
        self._sums: dict[Statistic, Tensor] = {}
        self._kept: list[Tensor] = []

    def add(self, x: Tensor) -> None:
        """One more batch of inputs [..., in]."""
        x = x.detach().reshape(-1, x.shape[-1]).float()
        if Statistic.SQUARES in self._needs:
            self._sum(Statistic.SQUARES, x.double().square().sum(0))
        if Statistic.HESSIAN in self._needs:
            self._sum(Statistic.HESSIAN, gram(x).double())
        if Statistic.LARGEST in self._needs:
            most = x.abs().amax(0)
            known = self._sums.get(Statistic.LARGEST)
            self._sums[Statistic.LARGEST] = most if known is None else torch.maximum(known, most)
        if Statistic.INPUTS in self._needs:
            self._kept.append(x[-self._tokens % self._every :: self._every].clone())
        self._tokens += len(x)

    def _sum(self, which: Statistic, new: Tensor) -> None:
        self._sums[which] = self._sums[which] + new if which in self._sums else new

    def statistics(self) -> Statistics:
        means = {s: (self._sums[s] / self._tokens).float() for s in (Statistic.SQUARES, Statistic.HESSIAN)
                 if s in self._sums}  # fmt: skip
        return Statistics(
            self._tokens, means.get(Statistic.SQUARES), self._sums.get(Statistic.LARGEST),
            means.get(Statistic.HESSIAN), torch.cat(self._kept)[:SAMPLE] if self._kept else None,
        )  # fmt: skip


@contextmanager
def _watching(modules: Mapping[str, nn.Module], needs: frozenset[Statistic], total: int) -> Iterator[
    dict[str, _Gathered]
]:  # fmt: skip
    """What comes into each of `modules` while this is open."""
    seen = {name: _Gathered(needs, total) for name in modules}

    def note(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: seen[name].add(args[0])

    watched = {name: m.linear if isinstance(m, Prefixed) else m for name, m in modules.items()}
    handles: list[RemovableHandle] = [m.register_forward_pre_hook(note(name)) for name, m in watched.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


class _Arrived(Exception):
    """The first block has been reached."""


def _input_of(model: nn.Module, block: nn.Module, ids: Tensor) -> Tensor:
    """float32 [windows, n, width]: what the first block is given."""
    found: list[Tensor] = []

    def stop(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
        found.append(args[0] if args else kwargs["hidden_states"])
        raise _Arrived

    handle = block.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        own.logits(model, ids)
    except _Arrived:
        return found[0].float()
    finally:
        handle.remove()
    raise AssertionError("a pass goes through the first block")


def _check_finite(model: nn.Module, out: Tensor) -> None:
    """Raise where what comes out of the blocks is not finite: WeightError for the weights, CalibrationError else."""
    if bool(torch.isfinite(out).all()):
        return
    name = next((name for name, p in model.named_parameters() if not bool(torch.isfinite(p).all())), None)
    if name is not None:
        raise WeightError(
            Text("En «{name}» hay pesos que no son finitos (NaN o infinito), así que el modelo no sirve para calibrar.",
                 "“{name}” has weights that are not finite (NaN or infinity), so that the model cannot be calibrated.")
            .format(name=name)
        )  # fmt: skip
    raise CalibrationError(
        Text("Con el texto de calibración el modelo da valores que no son finitos (NaN o infinito): elige otro texto.",
             "On the calibration text the model gives values that are not finite (NaN or infinity): choose another.")
    )  # fmt: skip


def _taken_down(model: nn.Module, blocks: tuple[Block, ...], ids: Tensor) -> tuple[dict[str, _Call], Tensor]:
    """How each block is called, by its name, and what comes out of the last one."""
    found: dict[str, _Call] = {}
    out: list[Tensor] = []

    def note(name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def take(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            found[name] = _Call(args[1:], {key: value for key, value in kwargs.items() if key != "hidden_states"})

        return take

    def take_out(_: nn.Module, args: tuple[Any, ...], output: Tensor | tuple[Tensor, ...]) -> None:
        out.append(output[0] if isinstance(output, tuple) else output)

    modules = {block.name: model.get_submodule(block.name) for block in blocks}
    handles = [m.register_forward_pre_hook(note(name), with_kwargs=True) for name, m in modules.items()]
    handles.append(modules[blocks[-1].name].register_forward_hook(take_out))
    try:
        own.logits(model, ids, last=True)
    finally:
        for handle in handles:
            handle.remove()
    return found, out[-1].float()
