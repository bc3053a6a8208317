"""The command line: a public link without a network, a folder that is no model, ZeroGPU hardware."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from quant.ui import launch


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Keeps what `Blocks.launch` was asked for instead of serving."""
    seen = SimpleNamespace(options={})
    page = SimpleNamespace(launch=lambda **options: seen.options.update(options))
    page.queue = lambda **_: page
    monkeypatch.setattr(launch, "build_page", lambda lab: page)
    return seen


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
