"""Load a model and make sure, once, that this lab computes what the model's own code computes.

A figure of a model whose logits are made in another way than ours would be wrong without a word. So on a few random
tokens the lab's pass is compared with transformers' own, before and after its matrices are replaced by packed ones, and
what a model remembers with what it reads at once. What does not come out equal is refused in words, or done the slow
way where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from quant.activations import Activations
from quant.arguments import typed
from quant.errors import ModelError, QuantError
from quant.methods import method_for
from quant.model.layers import Kind, Layer, layers_of
from quant.model.load import EMBEDDED, LoadedModel, read_model
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.model.skeleton import REFUSALS
from quant.quantization import replace_layer, structural_copy
from quant.run import forward, own
from quant.run.reader import OwnReader
from quant.scheme import PerChannel, Scheme
from quant.text import Text

TOKENS, PIECES = 8, (4, 1, 1, 2)
RELATIVE, ABSOLUTE = 1e-4, 1e-4  # of logits: float32 sums in another order
PROOF = Scheme.integer(8, PerChannel())
T = TypeVar("T")


@typed(ModelError)
def load_model(name: str | Path = EMBEDDED) -> LoadedModel:
    """Load `"embedded"`, a folder, or a hub id that is in the local cache; never downloads.

    Weights are float32 [out, in], read only. Raises ModelError where there is no such model, it cannot be read, or this
    lab does not compute what its own code does.

    >>> from quant import load_model
    >>> model = load_model()
    >>> model.parameters, model.context
    (5128960, 512)
    >>> tuple(model.weight("transformer.h.0.mlp.c_fc").shape)
    (1024, 256)
    """
    return proved(read_model(name))


@torch.no_grad()
def proved(loaded: LoadedModel) -> LoadedModel:
    """`loaded`, with what was found out about it. Raises ModelError where it is not computed right."""
    ids = _tokens(loaded)
    own_logits = _attempt(loaded, lambda: own.logits(loaded.model, ids).float())
    _check_logits(loaded, ids, own_logits)
    ours = forward.logits(loaded.model, forward.hidden(loaded.model, ids))
    if not _close(ours, own_logits):
        raise _refused(loaded, Text("sus logits no salen como los calcula su propio código",
                                    "its logits do not come out as its own code computes them"))  # fmt: skip
    _check_replaced(loaded, ids)
    if forward.known(loaded.model):
        return loaded
    return replace(loaded, remembers=_remembers(loaded.model, ids, own_logits), longest=_longest(loaded, ids))


def _tokens(loaded: LoadedModel) -> Tensor:
    """A few token ids [1, TOKENS] that are no special ones."""
    special = {t for t in vars(loaded.model.config).values() if isinstance(t, int)} | {loaded.bos}
    usual = [i for i in range(min(loaded.table_rows, 4096)) if i not in special] or [0]
    random = torch.Generator().manual_seed(0)
    return torch.tensor(usual)[torch.randint(len(usual), (1, TOKENS), generator=random)]


def _attempt(loaded: LoadedModel, work: Callable[[], T]) -> T:
    """What `work` gives. Raises ModelError where the architecture's own code fails."""
    try:
        return work()
    except REFUSALS as error:
        raise _refused(loaded, Text("su propio código no lee un texto sin más (tokens, y nada que los acompañe)",
                                    "its own code does not read a plain text (tokens, and nothing beside them)")
                       ) from error  # fmt: skip


def _check_logits(loaded: LoadedModel, ids: Tensor, logits: Tensor) -> None:
    """Raise ModelError unless these are finite scores of the next token, for every token, that see no later one."""
    if logits.ndim != 3 or logits.shape[:2] != ids.shape or logits.shape[2] != loaded.table_rows:
        raise _refused(loaded, Text("no da una puntuación para cada token de su tabla",
                                    "it does not score each token of its table"))  # fmt: skip
    if not logits.isfinite().all():
        raise _refused(loaded, Text("da números que no son finitos", "it gives numbers that are not finite"))
    if forward.known(loaded.model):
        return  # what follows is known of it
    if not _close(own.logits(loaded.model, ids).float(), logits):
        raise _refused(loaded, Text("lo que da cambia de una vez a otra", "what it gives changes from once to again"))
    other = ids.clone()
    other[0, -1] = ids[0, 0]
    if not _close(own.logits(loaded.model, other).float()[:, :-1], logits[:, :-1]):
        raise _refused(loaded, Text("lee en los dos sentidos, y un token no puede depender de los que vienen después",
                                    "it reads both ways, and a token may not depend on those after it"))  # fmt: skip


def _check_replaced(loaded: LoadedModel, ids: Tensor) -> None:
    """Raise ModelError unless packed matrices, one of each place in a block, give what the same numbers in float do."""
    places = list(_one_of_each(loaded.model))
    if not _replaceable(loaded, ids, places):
        wrong = next((layer for layer in places if not _replaceable(loaded, ids, [layer])), places[0])
        raise _refused(
            loaded,
            Text("usa «{layer}» de un modo que aquí no se puede reproducir al cuantizarla",
                 "it uses “{layer}” in a way that cannot be reproduced here when it is quantized")
            .format(layer=wrong.name),
        )  # fmt: skip


def _replaceable(loaded: LoadedModel, ids: Tensor, layers: list[Layer]) -> bool:
    packed, floats = structural_copy(loaded.model), structural_copy(loaded.model)
    for layer in layers:
        weight = method_for(PROOF).quantize(loaded.weight(layer.name), PROOF)
        replace_layer(packed, layer, weight, Activations.FLOAT)
        _set_weight(floats, layer, weight.q.dequantize())
    try:
        got = forward.logits(packed, forward.hidden(packed, ids))
        return _close(got, own.logits(floats, ids).float())
    except (QuantError, *REFUSALS):
        return False


def _one_of_each(model: PreTrainedModel) -> Iterator[Layer]:
    """The matrices of the first of several blocks, and those that no block has; none that is packed already."""
    seen = set()
    for layer in layers_of(model):
        place = re.sub(r"\d+", "*", layer.name)
        packed = isinstance(model.get_submodule(layer.name), QuantLinear | QuantEmbedding)
        if layer.kind is not Kind.OTHER and place not in seen and not packed:
            seen.add(place)
            yield layer


def _set_weight(model: PreTrainedModel, layer: Layer, weight: Tensor) -> None:
    """Put a float weight where `layer` was, and where it is tied."""
    parameter = nn.Parameter(weight, False)
    for name in (layer.name, layer.tied_to):
        if name:
            model.get_submodule(name).weight = parameter


def _remembers(model: PreTrainedModel, ids: Tensor, own_logits: Tensor) -> bool:
    """Whether reading on from its cache, and again from a place before, gives what one pass gives."""
    try:
        one, parts, start = OwnReader(model), [], 0
        for n in PIECES:
            parts.append(one.read(ids[0, start : start + n].tolist(), every=True))
            start += n
        one.forget(PIECES[0])
        again = one.read(ids[0, PIECES[0] :].tolist(), every=True)
    except REFUSALS:
        return False
    return _close(torch.cat(parts), own_logits[0]) and _close(again, own_logits[0, PIECES[0] :])


def _longest(loaded: LoadedModel, ids: Tensor) -> int | None:
    """How many tokens it reads, where that is fewer than its configuration says; None where it is not.

    Some have a table of positions of which they leave the first few out. Raises ModelError.
    """
    if not any(_is_position_table(m, loaded) for m in loaded.model.modules()):
        return None
    first = 1 + int(getattr(loaded.model.config, "pad_token_id", None) or 0)
    for fewer in (0, first, first + 1):
        n = loaded.context - fewer
        if n > 0 and _reads(loaded, ids[:, :1].expand(1, min(n, loaded.window))):
            return n if fewer else None
    raise _refused(loaded, Text("no lee tantos tokens como dice su configuración",
                                "it does not read as many tokens as its configuration says"))  # fmt: skip


def _is_position_table(module: nn.Module, loaded: LoadedModel) -> bool:
    rows = getattr(module, "num_embeddings", None)
    return rows is not None and module is not loaded.model.get_input_embeddings() and rows >= loaded.context


def _reads(loaded: LoadedModel, ids: Tensor) -> bool:
    try:
        return forward.hidden(loaded.model, ids).shape[1] == ids.shape[1]
    except REFUSALS:
        return False


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, RELATIVE, ABSOLUTE * max(1.0, float(b.abs().max())))


def _refused(loaded: LoadedModel, what: Text) -> ModelError:
    return ModelError(
        Text("«{name}» ({kind}) no se puede usar aquí: {what}.", "“{name}” ({kind}) cannot be used here: {what}.")
        .format(name=loaded.name, kind=loaded.model.config.model_type, what=what)
    )  # fmt: skip
