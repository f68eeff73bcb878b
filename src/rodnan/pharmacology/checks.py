"""Published exposures, predicted beside observed.

The knowledge file of a drug lists what others measured (``pk.checks``); the drug's model says how it
answers each. An entry agrees when the prediction for the typical patient lies inside the observed range
(range, interquartile range, mean +- SD, confidence interval) or within 1.25-fold of the observed value.
Nothing is left out: an entry the model cannot answer is listed with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import EvidenceError
from rodnan.evidence.loading import load_drug
from rodnan.evidence.records.drug import ExposureCheck
from rodnan.evidence.records.pkmodel import CheckRecord
from rodnan.evidence.records.pkwords import PARAMETER_KINDS, parameter_kind
from rodnan.pharmacology.models import DrugModel
from rodnan.pharmacology.patients import draw_patients
from rodnan.pharmacology.profiles import concentrations
from rodnan.pharmacology.regimen import dose_plan
from rodnan.pharmacology.regimen_reading import parse_regimen
from rodnan.pharmacology.summaries import area, area_to_infinity, time_above
from rodnan.units import convert

__all__ = ["FOLD", "CheckResult", "check_exposure", "observed_checks"]

Array = NDArray[np.float64]

FOLD = 1.25
_PROFILE_POINTS = 1200
_SPREAD_PATIENTS = 256
_AREA = "mg*day/L"


@dataclass(frozen=True)
class CheckResult:
    """One published exposure beside the model.

    Attributes
    ----------
    quantity, regimen, unit
        As the knowledge file has them.
    observed, low, high
        Observed value, and its range where one was given (NaN where not).
    predicted
        Prediction in the unit of the observation; NaN where the model cannot answer.
    verdict
        ``"in range"``, ``"within 1.25-fold"``, ``"outside"`` or ``"not answered"``.
    basis
        How the observation is known.
    remark
        Why it lies outside or is not answered; empty otherwise.
    """

    quantity: str
    regimen: str
    unit: str
    observed: float
    low: float
    high: float
    predicted: float
    verdict: str
    basis: str
    remark: str

    @property
    def agrees(self) -> bool:
        """Whether the prediction agrees with the observation."""
        return self.verdict in ("in range", "within 1.25-fold")


def observed_checks(drug: str) -> tuple[ExposureCheck, ...]:
    """Return the published exposures in the knowledge file of a drug.

    Raises
    ------
    EvidenceError
        No drug of that name is on record.
    """
    kinetics = load_drug(drug).pk
    return () if kinetics is None else kinetics.checks


def check_exposure(
    model: DrugModel, observed: Sequence[ExposureCheck] | None = None
) -> tuple[CheckResult, ...]:
    """Hold a drug's model against its published exposures.

    Parameters
    ----------
    model
        The drug.
    observed
        Entries with ``quantity``, ``regimen``, ``value``, ``unit`` and, where known, ``sd``, ``range``,
        ``iqr``, ``ci95``, ``basis``.

    Returns
    -------
    tuple of CheckResult
        One for each entry, in its order.

    Raises
    ------
    EvidenceError
        ``RDN-E204`` the model's record answers an entry that does not exist, or leaves one unmentioned.
    """
    answers = {(c.quantity, c.regimen): c for c in model.record.checks}
    reasons = {(u.quantity, u.regimen): u.reason for u in model.record.unanswered}
    observed = observed_checks(model.id) if observed is None else observed
    keys = [(o.quantity, o.regimen) for o in observed]
    for key in [*answers, *reasons]:
        if key not in keys:
            raise EvidenceError(
                "RDN-E204",
                "a check of a published exposure that is not on record",
                where=model.id,
                value=key[0],
            )
    results = []
    for key, entry in zip(keys, observed, strict=True):
        if key in answers:
            results.append(_compare(entry, predict(model, answers[key], entry.unit or "1"), answers[key]))
        elif key in reasons:
            results.append(_result(entry, math.nan, "not answered", reasons[key]))
        else:
            raise EvidenceError(
                "RDN-E204",
                "a published exposure that the model neither answers nor declines",
                where=model.id,
                value=f"{key[0]}, {key[1]}",
            )
    return tuple(results)


def predict(model: DrugModel, check: CheckRecord, unit: str) -> float:
    """Return the model's answer to one check, in `unit`."""
    covariates = dict(check.covariates)
    if check.measure == "parameter":
        typical = draw_patients(model, covariates, n=1).parameters
        name = check.parameter or ""
        value, base = float(typical[name][0]), PARAMETER_KINDS[parameter_kind(name) or ""][1]
    elif check.measure == "vss":
        typical = draw_patients(model, covariates, n=1).parameters
        value, base = float(sum(typical[v][0] for v in ("V1", "V2", "V3") if v in typical)), "L"
    elif check.measure == "cv_auc":
        value, base = 100.0 * _spread(model, check), "%"
    else:
        value, base = _read(model, check)
    if check.per == "dose":
        value /= max(amount for _, amount, _, _ in _doses(model, check))
    elif check.per is not None:
        value /= covariates[check.per]
    target = check.via or _without_size(unit, check.per)
    return check.factor * _in_unit(value, base, target, model.record.molar_mass)


def _doses(model: DrugModel, check: CheckRecord) -> list[tuple[float, float, str, float]]:
    """Doses of the typical patient up to the end of the window: time, mg, route, length of the infusion."""
    assert check.window is not None
    days = math.ceil(check.window[1]) + 1
    doses = []
    for regimen in parse_regimen(check.doses or "", model.id):
        plan = dose_plan(model, regimen, check.covariates, 1)
        amounts = plan.amounts(0, days)[0]
        for day, slot in zip(*np.nonzero(amounts), strict=True):
            s = plan.slots[slot]
            doses.append((float(day + s.time), float(amounts[day, slot]), s.route, s.duration))
    return doses


def _profile(
    model: DrugModel, check: CheckRecord, points: int, z: Array | None = None
) -> tuple[Array, Array]:
    """Times (day) from the start of the window and concentrations, shape (n, times)."""
    assert check.window is not None
    first, last = check.window
    patients = draw_patients(model, check.covariates, z, n=None if z is not None else 1)
    doses = _doses(model, check)
    # Points cluster after each dose of the window; the end is read just before a dose that falls on it.
    marks = [t for t, _, _, d in doses if first <= t < last] + [
        t + d for t, _, _, d in doses if d and t < last
    ]
    grid = np.linspace(first, last, points)
    each = max(6, points // (4 * max(1, len(marks))))
    shape = np.geomspace(1e-3, 1.0, each) * min(0.5, last - first)
    times = np.unique(np.concatenate([grid, *[m + shape for m in marks], np.array(marks)]))
    times = times[(times >= first) & (times < last)]
    times = np.append(times, last - 1e-9 * max(last, 1.0))
    c = concentrations(model, patients, doses, times, output=check.output)
    return times - first, c


def _read(model: DrugModel, check: CheckRecord) -> tuple[float, str]:
    t, c = _profile(model, check, _PROFILE_POINTS)
    peak = int(c[0].argmax())
    length = t[-1] - t[0]
    if check.measure == "half_life":
        left, right = c[0, 0], c[0, -1]
        return float(length * math.log(2.0) / math.log(left / right)), "day"
    if check.measure == "time_to_steady":
        last = t > t[-1] - 1.0
        steady = area(t[last], c[0, last]) / (t[last][-1] - t[last][0])
        return float(t[int((c[0] >= 0.9 * steady).argmax())]), "day"
    if check.measure == "free_fraction":
        free = _profile(model, check.model_copy(update={"output": "parent"}), _PROFILE_POINTS)[1]
        return float(area(t, free[0]) / area(t, c[0])), "1"
    if check.measure == "clearance":
        first, last = check.window or (0.0, 0.0)
        given = sum(amount for time, amount, _, _ in _doses(model, check) if first <= time < last)
        return float(given / area(t, c, "log")[0]), "L/day"
    measured = {
        "auc": lambda: (area(t, c, "log")[0], _AREA),
        "auc_infinity": lambda: (area_to_infinity(t, c, method="log")[0], _AREA),
        "cmax": lambda: (c[0, peak], "mg/L"),
        "tmax": lambda: (t[peak], "day"),
        "time_above": lambda: (time_above(t, c, check.level or 0.0)[0], "day"),
        "cmin": lambda: (c[0].min(), "mg/L"),
        "trough": lambda: (c[0, -1], "mg/L"),
        "cavg": lambda: (area(t, c, "log")[0] / length, "mg/L"),
    }
    value, base = measured[check.measure]()
    return float(value), base


def _spread(model: DrugModel, check: CheckRecord) -> float:
    """Coefficient of variation of the area between patients, on a fixed low-discrepancy set of them."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    uniform = qmc.Halton(model.n_eta, scramble=False).random(_SPREAD_PATIENTS + 1)[1:]
    t, c = _profile(model, check, 120, ndtri(uniform))
    areas = area(t, c, "log")
    return float(areas.std() / areas.mean())


def _without_size(unit: str, per: str | None) -> str:
    """The unit before it was divided by the dose or the size of the patient."""
    suffix = {"dose": "/mg", "weight": "/kg", "bsa": "/m2", None: ""}[per]
    if suffix and suffix in unit:
        head, tail = unit.rsplit(suffix, 1)
        return head + tail
    return unit


def _in_unit(value: float, base: str, unit: str, molar_mass: float | None) -> float:
    """Convert, through the molar mass where the unit counts molecules."""
    by_mass = re.sub(r"([numk]?)mol", r"\1g", unit)
    converted = float(convert(value, base, by_mass))
    return converted if by_mass == unit else converted / (molar_mass or math.nan)


def _compare(entry: ExposureCheck, predicted: float, check: CheckRecord) -> CheckResult:
    _, low, high = _observed(entry)
    values = entry.value if isinstance(entry.value, tuple) else (entry.value or math.nan,)
    lowest, highest = min(values), max(values)
    bounds = sorted([lowest / FOLD, lowest * FOLD, highest / FOLD, highest * FOLD])
    inside = low <= predicted <= high or lowest <= predicted <= highest
    near = bounds[0] <= predicted <= bounds[-1]
    comparator = entry.comparator or ""
    if "above" in comparator:
        inside = predicted >= lowest
    elif "below" in comparator:
        inside = predicted <= highest
    verdict = "in range" if inside else "within 1.25-fold" if near else "outside"
    return _result(entry, predicted, verdict, (check.explain or "") if verdict == "outside" else "")


def _observed(entry: ExposureCheck) -> tuple[float, float, float]:
    """Observed value, and the ends of its range where one was given."""
    value = entry.value
    if value is None:
        return math.nan, math.nan, math.nan
    if isinstance(value, tuple):
        return float(sum(value) / len(value)), float(min(value)), float(max(value))
    for ends in (entry.range, entry.iqr, entry.ci95):
        if ends is not None:
            return float(value), float(ends[0]), float(ends[1])
    if entry.sd is not None:
        return float(value), float(value - entry.sd), float(value + entry.sd)
    return float(value), math.nan, math.nan


def _result(entry: ExposureCheck, predicted: float, verdict: str, remark: str) -> CheckResult:
    value, low, high = _observed(entry)
    return CheckResult(
        quantity=entry.quantity,
        regimen=entry.regimen,
        unit=entry.unit or "",
        observed=value,
        low=low,
        high=high,
        predicted=predicted,
        verdict=verdict,
        basis=entry.basis,
        remark=remark,
    )
