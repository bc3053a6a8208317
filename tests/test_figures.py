"""All figures of a comparison: the arithmetic they say, an interval that shrinks with the text, the warnings."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from letters import Bigrams, bigrams, text_of
from working import known

from quant.evaluation.bootstrap import Interval
from quant.evaluation.compare import Comparison, Reference, TokenScores, compare, compare_steps
from quant.evaluation.figures import Estimate, Figures, figures
from quant.evaluation.quality import Protocol, evaluate
from quant.evaluation.verdict import Verdict
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerChannel, Scheme
from quant.text import Text
from quant.texts import EvalText

CONTEXT, BYTES_A_TOKEN = 50, 4
PLACES = ["Madrid", "Sevilla", "el mar", "la montaña", "Ñuñoa", "el tren", "España"]
# 28 documents of one to three windows of 64 tokens each.
TEXT = text_of(*(
    " ".join(f"En {PLACES[(i * i + j) % 7]} son las {j + i}." for j in range(4 + 5 * (i % 3))) for i in range(28)
))  # fmt: skip
WITH_INTERVAL = [f.name for f in fields(Figures) if f.type == "Estimate"]


@pytest.fixture(scope="module")
def quantized(tiny: LoadedModel) -> LoadedModel:
    return quantize_model(tiny, Recipe.uniform(Scheme.integer(3, PerChannel())))


@pytest.fixture(scope="module")
def compared(tiny: LoadedModel, quantized: LoadedModel) -> Comparison:
    return compare(Reference(tiny, TEXT), quantized)


def synthetic(documents: int, windows: int, shift: float = 0.02, spread: float = 0.5, seed: int = 0) -> Comparison:
    """Tokens of which only the columns exist; windows of CONTEXT. shift, spread: of what quantization costs a token."""
    rng = np.random.default_rng(seed)
    n = documents * windows * CONTEXT
    nats = rng.gamma(2, 1.5, n)
    costs = np.maximum(nats + rng.normal(shift, spread, n), 1e-3)
    tokens = TokenScores(
        nats, costs, rng.lognormal(-3, 1, n), (rng.random(n) < 0.93).astype(np.float64), np.exp(-nats), np.exp(-costs),
        np.arange(n) // CONTEXT, np.arange(n) // (windows * CONTEXT), np.arange(n) % CONTEXT,
    )  # fmt: skip
    protocol = Protocol("test", CONTEXT, CONTEXT, True, documents, documents * windows, n, BYTES_A_TOKEN * n)
    return Comparison(tokens, protocol, 1.0)


def stopped(c: Comparison, windows: int) -> Comparison:
    """A synthetic comparison after so many windows."""
    n = windows * CONTEXT
    tokens = TokenScores(**{name: getattr(c.tokens, name)[:n] for name in TokenScores.__annotations__})
    protocol = replace(c.protocol, documents=len(set(tokens.document)), windows=windows, tokens=n,
                       n_bytes=BYTES_A_TOKEN * n)  # fmt: skip
    return Comparison(tokens, protocol, n / c.protocol.tokens)


def estimates(f: Figures) -> dict[str, Estimate]:
    return {name: getattr(f, name) for name in WITH_INTERVAL}


def widths(f: Figures) -> dict[str, float]:
    """Infinite without an interval."""
    return {n: e.interval.high - e.interval.low if e.interval else math.inf for n, e in estimates(f).items()}


# --- values and intervals ---------------------------------------------------------------------------------------------


def test_each_value_is_the_arithmetic_that_it_says(compared: Comparison) -> None:
    f, t = figures(compared), compared.tokens
    n, n_bytes = len(t.kl), TEXT.n_bytes
    assert f.protocol == compared.protocol
    assert f.perplexity_original.value == pytest.approx(math.exp(t.nats_original.sum() / n))
    assert f.perplexity_quantized.value == pytest.approx(math.exp(t.nats_quantized.sum() / n))
    assert f.bits_per_byte_original.value == pytest.approx(t.nats_original.sum() / math.log(2) / n_bytes)
    assert f.bits_per_byte_quantized.value == pytest.approx(t.nats_quantized.sum() / math.log(2) / n_bytes)
    assert f.kl_mean.value == pytest.approx(t.kl.sum() / n)
    assert f.same_top.value == pytest.approx(np.count_nonzero(t.same_top) / n)
    square = sum((q - p) ** 2 for p, q in zip(t.p_original, t.p_quantized, strict=True)) / n
    assert f.probability_rms.value == pytest.approx(math.sqrt(square))
    ordered = sorted(t.kl)
    assert f.kl_max == ordered[-1]
    for estimate, q in [(f.kl_median, 0.5), (f.kl_99, 0.99), (f.kl_999, 0.999)]:
        assert estimate.value == ordered[math.ceil(q * n) - 1]


def test_the_values_are_those_of_each_model_alone(
    compared: Comparison, tiny: LoadedModel, quantized: LoadedModel
) -> None:
    f = figures(compared)
    pairs = [(tiny, f.perplexity_original, f.bits_per_byte_original),
             (quantized, f.perplexity_quantized, f.bits_per_byte_quantized)]  # fmt: skip
    for model, perplexity, bits in pairs:
        alone = evaluate(model, TEXT)
        assert perplexity.value == pytest.approx(alone.perplexity, rel=1e-5)
        assert bits.value == pytest.approx(alone.bits_per_byte, rel=1e-5)


def test_log_ratio_is_the_log_of_the_ratio_of_perplexities(compared: Comparison) -> None:
    f = figures(compared)
    assert f.log_ratio.value == pytest.approx(math.log(f.perplexity_quantized.value / f.perplexity_original.value))
    assert abs(f.log_ratio.value) > 1e-3


def test_every_figure_lies_in_its_interval(compared: Comparison) -> None:
    f = figures(compared)
    assert f.resampled == Text("28 documentos", "28 documents")
    assert len(WITH_INTERVAL) == 11
    assert 1_000 < compared.protocol.tokens < 10_000  # ten tokens must lie beyond a quantile
    for name, e in estimates(f).items():
        if name == "kl_999":
            assert e.interval is None
        else:
            assert e.interval is not None, name
            assert e.interval.low < e.value < e.interval.high, name


def test_a_text_of_12_000_tokens_has_an_interval_for_every_figure() -> None:
    f = figures(synthetic(24, 10))
    for name, e in estimates(f).items():
        assert e.interval is not None, name
        assert e.interval.low < e.value < e.interval.high, name
    assert f.kl_median.value < f.kl_mean.value < f.kl_99.value < f.kl_999.value < f.kl_max


def test_perplexity_and_bits_have_the_interval_of_the_mean_loss() -> None:
    c = synthetic(24, 10)
    f = figures(c)
    perplexity, bits = f.perplexity_original.interval, f.bits_per_byte_original.interval
    assert perplexity
    assert bits
    for p, b in [(perplexity.low, bits.low), (perplexity.high, bits.high)]:
        assert math.log2(p) / BYTES_A_TOKEN == pytest.approx(b)


def test_the_difference_is_paired_and_so_surer_than_either_perplexity() -> None:
    f = figures(synthetic(24, 10, spread=0.1))
    assert f.log_ratio.interval
    assert f.perplexity_original.interval
    alone = math.log(f.perplexity_original.interval.high / f.perplexity_original.interval.low)
    assert widths(f)["log_ratio"] < alone / 5


def test_documents_are_resampled_whole_where_there_are_eight_and_windows_otherwise() -> None:
    assert figures(synthetic(8, 5)).resampled == Text("8 documentos", "8 documents")
    assert figures(synthetic(7, 5)).resampled == Text("35 ventanas", "35 windows")


def test_a_change_of_scale_moves_the_value_and_both_ends() -> None:
    assert Estimate(1.0, Interval(0.0, 2.0)).through(math.exp) == Estimate(math.e, Interval(1.0, math.exp(2)))
    assert Estimate(1.0).through(math.exp) == Estimate(math.e)


# --- stopping half way ------------------------------------------------------------------------------------------------


def test_the_less_was_read_the_wider_the_intervals() -> None:
    whole = synthetic(40, 10)
    for less, more in pairwise([figures(stopped(whole, n)) for n in (24, 100, 400)]):
        for name, width in widths(more).items():
            assert width < widths(less)[name] or width == widths(less)[name] == math.inf, name


def test_a_real_evaluation_can_be_stopped_at_any_window(
    tiny: LoadedModel, quantized: LoadedModel, compared: Comparison
) -> None:
    steps = known(compare_steps(Reference(tiny, TEXT), quantized))[:-1]
    assert len(steps) == compared.protocol.windows
    for n, step in enumerate(steps, 1):
        if n not in (1, 9, 10, 11, 20, 30, compared.protocol.windows):
            continue
        f = figures(step)
        assert f.protocol.windows == n
        assert f.perplexity_original.value == pytest.approx(step.original.perplexity)
        assert f.perplexity_quantized.value == pytest.approx(step.quantized.perplexity)
        assert (f.resampled is None) == (n < 10)
    assert figures(steps[-1]).log_ratio.value == pytest.approx(figures(compared).log_ratio.value, rel=1e-4)


@pytest.mark.parametrize(("documents", "windows"), [(9, 1), (1, 9), (3, 3)])
def test_below_ten_windows_there_is_no_interval_at_all(documents: int, windows: int) -> None:
    f = figures(synthetic(documents, windows))
    assert f.resampled is None
    assert all(e.interval is None for e in estimates(f).values())
    assert all(math.isfinite(e.value) for e in estimates(f).values())
    assert f.judgement.verdict is not Verdict.INDISTINGUISHABLE
    assert "Sin intervalo" in f.judgement.sentence.es
    assert f.warning is None


def test_from_ten_windows_on_there_is_one() -> None:
    f = figures(synthetic(1, 10))
    assert f.resampled == Text("10 ventanas", "10 windows")
    assert f.log_ratio.interval is not None


# --- two tokenizers ---------------------------------------------------------------------------------------------------


@dataclass
class Runs:
    """A tokenizer of runs of `length` of the letters a to d; all ids stand for as many letters."""

    length: int
    bos_token_id: int = 0
    eos_token_id: int = 0

    def encode(self, text: str, **options: object) -> list[int]:
        digits = ["abcd".index(letter) for letter in text]
        runs = [digits[i : i + self.length] for i in range(0, len(digits), self.length)]
        return [sum(d * 4**k for k, d in enumerate(run)) for run in runs]

    def get_vocab(self) -> dict[str, int]:
        return {str(i): i for i in range(4**self.length)}


def even_guesser(length: int) -> LoadedModel:
    """Every run of letters is as likely as any other: 2 bits a letter, however they are cut into tokens."""
    model: Any = Bigrams(torch.zeros(4**length, 4**length), context=16)
    tokenizer: Any = Runs(length)
    return LoadedModel(f"runs of {length}", model, tokenizer, Text("a mano", "by hand"), "")


def test_bits_per_byte_do_not_depend_on_the_tokenizer_and_perplexity_does() -> None:
    rng = np.random.default_rng(0)
    text = text_of(*("".join(rng.choice(list("abcd"), 24 * n)) for n in range(1, 21)))
    found = {length: figures(compare(Reference(m, text), m)) for length in (1, 2, 3) for m in [even_guesser(length)]}
    assert [f.protocol.tokens for f in found.values()] == [5040, 2520, 1680]
    assert {f.protocol.n_bytes for f in found.values()} == {5040}
    for length, f in found.items():
        assert f.bits_per_byte_original.value == pytest.approx(2, rel=1e-6)
        assert f.bits_per_byte_quantized.value == pytest.approx(2, rel=1e-6)
        assert evaluate(even_guesser(length), text).bits_per_byte == pytest.approx(2, rel=1e-6)
        assert f.perplexity_original.value == pytest.approx(4**length, rel=1e-6)


# --- the warning and the verdict --------------------------------------------------------------------------------------


LETTERS = text_of(*("abñ" * n + "ab" * (n % 3) for n in range(2, 16)))  # a goes to b, b to ñ, now and then to a


def after(sure: float) -> LoadedModel:
    """A model that gives `sure` to the letter that comes next in abñ."""
    low = (1 - sure) / 3
    return bigrams([[sure if i == (t % 3) + 1 else low for i in range(4)] for t in range(4)])


def of_letters(text: EvalText, original: float, quantized: float) -> Figures:
    return figures(compare(Reference(after(original), text), after(quantized)))


def test_a_quantized_model_that_predicts_better_raises_a_warning() -> None:
    f = of_letters(LETTERS, 0.5, 0.6)
    assert f.log_ratio.value < 0
    assert f.log_ratio.interval is not None
    assert f.log_ratio.interval.high < 0
    assert f.warning is not None
    assert "sale mejor que el original" in f.warning.es
    assert "beats the original" in f.warning.en


def test_one_that_predicts_worse_or_the_same_raises_none() -> None:
    worse, same = of_letters(LETTERS, 0.6, 0.5), of_letters(LETTERS, 0.6, 0.6)
    assert worse.log_ratio.value > 0
    assert worse.warning is None
    assert same.log_ratio.value == 0
    assert same.warning is None
    assert same.judgement.verdict is Verdict.INDISTINGUISHABLE


def test_better_by_chance_or_on_a_short_text_raises_none() -> None:
    chance = figures(synthetic(12, 2, shift=-0.01))
    assert chance.log_ratio.value < 0
    assert chance.log_ratio.interval is not None
    assert 0 in chance.log_ratio.interval
    assert chance.warning is None
    short = of_letters(text_of("abñ", "abñab", "ab"), 0.5, 0.6)
    assert short.log_ratio.value < 0
    assert short.warning is None
    assert figures(synthetic(12, 2, shift=-0.2)).warning is not None


def test_the_verdict_is_of_these_figures() -> None:
    assert of_letters(LETTERS, 0.6, 0.58).judgement.verdict is Verdict.SMALL
    assert of_letters(LETTERS, 0.6, 0.4).judgement.verdict is Verdict.NOTICEABLE
    assert of_letters(LETTERS, 0.9, 0.1).judgement.verdict is Verdict.BROKEN
    # By perplexity alone, which is only worse when it rises: 11 % either way, KL 0.005, always the same letter first.
    assert of_letters(LETTERS, 0.5, 0.45).judgement.verdict is Verdict.NOTICEABLE
    assert of_letters(LETTERS, 0.45, 0.5).judgement.verdict is Verdict.SMALL


# --- broken models ----------------------------------------------------------------------------------------------------


def test_an_infinite_perplexity_is_a_figure_like_any_other() -> None:
    hopeless = after(0.5)
    rows = hopeless.model.get_input_embeddings().weight
    rows.data = torch.eye(4).roll(-1, 1) * 5_000  # sure of a letter that hardly ever comes
    f = figures(compare(Reference(after(0.5), LETTERS), hopeless))
    assert f.perplexity_quantized.value == math.inf
    assert f.perplexity_quantized.interval is not None
    assert f.perplexity_quantized.interval.high == math.inf
    assert math.isfinite(f.log_ratio.value)
    assert f.log_ratio.value > 700
    assert math.isfinite(f.perplexity_original.value)
    assert f.judgement.verdict is Verdict.BROKEN
    assert f.warning is None


def test_a_model_without_numbers_is_broken_and_has_no_intervals() -> None:
    f = figures(compare(Reference(after(0.5), LETTERS), bigrams([[math.nan] * 4] * 4)))
    assert f.judgement.verdict is Verdict.BROKEN
    assert math.isnan(f.kl_mean.value)
    assert f.kl_mean.interval is f.log_ratio.interval is f.kl_median.interval is f.probability_rms.interval is None
    assert f.perplexity_original.interval is not None
    assert f.warning is None
