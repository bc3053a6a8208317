"""`quantize_dynamic` on a model as transformers loads it: what it touches, and what the file then holds.

    torch.quantization.quantize_dynamic(model, {nn.Linear, nn.LayerNorm}, dtype=torch.qint8)

The recipe was meant for models whose GPT-2 is made of Conv1D modules, which our loader turns into nn.Linear; so they
are turned back first, on a copy that shares its weights.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from quant.errors import QuantError
from quant.model.load import LoadedModel
from quant.quantization import structural_copy
from quant.text import Text

if TYPE_CHECKING:
    from typing_extensions import Buffer

ASKED = frozenset({nn.Linear, nn.LayerNorm})
# quantize_dynamic and the tensors that it makes warn that they are deprecated; nothing else is silenced.
DEPRECATIONS = (
    ("torch.ao.quantization is deprecated", DeprecationWarning),
    ("torch.quantize_per_tensor, .* are deprecated", UserWarning),
)


class EngineError(QuantError):
    """This build of PyTorch cannot compute with 8-bit integers."""


@dataclass(frozen=True)
class KindCount:
    """The modules of one class that hold parameters of their own; `parameters` counts a tied table in each of them."""

    kind: str
    modules: int
    converted: tuple[str, ...]
    parameters: int
    asked: bool


@dataclass(frozen=True)
class Census:
    """What the recipe did to each class of module. `total` counts a tied table once.

    table_twice: one table served input and output, and now each has its own.
    """

    kinds: tuple[KindCount, ...]
    total: int
    converted_parameters: int
    table_twice: bool

    @property
    def converted(self) -> tuple[str, ...]:
        """Names of the modules that the recipe replaced."""
        return tuple(name for kind in self.kinds for name in kind.converted)

    @property
    def modules(self) -> int:
        return sum(kind.modules for kind in self.kinds)

    @property
    def conv1d(self) -> int:
        """How many modules are Conv1D; 0 in an architecture that has none, which runs as it is loaded."""
        return sum(kind.modules for kind in self.kinds if kind.kind == Conv1D.__name__)


@dataclass(frozen=True)
class Saved:
    """Bytes of a state dict: the file that torch.save writes, and in it the float tensors and the quantized modules."""

    file_bytes: int
    float_bytes: int
    packed_bytes: int


def as_transformers_loads(loaded: LoadedModel) -> LoadedModel:
    """The model with the Conv1D modules that transformers gives its architecture, their weights [in, out] again.

    Which ones is read off an empty model of the same class, so an architecture without Conv1D comes back as it is.
    """
    model = structural_copy(loaded.model)
    with torch.device("meta"):  # no memory, no random numbers
        empty = type(model)(copy.deepcopy(model.config))
    for name, conv in empty.named_modules():
        if isinstance(conv, Conv1D):
            linear = model.get_submodule(name)
            conv.weight = nn.Parameter(linear.weight.detach().T.contiguous(), requires_grad=False)
            conv.bias = linear.bias
            model.set_submodule(name, conv)
    return replace(loaded, model=model.eval())


def quantize_dynamically(original: LoadedModel) -> LoadedModel:
    """The assignment's recipe. Raises EngineError.

    The call copies the model first; done here instead, the copy shares every weight that the recipe leaves alone.
    """
    _choose_engine()
    model = structural_copy(original.model)
    with warnings.catch_warnings():
        for message, category in DEPRECATIONS:
            warnings.filterwarnings("ignore", message, category)
        torch.quantization.quantize_dynamic(model, set(ASKED), dtype=torch.qint8, inplace=True)
    return replace(original, model=model)


def _choose_engine() -> None:
    """Make sure that PyTorch has an 8-bit engine and uses one: on some ARM machines it starts with none chosen."""
    supported = [name for name in torch.backends.quantized.supported_engines if name != "none"]
    if not supported:
        raise EngineError(
            Text("Esta instalación de PyTorch no trae ningún motor de enteros de 8 bits, y sin él la receta del "
                 "cuaderno no se puede ejecutar. Los paquetes oficiales lo traen: fbgemm u onednn en x86, qnnpack en "
                 "ARM. El resto de la página no lo necesita.",
                 "This installation of PyTorch has no engine for 8-bit integers, and the notebook's recipe cannot run "
                 "without one. The official packages bring it: fbgemm or onednn on x86, qnnpack on ARM. The rest of "
                 "the page does not need it.")
        )  # fmt: skip
    if torch.backends.quantized.engine not in supported:
        torch.backends.quantized.engine = supported[0]


def census(original: LoadedModel, recipe: LoadedModel) -> Census:
    """What the recipe replaced, by walking both models module by module; the class with most parameters first."""
    holders = {name: m for name, m in original.model.named_modules() if _own_parameters(m)}
    changed = [name for name, m in holders.items() if type(recipe.model.get_submodule(name)) is not type(m)]
    kinds = []
    for kind in dict.fromkeys(type(m) for m in holders.values()):
        members = {name: m for name, m in holders.items() if type(m) is kind}
        converted = tuple(name for name in changed if name in members)
        parameters = sum(_own_parameters(m) for m in members.values())
        kinds.append(KindCount(kind.__name__, len(members), converted, parameters, kind in ASKED))
    table, head = original.model.get_input_embeddings(), original.model.get_output_embeddings()
    head_changed = type(recipe.model.get_output_embeddings()) is not type(head)
    table_changed = type(recipe.model.get_input_embeddings()) is not type(table)
    return Census(
        tuple(sorted(kinds, key=lambda k: -k.parameters)),
        original.parameters,
        sum(_own_parameters(holders[name]) for name in changed),
        head.weight is table.weight and head_changed and not table_changed,
    )


def _own_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters(recurse=False))


class _Counter(io.RawIOBase):
    """A file that only counts what is written to it."""

    n_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        self.n_bytes += len(memoryview(data))
        return len(memoryview(data))


def saved(loaded: LoadedModel, converted: Sequence[str] = ()) -> Saved:
    """What the state dict takes when saved, and of it the tensors left in float and the modules `converted`."""
    state = loaded.model.state_dict()
    file = _Counter()
    torch.save(state, io.BufferedWriter(file))
    packed: dict[int, int] = {}
    floats: dict[int, int] = {}
    for name, value in state.items():
        kept = packed if name.startswith(tuple(f"{module}." for module in converted)) else floats
        kept.update({t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in _tensors(value)})
    return Saved(file.n_bytes, sum(floats.values()), sum(packed.values()))


def _tensors(value: object) -> Iterator[Tensor]:
    """The tensors of an entry of a state dict; a quantized linear keeps (weight, bias) in one."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _tensors(item)
