"""Natural-history targets N1 to N18: what the untreated model says beside what was observed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rodnan.calibration.courses import Courses
from rodnan.disease.hazards import death_hazard
from rodnan.disease.reference_values import fvc_predicted_litres
from rodnan.population.covariates import ANTIBODIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Target", "TargetPart", "evaluate_target", "natural_history", "targets"]


class TargetPart(BaseModel):
    """One number of a target, with its tolerance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    label: str
    observed: float
    low: float
    high: float
    unit: str
    basis: Literal["read", "recalled", "estimated", "assumed"]
    source: str = Field(min_length=3)

    @model_validator(mode="after")
    def _observed_inside(self) -> TargetPart:
        if not self.low <= self.observed <= self.high:
            raise ValueError("the observed value lies outside its own tolerance")
        return self


class Target(BaseModel):
    """One natural-history target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^N\d+$")
    title: str
    parts: tuple[TargetPart, ...]


@lru_cache(maxsize=1)
def targets() -> tuple[Target, ...]:
    """Return the targets, in order."""
    import yaml

    text = files("rodnan.calibration").joinpath("natural_history.yaml").read_text(encoding="utf-8")
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tuple(Target.model_validate(row) for row in loaded["targets"])


def natural_history(courses: Courses) -> list[dict[str, object]]:
    """Evaluate every target.

    Parameters
    ----------
    courses
        Untreated courses of a pool of at least ten years.

    Returns
    -------
    list of dict
        Rows ``id, target, parts, model, observed, tolerance, verdict, note`` as the report renders them; the verdict is
        ``within`` when every part is.
    """
    rows = []
    for target in targets():
        values = evaluate_target(target.id, courses)
        inside = all(part.low <= values[part.key] <= part.high for part in target.parts)
        rows.append(
            {
                "id": target.id,
                "target": target.title,
                "parts": [
                    part.model_dump()
                    | {"model": values[part.key], "within": part.low <= values[part.key] <= part.high}
                    for part in target.parts
                ],
                "model": "; ".join(f"{values[p.key]:.1f}" for p in target.parts),
                "observed": "; ".join(f"{p.observed:g}" for p in target.parts),
                "tolerance": "; ".join(f"{p.low:g} to {p.high:g}" for p in target.parts),
                "verdict": "within" if inside else "outside",
                "note": "; ".join(f"{p.label} ({p.unit})" for p in target.parts),
            }
        )
    return rows


def evaluate_target(name: str, courses: Courses) -> Mapping[str, float]:
    """Return the model's value of each part of a target."""
    return _TARGETS[name](courses)


YEAR = 365.25


def _n1(c: Courses) -> Mapping[str, float]:
    v, days = c.everyone.values, c.pool.days
    usable = (v["dcssc"] == 1) & (v["disease_duration"] < 1.5) & (days[c.everyone.time] + 183 <= days[-1])
    chosen = c.everyone.take(np.flatnonzero(usable))
    later = chosen.time + round(183 / c.step_days)
    rising = c.mrss[later, chosen.patient] > c.mrss[chosen.time, chosen.patient]
    trial = c.enter("trial-early", 1.1)
    return {
        "rising_share": 100.0 * float(rising.mean()),
        "trial_improved_share": trial.share(trial.change(c.observed_mrss, YEAR) < 0),
    }


def _n2(c: Courses) -> Mapping[str, float]:
    v, days = c.everyone.values, c.pool.days
    usable = (
        (v["dcssc"] == 1) & (v["disease_duration"] < 3.0) & (days[c.everyone.time] + 2 * YEAR <= days[-1])
    )
    chosen = c.everyone.take(np.flatnonzero(usable))
    span = np.arange(round(2 * YEAR / c.step_days) + 1)
    window = c.observed_mrss[chosen.time[None, :] + span[:, None], chosen.patient[None, :]]
    true = c.mrss[chosen.time[None, :] + span[:, None], chosen.patient[None, :]]
    peak, end = true.max(axis=0), true[-1]
    improved = (peak - end > 0.25 * peak) & (peak - end >= 5.0) & (window[0] >= 0)
    return {
        "improved_share": 100.0 * float(improved.mean()),
        "improved_loss": 100.0 * float(((peak - end) / np.maximum(peak, 1e-9))[improved].mean())
        if improved.any()
        else 0.0,
    }


def _n3(c: Courses) -> Mapping[str, float]:
    dpen, collagen, relaxin = c.enter("dpen", 1.1), c.enter("collagen", 1.1), c.enter("relaxin", 0.6)
    return {
        "dpen": dpen.mean(dpen.change(c.observed_mrss, YEAR)),
        "collagen": collagen.mean(collagen.change(c.observed_mrss, YEAR)),
        "relaxin": relaxin.mean(relaxin.change(c.observed_mrss, YEAR / 2)),
    }


def _skin_steps(before: Array, change: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    large = (np.abs(change) > 5.0) & (np.abs(change) >= 0.25 * before)
    return large & (change < 0), large & (change > 0)


def _n4(c: Courses) -> Mapping[str, float]:
    e = c.enter("eustar-dc", 1.1)
    down, up = _skin_steps(e.at(c.observed_mrss), e.change(c.observed_mrss, YEAR))
    return {"regress": e.share(down), "progress": e.share(up)}


def _n5(c: Courses) -> Mapping[str, float]:
    e = c.enter("press", 2.1)
    worse = np.zeros(len(e.entry.weights), bool)
    for days in (YEAR / 2, YEAR, 1.5 * YEAR, 2 * YEAR):
        worse |= _skin_steps(e.at(c.observed_mrss), e.change(c.observed_mrss, days))[1]
    survival = e.mean(_survival(c, e.entry.candidates.time, e.entry.candidates.patient, 2.04 * YEAR))
    return {
        "skin_worse": e.share(worse),
        "fvc_worse": e.share(e.change(c.observed_fvc, 2 * YEAR) <= -10.0),
        "deaths": 100.0 * (1.0 - survival),
    }


def _survival(c: Courses, time: NDArray[np.int64], patient: NDArray[np.int64], days: float) -> Array:
    """Return each candidate's probability of living `days` more."""
    covariates, pool = c.pool.draws.covariates, c.pool
    dlco = pool.dlco()
    steps = round(days / c.step_days)
    total = np.zeros(len(time))
    year = round(YEAR / c.step_days)
    for k in range(steps):
        now = np.minimum(time + k, len(pool.days) - 1)
        before = np.maximum(now - year, 0)
        skin, then = c.mrss[now, patient], c.mrss[before, patient]
        progressor = (skin - then > 5.0) & (skin - then >= 0.25 * then)
        age = covariates["age"][patient] + k * c.step_days / YEAR
        hazard = death_hazard(
            age, covariates["sex"][patient], c.fvc[now, patient], dlco[now, patient], progressor.astype(float)
        )
        total += hazard * c.step_days
    return np.exp(-total)


def _n6(c: Courses) -> Mapping[str, float]:
    e = c.enter("registry-lc", 0.0)
    return {"median": e.median_score(e.at(c.observed_mrss))}


def _n7(c: Courses) -> Mapping[str, float]:
    e = c.enter("early-all", 0.0)
    rate = e.at(c.observed_mrss) / e.entry.candidates.values["disease_duration"]
    return {"fast_share": e.share(rate > 12.0)}


def _n8(c: Courses) -> Mapping[str, float]:
    e = c.enter("fasscinate", 1.1)
    return {
        "week24": e.mean(e.change(c.observed_mrss, 168)),
        "week48": e.mean(e.change(c.observed_mrss, 336)),
    }


def _n9(c: Courses) -> Mapping[str, float]:
    e = c.enter("focussced-ild", 1.1)
    return {"week48": e.mean(e.change(c.observed_fvc, 336))}


def _n10(c: Courses) -> Mapping[str, float]:
    e = c.enter("sls-1", 1.1)
    change = e.change(c.observed_fvc, YEAR)
    extent = e.entry.candidates.values["lung_load"] * np.exp(0.4 * _extent_noise(c, e.entry.candidates))
    high = (extent >= e.quantile(extent, 0.34)).astype(float)
    return {
        "all": e.mean(change),
        "high": e.mean(change, among=high),
        "low": e.mean(change, among=1.0 - high),
    }


def _extent_noise(c: Courses, chosen) -> Array:
    """Return the reading error of the HRCT fibrosis score (log scale, sd one), the same for a patient at all times."""
    from rodnan.engine.keys import normals

    return normals(c.pool.draws.seed, "pool", "hrct-extent", np.arange(c.pool.draws.size), 1)[
        chosen.patient, 0
    ]


def _n11(c: Courses) -> Mapping[str, float]:
    e = c.enter("senscis", 1.1)
    covariates = c.pool.draws.covariates
    who = e.entry.candidates.patient
    age, male, height = covariates["age"][who], covariates["sex"][who], covariates["height"][who]
    before, after = (fvc_predicted_litres(age + years, height, male) * 1000.0 for years in (0.0, 1.0))
    rate = e.at(c.fvc, YEAR) / 100 * after - e.at(c.fvc) / 100 * before
    return {"rate": e.mean(rate)}


def _n12(c: Courses) -> Mapping[str, float]:
    one, five = c.enter("eustar-ild", 1.1), c.enter("eustar-ild", 5.1)
    readings = np.stack([five.at(c.observed_fvc, k * YEAR) for k in range(6)])
    periods = (np.diff(readings, axis=0) <= -5.0).sum(axis=0)
    return {
        "decline5": one.share(one.change(c.observed_fvc, YEAR) <= -5.0),
        "rapid": five.share(periods >= 3),
    }


def _n13(c: Courses) -> Mapping[str, float]:
    """Follow those with a lung load above 5 from the time it is first passed."""
    from rodnan.disease.readouts import lung_load

    pool = c.pool
    load = lung_load(pool.parameters, pool.states, pool.own("g_l"))
    reached = load > 5.0
    onset = np.argmax(reached, axis=0)
    year = round(YEAR / c.step_days)
    usable = np.flatnonzero(reached.any(axis=0) & (onset + 7 * year < len(pool.days)))
    first, later = c.fvc[onset[usable] + year, usable], c.fvc[onset[usable] + 7 * year, usable]
    return {"year1": float(first.mean()), "slope": float((later - first).mean() / 6.0)}


def _n14(c: Courses) -> Mapping[str, float]:
    e = c.enter("canada-ild", 5.1)
    readings = np.stack([e.at(c.observed_fvc, k * YEAR) for k in range(6)])
    x = np.arange(6) - 2.5
    slope = (x[:, None] * readings).sum(axis=0) / (x**2).sum()
    fastest = (slope <= e.quantile(slope, 0.25)).astype(float)
    true = np.stack([e.at(c.fvc, k * YEAR) for k in range(6)])
    return {"fastest": e.mean((x[:, None] * true).sum(axis=0) / (x**2).sum(), among=fastest)}


def _n15(c: Courses) -> Mapping[str, float]:
    """Clinically significant fibrosis within 10 years: FVC ever at or below 70 %, or a lung load of 12 log-percent.

    The load stands for an extent on HRCT above a fifth of the lung (assumed).
    """
    from rodnan.disease.readouts import lung_load

    antibody = c.pool.draws.covariates["antibody"].astype(int)
    limited = c.pool.draws.covariates["dcssc"] == 0
    lowest = c.fvc.min(axis=0)
    load = lung_load(c.pool.parameters, c.pool.states, c.pool.own("g_l")).max(axis=0)
    significant = (lowest <= 70.0) | (load >= 12.0)
    ata, aca = antibody == ANTIBODIES.index("ata"), (antibody == ANTIBODIES.index("aca")) & limited
    return {"ata": 100.0 * float(significant[ata].mean()), "aca": 100.0 * float(significant[aca].mean())}


def _n16(c: Courses) -> Mapping[str, float]:
    e = c.enter("eustar-dc", 4.5)
    progressor = _skin_steps(e.at(c.observed_mrss), e.change(c.observed_mrss, YEAR))[1]
    start = e.at(c.observed_fvc, YEAR)
    fell = np.zeros(len(start), bool)
    for years in (2.0, 3.0, 4.0, 4.4):
        fell |= e.at(c.observed_fvc, years * YEAR) <= 0.90 * start
    return {
        "progressors": e.share(fell, among=progressor.astype(float)),
        "others": e.share(fell, among=1.0 - progressor.astype(float)),
    }


def _n17(c: Courses) -> Mapping[str, float]:
    who = np.arange(c.pool.draws.size)
    start = np.minimum(np.round(c.pool.other["t_lead"] / c.step_days).astype(np.int64), len(c.pool.days) - 1)
    diffuse = c.pool.draws.covariates["dcssc"] == 1
    result = {}
    for years in (5, 10):
        alive = _survival(c, start, who, years * YEAR)
        result[f"dc{years}"] = 100.0 * float(alive[diffuse].mean())
        result[f"lc{years}"] = 100.0 * float(alive[~diffuse].mean())
    return result


def _n18(c: Courses) -> Mapping[str, float]:
    """Healthy people matched to the trial's patients in age, height and sex."""
    e = c.enter("senscis", 1.1)
    who = e.entry.candidates.patient
    age, height, male = (c.pool.draws.covariates[name][who] for name in ("age", "height", "sex"))
    before, after = (fvc_predicted_litres(age + years, height, male) for years in (0.0, 1.0))
    return {"slope": 1000.0 * e.mean(after - before)}


_TARGETS: Mapping[str, Callable[[Courses], Mapping[str, float]]] = MappingProxyType(
    {
        f"N{k}": f
        for k, f in enumerate(
            (
                _n1,
                _n2,
                _n3,
                _n4,
                _n5,
                _n6,
                _n7,
                _n8,
                _n9,
                _n10,
                _n11,
                _n12,
                _n13,
                _n14,
                _n15,
                _n16,
                _n17,
                _n18,
            ),
            start=1,
        )
    }
)
