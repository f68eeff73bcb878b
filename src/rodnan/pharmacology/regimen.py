"""Regimens: from what a protocol says to the milligrams each patient is to take on each day.

A :class:`Regimen` is one drug, one dose rule and one interval over a span of time; several follow each
other or run side by side. :func:`dose_plan` resolves the rule for each patient (mg/kg and mg/m2 need a
weight or a body surface: they are rules, not units) and :meth:`DosePlan.amounts` lays the doses out by day.
What patients really take is less: :func:`taken` applies adherence, and the trial hands in holds and
reductions as multipliers.

A week is 7 days and a month 30.4375 days. A regimen given at most once a week includes a dose due on the
last day of its span ("weekly, weeks 0 to 3" is four infusions); a more frequent one ends with the day
before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import DoseError, PopulationError, UnitError, nearest_name
from rodnan.pharmacology.models import DrugModel
from rodnan.pharmacology.monitoring_rules import MonitoringRule, check_rules
from rodnan.pharmacology.pieces import DoseSlot

__all__ = [
    "AS_TOLERATED",
    "DOSE_UNITS",
    "DosePlan",
    "DoseRule",
    "Increments",
    "Regimen",
    "dose_plan",
    "span_of",
    "taken",
]

Array = NDArray[np.float64]

AS_TOLERATED = "titrated as tolerated"
"""Note of a regimen whose titration is that of the drug's record."""

DOSE_UNITS: Mapping[str, tuple[float, str]] = {
    "mg": (1.0, "flat"),
    "g": (1000.0, "flat"),
    "ug": (0.001, "flat"),
    "mcg": (0.001, "flat"),
    "mg/kg": (1.0, "weight"),
    "g/kg": (1000.0, "weight"),
    "ug/kg": (0.001, "weight"),
    "mg/m2": (1.0, "bsa"),
    "g/m2": (1000.0, "bsa"),
    "session": (1.0, "session"),
    "sessions": (1.0, "session"),
    "plasma volumes per session": (1.0, "session"),
    "cells/kg": (1.0, "infusion"),
}
"""Unit of a dose -> (mg or sessions in one, what it is counted by); an infusion of cells is one session."""


@dataclass(frozen=True)
class DoseRule:
    """An amount by a rule: ``amount`` in ``unit``, one of ``DOSE_UNITS``."""

    amount: float
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in DOSE_UNITS:
            raise UnitError(
                "RDN-U210",
                f"unknown unit of a dose; known are: {', '.join(DOSE_UNITS)}",
                value=self.unit,
                nearest=nearest_name(self.unit, DOSE_UNITS),
            )
        if not (math.isfinite(self.amount) and self.amount > 0.0):
            raise DoseError("RDN-D110", "a dose must be a finite number above zero", value=self.amount)

    @property
    def per(self) -> str:
        """What the dose is counted by: flat, weight, bsa, session or infusion."""
        return DOSE_UNITS[self.unit][1]

    def resolve(self, covariates: Mapping[str, ArrayLike], n: int) -> Array:
        """Return the dose of each patient (mg, or sessions), shape (n,).

        Raises
        ------
        PopulationError
            ``RDN-P110`` the weight or body surface a rule needs is missing; ``RDN-P102`` it is not above
            zero.
        """
        factor = self.amount * DOSE_UNITS[self.unit][0]
        if self.per == "infusion":
            return np.ones(n)
        if self.per not in ("weight", "bsa"):
            return np.full(n, factor)
        if self.per not in covariates:
            raise PopulationError(
                "RDN-P110",
                f"a dose in {self.unit} needs the covariate {self.per}",
                value=", ".join(covariates) or "none",
                nearest=nearest_name(self.per, covariates),
            )
        size = np.broadcast_to(np.asarray(covariates[self.per], dtype=np.float64), (n,))
        if not (np.isfinite(size) & (size > 0.0)).all():
            bad = float(size[~(np.isfinite(size) & (size > 0.0))][0])
            raise PopulationError(
                "RDN-P102", f"the covariate {self.per} must be a finite number above zero", value=bad
            )
        return factor * size


@dataclass(frozen=True)
class Increments:
    """Titration: begin with `start`, add `step` every `every` days until the target is reached."""

    start: DoseRule
    step: DoseRule
    every: float


@dataclass(frozen=True)
class Regimen:
    """One drug at one dose and interval over a span of time.

    Attributes
    ----------
    drug, route
        Id of the drug and route of its model; no route: the model's only one.
    dose
        Target dose at each time of taking.
    interval
        Days from dose to dose; 0.5 is twice daily. Infinity: once.
    start, stop
        Span (day); stop may be infinity.
    doses
        At most so many doses; None: as many as fit.
    titration
        How the target is reached; None: at once.
    rounding
        Round each dose to the nearest multiple (mg); 0: not.
    maximum
        Never more than this at one time (mg).
    infusion
        Length of an infusion (day); None: as the model's route says.
    notes
        What the protocol says beyond this, and what was assumed; to be shown, never acted on.
    rules
        By what the dose is held, reduced, resumed or stopped; whoever gives the doses acts on them.
    """

    drug: str
    route: str | None
    dose: DoseRule
    interval: float
    start: float = 0.0
    stop: float = math.inf
    doses: int | None = None
    titration: Increments | None = None
    rounding: float = 0.0
    maximum: float = math.inf
    infusion: float | None = None
    notes: tuple[str, ...] = ()
    rules: tuple[MonitoringRule, ...] = ()

    def __post_init__(self) -> None:
        reasons = {
            "an interval must be above zero": self.interval > 0.0,
            "more than eight doses a day": self.interval >= 0.125 - 1e-9,
            "the start must be a finite number of days": math.isfinite(self.start),
            "a regimen must stop after it starts": self.stop > self.start,
            "a number of doses must be at least one": self.doses is None or self.doses >= 1,
            "rounding must be finite and not below zero": 0.0 <= self.rounding < math.inf,
            "a maximum dose must be above zero": self.maximum > 0.0,
            "an infusion lasts between 0 and 24 hours": self.infusion is None or 0.0 <= self.infusion <= 1.0,
        }
        for reason, legal in reasons.items():
            if not legal:
                raise DoseError("RDN-D111", reason, where=self.drug)
        if self.titration is not None and not (0.0 < self.titration.every < math.inf):
            raise DoseError("RDN-D111", "a titration step must last a finite time", where=self.drug)
        if self.interval < 1.0 and abs(round(1.0 / self.interval) * self.interval - 1.0) > 1e-6:
            raise DoseError(
                "RDN-D112",
                "an interval below a day must divide it (24, 12, 8, 6, 4 or 3 hours)",
                where=self.drug,
                value=f"{24 * self.interval:g} h",
            )

    @property
    def per_day(self) -> int:
        """Doses on a day with doses."""
        return max(1, round(1.0 / self.interval)) if self.interval < 1.0 else 1


@dataclass(frozen=True)
class _Course:
    """One regimen resolved: target, start and step of each patient (mg) and the slots it uses."""

    regimen: Regimen
    target: Array
    first: Array
    step: Array
    slots: tuple[int, ...]


@dataclass(frozen=True)
class DosePlan:
    """What n patients are to take of one drug.

    Attributes
    ----------
    drug
        Id of the drug.
    slots
        Times of day, for `rodnan.pharmacology.exposure`.
    n
        Number of patients.
    notes
        Remarks of the regimens, to be shown.
    rules
        Rules of the regimens together; they hold for all of them. :meth:`amounts` is the plan before they act.
    """

    drug: str
    slots: tuple[DoseSlot, ...]
    n: int
    courses: tuple[_Course, ...]
    notes: tuple[str, ...]
    rules: tuple[MonitoringRule, ...] = ()

    def amounts(self, first_day: int, days: int, multiplier: ArrayLike | None = None) -> Array:
        """Return the planned doses of a span of days.

        Parameters
        ----------
        first_day
            First day; may be negative for treatment before entry.
        days
            Number of days.
        multiplier
            Factor on every dose of each patient, shape (n,) or (n, days): 0 holds, 0.5 halves. Not below
            zero.

        Returns
        -------
        ndarray, shape (n, days, slots)
            Amounts (mg or sessions).

        Raises
        ------
        DoseError
            ``RDN-D113`` a multiplier below zero or not finite, or a number of days below zero.
        """
        if days < 0:
            raise DoseError("RDN-D113", "a number of days below zero", value=days)
        amounts = np.zeros((self.n, days, len(self.slots)))
        for course in self.courses:
            due = _due(course.regimen, first_day, days)
            for day in np.flatnonzero(due):
                mg = _on_day(course, first_day + int(day))
                for slot in course.slots[: due[day]]:
                    amounts[:, day, slot] += mg
        if multiplier is None:
            return amounts
        factor = np.asarray(multiplier, dtype=np.float64)
        if not (np.isfinite(factor) & (factor >= 0.0)).all():
            raise DoseError(
                "RDN-D113", "a dose multiplier must be a finite number not below zero", where=self.drug
            )
        return amounts * (factor[:, None, None] if factor.ndim == 1 else factor[:, :, None])

    def under_way(self, first_day: int, days: int) -> bool:
        """Return whether treatment is under way at any time in a span of days, between doses included.

        Parameters
        ----------
        first_day, days
            The span.
        """
        spans = (span_of(course.regimen) for course in self.courses)
        return any(start < first_day + days and end > first_day for start, end in spans)

    @property
    def last_day(self) -> float:
        """Day after which no dose is due; may be infinity."""
        return max((_last(course.regimen) for course in self.courses), default=0.0)


def span_of(regimen: Regimen) -> tuple[float, float]:
    """Return the time over which a regimen is under way.

    Parameters
    ----------
    regimen
        The regimen.

    Returns
    -------
    first, end : float
        Day of the first dose, and the day on which the time of the last dose is over (one interval after it;
        one day where it is given once). The end may be infinity.
    """
    length = 1.0 if math.isinf(regimen.interval) else max(regimen.interval, 1.0)
    return regimen.start, _last(regimen) + length


def dose_plan(
    model: DrugModel,
    regimens: Regimen | Sequence[Regimen],
    covariates: Mapping[str, ArrayLike],
    n: int,
) -> DosePlan:
    """Resolve regimens of one drug for n patients.

    Parameters
    ----------
    model
        The drug.
    regimens
        One or more regimens of this drug; where they overlap their doses add.
    covariates
        ``weight`` (kg) and ``bsa`` (m2) where a rule needs them, shape (n,) or ().
    n
        Number of patients.

    Returns
    -------
    DosePlan

    Raises
    ------
    DoseError
        ``RDN-D115`` a regimen of another drug, or in a unit this drug is not dosed in; ``RDN-D185`` the rules
        of its regimens contradict each other.
    ModelError
        ``RDN-M104`` the drug cannot be given by the route.
    PopulationError
        A weight or body surface is missing.
    """
    regimens = [regimens] if isinstance(regimens, Regimen) else list(regimens)
    slots: list[DoseSlot] = []
    courses: list[_Course] = []
    notes: list[str] = []
    for regimen in regimens:
        if regimen.drug != model.id:
            raise DoseError("RDN-D115", f"a regimen of another drug than {model.id}", value=regimen.drug)
        regimen = _with_defaults(model, regimen)
        session = regimen.dose.per in ("session", "infusion")
        if session != (model.dose_unit == "session"):
            raise DoseError(
                "RDN-D115",
                f"{model.id} is dosed in {model.dose_unit}",
                where=model.id,
                value=regimen.dose.unit,
            )
        route = regimen.route or ""
        infusion = model.route(route).infusion if regimen.infusion is None else regimen.infusion
        used: list[int] = []
        for i in range(regimen.per_day):
            slot = DoseSlot(i / regimen.per_day, route, infusion)
            if slot not in slots:
                slots.append(slot)
            used.append(slots.index(slot))
        target = _rounded(regimen, regimen.dose.resolve(covariates, n))
        first, step = target, np.zeros(n)
        if regimen.titration is not None:
            first = np.minimum(_rounded(regimen, regimen.titration.start.resolve(covariates, n)), target)
            step = regimen.titration.step.resolve(covariates, n)
        courses.append(_Course(regimen, target, first, step, tuple(used)))
        notes += [f"{model.id}: {note}" for note in regimen.notes]
    rules = check_rules([rule for regimen in regimens for rule in regimen.rules], model.id)
    notes += [f"{model.id}: {rule} (acted on at the visits of a trial)" for rule in rules]
    return DosePlan(model.id, tuple(slots), n, tuple(courses), tuple(dict.fromkeys(notes)), rules)


def taken(planned: ArrayLike, adherence: ArrayLike, uniforms: ArrayLike) -> Array:
    """Return what is really taken: each planned dose with the patient's probability.

    Parameters
    ----------
    planned
        Planned amounts, shape (n, days, slots).
    adherence
        Probability of taking a dose, shape () or (n,), in [0, 1].
    uniforms
        Uniform random numbers in [0, 1), shape of `planned`.

    Returns
    -------
    ndarray, shape (n, days, slots)

    Raises
    ------
    DoseError
        ``RDN-D116`` an adherence outside [0, 1].
    """
    planned = np.asarray(planned, dtype=np.float64)
    probability = np.broadcast_to(np.asarray(adherence, dtype=np.float64), planned.shape[:1])
    if not ((probability >= 0.0) & (probability <= 1.0)).all():
        bad = float(probability[~((probability >= 0.0) & (probability <= 1.0))][0])
        raise DoseError("RDN-D116", "an adherence is a probability", value=bad)
    return np.where(np.asarray(uniforms) < probability[:, None, None], planned, 0.0)


def _with_defaults(model: DrugModel, regimen: Regimen) -> Regimen:
    """Fill in route, titration, rounding and maximum from the drug's model, noting what was assumed."""
    route = regimen.route
    if (route is None or model.dose_unit == "session") and len(model.routes) == 1:
        route = next(
            iter(model.routes)
        )  # a session has one way of being given, whatever the protocol calls it
    model.route(route or "")
    regimen = replace(regimen, route=route)
    dosing = model.record.dosing
    if dosing is None:
        return regimen
    rounding = regimen.rounding
    if rounding == 0.0 and dosing.rounding_mg is not None and regimen.dose.per != "flat" and route == "oral":
        rounding = dosing.rounding_mg
    maximum = regimen.maximum
    if math.isinf(maximum) and dosing.maximum_mg is not None and route == "oral":
        maximum = dosing.maximum_mg
    titration, notes = regimen.titration, list(regimen.notes)
    if titration is None and AS_TOLERATED in notes and dosing.titration is not None:
        steps = dosing.titration
        titration = Increments(
            DoseRule(steps.start, steps.unit), DoseRule(steps.step_mg, "mg"), 7.0 * steps.every_weeks
        )
        notes[notes.index(AS_TOLERATED)] = (
            f"titrated as tolerated, taken as: start {steps.start:g} {steps.unit}, {steps.step_mg:g} mg more"
            f" every {steps.every_weeks:g} weeks ({steps.basis})"
        )
    return replace(regimen, rounding=rounding, maximum=maximum, titration=titration, notes=tuple(notes))


def _rounded(regimen: Regimen, mg: Array) -> Array:
    if regimen.rounding > 0.0:
        mg = np.maximum(np.floor(mg / regimen.rounding + 0.5), 1.0) * regimen.rounding
    return np.minimum(mg, regimen.maximum)


def _on_day(course: _Course, day: int) -> Array:
    titration = course.regimen.titration
    if titration is None:
        return course.target
    steps = math.floor((day - course.regimen.start) / titration.every + 1e-9)
    return np.minimum(course.first + steps * course.step, course.target)


def _last(regimen: Regimen) -> float:
    """Last day on which a dose may be due, by the span and the number of doses."""
    if math.isinf(regimen.interval):
        return regimen.start
    last = regimen.stop if regimen.interval >= 7.0 else float(np.ceil(regimen.stop)) - 1.0
    if regimen.doses is not None:
        by_count = regimen.start + (math.ceil(regimen.doses / regimen.per_day) - 1) * max(
            regimen.interval, 1.0
        )
        last = min(last, by_count)
    return last


def _due(regimen: Regimen, first_day: int, days: int) -> NDArray[np.int64]:
    """Doses due on each day of a span (0 up to ``per_day``)."""
    due = np.zeros(days, dtype=np.int64)
    last = _last(regimen)
    if regimen.interval < 1.0:
        for i in range(days):
            day = first_day + i
            if math.floor(regimen.start) <= day <= last:
                so_far = (day - math.floor(regimen.start)) * regimen.per_day
                left = regimen.per_day if regimen.doses is None else regimen.doses - so_far
                due[i] = min(regimen.per_day, max(left, 0))
        return due
    if math.isinf(regimen.interval):
        count = [0]
    else:
        lowest = max(0, math.floor((first_day - 1 - regimen.start) / regimen.interval))
        highest = max(-1, math.ceil((first_day + days - regimen.start) / regimen.interval))
        count = range(lowest, highest + 1)
    for i in count:
        at = regimen.start + (i * regimen.interval if i else 0.0)
        if at > last + 1e-9 or (regimen.doses is not None and i >= regimen.doses):
            break
        day = math.floor(at + 0.5) - first_day
        if 0 <= day < days:
            due[day] = 1
    return due
