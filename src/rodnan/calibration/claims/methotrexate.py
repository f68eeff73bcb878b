"""Check of low-dose methotrexate: what kidney function and folic acid do to exposure and to neutrophils."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.lab import Lab, bootstrap
from rodnan.calibration.claims.record import Found, Measured
from rodnan.calibration.claims.typical import course_of
from rodnan.pharmacology import concentrations, draw_patients, load_model
from rodnan.pharmacology.patients import TYPICAL_PATIENT
from rodnan.pharmacology.summaries import area_to_infinity
from rodnan.trial.settings import conduct_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["chance_of_low_count", "toxicity"]

CYCLE = 2
"""Of the kept days of a course (every two weeks), each second one has a blood count: one in four weeks."""


def chance_of_low_count(counts: Array, limit: float, log_sd: float) -> Array:
    """Return the chance that at least one of several measured counts lies below a limit.

    Parameters
    ----------
    counts
        float64[k, n], true counts on the days of measurement (10^9/L).
    limit
        10^9/L.
    log_sd
        Spread from count to count on the log scale; measurements are independent given the true counts.

    Returns
    -------
    ndarray of float64[n]
        ``1 - prod_k (1 - Phi(ln(limit / count_k) / log_sd))``.
    """
    from scipy.special import log_ndtr

    return -np.expm1(log_ndtr(-np.log(limit / counts) / log_sd).sum(axis=0))


def toxicity(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how kidney function and folic acid change exposure to low-dose methotrexate, and neutrophils.

    Parameters
    ----------
    lab
        Shared simulations.
    arguments
        ``doses``, ``crcl`` (usual and lowered creatinine clearance, L/h), ``days``, ``entry`` of the cohort in which low
        counts are counted, ``neutrophils`` (10^9/L) below which a count is low.
    """
    usual, lowered = (float(c) for c in arguments["crcl"])
    states = {"usual": (usual, 0.0), "kidney": (lowered, 0.0), "folate": (lowered, 1.0)}
    dose = ("methotrexate", arguments["doses"])
    exposure = {name: _exposure(crcl, folate) for name, (crcl, folate) in states.items()}
    lowest = {
        name: float(course_of(lab, arguments["days"], dose, crcl=crcl, folate=folate).change("N4").min())
        for name, (crcl, folate) in states.items()
    }
    cohort, log_sd = lab.cohort(arguments["entry"]), conduct_settings()["count_log_sd"]
    chances, effective = {}, 1.0
    for name, (crcl, folate) in states.items():
        course = lab.treat(
            arguments["entry"], [list(dose)], arguments["days"], {"crcl": crcl, "folate": folate}
        )
        counted = slice(CYCLE, course.at(arguments["days"]) + 1, CYCLE)
        counts = cohort.covariates["anc"] * course.state("N4")[counted]
        chances[name] = chance_of_low_count(counts, arguments["neutrophils"], log_sd)
        effective = course.effective

    def odds_ratios(who: NDArray[np.int64]) -> list[float]:
        share = {name: float(c[who].mean()) for name, c in chances.items()}
        odds = {name: s / (1.0 - s) for name, s in share.items()}
        return [odds["kidney"] / odds["usual"], odds["folate"] / odds["kidney"]]

    ratios = odds_ratios(np.arange(lab.patients))
    errors = bootstrap(lab, effective, odds_ratios)
    shares = ", ".join(f"{100 * c.mean():.2f}" for c in chances.values())
    return Found(
        {
            "exposure": Measured(exposure["kidney"] / exposure["usual"]),
            "counts": Measured(lowest["kidney"] - lowest["usual"]),
            "exposure_folate": Measured(exposure["folate"] / exposure["kidney"]),
            "counts_folate": Measured(lowest["folate"] - lowest["kidney"]),
            "risk_kidney": Measured(ratios[0], float(errors[0])),
            "risk_folate": Measured(ratios[1], float(errors[1])),
        },
        f"a low count in {shares} % of patients at 95 and 40 mL/min and at 40 with folic acid; both changes of exposure are "
        "inputs, those of counts follow from the lower or higher level alone, and are smaller than in spontaneous reports "
        "(3.72 and 0.16)",
    )


def _exposure(crcl: float, folate: float) -> float:
    """Return the area under the plasma curve after 15 mg by mouth in the typical patient, mg day/L."""
    patients = draw_patients(load_model("methotrexate"), {**TYPICAL_PATIENT, "crcl": crcl, "folate": folate})
    times = np.concatenate([np.linspace(0, 1, 400), np.linspace(1.05, 4, 60)])
    curve = concentrations(load_model("methotrexate"), patients, [(0.0, 15.0, "oral", 0.0)], times)
    return float(np.ravel(area_to_infinity(times, curve, method="log"))[0])
