"""Which compiler makes the C kernels, what happens where there is none or it fails, and what is kept of its work."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from quant.kernels import kept, native

COMPILED = pytest.mark.skipif(native.decoder() is None, reason="no C compiler")


def test_a_missing_or_failing_compiler_gives_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "COMPILERS", ())
    monkeypatch.setattr(native, "find_spec", lambda name: None)
    monkeypatch.setenv("CC", "no-such-compiler")
    assert native.decoder.__wrapped__() is None
    monkeypatch.setenv("CC", "false")
    assert native.decoder.__wrapped__() is None


@COMPILED
def test_where_nothing_can_be_kept_or_run_there_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(kept.tempfile, "tempdir", "/nonexistent")
        assert native.decoder.__wrapped__() is None
    with monkeypatch.context() as patched:  # mounted so that nothing in it may be run
        patched.setattr(native, "_compiles", lambda *how: how[-1].write_bytes(b"a library") > 0)
        patched.setattr(kept.ctypes, "CDLL", refused)
        assert native.decoder.__wrapped__() is None


def refused(*_: object) -> None:
    raise OSError("failed to map segment from shared object")


@pytest.mark.parametrize("installed", [True, False])
def test_the_compiler_from_pypi_is_the_last_resort(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(native, "COMPILERS", ("false",) if installed else ())
    monkeypatch.setattr(native, "find_spec", lambda name: object())
    monkeypatch.setattr(native.subprocess, "run", run)
    monkeypatch.delenv("CC", raising=False)
    assert native.decoder.__wrapped__() is None
    assert ran
    for command in (c for c in ran if "--version" not in c):
        if installed:
            assert Path(command[0]).name == "false"
        else:
            assert command[:4] == [sys.executable, "-m", "ziglang", "cc"]


@COMPILED
def test_a_build_with_other_flags_is_never_taken_for_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(kept, "library", lambda key, make: asked.append(key))
    for flags in ("", "-fsanitize=address", "-fsanitize=address -O1", ""):
        monkeypatch.setenv(native.MORE_FLAGS, flags)
        native.decoder.__wrapped__()
    usual, with_address, with_more, again = (asked[i : i + 2] for i in range(0, 8, 2))  # for this processor, for any
    assert usual == again
    assert len({*usual, *with_address, *with_more}) == 6


# What is kept

ROOT = Path(__file__).resolve().parents[1]
POSIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
WRAPPER = """#!/bin/sh
[ "$1" = --version ] || echo compiled >> "{log}"
exec "{compiler}" "$@" {extra}
"""
BOTH = "from quant.kernels import native\nassert native.decoder() and native.many_tokens()"


@pytest.mark.slow
@COMPILED
@POSIX
def test_a_second_start_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a third, until the compiler is another."""
    compiler, log = native.compiler(), tmp_path / "log"
    assert compiler is not None
    if len(compiler) > 1:
        pytest.skip("the compiler is a module of Python's")
    wrapper = tmp_path / "cc"
    wrapper.write_text(WRAPPER.format(log=log, compiler=compiler[0], extra="-O0"))
    wrapper.chmod(0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def start(cc: Path) -> int:
        """How often anything has been compiled once this process, which remembers nothing, has had its libraries."""
        monkeypatch.setenv("CC", str(cc))
        assert native.decoder.__wrapped__()
        assert native.many_tokens.__wrapped__()
        return len(log.read_text().splitlines())

    assert [start(wrapper), start(wrapper)] == [2, 2]
    subprocess.run([sys.executable, "-c", BOTH], cwd=ROOT, env=dict(os.environ), check=True)
    assert len(log.read_text().splitlines()) == 2
    assert start(wrapper.rename(tmp_path / "cc1")) == 4  # another place is another compiler
    folder = tmp_path / "cache" / "quant-lab" / "kernels"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 4


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of kept libraries, empty and this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = kept.private_folder()
    assert folder == tmp_path.resolve() / "quant-lab" / "kernels"
    return folder


class Maker:
    """Writes a library that was compiled before, and counts."""

    def __init__(self) -> None:
        self.times = 0
        found = native.decoder()
        assert found is not None
        self._library = Path(found._name)

    def __call__(self, target: Path) -> bool:
        self.times += 1
        shutil.copyfile(self._library, target)
        return True


@COMPILED
@POSIX
def test_only_a_file_that_is_all_there_and_our_own_is_loaded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other is made anew, in its place."""
    make = Maker()
    assert kept.library("key", make) is not None
    (file,) = cache.iterdir()
    assert file.name.startswith("key-")
    assert stat.S_IMODE(file.stat().st_mode) == 0o700
    whole = file.read_bytes()

    def write(data: bytes, mode: int = 0o700) -> None:
        file.unlink()  # this process may have loaded it
        file.write_bytes(data)
        file.chmod(mode)

    def link() -> None:
        (cache / "elsewhere").write_bytes(whole)
        file.unlink()
        file.symlink_to(cache / "elsewhere")

    spoiled: dict[str, Callable[[], None]] = {
        "as it was": lambda: None,
        "empty": lambda: write(b""),
        "another": lambda: write(b"x" * 99),
        "cut short": lambda: write(whole[: len(whole) // 2]),
        "writable by others": lambda: write(whole, 0o722),
        "a link": link,
        "gone": file.unlink,
    }
    for times, (name, spoil) in enumerate(spoiled.items(), start=1):
        spoil()
        assert kept.library("key", make) is not None, name
        assert make.times == times, name
        assert file.read_bytes() == whole, name
        assert not file.is_symlink(), name
    with monkeypatch.context() as patch:  # another owner's
        patch.setattr(os, "getuid", lambda: file.stat().st_uid + 1)
        assert kept.private_folder() is None
        assert kept.library("key", make) is not None
        assert make.times == len(spoiled) + 1


@POSIX
def test_a_library_that_its_system_refuses_is_made_anew(cache: Path) -> None:
    make = Maker()
    text = b"not a library"
    (cache / f"key-{kept.digest([text])}.so").write_bytes(text)
    (cache / f"key-{kept.digest([text])}.so").chmod(0o700)
    assert kept.library("key", make) is not None
    assert make.times == 1


@COMPILED
@POSIX
def test_an_unsafe_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is then made in a temporary one, each time."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    for number, name in enumerate(("quant-lab", "quant-lab/kernels")):
        for what in ("a link", "a file", "writable by others", "in a folder that others write to"):
            base = tmp_path / f"{number} {what}"
            folder = base / name
            folder.parent.mkdir(parents=True, mode=0o700)
            if what == "a link":
                folder.symlink_to(tmp_path / "elsewhere")
            elif what == "a file":
                folder.write_text("")
            elif what == "writable by others":
                folder.mkdir()
                folder.chmod(0o777)
            else:
                base.chmod(0o777)
            monkeypatch.setenv("XDG_CACHE_HOME", str(base))
            assert kept.private_folder() is None, f"{name} is {what}"
            make = Maker()
            assert kept.library("key", make) is not None
            assert kept.library("key", make) is not None
            assert make.times == 2
            assert not list((tmp_path / "elsewhere").iterdir())
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))
    assert kept.private_folder() is not None


@POSIX
def test_a_relative_cache_is_no_cache_and_a_home_is_optional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "here/relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert kept.private_folder() == tmp_path.resolve() / ".cache" / "quant-lab" / "kernels"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert kept.private_folder() is None


@COMPILED
@POSIX
def test_the_newest_few_are_kept(cache: Path) -> None:
    make = Maker()
    for i in range(kept.MOST_FILES + 3):
        assert kept.library(f"key{i:02}", make) is not None
        (made,) = cache.glob(f"key{i:02}-*")
        os.utime(made, (i + 1, i + 1))
        assert not list(cache.glob("*.part"))
    assert len(list(cache.iterdir())) == kept.MOST_FILES
    assert list(cache.glob(f"key{kept.MOST_FILES + 2:02}-*"))
    assert not list(cache.glob("key00-*"))


def test_what_makes_a_name() -> None:
    assert kept.digest([b"ab", b"c"]) != kept.digest([b"a", b"bc"]) != kept.digest([b"bc", b"a"])
    assert kept.processor() == kept.processor() != ""
