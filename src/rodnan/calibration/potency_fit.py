"""The second stage of the quick fit: one potency a drug, from the calibration trials of that drug."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.courses import Courses
from rodnan.calibration.quick_fit import settings
from rodnan.disease.parameters import ParameterSet
from rodnan.engine.keys import uniforms
from rodnan.pharmacology import load_model, regimen_from_item
from rodnan.pharmacology.models import DrugModel
from rodnan.population.enrol import resample
from rodnan.population.pool import Pool, flare_inputs
from rodnan.trial.cohort import Cohort
from rodnan.trial.conduct import conduct_arm
from rodnan.trial.design import ArmDesign
from rodnan.trial.settings import conduct_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PotencyFit", "fit_potency", "treated_rows"]

PATIENTS = 512


@dataclass(frozen=True)
class PotencyFit:
    """Where the fit of one potency ended.

    Attributes
    ----------
    drug, value
        The potency.
    prior_value
        Before the fit.
    rows
        ``label, observed, model, residual`` of each datum.
    """

    drug: str
    value: float
    prior_value: float
    rows: tuple[Mapping[str, Any], ...]


def _cohort(courses: Courses, entry: str) -> Cohort:
    """Enrol a small cohort to a study's entry rules, without drop-out or repetition."""
    entered = courses.enter(entry, 0.2)
    pool: Pool = courses.pool
    chosen = resample(
        entered.entry.weights,
        PATIENTS,
        float(uniforms(pool.draws.seed, entry, "fit", np.zeros(1, int), 1)[0, 0]),
    )
    who, when = entered.entry.candidates.patient[chosen], entered.entry.candidates.time[chosen]
    return Cohort(
        patients=np.arange(PATIENTS),
        individual=pool.individual[who],
        other={name: v[who] for name, v in pool.other.items()},
        covariates={name: v[who] for name, v in pool.draws.covariates.items()},
        state=pool.states[when, who],
        flares=flare_inputs(pool.flares, pool.days[when], who, 760),
        rater=courses.errors.rater[when, who],
        baseline={name: entered.entry.candidates.values[name][chosen] for name in ("mrss", "fvc_pct_pred")},
        entry=entered.entry,
        pool_size=pool.draws.size,
        duration=entered.entry.candidates.values["disease_duration"][chosen],
    )


def treated_rows(
    courses: Courses, drug: str, model: DrugModel, cohorts: dict[str, Cohort]
) -> list[dict[str, Any]]:
    """Return one row a treated datum of a drug: label, observed, model, residual in standard deviations.

    Everybody stays in; doses are taken, held and reduced as in a trial.
    """
    rows, done = [], {}
    for arm in (a for a in settings()["treated"]["arms"] if a["drug"] == drug):
        cohort = cohorts.setdefault(arm["entry"], _cohort(courses, arm["entry"]))
        key = (arm["entry"], arm["regimen"])
        if key not in done:
            done[key] = [_course(arm, m, cohort, courses.pool.parameters) for m in (model, None)]
        change = [_change(c, arm["endpoint"], arm["days"]) for c in done[key]]
        value = change[0] - change[1] if arm["contrast"] else change[0]
        label = f"{arm['entry']} {arm['endpoint']} day {arm['days']}" + (
            " difference" if arm["contrast"] else ""
        )
        residual = (value - arm["observed"]) / arm["sd"]
        rows.append({"label": label, "observed": arm["observed"], "model": value, "residual": residual})
    return rows


def _course(arm: Mapping[str, Any], model: DrugModel | None, cohort: Cohort, parameters: ParameterSet) -> Any:
    item = settings()["regimens"][arm["regimen"]] | {"drug": arm["drug"]}
    drugs = {} if model is None else {model.id: (regimen_from_item(item, where="quick_fit.yaml"),)}
    models = {} if model is None else {model.id: model}
    design = ArmDesign("fit", arm["entry"], None, drugs, models, arm["regimen"])
    return conduct_arm(
        design,
        cohort,
        parameters,
        conduct_settings(),
        study=f"fit-{arm['entry']}",
        seed=1,
        weeks=104,
        stay=True,
    )


def _change(course: Any, endpoint: str, days: float) -> float:
    visit = int(np.argmin(np.abs(course.days - days)))
    return float((course.observed[endpoint][visit] - course.observed[endpoint][0]).mean())


def fit_potency(courses: Courses, drug: str, report: Callable[[str], None] = lambda line: None) -> PotencyFit:
    """Fit the potency of one drug, all else fixed.

    Parameters
    ----------
    courses
        Untreated courses under the parameters in use.
    drug
        Id of the drug.
    report
        Takes a line of progress.

    Returns
    -------
    PotencyFit
        Minimiser of the robust sum of squares plus the prior of the potency on the logit scale.
    """
    from scipy.optimize import minimize_scalar

    model = load_model(drug)
    potency = model.potency
    assert potency is not None
    cohorts: dict[str, Cohort] = {}

    def at(logit: float) -> tuple[float, list[dict[str, Any]]]:
        value = 1 / (1 + np.exp(-logit))
        rows = treated_rows(
            courses, drug, replace(model, potency=replace(potency, value=float(value))), cohorts
        )
        residuals: NDArray[np.float64] = np.array([r["residual"] for r in rows])
        prior = 0.5 * ((logit - potency.prior_logit_mean) / potency.prior_logit_sd) ** 2
        cost = float(np.sum(np.sqrt(1 + residuals**2) - 1) + prior)
        report(f"{drug}: potency {value:.3f}, cost {cost:.3f}")
        return cost, rows

    found: Any = minimize_scalar(
        lambda x: at(x)[0], bounds=(-2.5, 3.0), method="bounded", options={"xatol": 0.05, "maxiter": 12}
    )
    value = float(1 / (1 + np.exp(-found.x)))
    return PotencyFit(drug, value, potency.value, tuple(at(float(found.x))[1]))
