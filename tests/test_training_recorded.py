"""The section of recorded trainings: its figure, what its element is given, and a word where nothing was recorded."""

from __future__ import annotations

import json
import re
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import gradio as gr
import pytest

from quant.errors import ModelError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.plots.trained import HEIGHT, NARROW, WIDE, Canvas, Curve, Level, places, trained_svg
from quant.recorded_training import RecordedTraining
from quant.scheme import PerGroup, Scheme
from quant.text import Text
from quant.ui.sidebar.choice import Choice, query_of
from quant.ui.tabs.base import Seen
from quant.ui.tabs.methods import training_recorded_texts as t
from quant.ui.tabs.methods.training_recorded import MOST_CHECKS, build_runs, known, run_html, spread, values

FIXTURE = Path(__file__).parent / "training_recorded.json"
CURVE = Curve(
    ((0.0, 4.0), (2.0, 2.0), (60.0, 0.5), (1800.0, 0.2)),
    (Level("rounding", Text("redondeo", "rounding"), 4.1), Level("gptq", Text("GPTQ", "GPTQ"), 1.0)),
    Estimate(0.25, Interval(0.22, 0.28)),
)  # fmt: skip


@pytest.fixture
def recorded() -> RecordedTraining:
    """Trainings of a few steps, so short that they only lose."""
    return RecordedTraining.model_validate(json.loads(FIXTURE.read_text(encoding="utf8")))


def drawn(curve: Curve) -> list[ElementTree.Element]:
    """The pictures for both widths."""
    return list(ElementTree.fromstring(f"<p>{trained_svg(curve, 'es')}</p>"))


def test_the_curve_falls_between_its_axes() -> None:
    for picture, width in zip(drawn(CURVE), (WIDE, NARROW), strict=True):
        (line,) = picture.iter("polyline")
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) == len(CURVE.points)
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert [y for _, y in points] == sorted(y for _, y in points)  # downwards on the screen
        assert all(0 < x < width and 0 < y < HEIGHT for x, y in points)


def test_lines_stand_at_what_the_others_lose_and_the_original_at_zero() -> None:
    canvas = Canvas.of(CURVE, WIDE)
    lines = {line.attrib["class"]: float(line.attrib["y1"]) for line in drawn(CURVE)[0].iter("line")
             if line.attrib["class"] != "level"}  # fmt: skip
    assert lines["without rounding"] == pytest.approx(canvas.y(4.1), abs=0.06)
    assert lines["without gptq"] == pytest.approx(canvas.y(1.0), abs=0.06)
    assert lines["original"] == pytest.approx(canvas.y(0.0), abs=0.06)
    words = [text.text for text in drawn(CURVE)[0].iter("text")]
    assert {"redondeo: 4,1", "GPTQ: 1", "original: 0", "final, texto entero: 0,25"} <= set(words)


def test_names_of_lines_that_lie_close_do_not_touch() -> None:
    close = Curve(CURVE.points, (*CURVE.levels, Level("gptq", Text("otro", "other"), 0.98)), CURVE.end)
    names = [text for text in drawn(close)[0].iter("text") if text.attrib["class"] in ("name rounding", "name gptq")]
    ys = sorted(float(name.attrib["y"]) for name in names)
    assert len(ys) == 3
    assert min(b - a for a, b in pairwise(ys)) >= 14


def test_marks_lie_on_the_curve() -> None:
    (line,) = drawn(CURVE)[0].iter("polyline")
    at = [f"{wide[0]:.1f},{wide[1]:.1f}" for wide, _ in places(CURVE, CURVE.points)]
    assert " ".join(at) == line.attrib["points"]


def test_checks_are_thinned_by_equal_factors_of_time() -> None:
    seconds = [0.0, *(5.0 * i for i in range(1, 361))]
    kept = spread(seconds, MOST_CHECKS)
    assert kept[0] == 0
    assert kept[-1] == 360
    assert len(kept) <= MOST_CHECKS
    factors = [seconds[b] / seconds[a] for a, b in pairwise(kept[1:])]
    assert max(factors[3:]) / min(factors[3:]) < 1.5
    assert spread([0.0, 2.0, 7.0], MOST_CHECKS) == [0, 1, 2]


def given(markup: str) -> dict[str, Any]:
    """What the element is told."""
    found = re.search(r'data-lab="([^"]*)"', markup)
    assert found
    data: dict[str, Any] = json.loads(unescape(found[1]))
    return data


def test_the_element_has_each_moment_and_the_grid(recorded: RecordedTraining) -> None:
    for run in recorded.runs:
        markup = run_html(run, "es")
        data = given(markup)
        assert len(data["checks"]) == min(MOST_CHECKS, len(run.checks))
        assert data["checks"][0]["said"].startswith("Sin entrenar: KL ")
        assert [len(check["places"]) for check in data["checks"]] == [len(run.checks[0].places)] * len(data["checks"])
        assert [name for _, name in data["values"]] == {"2": ["0", "1", "2", "3"], "1.58": ["−1", "0", "1"]}[run.name]
        assert ("data-recipe" in markup) is (query_of(run.made) is not None)  # no link that loads another model
        assert run.checks[-1].text in unescape(markup)
        assert len(markup) < 16_000


def test_the_run_that_is_chosen_is_sent_alone(recorded: RecordedTraining) -> None:
    follow = build_runs(recorded, "en")
    (chosen,), (shown,) = follow.own, follow.outputs
    assert isinstance(chosen, gr.Radio)
    assert chosen.choices == [("2 bits", "2"), ("1.58 bits", "1.58")]
    for run in recorded.runs:
        assert follow.show(Seen(Choice("embedded")), {chosen: run.name}) == {shown: run_html(run, "en")}


def test_the_values_of_a_grid_lie_in_the_middle_of_their_steps() -> None:
    two = Scheme.integer(2, PerGroup(64), zero_point=True)
    assert values(two, 48, "en") == [(6.0, "0"), (18.0, "1"), (30.0, "2"), (42.0, "3")]
    eight = values(Scheme.integer(8, PerGroup(64), zero_point=True), 192, "en")
    assert len(eight) == 16


def test_without_a_file_or_with_other_weights_a_word_stands_there(tmp_path: Path) -> None:
    kept, word = known("es", tmp_path / "absent.json")
    assert kept is None
    assert t.NOTHING.es in word

    def others() -> RecordedTraining:
        raise ModelError(Text("son de otros", "they are of others"))

    kept, word = known("en", FIXTURE, others)
    assert kept is None
    assert "they are of others" in word
    assert "alert" not in word


def test_what_is_there_is_shown(recorded: RecordedTraining) -> None:
    kept, word = known("es", FIXTURE, lambda: recorded)
    assert kept is recorded
    assert word == ""
