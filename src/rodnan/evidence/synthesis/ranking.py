"""Ranking of treatments with its uncertainty: never one winner, always how sure.

P-scores need no sampling (Ruecker and Schwarzer, BMC Med Res Methodol 2015;15:58). Rank probabilities and
SUCRA (Salanti, Ades and Ioannidis, J Clin Epidemiol 2011;64:163) come from draws of the normal distribution
of the effects, with a fixed seed, so that the same data always give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rodnan.evidence.synthesis.network_fit import Network

__all__ = ["Rank", "rank_treatments"]

_SEED = 20110 + 64163


@dataclass(frozen=True, slots=True)
class Rank:
    """Rank of one treatment.

    Parameters
    ----------
    p_score
        Mean certainty of being better than another treatment of the network, 0 to 1.
    sucra
        Surface under the cumulative ranking curve, 0 to 1.
    mean, low, high
        Mean rank (1 is most favourable) and the ranks that hold 95 % of the draws.
    probabilities
        Of each rank, first to last.
    """

    treatment: str
    p_score: float
    sucra: float
    mean: float
    low: int
    high: int
    probabilities: tuple[float, ...]


def rank_treatments(fitted: Network, *, higher_is_better: bool, draws: int = 20_000) -> tuple[Rank, ...]:
    """Rank the treatments of a network.

    Parameters
    ----------
    fitted
        A network.
    higher_is_better
        True when a larger effect is a better outcome.
    draws
        Draws for ranks and SUCRA; the standard error of a probability is below ``0.5 / sqrt(draws)``.

    Returns
    -------
    tuple of Rank
        In falling order of the P-score; overlapping intervals of ranks mean that the order is not settled.
    """
    names = fitted.treatments
    n = len(names)
    sign = 1.0 if higher_is_better else -1.0
    p = np.zeros((n, n))
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            if i != j:
                r = fitted.relative(a, b)
                p[i, j] = stats.norm.cdf(sign * r.estimate / r.se) if r.se > 0 else 0.5
    scores = p.sum(axis=1) / (n - 1)
    generator = np.random.Generator(np.random.Philox(_SEED))
    root = np.linalg.cholesky(fitted.covariance + 1e-14 * np.eye(n - 1) * np.trace(fitted.covariance))
    effects = np.zeros((draws, n))
    effects[:, 1:] = fitted.effects + generator.standard_normal((draws, n - 1)) @ root.T
    ranks: NDArray[np.int64] = np.argsort(np.argsort(-sign * effects, axis=1), axis=1) + 1
    rows = []
    for i, name in enumerate(names):
        share = np.bincount(ranks[:, i], minlength=n + 1)[1:] / draws
        low, high = (int(x) for x in np.quantile(ranks[:, i], [0.025, 0.975], method="nearest"))
        mean = float(ranks[:, i].mean())
        rows.append(
            Rank(name, float(scores[i]), (n - mean) / (n - 1), mean, low, high, tuple(map(float, share)))
        )
    return tuple(sorted(rows, key=lambda r: (-r.p_score, r.treatment)))
