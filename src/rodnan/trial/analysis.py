"""From what happened to a cohort to what a trial of the published size would report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.engine.keys import normals, uniforms
from rodnan.trial.conduct import REASONS, ArmCourse
from rodnan.trial.settings import Conduct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "Replicates",
    "Summary",
    "draw_replicates",
    "summarise_change",
    "summarise_contrast",
    "summarise_share",
]

LEVEL = 0.90


@dataclass(frozen=True)
class Replicates:
    """Which patients each repetition of a trial enrols, and how its setting differs.

    Attributes
    ----------
    members
        int64[replicates, n] by arm: patients in each repetition's arm, drawn with replacement, so that the luck of a
        trial does not depend on how many patients were simulated.
    setting
        float64[replicates] by endpoint, standard normal: the repetition's own level, shared by its arms.
    """

    members: Mapping[str, NDArray[np.int64]]
    setting: Mapping[str, Array]


@dataclass(frozen=True)
class Summary:
    """A simulated number: mean of the cohort, spread and 90 % predictive interval of a trial of the published size."""

    mean: float
    sd: float
    low: float
    high: float
    n: float
    uncertainty: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "mean": _rounded(self.mean),
            "sd": _rounded(self.sd),
            "interval90": [_rounded(self.low), _rounded(self.high)],
            "n": round(self.n, 1),
            "uncertainty": {name: _rounded(value) for name, value in self.uncertainty.items()},
        }


def _rounded(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), 6)


def draw_replicates(
    sizes: Mapping[str, int],
    cohort_size: int,
    replicates: int,
    *,
    seed: int,
    study: str,
    endpoints: Sequence[str],
) -> Replicates:
    """Draw the repetitions of a trial.

    Parameters
    ----------
    sizes
        Patients by arm, as published.
    cohort_size
        Simulated patients.
    replicates
        Repetitions.
    seed, study
        Random streams.
    endpoints
        Endpoints that get a setting each.
    """
    members = {
        arm: np.floor(
            cohort_size * uniforms(seed, study, f"replicate/{arm}", np.arange(replicates), size)
        ).astype(np.int64)
        for arm, size in sizes.items()
    }
    z = normals(seed, study, "trial-setting", np.arange(replicates), max(1, len(endpoints)))
    return Replicates(members, {name: z[:, i] for i, name in enumerate(endpoints)})


def seen(course: ArmCourse, visit: int) -> NDArray[np.bool_]:
    """Return who is still observed at a visit."""
    return course.left_day > course.days[visit]


def _replicate_means(values: Array, present: NDArray[np.bool_], members: NDArray[np.int64]) -> Array:
    there = present[members]
    with np.errstate(invalid="ignore"):
        return np.where(there, values[members], 0.0).sum(axis=1) / there.sum(axis=1)


def _setting_size(conduct: Conduct, endpoint: str, week: float) -> float:
    """Return the sd of a trial's own drift at a week: full size from one year on, growing as the root of time before."""
    return conduct[f"setting_{endpoint}"] * float(np.sqrt(min(1.0, week / 52.0)))


def summarise_change(
    course: ArmCourse,
    endpoint: str,
    visit: int,
    replicates: Replicates,
    conduct: Conduct,
    *,
    value: bool = False,
    moved: Array | None = None,
) -> Summary:
    """Summarise the change of an endpoint from observed baseline (or its value) at a visit.

    Parameters
    ----------
    course
        An arm's course.
    endpoint, visit
        What and when (index into `ArmCourse.days`).
    replicates
        Repetitions of the trial.
    conduct
        Settings.
    value
        Summarise the value itself instead of the change.
    moved
        float64[draws], by how much draws of the parameters move the mean; repetitions take them in turn. No uncertainty of
        parameters where None.

    Returns
    -------
    Summary
        Mean over the cohort still observed; the interval holds 90 % of the repetitions.
    """
    numbers = course.observed[endpoint][visit] - (0.0 if value else course.observed[endpoint][0])
    present = seen(course, visit)
    week = course.days[visit] / 7
    luck = _replicate_means(numbers, present, replicates.members[course.arm.id])
    setting = _setting_size(conduct, endpoint, week) * replicates.setting[endpoint]
    between = float(numbers[present].std(ddof=1)) if present.sum() > 1 else float("nan")
    return _summary(
        float(numbers[present].mean()) if present.any() else float("nan"),
        luck,
        setting,
        between,
        float(present[replicates.members[course.arm.id]].sum(axis=1).mean()),
        moved,
    )


def _summary(
    mean: float, luck: Array, setting: Array, between: float, n: float, moved: Array | None
) -> Summary:
    total = luck + setting
    if moved is not None:
        total = total + moved[np.arange(len(total)) % len(moved)]
    total = total[np.isfinite(total)]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(total, [tail, 1 - tail]) if len(total) else (float("nan"), float("nan"))
    return Summary(
        mean=mean,
        sd=float(total.std(ddof=1)) if len(total) > 1 else float("nan"),
        low=float(low),
        high=float(high),
        n=n,
        uncertainty={
            "between_patients": between,
            "trial_luck": float(np.nanstd(luck, ddof=1)) if len(luck) > 1 else float("nan"),
            "trial_setting": float(setting.std(ddof=1)) if len(setting) > 1 else 0.0,
        }
        | ({} if moved is None else {"parameters": float(moved.std(ddof=1))}),
    )


def summarise_contrast(
    first: ArmCourse,
    second: ArmCourse,
    endpoint: str,
    visit: int,
    replicates: Replicates,
    moved: Array | None = None,
) -> Summary:
    """Summarise the difference of changes, first arm minus second; the trial's setting cancels.

    `moved` float64[draws] is by how much draws of the parameters move the difference.
    """
    change = [c.observed[endpoint][visit] - c.observed[endpoint][0] for c in (first, second)]
    present = [seen(c, visit) for c in (first, second)]
    luck = _replicate_means(change[0], present[0], replicates.members[first.arm.id]) - _replicate_means(
        change[1], present[1], replicates.members[second.arm.id]
    )
    both = present[0] & present[1]
    between = float((change[0] - change[1])[both].std(ddof=1)) if both.sum() > 1 else float("nan")
    mean = float(change[0][present[0]].mean() - change[1][present[1]].mean())
    n = float(
        sum(
            p[replicates.members[c.arm.id]].sum(axis=1).mean()
            for p, c in zip(present, (first, second), strict=True)
        )
    )
    return _summary(mean, luck, np.zeros_like(luck), between, n, moved)


def summarise_share(
    course: ArmCourse, happened: NDArray[np.bool_], replicates: Replicates, moved: Array | None = None
) -> dict[str, Any]:
    """Return the percentage of patients to whom something happened, with its 90 % interval over repetitions.

    `moved` float64[draws] is by how many percentage points draws of the parameters move it.
    """
    shares = 100.0 * happened[replicates.members[course.arm.id]].mean(axis=1)
    if moved is not None:
        shares = np.clip(shares + moved[np.arange(len(shares)) % len(moved)], 0.0, 100.0)
    low, high = np.quantile(shares, [0.05, 0.95])
    return {"percent": _rounded(100.0 * happened.mean()), "interval90": [_rounded(low), _rounded(high)]}


def events_by(course: ArmCourse, event: str, week: float) -> NDArray[np.bool_]:
    """Return who had an event by a week: one of `rodnan.trial.harms.COUNTED`, or ``withdrawal``."""
    day = 7.0 * week
    if event == "death":
        return (course.reason == 1 + REASONS.index("death")) & (course.left_day <= day)
    if event == "withdrawal":
        return course.left_day <= day
    return course.first_event[event] <= day
