"""Checks on virtual trials conducted with visits, held doses and patients who leave: SLS I, SLS II, ESOS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.lab import Lab, bootstrap
from rodnan.calibration.claims.record import Found, Measured
from rodnan.evidence import load_study
from rodnan.trial.analysis import events_by, seen
from rodnan.trial.conduct import ArmCourse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["change_seen", "esos", "event_z", "sls_1", "sls_2", "sls_skin"]


def change_seen(course: ArmCourse, endpoint: str, week: float, who: NDArray[np.int64] | None = None) -> Array:
    """Return the observed changes from entry of those still seen at a week, float64[m].

    Parameters
    ----------
    course
        An arm.
    endpoint, week
        What and when.
    who
        Numbers of patients (some perhaps twice); everybody where None.
    """
    visit = int(np.argmin(np.abs(course.days / 7.0 - week)))
    change = course.observed[endpoint][visit] - course.observed[endpoint][0]
    there = seen(course, visit)
    if who is None:
        return change[there]
    return change[who][there[who]]


def _measured(
    lab: Lab, study: str, numbers: Callable[[NDArray[np.int64]], Sequence[float]]
) -> list[Measured]:
    """Return numbers of a virtual trial with their Monte-Carlo errors; `numbers` takes patients' numbers."""
    values = numbers(np.arange(lab.patients))
    errors = bootstrap(lab, lab.effective(lab.cohort(study)), numbers)
    return [Measured(float(v), float(e)) for v, e in zip(values, errors, strict=True)]


def event_z(
    lab: Lab, study: str, first: ArmCourse, second: ArmCourse, event: str, week: float
) -> tuple[Measured, float, float]:
    """Return how many standard errors at the published size two shares differ by, and the shares (%).

    Parameters
    ----------
    lab
        Shared simulations.
    study
        Whose sizes count.
    first, second
        Arms; positive where the first has more.
    event, week
        As for `rodnan.trial.analysis.events_by`.
    """
    shares = [float(events_by(c, event, week).mean()) for c in (first, second)]
    sizes = [
        float(next(a.n or 50 for a in load_study(study).arms if a.id == c.arm.id)) for c in (first, second)
    ]
    trial = np.sqrt(sum(max(p * (1 - p), 1e-6) / n for p, n in zip(shares, sizes, strict=True)))
    n = lab.effective(lab.cohort(study))
    error = np.sqrt(sum(max(p * (1 - p), 1e-6) / n for p in shares))
    z = Measured(float((shares[0] - shares[1]) / trial), float(error / trial))
    return z, 100.0 * shares[0], 100.0 * shares[1]


def sls_1(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return the FVC differences of a virtual SLS I at 12, 18 and 24 months, and how much of them is left.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        None are needed.
    """
    arms, weeks = lab.trial("sls-1"), (52, 78, 104)

    def numbers(who: NDArray[np.int64]) -> list[float]:
        at = [
            change_seen(arms["cyc"], "fvc_pct_pred", week, who).mean()
            - change_seen(arms["placebo"], "fvc_pct_pred", week, who).mean()
            for week in weeks
        ]
        return [*at, _over(at[1], at[0]), _over(at[2], at[1])]

    *steps, kept, left = _measured(lab, "sls-1", numbers)
    said = ", ".join(f"{m.value:.1f} at week {w}" for w, m in zip(weeks, steps, strict=True))
    return Found({"difference52": steps[0], "kept18": kept, "left24": left}, f"difference {said}")


def _over(later: float, earlier: float) -> float:
    return later / earlier if abs(earlier) > 1e-9 else float("nan")


def sls_2(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return 24-month changes of both arms of a virtual SLS II, their difference, leukopenia and withdrawals.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        None are needed.
    """
    arms = lab.trial("sls-2")

    def numbers(who: NDArray[np.int64]) -> list[float]:
        lung, skin = (
            [change_seen(arms[a], endpoint, 104, who).mean() for a in ("mmf", "cyc")]
            for endpoint in ("fvc_pct_pred", "mrss")
        )
        return [*lung, lung[0] - lung[1], *skin, skin[0] - skin[1]]

    mmf, cyc, fvc_difference, skin_mmf, skin_cyc, mrss_difference = _measured(lab, "sls-2", numbers)
    low, low_cyc, low_mmf = event_z(lab, "sls-2", arms["cyc"], arms["mmf"], "leukopenia", 104)
    left, left_cyc, left_mmf = event_z(lab, "sls-2", arms["cyc"], arms["mmf"], "withdrawal", 104)
    return Found(
        {
            "fvc_mmf": mmf,
            "fvc_cyc": cyc,
            "fvc_difference": fvc_difference,
            "mrss_difference": mrss_difference,
            "leukopenia_z": low,
            "withdrawal_z": left,
        },
        f"mRSS {skin_mmf.value:.1f} and {skin_cyc.value:.1f}; leukopenia {low_mmf:.0f} % and {low_cyc:.0f} %; "
        f"withdrawn {left_mmf:.0f} % and {left_cyc:.0f} % (mycophenolate, cyclophosphamide)",
    )


def sls_skin(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return the skin course of diffuse disease on both drugs of SLS II against the placebo arm of SLS I.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``weeks`` at which they are compared, the last being that of the test.
    """
    diffuse = {s: lab.cohort(s).covariates["dcssc"] == 1 for s in ("sls-1", "sls-2")}
    placebo, two = lab.trial("sls-1")["placebo"], lab.trial("sls-2")
    size = {a.id: float(a.n or 0) for a in (*load_study("sls-2").arms, *load_study("sls-1").arms)}
    weeks, arms = arguments["weeks"], ("mmf", "cyc")

    def changes(course: ArmCourse, study: str, week: int, who: NDArray[np.int64]) -> Array:
        return change_seen(course, "mrss", week, who[diffuse[study][who]])

    def numbers(who: NDArray[np.int64]) -> list[float]:
        differences, tests, last = [], [], []
        for arm in arms:
            for week in weeks:
                treated = changes(two[arm], "sls-2", week, who)
                control = changes(placebo, "sls-1", week, who)
                differences.append(float(treated.mean() - control.mean()))
            n = [size[arm] * len(treated) / len(who), size["placebo"] * len(control) / len(who)]
            error = float(np.sqrt(treated.var(ddof=1) / n[0] + control.var(ddof=1) / n[1]))
            tests.append(differences[-1] / error)
            last += [float(treated.mean()), float(control.mean())]
        return [max(tests), max(differences), max(last[0], last[2]), *last]

    test, difference, change, *last = _measured(lab, "sls-2", numbers)
    said = [
        f"{arm} {last[2 * i].value:.1f} against {last[2 * i + 1].value:.1f}" for i, arm in enumerate(arms)
    ]
    return Found(
        {"worst_z24": test, "worst_difference": difference, "worst_change": change},
        f"change at week {weeks[-1]}: {', '.join(said)}",
    )


def esos(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return 12-month skin differences of several drugs to no drug, and how far intervals of trial size overlap.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study``, ``week``, ``drugs`` (arms), ``none`` (the arm without).
    """
    study, week, drugs = arguments["study"], arguments["week"], arguments["drugs"]
    arms = lab.trial(study, week)
    size = {a.id: float(a.n or 50) for a in load_study(study).arms}

    def numbers(who: NDArray[np.int64]) -> list[float]:
        change = {a: change_seen(arms[a], "mrss", week, who) for a in (*drugs, arguments["none"])}
        none = change[arguments["none"]]
        half = {a: 1.96 * float(np.sqrt(c.var(ddof=1) / size[a])) for a, c in change.items()}
        steps = [float(change[a].mean() - none.mean()) for a in drugs]
        room = [half[a] + half[arguments["none"]] - abs(s) for a, s in zip(drugs, steps, strict=True)]
        return [min(steps), max(steps), min(room), *steps, float(none.mean())]

    most, least, overlap, *rest = _measured(lab, study, numbers)
    said = ", ".join(f"{a} {m.value:.2f}" for a, m in zip(drugs, rest, strict=False))
    return Found(
        {"largest_benefit": most, "least_benefit": least, "overlap": overlap},
        f"difference to no drug: {said}; change without drug {rest[-1].value:.2f}",
    )
