"""The same GPT-2 in two other engines, llama.cpp and CTranslate2, where they are importable: files, then seconds.

Each engine gets a file of the very weights that it is given: llama.cpp a GGUF written here in float32 (v3: key-values,
tensor infos, data aligned to 32 bytes) and quantized by its own `llama_model_quantize`; CTranslate2 what its own
`TransformersConverter` makes. No vocabulary is written to the GGUF (`tokenizer.ggml.model` "none") and only `model.bin`
is counted for CTranslate2, so that the bytes are those of the weights. Engines run with their defaults but for the
threads and batches that read a window in one pass: llama.cpp keeps a float16 cache and takes GELU from a float16 table.

llama.cpp shares torch's OpenMP (CTranslate2 brings its own): both read `OMP_WAIT_POLICY` when they are loaded.
"""

from __future__ import annotations

import copy
import ctypes
import logging
import struct
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from transformers import GPT2LMHeadModel
from transformers.pytorch_utils import Conv1D

Logits = np.ndarray[Any, np.dtype[np.float32]]

ENGINES = ("llama_cpp", "ctranslate2")
GGUF_VERSION, ALIGNMENT = 3, 32
UINT32, FLOAT32, STRING = 4, 6, 8  # enum gguf_type
GGML_F32 = 0  # enum ggml_type
FTYPES = {"q4_0": 2, "q8_0": 7}  # enum llama_ftype
GGUF_NAMES = {
    "wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "ln_2": "ffn_norm",
    "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """One engine with one file.

    `table` is how the file stores the tied token table. `greedy(ids, new)` gives `new` + 1 tokens, the first from the
    prompt's own pass, and the seconds of the `new` passes of one token that follow it. `read(ids)` gives the logits
    (T, V) of one window in one pass; they may be overwritten by the next call.
    """

    name: str
    file_bytes: int
    table: str
    greedy: Callable[[list[int], int], tuple[list[int], float]]
    read: Callable[[list[int]], Logits]

    def decode(self, ids: list[int], new: int) -> float:
        """Seconds of `new` passes of one token, each with its argmax, after the prompt's pass, which is not counted.

        llama.cpp: a clock around `llama_decode` of one token and numpy's argmax. CTranslate2: from its callback for
        the first new token to that for the last of `new` + 1, so that nothing has to be subtracted.
        """
        return self.greedy(ids, new)[1]

    def prefill(self, ids: list[int]) -> float:
        """Seconds to read one window, logits at every position."""
        started = time.perf_counter()
        self.read(ids)
        return time.perf_counter() - started


def peers(model: GPT2LMHeadModel, folder: Path, threads: int, engines: tuple[str, ...] = ENGINES) -> list[Peer]:
    """Those of `engines` that can be imported; llama.cpp maps its files, which stay in `folder`."""
    found: list[Peer] = []
    if "llama_cpp" in engines and find_spec("llama_cpp"):
        found += _llama_cpp(model, folder, threads)
    if "ctranslate2" in engines and find_spec("ctranslate2"):
        found += _ctranslate2(model, folder, threads)
    return found


def _llama_cpp(model: GPT2LMHeadModel, folder: Path, threads: int) -> Iterator[Peer]:
    api: Any = import_module("llama_cpp")
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # its `verbose=False` lets warnings through
    api.llama_backend_init()
    source = folder / "f32.gguf"
    write_gguf(model, source)
    for name in ("f32", "q8_0", "q4_0"):
        path = folder / f"{name}.gguf"
        if name in FTYPES:
            params = api.llama_model_quantize_default_params()
            params.ftype, params.nthread = FTYPES[name], threads
            if api.llama_model_quantize(str(source).encode(), str(path).encode(), ctypes.byref(params)):
                raise RuntimeError(f"llama.cpp did not quantize to {name}")
        engine = LlamaCpp(api, path, int(model.config.n_positions), threads)
        yield Peer(f"llamacpp_{name}", path.stat().st_size, table_type(api, path), engine.greedy, engine.read)


def _ctranslate2(model: GPT2LMHeadModel, folder: Path, threads: int) -> Iterator[Peer]:
    api: Any = import_module("ctranslate2")
    converter = import_module("ctranslate2.converters").TransformersConverter(str(folder))
    config = copy.deepcopy(model.config)
    config.dtype = "float32"  # the converter asks for it by a name that transformers deprecates where it is not set
    config.save_pretrained(folder)
    converter.load_model = lambda *_, **__: copy.deepcopy(model)  # it quantizes in place
    converter.load_tokenizer = lambda *_, **__: Identifiers(int(model.config.vocab_size))
    for kind in ("float32", "int8"):
        converted = folder / f"ctranslate2_{kind}"
        converter.convert(str(converted), quantization=kind)
        engine = CTranslate2(api, converted, kind, threads)
        file_bytes = (converted / "model.bin").stat().st_size
        yield Peer(f"ctranslate2_{kind}", file_bytes, kind, engine.greedy, engine.read)


def write_gguf(model: GPT2LMHeadModel, path: Path) -> None:
    """Every parameter in float32, Conv1D turned to [out, in]; the tied output is left to llama.cpp."""
    config = model.config
    turned = {f"{name}.weight" for name, module in model.transformer.named_modules() if isinstance(module, Conv1D)}
    tensors = {
        _gguf_name(name): p.detach().T if name in turned else p.detach()
        for name, p in model.transformer.named_parameters()
    }
    sizes = {
        "context_length": config.n_positions, "embedding_length": config.n_embd, "block_count": config.n_layer,
        "feed_forward_length": config.n_inner or 4 * config.n_embd, "attention.head_count": config.n_head,
        "vocab_size": config.vocab_size,
    }  # fmt: skip
    pairs = [_string("general.architecture") + struct.pack("<I", STRING) + _string("gpt2")]
    pairs += [_string("tokenizer.ggml.model") + struct.pack("<I", STRING) + _string("none")]
    pairs += [_string(f"gpt2.{key}") + struct.pack("<II", UINT32, value) for key, value in sizes.items()]
    epsilon = struct.pack("<If", FLOAT32, config.layer_norm_epsilon)
    pairs += [_string("gpt2.attention.layer_norm_epsilon") + epsilon]
    infos, offset = [], 0
    for name, tensor in tensors.items():
        shape = struct.pack(f"<I{tensor.ndim}Q", tensor.ndim, *reversed(tensor.shape))  # ggml counts from the inside
        infos.append(_string(name) + shape + struct.pack("<IQ", GGML_F32, offset))
        offset += _aligned(tensor.numel() * 4)
    header = struct.pack("<4sIQQ", b"GGUF", GGUF_VERSION, len(tensors), len(pairs)) + b"".join(pairs + infos)
    with path.open("wb") as file:
        file.write(header.ljust(_aligned(len(header)), b"\0"))
        for tensor in tensors.values():
            data = tensor.float().contiguous().numpy().tobytes()
            file.write(data.ljust(_aligned(len(data)), b"\0"))


def _gguf_name(name: str) -> str:
    """`h.0.attn.c_attn.weight` -> `blk.0.attn_qkv.weight`."""
    module, _, kind = name.rpartition(".")
    if module.startswith("h."):
        _, block, module = module.split(".", 2)
        return f"blk.{block}.{GGUF_NAMES[module]}.{kind}"
    return f"{GGUF_NAMES[module]}.{kind}"


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode("ascii")


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


class _GgufInit(ctypes.Structure):
    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def table_type(api: Any, path: Path) -> str:
    """The type of `token_embd.weight` in a GGUF, as ggml names it."""
    library = ctypes.CDLL(str(next((Path(api.__file__).parent / "lib").glob("libggml-base.*"))))
    library.gguf_init_from_file.argtypes = [ctypes.c_char_p, _GgufInit]
    library.gguf_init_from_file.restype = ctypes.c_void_p
    library.gguf_find_tensor.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.gguf_find_tensor.restype = ctypes.c_int64
    library.gguf_get_tensor_type.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    library.ggml_type_name.restype = ctypes.c_char_p
    library.gguf_free.argtypes = [ctypes.c_void_p]
    header = library.gguf_init_from_file(str(path).encode(), _GgufInit(no_alloc=True))
    kind = library.gguf_get_tensor_type(header, library.gguf_find_tensor(header, b"token_embd.weight"))
    library.gguf_free(header)
    return library.ggml_type_name(kind).decode()


class LlamaCpp:
    """A GGUF and a context of `window` tokens behind the low-level API; the output is copied nowhere."""

    def __init__(self, api: Any, path: Path, window: int, threads: int) -> None:
        self.api = api
        loading = api.llama_model_default_params()
        loading.n_gpu_layers = 0
        model = api.llama_model_load_from_file(str(path).encode(), loading)
        if not model:
            raise RuntimeError(f"llama.cpp did not load {path.name}")
        params = api.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = window
        params.n_threads = params.n_threads_batch = threads
        self.context = api.llama_init_from_model(model, params)
        if not self.context:
            raise RuntimeError(f"llama.cpp made no context of {window} tokens for {path.name}")
        self.memory = api.llama_get_memory(self.context)
        self.vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
        weakref.finalize(self, _free, api, model, self.context)

    def _pass(self, ids: list[int], every: bool) -> Logits:
        """(T, V), or (1, V) of the last token."""
        tokens = (ctypes.c_int32 * len(ids))(*ids)
        batch = self.api.llama_batch(n_tokens=len(ids), token=tokens)  # positions follow the cache
        if every:
            batch.logits = (ctypes.c_int8 * len(ids))(*[1] * len(ids))
        if status := self.api.llama_decode(self.context, batch):
            raise RuntimeError(f"llama_decode of {len(ids)} tokens gave {status}")
        return np.ctypeslib.as_array(
            self.api.llama_get_logits(self.context), (len(ids) if every else 1, self.vocabulary)
        )

    def read(self, ids: list[int]) -> Logits:
        self.api.llama_memory_clear(self.memory, True)
        return self._pass(ids, every=True)

    def greedy(self, ids: list[int], new: int) -> tuple[list[int], float]:
        self.api.llama_memory_clear(self.memory, True)
        tokens = [int(self._pass(ids, every=False).argmax())]
        started = time.perf_counter()
        for _ in range(new):
            tokens.append(int(self._pass(tokens[-1:], every=False).argmax()))
        return tokens, time.perf_counter() - started


def _free(api: Any, model: Any, context: Any) -> None:
    api.llama_free(context)
    api.llama_model_free(model)


class CTranslate2:
    """A converted folder behind `ctranslate2.Generator`; a token's string is its number."""

    def __init__(self, api: Any, folder: Path, kind: str, threads: int) -> None:
        self.generator = api.Generator(str(folder), compute_type=kind, intra_threads=threads)

    def read(self, ids: list[int]) -> Logits:
        return np.asarray(self.generator.forward_batch([ids]))[0]

    def greedy(self, ids: list[int], new: int) -> tuple[list[int], float]:
        steps: list[tuple[int, float]] = []

        def note(step: Any) -> bool:
            steps.append((step.token_id, time.perf_counter()))
            return False

        self.generator.generate_batch(
            [[str(i) for i in ids]], min_length=new + 1, max_length=new + 1, end_token=[], callback=note,
            include_prompt_in_result=False,
        )  # fmt: skip
        if len(steps) != new + 1:
            raise RuntimeError(f"CTranslate2 wrote {len(steps)} tokens of {new + 1}")
        return [token for token, _ in steps], steps[-1][1] - steps[0][1]


@dataclass(frozen=True)
class Identifiers:
    """What the converter asks of a tokenizer."""

    vocabulary: int
    bos_token: str = "0"
    eos_token: str = "0"
    unk_token: str = "0"

    def get_vocab(self) -> dict[str, int]:
        return {str(i): i for i in range(self.vocabulary)}
