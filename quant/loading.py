"""Load a model and make sure, once, that this lab computes what the model's own code computes.

A figure of a model whose logits are made in another way than ours would be wrong without a word. So on a few random
tokens the lab's pass is compared with transformers' own, before and after its matrices are replaced by packed ones, and
what a model remembers with what it reads at once. What does not come out equal is refused in words, or done the slow
way where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from quant.activations import Activations
from quant.arguments import typed
from quant.blockwise import replace_layer
from quant.errors import ModelError, QuantError
from quant.methods import method_for
from quant.model.layers import Kind, Layer, layers_of
from quant.model.load import EMBEDDED, LoadedModel, read_model
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.model.patience import SECONDS, within
from quant.model.skeleton import REFUSALS
from quant.quantization import structural_copy
from quant.run import forward, gpt2, own
from quant.run.reader import OwnReader
from quant.scheme import PerChannel, Scheme
from quant.text import Text

TOKENS, LONG = 8, 128  # of the proof; of what an architecture that is not known is tried on besides
RELATIVE, ABSOLUTE = 1e-4, 1e-4  # of logits: float32 sums in another order
SLOWEST = 1e7  # parameters to a second, for all passes of the proof: what a machine with other work still does
UNSTEADY = ("big_bird", "bigbird_pegasus", "reformer")  # sparse attention beyond a length, or by chance
PROOF = Scheme.integer(8, PerChannel())


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


def proved(loaded: LoadedModel) -> LoadedModel:
    """`loaded`, with what was found out about it. Raises ModelError where it is not computed right."""
    return within(SECONDS + loaded.parameters / SLOWEST, lambda: _proved(loaded), loaded.name)


@torch.no_grad()
def _proved(loaded: LoadedModel) -> LoadedModel:
    ids = _tokens(loaded, TOKENS)
    own_logits = own.logits(loaded.model, ids).float()
    _check_logits(loaded, ids, own_logits)
    if not _close(forward.logits(loaded.model, forward.hidden(loaded.model, ids)), own_logits):
        raise _refused(loaded, Text("sus logits no salen como los calcula su propio código",
                                    "its logits do not come out as its own code computes them"))  # fmt: skip
    _check_replaced(loaded, ids)
    if gpt2.supports(loaded.model):
        return loaded
    loaded = replace(loaded, longest=_longest(loaded, ids))
    _check_steady(loaded, ids if forward.known(loaded.model) else _tokens(loaded, LONG))
    return replace(loaded, remembers=forward.known(loaded.model) or _remembers(loaded.model, ids, own_logits))


def _tokens(loaded: LoadedModel, n: int) -> Tensor:
    """Up to n token ids [1, n] that are no special ones, as many as it reads."""
    special = {t for t in vars(loaded.model.config).values() if isinstance(t, int)} | {loaded.bos}
    usual = [i for i in range(min(loaded.table_rows, 4096)) if i not in special] or [0]
    random = torch.Generator().manual_seed(0)
    return torch.tensor(usual)[torch.randint(len(usual), (1, min(n, loaded.context)), generator=random)]


def _check_logits(loaded: LoadedModel, ids: Tensor, logits: Tensor) -> None:
    """Raise ModelError unless these are finite scores of the next token, for every token."""
    if logits.ndim != 3 or logits.shape[:2] != ids.shape or logits.shape[2] != loaded.table_rows:
        raise _refused(loaded, Text("no da una puntuación para cada token de su tabla",
                                    "it does not score each token of its table"))  # fmt: skip
    if not logits.isfinite().all():
        raise _refused(loaded, Text("da números que no son finitos", "it gives numbers that are not finite"))


def _check_steady(loaded: LoadedModel, ids: Tensor) -> None:
    """Raise ModelError unless what it gives is the same again, and for each token without those after it.

    On a copy: some architectures choose for good, by the first text, how they read.
    """
    if loaded.model.config.model_type in UNSTEADY:
        raise _refused(loaded, Text("cómo lee un texto depende de lo largo que sea",
                                    "how it reads a text depends on how long that is"))  # fmt: skip
    model = structural_copy(loaded.model)
    logits = own.logits(model, ids).float()
    if not _close(own.logits(model, ids).float(), logits):
        raise _refused(loaded, Text("lo que da cambia de una vez a otra", "what it gives changes from once to again"))
    changed, half = ids.clone(), (ids.shape[1] + 1) // 2
    changed[0, -1] = ids[0, 0] if ids[0, -1] != ids[0, 0] else ids[0, 1 % ids.shape[1]]
    if not _close(own.logits(model, changed).float()[:, :-1], logits[:, :-1]):
        raise _refused(loaded, Text("lee en los dos sentidos, y un token no puede depender de los que vienen después",
                                    "it reads both ways, and a token may not depend on those after it"))  # fmt: skip
    if not _close(own.logits(model, ids[:, :half]).float(), logits[:, :half]):
        raise _refused(loaded, Text("un token no da lo mismo si el texto sigue que si acaba",
                                    "a token does not give the same whether the text goes on or ends"))  # fmt: skip


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
    tokens, half = ids[0].tolist(), ids.shape[1] // 2
    try:
        one = OwnReader(model)
        pieces = (tokens[:half], tokens[half : half + 1], tokens[half + 1 : half + 2], tokens[half + 2 :])
        parts = [one.read(part, every=True) for part in pieces if part]
        one.forget(half)
        again = one.read(tokens[half:], every=True)
    except (ModelError, *REFUSALS):
        return False
    return _close(torch.cat(parts), own_logits[0]) and _close(again, own_logits[0, half:])


def _longest(loaded: LoadedModel, ids: Tensor) -> int | None:
    """How many tokens it reads, where that is fewer than its configuration says; None where it is not.

    Some have a table of positions of which they leave the first few out; some read a longer text in another way, also
    its beginning (longrope), which no two parts of it would then agree on. Raises ModelError.
    """
    if before := _before_longrope(loaded.model):
        return before if before < loaded.context else None
    if not any(_is_position_table(m, loaded) for m in loaded.model.modules()):
        return None
    first = 1 + int(getattr(loaded.model.config, "pad_token_id", None) or 0)
    for fewer in (0, first, first + 1):
        n = loaded.context - fewer
        if n > 0 and _reads(loaded, ids[:, :1].expand(1, min(n, loaded.window))):
            return n if fewer else None
    raise _refused(loaded, Text("no lee tantos tokens como dice su configuración",
                                "it does not read as many tokens as its configuration says"))  # fmt: skip


def _before_longrope(model: PreTrainedModel) -> int | None:
    """The length at which the angles of positions change; None where they do not."""
    rope = getattr(model.config, "rope_parameters", None)
    if not isinstance(rope, dict) or rope.get("rope_type") != "longrope":
        return None
    found = rope.get("original_max_position_embeddings") or getattr(model.config, "original_max_position_embeddings", 0)
    return found if isinstance(found, int) and found > 0 else None


def _is_position_table(module: nn.Module, loaded: LoadedModel) -> bool:
    """Whether a module looks like a table of positions: a second one, and not of the tokens' length."""
    rows = getattr(module, "num_embeddings", None)
    return rows is not None and module is not loaded.model.get_input_embeddings() and rows > 8


def _reads(loaded: LoadedModel, ids: Tensor) -> bool:
    try:
        return forward.hidden(loaded.model, ids).shape[1] == ids.shape[1]
    except (ModelError, *REFUSALS):
        return False


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, RELATIVE, ABSOLUTE * max(1.0, float(b.abs().max())))


def _refused(loaded: LoadedModel, what: Text) -> ModelError:
    return ModelError(
        Text("«{name}» ({kind}) no se puede usar aquí: {what}.", "“{name}” ({kind}) cannot be used here: {what}.")
        .format(name=loaded.name, kind=loaded.model.config.model_type, what=what)
    )  # fmt: skip
