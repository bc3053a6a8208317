"""A sweep over Ray: the same rows as alone, in the same store; a clear word where Ray is missing.

Each test is a process of its own: Ray starts servers and threads, and warns of what it deprecates itself.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from quant.bench.sweep_ray import RayError, one_row, started
from quant.evaluation.sweep_json import EntryJson
from quant.evaluation.sweep_recipes import recipe_of, swept
from quant.json_model import parsed, read_json
from quant.lab import Lab
from quant.recipe_json import recipe_to_json

RUN = """
import sys
from pathlib import Path
from quant.bench.sweep_ray import on_ray
from quant.bench.methods import text_named
from quant.evaluation.sweep import sweep
from quant.evaluation.sweep_recipes import swept
from quant.evaluation.sweep_store import About, Store
from quant.lab import Lab
from quant.work import finished

folder, path = Path(sys.argv[1]), Path(sys.argv[2])
lab, text = Lab(folder), text_named("quick")
loaded = lab.loaded(lab.names()[0])
asked = swept(("int8", "int4"), ("rtn",), ("float32",), loaded)
about = About.of(loaded, text, {})
found = on_ray("local", folder, asked, "quick", Store(path, about), print)
alone = finished(sweep(lab, asked, text))
assert [e.name for e in found] == [e.name for e in alone] == ["INT8 g64", "INT4 g64"], found
for a, b in zip(found, alone):
    assert abs(a.kl.value - b.kl.value) <= 1e-4 * b.kl.value, (a, b)
again = Store(path, about)
assert [again.get(one) for one in asked] == found
print("same rows")
"""


def test_a_worker_gives_a_row_as_json_or_what_is_wrong(hub_folder: Path) -> None:
    lab = Lab(hub_folder)
    loaded = lab.loaded(lab.names()[0])
    (one,) = swept(("int4",), ("rtn",), ("float32",), loaded)
    said = one_row(str(hub_folder), one.name, recipe_to_json(one.recipe), "quick")
    entry = parsed(EntryJson, read_json(said, "ray"), "ray").made()
    assert (entry.name, entry.recipe) == (one.name, one.recipe)
    assert entry.kl.value > 0
    wrong = recipe_to_json(recipe_of("Q4_K", "rtn", "float32", loaded))  # super-blocks of 256 in rows of 64
    assert one_row(str(hub_folder), "Q4_K", wrong, "quick").startswith("!")


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RayError, match="pip install ray"):
        started("local")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (pip install ray)")
def test_two_workers_give_the_rows_of_one_machine(hub_folder: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_raylet_start_wait_time_s": "240"}
    done = subprocess.run([sys.executable, "-c", RUN, str(hub_folder), str(tmp_path / "rows.jsonl")], cwd=tmp_path,
                          env=environment, capture_output=True, text=True, timeout=900, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "same rows" in done.stdout
