"""Checks that compare treated with untreated patients of a study: skin, lung, time to benefit, CXCL4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.lab import Lab, Treated, bootstrap, mean_of, share_of
from rodnan.calibration.claims.record import Found, Measured
from rodnan.disease import readouts
from rodnan.disease.states import STATE_INDEX
from rodnan.engine.keys import uniforms
from rodnan.evidence import load_study, studies
from rodnan.pharmacology import concentrations, dose_plan, draw_patients, load_model, parse_regimen
from rodnan.pharmacology.patients import TYPICAL_PATIENT
from rodnan.trial.conduct import REASONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "against_none",
    "antifibrotic",
    "cxcl4",
    "cyclosporine",
    "long_term",
    "maintenance",
    "onset",
    "peaks_in_order",
    "pilot_agents",
    "recent_decline",
    "usual_doses",
]

FIBROBLAST_CHANNELS = frozenset(("pF", "kF", "fS", "mmp", "nTb"))
CXCL4_PER_K = 466.0
"""ng/mL of CXCL4 that one unit of the state K stands for (unit of the state; Volkmann 2016)."""
YEAR = 365.25


def against_none(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return differences to no treatment, or changes, each in the patients of a study.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``questions``: ``key``, ``study``, ``treatments``, ``readout``, ``day`` and ``what``: ``difference`` (the default) or
        ``change`` from entry.
    """
    values = {}
    for q in arguments["questions"]:
        course = lab.treat(q["study"], q["treatments"], q["day"])
        numbers = course.change(q["readout"], q["day"])
        if q.get("what", "difference") == "difference":
            numbers = numbers - lab.treat(q["study"], [], q["day"]).change(q["readout"], q["day"])
        values[q["key"]] = mean_of(numbers, course.effective)
    return Found(values)


def peaks_in_order(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return when immune activity, vascular injury and skin score peak in untreated diffuse disease.

    Parameters
    ----------
    lab
        Its untreated pool.
    arguments
        ``years`` from onset over which peaks are sought.
    """
    pool = lab.followed.pool
    diffuse = np.flatnonzero(pool.draws.covariates["dcssc"] == 1)
    inside = pool.days <= YEAR * arguments["years"]
    days = pool.days[inside]

    def peak(table: Array) -> Array:
        return days[table[inside][:, diffuse].argmax(axis=0)].astype(float)

    immune = peak(pool.states[..., STATE_INDEX["T"]])
    skin = peak(pool.mrss()) - immune
    vessel = peak(pool.states[..., STATE_INDEX["V"]]) - immune
    n = float(len(diffuse))
    return Found(
        {
            "lag": _median(skin, n),
            "share_before": share_of(skin > 0, n),
            "vessel_lag": _median(vessel, n),
        }
    )


def _median(values: Array, n: float) -> Measured:
    """Return a median with the standard error of a normal sample's (1.2533 sd / sqrt n)."""
    return Measured(float(np.median(values)), 1.2533 * float(values.std(ddof=1)) / float(np.sqrt(n)))


def pilot_agents(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return what each of several drugs does to the skin of early diffuse disease, and how large its studies are.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``entry``, ``drugs`` at their usual regimens, ``day``, and the ``pilots`` whose studies are counted.
    """
    day, none = arguments["day"], lab.treat(arguments["entry"], [], arguments["day"])
    effects = {}
    for drug in arguments["drugs"]:
        course = lab.treat(arguments["entry"], [[drug, usual_doses(drug)]], day)
        effects[drug] = mean_of(course.change("mrss", day) - none.change("mrss", day), course.effective)
    worst = max(effects.values(), key=lambda m: m.value)
    sizes = [
        record.population.n or 0
        for record in map(load_study, studies())
        if set(record.drugs) & set(arguments["pilots"])
    ]
    said = ", ".join(f"{drug} {m.value:.2f}" for drug, m in effects.items())
    return Found({"least_benefit": worst, "largest_pilot": Measured(float(max(sizes, default=0)))}, said)


def antifibrotic(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return where an antifibrotic acts and whether a trial would see its effect on the skin.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``drug``, ``doses``, ``entry``, ``size`` of each arm of the trial, ``day``.
    """
    drug, day = arguments["drug"], arguments["day"]
    course, none = (lab.treat(arguments["entry"], t, day) for t in ([[drug, arguments["doses"]]], []))
    k = course.at(day)
    step = course.change("mrss", day) - none.change("mrss", day)
    spread = float(np.sqrt(none.change("mrss", day).var(ddof=1) + 2.0 * _skin_noise(lab) ** 2))
    error = spread * float(np.sqrt(2.0 / arguments["size"]))
    channels = {e.channel for e in load_model(drug).effects}
    on_record = [s for s in map(load_study, studies()) if drug in s.drugs]
    mean = mean_of(step, course.effective)
    return Found(
        {
            "trial_z": Measured(abs(mean.value) / error, mean.error / error),
            "fibroblasts": mean_of(course.state("F_s")[k] / none.state("F_s")[k], course.effective),
            "lymphocytes": mean_of(course.state("L")[k] / none.state("L")[k], course.effective),
            "immune_channels": Measured(float(len(channels - FIBROBLAST_CHANNELS))),
            "studies": Measured(float(len(on_record))),
        },
        f"difference {mean.value:.2f} mRSS; autoantibody {np.mean(course.state('A1')[k] / none.state('A1')[k]):.3f} of "
        "untreated (through interleukin 6 of fibroblasts alone)",
    )


def _skin_noise(lab: Lab) -> float:
    """Return the within-rater error of the skin score (mRSS)."""
    return lab.parameters["sd_mrss_within"]


def usual_doses(drug: str) -> str:
    """Return the first usual regimen of a drug in words."""
    return load_model(drug).record.usual[0].doses


def cyclosporine(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return the skin effect of ciclosporin beside that of cyclophosphamide, and how often creatinine rises, by dose.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``entry``, ``doses`` with a place for half of the daily dose, ``levels`` (mg/kg/day), ``comparator``, ``day``,
        ``creatinine_rise`` (ratio to the start; creatinine goes with one over filtration).
    """
    entry, day = arguments["entry"], arguments["day"]
    by_level = {
        level: lab.treat(entry, [["cyclosporine", arguments["doses"].format(half=f"{level / 2:g}")]], day)
        for level in arguments["levels"]
    }
    other = lab.treat(entry, [arguments["comparator"]], day)
    until = other.at(day) + 1
    high = {
        level: (c.state("GFR")[:until].min(axis=0) < 1.0 / arguments["creatinine_rise"])
        for level, c in by_level.items()
    }
    shares = {level: share_of(h, other.effective) for level, h in high.items()}
    middle = arguments["levels"][1]
    steps = [
        mean_of(100.0 * (high[b].astype(float) - high[a]), other.effective)
        for a, b in zip(arguments["levels"], arguments["levels"][1:], strict=False)
    ]
    difference = by_level[middle].change("mrss", day) - other.change("mrss", day)
    said = ", ".join(f"{level:g} mg/kg {m.value:.0f} %" for level, m in shares.items())
    return Found(
        {
            "benefit_difference": mean_of(difference, other.effective),
            "renal_share": shares[middle],
            "dose_step": min(steps, key=lambda m: m.value),
        },
        f"creatinine up: {said}",
    )


def onset(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how long each drug takes to half of its 12-month skin effect, and how soon its level is steady.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``entry``, ``drugs`` with doses in words.
    """
    none = lab.treat(arguments["entry"], [], 364)
    until = none.at(364) + 1
    drugs = arguments["drugs"]
    courses = {d: lab.treat(arguments["entry"], [[d, doses]], 364) for d, doses in drugs.items()}
    gain = {d: none.mrss[:until] - c.mrss[:until] for d, c in courses.items()}

    def halves(who: NDArray[np.int64]) -> list[float]:
        times = [_half_time(g[:, who].mean(axis=1), none.days[:until]) for g in gain.values()]
        return [min(times), max(times), *times]

    values = halves(np.arange(lab.patients))
    errors = bootstrap(lab, none.effective, halves)
    steady = min(_early_level(d, doses) for d, doses in drugs.items())
    each = sorted(zip(values[2:], drugs, strict=True))
    return Found(
        {
            "shortest": Measured(values[0], float(errors[0])),
            "longest": Measured(values[1], float(errors[1])),
            "steady": Measured(steady),
        },
        "days to half: " + ", ".join(f"{d} {v:.0f}" for v, d in each),
    )


def _half_time(effect: Array, days: NDArray[np.int64]) -> float:
    """Return when an effect first reaches half of its last value; infinity where there is none."""
    if effect[-1] <= 0:
        return float("inf")
    return float(np.interp(0.5, np.maximum.accumulate(effect / effect[-1]), days))


def _early_level(drug: str, doses: str) -> float:
    """Return the mean concentration of week 2 over that of week 12 in the typical patient."""
    model = load_model(drug)
    patients = draw_patients(model, TYPICAL_PATIENT, n=1)
    plan = dose_plan(model, parse_regimen(doses, drug), TYPICAL_PATIENT, 1)
    amounts = plan.amounts(0, 84)[0]
    given = [
        (float(day + plan.slots[s].time), float(amounts[day, s]), plan.slots[s].route, plan.slots[s].duration)
        for day, s in zip(*np.nonzero(amounts), strict=True)
    ]
    week = np.linspace(0.0, 7.0, 7 * 96)
    levels = [concentrations(model, patients, given, start + week)[0].mean() for start in (7.0, 77.0)]
    return float(levels[0] / levels[1])


def recent_decline(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how FVC goes on after a year of decline, under treatment and without.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``decline`` in the year before (%), ``treatments``, ``day``, ``stable``: the fall (% of entry) that no longer is.
    """
    day = arguments["day"]
    name = _declined(lab, arguments["decline"])
    course, none = (lab.treat(name, t, day) for t in (arguments["treatments"], []))
    stable = _not_down(lab, name, course, day, arguments["stable"])
    step = course.change("fvc", day) - none.change("fvc", day)
    return Found(
        {
            "stable_share": share_of(stable, course.effective),
            "change": mean_of(course.change("fvc", day), course.effective),
            "difference": mean_of(step, course.effective),
        },
        f"without treatment {none.change('fvc', day).mean():.1f} % predicted; rests on {course.effective:.0f} patients",
    )


def _declined(lab: Lab, percent: float) -> str:
    lab.recent_decline(percent)
    return f"recent-decline-{percent:g}"


def _not_down(lab: Lab, name: str, course: Treated, day: float, percent: float) -> NDArray[np.bool_]:
    """Return whose observed FVC has not fallen by `percent` of the observed value at entry."""
    cohort = lab.cohort(name)
    u = uniforms(lab.seed, f"claims/{name}", "fvc-error", cohort.patients, 1)[:, 0]
    seen = readouts.observe_fvc(course.fvc[course.at(day)], u, lab.parameters["sd_fvc_noise"])
    return seen > (1.0 - percent / 100.0) * cohort.baseline["fvc_pct_pred"]


def maintenance(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return what maintenance after induction adds to FVC among those who responded.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``decline``, ``induction``, ``maintenance`` begun on ``from_day``, ``day`` of reading, ``stable``.
    """
    day, begin = arguments["day"], arguments["from_day"]
    name = _declined(lab, arguments["decline"])
    kept = lab.treat(name, [*arguments["induction"], [*arguments["maintenance"], begin]], day)
    stopped = lab.treat(name, arguments["induction"], day)
    responders = _not_down(lab, name, stopped, begin, arguments["stable"])
    step = (kept.fvc - stopped.fvc)[kept.at(day)][responders]
    n = stopped.effective * float(responders.mean())
    return Found(
        {
            "difference": mean_of(step, n),
            "responders": share_of(responders, stopped.effective),
        },
        f"rests on {n:.0f} patients",
    )


def long_term(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return the yearly course of the skin on a drug, and how many stop for side effects.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study``, ``drug``, ``doses``, ``years``, ``stop_years`` over which stops are counted.
    """
    treatments = [[arguments["drug"], arguments["doses"]]]
    days = int(YEAR * arguments["years"])
    course, none = (lab.treat(arguments["study"], t, days) for t in (treatments, []))
    yearly = np.stack([course.mrss[course.at(YEAR * k)] for k in range(arguments["years"] + 1)])
    steps = [mean_of(step, course.effective) for step in np.diff(yearly, axis=0)]
    arm = lab.arm(arguments["study"], treatments, round(52.18 * arguments["stop_years"]))
    stopped = arm.reason == 1 + REASONS.index("adverse event")
    difference = course.change("mrss", days) - none.change("mrss", days)
    return Found(
        {
            "largest_step": max(steps, key=lambda m: m.value),
            "difference": mean_of(difference, course.effective),
            "stopped": share_of(stopped, course.effective),
        },
        "yearly changes " + ", ".join(f"{s.value:.1f}" for s in steps),
    )


def cxcl4(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how the change of CXCL4 goes with the later change of FVC, both arms of a trial together.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study``, ``treatments`` by arm, ``day`` of the second CXCL4 and first FVC, ``later`` day of the second FVC,
        ``size`` of the study.
    """
    first, later = arguments["day"], arguments["later"]
    courses = [lab.treat(arguments["study"], [t], later) for t in arguments["treatments"].values()]
    half = len(courses[0].fvc[0]) // len(courses)
    change, lung, seen = [], [], []
    for i, c in enumerate(courses):  # each patient in one arm only
        who = slice(i * half, (i + 1) * half)
        change.append(CXCL4_PER_K * (c.state("K")[c.at(first)] - c.state("K")[0])[who])
        step = (c.fvc[c.at(later)] - c.fvc[c.at(first)])[who]
        lung.append(step)
        u = uniforms(lab.seed, "claims/cxcl4", f"fvc-error/{i}", np.arange(half), 2)
        scale = lab.parameters["sd_fvc_noise"]
        noise = readouts.observe_fvc(np.zeros(half), u[:, 0], scale) - readouts.observe_fvc(
            np.zeros(half), u[:, 1], scale
        )
        seen.append(step + noise)
    x, y, z = (np.concatenate(v) for v in (change, lung, seen))
    r, r_seen = float(np.corrcoef(x, y)[0, 1]), float(np.corrcoef(x, z)[0, 1])
    n = courses[0].effective
    return Found(
        {
            "correlation": Measured(r, (1.0 - r * r) / float(np.sqrt(max(n - 3.0, 1.0)))),
            "fall": mean_of(x, n),
        },
        f"true values; with the error of spirometry {r_seen:.2f}; an error of the CXCL4 assay is on no record",
    )
