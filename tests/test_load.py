"""Loading: the embedded model, folders laid out as the Hub lays them out, the Hub's cache, and the Hub itself."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from cases import each
from huggingface_hub.utils import close_session
from safetensors.torch import save_file
from torch import nn
from transformers import GPT2LMHeadModel
from transformers.pytorch_utils import Conv1D
from working import known

from quant.errors import ModelError, shown
from quant.lab import Lab
from quant.loading import load_model
from quant.model import fetch as fetch_module
from quant.model import load
from quant.model.fetch import fetch, wanted_files
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d
from quant.model.source import DEFAULT_HUB_ID, cached_folder, is_cached
from quant.work import finished

PROMPT = "Me gusta mucho el futbol"
CHUNK = 2**15


def refusal(name: str | Path) -> ModelError:
    """The error of loading `name`; both halves name it."""
    with pytest.raises(ModelError) as caught:
        load_model(name)
    assert caught.value.text.es != caught.value.text.en
    return caught.value


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """The parameters in `folder`, the tied table once, each with memory of its own as safetensors wants it."""
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    return {n: t.clone() for n, t in state.items() if n != "lm_head.weight" and not n.endswith("masked_bias")}


# --- a folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_laid_out_as_the_hub_is_loads(hub_folder: Path, tiny: LoadedModel) -> None:
    assert sorted(f.name for f in hub_folder.iterdir()) == [
        "config.json", "merges.txt", "pytorch_model.bin", "special_tokens_map.json", "tokenizer_config.json",
        "vocab.json",
    ]  # fmt: skip
    assert (tiny.name, tiny.origin.es, tiny.origin.en, tiny.revision) == (
        "gpt2-tiny", "carpeta local", "local folder", "",
    )  # fmt: skip
    assert (tiny.context, tiny.bos) == (64, 0)
    assert tiny.model.config.vocab_size == len(tiny.tokenizer)


def test_the_tokenizer_is_the_folders_own(tiny: LoadedModel) -> None:
    text = "¿Qué hora es? ¡Ñandú!"
    ids = tiny.tokenizer.encode(text, add_special_tokens=False)
    assert len(ids) < len(text.encode())  # learnt pairs, not bytes alone
    assert tiny.tokenizer.decode(ids) == text


def test_a_model_is_float32_at_rest_and_counted_once(tiny: LoadedModel, original: GPT2LMHeadModel) -> None:
    assert not tiny.model.training
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in tiny.model.parameters())
    table, positions = original.config.vocab_size * 64, 64 * 64
    matrices, biases, norms = 64 * 64 * (3 + 1 + 4 + 4), 64 * (3 + 1 + 4 + 1), 4 * 64
    assert tiny.parameters == table + positions + 2 * (matrices + biases + norms) + 2 * 64


def test_half_precision_weights_load_as_float32(folder: Path, tiny: LoadedModel) -> None:
    (folder / "pytorch_model.bin").unlink()
    config = json.loads((folder / "config.json").read_text()) | {"dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config))
    save_file({n: t.half() for n, t in tensors_of(tiny).items()}, folder / "model.safetensors")
    loaded = load_model(folder)
    assert all(p.dtype == torch.float32 for p in loaded.model.parameters())
    assert torch.equal(loaded.weight("transformer.wte"), tiny.weight("transformer.wte").half().float())


def tensors_of(tiny: LoadedModel) -> dict[str, torch.Tensor]:
    """The state of `tiny` as its file has it: the weights of the linear layers turned back, the table once."""
    linears = {f"{n}.weight" for n, m in tiny.model.named_modules() if isinstance(m, nn.Linear)} - {"lm_head.weight"}
    state = {n: t.T if n in linears else t for n, t in tiny.model.state_dict().items() if n != "lm_head.weight"}
    return {n: t.clone().contiguous() for n, t in state.items()}


def test_safetensors_is_preferred(folder: Path) -> None:
    state = tensors(folder)
    state["transformer.wpe.weight"] = torch.full((64, 64), 0.25)
    save_file(state, folder / "model.safetensors")
    assert torch.equal(load_model(folder).weight("transformer.wpe"), state["transformer.wpe.weight"])


def test_with_safetensors_the_bin_is_not_even_opened(folder: Path) -> None:
    save_file(tensors(folder), folder / "model.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"not a model")
    assert load_model(folder).parameters


# --- Conv1D -----------------------------------------------------------------------------------------------------------


def test_the_turned_model_computes_what_the_original_does(tiny: LoadedModel, original: GPT2LMHeadModel) -> None:
    ids = torch.randint(0, tiny.model.config.vocab_size, (3, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(tiny.model(ids).logits, original(ids).logits, rtol=1e-5, atol=1e-5)


def test_every_conv1d_is_gone_and_each_weight_is_out_in(tiny: LoadedModel, original: GPT2LMHeadModel) -> None:
    turned = {n: m for n, m in original.named_modules() if isinstance(m, Conv1D)}
    assert len(turned) == 8
    assert not any(isinstance(m, Conv1D) for m in tiny.model.modules())
    for name, conv in turned.items():
        assert torch.equal(tiny.weight(name), conv.weight.T)
        assert tiny.weight(name).is_contiguous()
    assert tuple(tiny.weight("transformer.h.0.mlp.c_fc").shape) == (256, 64)


def test_the_table_stays_tied(tiny: LoadedModel) -> None:
    assert tiny.model.lm_head.weight is tiny.model.transformer.wte.weight


def test_the_matrices_lie_side_by_side_and_a_file_of_one_holds_no_other(tiny: LoadedModel, tmp_path: Path) -> None:
    weights = [m.weight for m in tiny.model.modules() if isinstance(m, nn.Linear) and m is not tiny.model.lm_head]
    where = sorted((w.data_ptr(), w.nbytes) for w in weights)
    assert [b - a for (a, n), (b, _) in itertools.pairwise(where)] == [n for _, n in where[:-1]]
    torch.save(weights[0], tmp_path / "one.pt")
    assert (tmp_path / "one.pt").stat().st_size < weights[0].nbytes + 4096
    table = tiny.model.transformer.wte.weight  # in an arena of its own: it may stay when the rest goes
    assert not where[0][0] <= table.data_ptr() < where[-1][0]


def test_a_conv1d_without_companions_is_turned_too() -> None:
    parent = nn.Sequential(Conv1D(5, 3))
    x = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    expected = parent(x)
    turn_conv1d(parent)
    assert isinstance(parent[0], nn.Linear)
    torch.testing.assert_close(parent(x), expected)


# --- what cannot be loaded --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["config.json", "pytorch_model.bin", "vocab.json"])
def test_a_folder_that_lacks_a_part_is_refused_with_what_is_needed(folder: Path, gone: str) -> None:
    (folder / gone).unlink()
    error = refusal(folder)
    for half in (error.text.es, error.text.en):
        assert "gpt2-tiny" in half
        assert "config.json" in half
        assert "model.safetensors" in half
        assert "merges.txt" in half


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).text.es.endswith("y hay: —.")


def test_weights_of_another_library_are_none(folder: Path) -> None:
    (folder / "pytorch_model.bin").rename(folder / "tf_model.h5")
    assert "tf_model.h5" in refusal(folder).text.es


class Malice:
    """Runs a command when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.victim),)


def test_a_bin_that_holds_code_is_refused_and_does_not_run(folder: Path, tmp_path: Path) -> None:
    torch.save({"transformer.wte.weight": Malice(tmp_path / "ran")}, folder / "pytorch_model.bin")
    error = refusal(folder)
    assert not (tmp_path / "ran").exists()
    assert "no se abre" in error.text.es
    assert "not opened" in error.text.en
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "ran").exists()  # the file is as dangerous as it should be


@pytest.mark.parametrize("content", [b"", b"not a model" * 100], ids=["empty", "garbage"])
@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
def test_damaged_weights_are_refused(folder: Path, file: str, content: bytes) -> None:
    (folder / file).write_bytes(content)
    assert "gpt2-tiny" in refusal(folder).text.es


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
def test_weights_cut_short_are_refused(folder: Path, file: str) -> None:
    save_file(tensors(folder), folder / "model.safetensors")
    (folder / file).write_bytes((folder / file).read_bytes()[:-2000])
    if file == "pytorch_model.bin":
        (folder / "model.safetensors").unlink()
    assert "gpt2-tiny" in refusal(folder).text.en


def test_weights_that_lack_a_tensor_are_refused_rather_than_filled_with_chance(folder: Path) -> None:
    state = tensors(folder)
    del state["transformer.h.1.mlp.c_fc.weight"], state["transformer.h.1.mlp.c_fc.bias"]
    save_file(state, folder / "model.safetensors")
    error = refusal(folder)
    assert "faltan 2 tensores" in error.text.es
    assert "lack 2 tensors" in error.text.en
    assert "transformer.h.1.mlp.c_fc.bias" in error.text.en


def test_a_tensor_of_another_shape_is_refused(folder: Path) -> None:
    save_file(tensors(folder) | {"transformer.wpe.weight": torch.zeros(3, 64)}, folder / "model.safetensors")
    refusal(folder)


@pytest.mark.parametrize(
    "config",
    ["", "{", "[]", "{}", '{"model_type": "no-such-type"}', '{"model_type": "t5"}',
     '{"model_type": "gpt2", "n_embd": "many"}', '{"model_type": "gpt2", "n_embd": 64, "n_head": 3}'],
)  # fmt: skip
def test_a_configuration_that_makes_no_sense_is_refused(folder: Path, config: str) -> None:
    (folder / "config.json").write_text(config)
    assert "gpt2-tiny" in refusal(folder).text.es


def test_code_that_comes_with_a_model_is_never_run(folder: Path, tmp_path: Path) -> None:
    auto_map = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    (folder / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": auto_map}))
    (folder / "evil.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\nclass Config: ...\n")
    refusal(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"added_tokens": 5, "added_tokens_decoder": 5}'])
def test_a_damaged_tokenizer_is_refused(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text)
    assert "su tokenizador no se puede leer: " in refusal(folder).text.es
    assert "«gpt2-tiny»" in refusal(folder).text.es
    assert "its tokenizer cannot be read: " in refusal(folder).text.en


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"type": "Evil"}, "data did not match any variant"),
        ({"type": "BPE", "vocab": {}, "merges": [["a", "b"]]}, "Error while initializing BPE: Token `a` out of"),
    ],
)
def test_a_tokenizer_that_the_library_refuses_with_a_plain_exception_says_why(
    folder: Path, model: dict[str, object], reason: str
) -> None:
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": [], "model": model}))
    assert f"its tokenizer cannot be read: {reason}" in refusal(folder).text.en
    assert f"su tokenizador no se puede leer: {reason}" in refusal(folder).text.es


@each("name", ["", "gpt3", "nobody/nothing", "a/b/c", "../x", "a b", "user/", "-/-", "http://x/y", "x\0y", "x" * 5000])
def test_a_name_that_is_not_there_is_refused_with_what_is_allowed(hub_cache: Path, name: str) -> None:
    error = refusal(name)
    assert f"«{shown(name.strip())}»" in error.text.es
    assert "«embedded», una carpeta" in error.text.es
    assert "“embedded”, a folder" in error.text.en


def test_a_tokenizer_without_beginning_or_end_says_so(tiny: LoadedModel) -> None:
    class Bare:
        bos_token_id = eos_token_id = None

    with pytest.raises(ModelError, match="neither a beginning nor an end token"):
        _ = replace(tiny, tokenizer=Bare()).bos


# --- the local cache of the Hub ---------------------------------------------------------------------------------------


def test_a_cached_model_loads_by_its_id(cached_snapshot: Path, tiny: LoadedModel) -> None:
    assert is_cached(DEFAULT_HUB_ID)
    loaded = load_model(DEFAULT_HUB_ID)
    assert (loaded.name, loaded.origin.es, loaded.revision) == (
        DEFAULT_HUB_ID, "caché local del Hub", cached_snapshot.name[:12],
    )  # fmt: skip
    assert torch.equal(loaded.weight("transformer.h.1.attn.c_attn"), tiny.weight("transformer.h.1.attn.c_attn"))
    assert loaded.tokenizer.encode(PROMPT) == tiny.tokenizer.encode(PROMPT)


def test_a_cached_model_is_what_a_visitor_starts_with(cached_snapshot: Path) -> None:
    assert Lab().names() == ["embedded", DEFAULT_HUB_ID]
    assert Lab().default() == DEFAULT_HUB_ID


def test_without_one_the_embedded_model_is(hub_cache: Path) -> None:
    assert not is_cached(DEFAULT_HUB_ID)
    assert Lab().names() == ["embedded"]
    assert Lab().default() == "embedded"


@pytest.mark.parametrize("gone", ["config.json", "pytorch_model.bin", "vocab.json"])
def test_half_a_model_in_the_cache_is_none(cached_snapshot: Path, gone: str) -> None:
    (cached_snapshot / gone).unlink()
    assert not is_cached(DEFAULT_HUB_ID)
    assert Lab().default() == "embedded"


def test_a_link_to_a_blob_that_is_gone_is_no_file(cached_snapshot: Path) -> None:
    (cached_snapshot / "pytorch_model.bin").resolve().unlink()
    assert not is_cached(DEFAULT_HUB_ID)


def test_files_that_nobody_needs_may_be_missing_from_the_cache(cached_snapshot: Path) -> None:
    # What `snapshot_download` with a filter leaves behind; without one it then refuses the snapshot as incomplete.
    entry = {"size": 1, "blob_id": "0" * 40}
    trees = cached_snapshot.parents[1] / "trees"
    trees.mkdir()
    names = [*(f.name for f in cached_snapshot.iterdir()), "tf_model.h5", "flax_model.msgpack"]
    listing = {"version": 1, "entries": dict.fromkeys(names, entry)}
    (trees / f"{cached_snapshot.name}.json").write_text(json.dumps(listing))
    assert is_cached(DEFAULT_HUB_ID)


@pytest.mark.parametrize("name", ["embedded", "folder", "hub"])
def test_loading_asks_nothing_of_the_network(
    name: str, hub_folder: Path, cached_snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def remember(*args: Any, **kwargs: Any) -> None:
        asked.append(args)
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(load, "EMBEDDED_FOLDER", hub_folder)
    monkeypatch.setattr(socket.socket, "connect", remember)
    monkeypatch.setattr(socket.socket, "connect_ex", remember)
    monkeypatch.setattr(socket, "getaddrinfo", remember)
    before = set(threading.enumerate())
    assert load_model({"embedded": "embedded", "folder": str(hub_folder), "hub": DEFAULT_HUB_ID}[name]).parameters
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert asked == []


# --- the Hub itself ---------------------------------------------------------------------------------------------------


def use_hub(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Make `url` the Hub, as HF_ENDPOINT does when it is set before the import."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


class Hub(ThreadingHTTPServer):
    """The two answers that a download needs: what a repository holds, and a file of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.folder = folder
        self.served: list[str] = []
        self.commit = "c0ffee" * 6 + "c0ff"
        self.pause: Callable[[], None] = lambda: None  # between two chunks

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == f"/api/models/{DEFAULT_HUB_ID}":
            siblings = [{"rfilename": f.name, "size": f.stat().st_size} for f in sorted(self.server.folder.iterdir())]
            self.answer(json.dumps({"id": DEFAULT_HUB_ID, "sha": self.server.commit, "siblings": siblings}).encode())
        else:
            self.file(path)

    def do_HEAD(self) -> None:
        self.file(self.path)

    def file(self, path: str) -> None:
        name = path.removeprefix(f"/{DEFAULT_HUB_ID}/resolve/main/")
        file = self.server.folder / Path(name).name
        if name == path or not file.is_file():
            self.send_error(404)
            return
        if self.command == "GET":
            self.server.served.append(name)
        self.answer(file.read_bytes())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.server.commit)
        self.end_headers()
        if self.command == "GET":
            for start in range(0, len(body), CHUNK):
                self.wfile.write(body[start : start + CHUNK])
                self.server.pause()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on this machine that has the default model, TensorFlow copy included."""
    (folder / "tf_model.h5").write_bytes(b"never wanted")
    with Hub(folder) as server:
        use_hub(monkeypatch, server.url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            close_session()
            server.shutdown()
            thread.join()


def test_fetch_brings_what_is_needed_and_counts_bytes(hub: Hub, hub_cache: Path, folder: Path) -> None:
    progress = [(k.done, k.total) for k in known(fetch())]
    wanted = {f: (folder / f).stat().st_size for f in hub.served}
    assert sorted(wanted) == sorted(f.name for f in folder.iterdir() if f.name != "tf_model.h5")
    assert hub.served[-1] == "pytorch_model.bin"  # weights last: what is cut short is not taken for a model
    total = sum(wanted.values())
    assert progress[0] == (0, total)
    assert progress[-1] == (total, total)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert len(progress) >= 2 + len(wanted)
    assert [step.fraction for step in fetch()][-1] == 1


def test_fetch_tells_how_far_a_large_file_has_come(hub: Hub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", CHUNK)
    monkeypatch.setattr(fetch_module, "POLL_S", 0.005)
    monkeypatch.setattr(hub, "pause", lambda: time.sleep(0.02))
    progress = [k.done for k in known(fetch())]
    assert len(set(progress)) > len(hub.served) + 1
    assert progress == sorted(progress)


def test_what_was_fetched_is_then_in_the_cache(hub: Hub, hub_cache: Path, tiny: LoadedModel) -> None:
    assert not is_cached(DEFAULT_HUB_ID)
    list(fetch())
    assert is_cached(DEFAULT_HUB_ID)
    assert cached_folder(DEFAULT_HUB_ID).name == hub.commit
    assert torch.equal(load_model(DEFAULT_HUB_ID).weight("transformer.wte"), tiny.weight("transformer.wte"))


def test_fetching_again_downloads_nothing(hub: Hub, hub_cache: Path) -> None:
    list(fetch())
    hub.served.clear()
    assert finished(fetch()).done > 0
    assert hub.served == []


def test_fetch_takes_one_copy_of_the_weights(hub: Hub, hub_cache: Path, folder: Path) -> None:
    save_file(tensors(folder), folder / "model.safetensors")
    list(fetch())
    assert "model.safetensors" in hub.served
    assert "pytorch_model.bin" not in hub.served


def test_a_fetch_cut_short_leaves_no_model(hub: Hub, hub_cache: Path) -> None:
    all_but_weights = sum(f.stat().st_size for f in hub.folder.iterdir() if f.suffix in (".json", ".txt"))
    steps = fetch()
    while (came := next(steps).so_far) and came.done < all_but_weights:
        pass
    steps.close()
    assert (cached_folder(DEFAULT_HUB_ID) / "vocab.json").is_file()
    assert not is_cached(DEFAULT_HUB_ID)


@pytest.mark.usefixtures("hub")
@each("name", ["nobody/nothing", "a/b/c", ""])
def test_a_model_that_the_hub_lacks_is_refused(hub_cache: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        list(fetch(name))
    assert caught.value.text.es.startswith(f"No se ha podido descargar «{name}» (")
    assert caught.value.text.en.startswith(f"“{name}” could not be downloaded (")


def test_a_hub_that_cannot_be_reached_is_an_error_with_a_way_on(
    hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    use_hub(monkeypatch, f"http://127.0.0.1:{closed}")
    with pytest.raises(ModelError) as caught:
        list(fetch())
    close_session()
    assert caught.value.text.es.endswith("(ConnectError). Sigue disponible el modelo incluido.")
    assert caught.value.text.en.endswith("(ConnectError). The embedded model is still there.")


def test_a_machine_told_to_stay_offline_says_so(hub_cache: Path) -> None:
    with pytest.raises(ModelError, match="OfflineModeIsEnabled"):
        list(fetch())


def test_sharded_weights_are_fetched_with_their_index() -> None:
    sizes = {
        "config.json": 1, "model-00001-of-00002.safetensors": 90, "model-00002-of-00002.safetensors": 80,
        "model.safetensors.index.json": 5, "pytorch_model.bin": 170, "onnx/model.onnx": 170, "README.md": 3,
    }  # fmt: skip
    assert list(wanted_files(sizes)) == [
        "config.json", "model.safetensors.index.json", "model-00002-of-00002.safetensors",
        "model-00001-of-00002.safetensors",
    ]  # fmt: skip


def test_a_folder_named_like_nothing_special_is_read_by_its_path(folder: Path, tmp_path: Path) -> None:
    moved = Path(shutil.move(folder, tmp_path / "Mi modelo ñ"))
    assert load_model(str(moved)).name == "Mi modelo ñ"
