"""Effect measures: one study's numbers to an estimate and its sampling variance.

Ratios are on the log scale. All functions work on arrays of one length (one entry per study) and return
float64.

References: Borenstein et al., *Introduction to Meta-Analysis* (2009), chapters 4 and 5; Hedges, J Educ Stat
1981;6:107 (small-sample correction); Cochrane Handbook 6.5, chapters 6 and 10 (interval to standard error,
zero cells).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from rodnan.errors import EvidenceError

__all__ = [
    "Effects",
    "log_odds_ratio",
    "log_ratio_from_interval",
    "log_risk_ratio",
    "mean_difference",
    "risk_difference",
    "se_from_interval",
    "se_from_p",
    "standardised_mean_difference",
]

Zeros = Literal["cell", "all", "none"]


@dataclass(frozen=True, slots=True)
class Effects:
    """Estimates and sampling variances of several studies.

    Parameters
    ----------
    measure
        ``"MD"``, ``"SMD"``, ``"OR"``, ``"RR"``, ``"RD"`` or ``"HR"``; OR, RR and HR hold logarithms.
    y, v
        Estimates and variances, shape (study,).
    usable
        False where the study carries no information on this measure (no event in either arm, for a ratio).
    corrected
        True where a zero cell was moved by the continuity correction.
    """

    measure: str
    y: NDArray[np.float64]
    v: NDArray[np.float64]
    usable: NDArray[np.bool_]
    corrected: NDArray[np.bool_]


def mean_difference(
    m1: ArrayLike,
    sd1: ArrayLike,
    n1: ArrayLike,
    m2: ArrayLike,
    sd2: ArrayLike,
    n2: ArrayLike,
    *,
    pooled: bool = False,
) -> Effects:
    """Difference of means, first arm minus second, in the unit of the outcome.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2
        Mean, standard deviation and number of each arm, shape (study,).
    pooled
        Use one pooled standard deviation for both arms (as Normand 1999); else each arm its own.

    Returns
    -------
    Effects
        ``v = sd1^2/n1 + sd2^2/n2``.

    Raises
    ------
    EvidenceError
        ``RDN-E501`` for a number below 2 or a standard deviation that is not positive.
    """
    m1, sd1, n1, m2, sd2, n2 = _arrays(m1, sd1, n1, m2, sd2, n2)
    _continuous(sd1, n1, sd2, n2)
    if pooled:
        sd = np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2))
        sd1 = sd2 = sd
    return _plain("MD", m1 - m2, sd1**2 / n1 + sd2**2 / n2)


def standardised_mean_difference(
    m1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> Effects:
    """Hedges' g: difference of means over the pooled standard deviation, with the exact small-sample
    correction.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2
        Mean, standard deviation and number of each arm, shape (study,).

    Returns
    -------
    Effects
        ``g = J d``, ``J = G(m/2) / (sqrt(m/2) G((m-1)/2))`` with ``m = n1+n2-2`` and G the gamma function
        (Hedges 1981); ``v = 1/n1 + 1/n2 + g^2 / (2(n1+n2))`` (the large-sample variance).

    Raises
    ------
    EvidenceError
        ``RDN-E501``.
    """
    m1, sd1, n1, m2, sd2, n2 = _arrays(m1, sd1, n1, m2, sd2, n2)
    _continuous(sd1, n1, sd2, n2)
    df = n1 + n2 - 2
    sd = np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / df)
    correction = np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    g = correction * (m1 - m2) / sd
    return _plain("SMD", g, 1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2)))


def log_odds_ratio(
    events1: ArrayLike,
    n1: ArrayLike,
    events2: ArrayLike,
    n2: ArrayLike,
    *,
    zeros: Zeros = "cell",
    add: float = 0.5,
) -> Effects:
    """Log odds ratio, first arm against second.

    Parameters
    ----------
    events1, n1, events2, n2
        Events and numbers of each arm, shape (study,).
    zeros
        Which studies have `add` put to all four cells: those with a zero cell (``"cell"``), all, or none.
    add
        The continuity correction.

    Returns
    -------
    Effects
        ``v = 1/a + 1/b + 1/c + 1/d``. A study without an event (or without a non-event) in either arm is
        not usable.

    Raises
    ------
    EvidenceError
        ``RDN-E502`` for counts that are impossible.
    """
    a, b, c, d, usable, corrected = _cells(events1, n1, events2, n2, zeros, add, ratio="odds")
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = np.log(a * d) - np.log(b * c), 1 / a + 1 / b + 1 / c + 1 / d
    return Effects("OR", y, v, usable & np.isfinite(y) & np.isfinite(v), corrected)


def log_risk_ratio(
    events1: ArrayLike,
    n1: ArrayLike,
    events2: ArrayLike,
    n2: ArrayLike,
    *,
    zeros: Zeros = "cell",
    add: float = 0.5,
) -> Effects:
    """Log risk ratio, first arm against second; parameters as `log_odds_ratio`.

    Parameters
    ----------
    events1, n1, events2, n2
        Counts with the event and sizes of the two arms, one a study.
    zeros
        What happens to studies with a zero cell.
    add
        What is added to cells then.

    Returns
    -------
    Effects
        ``v = 1/a - 1/(a+b) + 1/c - 1/(c+d)``. A study without an event in either arm is not usable.
    """
    a, b, c, d, usable, corrected = _cells(events1, n1, events2, n2, zeros, add, ratio="risk")
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(a / (a + b)) - np.log(c / (c + d))
        v = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    return Effects("RR", y, v, usable & np.isfinite(y) & np.isfinite(v) & (v > 0), corrected)


def risk_difference(
    events1: ArrayLike,
    n1: ArrayLike,
    events2: ArrayLike,
    n2: ArrayLike,
    *,
    zeros: Zeros = "cell",
    add: float = 0.5,
) -> Effects:
    """Risk difference, first arm minus second; parameters as `log_odds_ratio`.

    Parameters
    ----------
    events1, n1, events2, n2
        Counts with the event and sizes of the two arms, one a study.
    zeros
        What happens to studies with a zero cell.
    add
        What is added to cells then.

    Returns
    -------
    Effects
        The estimate is from the counts as they are; only the variance ``ab/n1^3 + cd/n2^3`` uses corrected
        cells, so that a study without events keeps a difference of exactly 0 with a variance above 0.
    """
    a, b, c, d, _, corrected = _cells(events1, n1, events2, n2, zeros, add, ratio="difference")
    e1, k1, e2, k2 = _arrays(events1, n1, events2, n2)
    v = a * b / (a + b) ** 3 + c * d / (c + d) ** 3
    return Effects("RD", e1 / k1 - e2 / k2, v, v > 0, corrected)


def se_from_interval(low: float, high: float, *, level: float = 0.95, df: float | None = None) -> float:
    """Standard error of an estimate from its confidence interval.

    Parameters
    ----------
    low, high
        Limits, on the scale on which the interval is symmetric.
    level
        Confidence level.
    df
        Degrees of freedom where the interval is known to be Student's; None for normal.

    Returns
    -------
    float
        Half the width over the quantile.

    Raises
    ------
    EvidenceError
        ``RDN-E503`` when the limits are not in order.
    """
    if not low < high:
        raise EvidenceError("RDN-E503", "the limits of an interval are not in order", value=(low, high))
    quantile = stats.norm.ppf(0.5 + level / 2) if df is None else stats.t.ppf(0.5 + level / 2, df)
    return float((high - low) / 2 / quantile)


def se_from_p(estimate: float, p: float, *, df: float | None = None) -> float | None:
    """Standard error of an estimate from its exact two-sided p value.

    Parameters
    ----------
    estimate
        The estimate, on the scale of the test; 0 gives None.
    p
        Two-sided, strictly between 0 and 1; otherwise None.
    df
        Degrees of freedom of a t test; None for a normal test.

    Returns
    -------
    float or None
        ``|estimate| / quantile``.
    """
    if estimate == 0 or not 0 < p < 1:
        return None
    quantile = stats.norm.isf(p / 2) if df is None else stats.t.isf(p / 2, df)
    return float(abs(estimate) / quantile)


def log_ratio_from_interval(
    ratio: float, low: float, high: float, *, level: float = 0.95
) -> tuple[float, float]:
    """Log of a ratio and its standard error from the ratio's interval.

    Returns
    -------
    (float, float)
        Log ratio and standard error.

    Raises
    ------
    EvidenceError
        ``RDN-E503`` for limits that are not positive or not in order.
    """
    if not 0 < low < high or ratio <= 0:
        raise EvidenceError(
            "RDN-E503", "the limits of a ratio are not positive and in order", value=(low, high)
        )
    return float(np.log(ratio)), se_from_interval(float(np.log(low)), float(np.log(high)), level=level)


def _arrays(*values: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    return tuple(np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in values)))


def _plain(measure: str, y: NDArray[np.float64], v: NDArray[np.float64]) -> Effects:
    return Effects(measure, y, v, np.isfinite(y) & (v > 0), np.zeros(y.shape, dtype=bool))


def _continuous(sd1, n1, sd2, n2) -> None:
    if not (np.all(n1 >= 2) and np.all(n2 >= 2) and np.all(sd1 > 0) and np.all(sd2 > 0)):
        raise EvidenceError("RDN-E501", "an arm needs at least 2 patients and a standard deviation above 0")


def _cells(events1, n1, events2, n2, zeros: Zeros, add: float, *, ratio: str):
    """Return the four cells, whether each study is usable, and whether it was corrected."""
    a, k1, c, k2 = _arrays(events1, n1, events2, n2)
    if not (
        np.all(a >= 0)
        and np.all(c >= 0)
        and np.all(a <= k1)
        and np.all(c <= k2)
        and np.all(k1 > 0)
        and np.all(k2 > 0)
    ):
        raise EvidenceError("RDN-E502", "counts must lie between 0 and the number in the arm")
    b, d = k1 - a, k2 - c
    usable = np.ones(a.shape, dtype=bool)
    if ratio in ("odds", "risk"):
        usable &= (a + c) > 0
    if ratio == "odds":
        usable &= (b + d) > 0
    has_zero = (a == 0) | (b == 0) | (c == 0) | (d == 0)
    corrected = {"cell": has_zero, "all": np.ones_like(has_zero), "none": np.zeros_like(has_zero)}[zeros]
    moved = np.where(corrected, add, 0.0)
    return a + moved, b + moved, c + moved, d + moved, usable, corrected
