"""Weighted untreated courses of a study's entrants: what the pool says happens to them next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease import readouts
from rodnan.evidence import load_study
from rodnan.population.candidates import Candidates, MeasurementErrors, candidates, measure_pool
from rodnan.population.enrol import Entry, weigh
from rodnan.population.entries import entry_rules, study_entry
from rodnan.population.pool import Pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["SOFT", "Courses", "EnteredCourses"]

SOFT = {
    "fvc_pct_pred": 1.5,
    "mrss": 1.0,
    "disease_duration": 0.1,
    "lung_load": 1.0,
    "il6": 0.05,
    "dlco_pct_pred": 1.5,
}
"""Widths over which soft filters rise, in the variables' units."""


_WHOLE_RECORD = ("sls-1", "sls-2")
"""Studies whose own baseline table is complete enough to enrol to."""


class Courses:
    """A pool with its readings, observed and true, and its candidates.

    Parameters
    ----------
    pool
        Untreated courses.
    soft
        Round the edges of filters, so that results change smoothly with parameters.
    """

    def __init__(self, pool: Pool, *, soft: bool = False) -> None:
        self.pool = pool
        self.soft = soft
        self.errors: MeasurementErrors = measure_pool(pool)
        self.step_days = int(pool.days[1] - pool.days[0])

    @cached_property
    def mrss(self) -> Array:
        """True mRSS, float64[n_times, n]."""
        return self.pool.mrss()

    @cached_property
    def fvc(self) -> Array:
        """True FVC (%), float64[n_times, n]."""
        return self.pool.fvc()

    @cached_property
    def observed_mrss(self) -> Array:
        """Observed mRSS, float64[n_times, n]."""
        p = self.pool.parameters
        return readouts.observe_mrss(self.mrss, self.errors.rater, self.errors.within, p["sd_mrss_within"])

    @cached_property
    def observed_fvc(self) -> Array:
        """Observed FVC (%), float64[n_times, n]."""
        return readouts.observe_fvc(self.fvc, self.errors.fvc, self.pool.parameters["sd_fvc_noise"])

    @cached_property
    def everyone(self) -> Candidates:
        """All candidates after the first symptom."""
        return candidates(self.pool, self.errors)

    def enter(self, study: str, room_years: float) -> EnteredCourses:
        """Weight the candidates to a study's entry rules, keeping those with `room_years` of course ahead."""
        rules = study_entry(load_study(study))[0] if study in _WHOLE_RECORD else entry_rules(study)
        last = self.pool.days[-1] - room_years * 365.25
        ahead = self.everyone.take(np.flatnonzero(self.pool.days[self.everyone.time] <= last))
        filters = rules.softened(SOFT) if self.soft else rules.filters
        return EnteredCourses(self, weigh(ahead, filters, rules.moments, where=study, force=True))


@dataclass(frozen=True)
class EnteredCourses:
    """A study's entrants, untreated.

    Attributes
    ----------
    courses
        The pool they come from.
    entry
        Candidates and weights.
    """

    courses: Courses
    entry: Entry

    def _later(self, days: float) -> NDArray[np.int64]:
        return self.entry.candidates.time + round(days / self.courses.step_days)

    def at(self, table: Array, days: float = 0.0) -> Array:
        """Return a reading some days after entry, float64[m]; `table` is float64[n_times, n]."""
        return table[self._later(days), self.entry.candidates.patient]

    def change(self, table: Array, days: float) -> Array:
        """Return the change of a reading from entry, float64[m]."""
        return self.at(table, days) - self.at(table)

    def mean(self, values: Array, among: Array | None = None) -> float:
        """Return the weighted mean, of those `among` (0/1) where given."""
        weights = self.entry.weights if among is None else self.entry.weights * among
        total = weights.sum()
        return float(weights @ values / total) if total > 0 else float("nan")

    def share(self, condition: NDArray[np.bool_], among: Array | None = None) -> float:
        """Return the weighted share in percent."""
        return 100.0 * self.mean(condition.astype(float), among)

    def median_score(self, values: Array) -> float:
        """Return the weighted median of whole-number scores, interpolated within the score (as for grouped data)."""
        scores = np.arange(0, 52)
        share = np.array([self.entry.weights[values == s].sum() for s in scores])
        before = np.cumsum(share) - share
        middle = int(np.searchsorted(np.cumsum(share), 0.5 * share.sum()))
        return float(scores[middle] - 0.5 + (0.5 * share.sum() - before[middle]) / share[middle])

    def quantile(self, values: Array, level: float) -> float:
        """Return a weighted quantile."""
        order = np.argsort(values, kind="stable")
        cumulative = np.cumsum(self.entry.weights[order])
        return float(values[order][np.searchsorted(cumulative, level * cumulative[-1])])
