"""The likelihood of a patient series as a mixture over virtual patients, with informative drop-out.

Patient i of an arm, with readings y_i0, y_i1, ... at months t, fibrosis score k_i and what ended the follow-up d_i, is one
of the arm's virtual patients j, each with the same probability, up to a level o and a drift u of his own:

    L_i = sum_j S_j p(k_i | j) p(d_i | j) int prod_t T((y_it - F_j(t) - o - u t - e(t)) / s) N(o; 0, w^2) do
          / sum_j S_j p(k_i | j) int T((y_i0 - F_j(0) - o) / s) N(o; 0, w^2) do,

S_j the chance of still being followed when the series begins, so that L_i is the density of what came after entry given the
reading and the score at entry and that the patient was followed so long. T is Student's density; u is averaged over on a
few steps. p(d_i | j) comes from the chances of leaving that the trial's conduct draws from, along the course of j.
e(t) = level + drift t is the trial's own effect on the arm; the log likelihood of an arm is kept on a grid of both and
integrated over their distribution later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.calibration.bayes.series import Patient
from rodnan.calibration.bayes.series_effects import DRIFTS, LEVELS
from rodnan.pharmacology.linear import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "ArmGrid",
    "Noise",
    "VirtualArm",
    "arm_grid",
    "patient_weights",
    "pooled_error",
]

_STEP, _WIDTH = 0.75, 3.5
"""Grid over a patient's own level: step in scales of the reading error, half-width in standard deviations."""

_MONTH = 365.25 / 12.0


@dataclass(frozen=True)
class Noise:
    """Errors of a reading and of the likeness of two patients.

    Attributes
    ----------
    scale, degrees
        Of Student's distribution of a reading (% of predicted).
    offset_sd, drift_sd
        Standard deviations of a patient's own level (% of predicted) and drift (a year).
    extent_log_sd
        Reading error of the fibrosis score, on the log of the extent of lung disease.
    """

    scale: float
    degrees: float
    offset_sd: float
    drift_sd: float
    extent_log_sd: float


@dataclass(frozen=True)
class VirtualArm:
    """Virtual patients of one arm, none of whom has left.

    Attributes
    ----------
    days
        float64[v], day of each visit, 0 first.
    fvc
        float64[v, n], true FVC (% of predicted).
    failing, dropping
        float64[v, n], chance of death or treatment failure, and of dropping out, at each visit; row 0 is 0.
    extent
        float64[n], extent of lung disease at entry (positive).
    person
        int64[n], person of the untreated pool that each came from: the same person may come more than once.
    """

    days: Array
    fvc: Array
    failing: Array
    dropping: Array
    extent: Array
    person: NDArray[np.int64]


@dataclass(frozen=True)
class ArmGrid:
    """Log likelihood of an arm's patients, and how well it is known.

    Attributes
    ----------
    log
        float64[levels, drifts], at `LEVELS` and `DRIFTS`.
    influence
        float64[n], part of each virtual patient in the Monte-Carlo error, at the best trial effect of the grid.
    effective
        float64[patients], effective number of persons that each patient is likened to, there.
    bias
        Expected error of a log of a mean, summed over patients (negative).
    """

    log: Array
    influence: Array
    effective: Array
    bias: float


@compiled()
def _mixture(y, there, base, rate, fvc, log_weight, grid, grid_weight, scale, degrees, level, drift, out):
    """Write the weight of every virtual patient (columns) for every patient (rows), without constants."""
    n, m = out.shape
    visits = y.shape[1]
    power = -0.5 * (degrees + 1.0)
    inverse = 1.0 / (scale * np.sqrt(degrees))
    points = grid * inverse
    product = np.empty(points.shape[0])
    for i in range(n):
        for j in range(m):
            product[:] = 1.0
            for t in range(visits):
                if there[i, t]:
                    r = (y[i, t] - fvc[j, t] - base[t] * level - rate[t] * drift) * inverse
                    for k in range(points.shape[0]):
                        x = r - points[k]
                        product[k] *= 1.0 + x * x
            total = 0.0
            if degrees == 3.0:
                for k in range(points.shape[0]):
                    total += grid_weight[k] / (product[k] * product[k])
            else:
                for k in range(points.shape[0]):
                    total += grid_weight[k] * product[k] ** power
            out[i, j] = total * np.exp(log_weight[i, j])


def _student_constant(noise: Noise) -> float:
    from scipy.special import gammaln

    nu = noise.degrees
    return float(gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi) - np.log(noise.scale))


def _own_levels(noise: Noise) -> tuple[Array, Array]:
    """Return a grid over a patient's own level and the probability of each point (trapezoid rule)."""
    half = int(np.ceil(_WIDTH * noise.offset_sd / (_STEP * noise.scale)))
    grid = np.arange(-half, half + 1).astype(np.float64) * (_STEP * noise.scale)
    weight: Array = np.exp(-0.5 * np.square(grid / noise.offset_sd))
    return grid, weight / weight.sum()


def _own_drifts(noise: Noise) -> tuple[Array, Array]:
    """Return a patient's own drifts, as steps of `DRIFTS`, and their probabilities."""
    step = float(DRIFTS[1] - DRIFTS[0])
    half = int(np.floor(2.5 * noise.drift_sd / step))
    steps = np.arange(-half, half + 1).astype(np.float64) * step
    weight: Array = np.exp(-0.5 * np.square(steps / noise.drift_sd))
    return steps, weight / weight.sum()


@dataclass(frozen=True)
class _Table:
    """Readings of patients on a common list of months."""

    months: Array
    y: Array
    there: NDArray[np.bool_]


def _readings(patients: Sequence[Patient]) -> _Table:
    months = sorted({month for p in patients for month in p.months})
    y, there = np.zeros((len(patients), len(months))), np.zeros((len(patients), len(months)), bool)
    for i, p in enumerate(patients):
        at = [months.index(month) for month in p.months]
        y[i, at], there[i, at] = p.fvc, True
    return _Table(np.array(months), y, there)


def _at(days: Array, table: Array, months: Array) -> Array:
    """Return a table over visits, float64[v, n], interpolated at months: float64[n, months]."""
    when = np.clip(months * _MONTH, days[0], days[-1])
    k = np.clip(np.searchsorted(days, when, side="right") - 1, 0, len(days) - 2)
    share = ((when - days[k]) / (days[k + 1] - days[k]))[:, None]
    return ((1.0 - share) * table[k] + share * table[k + 1]).T


def follow_up_log(
    patients: Sequence[Patient], arm: VirtualArm, from_month: float, *, informative: bool = True
) -> tuple[Array, Array]:
    """Return log chances of follow-up of every patient (rows) as every virtual patient (columns).

    Parameters
    ----------
    patients
        With what ended their follow-up; an event in month m happened after month m - 1.
    arm
        Virtual patients.
    from_month
        Month up to which everybody was followed.
    informative
        False: drop-out is left out, only being followed to `from_month` counts.

    Returns
    -------
    pattern : float64[patients, n]
        Of being followed to `from_month` and then as long as the patient was, with what ended it.
    followed : float64[n]
        Of being followed to `from_month`.
    """
    tiny = 1e-12
    fails = np.cumsum(-np.log(np.maximum(1.0 - arm.failing, tiny)), axis=0)
    drops = np.cumsum(-np.log(np.maximum(1.0 - arm.dropping, tiny)), axis=0)
    followed = -_at(arm.days, fails + drops, np.array([from_month]))[:, 0]
    if not informative:
        return np.broadcast_to(followed, (len(patients), len(followed))), followed
    last = np.array([p.last for p in patients])
    event = np.array([p.event for p in patients])
    since = np.where(event > 0, np.maximum(last - 1.0, from_month), last)
    before = _at(arm.days, fails + drops, since).T
    each = [_at(arm.days, table, last).T - _at(arm.days, table, since).T for table in (fails, drops)]
    both = np.maximum(each[0] + each[1], tiny)
    own = np.where((event == 1)[:, None], each[0], each[1])
    ends = np.log(-np.expm1(-both)) + np.log(np.maximum(own, tiny) / both)
    return -before + np.where((event > 0)[:, None], ends, 0.0), followed


def fibrosis_log(
    patients: Sequence[Patient], among: Sequence[Patient], arm: VirtualArm, noise: Noise
) -> Array:
    """Return the log probability of every patient's fibrosis score as every virtual patient, float64[patients, n].

    The score is the extent of lung disease read with an error, cut where the shares of the scores in `among` ask for.

    Parameters
    ----------
    patients, among
        Patients of the arm, and all patients of the series.
    arm, noise
        Virtual patients; reading error.
    """
    from scipy.special import ndtr, ndtri

    log = np.log(np.maximum(arm.extent, 1e-6))
    middles = ndtri((np.arange(9) + 0.5) / 9.0)
    read = np.sort((log[:, None] + noise.extent_log_sd * middles).ravel())
    shares = np.cumsum([np.mean([p.fibrosis == k for p in among]) for k in range(5)])
    cuts = np.concatenate([[-np.inf], np.quantile(read, np.minimum(shares[:4], 1.0)), [np.inf]])
    below = ndtr((cuts[:, None] - log) / noise.extent_log_sd)
    chance = np.maximum(np.diff(below, axis=0), 1e-12)
    return np.log(chance[[p.fibrosis for p in patients]])


def patient_weights(
    patients: Sequence[Patient],
    arm: VirtualArm,
    noise: Noise,
    *,
    among: Sequence[Patient] | None = None,
    from_month: float = 6.0,
    level: float = 0.0,
    drift: float = 0.0,
    informative: bool = True,
) -> tuple[Array, Array]:
    """Return the two sums of the likelihood before they are summed.

    Parameters
    ----------
    patients
        Patients of one arm.
    arm
        Its virtual patients.
    noise
        Errors.
    among
        All patients of the series, whose fibrosis scores set the cuts; the score is not looked at when None.
    from_month
        Month up to which everybody was followed.
    level, drift
        Effect of the trial on the change (% of predicted, and a year).
    informative
        Whether drop-out is in the likelihood.

    Returns
    -------
    numerator, denominator : float64[patients, n]
        Log likelihood of patient i: the log of the quotient of the sums of row i.
    """
    prepared = _prepare(patients, arm, noise, among, from_month, informative)
    return _numerator(prepared, level, drift), _denominator(prepared)


@dataclass(frozen=True)
class _Prepared:
    table: _Table
    fvc: Array
    pattern: Array
    entry: Array
    grid: tuple[Array, Array]
    noise: Noise


def _prepare(
    patients: Sequence[Patient],
    arm: VirtualArm,
    noise: Noise,
    among: Sequence[Patient] | None,
    from_month: float,
    informative: bool,
) -> _Prepared:
    table = _readings(patients)
    pattern, followed = follow_up_log(patients, arm, from_month, informative=informative)
    score = 0.0 if among is None else fibrosis_log(patients, among, arm, noise)
    constant = _student_constant(noise)
    n = len(followed)
    entry = np.ascontiguousarray(np.broadcast_to(followed + score + constant, (len(patients), n)))
    seen = constant * table.there.sum(axis=1)[:, None]
    return _Prepared(
        table,
        np.ascontiguousarray(_at(arm.days, arm.fvc, table.months)),
        np.ascontiguousarray(np.broadcast_to(pattern + score + seen, (len(patients), n))),
        entry,
        _own_levels(noise),
        noise,
    )


def _numerator(p: _Prepared, level: float, drift: float) -> Array:
    """Return the sum over a patient's own drifts, float64[patients, n]."""
    total = np.zeros(p.pattern.shape)
    for step, chance in zip(*_own_drifts(p.noise), strict=True):
        total += chance * _shifted(p, level, drift + step)
    return total


def _shifted(p: _Prepared, level: float, drift: float) -> Array:
    out, noise = np.empty(p.pattern.shape), p.noise
    base = (p.table.months > 0).astype(float)
    _mixture(
        p.table.y, p.table.there, base, p.table.months / 12.0, p.fvc, p.pattern, *p.grid,
        noise.scale, noise.degrees, level, drift, out,
    )  # fmt: skip
    return out


def _denominator(p: _Prepared) -> Array:
    out, noise = np.empty(p.entry.shape), p.noise
    first = np.zeros(1)
    _mixture(
        p.table.y[:, :1].copy(), p.table.there[:, :1].copy(), first, first, p.fvc[:, :1].copy(), p.entry, *p.grid,
        noise.scale, noise.degrees, 0.0, 0.0, out,
    )  # fmt: skip
    return out


def arm_grid(
    patients: Sequence[Patient],
    arm: VirtualArm,
    noise: Noise,
    *,
    among: Sequence[Patient] | None = None,
    from_month: float = 6.0,
    informative: bool = True,
) -> ArmGrid:
    """Return the log likelihood of an arm on the grid of trial effects, and its Monte-Carlo error.

    Parameters
    ----------
    patients, arm, noise, among, from_month, informative
        See `patient_weights`.
    """
    prepared = _prepare(patients, arm, noise, among, from_month, informative)
    below = _denominator(prepared)
    entry = np.log(below.sum(axis=1)).sum()
    steps, chances = _own_drifts(noise)
    wider = np.concatenate([DRIFTS[0] + steps[steps < 0], DRIFTS, DRIFTS[-1] + steps[steps > 0]])
    log = np.empty((len(LEVELS), len(DRIFTS)))
    for a, level in enumerate(LEVELS):
        sums = np.array([_shifted(prepared, float(level), float(drift)).sum(axis=1) for drift in wider])
        for b in range(len(DRIFTS)):
            above = chances @ sums[b : b + len(steps)]
            log[a, b] = np.log(np.maximum(above, 1e-300)).sum() - entry
    a, b = np.unravel_index(np.argmax(log), log.shape)
    above = _numerator(prepared, float(LEVELS[a]), float(DRIFTS[b]))
    p, q = (w / w.sum(axis=1, keepdims=True) for w in (above, below))
    _, group = np.unique(arm.person, return_inverse=True)
    groups = [_grouped(w, group) for w in (p, q)]
    even = np.bincount(group) / len(group)
    variance = [((w - even) ** 2).sum(axis=1) for w in groups]
    return ArmGrid(
        log,
        (p - q).sum(axis=0),
        1.0 / (groups[0] ** 2).sum(axis=1),
        -0.5 * float((variance[0] - variance[1]).sum()),
    )


def _grouped(rows: Array, group: NDArray[np.int64]) -> Array:
    return np.array([np.bincount(group, weights=row) for row in rows], dtype=np.float64)


def pooled_error(grids: Sequence[ArmGrid], person: NDArray[np.int64]) -> float:
    """Return the Monte-Carlo standard error of the sum of the arms' log likelihoods.

    Parameters
    ----------
    grids
        Of arms that treat the same virtual patients.
    person
        int64[n], who comes from which person of the pool; persons are independent.
    """
    _, group = np.unique(person, return_inverse=True)
    total = np.sum([g.influence for g in grids], axis=0)
    return float(np.sqrt((np.bincount(group, weights=total) ** 2).sum()))
