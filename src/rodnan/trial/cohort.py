"""The enrolled cohort: who enters, in what state, with what readings; shared by all arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.parameters import ParameterSet
from rodnan.engine.keys import uniforms
from rodnan.population.candidates import Candidates, MeasurementErrors, candidates, measure_pool
from rodnan.population.enrol import Entry, resample, weigh
from rodnan.population.pool import Pool, draw_pool, flare_inputs, simulate_pool
from rodnan.trial.design import TrialDesign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Cohort", "Followed", "enrol", "follow_untreated"]


@dataclass(frozen=True)
class Cohort:
    """Patients of a virtual trial, in the order of their numbers.

    Attributes
    ----------
    patients
        int64[n], patient numbers of the study.
    individual, other, covariates
        Patient parameters and covariates.
    state
        float64[n, 33], state at entry.
    flares
        float64[days, n] by name, each patient's own flares from entry on.
    rater
        float64[n], offset of the skin score's rater at entry.
    baseline
        float64[n] by endpoint, observed at entry.
    entry
        Weighted candidates they come from.
    pool_size
        Patients in the pool.
    duration
        float64[n], years since the first symptom at entry.
    """

    patients: NDArray[np.int64]
    individual: Array
    other: Mapping[str, Array]
    covariates: Mapping[str, Array]
    state: Array
    flares: Mapping[str, Array]
    rater: Array
    baseline: Mapping[str, Array]
    entry: Entry
    pool_size: int
    duration: Array

    def own(self, name: str) -> Array:
        """Return one patient parameter, float64[n]."""
        return self.individual[:, INDIVIDUAL.index(name)]


@dataclass(frozen=True)
class Followed:
    """A pool followed untreated from onset, with its readings: what several studies can enrol from.

    Attributes
    ----------
    pool, errors
        Courses and their errors of measurement.
    everyone
        Every patient at every time.
    """

    pool: Pool
    errors: MeasurementErrors
    everyone: Candidates


def follow_untreated(
    parameters: ParameterSet,
    *,
    seed: int,
    size: int,
    years: float = 13.5,
    follow_up_years: float = 2.3,
    workers: int | None = None,
    device: str = "cpu",
) -> Followed:
    """Follow a pool untreated from onset.

    Parameters
    ----------
    parameters
        Disease parameters.
    seed, size
        Whose courses.
    years
        Length of the untreated course.
    follow_up_years
        How far flare paths reach beyond it.
    workers
        Threads.
    device
        ``cpu`` or ``gpu``, where the disease is computed.

    Returns
    -------
    Followed
    """
    draws = draw_pool(seed, size, years=years, follow_up_years=follow_up_years)
    pool = simulate_pool(parameters, draws, workers=workers, device=device)
    errors = measure_pool(pool)
    return Followed(pool, errors, candidates(pool, errors))


def enrol(
    design: TrialDesign,
    parameters: ParameterSet,
    *,
    patients: int,
    pool_size: int,
    seed: int,
    force: bool = False,
    followed: Followed | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda line: None,
) -> Cohort:
    """Enrol a cohort for a trial.

    Parameters
    ----------
    design
        The trial.
    parameters
        Disease parameters.
    patients
        Patients to enrol (each arm treats all of them).
    pool_size
        Patients followed untreated from onset.
    seed
        The user's seed.
    force
        Accept an effective sample size below 200.
    followed
        An untreated pool to enrol from, for several studies of the same people; drawn for this one where None.
    workers
        Threads.
    device
        ``cpu`` or ``gpu``, where the disease is computed.
    progress
        Takes a line of progress.

    Returns
    -------
    Cohort
    """
    longest = next((f.high for f in design.entry.filters if f.variable == "disease_duration"), 10.0)
    days = design.weeks * 7 + 28
    if followed is None:
        progress(f"following {pool_size} virtual patients untreated from onset")
        followed = follow_untreated(
            parameters,
            seed=seed,
            size=pool_size,
            years=min(longest, 12.0) + 1.5,
            follow_up_years=days / 365.25 + 0.2,
            workers=workers,
            device=device,
        )
    pool, errors = followed.pool, followed.errors
    entry = weigh(
        followed.everyone,
        design.entry.filters,
        design.entry.moments,
        where=design.study.id,
        force=force,
    )
    progress(f"enrolling {patients} (effective sample size {entry.effective_size:.0f})")
    comb = float(uniforms(seed, design.study.id, "enrolment", np.zeros(1, np.int64), 1)[0, 0])
    chosen = resample(entry.weights, patients, comb)
    order = np.argsort(
        uniforms(seed, design.study.id, "randomisation", np.arange(patients), 1)[:, 0], kind="stable"
    )
    chosen = chosen[order]
    who, when = entry.candidates.patient[chosen], entry.candidates.time[chosen]
    return Cohort(
        patients=np.arange(patients),
        individual=pool.individual[who],
        other={name: value[who] for name, value in pool.other.items()},
        covariates={name: value[who] for name, value in pool.draws.covariates.items()},
        state=pool.states[when, who],
        flares=flare_inputs(pool.flares, pool.days[when], who, days),
        rater=errors.rater[when, who],
        baseline={name: entry.candidates.values[name][chosen] for name in ("mrss", "fvc_pct_pred")},
        entry=entry,
        pool_size=pool.draws.size,
        duration=entry.candidates.values["disease_duration"][chosen],
    )
