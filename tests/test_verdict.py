"""The word that a measurement earns, its sentence in both languages, and the two warnings."""

from __future__ import annotations

import math
from string import Formatter

import pytest

from quant.evaluation import verdict
from quant.evaluation.bootstrap import Interval
from quant.evaluation.verdict import (
    RULE,
    SENTENCES,
    WORDS,
    Candidate,
    Verdict,
    better_perplexity_worse_kl,
    in_brief,
    judge,
    out_of,
    quantized_beats_float,
)
from quant.text import NO_BREAK, Text

AROUND_ZERO, ABOVE = Interval(-0.001, 0.002), Interval(0.001, 0.9)
INDISTINGUISHABLE, SMALL, NOTICEABLE, BROKEN = Verdict


def spanish(text: Text) -> str:
    """With plain spaces, which are easier to compare."""
    return text.es.replace(NO_BREAK, " ")


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


@pytest.mark.parametrize(
    ("difference", "interval", "mean_kl", "agreement", "expected"),
    [
        (0.0, Interval(0.0, 0.0), 0.0, 1.0, INDISTINGUISHABLE),  # the model against itself
        (0.0002, AROUND_ZERO, 0.0005, 0.983, INDISTINGUISHABLE),
        (0.0005, ABOVE, 0.0005, 0.983, SMALL),  # small, and yet told apart
        (0.0002, None, 0.0005, 0.983, SMALL),  # without an interval nobody can say "indistinguishable"
        (0.0002, AROUND_ZERO, 0.01, 0.96, SMALL),  # a short text tells nothing apart; KL does
        (0.0002, AROUND_ZERO, 0.2, 0.8, NOTICEABLE),
        (-0.03, Interval(-0.05, -0.01), 0.001, 0.99, SMALL),  # better perplexity is a change too
        (-0.03, Interval(-0.05, -0.01), 0.2, 0.99, NOTICEABLE),
        (math.log(1.05), ABOVE, 0.05, 0.9, SMALL),  # the limits themselves
        (math.log(1.051), ABOVE, 0.01, 0.95, NOTICEABLE),
        (0.01, ABOVE, 0.0501, 0.95, NOTICEABLE),
        (0.01, ABOVE, 0.01, 0.899, NOTICEABLE),
        (math.log(2), ABOVE, 0.1, 0.8, BROKEN),
        (0.1, ABOVE, 0.45, 0.8, BROKEN),
        (0.1, None, 0.1, 0.6, BROKEN),
        (900.0, ABOVE, 30.0, 0.0, BROKEN),
        (math.nan, None, math.nan, 0.0, BROKEN),
        (math.inf, None, 3.0, 0.0, BROKEN),
        (0.0, AROUND_ZERO, math.inf, 0.9, BROKEN),
    ],
)
def test_the_rule(
    difference: float, interval: Interval | None, mean_kl: float, agreement: float, expected: Verdict
) -> None:
    assert judge(difference, interval, mean_kl, agreement).verdict is expected


@pytest.mark.parametrize(
    ("name", "difference", "mean_kl", "agreement", "expected"),
    [
        ("Q6_K", math.log(1.0035), 0.00545, 0.96, SMALL),
        ("Q4_K_M", math.log(1.028), 0.0313, 0.919, SMALL),
        ("Q2_K", math.log(1.565), 0.4451, 0.7114, NOTICEABLE),
    ],
)
def test_published_formats_fall_where_the_rule_says(
    name: str, difference: float, mean_kl: float, agreement: float, expected: Verdict
) -> None:
    assert judge(difference, ABOVE, mean_kl, agreement).verdict is expected


def test_a_worse_measure_never_gives_a_better_word() -> None:
    order = list(Verdict)
    steps = [(d, kl, a) for d in (0.0, 0.04, 0.3, 0.8) for kl in (0.0, 0.04, 0.3, 0.8) for a in (1.0, 0.92, 0.7, 0.5)]
    for one in steps:
        for other in steps:
            if one[0] <= other[0] and one[1] <= other[1] and one[2] >= other[2]:
                words = [order.index(judge(d, AROUND_ZERO, kl, a).verdict) for d, kl, a in (one, other)]
                assert words == sorted(words)


def test_the_sentence_says_what_decided_and_where_the_limits_are() -> None:
    sentence = judge(0.123, ABOVE, 0.161, 0.7341).sentence
    assert spanish(sentence) == (
        "Pérdida apreciable: la perplejidad sube un 13 %, la KL media es de 0,16 nats y el token más probable es el "
        "mismo el 73,4 % de las veces; «pequeña» llega hasta un 5 %, 0,05 nats y el 90 %."
    )
    assert sentence.en == (
        "Noticeable loss: perplexity rises by 13%, mean KL is 0.16 nats and the most likely token is the same 73.4% of "
        "the time; “small” ends at 5%, 0.05 nats and 90%."
    )


def test_only_the_measures_that_decided_are_named() -> None:
    sentence = judge(0.01, ABOVE, 0.02, 0.85).sentence
    assert spanish(sentence).startswith("Pérdida apreciable: el token más probable es el mismo el 85 % de las veces;")


@pytest.mark.parametrize(
    ("difference", "says"),
    [(0.0, "no cambia"), (0.01, "sube un 1,0 %"), (-0.01, "baja un 1,0 %"), (0.89, "se multiplica por 2,4"),
     (5000.0, "se multiplica por 1,0 × 10³⁰⁴")],
)  # fmt: skip
def test_a_change_of_perplexity_in_words(difference: float, says: str) -> None:
    band = 0.9 if difference > 0.5 else 0.0
    assert f"la perplejidad {says}" in spanish(judge(difference, ABOVE, band, 1 - band).sentence)


def test_almost_always_is_not_always() -> None:
    assert "el 99,99 % de las veces" in spanish(judge(0.001, ABOVE, 0.0001, 0.99996).sentence)
    assert "el 100 % de las veces" in spanish(judge(0.001, ABOVE, 0.0001, 1.0).sentence)


def test_without_an_interval_the_sentence_says_so() -> None:
    for measures in ((0.01, None, 0.02, 0.95), (0.1, None, 0.2, 0.8), (0.8, None, 0.2, 0.8)):
        sentence = judge(*measures).sentence
        assert "Sin intervalo" in sentence.es
        assert "No interval" in sentence.en


def test_an_interval_around_zero_is_said() -> None:
    assert "contiene el 0" in judge(0.0, AROUND_ZERO, 0.02, 0.95).sentence.es
    assert "contiene el 0" in judge(0.0, AROUND_ZERO, 0.0, 1.0).sentence.es
    assert "contiene el 0" not in judge(0.01, ABOVE, 0.02, 0.95).sentence.es


def test_the_rule_names_every_limit_that_the_code_uses() -> None:
    for limit in ("5 %", "90 %", "60 %", "0,05 nats", "0,45 nats", "0,0055 nats", "por 2 o más"):
        assert limit in spanish(RULE)
    for limit in ("5%", "90%", "60%", "0.05 nats", "0.45 nats", "0.0055 nats", "by 2 or more"):
        assert limit in RULE.en


@pytest.mark.parametrize(
    ("before", "after", "agreement", "says"),
    [
        (
            35.5446,
            39.683,
            0.7358,
            "Duda un 12 % más que el original (35,5 → 39,7) y elige la misma palabra 7 de cada 10",
        ),
        (35.5, 76.5, 0.4058, "Duda 2,2 veces lo que el original (35,5 → 76,5) y elige la misma palabra 4 de cada 10"),
        (35.5, 35.502, 0.985, "Duda lo mismo que el original (35,5 → 35,5) y elige la misma palabra 98 de cada 100"),
        (35.5, 34.4, 0.99996, "Duda un 3,1 % menos que el original (35,5 → 34,4) y elige la misma palabra 99 de cada"),
        (35.5, 35.5, 1.0, "Duda lo mismo que el original (35,5 → 35,5) y elige siempre la misma palabra."),
        (35.5, 8273.0, 0.03, "y casi nunca elige la misma palabra."),
    ],
)
def test_the_cost_in_one_sentence(before: float, after: float, agreement: float, says: str) -> None:
    assert says in spanish(in_brief(before, after, math.log(after / before), agreement))


def test_what_gives_no_numbers_has_no_figures_in_its_sentence() -> None:
    assert in_brief(35.0, math.inf, math.inf, 0.1) == in_brief(35.0, math.nan, math.nan, 0.1) == verdict.NOT_A_NUMBER


def test_a_share_as_one_says_it_is_never_rounded_up_to_always() -> None:
    said = [out_of(share).en for share in (0.04, 0.12, 0.36, 0.94, 0.96, 0.9999, 1.0)]
    assert said == ["0 times out of 10", "one time in 10", "4 times out of 10", "9 times out of 10",
                    "96 times out of 100", "99 times out of 100", "always"]  # fmt: skip


def test_a_verdict_says_what_it_is_of_wherever_it_stands_alone() -> None:
    """A chip, a cell and CSV hold nothing but the word: an adjective alone would agree with nothing."""
    for judged in Verdict:
        assert judged is BROKEN or ("pérdida" in judged.value.es and "loss" in judged.value.en)
        assert WORDS[judged].es.lower() == judged.value.es
    assert WORDS[NOTICEABLE] == Text("Pérdida apreciable", "Noticeable loss")


def test_quantized_beats_float_needs_the_whole_interval() -> None:
    assert quantized_beats_float(None) is None
    for harmless in (Interval(-0.02, 0.01), Interval(0.01, 0.02), Interval(0.0, 0.0), Interval(-0.02, 0.0)):
        assert quantized_beats_float(harmless) is None
    warning = quantized_beats_float(Interval(-0.05, -0.012))
    assert warning is not None
    assert "entre 0,012 y 0,05 nats" in warning.es
    assert "by 0.012 to 0.05 nats" in warning.en


def test_perplexity_and_kl_that_disagree_raise_a_warning() -> None:
    lucky = Candidate(Text("Q4_0", "Q4_0"), difference=0.05, mean_kl=0.09)
    faithful = Candidate(Text("NF4", "NF4"), difference=0.06, mean_kl=0.07)
    warning = better_perplexity_worse_kl(lucky, faithful)
    assert warning is not None
    assert warning == better_perplexity_worse_kl(faithful, lucky)
    assert "por perplejidad gana «Q4_0», pero por KL gana «NF4» (0,09 nats frente a 0,07)" in warning.es


@pytest.mark.parametrize(("difference", "mean_kl"), [(0.06, 0.1), (0.04, 0.08), (0.05, 0.01), (0.01, 0.09)])
def test_perplexity_and_kl_that_agree_or_tie_raise_none(difference: float, mean_kl: float) -> None:
    first = Candidate(Text("a", "a"), 0.05, 0.09)
    assert better_perplexity_worse_kl(first, Candidate(Text("b", "b"), difference, mean_kl)) is None


def test_both_halves_of_every_text_have_the_same_fields() -> None:
    texts = [value for value in vars(verdict).values() if isinstance(value, Text)]
    texts += [*SENTENCES.values(), *WORDS.values(), *(v.value for v in Verdict)]
    assert len(texts) > 15
    for text in texts:
        assert text.es
        assert fields(text.es) == fields(text.en)


def test_nothing_is_left_unfilled() -> None:
    for measures in ((0.0, AROUND_ZERO, 0.0, 1.0), (0.01, None, 0.02, 0.95), (0.1, ABOVE, 0.2, 0.8),
                     (0.9, ABOVE, 0.9, 0.1), (math.nan, None, 0.0, 1.0)):  # fmt: skip
        sentence = judge(*measures).sentence
        assert not fields(RULE.es + sentence.es + sentence.en)
