"""What every test shares: no network, few threads, an empty model cache; a browser and a page for those that ask.

The environment is set before anything imports torch, transformers or gradio, since they read it at import.
"""

from __future__ import annotations

import atexit
import hashlib
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
# As app.py has it: threads that wait sleep. Where they spin, tests beside other work take several times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A developer's own cache may hold the hub model; the tests must see the same machine everywhere.
_CACHE = tempfile.mkdtemp(prefix="quant-tests-")
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
os.environ["HF_HOME"] = os.environ["XDG_CACHE_HOME"] = _CACHE
for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"):
    os.environ.pop(name, None)

import huggingface_hub  # noqa: E402  (after the environment, as all that follow)
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402
from tokenizers import ByteLevelBPETokenizer  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

from quant.bench.fuzz import Served  # noqa: E402
from quant.loading import load_model  # noqa: E402
from quant.model.load import LoadedModel  # noqa: E402
from quant.model.source import DEFAULT_HUB_ID  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
# What is off as playwright has it off (of two such lists Chromium takes the last), and what the address bar would
# unfold: pages of Chromium's own, which it loads in each window and nobody sees. They took a sixth of a visit's time.
FEATURES_OFF = [
    "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying",
    "OptimizationHints", "PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning", "AimEnabled",
    "WebUIOmniboxAimPopup", "WebUIOmniboxPopup",
]  # fmt: skip
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(FEATURES_OFF)}",
]
START_LIMIT_S = 600.0
SENTENCES = [
    "Me gusta mucho el futbol, pero no lo es todo: también me gustan la música, el mar y las tardes de lluvia.",
    "La ciudad de Madrid es la capital de España y la más poblada del país; está en el centro de la península.",
    "¿Qué hora es? Son las tres y media de la tarde, y el tren que va a Sevilla sale dentro de un cuarto de hora.",
    "El agua hierve a cien grados al nivel del mar, y a menos en lo alto de una montaña, donde pesa menos el aire.",
    "Cuando llegó el invierno, la niña y su abuelo encendieron la chimenea y contaron historias de otros tiempos.",
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo.",
]

# Two processes of two threads each on two cores get less done than two of one: they wait for each other's threads.
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("fixed")


def pytest_addoption(parser: pytest.Parser) -> None:
    help_ = "run each browser test in both languages, and every kind of model in the zoo"
    parser.addoption("--thorough", action="store_true", help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Of several processes each takes files in the order below, not those of most tests first."""
    if config.pluginmanager.hasplugin("xdist"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the browser tests last: playwright's synchronous API keeps an event loop running in this thread.

    A test that drives the page in either language does so in one of them, half of the tests in each: both would take
    minutes more. Those that are about the languages are marked so.
    """
    mixed = {item.path for item in items if in_browser(item)} & {item.path for item in items if not in_browser(item)}
    if mixed:
        raise pytest.UsageError(f"a file's tests are in a browser all or none: {', '.join(map(str, sorted(mixed)))}")
    tests, slow = Counter(item.path for item in items), {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, bool, int]:
        """Those in a browser last; of them, files that take long first, so that several processes end together."""
        last = in_browser(item)
        return last, last and item.path not in slow, -tests[item.path] if last else 0

    items.sort(key=place)
    if not config.getoption("--thorough"):
        left = [item for item in items if in_other_language(item)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


def in_browser(item: pytest.Item) -> bool:
    return item.get_closest_marker("browser") is not None


def in_other_language(item: pytest.Item) -> bool:
    """Whether this is a browser test in the language that its name does not fall to."""
    if not in_browser(item) or item.get_closest_marker("languages") is not None:
        return False
    languages = re.findall(r"\b(?:es|en)\b", item.name.partition("[")[2])
    name = getattr(item, "originalname", item.name)
    return len(languages) == 1 and languages[0] != ("es", "en")[zlib.crc32(name.encode()) % 2]


class NetworkBlockedError(RuntimeError):
    """A test tried to leave the machine. Not an OSError, which code that expects a dead network would swallow."""


def is_local(address: Any) -> bool:
    """Whether a socket address stays on this machine: a Unix path, a loopback address or `localhost`."""
    if not isinstance(address, tuple):
        return True
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    if host in (None, "", "localhost"):
        return True
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return ip.is_loopback or ip.is_unspecified


def refuse(address: Any) -> None:
    """Raise NetworkBlockedError unless `address` is local."""
    if not is_local(address):
        raise NetworkBlockedError(f"the tests use no network, and something asked for {address!r}")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Make connections and name look-ups fail unless they stay on this machine."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse((host,))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium. Skips without one, or fails when QUANT_BROWSER_TESTS=required."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("QUANT_BROWSER_TESTS") == "required":
            pytest.fail("QUANT_BROWSER_TESTS=required, and there is no `chromium` on the PATH")
        pytest.skip("no `chromium` on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield running
        running.close()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether `url` gives a page now."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when `url` answers; fail with the program's output when it dies or takes too long."""
    deadline = time.monotonic() + START_LIMIT_S
    while not answers(url):
        if process.poll() is not None:
            pytest.fail(f"app.py ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        if time.monotonic() > deadline:
            pytest.fail(f"app.py did not answer in {START_LIMIT_S:.0f} s:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


@pytest.fixture(scope="session")
def served_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page, served by `python app.py` in a process of its own."""
    log, port = tmp_path_factory.mktemp("server") / "output.txt", free_port()
    url = f"http://127.0.0.1:{port}/"
    environment = os.environ | {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            wait_until_it_answers(process, url, log)
            yield Served(url, process, log)
            if process.poll() is not None:
                pytest.fail(f"app.py died with {process.returncode}:\n{log.read_text(errors='replace')}")
        finally:
            stop(process)


@pytest.fixture(scope="session")
def server(served_page: Served) -> str:
    """The address of the page."""
    return served_page.url


def stop(process: subprocess.Popen[bytes]) -> None:
    """End `process`, by force if it does not end in ten seconds."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of two layers and its byte-level BPE, file by file as `datificate/gpt2-small-spanish` lays them out."""
    folder = tmp_path_factory.mktemp("hub") / "gpt2-tiny"
    folder.mkdir()
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(SENTENCES, vocab_size=384, special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer.save_model(str(folder))
    special = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64}))
    # Spread wider than GPT-2's 0.02, so that no two tokens are almost equally likely.
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(), n_positions=64, n_embd=64, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0, initializer_range=0.2, architectures=["GPT2LMHeadModel"],
    )  # fmt: skip
    (folder / "config.json").write_text(config.to_json_string())
    with torch.random.fork_rng():
        torch.manual_seed(20261123)
        state = GPT2LMHeadModel(config).state_dict()
        for vector in (t for t in state.values() if t.ndim == 1):  # biases and norms, born zeros and ones
            vector += 0.1 * torch.randn_like(vector)
    for block in range(config.n_layer):  # what GPT-2 files of that age also hold
        state[f"transformer.h.{block}.attn.masked_bias"] = torch.tensor(-1e4)
    torch.save(state, folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="session")
def tiny(hub_folder: Path) -> LoadedModel:
    """The model of `hub_folder`, as the project loads it. Shared and read only."""
    return load_model(hub_folder)


@pytest.fixture(scope="session")
def original(hub_folder: Path) -> GPT2LMHeadModel:
    """The same as transformers alone loads it, with its Conv1D layers. Shared and read only."""
    return GPT2LMHeadModel.from_pretrained(hub_folder, dtype=torch.float32).eval()


@pytest.fixture
def folder(hub_folder: Path, tmp_path: Path) -> Path:
    """A copy of `hub_folder` that a test may damage."""
    return Path(shutil.copytree(hub_folder, tmp_path / "gpt2-tiny"))


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hub cache, this test's own."""
    cache = tmp_path / "hub-cache"
    cache.mkdir()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def cached_snapshot(hub_cache: Path, hub_folder: Path) -> Path:
    """The snapshot of the default hub model in `hub_cache`, made of links to blobs as the Hub's client makes it."""
    repository = hub_cache / ("models--" + DEFAULT_HUB_ID.replace("/", "--"))
    commit = hashlib.sha1(b"a commit").hexdigest()
    snapshot = repository / "snapshots" / commit
    for made in (repository / "refs", repository / "blobs", snapshot):
        made.mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    for file in hub_folder.iterdir():
        blob = repository / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        (snapshot / file.name).symlink_to(blob)
    return snapshot
