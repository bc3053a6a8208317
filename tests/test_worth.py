"""When PTQ is enough and when QAT is worth it: the rule on made-up figures, its sentences, and the recorded rungs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases import each

from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.evaluation.verdict import BROKEN_KL, SMALL_KL
from quant.evaluation.worth import Answer, Rung, Tried, apart, enough_down_to, half_won
from quant.recorded_methods import recorded_methods
from quant.recorded_training import RecordedTraining
from quant.ui.tabs.methods import training_recorded_texts as t
from quant.ui.tabs.methods.training_worth import bits, lead, left, row_of, rungs, sentences, took, worth_html

FIXTURE = Path(__file__).parent / "training_recorded.json"


def tried(kl: float, half: float = 0.01, seconds: float | None = None) -> Tried:
    return Tried(Estimate(kl, Interval(kl - half, kl + half)), 40.0, seconds)


def rung(name: str, rounding: float, gptq: float | None, qat: float | None, half: float = 0.01) -> Rung:
    better = None if gptq is None else tried(gptq, min(half, gptq / 10), 30.0)
    return Rung(name, 6_000_000, 2.28, tried(rounding, min(half, rounding / 10), 0.1), better,
                None if qat is None else tried(qat, min(half, qat / 10), 1800.0))  # fmt: skip


@pytest.fixture
def recorded() -> RecordedTraining:
    """Trainings of a few steps: the losses of the beginning."""
    return RecordedTraining.model_validate(json.loads(FIXTURE.read_text(encoding="utf8")))


ANSWERS = (
    (rung("4", 0.12, 0.031, None), Answer.ENOUGH),
    (rung("4", 0.12, 0.031, 0.005), Answer.ENOUGH),
    (rung("4", 0.12, SMALL_KL, None, half=0.001), Answer.OPEN),  # the interval reaches beyond a small loss
    (rung("3", 0.6, 0.145, None), Answer.OPEN),
    (rung("2", 4.0, 1.0, 0.25), Answer.WORTH),
    (rung("2", 4.0, 1.0, 1.01), Answer.TIED),
    (rung("2", 4.0, 1.0, 0.99), Answer.TIED),
    (rung("2", 4.0, 1.0, 2.2), Answer.WORSE),
    (rung("1.58", 6.0, None, 0.9), Answer.WORTH),
    (rung("2", 0.9, 1.0, 0.95), Answer.WORSE),  # better than GPTQ, and not than rounding
)


@each("one, answer", ANSWERS)
def test_each_answer_follows_from_the_figures(one: Rung, answer: Answer) -> None:
    assert one.answer is answer


def test_what_has_no_interval_is_never_told_apart() -> None:
    assert not apart(Estimate(1.0), Estimate(2.0, Interval(1.9, 2.1)))
    assert apart(Estimate(1.0, Interval(0.9, 1.1)), Estimate(2.0, Interval(1.9, 2.1)))
    assert not apart(Estimate(1.0, Interval(0.9, 1.9)), Estimate(2.0, Interval(1.9, 2.1)))


def test_the_price_is_of_each_nat_won() -> None:
    assert rung("2", 4.0, 1.0, 0.25).price == pytest.approx(1800 / 0.75)
    assert rung("2", 4.0, 1.0, 2.2).price is None
    assert rung("2", 4.0, 1.0, None).price is None


def test_ties_hold_the_best_and_whatever_touches_it() -> None:
    assert rung("2", 4.0, 1.0, 1.01).tied == ("gptq", "qat")
    assert rung("2", 4.0, 1.0, 0.25).tied == ()


def test_half_of_the_gain() -> None:
    assert half_won([(0, 4.0), (2, 3.0), (5, 1.0), (60, 0.5)]) == 5
    assert half_won([(0, 0.9), (2, 0.8), (60, 2.0)]) is None


def test_enough_down_to_the_last_before_a_gap() -> None:
    found = [rung("8", 0.001, 0.0001, None), rung("4", 0.12, 0.03, None), rung("3", 0.6, 0.145, None)]
    last = enough_down_to(found)
    assert last is found[1]
    assert enough_down_to(found[2:]) is None


def test_sentences_of_both_outcomes() -> None:
    found = [rung("8", 0.001, 0.0001, None), rung("4", 0.12, 0.031, None), rung("3", 0.6, 0.145, None),
             rung("2", 4.0, 1.02, 0.25), rung("1.58", 6.0, None, 5.99), rung("1", 7.0, None, 8.0)]  # fmt: skip
    said = sentences(found)
    assert len(said) == 5  # 8 and 4 bits share one
    assert said[0].es.startswith("A 8 y 4 bits, GPTQ pierde 0,0001 y 0,031 nats")
    assert "el QAT no hacía falta" in said[0].es
    assert "no QAT is recorded there" in said[1].en
    assert "los baja a 0,25 tras 30 min: gana 0,77 nats, a 39 min de entrenamiento por cada nat" in said[2].es
    assert said[2].en.endswith(t.LEFT["noticeable"].en)
    assert said[3].es.startswith(
        "A 1,58 bits, el redondeo deja 6 nats; el QAT, tras 30 min, deja 5,99: no se distingue"
    )
    assert said[4].en.startswith("At 1 bit, rounding leaves 7 nats")
    assert "it loses more" in said[4].en
    assert lead(found).en == "With this model PTQ is enough down to 4 bits. QAT wins, beyond chance, at 2 bits."


def test_a_training_where_none_was_needed_is_reported_all_the_same() -> None:
    for qat, words in ((0.005, t.HOW_LESS), (0.0311, t.HOW_SAME), (0.045, t.HOW_MORE)):
        (said,) = sentences([rung("4", 0.12, 0.031, qat)])
        assert words.es in said.es
        assert "no hacía falta" in said.es
    assert lead([rung("4", 0.12, 0.031, 0.005)]).en.endswith("beyond chance at none of the bits.")
    assert lead([rung("3", 0.6, 0.145, None)]) == t.LEAD_NEVER


def test_what_is_left_is_named_by_the_bounds_of_the_verdict() -> None:
    assert left(Estimate(SMALL_KL)).es == t.LEFT["small"].es
    assert left(Estimate(0.2)).es == t.LEFT["noticeable"].es
    assert "0,45" in left(Estimate(BROKEN_KL)).es


def test_words_of_bits_and_times() -> None:
    assert bits("1").en == "1 bit"
    assert bits("8", "4").es == "8 y 4 bits"
    assert bits("2", "1.58", "1").es == "2, 1,58 y 1 bits"
    assert (took(36.2).es, took(1800).es, took(119).en) == ("36 s", "30 min", "119 s")


def test_rungs_of_what_ships_without_trainings() -> None:
    found = rungs(recorded_methods(), None)
    assert [one.name for one in found] == ["8", "4", "3", "2"]
    assert [one.answer for one in found] == [Answer.ENOUGH, Answer.ENOUGH, Answer.OPEN, Answer.OPEN]
    assert all(one.qat is None for one in found)
    said = worth_html(recorded_methods(), None, "es")
    assert said.count("<tr>") == 5
    assert said.count("<td>—</td>") == 4  # QAT


def test_trained_rungs_take_seconds_and_perplexity_of_the_same_bytes(recorded: RecordedTraining) -> None:
    methods = recorded_methods()
    found = {one.name: one for one in rungs(methods, recorded)}
    assert list(found) == ["8", "4", "3", "2", "1.58"]
    two, gptq = found["2"], next(row for row in methods.at(2) if row.name == "gptq")
    assert two.gptq is not None
    assert (two.gptq.seconds, two.gptq.perplexity) == (gptq.seconds, gptq.perplexity.value)
    assert two.qat is not None
    assert two.qat.seconds == recorded.runs[0].seconds
    ternary = found["1.58"].gptq
    assert ternary is not None
    assert ternary.seconds is None
    row = row_of(two, "en")
    assert row[0] == "2 bits"
    assert "<b>1.02</b>" in row[2]
    assert "2.20" in row[3]
