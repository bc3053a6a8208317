"""The figures of a comparison, each with its 95 % interval where there is one, and the verdict they amount to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from quant.arguments import typed
from quant.errors import EvaluationError
from quant.evaluation.bootstrap import (
    Clusters,
    Interval,
    clusters_of,
    mean_interval,
    quantile_interval,
    root_interval,
    share_interval,
)
from quant.evaluation.compare import Comparison, Reference, compare
from quant.evaluation.quality import Protocol
from quant.evaluation.verdict import Judgement, judge, quantized_beats_float
from quant.model.load import LoadedModel
from quant.text import Text
from quant.texts import EvalText, text_of


@dataclass(frozen=True)
class Estimate:
    """A measured figure and how sure it is; no interval where the text is too short for one."""

    value: float
    interval: Interval | None = None

    def through(self, change: Callable[[float], float]) -> Estimate:
        """The same after a rising `change`, such as exp."""
        ends = self.interval and Interval(change(self.interval.low), change(self.interval.high))
        return Estimate(change(self.value), ends)


@dataclass(frozen=True)
class Figures:
    """All that one pass over a text says. KL and log_ratio in nats; shares from 0 to 1.

    log_ratio: log of the quantized perplexity over the original's, the mean difference per token; probability_rms: root
    mean square change of the probability of the token that came; resampled: what the intervals come from, None without.
    """

    protocol: Protocol
    resampled: Text | None
    perplexity_original: Estimate
    perplexity_quantized: Estimate
    bits_per_byte_original: Estimate
    bits_per_byte_quantized: Estimate
    log_ratio: Estimate
    kl_mean: Estimate
    kl_median: Estimate
    kl_99: Estimate
    kl_999: Estimate
    kl_max: float
    same_top: Estimate
    probability_rms: Estimate
    judgement: Judgement

    @property
    def warning(self) -> Text | None:
        """Said when the quantized model scores better than the original."""
        return quantized_beats_float(self.log_ratio.interval)


def figures(c: Comparison) -> Figures:
    """Sum a comparison up; also one that was stopped half way, whose intervals are wider."""
    t = c.tokens
    clusters = clusters_of(t.window, t.document)
    original, quantized = (_mean(nats, clusters) for nats in (t.nats_original, t.nats_quantized))
    log_ratio, kl = _mean(t.nats_quantized - t.nats_original, clusters), _mean(t.kl, clusters)
    same_top = Estimate(float(t.same_top.mean()))
    change = (t.p_quantized - t.p_original) ** 2
    rms = Estimate(math.sqrt(float(change.mean())))
    if clusters is not None:
        same_top = Estimate(same_top.value, share_interval(clusters.sums(t.same_top), clusters.counts))
        rms = Estimate(rms.value, root_interval(clusters.sums(change), clusters.counts))
    bits = c.protocol.tokens / c.protocol.n_bytes / math.log(2)
    return Figures(
        c.protocol, clusters.label if clusters else None, original.through(_exp), quantized.through(_exp),
        original.through(lambda nats: nats * bits), quantized.through(lambda nats: nats * bits), log_ratio, kl,
        _quantile(t.kl, clusters, 0.5), _quantile(t.kl, clusters, 0.99), _quantile(t.kl, clusters, 0.999),
        float(t.kl.max()), same_top, rms, judge(log_ratio.value, log_ratio.interval, kl.value, same_top.value),
    )  # fmt: skip


@typed(EvaluationError)
def measure(original: LoadedModel, quantized: LoadedModel, text: EvalText | str = "enciclopedia") -> Figures:
    """What quantization costs on a text: perplexities, KL in nats, agreement, each with a 95 % interval; a verdict.

    text: a shipped one by name ("enciclopedia", "literatura"), a text of yours, or an `EvalText`; one too short for
    intervals has none. Raises EvaluationError where the two models do not share their tokens, and for a text that
    cannot be scored.

    >>> from quant import PerGroup, Recipe, Scheme, load_model, measure, quantize_model
    >>> model = load_model()
    >>> small = quantize_model(model, Recipe.uniform(Scheme.integer(8, PerGroup(64))))
    >>> seen = measure(model, small, "La ciudad de Madrid es la capital de España.")
    >>> seen.kl_mean.value < 0.01, seen.kl_mean.interval is None
    (True, True)
    >>> seen.judgement.verdict.value.en
    'small loss'
    """
    return figures(compare(Reference(original, text_of(text), at_least=1), quantized))


def _exp(nats: float) -> float:
    """exp, infinity where that leaves float64's range."""
    return math.exp(nats) if nats < 700 else math.inf


def _mean(values: np.ndarray, clusters: Clusters | None) -> Estimate:
    interval = mean_interval(clusters.sums(values), clusters.counts) if clusters else None
    return Estimate(float(values.mean()), interval)


def _quantile(values: np.ndarray, clusters: Clusters | None, q: float) -> Estimate:
    interval = quantile_interval(values, clusters.ids, q) if clusters else None
    # The value that the interval is built around: one of the tokens, never between two.
    return Estimate(float(np.quantile(values, q, method="inverted_cdf")), interval)
