"""What the model says about a study under given parameters: arm means without the luck of a trial.

`rodnan.trial.run` repeats a trial at its published size under one set of parameters; here many sets of parameters each
give the mean course of every arm, which calibration compares with data and validation turns into predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.disease.parameters import ParameterSet
from rodnan.errors import RodnanError
from rodnan.trial.analysis import events_by, seen
from rodnan.trial.cohort import Followed, enrol, follow_untreated
from rodnan.trial.conduct import ArmCourse, conduct_arm
from rodnan.trial.design import ENDPOINTS, TrialDesign
from rodnan.trial.harms import COUNTED
from rodnan.trial.settings import conduct_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ArmMeans", "StudyMeans", "predict_studies", "with_potencies"]

EVENTS = (*COUNTED, "withdrawal")
"""Events whose cumulative share an arm reports."""

UNTREATED_YEARS, FOLLOW_UP_YEARS = 13.0, 4.3
"""Length of the untreated courses that all studies enrol from, and of the flares beyond them."""


@dataclass(frozen=True)
class ArmMeans:
    """The mean course of one arm.

    Attributes
    ----------
    days
        int64[n_visits], 0 is entry.
    change, spread
        float64[n_visits] by endpoint: mean and between-patient sd of the change from the observed baseline, of those
        still seen (units of the endpoint).
    change_of_all
        float64[n_visits] by endpoint: the same mean over everybody enrolled, whoever has left included (readings go on
        without the drug): what an analysis that corrects for drop-out estimates.
    value_sd
        float64[n_visits] by endpoint: between-patient sd of the reading itself.
    shares
        float64[n_visits] by event: share with the event up to each visit.
    """

    days: NDArray[np.int64]
    change: Mapping[str, Array]
    change_of_all: Mapping[str, Array]
    spread: Mapping[str, Array]
    value_sd: Mapping[str, Array]
    shares: Mapping[str, Array]

    def at(self, table: Mapping[str, Array], key: str, week: float) -> float:
        """Return a number of `table` at the visit nearest to a week."""
        return float(table[key][int(np.argmin(np.abs(self.days / 7.0 - week)))])


@dataclass(frozen=True)
class StudyMeans:
    """The arms of a study under one set of parameters.

    Attributes
    ----------
    study
        Its id.
    arms
        By arm id.
    baseline
        Mean and sd of each endpoint at entry.
    effective_size
        Patients that the enrolment rests on.
    """

    study: str
    arms: Mapping[str, ArmMeans]
    baseline: Mapping[str, tuple[float, float]]
    effective_size: float


def with_potencies(design: TrialDesign, potencies: Mapping[str, float]) -> TrialDesign:
    """Return a design whose drugs have other potencies.

    Parameters
    ----------
    design
        The trial.
    potencies
        Potency by drug id, in (0, 1); drugs without one, and drugs not named, stay as they are.
    """

    def changed(model: Any) -> Any:
        if model.id not in potencies or model.potency is None:
            return model
        return replace(model, potency=replace(model.potency, value=float(potencies[model.id])))

    arms = tuple(
        replace(
            arm,
            models={name: changed(model) for name, model in arm.models.items()},
            background=tuple(replace(b, model=changed(b.model)) for b in arm.background),
        )
        for arm in design.arms
    )
    return replace(design, arms=arms)


def predict_studies(
    designs: Sequence[TrialDesign],
    parameters: ParameterSet,
    *,
    potencies: Mapping[str, float] | None = None,
    patients: int = 512,
    pool: int = 2048,
    seed: int = 1,
    followed: Followed | None = None,
    workers: int | None = None,
) -> tuple[dict[str, StudyMeans], dict[str, str]]:
    """Predict the mean course of every arm of several studies, all from one untreated pool.

    Parameters
    ----------
    designs
        Trials to predict.
    parameters
        Disease parameters.
    potencies
        Potency by drug; those on record where a drug is not named.
    patients
        Virtual patients an arm.
    pool
        Patients followed untreated from onset.
    seed
        Random streams.
    followed
        The pool, where it exists already.
    workers
        Threads.

    Returns
    -------
    means : dict
        By study id.
    failed : dict
        Why a study could not be simulated, by study id.
    """
    if followed is None:
        followed = follow_untreated(
            parameters,
            seed=seed,
            size=pool,
            years=UNTREATED_YEARS,
            follow_up_years=FOLLOW_UP_YEARS,
            workers=workers,
        )
    means: dict[str, StudyMeans] = {}
    failed: dict[str, str] = {}
    for design in designs:
        try:
            means[design.study.id] = _study(
                with_potencies(design, potencies or {}), followed, parameters, patients, seed, workers
            )
        except RodnanError as error:
            failed[design.study.id] = str(error)
    return means, failed


def _study(
    design: TrialDesign,
    followed: Followed,
    parameters: ParameterSet,
    patients: int,
    seed: int,
    workers: int | None,
) -> StudyMeans:
    conduct = conduct_settings()
    cohort = enrol(
        design,
        parameters,
        patients=patients,
        pool_size=followed.pool.draws.size,
        seed=seed,
        force=True,
        followed=followed,
        workers=workers,
    )
    arms = {
        arm.id: _means(
            conduct_arm(
                arm,
                cohort,
                parameters,
                conduct,
                study=design.study.id,
                seed=seed,
                weeks=design.weeks,
                workers=workers,
            )
        )
        for arm in design.arms
    }
    baseline = {
        name: (float(cohort.baseline[name].mean()), float(cohort.baseline[name].std(ddof=1)))
        for name in ENDPOINTS
    }
    return StudyMeans(design.study.id, arms, baseline, cohort.entry.effective_size)


def _means(course: ArmCourse) -> ArmMeans:
    visits = range(len(course.days))
    there = [seen(course, v) for v in visits]
    change, of_all, spread, value_sd = {}, {}, {}, {}
    for name in ENDPOINTS:
        values = course.observed[name]
        steps = [(values[v] - values[0])[there[v]] for v in visits]
        change[name] = np.array([s.mean() if len(s) else np.nan for s in steps])
        of_all[name] = (values - values[0]).mean(axis=1)
        spread[name] = np.array([s.std(ddof=1) if len(s) > 1 else np.nan for s in steps])
        value_sd[name] = np.array(
            [values[v][there[v]].std(ddof=1) if there[v].sum() > 1 else np.nan for v in visits]
        )
    shares = {
        event: np.array([float(events_by(course, event, float(day) / 7.0).mean()) for day in course.days])
        for event in EVENTS
    }
    return ArmMeans(course.days, change, of_all, spread, value_sd, shares)
