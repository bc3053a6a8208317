"""A tokenizer of a folder, or as the files that it writes of itself: transformers' own code both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from torch import Tensor
from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from quant.errors import ModelError, shown
from quant.text import Text

PREFIX = "tokenizer/"
FILE_NAME = re.compile(PREFIX + r"(\w[\w.-]*/)?\w[\w.-]*", re.ASCII)  # cannot lead out of its folder
TRIED = "Año 1918: ¿qué? 3,5 € —dijo—.\n\tЖ 日本 🙂 \u0301 end"  # what any text may hold
REFUSALS = (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)


def tokenizer_files(tokenizer: PreTrainedTokenizerBase) -> dict[str, bytes]:
    """What a tokenizer writes of itself, by name in the file."""
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        files = [f for f in sorted(Path(folder).rglob("*")) if f.is_file()]
        return {PREFIX + f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def open_tokenizer(folder: str | Path, config: PreTrainedConfig | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder. config: what says of which kind, where that is known already. Raises ModelError."""
    with _Refused():
        return AutoTokenizer.from_pretrained(folder, config=config, local_files_only=True, trust_remote_code=False)


def read_tokenizer(files: Mapping[str, Tensor]) -> PreTrainedTokenizerBase:
    """The tokenizer that wrote them. Raises ModelError."""
    with TemporaryDirectory() as folder, _Refused():
        for name, data in files.items():
            written = Path(folder) / name.removeprefix(PREFIX)
            written.parent.mkdir(exist_ok=True)
            written.write_bytes(data.numpy().tobytes())
        return open_tokenizer(folder)


def check_tokenizer(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Raise ModelError for a token without a row in the model's table; rows without a token are usual."""
    rows = int(model.get_input_embeddings().num_embeddings)
    with _Refused():
        tried = {*tokenizer.encode(TRIED, verbose=False), *tokenizer.encode("", verbose=False)}
        tokenizer.decode(list(tried))
    beyond = sorted((number, token) for token, number in tokenizer.get_vocab().items() if number >= rows)
    special = [
        (n, t) for n, t in zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=False) if n >= rows
    ]
    if found := [*beyond, *special]:
        raise ModelError(
            Text("su tokenizador y su tabla no casan: el token «{token}» es el número {number}, y la tabla tiene "
                 "{rows} filas ({n} tokens quedan fuera). O sobran en el tokenizador, o la tabla se guardó sin "
                 "ampliarla.",
                 "its tokenizer and its table do not fit: token “{token}” is number {number}, and the table has {rows} "
                 "rows ({n} tokens are beyond it). Either the tokenizer has too many, or the table was saved without "
                 "being resized.")
            .format(token=shown(found[0][1]), number=found[0][0], rows=rows, n=len(set(found)))
        )  # fmt: skip


class _Refused:
    """Makes ModelErrors of what is raised for a bad file.

    The tokenizers library raises a plain `Exception`, whose words are sentences; a handler of that would take all its
    children too, bugs included. What is wrong within it comes as a PanicException, which is none.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            return
        if kind is Exception or kind.__name__ == "PanicException" or issubclass(kind, REFUSALS):
            said = str(error).partition("\n")[0] if kind is Exception else ""
            raise ModelError(
                Text("su tokenizador no se puede leer: {reason}", "its tokenizer cannot be read: {reason}")
                .format(reason=shown(said) if said else Text("está dañado, o es de una clase que aquí no se conoce.",
                                                             "it is damaged, or of a kind that is not known here."))
            ) from error  # fmt: skip
