"""The folder of a process: its own alone, gone with it, and swept when it was killed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from quant.ui.border import folder as own
from quant.ui.shared.shelf import Shelf

ROOT = Path(__file__).resolve().parents[1]
# The module by itself: without all that `quant` imports, a process starts at once.
HOLD = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("folder", {own.__file__!r})
folder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(folder)
print(folder.own_folder(), flush=True)
sys.stdin.read()
"""


def started(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has made its folder in `parent` and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=ROOT, env=os.environ | {own.VARIABLE: str(parent)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def ended(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)


def test_a_folder_lives_as_long_as_its_process(tmp_path: Path) -> None:
    process, folder = started(tmp_path)
    assert folder.parent == tmp_path
    (folder / "file").write_text("x")
    own.sweep(tmp_path)  # another starts: this one lives
    assert (folder / "file").exists()
    ended(process)
    assert not folder.exists()
    process, folder = started(tmp_path)
    process.send_signal(signal.SIGKILL)
    ended(process)
    assert folder.exists()
    own.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lab_that_another_started_does_not_live_in_its_folder(tmp_path: Path) -> None:
    outer, folder = started(tmp_path)
    inner, beside = started(folder)
    assert beside.parent == tmp_path
    assert beside != folder
    ended(inner)
    ended(outer)


def test_nobody_else_reads_it_and_only_ours_are_swept(tmp_path: Path) -> None:
    folder = own.claim(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("somebody's", f"{own.PREFIX}without-a-lock"):
        (tmp_path / name).mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (target / own.LOCK).touch()
    (tmp_path / f"{own.PREFIX}link").symlink_to(target)
    before = set(tmp_path.iterdir())
    own.sweep(tmp_path)
    assert set(tmp_path.iterdir()) == before


def test_downloads_lie_in_it(tmp_path: Path) -> None:
    folder = own.claim(tmp_path)
    shelf = Shelf(folder)
    made = shelf._made()
    assert made.parent == folder
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_folder_swept_while_it_is_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may take a folder whose lock is not held yet for a dead one's."""
    swept: list[Path] = []

    def flock(lock: int, how: int) -> None:
        if not swept:
            swept.extend(tmp_path.glob(f"{own.PREFIX}*"))
            shutil.rmtree(swept[0])

    monkeypatch.setattr(own.fcntl, "flock", flock)
    folder = own.claim(tmp_path)
    os.close(own._held.pop())
    assert folder.is_dir()
    assert folder not in swept
    assert len(swept) == 1


def test_without_locks_a_folder_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(lock: int, how: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(own.fcntl, "flock", flock)
    assert own.claim(tmp_path).is_dir()
    os.close(own._held.pop())
    own.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
