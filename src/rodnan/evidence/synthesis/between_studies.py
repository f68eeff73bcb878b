"""Spread between studies: Cochran's Q, three estimators of the variance between studies, its interval, and
I2.

The model is ``y_i ~ N(mu, v_i + tau2)``. References: DerSimonian and Laird, Control Clin Trials 1986;7:177;
Paule and Mandel, J Res Natl Bur Stand 1982;87:377; Viechtbauer, J Educ Behav Stat 2005;30:261 (REML) and
Stat Med 2007;26:37 (Q-profile interval); Higgins and Thompson, Stat Med 2002;21:1539 (I2 and H2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rodnan.evidence.synthesis.numeric import minimum, root

__all__ = [
    "Heterogeneity",
    "TauMethod",
    "generalised_q",
    "heterogeneity",
    "tau2_estimate",
    "tau2_interval",
    "weighted",
]

TauMethod = Literal["DL", "REML", "PM", "fixed"]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Heterogeneity of a set of studies.

    Parameters
    ----------
    q, df, p
        Cochran's Q, its degrees of freedom, and the chi-square p value (1 for a single study).
    tau2, method
        Variance between studies and how it was estimated.
    tau2_low, tau2_high
        Q-profile interval.
    i2, h2
        ``tau2 / (tau2 + s2)`` in percent and ``(tau2 + s2) / s2`` with s2 the typical sampling variance.
    i2_low, i2_high
        The same function of the limits of tau2.
    """

    q: float
    df: int
    p: float
    tau2: float
    method: str
    tau2_low: float
    tau2_high: float
    i2: float
    i2_low: float
    i2_high: float
    h2: float


def weighted(y: Array, v: Array, tau2: float = 0.0) -> tuple[float, float]:
    """Inverse-variance mean and its variance.

    Parameters
    ----------
    y, v
        Estimates and sampling variances, shape (study,).
    tau2
        Variance between studies.

    Returns
    -------
    (float, float)
        Mean, and ``1 / sum(w)``.
    """
    w = 1.0 / (v + tau2)
    return float(np.sum(w * y) / np.sum(w)), float(1.0 / np.sum(w))


def generalised_q(y: Array, v: Array, tau2: float = 0.0) -> float:
    """Return ``sum w (y - mean)^2`` with ``w = 1/(v + tau2)``; Cochran's Q at ``tau2 = 0``."""
    w = 1.0 / (v + tau2)
    return float(np.sum(w * (y - np.sum(w * y) / np.sum(w)) ** 2))


def tau2_estimate(y: Array, v: Array, method: TauMethod = "REML") -> float:
    """Estimate the variance between studies.

    Parameters
    ----------
    y, v
        Estimates and sampling variances, shape (study,).
    method
        ``"DL"`` (moments), ``"PM"`` (the value at which the generalised Q equals its expectation), ``"REML"``
        (restricted likelihood, global maximum over a grid that is then refined) or ``"fixed"`` (0).

    Returns
    -------
    float
        Never negative; 0 for a single study.
    """
    k = y.size
    if k < 2 or method == "fixed":
        return 0.0
    if method == "DL":
        w = 1.0 / v
        scale = np.sum(w) - np.sum(w**2) / np.sum(w)
        return max(0.0, (generalised_q(y, v) - (k - 1)) / float(scale))
    if method == "PM":
        return _solve_q(y, v, k - 1.0)
    return _reml(y, v)


def tau2_interval(y: Array, v: Array, level: float = 0.95) -> tuple[float, float]:
    """Q-profile confidence interval of the variance between studies (Viechtbauer 2007).

    Parameters
    ----------
    y, v
        Estimates and sampling variances, shape (study,).
    level
        Confidence level.

    Returns
    -------
    (float, float)
        Limits; (0, inf) for a single study.
    """
    k = y.size
    if k < 2:
        return 0.0, float("inf")
    tail = (1 - level) / 2
    return _solve_q(y, v, float(stats.chi2.isf(tail, k - 1))), _solve_q(
        y, v, float(stats.chi2.ppf(tail, k - 1))
    )


def heterogeneity(y: Array, v: Array, method: TauMethod = "REML", level: float = 0.95) -> Heterogeneity:
    """Describe the spread between studies.

    Parameters
    ----------
    y, v
        Estimates and sampling variances, shape (study,).
    method
        Estimator of tau2.
    level
        Confidence level of the intervals.

    Returns
    -------
    Heterogeneity
        Q, tau2 with interval, I2 with interval.
    """
    k = y.size
    q = generalised_q(y, v) if k > 1 else 0.0
    tau2 = tau2_estimate(y, v, method)
    low, high = tau2_interval(y, v, level)
    w = 1.0 / v
    s2 = float((k - 1) * np.sum(w) / (np.sum(w) ** 2 - np.sum(w**2))) if k > 1 else float(v[0])

    def i2(t2: float) -> float:
        return 100.0 if np.isinf(t2) else 100.0 * t2 / (t2 + s2)

    p = float(stats.chi2.sf(q, k - 1)) if k > 1 else 1.0
    return Heterogeneity(q, k - 1, p, tau2, method, low, high, i2(tau2), i2(low), i2(high), tau2 / s2 + 1)


def _solve_q(y: Array, v: Array, target: float) -> float:
    """Find tau2 at which the generalised Q (falling in tau2) equals `target`; 0 where it starts below."""
    if generalised_q(y, v) <= target:
        return 0.0
    high = max(float(np.var(y)), float(np.max(v)), 1e-12)
    while generalised_q(y, v, high) > target:
        high *= 2
    return root(lambda t: generalised_q(y, v, t) - target, 0.0, high, xtol=1e-14 * high)


def _reml(y: Array, v: Array) -> float:
    """Maximise the restricted likelihood over tau2 >= 0."""

    def minus_twice(t2: float) -> float:
        w = 1.0 / (v + t2)
        return float(-np.sum(np.log(w)) + np.log(np.sum(w)) + generalised_q(y, v, t2))

    top = max(float(np.var(y)) * 10, float(np.max(v)))
    grid = np.concatenate([[0.0], np.geomspace(top * 1e-8, top, 60)])
    values = [minus_twice(t) for t in grid]
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    tau2, value = minimum(minus_twice, low, high, xtol=1e-13 * top)
    return 0.0 if values[0] <= value else _polish(y, v, tau2)


def _polish(y: Array, v: Array, tau2: float) -> float:
    """Sharpen a maximum with Fisher scoring, whose fixed point has no rounding of the likelihood in it."""
    for _ in range(50):
        w = 1.0 / (v + tau2)
        mean = np.sum(w * y) / np.sum(w)
        trace = np.sum(w) - np.sum(w**2) / np.sum(w)
        score = np.sum(w**2 * (y - mean) ** 2) - trace
        information = np.sum(w**2) - 2 * np.sum(w**3) / np.sum(w) + (np.sum(w**2) / np.sum(w)) ** 2
        step = float(score / information)
        if not np.isfinite(step) or tau2 + step <= 0 or abs(step) <= 1e-14 * tau2:
            break
        tau2 += step
    return tau2
