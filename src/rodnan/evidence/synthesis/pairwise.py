"""Pairwise meta-analysis by inverse variance: fixed and random effects, with honest intervals for few
studies.

With a handful of studies the normal interval of a random-effects mean is too narrow. The default here is the
Hartung-Knapp interval with the ad-hoc floor: Student's t with k-1 degrees of freedom, and a variance never
below the usual one (Hartung and Knapp, Stat Med 2001;20:3875; Sidik and Jonkman, Stat Med 2002;21:3153;
Knapp and Hartung, Stat Med 2003;22:2693 (the floor); Roever, Knapp and Friede, BMC Med Res Methodol
2015;15:99).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from rodnan.errors import EvidenceError
from rodnan.evidence.synthesis.between_studies import (
    Heterogeneity,
    TauMethod,
    generalised_q,
    heterogeneity,
    weighted,
)

__all__ = ["LeaveOneOut", "Pooled", "leave_one_out", "pool", "prediction_interval"]

IntervalMethod = Literal["normal", "hartung-knapp", "hartung-knapp-floor"]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled estimate.

    Parameters
    ----------
    estimate, se, low, high, p
        On the scale of the data (log for ratios); p is two-sided against 0.
    level
        Confidence level.
    interval
        How the interval was made; `df` is that of Student's t, None for normal.
    k
        Number of studies.
    weights
        Shares of the studies in the mean, shape (study,), sum 1.
    heterogeneity
        Q, tau2, I2 with intervals.
    floor_active
        True when the ad-hoc floor of the Hartung-Knapp variance was needed.
    """

    estimate: float
    se: float
    low: float
    high: float
    p: float
    level: float
    interval: str
    df: int | None
    k: int
    weights: NDArray[np.float64]
    heterogeneity: Heterogeneity
    floor_active: bool


def pool(
    y: ArrayLike,
    v: ArrayLike,
    *,
    tau: TauMethod = "REML",
    interval: IntervalMethod = "hartung-knapp-floor",
    level: float = 0.95,
) -> Pooled:
    """Pool studies by inverse variance.

    Parameters
    ----------
    y, v
        Estimates and sampling variances, shape (study,).
    tau
        Estimator of the variance between studies; ``"fixed"`` for the common-effect model.
    interval
        ``"normal"``, ``"hartung-knapp"`` or ``"hartung-knapp-floor"``. A single study always gets the
        normal interval.
    level
        Confidence level.

    Returns
    -------
    Pooled
        Estimate, interval, weights and heterogeneity.

    Raises
    ------
    EvidenceError
        ``RDN-E504`` when there is no study, a variance is not positive or a number is not finite.
    """
    y, v = _checked(y, v)
    spread = heterogeneity(y, v, tau, level)
    mean, variance = weighted(y, v, spread.tau2)
    w = 1.0 / (v + spread.tau2)
    df: int | None = None
    floor_active = False
    if interval != "normal" and y.size > 1:
        factor = generalised_q(y, v, spread.tau2) / (y.size - 1)
        if interval == "hartung-knapp-floor" and factor < 1:
            factor, floor_active = 1.0, True
        variance *= factor
        df = y.size - 1
    used = interval if df is not None else "normal"
    se = float(np.sqrt(variance))
    quantile = float(stats.norm.ppf(0.5 + level / 2) if df is None else stats.t.ppf(0.5 + level / 2, df))
    ratio = abs(mean) / se if se > 0 else np.inf
    p = float(2 * (stats.norm.sf(ratio) if df is None else stats.t.sf(ratio, df)))
    return Pooled(
        mean,
        se,
        mean - quantile * se,
        mean + quantile * se,
        p,
        level,
        used,
        df,
        y.size,
        w / np.sum(w),
        spread,
        floor_active,
    )


def prediction_interval(
    pooled: Pooled, *, df: Literal["k-1", "k-2", "normal"] = "k-1"
) -> tuple[float, float] | None:
    """Interval in which the true effect of a further, similar study would lie.

    Parameters
    ----------
    pooled
        The pooled estimate; its own standard error (with Hartung-Knapp, where used) is taken.
    df
        Student's t with k-2 (Higgins, Thompson and Spiegelhalter, JRSS A 2009;172:137) or k-1 degrees of
        freedom (Partlett and Riley, Stat Med 2017;36:301; what metafor does after Hartung-Knapp), or normal.

    Returns
    -------
    (float, float) or None
        Limits; None when the degrees of freedom are not positive or the model is the common-effect one.
    """
    if pooled.heterogeneity.method == "fixed":
        return None
    freedom = {"k-1": pooled.k - 1, "k-2": pooled.k - 2, "normal": 1}[df]
    if freedom < 1 or pooled.k < 2:
        return None
    half = 0.5 + pooled.level / 2
    quantile = float(stats.norm.ppf(half) if df == "normal" else stats.t.ppf(half, freedom))
    reach = quantile * float(np.sqrt(pooled.heterogeneity.tau2 + pooled.se**2))
    return pooled.estimate - reach, pooled.estimate + reach


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """The pooled estimates without each study in turn, in the order of the studies."""

    without: tuple[Pooled, ...]

    @property
    def changes_sign(self) -> bool:
        """True when leaving out one study turns the direction of the estimate."""
        return len({np.sign(p.estimate) for p in self.without}) > 1


def leave_one_out(
    y: ArrayLike,
    v: ArrayLike,
    *,
    tau: TauMethod = "REML",
    interval: IntervalMethod = "hartung-knapp-floor",
    level: float = 0.95,
) -> LeaveOneOut:
    """Pool again without each study in turn; parameters as `pool`.

    Parameters
    ----------
    y, v
        Estimates and their variances, one a study.
    tau
        Estimator of the variance between studies.
    interval
        How the interval of the pooled estimate is made.
    level
        Level of the interval.

    Returns
    -------
    LeaveOneOut
        The pooled result without each study.

    Raises
    ------
    EvidenceError
        ``RDN-E504`` with fewer than two studies.
    """
    y, v = _checked(y, v)
    if y.size < 2:
        raise EvidenceError("RDN-E504", "leaving one out needs at least two studies", value=int(y.size))
    rows = np.arange(y.size)
    return LeaveOneOut(
        tuple(pool(y[rows != i], v[rows != i], tau=tau, interval=interval, level=level) for i in rows)
    )


def _checked(y: ArrayLike, v: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y = np.atleast_1d(np.asarray(y, dtype=np.float64))
    v = np.atleast_1d(np.asarray(v, dtype=np.float64))
    if y.ndim != 1 or y.size == 0 or y.shape != v.shape:
        raise EvidenceError("RDN-E504", "pooling needs one variance for each of at least one estimate")
    if not (np.all(np.isfinite(y)) and np.all(np.isfinite(v)) and np.all(v > 0)):
        raise EvidenceError("RDN-E504", "estimates must be finite and variances above 0")
    return y, v
