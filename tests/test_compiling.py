"""Which compiler makes the C kernels, and what happens where there is none or it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from quant.kernels import native

COMPILED = pytest.mark.skipif(native.decoder() is None, reason="no C compiler")


def test_a_missing_or_failing_compiler_gives_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "COMPILERS", ())
    monkeypatch.setattr(native, "find_spec", lambda name: None)
    monkeypatch.setenv("CC", "no-such-compiler")
    assert native.decoder.__wrapped__() is None
    monkeypatch.setenv("CC", "false")
    assert native.decoder.__wrapped__() is None


@COMPILED
def test_a_temporary_folder_that_cannot_be_used_gives_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(native.tempfile, "tempdir", "/nonexistent")
        assert native.decoder.__wrapped__() is None
    with monkeypatch.context() as patched:  # mounted so that nothing in it may be run
        patched.setattr(native.ctypes, "CDLL", refused)
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
    for command in ran:
        if installed:
            assert Path(command[0]).name == "false"
        else:
            assert command[:4] == [sys.executable, "-m", "ziglang", "cc"]
