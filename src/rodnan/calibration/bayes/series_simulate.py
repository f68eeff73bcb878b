"""From a point of the parameters to the likelihood of the patient series: both arms of its study, none leaving."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.series import Series, series_settings
from rodnan.calibration.bayes.series_factor import SeriesValues
from rodnan.calibration.bayes.series_likelihood import Noise, VirtualArm, arm_grid, pooled_error
from rodnan.calibration.bayes.simulate import Size, resumed, split_point
from rodnan.disease import readouts
from rodnan.errors import CalibrationError
from rodnan.trial.cohort import Cohort, enrol
from rodnan.trial.conduct import ArmCourse, conduct_arm
from rodnan.trial.design import design_from_study
from rodnan.trial.leaving import LeavingChances, watched
from rodnan.trial.predict import with_potencies
from rodnan.trial.settings import Conduct, conduct_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "evaluate_series",
    "fall_chances",
    "run_series",
    "series_noise",
    "series_size",
    "virtual_arms",
]

_READINGS = 16
"""Points of the reading error at entry over which the chance of a confirmed fall is averaged."""


def series_size() -> Size:
    """Return the recorded number of virtual patients of an evaluation."""
    values = series_settings().values
    return Size(int(values["pool"]), int(values["patients_per_arm"]))


def series_noise(scale: float) -> Noise:
    """Return the recorded errors, with the scale of a reading that the disease parameters hold (% of predicted)."""
    values = series_settings().values
    return Noise(scale, *(values[name] for name in ("degrees", "offset_sd", "drift_sd", "extent_log_sd")))


def fall_chances(fvc: Array, noise: Noise, conduct: Conduct) -> Array:
    """Return the chance of a newly confirmed fall of measured FVC at each visit, float64[v, n].

    What `rodnan.trial.leaving.confirmed_fall` decides on readings, averaged over their errors.

    Parameters
    ----------
    fvc
        float64[v, n], true FVC (% of predicted) at visits; row 0 is entry.
    noise
        Errors of a reading.
    conduct
        Settings.
    """
    from scipy.special import stdtr, stdtrit

    keep = 1.0 - conduct["failure_fvc_fall"] / 100.0
    errors = noise.scale * stdtrit(noise.degrees, (np.arange(_READINGS) + 0.5) / _READINGS)
    total = np.zeros(fvc.shape)
    for error in errors:
        fell = stdtr(noise.degrees, (keep * (fvc[0] + error) - fvc) / noise.scale)
        fell[0] = 0.0
        before = np.concatenate([np.zeros((2, fvc.shape[1])), fell])[: len(fvc)]
        total[1:] += fell[1:] * fell[:-1] * (1.0 - before[1:])
    early = np.arange(len(fvc)) * conduct["visit_days"] < 7 * conduct["failure_from_week"]
    total[early] = 0.0
    return total / _READINGS


@dataclass(frozen=True)
class _Conducted:
    arms: Mapping[str, VirtualArm]
    courses: Mapping[str, ArmCourse]


def virtual_arms(
    point: Mapping[str, float],
    *,
    seed: int,
    size: Size | None = None,
    workers: int | None = None,
) -> dict[str, VirtualArm]:
    """Simulate the arms of the series' study at a point; the same seed means the same people.

    Parameters
    ----------
    point
        Physical values by name.
    seed
        Random streams.
    size
        Virtual patients; those on record when None.
    workers
        Threads.
    """
    return dict(_conducted(point, seed, size or series_size(), workers).arms)


def _conducted(point: Mapping[str, float], seed: int, size: Size, workers: int | None) -> _Conducted:
    parameters, potencies = split_point(point)
    study = series_settings().study
    design = with_potencies(_design(study), potencies)
    conduct = conduct_settings()
    noise = series_noise(parameters["sd_fvc_noise"])
    cohort = enrol(
        design,
        parameters,
        patients=size.patients,
        pool_size=size.pool,
        seed=seed,
        force=True,
        workers=workers,
    )
    g_s, g_l = cohort.own("g_s"), cohort.own("g_l")
    entry = readouts.fvc_pct_pred(parameters, cohort.state, g_s, g_l, cohort.other["fvc_healthy"])
    extent = readouts.lung_load(parameters, cohort.state, g_l)
    arms, courses = {}, {}
    for arm in design.arms:
        lungs, chances = [entry], []

        def watch(day: int, lung: Array, found: LeavingChances, lungs=lungs, chances=chances) -> None:
            lungs.append(lung)
            chances.append(found)

        with watched(watch):
            course = conduct_arm(
                arm,
                cohort,
                parameters,
                conduct,
                study=study,
                seed=seed,
                weeks=design.weeks,
                stay=True,
                workers=workers,
            )
        fvc = np.array(lungs)
        failure = conduct["failure_leaves"] * fall_chances(fvc, noise, conduct)
        none = np.zeros((1, len(entry)))
        arms[arm.id] = VirtualArm(
            days=course.days.astype(np.float64),
            fvc=fvc,
            failing=np.concatenate([none, [c.failing(f) for c, f in zip(chances, failure[1:], strict=True)]]),
            dropping=np.concatenate([none, [c.dropping_out() for c in chances]]),
            extent=extent,
            person=_persons(cohort),
        )
        courses[arm.id] = course
    return _Conducted(arms, courses)


def _design(study: str) -> Any:
    from rodnan.evidence import load_study

    return design_from_study(load_study(study))


def _persons(cohort: Cohort) -> NDArray[np.int64]:
    """Return which patients are the same person of the pool, at whatever time, int64[n]."""
    _, person = np.unique(cohort.individual, axis=0, return_inverse=True)
    return person.ravel().astype(np.int64)


def evaluate_series(
    point: Mapping[str, float],
    series: Series,
    *,
    seed: int,
    size: Size | None = None,
    informative: bool = True,
    workers: int | None = None,
) -> SeriesValues:
    """Return the log likelihood of the series at a point.

    Parameters
    ----------
    point
        Physical values by name.
    series
        The patients.
    seed
        Random streams: the same at every point, so that differences between points are known better than each.
    size
        Virtual patients; those on record when None.
    informative
        Whether drop-out is in the likelihood.
    workers
        Threads.
    """
    settings = series_settings()
    found = _conducted(point, seed, size or series_size(), workers)
    noise = series_noise(split_point(point)[0]["sd_fvc_noise"])
    grids = {
        name: arm_grid(
            series.of_arm(name),
            found.arms[name],
            noise,
            among=series.patients,
            from_month=settings.values["selected_from_month"],
            informative=informative,
        )
        for name in series.arms
    }
    person = next(iter(found.arms.values())).person
    effective = np.concatenate([g.effective for g in grids.values()])
    least, lower, middle = (float(v) for v in np.quantile(effective, (0.0, 0.25, 0.5)))
    return SeriesValues(
        logs={name: g.log for name, g in grids.items()},
        error=pooled_error(list(grids.values()), person),
        bias=float(sum(g.bias for g in grids.values())),
        effective=(least, lower, middle),
        shares={
            f"{row.arm}/{row.event}/{row.week:g}": _share(
                found.arms[row.arm], found.courses[row.arm].first_event[row.event], 7.0 * row.week
            )
            for row in settings.counts
        },
    )


def _share(arm: VirtualArm, first: Array, day: float) -> float:
    """Return the share with a first event by a day while still followed."""
    left = np.cumsum(
        np.log1p(-np.minimum(arm.failing, 0.999)) + np.log1p(-np.minimum(arm.dropping, 0.999)), axis=0
    )
    visit = np.clip(
        np.searchsorted(arm.days, np.where(np.isfinite(first), first, 0.0)) - 1, 0, len(arm.days) - 1
    )
    stays = np.exp(left[visit, np.arange(len(first))])
    return float(np.mean(np.where(first <= day, stays, 0.0)))


def _job(job: tuple[int, dict[str, float], Series, int, Size]) -> tuple[int, Any]:
    k, point, series, seed, size = job
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return k, evaluate_series(point, series, seed=seed, size=size, workers=1).record()
        except (ArithmeticError, ValueError, CalibrationError):
            return k, None


def run_series(
    points: Sequence[Mapping[str, float]],
    series: Series,
    folder: Path,
    *,
    seed: int,
    size: Size | None = None,
    processes: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> list[SeriesValues | None]:
    """Evaluate the series at points, resuming where an earlier run stopped.

    Parameters
    ----------
    points
        Physical values by name.
    series
        The patients.
    folder
        Where finished points are kept, one line of JSON each.
    seed
        The same at every point.
    size
        Virtual patients.
    processes
        Points at a time.
    report
        Takes a line of progress.

    Raises
    ------
    CalibrationError
        RDN-C020 when the folder holds points of another design, file or size.
    """
    size = size or series_size()
    uses = {"sha256": series.sha256, "seed": seed, "size": asdict(size)}
    uses["settings"] = series_settings().model_dump(mode="json")
    marks = [
        hashlib.sha256(json.dumps([sorted(point.items()), uses], sort_keys=True).encode()).hexdigest()[:16]
        for point in points
    ]
    jobs = [(k, dict(point), series, seed, size) for k, point in enumerate(points)]
    done = resumed(jobs, marks, folder, _job, processes=processes, report=report, every=5)
    return [None if done[k] is None else SeriesValues.of(done[k]) for k in range(len(points))]
