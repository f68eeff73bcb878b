"""What stands beside the patients of a series: the trial's own effects, integrated out, and its counts of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.series import CountRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["DRIFTS", "LEVELS", "counts_log_density", "integrated"]

LEVELS = np.linspace(-10.0, 10.0, 9)
"""Trial effects on the level of FVC at which an arm is evaluated, % of predicted."""

DRIFTS = np.linspace(-7.5, 7.5, 7)
"""The same on its drift, % of predicted a year; a patient's own drift has steps as large."""

_POINTS = np.linspace(-4.0, 4.0, 33)
_CHANCES = np.exp(-0.5 * _POINTS**2) / np.exp(-0.5 * _POINTS**2).sum()


def integrated(
    logs: Sequence[Array], level: float, drift: float, arm: float, scales: tuple[Array, Array]
) -> float:
    """Return the log likelihood of a trial's arms, its effects integrated out.

    As in `rodnan.calibration.bayes.likelihood`: given the trial's scale lambda, a level common to the arms N(0, lambda
    level^2), a drift N(0, lambda drift^2) and an effect of each arm N(0, lambda arm^2).

    Parameters
    ----------
    logs
        float64[levels, drifts] of each arm (`ArmGrid.log`).
    level, drift, arm
        Spreads between trials.
    scales
        Values of lambda and their probabilities.
    """
    from scipy.interpolate import RectBivariateSpline

    best = [float(log.max()) for log in logs]
    splines: list[Any] = [RectBivariateSpline(LEVELS, DRIFTS, log) for log in logs]
    total: list[float] = []
    for scale, chance in zip(*scales, strict=True):
        root = float(np.sqrt(scale))
        b, c = root * level * _POINTS, root * arm * _POINTS
        v = np.clip(root * drift * _POINTS, DRIFTS[0], DRIFTS[-1])
        where = np.clip((b[:, None] + c).ravel(), LEVELS[0], LEVELS[-1])
        order = np.argsort(where)
        together = np.zeros((len(b), len(v)))
        for spline, top in zip(splines, best, strict=True):
            found = np.empty((len(where), len(v)))
            found[order] = spline(where[order], v)
            density = np.exp(np.minimum(found - top, 1.0)).reshape(len(b), len(c), len(v))
            together += np.log(np.maximum(np.einsum("c,bcv->bv", _CHANCES, density), 1e-300))
        weights = np.log(chance) + np.log(_CHANCES)[:, None] + np.log(_CHANCES)
        total.append(np.logaddexp.reduce((together + weights).ravel()))
    return float(np.logaddexp.reduce(total)) + sum(best)


def counts_log_density(shares: Mapping[str, float], rows: Sequence[CountRow], correlation: float) -> float:
    """Return the log probability of counts, the correlation between studies integrated out.

    Beta-binomial; the intra-class correlation has a half-normal prior and is common to the counts.

    Parameters
    ----------
    shares
        Share of the model by ``<arm>/<event>/<week>``.
    rows
        The counts.
    correlation
        Scale of the prior.
    """
    from scipy.special import betaln, gammaln

    rho = correlation * (np.arange(40) + 0.5) / 10.0
    weight = np.exp(-0.5 * (rho / correlation) ** 2)
    log = np.log(weight / weight.sum())
    for row in rows:
        share = 0.001 + 0.998 * min(max(shares[f"{row.arm}/{row.event}/{row.week:g}"], 0.0), 1.0)
        a, b = share / rho, (1.0 - share) / rho
        ways = gammaln(row.of + 1) - gammaln(row.value + 1) - gammaln(row.of - row.value + 1)
        log = log + ways + betaln(row.value + a, row.of - row.value + b) - betaln(a, b)
    return float(np.logaddexp.reduce(log))
