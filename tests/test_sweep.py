"""A sweep: its recipes and their names, what a store keeps of a run that ends anyhow, its table, the front and knee."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, SENTENCES
from working import steps

from quant.bench import sweep as bench
from quant.errors import EvaluationError, QuantError, SchemeError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.evaluation.methods import Row
from quant.evaluation.pace import pace_of, paces, quickest, stored_alike
from quant.evaluation.pareto import front, knee
from quant.evaluation.speed import Pace, Speed
from quant.evaluation.sweep import Entry, Named, sweep
from quant.evaluation.sweep_recipes import SWEPT_FORMATS, TABLES, name_of, recipe_of, swept, usual
from quant.evaluation.sweep_store import About, Store
from quant.evaluation.sweep_table import as_csv, as_records, table
from quant.lab import Lab
from quant.loading import load_model
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json
from quant.scheme import PerGroup, Scheme
from quant.text import Text
from quant.texts import EvalText
from quant.work import finished

TEXT = EvalText(
    "twelve", Text("Doce", "Twelve"), tuple(f"{SENTENCES[i % 6]} {SENTENCES[(i + 1) % 6]}" for i in range(12))
)
VERSIONS = {"python": "3", "code": "a"}
KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from test_sweep import TEXT, VERSIONS, About, Lab, Store, sweep, swept
lab = Lab(Path(sys.argv[1]))
loaded = lab.loaded(lab.names()[0])
asked = swept(("int8", "int6", "int5", "int4", "int3", "int2"), ("rtn",), ("float32", "same"), loaded)
for step in sweep(lab, asked, TEXT, Store(Path(sys.argv[2]), About.of(loaded, TEXT, VERSIONS))):
    print(len(step.so_far), flush=True)
"""


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(hub_folder)


@pytest.fixture(scope="module")
def asked(lab: Lab) -> list[Named]:
    return swept(("int8", "int4", "int3"), ("rtn", "search"), ("float32",), lab.loaded(lab.names()[0]))


@pytest.fixture(scope="module")
def made(lab: Lab, asked: list[Named]) -> tuple[Entry, ...]:
    return finished(sweep(lab, asked, TEXT))


def about(lab: Lab, versions: dict[str, str] = VERSIONS, text: EvalText = TEXT) -> About:
    return About.of(lab.loaded(lab.names()[0]), text, versions)


def entry(name: str, n_bytes: int, kl: float) -> Entry:
    recipe = Recipe.uniform(Scheme.integer(4, PerGroup(64)))
    return Entry(name, recipe, 4.25, n_bytes, Estimate(kl, Interval(0.9 * kl, 1.1 * kl)), Estimate(30.0))


def test_formats_and_methods_are_crossed_once_and_each_has_its_name() -> None:
    loaded = load_model()
    found = swept(("int4", "Q4_K", "float16"), ("rtn", "search", "importance", "gptq"), TABLES, loaded)
    names = [one.name for one in found]
    assert len(set(names)) == len({one.recipe for one in found}) == len(found)
    assert [n for n in names if "emb" not in n] == [
        "INT4 g64", "INT4 g64 · search", "INT4 g64 · importance", "INT4 g64 · GPTQ", "Q4_K", "Q4_K · importance",
        "float16", "float16 · GPTQ",
    ]  # fmt: skip
    assert "Q4_K · importance +emb16" in names
    by_name = {one.name: one.recipe for one in found}
    table_ = next(layer for layer in _layers(loaded) if layer.tied_to)
    assert by_name["Q4_K"].scheme_of(table_) is None
    assert by_name["Q4_K +emb"].scheme_of(table_).name == "Q4_K"  # type: ignore[union-attr]
    assert by_name["Q4_K +emb16"].scheme_of(table_).element.name == "float16"  # type: ignore[union-attr]
    assert recipe_of("int4", "hadamard", "float32", loaded).steps
    ships = [one.name for one in usual(loaded)]
    assert len(ships) == len(set(ships)) > 60
    assert all(name_of(one.recipe) == one.name for one in usual(loaded))


def _layers(loaded):  # type: ignore[no-untyped-def]
    from quant.model.layers import census

    return census(loaded)


def test_what_a_model_cannot_have_is_left_out_and_unknown_names_are_refused(lab: Lab) -> None:
    tiny = lab.loaded(lab.names()[0])  # rows of 64: no super-blocks of 256
    assert [one.name for one in swept(("Q4_K", "Q8_0"), ("rtn",), ("float32",), tiny)] == ["Q8_0"]
    for wrong in ((("int9",), ("rtn",), TABLES), (("int8",), ("magic",), TABLES), (("int8",), ("rtn",), ("none",))):
        with pytest.raises(SchemeError, match=r"magic|int9|none"):
            swept(*wrong, tiny)
    with pytest.raises(EvaluationError, match="no recipe"):
        finished(sweep(lab, [], TEXT))


def test_entries_come_one_after_another_and_say_what_their_rows_say(lab: Lab, asked: list[Named]) -> None:
    said, entries = steps(sweep(lab, asked, TEXT))
    fractions = [step.fraction for step in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [len(step.so_far or ()) for step in said][-1] == len(asked) == len(entries)
    for one, found in zip(asked, entries, strict=True):
        row = lab.rows.get(one.recipe, TEXT)
        assert isinstance(row, Row)
        assert (found.name, found.recipe, found.stored_bytes) == (one.name, one.recipe, row.stored_bytes)
        assert (found.kl, found.kl_sums, found.live) == (row.figures.kl_mean, row.kl_sums, True)


def test_a_recipe_that_fails_is_told_of_and_the_rest_goes_on(lab: Lab, asked: list[Named]) -> None:
    wrong = Named("wrong", Recipe.uniform(Scheme.integer(4, PerGroup(128)), model=lab.names()[0]))
    told: list[tuple[str, QuantError]] = []
    entries = finished(sweep(lab, [asked[0], wrong, asked[1]], TEXT, skip=lambda one, e: told.append((one.name, e))))
    assert [one.name for one in entries] == [asked[0].name, asked[1].name]
    assert told[0][0] == "wrong"
    with pytest.raises(SchemeError, match="128"):
        finished(sweep(lab, [asked[0], wrong], TEXT))


def test_a_store_gives_back_what_was_put_and_a_sweep_makes_none_of_it_again(
    lab: Lab, made: tuple[Entry, ...], asked: list[Named], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    store = Store(path, about(lab))
    for one in made[:3]:
        store.put(one)
    again = Store(path, about(lab))
    assert [again.get(one) for one in asked[:4]] == [*made[:3], None]

    class Idle:  # would fail at anything that is asked of it
        pass

    assert finished(sweep(Idle(), asked[:3], TEXT, again, skip=print)) == made[:3]  # type: ignore[arg-type]


def test_a_torn_line_is_left_out_and_written_over(lab: Lab, made: tuple[Entry, ...], asked: list[Named],
                                                  tmp_path: Path) -> None:  # fmt: skip
    path, whole = tmp_path / "rows.jsonl", tmp_path / "whole.jsonl"
    both = Store(whole, about(lab))
    both.put(made[0])
    first = whole.stat().st_size
    both.put(made[1])
    data = whole.read_bytes()
    for cut in (first, first + 1, (first + len(data)) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        store = Store(path, about(lab))
        assert [store.get(one) for one in asked[:2]] == [made[0], None], cut
        store.put(made[1])
        assert path.read_bytes() == data, cut


def test_rows_of_other_models_texts_and_versions_are_counted_and_not_used(
    lab: Lab, made: tuple[Entry, ...], asked: list[Named], tmp_path: Path
) -> None:
    path, mine = tmp_path / "rows.jsonl", about(lab)
    others = [replace(mine, model_sha256="0" * 64), about(lab, text=replace(TEXT, documents=TEXT.documents[:10])),
              about(lab, {**VERSIONS, "code": "b"})]  # fmt: skip
    for other, one in zip(others, made, strict=False):
        Store(path, other).put(one)
    store = Store(path, mine)
    assert [store.get(one) for one in asked] == [None] * len(asked)
    assert store.ignored
    assert "1 of another model, 1 of another text and 1 of other versions" in store.ignored.en
    store.put(made[0])
    assert len(path.read_text().splitlines()) == 4
    assert Store(path, others[0]).get(asked[0]) == made[0]
    path.write_text('{"rows": []}\n')
    with pytest.raises(EvaluationError, match="not the file of a sweep"):
        Store(path, mine)


def test_a_run_killed_with_9_keeps_its_finished_rows_and_goes_on(hub_folder: Path, lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(hub_folder), str(path)], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert process.stdout
    for line in process.stdout:
        if int(line) >= 2:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    loaded = lab.loaded(lab.names()[0])
    asked = swept(("int8", "int6", "int5", "int4", "int3", "int2"), ("rtn",), ("float32", "same"), loaded)
    store = Store(path, about(lab))
    kept = len(store)
    assert 2 <= kept < len(asked)
    before = path.read_bytes()
    entries = finished(sweep(Lab(hub_folder), asked, TEXT, store))
    assert [one.name for one in entries] == [one.name for one in asked]
    assert path.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    alone = finished(sweep(Lab(hub_folder), asked[:3], TEXT))
    for one, other in zip(entries, alone, strict=False):
        assert one.kl.value == pytest.approx(other.kl.value, rel=1e-4)


def test_the_table_is_tidy_and_its_files_say_the_same(made: tuple[Entry, ...]) -> None:
    timed = [made[0].at(Pace(100.0, 2.0, 1.5, 2.5)), *made[1:]]
    rows = table(timed, lambda recipe: "bits=4")
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    records = json.loads(json.dumps(as_records(rows), allow_nan=False))
    for one, row, record in zip(timed, read, records, strict=True):
        assert float(row["kl_nats"]) == record["kl_nats"] == one.kl.value
        assert one.kl.interval
        assert (record["kl_low_nats"], record["kl_high_nats"]) == (one.kl.interval.low, one.kl.interval.high)
        assert int(row["model_bytes"]) == one.stored_bytes
        assert recipe_from_json(json.loads(row["recipe"])) == recipe_from_json(record["recipe"]) == one.recipe
        assert (row["link"], row["measured_here"]) == ("bits=4", "True")
    assert (read[0]["speed_ratio"], read[1]["speed_ratio"]) == ("2.0", "")
    broken = table([entry("a", 10, math.inf)])
    assert broken[0].kl_nats is None
    assert not broken[0].on_front


def test_the_front_is_what_brute_force_finds() -> None:
    drawn = random.Random(0)
    for _ in range(200):
        points = [(float(drawn.randint(1, 9)), float(drawn.randint(0, 9))) for _ in range(drawn.randint(1, 14))]
        if drawn.random() < 0.3:
            points.append((1.0, math.nan))
            points.append((0.5, math.inf))

        def beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
            return a[0] <= b[0] and a[1] <= b[1] and a != b

        known = [p for p in points if math.isfinite(p[1])]
        best = {i for i, p in enumerate(points) if math.isfinite(p[1]) and not any(beats(q, p) for q in known)}
        assert front(points) == best, points


def test_the_knee_is_the_point_furthest_from_the_line_between_the_ends() -> None:
    points = [(1.0, 1.0), (2.0, 0.01), (8.0, 0.005), (16.0, 0.001), (9.0, 0.5)]
    assert knee(points) == 1
    assert knee(points[:2]) is None
    assert knee([(1.0, 1.0), (2.0, 0.5), (4.0, 0.25)]) is None, "a straight line has none"
    # Under the floor the cheapest alone counts, as if it lay on it.
    points = [(1.0, 1.0), (2.0, 0.05), (8.0, 1e-4), (9.0, 9e-5)]
    assert (knee(points), knee(points, 1e-3)) == (2, 1)


def test_paces_are_ratios_in_the_same_rounds_and_recipes_stored_alike_share_one(lab: Lab) -> None:
    assert pace_of(Speed((20.0, 30.0, 44.0)), Speed((10.0, 10.0, 11.0))) == Pace(30.0, 3.0, 2.0, 4.0)
    loaded = lab.loaded(lab.names()[0])
    a, b, c = (recipe_of("int4", method, "float32", loaded) for method in ("rtn", "gptq", "hqq"))
    assert stored_alike(a, loaded) == stored_alike(b, loaded) != stored_alike(c, loaded)
    said, found = steps(paces(lab, [a, b], rounds=1))
    assert found[a] is found[b] is lab.rows.pace(b)
    assert found[a].low <= found[a].ratio <= found[a].high
    assert said[-1].fraction == pytest.approx(1)
    assert not lab.is_live(b), "the quickest to make stands for both"
    assert finished(paces(lab, [])) == {}
    assert quickest(lab, [b], loaded) == a, "none of the group is quick, and rounding is stored alike"
    assert stored_alike(quickest(lab, [c], loaded), loaded) == stored_alike(c, loaded)


def test_every_format_of_a_sweep_makes_a_recipe() -> None:
    loaded = load_model()
    for name in SWEPT_FORMATS:
        for table_ in TABLES:
            assert recipe_of(name, "rtn", table_, loaded).rules, name


def test_the_command_writes_both_files_and_makes_nothing_twice(hub_folder: Path, tmp_path: Path) -> None:
    written, listed = tmp_path / "sweep.json", tmp_path / "sweep.csv"
    asked = ["--json", str(written), "--csv", str(listed), "--model", str(hub_folder), "--formats", "int8,int3,Q4_K"]
    bench.run(bench.parser().parse_args(asked))
    rows = json.loads(written.read_text())["rows"]
    assert [row["name"] for row in rows] == ["INT8 g64", "INT3 g64"], "no super-blocks in rows of 64"
    assert [float(row["kl_nats"]) for row in csv.DictReader(io.StringIO(listed.read_text()))] == [
        row["kl_nats"] for row in rows
    ]
    kept = (tmp_path / "sweep.jsonl").read_bytes()
    bench.run(bench.parser().parse_args([*asked, "--stored"]))
    assert (tmp_path / "sweep.jsonl").read_bytes() == kept
    assert json.loads(written.read_text())["rows"] == rows
    with pytest.raises(SchemeError, match="int9"):
        bench.run(bench.parser().parse_args([*asked[:-1], "int9"]))
