"""Checks on virtual trials conducted with visits, held doses and patients who leave: SLS I and SLS II."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.lab import Lab
from rodnan.calibration.claims.record import Found, Measured
from rodnan.evidence import load_study
from rodnan.trial.analysis import events_by, seen
from rodnan.trial.conduct import ArmCourse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["change_seen", "event_z", "sls_1", "sls_2", "sls_skin"]


def change_seen(
    course: ArmCourse, endpoint: str, week: float, among: NDArray[np.bool_] | None = None
) -> Array:
    """Return the observed changes from entry of those still seen at a week (and `among`), float64[m]."""
    visit = int(np.argmin(np.abs(course.days / 7.0 - week)))
    there = seen(course, visit) if among is None else seen(course, visit) & among
    return (course.observed[endpoint][visit] - course.observed[endpoint][0])[there]


def _difference(lab: Lab, study: str, first: Array, second: Array) -> Measured:
    """Return a difference of means; the error takes the arms as independent, although they share patients."""
    n = lab.effective(lab.cohort(study))
    scale = n / float(len(lab.cohort(study).patients))
    error = sum(v.var(ddof=1) / max(len(v) * scale, 1.0) for v in (first, second))
    return Measured(float(first.mean() - second.mean()), float(np.sqrt(error)))


def _mean(lab: Lab, study: str, values: Array) -> Measured:
    n = lab.effective(lab.cohort(study)) * len(values) / float(len(lab.cohort(study).patients))
    return Measured(float(values.mean()), float(values.std(ddof=1) / np.sqrt(max(n, 1.0))))


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
    arms = lab.trial("sls-1")
    steps = {
        week: _difference(
            lab, "sls-1", *(change_seen(arms[a], "fvc_pct_pred", week) for a in ("cyc", "placebo"))
        )
        for week in (52, 78, 104)
    }

    def ratio(later: int, earlier: int) -> Measured:
        a, b = steps[later], steps[earlier]
        if abs(b.value) < 1e-9:
            return Measured(float("nan"))
        r = a.value / b.value
        shared = 0.5  # readings of one patient at two visits, half of the variance in common (assumed)
        relative = a.error**2 + (r * b.error) ** 2 - 2.0 * shared * r * a.error * b.error
        return Measured(r, float(np.sqrt(max(relative, 0.0))) / abs(b.value))

    said = ", ".join(f"{m.value:.1f} at week {w}" for w, m in steps.items())
    return Found(
        {"difference52": steps[52], "kept18": ratio(78, 52), "left24": ratio(104, 78)},
        f"difference {said}",
    )


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
    lung = {a: change_seen(arms[a], "fvc_pct_pred", 104) for a in ("mmf", "cyc")}
    skin = {a: change_seen(arms[a], "mrss", 104) for a in ("mmf", "cyc")}
    low, low_cyc, low_mmf = event_z(lab, "sls-2", arms["cyc"], arms["mmf"], "leukopenia", 104)
    left, left_cyc, left_mmf = event_z(lab, "sls-2", arms["cyc"], arms["mmf"], "withdrawal", 104)
    return Found(
        {
            "fvc_mmf": _mean(lab, "sls-2", lung["mmf"]),
            "fvc_cyc": _mean(lab, "sls-2", lung["cyc"]),
            "fvc_difference": _difference(lab, "sls-2", lung["mmf"], lung["cyc"]),
            "mrss_difference": _difference(lab, "sls-2", skin["mmf"], skin["cyc"]),
            "leukopenia_z": low,
            "withdrawal_z": left,
        },
        f"mRSS {skin['mmf'].mean():.1f} and {skin['cyc'].mean():.1f}; leukopenia {low_mmf:.0f} % and {low_cyc:.0f} %; "
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
    size = {a.id: a.n or 0 for a in (*load_study("sls-2").arms, *load_study("sls-1").arms)}
    differences, last, changes, said = [], [], [], []
    final = arguments["weeks"][-1]
    for arm in ("mmf", "cyc"):
        for week in arguments["weeks"]:
            treated = change_seen(two[arm], "mrss", week, diffuse["sls-2"])
            control = change_seen(placebo, "mrss", week, diffuse["sls-1"])
            step = _difference(lab, "sls-2", treated, control)
            differences.append(step)
            if week == final:
                n = [
                    size[arm] * diffuse["sls-2"].mean() * len(treated) / diffuse["sls-2"].sum(),
                    size["placebo"] * diffuse["sls-1"].mean() * len(control) / diffuse["sls-1"].sum(),
                ]
                trial = float(np.sqrt(treated.var(ddof=1) / n[0] + control.var(ddof=1) / n[1]))
                last.append(Measured(step.value / trial, step.error / trial))
                changes.append(_mean(lab, "sls-2", treated))
                said.append(f"{arm} {treated.mean():.1f} against {control.mean():.1f}")
    return Found(
        {
            "worst_z24": max(last, key=lambda m: m.value),
            "worst_difference": max(differences, key=lambda m: m.value),
            "worst_change": max(changes, key=lambda m: m.value),
        },
        f"change at week {final}: {', '.join(said)}",
    )
