"""From parameters to everything the calibration compares with data: natural history and arm means, from one pool.

A point is a mapping of physical values: disease parameters by name, potencies as ``potency/<drug>``. Points of a design
are independent, so they run in processes; a finished point is kept on disk and not run again.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.priors import POTENCY
from rodnan.calibration.courses import Courses
from rodnan.calibration.natural_history import evaluate_target, targets
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.engine.executors import choose_executor
from rodnan.errors import CalibrationError
from rodnan.evidence import load_study
from rodnan.population.pool import simulate_pool
from rodnan.trial.cohort import Followed
from rodnan.trial.design import TrialDesign, design_from_study
from rodnan.trial.predict import FOLLOW_UP_YEARS, UNTREATED_YEARS, StudyMeans, predict_studies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Size", "arm_targets", "evaluate", "resumed", "run_points", "split_point", "summary_keys"]


@dataclass(frozen=True)
class Size:
    """How many virtual patients an evaluation rests on: of the untreated pool, and of each arm."""

    pool: int = 1024
    patients: int = 256


@lru_cache(maxsize=1)
def arm_targets() -> Mapping[str, Any]:
    """Return the recorded targets of the full calibration (`targets.yaml`)."""
    import yaml

    text = files("rodnan.calibration.bayes").joinpath("targets.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@lru_cache(maxsize=1)
def _designs() -> tuple[TrialDesign, ...]:
    """Return the trials of the targets, followed no longer than the last target asks for."""
    last: dict[str, int] = {}
    for row in (*arm_targets()["arms"], *arm_targets()["contrasts"]):
        last[row["study"]] = max(int(row["week"]), last.get(row["study"], 0))
    return tuple(replace(design_from_study(load_study(name)), weeks=week) for name, week in last.items())


def summary_keys() -> tuple[str, ...]:
    """Return the names of the summaries that an evaluation gives, in order.

    ``nh/<target>/<part>`` for natural history; ``level/<study>/<arm>/<endpoint>/<week>`` for the mean change of an arm and
    ``contrast/<study>/<arm>-<arm>/<endpoint>/<week>`` for a difference.
    """
    keys = [f"nh/{t.id}/{part.key}" for t in targets() if t.id != "N18" for part in t.parts]
    return (*keys, *_rows())


def split_point(point: Mapping[str, float], label: str = "point") -> tuple[ParameterSet, dict[str, float]]:
    """Return the parameter set and the potencies of a point.

    Parameters
    ----------
    point
        Physical values by name; potencies under ``potency/<drug>``.
    label
        What the parameter set is called.
    """
    values = {name: v for name, v in point.items() if not name.startswith(POTENCY)}
    potencies = {name.removeprefix(POTENCY): v for name, v in point.items() if name.startswith(POTENCY)}
    return load_parameters().with_values(values, label), potencies


def evaluate(
    point: Mapping[str, float], *, seed: int, size: Size | None = None, workers: int | None = None
) -> dict[str, float]:
    """Simulate everything that the calibration compares with data.

    Parameters
    ----------
    point
        Physical values by name.
    seed
        Whose pool: another seed, other people.
    size
        Virtual patients.
    workers
        Threads.

    Returns
    -------
    dict
        Summary by key of `summary_keys`; not a number where a study could not be simulated.
    """
    from rodnan.population.pool import draw_pool

    size = size or Size()
    parameters, potencies = split_point(point)
    draws = draw_pool(seed, size.pool, years=UNTREATED_YEARS, follow_up_years=FOLLOW_UP_YEARS)
    courses = Courses(simulate_pool(parameters, draws, workers=workers))
    found: dict[str, float] = {}
    for target in targets():
        if target.id != "N18":
            values = evaluate_target(target.id, courses)
            found |= {f"nh/{target.id}/{key}": float(value) for key, value in values.items()}
    followed = Followed(courses.pool, courses.errors, courses.everyone)
    means, _ = predict_studies(
        _designs(),
        parameters,
        potencies=potencies,
        patients=size.patients,
        seed=seed,
        followed=followed,
        workers=workers,
    )
    return {key: found[key] if key in found else _arm_summary(key, means) for key in summary_keys()}


def _arm_summary(key: str, means: Mapping[str, StudyMeans]) -> float:
    kind, study, arms, endpoint, week = key.split("/")
    if study not in means:
        return float("nan")
    of, everybody = means[study].arms, _analysis(key) == "all"
    names = [arms] if kind == "level" else arms.split("-")
    tables = [of[name].change_of_all if everybody else of[name].change for name in names]
    values = [of[name].at(table, endpoint, float(week)) for name, table in zip(names, tables, strict=True)]
    return values[0] if kind == "level" else values[0] - values[1]


@lru_cache(maxsize=256)
def _analysis(key: str) -> str:
    return next(str(row["analysis"]) for name, row in _rows().items() if name == key)


def _rows() -> dict[str, Mapping[str, Any]]:
    """Return the recorded arm targets by summary key."""
    rows = {
        f"level/{row['study']}/{row['arm']}/{row['endpoint']}/{row['week']}": row
        for row in arm_targets()["arms"]
    }
    return rows | {
        f"contrast/{row['study']}/{'-'.join(row['arms'])}/{row['endpoint']}/{row['week']}": row
        for row in arm_targets()["contrasts"]
    }


def run_points(
    points: Sequence[Mapping[str, float]],
    folder: Path,
    *,
    seed: int,
    size: Size | None = None,
    processes: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> Array:
    """Evaluate the points of a design, resuming where an earlier run stopped.

    Parameters
    ----------
    points
        The design.
    folder
        Where finished points are kept, one line of JSON each.
    seed
        Point k has the pool of seed ``seed + k``, so that the luck of a pool averages out over the design.
    size
        Virtual patients.
    processes
        Points at a time.
    report
        Takes a line of progress.

    Returns
    -------
    float64[n_points, n_summaries]

    Raises
    ------
    CalibrationError
        RDN-C020 when the folder holds points of another design.
    """
    size = size or Size()
    jobs = [(k, dict(point), seed + k, size) for k, point in enumerate(points)]
    done = resumed(jobs, [_mark(p) for p in points], folder, _job, processes=processes, report=report)
    keys = summary_keys()
    return np.array([[_number(done[k].get(key)) for key in keys] for k in range(len(points))])


def resumed(
    jobs: Sequence[tuple[Any, ...]],
    marks: Sequence[str],
    folder: Path,
    run: Callable[[Any], tuple[int, Any]],
    *,
    processes: int = 1,
    report: Callable[[str], None] = lambda line: None,
    every: int = 20,
) -> dict[int, Any]:
    """Run independent jobs, keeping each result as a line of JSON; those that are there are not run again.

    Parameters
    ----------
    jobs
        Begins with the job's number each, 0 to the last.
    marks
        What each job's result depends on, as a hash.
    folder
        Where the results are kept.
    run
        From a job to its number and its result; a function of a module, for other processes to find.
    processes
        Jobs at a time.
    report, every
        Takes a line of progress after so many jobs.

    Returns
    -------
    dict
        Result by number.

    Raises
    ------
    CalibrationError
        RDN-C020 when the folder holds results of other jobs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = _finished(folder, marks)
    todo = [job for job in jobs if job[0] not in done]
    report(f"{len(done)} of {len(jobs)} points are there, {len(todo)} to run")
    executor = choose_executor("processes" if processes > 1 else "serial", workers=max(processes, 1))
    with (folder / "points.jsonl").open("a", encoding="utf-8") as kept:
        for count, (_, (k, values)) in enumerate(executor.run(run, todo), start=1):
            kept.write(json.dumps({"point": k, "of": marks[k], "values": values}) + "\n")
            kept.flush()
            done[k] = values
            if count % every == 0 or count == len(todo):
                report(f"{len(done)} of {len(jobs)} points")
    return done


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _mark(point: Mapping[str, float]) -> str:
    import hashlib

    return hashlib.sha256(json.dumps(sorted(point.items())).encode()).hexdigest()[:16]


def _finished(folder: Path, marks: Sequence[str]) -> dict[int, Any]:
    path = folder / "points.jsonl"
    done: dict[int, Any] = {}
    if not path.exists():
        return done
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line during which a run was killed: the point runs again
        k = int(row["point"])
        if k >= len(marks) or row["of"] != marks[k]:
            raise CalibrationError(
                "RDN-C020",
                "the folder holds points of another design; choose another folder",
                where=str(path.name),
                value=k,
            )
        done[k] = row["values"]
    return done


def _job(job: tuple[int, dict[str, float], int, Size]) -> tuple[int, dict[str, float | None]]:
    k, point, seed, size = job
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            values = evaluate(point, seed=seed, size=size, workers=1)
        except (ArithmeticError, ValueError, CalibrationError):
            return k, {}
    return k, {name: None if not np.isfinite(v) else float(v) for name, v in values.items()}
