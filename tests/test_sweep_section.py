"""The section Barrido: what ships recorded, what it says, its figure, a live sweep and where it stops."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from quant.errors import EvaluationError, ModelError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.certainty import Bin, by_certainty
from quant.evaluation.figures import Estimate
from quant.evaluation.floor import Floor
from quant.evaluation.pareto import front
from quant.evaluation.speed import Pace
from quant.evaluation.sweep import Entry, sweep
from quant.evaluation.sweep_recipes import usual
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.plots.certainty import certainty_svg
from quant.plots.pareto import Canvas, Dot, _box, _over, pareto_svg, placed, ticks
from quant.recipe import Recipe
from quant.recorded_sweep import FILE, read, recorded_entries, recorded_sweep
from quant.scheme import PerGroup, Scheme
from quant.text import Language, Text
from quant.ui.tabs.choose import sweep_texts as t
from quant.ui.tabs.choose.sweep import Asked, sweeping
from quant.ui.tabs.choose.sweep_show import estimate, hover, lead, saves, sure, table_html
from quant.ui.tabs.choose.sweep_state import Seen, State, read_text, seen, stores_table
from quant.work import finished

LANGUAGES: tuple[Language, Language] = ("es", "en")
LARGEST_BYTES = 120_000


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def tiny_lab(hub_folder: Path) -> Lab:
    return Lab(hub_folder)


def entry(name: str, n_bytes: int, kl: float, ratio: float | None = None) -> Entry:
    recipe = Recipe.uniform(Scheme.integer(4, PerGroup(64)))
    made = Entry(name, recipe, 4.25, n_bytes, Estimate(kl, Interval(0.9 * kl, 1.1 * kl)), Estimate(30.0))
    return made if ratio is None else made.at(Pace(100 * ratio, ratio, 0.9 * ratio, 1.1 * ratio))


def of(entries: list[Entry], view: str = "bytes", lowest: float | None = None) -> Seen:
    floor = None if lowest is None else Floor((Estimate(lowest), Estimate(lowest)))
    return Seen(tuple(entries), floor, view, "a machine")


def test_what_ships_is_of_these_weights_and_names_usual_recipes(lab: Lab, tmp_path: Path) -> None:
    found, names = recorded_sweep(), {one.name: one.recipe for one in usual(lab.loaded(EMBEDDED))}
    assert FILE.stat().st_size < LARGEST_BYTES
    entries = recorded_entries()
    assert len(entries) >= 40
    assert len({e.recipe for e in entries}) == len(entries)
    for one in entries:
        assert names[one.name] == one.recipe
        assert one.kl_sums is not None
        assert sum(one.kl_sums) / sum(found.tokens) == pytest.approx(one.kl.value, rel=1e-4, abs=1e-9)
    assert found.versions["torch"]
    assert 1e-5 < found.lowest().mean < 1e-2
    assert all(sum(b.share for b in one.made()) == pytest.approx(1, abs=1e-4) for one in found.certainty)
    other = tmp_path / "weights"
    other.write_bytes(b"others")
    with pytest.raises(ModelError, match="not of the built-in model"):
        read(FILE, other)


def test_a_recorded_row_and_its_bins_come_out_the_same_here(lab: Lab) -> None:
    recorded = {e.name: e for e in recorded_entries()}["INT8 g64"]
    (one,) = (n for n in usual(lab.loaded(EMBEDDED)) if n.name == recorded.name)
    (made,) = finished(sweep(lab, [one], read_text()))
    assert made.kl.value == pytest.approx(recorded.kl.value, rel=1e-3)
    assert made.stored_bytes == recorded.stored_bytes
    assert made.tokens == recorded.tokens
    assert made.perplexity.value == pytest.approx(recorded.perplexity.value, rel=1e-4)
    bins = {c.name: c.made() for c in recorded_sweep().certainty}["INT8 g64"]
    known = lab.known(one.recipe, read_text())
    assert known
    for mine, theirs in zip(by_certainty(known.comparison.tokens), bins, strict=True):
        assert mine.count == pytest.approx(theirs.count, abs=2)
        assert mine.kl.value == pytest.approx(theirs.kl.value, rel=1e-2)
    live = seen(lab, EMBEDDED, State(), "bytes", "linear")
    assert [e.live for e in live.entries if e.name == "INT8 g64"] == [True], "it replaces the recorded one"


def test_the_sentence_follows_from_the_rows() -> None:
    rows = [entry("a", 1_000_000, 0.4), entry("b", 2_000_000, 0.01), entry("c", 3_000_000, 0.3),
            entry("d", 8_000_000, 1e-4), entry("e", 9_000_000, 5e-5)]  # fmt: skip
    said = lead(of(rows, lowest=2e-4))
    assert "De 5 recetas, 4 están en el frente" in said.es
    assert "The knee is “b” (2\N{NARROW NO-BREAK SPACE}MB, KL 0.01)" in said.en
    assert "lie 2, the smallest “d” (8\N{NARROW NO-BREAK SPACE}MB)" in said.en
    assert "lies e." in lead(of([*rows[:3], rows[4]], lowest=2e-4)).en
    assert "None lies under" in lead(of(rows[:3], lowest=2e-4)).en
    assert "floor" not in lead(of(rows)).en
    assert lead(of([])) == t.NOTHING
    assert lead(of([], "speed")) == t.NO_SPEED
    assert "There is one recipe" in lead(of(rows[:1])).en
    fast = [entry("a", 9, 1.0, 3.0), entry("b", 8, 0.5, 1.0), entry("c", 7, 2.0, 2.0)]
    assert "2 are on the front" in lead(of(fast, "speed")).en
    assert "overlap" not in lead(of(fast, "speed")).en
    close = [*fast, entry("d", 7, 3.0, 2.6)]
    assert "The rounds of 1 overlap those of “a”" in lead(of(close, "speed")).en, "2.86 reaches 2.7"
    assert "0.36" in hover(rows[0]).en
    assert "0.36" not in hover(rows[0]).es, "a decimal comma"


def test_the_knee_is_never_a_broken_recipe() -> None:
    """The curve bends most at y, where the model babbles."""
    rows = [entry("x", 1_000_000, 50.0), entry("y", 1_100_000, 0.5), entry("a", 4_000_000, 0.4),
            entry("b", 6_000_000, 0.1), entry("c", 9_000_000, 0.05)]  # fmt: skip
    assert "The knee is “b”" in lead(of(rows)).en


def test_the_table_of_tokens_is_weighed_by_pairs_that_differ_in_it_alone() -> None:
    plain = entry("X", 9_000_000, 0.1)
    stored = replace(plain.recipe, rules=(replace(plain.recipe.rules[0], layers="*"),))
    whole = replace(entry("X +emb", 5_000_000, 0.11), recipe=stored)
    said = saves([entry("Y", 1_000_000, 0.5), plain, whole])
    assert "“X +emb” takes 4\N{NARROW NO-BREAK SPACE}MB less than “X” and loses 0.11 nats against 0.1." in said.en
    sums, tokens = tuple(0.1 * n for n in range(1, 13)), (10.0,) * 12
    tied = [replace(one, kl_sums=sums, tokens=tokens) for one in (plain, whole)]
    assert "a tie within the chance" in saves(tied).en
    assert saves([plain]).en == ""


def test_names_of_the_front_cover_no_mark_and_no_other_name() -> None:
    entries = [e for e in recorded_entries() if not stores_table(e)]
    points = [(e.stored_bytes / 1e6, e.kl.value) for e in entries]
    best = front(points)
    for width in (380, 900):
        canvas = Canvas(width, 5.0, 14.0, 1e-5, 10.0)
        dots = [Dot(e.name, Text(e.name, e.name), None, p[0], e.kl, True, False, False)
                for i, (e, p) in enumerate(zip(entries, points, strict=True)) if i in best]  # fmt: skip
        spots = placed(dots, canvas)
        assert len(spots) >= min(3, len(dots))
        boxes = [_box(spot, 7.3 * len(dots[place].name)) for place, spot in spots.items()]
        marks = [(canvas.x(d.cost) - 5, canvas.y(d.kl.value) - 5, canvas.x(d.cost) + 5, canvas.y(d.kl.value) + 5)
                 for d in dots]  # fmt: skip
        for place, box in enumerate(boxes):
            assert not any(_over(box, other) for other in [*boxes[:place], *marks])


def test_the_figure_draws_every_recipe_with_all_that_is_known_of_it() -> None:
    dots = [
        Dot("a <b>", Text("todo", "all <i>"), "bits=4&x=1", 2.0, Estimate(0.1, Interval(0.05, 0.2)), True, True, True),
        Dot("zero", Text("cero", "zero"), None, 4.0, Estimate(0.0), True, False, False, (3.0, 5.0)),
        Dot("out", Text("fuera", "out"), "bits=2", 3.0, Estimate(float("inf")), False, False, False),
    ]
    drawn = pareto_svg(dots, Floor((Estimate(0.01), Estimate(0.03))), "bytes", "en")
    assert drawn.count("<svg") == 2
    assert drawn.count('class="square"') == 4, "an infinite KL has no place"
    assert drawn.count('data-recipe="bits=4&amp;x=1"') == 2
    assert "<b>" not in drawn
    assert "<title>all &lt;i&gt;</title>" in drawn
    assert "bfloat16 floor: 0.02" in drawn
    assert drawn.count('class="knee"') == 2
    assert pareto_svg([], None, "bytes", "es") == ""
    assert ticks(5.2, 13.0, 9) == [6.0, 7.0, 8.0, 9.0, 10.0, 12.0]
    assert ticks(2.4, 13.0, 9) == [2.5, 4.0, 6.0, 8.0, 10.0], "every other one"
    assert len(ticks(0.001, 1000, 5)) <= 5


def test_where_it_errs_is_said_of_the_bins() -> None:
    bins = (Bin(0, 0.01, 10, Estimate(0.4), 0.2), Bin(0.1, 0.5, 10, Estimate(0.3), 0.5),
            Bin(0.9, 1, 10, Estimate(0.04), 0.3))  # fmt: skip
    said = sure("X", bins)
    assert "10 times less" in said.en
    assert "is 10% to 50%: 50% of all" in said.en
    assert "more" in sure("X", (bins[2], bins[0])).en
    for language in LANGUAGES:
        drawn = certainty_svg({"X": bins, "Y": bins[:1], "Z": ()}, language)
        assert drawn.count("<polyline") == 4
        assert drawn.count("<title>") == 8
    assert certainty_svg({}, "es") == ""


def test_a_state_is_read_as_it_is_written_and_nonsense_is_refused() -> None:
    assert State.read("") == State()
    assert State.read("Q4_K,int4,gone:gptq:same") == State(("int4", "Q4_K"), ("gptq",), ("same",))
    with pytest.raises(EvaluationError, match="not understood"):
        State.read("int4")


def test_a_live_sweep_shows_each_row_and_keeps_those_it_had_where_it_stops(tiny_lab: Lab) -> None:
    model = tiny_lab.names()[0]
    asked = Asked(model, "int8,int4,int3:rtn:float32", speed=False, view="bytes", scope="linear")
    action = sweeping(tiny_lab, "en")
    assert "does not know how long" in estimate(tiny_lab, model, State().recipes(tiny_lab, model)).en
    frames = action.frames(asked)
    for frame in frames:
        if frame.table and "INT8 g64" in frame.table:
            break
    frames.close()
    kept = seen(tiny_lab, model, State.read(asked.state), "bytes", "linear")
    assert [e.name for e in kept.entries] == ["INT8 g64"]
    assert "This machine has made no row" not in estimate(tiny_lab, model, State.read(asked.state).recipes(
        tiny_lab, model)).en  # fmt: skip
    last = list(action.frames(replace(asked, speed=True)))[-1]
    assert "Measured 3 recipes" in last.said
    now = seen(tiny_lab, model, State.read(asked.state), "speed", "linear")
    assert len(now.entries) == 3
    assert all(e.live and e.pace for e in now.entries)
    assert "All 3 recipes have been measured" in (last.estimate or "")
    none = list(action.frames(replace(asked, state="Q4_K:rtn:float32")))
    assert 'role="alert"' in none[-1].said, "no super-blocks in rows of 64"
    assert 'role="alert"' in list(action.frames(replace(asked, state="::")))[-1].said


def test_the_files_hold_the_rows_in_view(lab: Lab) -> None:
    from urllib.parse import unquote

    now = seen(lab, EMBEDDED, State(), "bytes", "all")
    shown = table_html(now, "es")
    links = dict(re.findall(r'download="(sweep\.\w+)" href="data:[^,]+,([^"]*)"', shown))
    rows = json.loads(unquote(links["sweep.json"]))
    assert [row["name"] for row in rows] == [e.name for e in now.entries]
    assert len(unquote(links["sweep.csv"]).splitlines()) == len(rows) + 1
    assert all(row["link"] or "+emb16" in row["name"] for row in rows), "only two rules cannot be said by the drawer"
    assert sum(row["on_front"] for row in rows) == len(now.best)
