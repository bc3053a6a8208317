"""Encoding straight to bytes gives the bytes of the definition, with a compiler and without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from quant.blocks import BLOCKS
from quant.errors import SchemeError, WeightError
from quant.kernels import encode as module
from quant.kernels import native
from quant.kernels.encode import KERNELS, encode
from quant.methods import method_for
from quant.packing import Layout
from quant.scheme import PerGroup, Scheme

NATIVE = pytest.mark.skipif(native.library() is None, reason="no C compiler")


def defined(weight: Tensor, scheme: Scheme) -> bytes:
    return Layout(scheme).pack(method_for(scheme).run(weight, scheme))


def awkward() -> Iterator[Tensor]:
    """Blocks whose rounding is easily got wrong: ties, equal extremes, zeros of both signs, tiny and huge numbers."""
    generator = torch.Generator().manual_seed(0)
    yield torch.randn(64, 96, generator=generator)
    yield torch.randint(-8, 9, (64, 96), generator=generator) / 2.0
    yield torch.randint(-127, 128, (64, 96), generator=generator) + 0.5
    yield torch.randn(64, 96, generator=generator) * torch.logspace(-44, 4, 64).view(-1, 1)
    yield torch.zeros(4, 32) * torch.tensor([1.0, -1.0]).repeat(16)
    yield torch.tensor([[3.0, -3.0] * 16, [-3.0, 3.0] * 16, [0.0] * 31 + [-1e-45], [1e-38] * 32])


@NATIVE
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_compiled_kernels_give_the_bytes_of_the_definition(name: str, threads: int) -> None:
    scheme = BLOCKS[name].scheme
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for weight in awkward():
            assert encode(weight, scheme) == defined(weight, scheme)
    finally:
        torch.set_num_threads(before)


@NATIVE
@pytest.mark.parametrize("name", KERNELS)
@settings(deadline=None, max_examples=200)
@given(values=st.lists(st.floats(-5e5, 5e5, width=32), min_size=32, max_size=32))
def test_any_block_is_encoded_as_defined(name: str, values: list[float]) -> None:
    scheme = BLOCKS[name].scheme
    assert encode(torch.tensor([values]), scheme) == defined(torch.tensor([values]), scheme)


@NATIVE
def test_the_compiled_kernels_are_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(weight: Tensor, scheme: Scheme) -> bytes:
        raise AssertionError("the definition ran")

    monkeypatch.setattr(module, "_defined", unexpected)
    for name in KERNELS:
        assert len(encode(torch.ones(2, 32), BLOCKS[name].scheme)) == 2 * Layout(BLOCKS[name].scheme).nbytes((1, 32))


@pytest.mark.parametrize("name", ["Q4_0", "Q8_0", "NF4", "MXFP4", "Q4_K"])
def test_without_a_compiler_the_definition_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "library", lambda: None)
    weight = torch.randn(4, 256, generator=torch.Generator().manual_seed(1))
    assert encode(weight, BLOCKS[name].scheme) == defined(weight, BLOCKS[name].scheme)


def test_a_missing_or_failing_compiler_gives_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "COMPILERS", ())
    monkeypatch.setattr(native, "find_spec", lambda name: None)
    monkeypatch.setenv("CC", "no-such-compiler")
    assert native.library.__wrapped__() is None
    monkeypatch.setenv("CC", "false")
    assert native.library.__wrapped__() is None


@NATIVE
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
    assert native.library.__wrapped__() is None
    assert ran
    for command in ran:
        if installed:
            assert Path(command[0]).name == "false"
        else:
            assert command[:4] == [sys.executable, "-m", "ziglang", "cc"]


@pytest.mark.parametrize("name", KERNELS)
def test_what_cannot_be_encoded_is_refused_as_by_the_definition(name: str) -> None:
    scheme = BLOCKS[name].scheme
    with pytest.raises(SchemeError, match="float16"):
        encode(torch.full((1, 32), 1e7), scheme)
    with pytest.raises(SchemeError, match="blocks of 32"):
        encode(torch.ones(2, 48), scheme)
    with pytest.raises(WeightError):
        encode(torch.full((1, 32), torch.nan), scheme)


def test_another_scheme_of_the_same_kind_takes_the_definition() -> None:
    scheme = Scheme.integer(4, PerGroup(32))
    weight = torch.randn(3, 64, generator=torch.Generator().manual_seed(2))
    assert encode(weight, scheme) == defined(weight, scheme)
