"""Enrolment: filters on observed values, then the least change of the pool that meets a published baseline table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.errors import PopulationError, nearest_name
from rodnan.population.candidates import Candidates
from rodnan.population.entropy import EntropyWeights, entropy_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Entry", "Moment", "Range", "effective_size", "resample", "weigh"]

MINIMUM_EFFECTIVE_SIZE = 200.0
"""A cohort that rests on fewer patients is refused unless forced."""


@dataclass(frozen=True)
class Range:
    """A filter: the observed `variable` lies in [`low`, `high`]; `soft` rounds its edges (0: hard)."""

    variable: str
    low: float = -np.inf
    high: float = np.inf
    soft: float = 0.0


@dataclass(frozen=True)
class Moment:
    """A published baseline number: mean of `variable`, and its standard deviation where given.

    Attributes
    ----------
    tolerance
        How far the weighted mean may stay from the published one, in the variable's unit.
    basis
        How the published number is known.
    """

    variable: str
    mean: float
    sd: float | None = None
    tolerance: float | None = None
    basis: str = "assumed"


@dataclass(frozen=True)
class Entry:
    """Weighted candidates.

    Attributes
    ----------
    candidates
        Those that pass every filter.
    weights
        float64[m], sum one.
    effective_size
        Kish's effective number of patients: a patient's weight is the sum over the times at which he could enter.
    moments
        Rows of ``variable, published mean and sd, weighted mean and sd``.
    """

    candidates: Candidates
    weights: Array
    effective_size: float
    moments: tuple[Mapping[str, float | str | None], ...]


def effective_size(patient: NDArray[np.int64], weights: Array) -> float:
    """Return Kish's effective number of patients, ``(sum w)^2 / sum w^2`` over patients."""
    total = np.bincount(patient, weights)
    return float(total.sum() ** 2 / np.square(total).sum())


def weigh(
    pool: Candidates,
    filters: Sequence[Range],
    moments: Sequence[Moment],
    *,
    where: str,
    force: bool = False,
) -> Entry:
    """Select and weight candidates for a study.

    Parameters
    ----------
    pool
        All candidates.
    filters
        Inclusion criteria on observed values.
    moments
        Published baseline table.
    where
        Study, for messages.
    force
        Accept an effective size below 200.

    Returns
    -------
    Entry

    Raises
    ------
    PopulationError
        RDN-P001 for a variable that no candidate has, RDN-P002 when nobody passes the filters, RDN-P003 when the
        effective size is below 200 and `force` is not set.
    """
    for variable in [f.variable for f in filters] + [m.variable for m in moments]:
        if variable not in pool.values:
            raise PopulationError(
                "RDN-P001",
                "virtual patients have no such baseline variable",
                where=where,
                value=variable,
                nearest=nearest_name(variable, pool.values),
            )
    base = np.ones(len(pool.patient))
    for rule in filters:
        base = base * _pass(pool.values[rule.variable], rule)
    kept = np.flatnonzero(base > 1e-6)
    if not len(kept):
        raise PopulationError("RDN-P002", "no virtual patient meets the inclusion criteria", where=where)
    chosen, base = pool.take(kept), base[kept]
    features, tolerance = _features(chosen, moments)
    solved = entropy_weights(features, tolerance, base) if moments else _plain(base)
    size = effective_size(chosen.patient, solved.weights)
    if size < MINIMUM_EFFECTIVE_SIZE and not force:
        raise PopulationError(
            "RDN-P003",
            f"the cohort rests on too few patients (effective size {size:.0f}, at least "
            f"{MINIMUM_EFFECTIVE_SIZE:.0f} needed): enlarge the pool, or force the run",
            where=where,
        )
    return Entry(chosen, solved.weights, size, tuple(_row(chosen, solved.weights, m) for m in moments))


def _pass(values: Array, rule: Range) -> Array:
    if rule.soft <= 0:
        return ((values >= rule.low) & (values <= rule.high)).astype(float)
    from scipy.special import expit

    return expit((values - rule.low) / rule.soft) * expit((rule.high - values) / rule.soft)


def _plain(base: Array) -> EntropyWeights:
    return EntropyWeights(base / base.sum(), np.zeros(0), np.zeros(0), 0)


def _features(chosen: Candidates, moments: Sequence[Moment]) -> tuple[Array, Array]:
    """Return the features, scaled to about one, and their tolerances: means, and squares where an sd is given."""
    columns, tolerances = [], []
    for m in moments:
        values = chosen.values[m.variable]
        scale = m.sd or max(float(values.std()), 1e-6)
        columns.append((values - m.mean) / scale)
        tolerances.append((m.tolerance / scale) if m.tolerance else 0.05)
        if m.sd:
            columns.append(((values - m.mean) / m.sd) ** 2 - 1.0)
            tolerances.append(0.10)
    if not columns:
        return np.zeros((len(chosen.patient), 0)), np.zeros(0)
    return np.column_stack(columns), np.array(tolerances)


def _row(chosen: Candidates, weights: Array, moment: Moment) -> Mapping[str, float | str | None]:
    values = chosen.values[moment.variable]
    mean = float(weights @ values)
    sd = float(np.sqrt(weights @ (values - mean) ** 2))
    return {
        "variable": moment.variable,
        "basis": moment.basis,
        "published_mean": moment.mean,
        "published_sd": moment.sd,
        "mean": mean,
        "sd": sd,
    }


def resample(weights: Array, count: int, uniform: float) -> NDArray[np.int64]:
    """Return `count` indices by systematic resampling: each index about ``count x weight`` times.

    Parameters
    ----------
    weights
        float64[m], sum one.
    count
        Patients to enrol.
    uniform
        One number in (0, 1) that shifts the comb.
    """
    positions = (np.arange(count) + uniform) / count
    return np.minimum(np.searchsorted(np.cumsum(weights), positions), len(weights) - 1)
