"""Does calibration matter?: what is refused before any work, and what the rows, the sentence and the caption say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from quant.errors import CalibrationError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.evaluation.methods import Row
from quant.lab import Lab
from quant.recipe import LEAST_TOKENS, Recipe
from quant.ui.sidebar.choice import Choice, query_of
from quant.ui.sidebar.fields import CALIBRATION_TOKENS
from quant.ui.tabs.methods import calibration_texts as t
from quant.ui.tabs.methods.calibration import LENGTHS, Asked, Plan, _shown, plan, said

WORDS = "El tren que va a Sevilla sale a las tres y media. "


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def planned(lab: Lab, vary: str = "text", own: str = "", **recipe: Any) -> Plan:
    return plan(lab, Asked(Choice("embedded", **recipe), "gptq", vary, own))


def test_a_text_of_ones_own_that_is_too_short_is_refused_before_any_work(lab: Lab) -> None:
    with pytest.raises(CalibrationError, match=str(LEAST_TOKENS)):
        planned(lab, own=WORDS)
    assert planned(lab, own=WORDS * 40).names[-1] is t.OWN_NAME
    assert planned(lab, own="  ").names[-1] is not t.OWN_NAME


class Found:
    """As much of `Row` as the table shows."""

    def __init__(self, recipe: Recipe, kl: float) -> None:
        self.recipe, self.kl_sums, self.tokens = recipe, (kl * 100, kl * 110, kl * 90) * 4, (100.0, 100.0, 100.0) * 4
        self.figures = Figured(Estimate(kl, Interval(kl - 0.01, kl + 0.01)))


class Figured:
    def __init__(self, kl: Estimate) -> None:
        self.kl_mean = kl


def found(ready: Plan, values: Sequence[float]) -> list[Row]:
    return [Found(*pair) for pair in zip(ready.recipes, values, strict=False)]  # type: ignore[misc]


def best_of(shown: str) -> int:
    """How often the word stands in a row, beside that in the head."""
    return shown.count(t.BEST.es) - t.HEAD[2].es.count(t.BEST.es)


def test_the_best_is_named_once_all_are_there(lab: Lab) -> None:
    ready = planned(lab)
    rows = found(ready, [0.3, 0.1, 0.1, 0.2, 0.2, 0.2, 0.4])
    assert best_of(_shown(rows[:3], ready, "es")) == 0
    assert best_of(_shown(rows, ready, "es")) == 0
    assert best_of(_shown(rows, ready, "es", ended=True)) == 1
    assert "en empate con otra;" in said(rows, ready, "es")
    assert "in a tie with one other;" in said(rows, ready, "en")
    three = found(ready, [0.3, 0.1, 0.1, 0.1, 0.2, 0.2, 0.4])
    assert "en empate con otras 2;" in said(three, ready, "es")


def test_the_caption_names_the_scheme_and_rows_load_their_recipes(lab: Lab) -> None:
    ready = planned(lab, bits=3, group=128, grid="half")
    shown = _shown(found(ready, [0.3, 0.1]), ready, "es")
    assert "3 bits · grupos de 128 · " in shown
    assert "GPTQ." in shown, "the short title"
    assert "4096 tokens" in shown
    assert "16\N{NARROW NO-BREAK SPACE}384" in shown
    assert shown.count("data-recipe-whole") == 2
    lengths = planned(lab, "tokens")
    assert all(query_of(recipe) for recipe in lengths.recipes)
    assert set(LENGTHS) <= set(CALIBRATION_TOKENS)
    own = planned(lab, own=WORDS * 40)
    assert query_of(own.recipes[-1]) is None
    assert replace(own.recipes[-1], calibration=None) == replace(own.recipes[1], calibration=None)
