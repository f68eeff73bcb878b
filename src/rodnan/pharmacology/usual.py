"""What a usual regimen does to the typical patient: exposure, accumulation and the channels it drives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rodnan.pharmacology.effects import CHANNELS, channel_map, combine, patient_sizes
from rodnan.pharmacology.exposure import daily_effects, empty_state
from rodnan.pharmacology.models import DrugModel
from rodnan.pharmacology.patients import TYPICAL_PATIENT, draw_patients
from rodnan.pharmacology.profiles import concentrations
from rodnan.pharmacology.regimen import DosePlan, dose_plan
from rodnan.pharmacology.regimen_reading import parse_regimen
from rodnan.pharmacology.summaries import accumulation, half_life, summarise, time_above

__all__ = ["UsualExposure", "usual_channels", "usual_exposure"]

Array = NDArray[np.float64]

_POINTS = 400
_LONGEST = 364  # days after which a course without an end is read


@dataclass(frozen=True)
class UsualExposure:
    """Exposure of the typical patient to one regimen.

    Attributes
    ----------
    interval
        Days from dose to dose at the end of the course (the whole course where there is one dose).
    times, concentration
        Profile of the last interval: days from its first dose, mg/L.
    auc, cmax, cmin, cavg
        Of that interval (mg*day/L, mg/L).
    accumulation
        Area of the last over that of the first interval.
    half_life
        Decline after the last dose (day), between one and two intervals after it.
    above
        Share of the last interval above the concentration of half effect; NaN where there is none.
    level
        That concentration (mg/L).
    """

    interval: float
    times: Array
    concentration: Array
    auc: float
    cmax: float
    cmin: float
    cavg: float
    accumulation: float
    half_life: float
    above: float
    level: float


def usual_exposure(
    model: DrugModel, doses: str, covariates: Mapping[str, float] = TYPICAL_PATIENT
) -> UsualExposure | None:
    """Return the exposure of the typical patient to a regimen.

    Parameters
    ----------
    model
        The drug.
    doses
        The regimen in words.
    covariates
        Of the patient.

    Returns
    -------
    UsualExposure or None
        None for a therapy without kinetics.
    """
    if not model.structure.outputs:
        return None
    plan = dose_plan(model, parse_regimen(doses, model.id), covariates, 1)
    given = _given(plan)
    if not given:
        return None
    patients = draw_patients(model, covariates, n=1)
    last = given[-1][0]
    interval = last - given[-2][0] if len(given) > 1 else max(1.0, min(28.0, _five_half_lives(model)))
    output = "total" if model.record.structure.binding else "parent"

    def profile(start: float) -> tuple[Array, Array]:
        inside = np.linspace(0.0, interval, _POINTS)
        early = np.geomspace(1e-3, 1.0, _POINTS // 2) * min(interval, 0.5)
        t = np.unique(np.concatenate([inside, early]))
        t[-1] -= 1e-9 * interval
        return t, concentrations(model, patients, given, start + t, output=output)[0]

    t, c = profile(last)
    summary = summarise(t, c)
    first = summarise(*profile(given[0][0]))
    level = _half_effect(model, output)
    tail = last + interval * np.linspace(1.0, 2.0, 5)
    fall = concentrations(model, patients, given, tail, output=output)[0]
    gone = fall[-1] <= 1e-12 * max(float(summary.cmax), 1e-300)
    return UsualExposure(
        interval=float(interval),
        times=t,
        concentration=c,
        auc=float(summary.auc),
        cmax=float(summary.cmax),
        cmin=float(summary.cmin),
        cavg=float(summary.cavg),
        accumulation=float(accumulation(first.auc, summary.auc)),
        half_life=math.nan if gone else float(half_life(tail, fall, points=5)),
        above=math.nan if math.isnan(level) else float(time_above(t, c, level) / interval),
        level=level,
    )


def usual_channels(
    model: DrugModel, doses: str, days: int = 84, covariates: Mapping[str, float] = TYPICAL_PATIENT
) -> dict[str, float]:
    """Return the mean of each channel over the first days of a regimen in the typical patient.

    Returns
    -------
    dict
        Channel -> mean over `days`, for the channels the drug drives.
    """
    mapping = channel_map([model])
    patients = draw_patients(model, covariates, n=1)
    plan = dose_plan(model, parse_regimen(doses, model.id), covariates, 1)
    series, _ = daily_effects(model, patients, empty_state(model, 1), plan.amounts(0, days), plan.slots)
    mean = combine(mapping, patient_sizes(mapping, [patients]), series)[0].mean(axis=0)
    used = {e.channel for e in model.effects}
    return {name: float(mean[i]) for i, name in enumerate(CHANNELS) if name in used}


def _given(plan: DosePlan) -> list[tuple[float, float, str, float]]:
    """Doses of the first course of at most a year: time, mg, route, length of the infusion."""
    days = int(min(plan.last_day, _LONGEST)) + 1
    amounts = plan.amounts(0, days)[0]
    doses = []
    for day, slot in zip(*np.nonzero(amounts), strict=True):
        s = plan.slots[slot]
        doses.append((float(day + s.time), float(amounts[day, slot]), s.route, s.duration))
    return sorted(doses)[-_MOST:] if len(doses) > _MOST else sorted(doses)


_MOST = 400


def _five_half_lives(model: DrugModel) -> float:
    volumes = sum(model.typical.get(v, 0.0) for v in ("V1", "V2", "V3"))
    return 5.0 * math.log(2.0) * volumes / model.typical["CL"]


def _half_effect(model: DrugModel, output: str) -> float:
    """EC50 of the first series on the concentration that is read, else NaN."""
    for series in model.series:
        if series.form == "emax" and series.concentration == output and series.half is not None:
            return model.typical[series.half]
    return math.nan
