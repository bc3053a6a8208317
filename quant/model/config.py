"""The configuration of a model, which a stranger may have written: read within bounds, before anything is built.

Building a model costs time and memory for each layer that its configuration asks for, and every layer has weights: so
no count in it may exceed what the weights hold. What it says beyond architecture and sizes (labels, types of numbers,
code) is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as ARCHITECTURES

from quant.errors import ModelError, shown
from quant.model.contents import Contents
from quant.text import Text

KNOWN = ("gpt2", "llama", "qwen3", "gemma2", "gpt_neox", "opt")
LARGEST_BYTES, DEEPEST, LARGEST = 16 * 2**20, 16, 2**40
SPARE = 64  # what a count may exceed the tensors by: a model of a few layers may have a few lists
# Counts of modules, each of which has weights; sizes and places of a layer do not count.
COUNT = re.compile(r"(.*_)?(layers?|blocks?|depth|stages?|experts?|levels)")
NO_COUNT = re.compile(r"(max_window|first|last|start|end|skip|share|interval|every|freq|tie).*|.*_(size|dim|index)")
LEFT_OUT = ("id2label", "label2id", "num_labels", "torch_dtype", "dtype", "auto_map", "task_specific_params",
            "_name_or_path")  # fmt: skip


def read_config(name: str, folder: Path, there: Contents) -> dict[str, Any]:
    """The configuration of a folder, checked against the weights that are there. Raises ModelError."""
    config = _json(folder / "config.json")
    check_original(name, config, folder)
    kept = {key: value for key, value in config.items() if key not in LEFT_OUT}
    check_depth(kept)
    check_bounds(kept, there)
    return kept


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_BYTES:
        raise _refused(Text(f"ocupa más de {LARGEST_BYTES} bytes", f"it takes more than {LARGEST_BYTES} bytes"))
    try:
        config = json.loads(path.read_text(encoding="utf8"))
    except RecursionError as error:
        raise _refused(_too_deep()) from error
    except ValueError as error:
        raise _refused(Text("no es JSON", "it is not JSON")) from error
    if not isinstance(config, dict):
        raise _refused(Text("no es un objeto {…}", "it is not an object {…}"))
    return config


def _refused(what: Text) -> ModelError:
    return ModelError(
        Text("con su config.json no se puede construir ningún modelo: {what}.",
             "no model can be built from its config.json: {what}.").format(what=what)
    )  # fmt: skip


def _too_deep() -> Text:
    return Text(f"tiene más de {DEEPEST} niveles", f"it has more than {DEEPEST} levels")


def check_depth(config: dict[str, Any]) -> None:
    """Raise ModelError for a configuration of many levels, which code that goes through it calls itself for."""
    level: list[Any] = [config]
    for _ in range(DEEPEST):
        level = [v for x in level for v in (x.values() if isinstance(x, dict) else x) if isinstance(v, dict | list)]
        if not level:
            return
    raise _refused(_too_deep())


def check_bounds(config: dict[str, Any], there: Contents) -> None:
    """Raise ModelError for an architecture that is not known, and for what asks for more than the weights hold."""
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise ModelError(
            Text("la arquitectura {got} no es un modelo de lenguaje causal de transformers; se admiten los {n} que "
                 "trae, como {known}.",
                 "the architecture {got} is not a causal language model of transformers; its {n} are allowed, such as "
                 "{known}.").format(got=shown(repr(kind)), n=len(ARCHITECTURES), known=", ".join(KNOWN))
        )  # fmt: skip
    if config.get("is_encoder_decoder") is True:
        raise _refused(
            Text("es de un codificador-decodificador, y hace falta un modelo que solo escriba (decodificador)",
                 "it is an encoder-decoder's, and a model that writes alone (a decoder) is needed")
        )  # fmt: skip
    most = there.tensors + SPARE
    for key, value in _values(config):
        if isinstance(value, str) and not _is_unicode(key + value):
            raise _refused(Text("tiene caracteres partidos en dos", "it has halves of characters"))
        if isinstance(value, list | dict) and len(value) > most:
            raise _refused(_too_many(key, len(value), there))
        if key == "vocab_size" and isinstance(value, int) and value < 1:
            raise _refused(Text("su vocabulario está vacío", "its vocabulary is empty"))
        if isinstance(value, int) and abs(value) > (most if _is_count(key) else LARGEST):
            raise _refused(_too_many(key, value, there))


def _values(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, value) of every value at any depth, lists and records included; a list's members bear its name.

    What stands beside a list in a list is how often that is repeated (gpt_neo's attention_types): a count of layers.
    """
    left: list[tuple[str, Any]] = list(config.items())
    while left:
        key, value = left.pop()
        yield key, value
        if isinstance(value, dict):
            left += value.items()
        elif isinstance(value, list):
            counts = any(isinstance(member, list) for member in value)
            kinds = (dict, list, str, int) if counts else (dict, list, str)
            inside = f"{key}_layers" if counts else key
            left += [(inside, member) for member in value[:1024] if isinstance(member, kinds)]


def _is_count(key: str) -> bool:
    return bool(COUNT.fullmatch(key)) and not NO_COUNT.fullmatch(key)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _plain(value: object) -> str:
    return json.dumps(value)[:100]  # a lone surrogate as its code


def _too_many(key: str, got: int, there: Contents) -> Text:
    return Text("«{key}» pide {got}, y los pesos tienen {tensors} tensores y {elements} números en total",
                "“{key}” asks for {got}, and the weights have {tensors} tensors and {elements} numbers in all").format(
        key=shown(_plain(key)[1:-1]), got=got, tensors=there.tensors, elements=there.elements)  # fmt: skip


def check_original(name: str, config: dict[str, Any], folder: Path) -> None:
    """Raise ModelError for a model that is quantized already, with the original that it was made from."""
    quantized = config.get("quantization_config") or config.get("compression_config")
    if not quantized:
        return
    method = str(quantized.get("quant_method") or "") if isinstance(quantized, dict) else ""
    original = base_model(folder) or guessed_original(name)
    raise ModelError(
        Text("«{name}» ya está cuantizado ({method}): aquí se cuantiza un original en coma flotante, y cuantizar dos "
             "veces mediría otra cosa. Hace falta su original{which}.",
             "“{name}” is quantized already ({method}): here a floating-point original is quantized, and to quantize "
             "twice would measure something else. Its original is needed{which}.")
        .format(name=name, method=shown(_plain(method)[1:-1]) or "?",
                which=Text(f": «{original}»", f": “{original}”") if original else Text("", ""))
    )  # fmt: skip


def base_model(folder: Path) -> str:
    """The original that a model's card names, if there is a card and it names one."""
    card = folder / "README.md"
    if not card.is_file():
        return ""
    start = card.read_bytes()[:20_000].decode(errors="replace")
    found = re.search(r"^base_model:\s*(?:\n\s*-\s*)?[\"']?([\w.-]+/[\w.-]+)", start, re.MULTILINE | re.ASCII)
    return found[1] if found else ""


def guessed_original(name: str) -> str:
    """A hub name without the ending that quantized copies bear; empty where it bears none."""
    ending = r"[-_.](gptq|awq|fp8|nvfp4|mxfp4|bnb|int4|int8|w4a16|w8a8|w8a16|4bit|8bit|quantized|hqq|aqlm|exl2)"
    found = re.fullmatch(rf"(?P<base>.+?)({ending}.*)", name, re.IGNORECASE)
    return found["base"] if found and "/" in name else ""
