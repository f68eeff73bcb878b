"""Run a virtual trial from a study record to a result: the one call behind the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.engine.device import choose_device
from rodnan.engine.manifest import manifest
from rodnan.errors import TrialError
from rodnan.evidence import load_study
from rodnan.trial.analysis import (
    Replicates,
    draw_replicates,
    events_by,
    seen,
    summarise_change,
    summarise_contrast,
    summarise_share,
)
from rodnan.trial.cohort import Cohort, enrol
from rodnan.trial.conduct import ArmCourse, conduct_arm
from rodnan.trial.design import ENDPOINTS, TrialDesign, design_from_study
from rodnan.trial.harms import COUNTED, TRANSPLANT, event_name
from rodnan.trial.published import agrees, published_count, published_number
from rodnan.trial.settings import Conduct, conduct_settings
from rodnan.trial.treating import arm_notes
from rodnan.trial.uncertainty import ParameterDraw, ParameterSpread, parameter_spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NOTICE", "run"]

NOTICE = (
    "Computer simulation of virtual patients. Not a prediction for any person, and no advice. "
    "For research and teaching."
)
REPORT_WEEKS = (26, 52, 78, 104)
"""Weeks reported for every arm and endpoint, besides those at which the study published a number."""


def run(
    study: str | Any,
    *,
    patients: int = 1000,
    replicates: int = 1000,
    seed: int = 1,
    pool: int = 4096,
    parameters: ParameterSet | None = None,
    draws: Sequence[ParameterDraw] = (),
    force: bool = False,
    workers: int | None = None,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run a virtual trial.

    Parameters
    ----------
    study
        Id of a study on record, or a study record.
    patients
        Virtual patients, each treated in every arm.
    replicates
        Repetitions of the trial at its published size, drawn from them.
    seed
        Seed; the same seed gives the same result for any number of workers.
    pool
        Virtual patients followed untreated from onset, from whom the trial enrols.
    parameters
        Disease parameters; those that ship with the package where None.
    draws
        Draws of the parameters, whose spread joins the intervals; none, and the result says so, where empty.
    force
        Run even when the effective sample size is below 200.
    workers
        Threads; all cores where None.
    device
        ``cpu`` or ``gpu``, where the disease is computed; the draws of parameters use the processor always.
    progress
        Takes a line of progress.

    Returns
    -------
    dict
        Ready for JSON: ``study, seed, manifest, cohort, arms, outcomes, contrasts, adverse_events, withdrawals,
        trajectories, parameter_draws, assumptions, notes, not_modelled, sources``.

    Raises
    ------
    EngineError
        RDN-N012 or RDN-N013 for a device that is not there.
    TrialError
        RDN-T003 for a number of patients, replicates or pool that cannot be used.
    RodnanError
        Whatever is wrong with the record, its regimens or its enrolment.
    """
    for name, number, least in (
        ("patients", patients, 20),
        ("replicates", replicates, 20),
        ("pool", pool, 64),
    ):
        if number < least:
            raise TrialError("RDN-T003", f"{name} must be at least {least}", value=number)
    choose_device(device)
    record = load_study(study) if isinstance(study, str) else study
    design, conduct = design_from_study(record), conduct_settings()
    parameters = parameters or load_parameters()
    cohort = enrol(
        design,
        parameters,
        patients=patients,
        pool_size=pool,
        seed=seed,
        force=force,
        workers=workers,
        device=device,
        progress=progress,
    )
    courses = {
        arm.id: conduct_arm(
            arm, cohort, parameters, conduct, study=record.id, seed=seed, weeks=design.weeks, workers=workers,
            device=device, progress=progress,
        )
        for arm in design.arms
    }  # fmt: skip
    sizes = {arm.id: arm.n or 50 for arm in design.arms}
    repetitions = draw_replicates(
        sizes, patients, replicates, seed=seed, study=record.id, endpoints=list(ENDPOINTS)
    )
    progress("comparing with the published results")
    spread = (
        parameter_spread(design, draws, seed=seed, workers=workers, progress=progress) if len(draws) else None
    )
    outcomes, contrasts = _outcomes(design, courses, repetitions, conduct, spread)
    return {
        "study": record.id,
        "title": record.acronym,
        "role": design.role,
        "seed": seed,
        "simulation_notice": NOTICE,
        "manifest": manifest(
            seed=seed,
            settings={
                "patients": patients,
                "replicates": replicates,
                "pool": pool,
                "weeks": design.weeks,
                "force": force,
                "parameter_draws": len(draws),
                "device": device,
            },
            parameters={"id": parameters.label, "sha256": parameters.sha256()},
            records={
                "study": record,
                **{f"drug {d}": m.record for a in design.arms for d, m in a.models.items()},
            },
        ),
        "cohort": _cohort(cohort, patients),
        "arms": [
            {
                "id": arm.id,
                "label": arm.label,
                "regimen": arm.regimen_text,
                "published_n": arm.n,
                "simulated_n": patients,
            }
            for arm in design.arms
        ],
        "outcomes": outcomes,
        "contrasts": contrasts,
        "adverse_events": _adverse_events(design, courses, repetitions, spread),
        "withdrawals": _withdrawals(design, courses, repetitions, spread),
        "trajectories": _trajectories(courses, repetitions, conduct, spread),
        "parameter_draws": len(draws),
        "assumptions": list(design.assumptions),
        "notes": [note for arm in design.arms for note in arm_notes(arm)],
        "not_modelled": _not_modelled(design),
        "sources": [str(source) for source in record.source],
    }


def _visit(course: ArmCourse, week: float) -> int:
    """Return the visit nearest to a week."""
    return int(np.argmin(np.abs(course.days / 7 - week)))


def _outcomes(
    design: TrialDesign,
    courses: Mapping[str, ArmCourse],
    repetitions: Replicates,
    conduct: Conduct,
    spread: ParameterSpread | None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    contrasts: list[dict[str, Any]] = []
    published: dict[tuple[str, str, str, int], list[Any]] = {}
    for row in design.study.outcomes:
        arms: list[str] = list(row.arms or ())
        if row.week is None or row.week > design.weeks or row.endpoint not in ENDPOINTS or row.subgroup:
            continue
        if row.measure in ("change", "value") and row.arm in courses and row.mean is not None:
            published.setdefault((row.arm, row.endpoint, row.measure, int(row.week)), []).append(row)
        elif (
            row.measure == "difference"
            and len(arms) == 2
            and all(a in courses for a in arms)
            and row.mean is not None
        ):
            contrasts.append(_contrast(courses, (arms[0], arms[1]), row, repetitions, spread))
    weeks = [w for w in REPORT_WEEKS if w <= design.weeks]
    for arm, course in courses.items():
        for endpoint in ENDPOINTS:
            for week in weeks:
                published.setdefault((arm, endpoint, "change", week), [])
            keys = sorted(k for k in published if k[0] == arm and k[1] == endpoint)
            for key in sorted(keys, key=lambda k: (k[2], k[3])):
                visit = _visit(course, key[3])
                moved = None if spread is None else spread.change(arm, endpoint, visit)
                summary = summarise_change(
                    course, endpoint, visit, repetitions, conduct, value=key[2] == "value", moved=moved
                ).as_dict()
                for row in published[key] or [None]:
                    there = None if row is None else published_number(row)
                    rows.append(
                        {
                            "arm": arm,
                            "endpoint": endpoint,
                            "measure": key[2],
                            "unit": ENDPOINTS[endpoint],
                            "week": key[3],
                            "simulated": summary,
                            "published": there,
                            "agrees": agrees(summary, there),
                        }
                    )
    pairs = [(a, b) for i, a in enumerate(courses) for b in list(courses)[i + 1 :]]
    have = {(tuple(c["arms"]), c["endpoint"], c["week"]) for c in contrasts}
    for a, b in pairs:
        for endpoint in ENDPOINTS:
            for week in weeks:
                if ((a, b), endpoint, week) not in have and ((b, a), endpoint, week) not in have:
                    contrasts.append(_contrast(courses, (a, b), None, repetitions, spread, endpoint, week))
    contrasts.sort(key=lambda c: (c["endpoint"], c["week"]))
    return rows, contrasts


def _contrast(
    courses: Mapping[str, ArmCourse],
    arms: tuple[str, ...],
    row: Any,
    repetitions: Replicates,
    spread: ParameterSpread | None,
    endpoint: str = "",
    week: int = 0,
) -> dict[str, Any]:
    endpoint, week = (endpoint, week) if row is None else (row.endpoint, int(row.week))
    first, second = courses[arms[0]], courses[arms[1]]
    visit = _visit(first, week)
    moved = None if spread is None else spread.contrast(arms[0], arms[1], endpoint, visit)
    summary = summarise_contrast(first, second, endpoint, visit, repetitions, moved).as_dict()
    there = None if row is None else published_number(row)
    return {
        "arms": list(arms),
        "endpoint": endpoint,
        "measure": "difference",
        "unit": ENDPOINTS[endpoint],
        "week": week,
        "simulated": summary,
        "published": there,
        "agrees": agrees(summary, there),
    }


_UNITS = {
    "age": "year",
    "disease_duration": "year",
    "fvc_pct_pred": "% predicted",
    "dlco_pct_pred": "% predicted",
    "mrss": "units (0-51)",
    "weight": "kg",
}


def _cohort(cohort: Cohort, patients: int) -> dict[str, Any]:
    return {
        "pool": cohort.pool_size,
        "effective_sample_size": round(cohort.entry.effective_size, 1),
        "patients_per_arm": patients,
        "baseline": [_baseline_row(moment) for moment in cohort.entry.moments],
    }


def _baseline_row(moment: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of the baseline table; shares become percentages, under their names in study records."""
    name = str(moment["variable"])
    share = name not in _UNITS
    scale = 100.0 if share else 1.0
    spread = moment["published_sd"]
    return {
        "variable": f"{name}_pct" if share else name,
        "arm": "all",
        "unit": "%" if share else _UNITS[name],
        "published": {
            "mean": round(scale * moment["published_mean"], 6),
            "sd": None if spread is None else round(scale * spread, 6),
            "basis": moment["basis"],
        },
        "simulated": {
            "mean": round(scale * moment["mean"], 4),
            "sd": None if share else round(scale * moment["sd"], 4),
        },
    }


def _adverse_events(
    design: TrialDesign,
    courses: Mapping[str, ArmCourse],
    repetitions: Replicates,
    spread: ParameterSpread | None,
) -> list[dict[str, Any]]:
    rows = []
    for arm, course in courses.items():
        for event, definition in COUNTED.items():
            found = [
                row
                for row in design.study.adverse_events
                if event_name(row.event) == event
                and row.arm == arm
                and row.week is not None
                and row.week <= design.weeks
            ]
            if event == "treatment-related death" and not found and TRANSPLANT not in course.arm.models:
                continue
            for row in found or [None]:
                week = design.weeks if row is None else row.week
                moved = None if spread is None else spread.share(arm, event, _visit(course, week))
                simulated = summarise_share(course, events_by(course, event, week), repetitions, moved)
                there = None if row is None else published_count(row)
                rows.append(
                    {
                        "arm": arm,
                        "event": event,
                        "definition": definition,
                        "week": week,
                        "simulated": simulated,
                        "published": there,
                        "agrees": agrees(simulated, there, "percent"),
                    }
                )
    return rows


def _withdrawals(
    design: TrialDesign,
    courses: Mapping[str, ArmCourse],
    repetitions: Replicates,
    spread: ParameterSpread | None,
) -> list[dict[str, Any]]:
    rows = []
    for arm, course in courses.items():
        moved = None if spread is None else spread.share(arm, "withdrawal", _visit(course, design.weeks))
        simulated = summarise_share(course, events_by(course, "withdrawal", design.weeks), repetitions, moved)
        all_reasons = [
            row
            for row in design.study.withdrawals
            if row.arm == arm and row.week == design.weeks and "did not complete" in (row.reason or "")
        ]
        for row in all_reasons or [None]:
            there = None if row is None else published_count(row)
            rows.append(
                {
                    "arm": arm,
                    "reason": "left the study for any reason" if row is None else row.reason,
                    "week": design.weeks,
                    "simulated": simulated,
                    "published": there,
                    "agrees": agrees(simulated, there, "percent"),
                }
            )
    return rows


def _trajectories(
    courses: Mapping[str, ArmCourse],
    repetitions: Replicates,
    conduct: Conduct,
    spread: ParameterSpread | None,
) -> list[dict[str, Any]]:
    rows = []
    levels = (5, 25, 50, 75, 95)
    for arm, course in courses.items():
        for endpoint, unit in ENDPOINTS.items():
            summaries = [
                summarise_change(
                    course,
                    endpoint,
                    v,
                    repetitions,
                    conduct,
                    moved=None if spread is None else spread.change(arm, endpoint, v),
                )
                for v in range(len(course.days))
            ]
            quantiles = np.array([_quantiles(course, endpoint, v, levels) for v in range(len(course.days))])
            rows.append(
                {
                    "arm": arm,
                    "endpoint": endpoint,
                    "unit": unit,
                    "weeks": [round(float(d) / 7, 3) for d in course.days],
                    "mean": [round(s.mean, 6) for s in summaries],
                    "patient_quantiles": {
                        str(level): [round(float(q), 6) for q in quantiles[:, i]]
                        for i, level in enumerate(levels)
                    },
                    "mean_interval90": [
                        [round(s.low, 6) for s in summaries],
                        [round(s.high, 6) for s in summaries],
                    ],
                }
            )
    return rows


def _quantiles(course: ArmCourse, endpoint: str, visit: int, levels: tuple[int, ...]) -> NDArray[np.float64]:
    change = course.observed[endpoint][visit] - course.observed[endpoint][0]
    return np.percentile(change[seen(course, visit)], levels)


def _not_modelled(design: TrialDesign) -> list[str]:
    endpoints = sorted({row.endpoint for row in design.study.outcomes} - set(ENDPOINTS))
    events = sorted({event_name(row.event) for row in design.study.adverse_events} - set(COUNTED))
    subgroups = [arm.id for arm in design.study.arms if getattr(arm, "subgroup_of", None) is not None]
    return (
        [f"endpoint {name}" for name in endpoints]
        + [f"event {name}" for name in events]
        + [f"subgroup {name}" for name in subgroups]
        + [f"{item.what}: {item.reason}" for item in design.not_simulated]
    )
