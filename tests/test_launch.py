"""The command line: a public link without a network, a folder that is no model, ZeroGPU hardware."""

from __future__ import annotations

import gc
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from quant.ui import launch

APP = Path(launch.__file__).parents[2] / "app.py"


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Keeps what `Blocks.launch` was asked for instead of serving, and how collection stood by then."""

    def serve(**options: object) -> None:
        assert seen.compiling
        seen.options, seen.collects, seen.frozen = options, gc.isenabled(), gc.get_freeze_count()

    def build(lab: object) -> SimpleNamespace:
        seen.collected_by_then = gc.isenabled()
        return page

    seen, page = SimpleNamespace(), SimpleNamespace(launch=serve)
    page.queue = lambda **_: page
    seen.compiling = False
    monkeypatch.setattr(launch, "make_beside", lambda: setattr(seen, "compiling", True))
    monkeypatch.setattr(launch, "build_page", build)
    yield seen
    gc.unfreeze()
    gc.enable()


def test_sharing_without_a_network_says_so_and_stays_local(
    launched: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "can_reach", lambda host: False)
    launch.main(["--share"])
    assert launched.options["share"] is False
    said = capsys.readouterr().out
    assert "No hay red" in said
    assert "There is no network" in said


def test_sharing_with_a_network_shares(launched: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "can_reach", lambda host: True)
    launch.main(["--share"])
    assert launched.options["share"] is True


def test_nothing_is_shared_or_recorded_unless_asked(launched: SimpleNamespace) -> None:
    launch.main([])
    assert launched.options["share"] is False
    assert launched.options["run_history"] is False
    assert launched.options["ssr_mode"] is False


def test_nothing_is_collected_until_the_page_is_built(
    launched: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start does without the collector, imports too; what is there when it ends is not looked at again."""

    class Module:
        @property
        def main(self) -> Callable[[], None]:
            assert not gc.isenabled()  # while app.py imports
            return lambda: launch.main([])

    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setitem(sys.modules, "quant.ui.launch", Module())  # type: ignore[arg-type]
    runpy.run_path(str(APP), run_name="__main__")
    assert not launched.collected_by_then
    assert launched.collects
    assert launched.frozen > 100_000


def test_a_closed_port_cannot_be_reached() -> None:
    assert launch.can_reach("127.0.0.1", 9, 0.5) is False


def test_a_folder_without_a_model_is_refused_in_both_languages(
    tmp_path: Path, launched: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        launch.main(["--model", str(tmp_path)])
    said = capsys.readouterr().err
    assert "hacen falta config.json" in said
    assert "are needed" in said


def test_zero_gpu_gets_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch.register_zero_gpu() is False
    registered: list[object] = []
    fake = ModuleType("spaces")
    fake.GPU = registered.append  # type: ignore[attr-defined]
    fake.__spec__ = SimpleNamespace(name="spaces")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "spaces", fake)
    assert launch.register_zero_gpu() is True
    assert len(registered) == 1
