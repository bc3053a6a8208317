"""Other engines, each in a process of its own, asked in turn.

In one process with torch they share its OpenMP, whose threads then sleep where they would spin: llama.cpp's Q4_0 wrote
209 tokens/s there and 340 alone. A process that waits for its turn takes no processor time.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from quant.bench.peers import ENGINES, peers
from quant.bench.shape import gpt2_124m

START_S, RUN_S = 300, 300
REST_S = 0.3  # before a turn: what ran last may still be spinning


@dataclass(frozen=True)
class Remote:
    """One engine with one file, in another process. The methods are those of `peers.Peer`."""

    name: str
    file_bytes: int
    table: str
    line: Connection
    busy: Lock

    def decode(self, ids: list[int], new: int) -> float:
        """Seconds of `new` tokens after the first."""
        return self._asked("decode", ids, new)

    def prefill(self, ids: list[int]) -> float:
        """Seconds to read one window, logits at every position."""
        return self._asked("prefill", ids, 0)

    def _asked(self, what: str, ids: list[int], new: int) -> float:
        with self.busy:
            time.sleep(REST_S)
            self.line.send((what, self.name, ids, new))
            return float(_received(self.line, RUN_S))


@contextmanager
def remote_peers(folder: Path, threads: int) -> Iterator[list[Remote]]:
    """The engines that can be imported, while the block lasts; their files in `folder`."""
    context = multiprocessing.get_context("spawn")
    processes, lines, found = [], [], []
    for engine in filter(find_spec, ENGINES):
        line, theirs = context.Pipe()
        own = folder / engine
        own.mkdir()
        process = context.Process(target=_serve, args=(theirs, engine, own, threads), daemon=True)
        process.start()
        processes.append(process)
        lines.append(line)
        busy = Lock()
        found += [Remote(name, size, table, line, busy) for name, size, table in _received(line, START_S)]
    try:
        yield found
    finally:
        for line in lines:
            line.send(None)
        for process in processes:
            process.join()


def _received(line: Connection, limit_s: float) -> Any:
    if not line.poll(limit_s):
        raise RuntimeError(f"an engine has not answered in {limit_s} s")
    return line.recv()


def _serve(line: Connection, engine: str, folder: Path, threads: int) -> None:
    """Make the files of one engine, say what there is, and do as asked until there is nothing more."""
    torch.set_num_threads(threads)
    found = {p.name: p for p in peers(gpt2_124m(), folder, threads, (engine,))}
    line.send([(p.name, p.file_bytes, p.table) for p in found.values()])
    while request := line.recv():
        what, name, ids, new = request
        line.send(found[name].decode(ids, new) if what == "decode" else found[name].prefill(ids))
