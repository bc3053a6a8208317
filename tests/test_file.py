"""A file of a quantized model: the bytes promised, the same model back, no float copy on the way, damage refused."""

from __future__ import annotations

import copy
import gc
import json
import os
import struct
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM, GemmaConfig, LlamaConfig, PreTrainedConfig

import quant
from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.errors import ModelError, QuantError, SchemeError
from quant.evaluation.memory import held_in_memory
from quant.file import quantized as module
from quant.file.header import WRITER, Header, compact, seal
from quant.file.quantized import load_quantized, predicted_bytes, read_recipe, save_quantized
from quant.formats import FORMATS, NumberFormat
from quant.generation import Sampling, generate
from quant.kernels.matrix import PackedMatrix
from quant.methods import METHODS, quantize
from quant.methods.base import Method
from quant.model.layers import census
from quant.model.load import LoadedModel
from quant.model.packed import packed_matrices
from quant.packing import Layout
from quant.qtensor import QTensor
from quant.quantization import quantize_model
from quant.recipe import CacheScheme, Recipe, Rule
from quant.scheme import PerChannel, PerGroup, PerTensor, Scheme, Shape
from quant.size import size_report
from quant.weight import Beside, LowRank, Outliers, QuantWeight

ROOT = Path(__file__).resolve().parents[1]
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
ATTENTION = "transformer.h.0.attn.c_attn"
FOUR = Scheme.integer(4, PerGroup(32))
RECIPES = {
    "linears": Recipe.uniform(FOUR),
    "table": Recipe.uniform(FOUR, table=True),
    "blocks": Recipe.uniform(BLOCKS["Q4_0"].scheme, table=True),
    "double": Recipe.uniform(BLOCKS["NF4_DOUBLE"].scheme, table=True),
    "one scale": Recipe.uniform(Scheme.integer(8, PerTensor()), activations=Activations.INT8),
    "zero points": Recipe.uniform(Scheme.integer(3, PerChannel(), zero_point=True), table=True, method="rtn"),
    "bfloat16": Recipe.uniform(Scheme.integer(4, PerGroup(32), scale=FORMATS["bfloat16"])),
    "mixed": Recipe.uniform(
        FOUR, overrides=(("transformer.wte", BLOCKS["Q8_0"].scheme), (ATTENTION, BLOCKS["MXFP4"].scheme))
    ),
}
RECIPE = RECIPES["table"]
SMALL = {
    "vocab_size": 384, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 64, "initializer_range": 0.2,
    "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
LLAMA = LlamaConfig(**SMALL, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 500.0})


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param]


@pytest.fixture(scope="module")
def done(tiny: LoadedModel) -> LoadedModel:
    return quantize_model(tiny, RECIPE)


@pytest.fixture
def path(done: LoadedModel, tmp_path: Path) -> Path:
    """A file of `done` that a test may damage."""
    save_quantized(done, RECIPE, tmp_path / "model.quant")
    return tmp_path / "model.quant"


def build(config: PreTrainedConfig, tiny: LoadedModel) -> LoadedModel:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = AutoModelForCausalLM.from_config(copy.deepcopy(config), dtype=torch.float32)
    return replace(tiny, model=model.eval().requires_grad_(False))


def tensors_of(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a mapping)


def header_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        parsed: dict[str, Any] = json.loads(file.metadata()["quant"])
    return parsed


def assert_same(a: LoadedModel, b: LoadedModel) -> None:
    """Bit for bit: every code, scale, float tensor and buffer."""
    assert census(a) == census(b)
    packed = {name: held for name, _, held in packed_matrices(b.model)}
    for name, _, held in packed_matrices(a.model):
        assert Layout(held.scheme).pack(held.qtensor()) == Layout(held.scheme).pack(packed[name].qtensor())
        assert_same_numbers(held.qtensor(), packed[name].qtensor())
    floats, buffers = dict(b.model.named_parameters()), dict(b.model.named_buffers())
    assert floats.keys() == dict(a.model.named_parameters()).keys()
    assert all(torch.equal(p, floats[name]) for name, p in a.model.named_parameters())
    assert buffers.keys() == dict(a.model.named_buffers()).keys()
    assert all(torch.equal(x, buffers[name]) for name, x in a.model.named_buffers())


def assert_same_numbers(a: QTensor, b: QTensor) -> None:
    assert a.scheme == b.scheme
    assert torch.equal(a.codes, b.codes)
    for x, y in ((a.scale, b.scale), (a.zero, b.zero), (a.offset, b.offset)):
        assert type(x) is type(y)
        if isinstance(x, QTensor) and isinstance(y, QTensor):
            assert_same_numbers(x, y)
        elif isinstance(x, Tensor) and isinstance(y, Tensor):
            assert torch.equal(x, y)


def test_saved_and_loaded_is_the_same_model_in_the_bytes_promised(
    tiny: LoadedModel, recipe: Recipe, tmp_path: Path
) -> None:
    tiny = replace(tiny, name='modelo «ñ» \N{BALLOON}\n"\\')  # letters that JSON writes in several ways
    done, path = quantize_model(tiny, recipe), tmp_path / "ñ «model».quant"
    promised = predicted_bytes(tiny, recipe)
    assert save_quantized(done, recipe, path) == path.stat().st_size == promised
    again = load_quantized(path)
    assert read_recipe(path) == recipe
    assert_same(done, again)
    assert (again.name, again.revision, again.origin.en) == (tiny.name, tiny.revision, "quantized file")
    assert not again.model.training
    assert not any(p.requires_grad for p in again.model.parameters())
    written = [generate(m, "Me gusta mucho", Sampling(40)).ids for m in (done, again)]
    assert written[0] == written[1]
    save_quantized(again, recipe, tmp_path / "again.quant")
    assert (tmp_path / "again.quant").read_bytes() == path.read_bytes()


def test_each_byte_is_accounted_for(tiny: LoadedModel, recipe: Recipe, tmp_path: Path) -> None:
    """The tensors are those of the size report, byte for byte; the rest is tokenizer and header."""
    done, path, report = quantize_model(tiny, recipe), tmp_path / "model.quant", size_report(tiny, recipe)
    save_quantized(done, recipe, path)
    tensors = tensors_of(path)
    held = {f"{name}.weight": matrix for name, _, matrix in packed_matrices(done.model)}
    for row in report.rows:
        data = tensors.pop(row.layer.tensor)
        assert data.nbytes == row.stored_bytes
        if row.quantized:
            packed = held.pop(row.layer.tensor)
            assert data.dtype == torch.uint8
            assert data.numpy().tobytes() == Layout(packed.scheme).pack(packed.qtensor())
        else:
            assert torch.equal(data, tiny.model.get_parameter(row.layer.tensor))
    assert not held
    assert all(name.startswith("tokenizer/") for name in tensors)
    length = struct.unpack("<Q", path.read_bytes()[:8])[0]
    rest = 8 + length + sum(t.nbytes for t in tensors.values())
    assert path.stat().st_size == report.stored_bytes + rest
    assert sum(h.n_bytes for h in held_in_memory(load_quantized(path))) == sum(h.n_bytes for h in held_in_memory(done))


def test_the_prediction_quantizes_nothing(tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Method, "quantize", None)
    assert predicted_bytes(tiny, RECIPE) > size_report(tiny, RECIPE).stored_bytes
    with pytest.raises(SchemeError):
        predicted_bytes(tiny, Recipe.uniform(Scheme.integer(4, PerGroup(128))))


def test_the_header_says_it_all(path: Path, tiny: LoadedModel) -> None:
    header = header_of(path)
    assert (header["format"], header["version"], header["name"]) == ("quantized model", 1, tiny.name)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert header["writer"] == WRITER == f"{project['name']} {project['version']}"
    assert header["config"]["model_type"] == "gpt2"
    assert ["transformer.wte.weight", [338, 64], 0] in header["tensors"]
    assert ["transformer.wpe.weight", [64, 64], None] in header["tensors"]
    assert str(path.parent) not in json.dumps(header)
    assert not any("path" in field for field in header["config"])


def test_the_table_of_tensors_names_the_scheme_of_each(tiny: LoadedModel, tmp_path: Path) -> None:
    recipe = RECIPES["mixed"]
    save_quantized(quantize_model(tiny, recipe), recipe, tmp_path / "m")
    ids = {name: i for name, _, i in header_of(tmp_path / "m")["tensors"]}
    assert (ids["transformer.wte.weight"], ids[f"{ATTENTION}.weight"], ids[f"{ATTENTION}.bias"]) == (1, 2, None)
    assert ids["transformer.h.1.attn.c_attn.weight"] == 0


@pytest.mark.parametrize("config", [LLAMA, GemmaConfig(**SMALL)], ids=["Llama", "Gemma"])
@pytest.mark.parametrize("name", ["linears", "table"])
def test_other_architectures_come_back_too(
    config: PreTrainedConfig, name: str, tiny: LoadedModel, tmp_path: Path
) -> None:
    original = build(config, tiny)
    done = quantize_model(original, RECIPES[name])
    assert save_quantized(done, RECIPES[name], tmp_path / "m") == predicted_bytes(original, RECIPES[name])
    again = load_quantized(tmp_path / "m")
    assert_same(done, again)
    ids = torch.arange(40).view(1, -1)
    assert torch.equal(again.model(ids).logits, done.model(ids).logits)
    head, table = again.model.get_output_embeddings(), again.model.get_input_embeddings()
    tied = head.weight is table.weight if isinstance(table, nn.Embedding) and isinstance(head, nn.Linear) else (
        getattr(head, "matrix", 0) is getattr(table, "matrix", 1)
    )  # fmt: skip
    assert tied == (config is not LLAMA)


def test_the_embedded_model_makes_the_round_trip(tmp_path: Path) -> None:
    recipe = Recipe.uniform(table=True)
    done = quant.quantize_model(quant.load_model(), recipe)
    assert quant.save_quantized(done, recipe, tmp_path / "m") == predicted_bytes(quant.load_model(), recipe)
    assert_same(done, again := quant.load_quantized(tmp_path / "m"))
    assert quant.generate(again, "Hola", Sampling(20)).ids == quant.generate(done, "Hola", Sampling(20)).ids


def test_a_loaded_model_lies_in_memory_as_a_quantized_one(done: LoadedModel, path: Path) -> None:
    """Side by side, where a step reads it fastest."""

    def places(loaded: LoadedModel) -> list[int]:
        matrices = [held for _, _, held in packed_matrices(loaded.model) if isinstance(held, PackedMatrix)]
        starts = [matrix.codes.data.data_ptr() for matrix in matrices]
        assert len(starts) == 9
        return [start - min(starts) for start in starts]

    assert places(load_quantized(path)) == places(done)


class LargestFloat(TorchDispatchMode):
    """The most numbers that any float tensor with memory has had, of all that operators made."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result):
            if isinstance(made, Tensor) and made.is_floating_point() and not made.is_meta:
                self.numbers = max(self.numbers, made.untyped_storage().nbytes() // made.element_size())
        return result


@pytest.mark.parametrize("name", ["linears", "table", "blocks", "zero points"])
def test_no_float_copy_of_a_matrix_is_made_while_loading(
    name: str, tiny: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = RECIPES[name].rules[-1]
    recipe = replace(RECIPES[name], rules=(replace(rule, layers="*"),))  # then norms are the only floats: 64 numbers
    save_quantized(quantize_model(build(LLAMA, tiny), recipe), recipe, tmp_path / "m")

    def never(*_: object) -> Tensor:
        raise AssertionError("a quantized matrix was decoded")

    monkeypatch.setattr(QTensor, "dequantize", never)
    monkeypatch.setattr(module, "size_report", never)  # belongs to saving
    monkeypatch.setattr(module, "proved", lambda loaded: loaded)  # writes a little, which takes memory of its own
    with LargestFloat() as seen:
        loaded = load_quantized(tmp_path / "m")
    assert 64 <= seen.numbers <= 384 * 64 // 32  # a norm, or the scales of the table
    smallest = min(held.shape[0] * held.shape[1] for _, _, held in packed_matrices(loaded.model))
    assert seen.numbers < smallest == 32 * 64


def resident(field: str) -> int:
    """VmRSS (now) or VmHWM (the most since the last reset) in bytes."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


@pytest.mark.skipif(not CLEAR.exists(), reason="this system does not say how much memory a process has had")
def test_loading_takes_the_memory_of_the_packed_bytes(tiny: LoadedModel, tmp_path: Path) -> None:
    sizes = SMALL | {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 8, "head_dim": 128}
    original = build(LlamaConfig(**sizes, tie_word_embeddings=True), tiny)
    report = size_report(original, RECIPE)
    assert report.float_bytes > 120e6
    save_quantized(quantize_model(original, RECIPE), RECIPE, tmp_path / "m")
    del original
    load_quantized(tmp_path / "m")  # what is imported and compiled once
    grown = []
    for _ in range(3):  # what other tests have left in the allocator can count against one of them
        gc.collect()  # modules are cycles: what is left of the first would count against the second
        CLEAR.write_text("5")
        before = resident("VmRSS")
        loaded = load_quantized(tmp_path / "m")
        grown.append(resident("VmHWM") - before)
        assert loaded.parameters == report.float_bytes // 4
        del loaded
    # Packed bytes, the file's own pages, and one matrix unpacked to a byte a code.
    assert min(grown) < 2 * report.stored_bytes + 16e6 < report.float_bytes / 2


def refusal(path: Path) -> QuantError:
    with pytest.raises(ModelError) as caught:
        load_quantized(path)
    text = caught.value.text
    assert path.name in text.en
    assert path.name in text.es
    assert text.es != text.en
    assert not text.en.endswith("..")
    return caught.value


def rewrite(path: Path, data: dict[str, Tensor] | None = None, /, **changes: Any) -> None:
    """The same file with other tensors, or header fields changed; `...` leaves one out."""
    header = {k: v for k, v in (header_of(path) | changes).items() if v is not ...}
    metadata = {"quant": json.dumps(header)}
    save_file(tensors_of(path) if data is None else data, path, metadata=metadata)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for missing in (tmp_path / "nothing", tmp_path, tmp_path / ("x" * 300)):
        assert "does not exist, or is a folder" in str(refusal(missing))
    with pytest.raises(ModelError, match="does not exist"):
        read_recipe(tmp_path / "nothing")


def test_what_is_not_safetensors_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for data in (b"hello", os.urandom(64), whole[:-1], whole[: len(whole) // 2], whole[:100], whole + b"\0"):
        path.write_bytes(data)
        assert "not a safetensors file, or is damaged or cut short" in str(refusal(path))
    path.write_bytes(b"")
    assert "is cut short: it takes 0 bytes" in str(refusal(path))


def test_a_file_that_may_not_be_read_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "safe_open", denied)
    assert "Permission denied" in str(refusal(path))


def test_a_stranger_is_refused(path: Path) -> None:
    for metadata in (None, {}, {"format": "pt"}):
        save_file({"a": torch.zeros(3)}, path, metadata=metadata)
        assert "has no “quant” in its metadata" in str(refusal(path))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "header: it is not JSON"),
        ("{", "header: it is not JSON"),
        ("[" * 100_000, "header: it is not JSON"),
        ("[]", "header: got []; allowed: {…}"),
        ("{}", "got format (None, None); allowed: ('quantized model', 1)"),
        ('{"format": "quantized model", "version": 3}', "got format ('quantized model', 3)"),
        ('{"format": "quantized model", "version": 1}', "header: the field “recipe” is missing"),
        ('{"format": "quantized model", "version": 2, "more": 1}', "header: the field “more” is unknown; the ones"),
    ],
)
def test_a_broken_header_is_refused(path: Path, header: str, says: str) -> None:
    save_file(tensors_of(path), path, metadata={"quant": header})
    assert says in str(refusal(path))


def test_every_field_of_the_header_has_its_type(path: Path) -> None:
    kept = header_of(path)
    for field in ("writer", "name", "revision", "recipe", "config", "tensors", "sha256"):
        for value in (None, 7, True):
            rewrite(path, None, **kept | {field: value})
            assert f"header.{field}: got {value}" in str(refusal(path)), (field, value)


def test_what_says_what_the_file_holds_is_needed(path: Path) -> None:
    kept = header_of(path)
    for field in ("recipe", "config", "tensors", "sha256"):
        rewrite(path, None, **kept | {field: ...})
        assert f"the field “{field}” is missing" in str(refusal(path))


def test_a_missing_field_takes_its_default(path: Path, done: LoadedModel) -> None:
    """As an older or another writer may leave it out; the seal is of the header as it was written."""
    header = header_of(path)
    for field in ("writer", "revision"):
        del header[field]
    for field in ("method", "overrides"):
        del header["recipe"][field]
    del header["recipe"]["scheme"]["ties"]
    sums = [tensors_of(path)[name] for name in sorted(tensors_of(path))]
    header["sha256"] = seal(compact(header | {"sha256": ""}), sums)
    save_file(tensors_of(path), path, metadata={"quant": compact(header)})
    again = load_quantized(path)
    assert again.revision == ""
    assert_same(done, again)


def changed(header: dict[str, Any], way: str, value: object) -> dict[str, Any]:
    """A copy of a JSON object with one thing in it changed."""
    result = copy.deepcopy(header)
    *steps, last = way.split("/")
    inside = result
    for step in steps:
        inside = inside[step]
    inside[last] = value
    return result


@pytest.mark.parametrize(
    ("way", "value", "says"),
    [
        ("scheme/element", "int9", "There is no format “int9”"),
        ("scheme/granularity", {"per_group": 7}, "Groups of 7"),
        ("scheme/granularity", {"per_group": 128}, "A group of 128 does not divide the 64 inputs"),
        ("scheme/granularity", {"per_group": 64}, "got uint8 [6912], allowed is uint8 [6528]"),
        ("embedding", False, "“transformer.wte.weight”: got uint8 [12168], allowed is float32 [338, 64]"),
        ("method", "magic", "There is no method “magic”"),
        ("scheme/scale", "bfloat16", "it is not what was saved: its SHA-256 differs"),  # as many bytes
        ("model", "another", "it is not what was saved"),
    ],
)
def test_another_recipe_is_refused(path: Path, way: str, value: object, says: str) -> None:
    rewrite(path, recipe=changed(header_of(path)["recipe"], way, value))
    assert says in str(refusal(path))


@pytest.mark.parametrize(
    ("way", "value", "says"),
    [
        ("model_type", "../evil", "the architecture '../evil' is not a causal language model of transformers"),
        ("model_type", ["gpt2"], "the architecture ['gpt2']"),
        ("model_type", "vit", "the architecture 'vit' is not"),
        ("model_type", "llama", "the configuration asks for a model of"),
        ("auto_map", {"AutoModelForCausalLM": "evil.py"}, "fields that could name code"),
        ("attn_implementation", "someone/kernel", "fields that could name code"),
        ("_attn_implementation", "someone/kernel", "fields that could name code"),
        ("n_layer", 3, "12 tensors are not those of its recipe"),
        ("n_layer", -1, "tensors are not those of its recipe"),
        ("n_layer", "two", "no gpt2 model can be built"),
        ("n_head", 0, "no gpt2 model can be built"),
        ("n_head", 7, "no gpt2 model can be built"),
        ("n_embd", -64, "no gpt2 model can be built"),
        ("activation_function", "magic", "no gpt2 model can be built"),
        ("vocab_size", 339, "“transformer.wte.weight”: got uint8 [12168], allowed is uint8 [12204]"),
    ],
)
def test_another_configuration_is_refused(path: Path, way: str, value: object, says: str) -> None:
    rewrite(path, config=changed(header_of(path)["config"], way, value))
    assert says in str(refusal(path))


def edit(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = tensors_of(path)
    change(tensors)
    rewrite(path, tensors)


WTE, NORM = "transformer.wte.weight", "transformer.ln_f.weight"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop(WTE), f"“{WTE}”: got none, allowed is uint8 [12168]"),
        (lambda t: t.pop(NORM), f"“{NORM}”: got none, allowed is float32 [64]"),
        (lambda t: t.update(extra=torch.zeros(2)), "“extra”: got float32 [2], allowed is none"),
        (lambda t: t.update({WTE: t[WTE][:-1].clone()}), f"“{WTE}”: got uint8 [12167], allowed is uint8 [12168]"),
        (lambda t: t.update({WTE: t[WTE].view(2, -1)}), f"“{WTE}”: got uint8 [2, 6084]"),
        (lambda t: t.update({WTE: t[WTE].view(torch.int8)}), f"“{WTE}”: got I8 [12168]"),
        (lambda t: t.update({NORM: t[NORM].half()}), f"“{NORM}”: got float16 [64]"),
        (
            lambda t: t.update({"tokenizer/../../x": t[WTE].clone()}),
            "“tokenizer/../../x”: got uint8 [12168], allowed is none",
        ),
        (lambda t: t.update({"tokenizer//x": t[WTE].clone()}), "“tokenizer//x”"),
        (lambda t: t.update({"tokenizer/.x": t[WTE].clone()}), "“tokenizer/.x”"),
        (lambda t: t.update({"tokenizer/x": t[NORM].clone()}), "“tokenizer/x”: got F32; allowed: U8"),
        (lambda t: [t.pop(n) for n in list(t) if n.startswith("tokenizer/")], "or it has no tokenizer"),
        (lambda t: t[WTE].__setitem__(5, t[WTE][5] ^ 1), "is not what was saved"),
        (lambda t: t[NORM].__setitem__(5, 9.0), "is not what was saved"),
    ],
)
def test_other_tensors_are_refused(path: Path, change: Callable[[dict[str, Tensor]], object], says: str) -> None:
    edit(path, change)
    assert says in str(refusal(path))


def reseal(path: Path) -> None:
    """Give a changed file the checksum that its new content has: a stranger's work, no accident."""
    header, tensors = header_of(path), tensors_of(path)
    sealed = Header.parsed(json.dumps(header)).sealed(tensors[name] for name in sorted(tensors))
    save_file(tensors, path, metadata={"quant": sealed.text})


def test_the_checksum_is_over_header_and_data(path: Path) -> None:
    before = path.read_bytes()
    reseal(path)
    assert path.read_bytes() == before
    rewrite(path, name="another")
    assert "its SHA-256 differs" in str(refusal(path))
    reseal(path)
    assert load_quantized(path).name == "another"


def encoded(value: object) -> Tensor:
    return torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8)


@pytest.mark.parametrize(
    "files",
    [
        {"tokenizer.json": encoded("no tokenizer")},
        {"tokenizer.json": encoded({})},
        {"tokenizer.json": encoded({"added_tokens": [], "model": {"type": "Evil"}})},
        {"tokenizer.json": torch.tensor([255, 254], dtype=torch.uint8)},
        {"tokenizer.json": torch.zeros(0, dtype=torch.uint8)},
        {"tokenizer_config.json": encoded([])},
        {"readme": encoded("nothing else")},
        {"tokenizer_config.json": encoded({"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.E", None]}}),
         "evil.py": torch.tensor(list(b"raise SystemExit"), dtype=torch.uint8)},
    ],
)  # fmt: skip
def test_another_tokenizer_is_refused_and_its_code_not_run(path: Path, files: dict[str, Tensor]) -> None:
    def change(tensors: dict[str, Tensor]) -> None:
        for name in [n for n in tensors if n.startswith("tokenizer/")]:
            del tensors[name]
        tensors.update({f"tokenizer/{name}": data for name, data in files.items()})

    edit(path, change)
    reseal(path)
    assert "its tokenizer cannot be read" in str(refusal(path))


def test_another_table_of_tensors_is_refused(path: Path) -> None:
    table = header_of(path)["tensors"]
    for wrong in (table[:-1], [*table, table[0]], [[*table[0][:2], 1], *table[1:]], []):
        rewrite(path, tensors=wrong)
        assert "its table of tensors is not that of its recipe" in str(refusal(path))


def test_a_file_that_exists_is_kept_unless_asked(done: LoadedModel, tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    target.write_text("the only copy")
    with pytest.raises(ModelError, match=r"exists already; choose another name, or ask to replace it"):
        save_quantized(done, RECIPE, target)
    assert target.read_text() == "the only copy"
    save_quantized(done, RECIPE, target, replace=True)
    assert_same(done, load_quantized(target))
    assert [f.name for f in tmp_path.iterdir()] == [target.name]


def test_a_save_that_fails_leaves_what_was_there(
    done: LoadedModel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(tensors: dict[str, Tensor], written: Path, metadata: dict[str, str]) -> None:
        written.write_bytes(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(ModelError, match="cannot be written: No space left on device"):
        save_quantized(done, RECIPE, path, replace=True)
    assert path.read_bytes() == before
    assert [f.name for f in path.parent.iterdir()] == [path.name]


def test_a_place_that_cannot_be_written_is_refused(done: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be written: No such file or directory"):
        save_quantized(done, RECIPE, tmp_path / "nowhere" / "m")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelError, match="cannot be written: Is a directory"):
        save_quantized(done, RECIPE, tmp_path / "folder", replace=True)


def test_a_file_has_the_permissions_of_any_other(path: Path) -> None:
    (path.parent / "other").write_bytes(b"")
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode


def test_a_loaded_model_outlives_its_file(path: Path, done: LoadedModel) -> None:
    again = load_quantized(path)
    with path.open("r+b") as file:  # the very same file: a view of it would see this
        file.write(bytes(path.stat().st_size))
    assert_same(done, again)


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (RECIPES["linears"], "by it “transformer.wte.weight” is stored as float32, and it is not"),
        (RECIPES["blocks"], "by it “transformer.wte.weight” is stored as Q4_0, and it is not"),
        (Recipe.uniform(Scheme.integer(4, PerGroup(64)), table=True), "is stored as int4, and it is not"),
        (replace(RECIPE, activations=Activations.INT8), "by it activations are int8, and they are not"),
    ],
)
def test_a_recipe_that_is_not_the_models_is_refused(
    done: LoadedModel, recipe: Recipe, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError) as caught:
        save_quantized(done, recipe, tmp_path / "m")
    assert says in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_original_is_no_quantized_model(tiny: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is stored as int4, and it is not"):
        save_quantized(tiny, RECIPE, tmp_path / "m")
    rounded = replace(tiny, model=copy.deepcopy(tiny.model).half())
    with pytest.raises(ModelError, match="is stored as float32, and it is not"):
        save_quantized(quantize_model(rounded, RECIPE), RECIPE, tmp_path / "m")


def test_what_a_configuration_does_not_tell_is_refused_when_saving(tiny: LoadedModel, tmp_path: Path) -> None:
    """A layer of another kind, a buffer that no configuration gives, a format of somebody's own."""
    turned = build(LLAMA, tiny)
    turned.model.model.rotary_emb.inv_freq.mul_(2)
    wider = quantize_model(tiny, RECIPE)
    wider.model.transformer.extra = nn.LayerNorm(2)
    for model in (quantize_model(turned, RECIPE), wider):
        with pytest.raises(ModelError, match="cannot be rebuilt from its header alone"):
            save_quantized(model, RECIPE, tmp_path / "m")
    own = Recipe.uniform(Scheme(NumberFormat("mine", 2, "me", torch.tensor([-1.0, 0, 1, 2])), PerGroup(32)))
    with pytest.raises(SchemeError, match="There is no format “mine”"):
        save_quantized(quantize_model(tiny, own), own, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_what_stands_beside_the_codes_is_saved_and_loaded(tiny: LoadedModel, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Of a made-up method that keeps two columns, a pre-scale and a correction; its bytes are known beforehand."""

    def run(weight: Tensor, scheme: Scheme, *_: object) -> QuantWeight:
        g = torch.Generator().manual_seed(1)
        columns = torch.tensor([1, 5])
        beside = Beside(
            0.5 + torch.rand(weight.shape[1], generator=g), Outliers(columns, weight[:, columns].half()),
            LowRank(torch.randn(weight.shape[0], 1, generator=g).half(),
                    torch.randn(1, weight.shape[1], generator=g).half()),
        )  # fmt: skip
        return QuantWeight(quantize(weight, scheme), beside)

    def beside(scheme: Scheme, shape: Shape, knobs: object) -> dict[str, tuple[int, ...]]:
        return {"pre_scale": (shape[1],), "outliers.columns": (2,), "outliers.values": (shape[0], 2),
                "low_rank.a": (shape[0], 1), "low_rank.b": (1, shape[1])}  # fmt: skip

    made_up = replace(METHODS["rtn"], name="made up", run=run, beside=beside)
    monkeypatch.setitem(METHODS, "made up", made_up)
    recipe = Recipe((Rule("*", FOUR, "made up"),), model=tiny.name)
    done, path = quantize_model(tiny, recipe), tmp_path / "m"
    assert save_quantized(done, recipe, path) == path.stat().st_size == predicted_bytes(tiny, recipe)
    assert header_of(path)["version"] == 2
    again = load_quantized(path)
    assert read_recipe(path) == recipe
    held = {name: held for name, _, held in packed_matrices(again.model)}
    for name, _, was in packed_matrices(done.model):
        assert was.parts().keys() == held[name].parts().keys()
        assert all(torch.equal(part, held[name].parts()[key]) for key, part in was.parts().items()), name
    with pytest.raises(ModelError, match="The recipe is not this model's"):
        save_quantized(done, replace(recipe, rules=(Rule("*", FOUR),)), tmp_path / "n")
    report = size_report(tiny, recipe)
    assert report.stored_bytes == sum(t.nbytes for n, t in tensors_of(path).items() if not n.startswith("tokenizer/"))


def test_parts_that_no_matrix_can_have_are_refused_by_name(tiny: LoadedModel, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Though the file is sealed anew: a stranger's work, no accident."""
    inputs = 64

    def run(weight: Tensor, scheme: Scheme, *_: object) -> QuantWeight:
        columns = torch.tensor([1, 5])
        scale, largest, size = torch.ones(inputs), torch.ones(1), torch.tensor([16])
        outliers = Outliers(columns, weight[:, columns].half())
        return QuantWeight(quantize(weight, scheme), Beside(scale, outliers, None, largest, size))

    def beside(scheme: Scheme, shape: Shape, knobs: object) -> dict[str, tuple[int, ...]]:
        return {"pre_scale": (inputs,), "outliers.columns": (2,), "outliers.values": (shape[0], 2),
                "largest": (1,), "hadamard": (1,)}  # fmt: skip

    monkeypatch.setitem(METHODS, "made up", replace(METHODS["rtn"], name="made up", run=run, beside=beside))
    recipe, path = Recipe((Rule(ATTENTION, FOUR, "made up"),), model=tiny.name), tmp_path / "m"
    done = quantize_model(tiny, recipe)
    save_quantized(done, recipe, path)
    load_quantized(path)  # as it was saved
    good = tensors_of(path)
    for part, wrong in (
        *(("hadamard", torch.tensor([size])) for size in (0, 3, -8, 128, 2**40)),
        *(("outliers.columns", torch.tensor(columns)) for columns in ([-1, 5], [1, 10**6], [5, 1], [5, 5])),
        *(("largest", torch.tensor([value])) for value in (-1.0, float("nan"), float("inf"))),
        *(("pre_scale", torch.ones(inputs).index_fill(0, torch.tensor(3), value)) for value in (0.0, float("inf"))),
    ):
        rewrite(path, good | {f"{ATTENTION}.beside.{part}": wrong})
        reseal(path)
        assert part in str(refusal(path)), (part, wrong)
    held = next(held for name, _, held in packed_matrices(done.model) if name == ATTENTION)
    held.quantized().beside.outliers.columns[0] = -1
    with pytest.raises(ModelError, match=r"outliers\.columns"):
        save_quantized(done, recipe, tmp_path / "n")


def test_a_file_never_claims_a_cache_that_its_model_has_not(done: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(QuantError, match="keys and values in another way"):
        save_quantized(done, replace(RECIPE, cache=CacheScheme(keys=FOUR)), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
