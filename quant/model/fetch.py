"""Download a hub model into the local cache, only when asked, telling how many bytes have come."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HFValidationError, HTTPError
from huggingface_hub.utils import tqdm

from quant.errors import ModelError
from quant.model import source
from quant.model.source import CONFIG_FILES, DEFAULT_HUB_ID, TOKENIZER_FILES, preferred_weights
from quant.text import Text
from quant.work import Progress, Work

POLL_S = 0.25


@dataclass(frozen=True)
class Fetched:
    """Bytes that have come, of so many."""

    done: int
    total: int


def fetch(hub_id: str = DEFAULT_HUB_ID) -> Work[Fetched]:
    """Download `hub_id` file by file into the local cache.

    A download that the caller leaves goes on to the end of its file and no further. Raises ModelError when the hub
    cannot be reached or has no such model.
    """
    hub_id = source.hub_id(hub_id)
    try:
        info = HfApi().model_info(hub_id, files_metadata=True)
        wanted = wanted_files({s.rfilename: s.size or 0 for s in info.siblings or []})
        done, total = 0, sum(wanted.values())
        yield _so_far(done, total)
        for file, n_bytes in wanted.items():
            for part in _download(hub_id, file):
                yield _so_far(done + min(part, n_bytes), total)
            done += n_bytes
            yield _so_far(done, total)
        return Fetched(done, total)
    except (HTTPError, OSError, HFValidationError) as error:
        raise ModelError(
            Text("No se ha podido descargar «{name}» ({reason}). Sigue disponible el modelo incluido.",
                 "“{name}” could not be downloaded ({reason}). The embedded model is still there.")
            .format(name=hub_id, reason=type(error).__name__)
        ) from error  # fmt: skip


def _so_far(done: int, total: int) -> Progress[Fetched]:
    return Progress(done / max(total, 1), Fetched(done, total))


def _download(hub_id: str, file: str) -> Iterator[int]:
    """Bytes of `file` so far, every POLL_S, while a thread downloads it; raises what the download raised."""
    counted = [0]

    class Counter(tqdm):  # type: ignore[type-arg]
        """The client's progress bar, silent, that leaves its count where it can be read."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})
            counted[0] = int(kwargs.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            counted[0] += int(n or 0)
            return None

    pool = ThreadPoolExecutor(max_workers=1)
    # By branch, not by commit: only so is the branch's name cached.
    download = pool.submit(hf_hub_download, hub_id, file, tqdm_class=Counter)
    pool.shutdown(wait=False)
    while not wait([download], POLL_S).done:
        yield counted[0]
    download.result()


def wanted_files(sizes: dict[str, int]) -> dict[str, int]:
    """The files to fetch, smallest first: configuration, tokenizer and one copy of the weights."""
    weights = preferred_weights(sizes)
    wanted = [f for f in (*CONFIG_FILES, *TOKENIZER_FILES) if f in sizes] + weights
    return dict(sorted(((f, sizes[f]) for f in wanted), key=lambda item: item[1]))
