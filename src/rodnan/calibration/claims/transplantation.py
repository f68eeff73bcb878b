"""Checks of transplantation: largest gain, early deaths, survival that crosses, benefit and harm side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.contrasts import usual_doses
from rodnan.calibration.claims.lab import Lab, Treated, bootstrap, mean_of
from rodnan.calibration.claims.record import Found, Measured, hazards
from rodnan.disease import readouts
from rodnan.disease.hazards import death_hazard
from rodnan.trial.cohort import Cohort

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["risk_benefit", "transplant"]

YEAR = 365.25


def transplant(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return gain, early deaths and crossing of event-free survival of transplantation against pulses.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``entry``; ``transplant`` and ``comparator`` with doses; ``others`` and ``reported`` drugs at their usual regimens;
        ``months`` at which gains are compared; ``years`` of survival; ``organ_failure``, the fall of true FVC (% of entry)
        that counts as one.
    """
    entry, years = arguments["entry"], arguments["years"]
    days = int(YEAR * years)
    graft = lab.treat(entry, [arguments["transplant"]], days)
    pulses = lab.treat(entry, [arguments["comparator"]], days)
    last = round(max(arguments["months"]) * YEAR / 12)
    others = {d: lab.treat(entry, [[d, usual_doses(d)]], last) for d in arguments["others"]}
    others["pulse cyclophosphamide"] = pulses
    margins, best = [], []
    for month in arguments["months"]:
        day = month * YEAR / 12
        gains = {d: float(c.change("mrss", day).mean()) for d, c in others.items()}
        rival = min(gains, key=lambda d: gains[d])
        step = graft.change("mrss", day) - others[rival].change("mrss", day)
        margins.append(mean_of(step, graft.effective))
        best.append(f"{rival} {gains[rival]:.1f} at {month} months")
    told = {d: lab.treat(entry, [[d, usual_doses(d)]], last) for d in arguments["reported"]}
    said = [
        f"HSCT {float(graft.change('mrss', arguments['months'][-1] * YEAR / 12).mean()):.1f}",
        "next: " + ", ".join(best),
    ]
    said += [f"not compared: {d} {float(c.change('mrss', last).mean()):.1f}" for d, c in told.items()]
    cohort, risk = lab.cohort(entry), hazards()
    alive = {name: _survival(lab, cohort, c) for name, c in (("graft", graft), ("pulses", pulses))}
    early = np.minimum(graft.days / risk["transplant_death_days"], 1.0) * risk["transplant_death"]
    alive["graft"] = alive["graft"] * (1.0 - early)[:, None]
    year = graft.at(YEAR)
    deaths = 100.0 * (alive["pulses"][year] - alive["graft"][year])
    limit = 1.0 - arguments["organ_failure"] / 100.0
    intact = {
        name: alive[name] * (np.minimum.accumulate(c.fvc) > limit * c.fvc[0])
        for name, c in (("graft", graft), ("pulses", pulses))
    }

    def crossing(who: NDArray[np.int64]) -> list[float]:
        free = {name: table[:, who].mean(axis=1) for name, table in intact.items()}
        ahead = (graft.days >= risk["transplant_death_days"]) & (free["graft"] > free["pulses"])
        return [float(graft.days[ahead.argmax()]) / YEAR if ahead.any() else float("inf")]

    crossed = crossing(np.arange(lab.patients))[0]
    error = bootstrap(lab, graft.effective, crossing)[0] if np.isfinite(crossed) else 0.0
    at_end = [100.0 * float(intact[k][-1].mean()) for k in ("graft", "pulses")]
    said.append(f"event-free after {years} years {at_end[0]:.0f} % and {at_end[1]:.0f} %")
    said.append("deaths of the treatment are an input (pooled record)")
    return Found(
        {
            "margin": max(margins, key=lambda m: m.value),
            "early_deaths": mean_of(deaths, graft.effective),
            "crossing": Measured(float(crossed), float(error) if np.isfinite(error) else 0.0),
        },
        "; ".join(said),
    )


def _survival(lab: Lab, cohort: Cohort, course: Treated) -> Array:
    """Return each patient's probability of being alive, float64[k, n], by the hazard of death of the disease."""
    lung = cohort.covariates["dlco_healthy"]
    dlco = readouts.dlco_pct_pred(lab.parameters, course.states, cohort.own("g_l"), lung)
    rise = course.mrss - course.mrss[0]
    progressor = ((rise > 5.0) & (rise >= 0.25 * course.mrss[0])).astype(float)
    age = cohort.covariates["age"][None, :] + course.days[:, None] / YEAR
    hazard = death_hazard(age, cohort.covariates["sex"][None, :], course.fvc, dlco, progressor)
    step = np.diff(course.days, prepend=course.days[0])[:, None]
    return np.exp(-np.cumsum(hazard * step, axis=0))


def risk_benefit(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return benefit and harm of transplantation per 100 patients, side by side.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``entry``, ``transplant``, ``comparator``, ``day``, ``noticeable`` fall of the skin score.
    """
    day, fall = arguments["day"], arguments["noticeable"]
    graft, pulses = (lab.treat(arguments["entry"], [arguments[k]], day) for k in ("transplant", "comparator"))
    better = [(c.change("mrss", day) <= -fall).astype(float) for c in (graft, pulses)]
    death = hazards()["transplant_death"]
    better[0] = (1.0 - death) * better[0]  # who dies of the treatment does not improve
    benefit = mean_of(100.0 * (better[0] - better[1]), graft.effective)
    harm = 100.0 * death
    said = (
        f"per 100 patients {100 * better[0].mean():.0f} against {100 * better[1].mean():.0f} improve; {harm:.0f} die of the "
        "treatment against none (pooled record, not simulated)"
    )
    return Found({"benefit": benefit, "harm": Measured(harm)}, said)
