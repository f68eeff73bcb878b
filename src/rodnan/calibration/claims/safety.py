"""Checks of harms: infections, side effects, intolerance, cancer; hazards of record driven by simulated doses and counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.lab import Lab, Treated, Treatment, mean_of, share_of
from rodnan.calibration.claims.record import Found, Measured, hazards
from rodnan.calibration.claims.trials import event_z
from rodnan.calibration.claims.typical import course_of
from rodnan.disease import readouts
from rodnan.engine.keys import uniforms
from rodnan.evidence import load_drug
from rodnan.pharmacology import dose_plan, load_model, parse_regimen
from rodnan.trial.analysis import events_by
from rodnan.trial.cohort import Cohort
from rodnan.trial.conduct import REASONS
from rodnan.trial.harms import lung_infection_hazard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "azathioprine_tolerance",
    "cancer",
    "gut_events",
    "infection_hazard",
    "infections",
    "side_effects",
    "steroid_infections",
]

YEAR = 365.25
SIDE_EFFECT = REASONS.index("adverse event") + 1


def infection_hazard(cohort: Cohort, course: Treated, prednisolone: Array) -> Array:
    """Return the hazard of serious infection (1/year) along a course, float64[k, n].

    That of a virtual trial, `rodnan.trial.harms.lung_infection_hazard`.

    Parameters
    ----------
    cohort, course
        Who, and their counts.
    prednisolone
        float64[k, 1] or [k, n], mg/kg/day.
    """
    c = cohort.covariates
    return lung_infection_hazard(
        c["age"][None, :] + course.days[:, None] / YEAR,
        prednisolone,
        readouts.neutrophils(course.states, c["anc"]),
        readouts.lymphocytes(course.states, c["lymphocytes"]),
        readouts.igg(course.states),
    )


def _mean_hazard(lab: Lab, study: str, treatments: Sequence[Treatment], days: int = 364) -> Array:
    """Return each patient's mean hazard of serious infection over a course, 1/year, float64[n]."""
    cohort, course = lab.cohort(study), lab.treat(study, treatments, days)
    steroid = np.zeros((len(course.days), len(cohort.patients)))
    for drug, doses, *_ in treatments:
        if drug != "prednisone":
            continue
        plan = dose_plan(
            load_model(drug), parse_regimen(doses, drug), cohort.covariates, len(cohort.patients)
        )
        daily = plan.amounts(0, int(course.days[-1]) + 1).sum(axis=2)
        steroid += daily[:, course.days].T / cohort.covariates["weight"]
    until = course.at(days) + 1
    hazard = infection_hazard(cohort, course, steroid)[:until]
    return 0.5 * (hazard[1:] + hazard[:-1]).mean(axis=0)


def _ratio(first: Array, second: Array, effective: float) -> Measured:
    """Return a ratio of means of the same patients with its standard error."""
    r = float(first.mean() / second.mean())
    spread = (first - r * second).std(ddof=1) / second.mean()
    return Measured(r, float(spread) / float(np.sqrt(max(effective, 1.0))))


def infections(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how the hazard of serious infection rises with the dose of each regimen, and its absolute size.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study``, ``regimens`` as ``words with {amount}|half|full``, ``observed_weeks`` of the absolute rate.
    """
    study, n = arguments["study"], lab.effective(lab.cohort(arguments["study"]))
    none = _mean_hazard(lab, study, [])
    rises, steps = {}, {}
    for drug, text in arguments["regimens"].items():
        words, half, full = text.split("|")
        low, high = (_mean_hazard(lab, study, [[drug, words.format(amount=a)]]) for a in (half, full))
        rises[drug], steps[drug] = _ratio(high, none, n), _ratio(high, low, n)
    weeks = arguments["observed_weeks"]
    arms = {
        "mycophenolate": "1500 mg twice daily for 104 weeks",
        "cyclophosphamide": "2 mg/kg oral daily for 52 weeks",
    }
    infected = [
        -np.expm1(-_mean_hazard(lab, study, [[d, w]], weeks * 7) * weeks * 7 / YEAR) for d, w in arms.items()
    ]
    said = ", ".join(f"{d} {m.value:.2f}" for d, m in rises.items())
    return Found(
        {
            "least_rise": min(rises.values(), key=lambda m: m.value),
            "least_step": min(steps.values(), key=lambda m: m.value),
            "absolute": mean_of(100.0 * 0.5 * (infected[0] + infected[1]), n),
        },
        f"hazard over none: {said}; the hazard sees counts, IgG, age and prednisolone and not the function of T cells",
    )


def steroid_infections(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return the hazard of infection under a glucocorticoid over those of other regimens.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study``, ``steroid`` and ``others`` with their doses.
    """
    study, n = arguments["study"], lab.effective(lab.cohort(arguments["study"]))
    none = _mean_hazard(lab, study, [])
    steroid = _mean_hazard(lab, study, [arguments["steroid"]])
    others = {d: _mean_hazard(lab, study, [[d, w]]) for d, w in arguments["others"].items()}
    next_highest = max(others, key=lambda d: float(others[d].mean()))
    return Found(
        {
            "over_mycophenolate": _ratio(steroid, others["mycophenolate"], n),
            "over_next": _ratio(steroid, others[next_highest], n),
            "over_none": _ratio(steroid, none, n),
        },
        f"next highest: {next_highest}, {others[next_highest].mean() / none.mean():.2f} times none",
    )


def gut_events(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how many have gut complaints on mycophenolate in a conducted arm, and how many stop.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study``, ``arm``, ``weeks`` over which stops for any reason are counted.
    """
    h, course = hazards(), lab.trial(arguments["study"], arguments["weeks"])[arguments["arm"]]
    n = lab.effective(lab.cohort(arguments["study"]))
    per_week = -np.log1p(-h["gut_mycophenolate"]) / h["gut_mycophenolate_weeks"]
    on_drug = np.minimum(course.left_day / 7.0, h["gut_mycophenolate_weeks"])
    u = uniforms(lab.seed, "claims/gut", "event", np.arange(len(on_drug)), 1)[:, 0]
    gut = u < -np.expm1(-per_week * on_drug)
    within_year = (course.reason == SIDE_EFFECT) & (course.left_day <= 364)
    return Found(
        {
            "gut_share": share_of(gut, n),
            "stopped_any": share_of(events_by(course, "withdrawal", arguments["weeks"]), n),
            "stopped_side_effects": share_of(within_year, n),
        },
        "the rate of gut complaints is an input (lupus nephritis, 28 % in 24 weeks); stops come from the conducted trial",
    )


def azathioprine_tolerance(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how many stop azathioprine for side effects, by TPMT carriers, and the course of the others.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study`` whose patients take it, ``doses``, ``day``.
    """
    h, study, day = hazards(), arguments["study"], arguments["day"]
    n = lab.effective(lab.cohort(study))
    course = lab.treat(study, [["azathioprine", arguments["doses"]]], day)
    u = uniforms(lab.seed, "claims/azathioprine", "tolerance", np.arange(lab.patients), 2)
    carrier = u[:, 0] < h["tpmt_carriers"]
    base = _usual_share(
        h["intolerance_azathioprine"], h["intolerance_azathioprine_carriers"], h["tpmt_carriers"]
    )
    odds = base / (1.0 - base) * np.where(carrier, h["intolerance_azathioprine_carriers"], 1.0)
    stopped = u[:, 1] < odds / (1.0 + odds)
    lowest = [
        float(
            course_of(lab, day, ("azathioprine", arguments["doses"]), tpmt=float(phenotype))
            .change("N4")
            .min()
        )
        for phenotype in (0, 1)
    ]
    stays = ~stopped
    by_type = [100.0 * float(stopped[c].mean()) if c.any() else float("nan") for c in (carrier, ~carrier)]
    return Found(
        {
            "stopped": share_of(stopped, n),
            "carriers": Measured(lowest[1] / lowest[0]),
            "fvc_tolerant": mean_of(course.change("fvc", day)[stays], n * float(stays.mean())),
        },
        f"stopped {by_type[0]:.0f} % of carriers and {by_type[1]:.0f} % of others; the rate is that of boerner-2020 within "
        "3 months, an input",
    )


def _usual_share(overall: float, odds_ratio: float, carriers: float) -> float:
    """Return the probability in non-carriers that gives the overall one, by bisection."""
    low, high = 0.0, overall
    for _ in range(60):
        middle = 0.5 * (low + high)
        odds = odds_ratio * middle / (1.0 - middle)
        mixed = (1.0 - carriers) * middle + carriers * odds / (1.0 + odds)
        low, high = (middle, high) if mixed < overall else (low, middle)
    return 0.5 * (low + high)


_KINDS = {
    "gut": re.compile(r"diarrh|nausea|vomit|abdominal|\bgi\b|gastro|stomatitis", re.IGNORECASE),
    "hair": re.compile(r"alopecia|hair", re.IGNORECASE),
    "blood": re.compile(r"leuk|neutro|cytopenia|anaemia|lymphop|white|wbc", re.IGNORECASE),
}


def side_effects(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how many cards list harms with numbers, which kinds they name, and how simulated counts differ.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``drugs``, and the ``study`` and ``weeks`` of the counts.
    """
    cards, kinds = 0, set()
    for drug in arguments["drugs"]:
        rows = [r for r in load_drug(drug).safety if _has_number(r)]
        cards += bool(rows)
        kinds |= {k for k, words in _KINDS.items() if any(words.search(r.event) for r in rows)}
    study, weeks = arguments["study"], arguments["weeks"]
    arms = lab.trial(study, weeks)
    _, low_cyc, low_mmf = event_z(lab, study, arms["cyc"], arms["mmf"], "leukopenia", weeks)
    happened = [events_by(arms[a], "leukopenia", weeks).astype(float) for a in ("cyc", "mmf")]
    spread = mean_of(100.0 * (happened[0] - happened[1]), lab.effective(lab.cohort(study)))
    lacking = sorted(set(_KINDS) - kinds)
    return Found(
        {
            "cards": Measured(float(cards)),
            "kinds": Measured(float(len(kinds))),
            "leukopenia_spread": spread,
        },
        f"leukopenia {low_cyc:.0f} % on cyclophosphamide, {low_mmf:.0f} % on mycophenolate"
        + (f"; no number on a card for: {', '.join(lacking)}" if lacking else ""),
    )


def _has_number(row: Any) -> bool:
    return any(
        getattr(row, name, None) is not None for name in ("incidence_pct", "n", "rate_per_100py", "range_pct")
    )


def cancer(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return the hazard ratio of bladder cancer that the doses of a trial carry, by the published slope per 10 g.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``study`` and ``arm`` with the year by mouth, ``low_dose`` pulses, ``class_mg`` of the published upper class.
    """
    course = lab.trial(arguments["study"])[arguments["arm"]]
    slope = hazards()["bladder_cancer_cyclophosphamide"]
    ratio = slope ** (course.dose_taken / 1e4)
    upper = course.dose_taken > arguments["class_mg"]
    drug, words = arguments["low_dose"]
    cohort = lab.cohort(arguments["study"])
    plan = dose_plan(load_model(drug), parse_regimen(words, drug), cohort.covariates, len(cohort.patients))
    pulses = slope ** (plan.amounts(0, 364).sum(axis=(1, 2)) / 1e4)
    n = lab.effective(cohort)
    return Found(
        {
            "high_class": mean_of(ratio[upper], n * float(upper.mean()))
            if upper.sum() > 1
            else Measured(float("nan")),
            "year_over_pulses": _ratio(ratio, pulses, n),
        },
        f"mean dose {course.dose_taken.mean() / 1000:.0f} g by mouth, {100 * upper.mean():.0f} % above "
        f"{arguments['class_mg'] / 1000:g} g; the slope (2.0 per 10 g, 0.8 to 4.9) is an input",
    )
