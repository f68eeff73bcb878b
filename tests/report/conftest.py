"""A realistic result of one virtual trial for the tests of the report room.

The shape is that of ``rodnan.trial``; the published figures are those of Scleroderma Lung Study II (Tashkin
2016, Lancet Respir Med, doi 10.1016/S2213-2600(16)30152-7). The simulated figures are made up by a smooth
formula, with one miss (leukopenia under cyclophosphamide) so that a disagreement can be seen.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rodnan.report import write_report

WEEKS = list(range(0, 105, 4))
Z90 = 1.6449

ARMS = {
    "mmf": (
        "mycophenolate mofetil 24 months",
        "mycophenolate mofetil 1,500 mg twice daily, weeks 0 to 104",
        69,
    ),
    "cyc": (
        "oral cyclophosphamide 12 months, then matching placebo 12 months",
        "cyclophosphamide 2 mg/kg once daily by mouth, weeks 0 to 52, titrated from 1 mg/kg",
        73,
    ),
}
# endpoint: unit, (mean change at 104 weeks, sd of individual change) per arm, digits
COURSES = {
    "fvc_pct_pred": ("pct_pred", {"mmf": (2.4, 8.8), "cyc": (1.9, 9.4)}),
    "mrss": ("score_0_51", {"mmf": (-4.3, 6.9), "cyc": (-4.6, 7.2)}),
    "haq_di": ("score", {"mmf": (-0.05, 0.41), "cyc": (-0.02, 0.44)}),
}
PUBLISHED_CHANGE = {
    ("fvc_pct_pred", "mmf"): [
        {"mean": 3.3, "se": 1.1, "ci95": None, "n": None, "adjusted": False, "basis": "read"},
        {"mean": 2.19, "se": None, "ci95": [0.53, 3.84], "n": 63, "adjusted": True, "basis": "recalled"},
    ],
    ("fvc_pct_pred", "cyc"): [
        {"mean": 3.0, "se": 1.2, "ci95": None, "n": None, "adjusted": False, "basis": "read"},
        {"mean": 2.88, "se": None, "ci95": [1.19, 4.58], "n": 63, "adjusted": True, "basis": "recalled"},
    ],
}
BASELINE = [
    ("age", "mmf", "year", 52.6, 9.7, 52.3, 9.9),
    ("age", "cyc", "year", 52.0, 9.8, 52.1, 9.9),
    ("female_pct", "mmf", "pct", 70, None, 70.4, None),
    ("female_pct", "cyc", "pct", 78, None, 77.1, None),
    ("dcssc_pct", "mmf", "pct", 62, None, 61.2, None),
    ("dcssc_pct", "cyc", "pct", 55, None, 55.9, None),
    ("disease_duration", "mmf", "year", 2.6, 1.7, 2.63, 1.66),
    ("disease_duration", "cyc", "year", 2.5, 1.8, 2.51, 1.77),
    ("fvc_pct_pred", "mmf", "pct_pred", 66.5, 8.3, 66.6, 8.5),
    ("fvc_pct_pred", "cyc", "pct_pred", 66.5, 9.9, 66.4, 9.6),
    ("dlco_pct_pred", "mmf", "pct_pred", 54.0, 11.1, 57.9, 12.4),
    ("dlco_pct_pred", "cyc", "pct_pred", 54.1, 14.1, 57.5, 13.0),
    ("mrss", "mmf", "score_0_51", 15.3, 10.4, 15.1, 10.1),
    ("mrss", "cyc", "score_0_51", 14.0, 10.6, 14.2, 10.3),
]
EVENTS = [
    ("leukopenia", "WBC <2500/uL", {"mmf": (4, 4.9), "cyc": (30, 24.2)}),
    ("neutropenia", "neutrophils <1000/uL", {"mmf": (3, 2.6), "cyc": (5, 8.4)}),
    ("anaemia", "Hb <10 g/dL, or <9 if <11 at entry", {"mmf": (8, None), "cyc": (13, None)}),
]
WITHDRAWALS = [
    ("did not complete (registry participant flow)", {"mmf": (20, 31.4), "cyc": (36, 44.1)}),
    ("treatment failure", {"mmf": (0, 3.1), "cyc": (2, 4.0)}),
]


def _shape(week: float, arm: str) -> float:
    """Course of the mean, 1 at week 104; the cyclophosphamide arm peaks after treatment stops."""
    rise = 1 - math.exp(-week / 40)
    if arm == "cyc":
        rise *= 1 - 0.25 * max(0, week - 60) / 44
        return rise / ((1 - math.exp(-104 / 40)) * 0.75)
    return rise / (1 - math.exp(-104 / 40))


def _moments(endpoint: str, arm: str, week: float) -> tuple[float, float, float]:
    """Mean change, sd between patients and half-width of the 90 % predictive interval of the trial mean."""
    end, sd = COURSES[endpoint][1][arm]
    mean = end * _shape(week, arm)
    spread = sd * (0.35 + 0.65 * week / 104) if week else 0.0
    luck = spread / math.sqrt(ARMS[arm][2])
    half = Z90 * math.hypot(luck, 0.09 * spread)
    return mean, spread, half


def _percent(n: int, of: int) -> dict[str, Any]:
    """Published count with a Wilson 90 % interval."""
    p = n / of
    centre = (p + Z90**2 / (2 * of)) / (1 + Z90**2 / of)
    half = Z90 * math.sqrt(p * (1 - p) / of + Z90**2 / (4 * of**2)) / (1 + Z90**2 / of)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return {"n": n, "of": of, "percent": 100 * p, "interval90": [100 * low, 100 * high], "basis": "read"}


def _simulated_percent(percent: float, of: int) -> dict[str, Any]:
    half = Z90 * 100 * math.sqrt(percent / 100 * (1 - percent / 100) / of)
    return {"percent": percent, "interval90": [max(0.0, percent - half), percent + half]}


def _with_interval(published: dict[str, Any]) -> dict[str, Any]:
    se = published["se"] if published["se"] else (published["ci95"][1] - published["ci95"][0]) / 3.92
    mean = published["mean"]
    return published | {"interval90": [mean - Z90 * se, mean + Z90 * se], "derived": False}


def _inside(published: float, interval: list[float]) -> bool:
    return interval[0] <= published <= interval[1]


def _outcomes() -> list[dict[str, Any]]:
    rows = []
    for endpoint, (unit, arms) in COURSES.items():
        for arm in arms:
            for week in (26, 52, 78, 104):
                mean, sd, half = _moments(endpoint, arm, week)
                n = ARMS[arm][2]
                simulated = {
                    "mean": mean,
                    "sd": sd,
                    "interval90": [mean - half, mean + half],
                    "n": n,
                    "uncertainty": {
                        "between_patients": sd,
                        "trial_luck": sd / math.sqrt(n),
                        "trial_setting": 0.09 * sd,
                    },
                }
                published = PUBLISHED_CHANGE.get((endpoint, arm), []) if week == 104 else []
                for one in [_with_interval(p) for p in published] or [None]:
                    rows.append(
                        {
                            "arm": arm,
                            "endpoint": endpoint,
                            "measure": "change",
                            "unit": unit,
                            "week": week,
                            "simulated": copy.deepcopy(simulated),
                            "published": one,
                            "agrees": _inside(one["mean"], simulated["interval90"]) if one else None,
                        }
                    )
    return rows


def _contrasts() -> list[dict[str, Any]]:
    rows = []
    for endpoint, (unit, _) in COURSES.items():
        a, _, half_a = _moments(endpoint, "mmf", 104)
        b, _, half_b = _moments(endpoint, "cyc", 104)
        half = math.hypot(half_a, half_b)
        rows.append(
            {
                "arms": ["mmf", "cyc"],
                "endpoint": endpoint,
                "measure": "difference",
                "unit": unit,
                "week": 104,
                "simulated": {
                    "mean": a - b,
                    "sd": half / Z90,
                    "interval90": [a - b - half, a - b + half],
                    "n": 142,
                },
                "published": None,
                "agrees": None,
            }
        )
    return rows


def _counts(table: list[tuple], name: str) -> list[dict[str, Any]]:
    rows = []
    for entry in table:
        for arm, (n, percent) in entry[-1].items():
            published = _percent(n, ARMS[arm][2])
            simulated = _simulated_percent(percent, ARMS[arm][2]) if percent is not None else None
            agrees = _inside(published["percent"], simulated["interval90"]) if simulated else None
            row = {"arm": arm, name: entry[0], "week": 104, "simulated": simulated, "published": published}
            if name == "event":
                row["definition"] = entry[1]
            rows.append(row | {"agrees": agrees})
    return rows


def _trajectories() -> list[dict[str, Any]]:
    rows = []
    for endpoint, (unit, arms) in COURSES.items():
        for arm in arms:
            at = [_moments(endpoint, arm, week) for week in WEEKS]
            z = {"5": -1.645, "25": -0.674, "50": 0.0, "75": 0.674, "95": 1.645}
            rows.append(
                {
                    "arm": arm,
                    "endpoint": endpoint,
                    "unit": unit,
                    "weeks": WEEKS,
                    "mean": [m for m, _, _ in at],
                    "patient_quantiles": {q: [m + k * s for m, s, _ in at] for q, k in z.items()},
                    "mean_interval90": [[m - h for m, _, h in at], [m + h for m, _, h in at]],
                }
            )
    return rows


def make_result() -> dict[str, Any]:
    """Return the result of one virtual Scleroderma Lung Study II as ``rodnan.trial`` gives it."""
    digest = "9f2c4e0a7d51b8c3" * 4
    return {
        "study": "sls-2",
        "title": "Scleroderma Lung Study II",
        "seed": 1,
        "simulation_notice": (
            "Computer simulation of 1,000 virtual patients per arm. It is no prediction for any person "
            "and no "
            "medical advice."
        ),
        "manifest": {
            "rodnan": "0.1.0",
            "python": "3.11.2",
            "numpy": "2.4.6",
            "seed": 1,
            "inputs": {"study": digest, "mycophenolate": digest[::-1], "cyclophosphamide": digest},
            "parameters": {"id": "quick-fit-1", "sha256": digest},
            "settings": {"patients": 1000, "replicates": 200},
        },
        "cohort": {
            "pool": 4096,
            "effective_sample_size": 512.3,
            "patients_per_arm": 1000,
            "baseline": [
                {
                    "variable": variable,
                    "arm": arm,
                    "unit": unit,
                    "published": {"mean": mean, "sd": sd, "basis": "read"},
                    "simulated": {"mean": mean2, "sd": sd2},
                }
                for variable, arm, unit, mean, sd, mean2, sd2 in BASELINE
            ],
        },
        "arms": [
            {"id": arm, "label": label, "regimen": regimen, "published_n": n, "simulated_n": 1000}
            for arm, (label, regimen, n) in ARMS.items()
        ],
        "outcomes": _outcomes(),
        "contrasts": _contrasts(),
        "adverse_events": _counts(EVENTS, "event"),
        "withdrawals": _counts(WITHDRAWALS, "reason"),
        "trajectories": _trajectories(),
        "not_modelled": ["diarrhoea", "haematuria", "pneumonia", "death"],
    }


def make_placebo_result() -> dict[str, Any]:
    """Return a trial against placebo, with several published visits and an empty regimen."""
    result = make_result()
    result["study"] = "sls-1"
    result["title"] = "Scleroderma Lung Study I"
    rename = {"mmf": "placebo", "cyc": "cyc"}
    for row in result["arms"]:
        row["id"] = rename[row["id"]]
        if row["id"] == "placebo":
            row["label"], row["regimen"] = "matching placebo 12 months, then 12 months without study drug", []
    for part in ("outcomes", "adverse_events", "withdrawals", "trajectories"):
        for row in result[part]:
            row["arm"] = rename[row["arm"]]
    for row in result["cohort"]["baseline"]:
        row["arm"] = rename[row["arm"]]
    for row in result["contrasts"]:
        row["arms"] = ["cyc", "placebo"]
    for row in result["outcomes"]:
        if row["endpoint"] == "fvc_pct_pred" and row["arm"] == "placebo" and row["week"] in (52, 78):
            mean = -2.6 if row["week"] == 52 else -3.9
            published = {"mean": mean, "se": 0.9, "ci95": None, "n": 79, "adjusted": False, "basis": "read"}
            row["published"] = _with_interval(published)
            row["agrees"] = _inside(mean, row["simulated"]["interval90"])
    return result


@pytest.fixture
def result() -> dict[str, Any]:
    """One virtual Scleroderma Lung Study II; each test gets its own copy."""
    return make_result()


@pytest.fixture
def placebo_result() -> dict[str, Any]:
    """One virtual trial against placebo, with more published visits."""
    return make_placebo_result()


@pytest.fixture(scope="session")
def build_result() -> Callable[[], dict[str, Any]]:
    """The function that makes the result, for tests that need it once for a whole file."""
    return make_result


@pytest.fixture(scope="session")
def build_placebo_result() -> Callable[[], dict[str, Any]]:
    """The function that makes the result of the trial against placebo."""
    return make_placebo_result


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """One written report: its directory, new below a new one, and the paths returned."""
    directory = tmp_path_factory.mktemp("report") / "deep" / "sls-2"
    return directory, write_report(make_result(), directory)
