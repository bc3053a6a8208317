"""KL by how sure the original was of the token that came: where a quantized model errs, and how much of the KL that is.

A model that is sure leaves little room for others; where it hesitates, small errors move a lot. Tokens are put into
bins by the probability that the original gave to the token that came, and each bin has its mean KL with its interval
(resampled by documents, `bootstrap.py`) and its share of all the KL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from quant.evaluation.bootstrap import Clusters, clusters_of, mean_interval
from quant.evaluation.compare import TokenScores
from quant.evaluation.figures import Estimate

EDGES = (0.0, 0.01, 0.1, 0.5, 0.9, 1.0)  # probabilities; the last bin holds its upper end


@dataclass(frozen=True)
class Bin:
    """Tokens to which the original gave a probability from low to high. kl: mean in nats; share: of all KL, 0 to 1."""

    low: float
    high: float
    count: int
    kl: Estimate
    share: float


def by_certainty(tokens: TokenScores, edges: Sequence[float] = EDGES) -> tuple[Bin, ...]:
    """The bins that have a token, least sure first; no interval where too few documents have one in the bin."""
    clusters, total = clusters_of(tokens.window, tokens.document), float(tokens.kl.sum())
    place = np.digitize(tokens.p_original, edges[1:-1])
    found = []
    for index, (low, high) in enumerate(pairwise(edges)):
        inside = place == index
        if count := int(inside.sum()):
            share = float(tokens.kl[inside].sum()) / total if total else 0.0
            found.append(Bin(low, high, count, _mean(tokens.kl, inside, clusters), share))
    return tuple(found)


def _mean(kl: np.ndarray, inside: np.ndarray, clusters: Clusters | None) -> Estimate:
    value = float(kl[inside].mean())
    if clusters is None:
        return Estimate(value)
    sums, counts = clusters.sums(kl * inside), clusters.sums(inside.astype(np.float64))
    some = counts > 0
    return Estimate(value, mean_interval(sums[some], counts[some]))
