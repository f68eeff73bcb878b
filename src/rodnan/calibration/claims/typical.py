"""Checks on the typical patient: drive and collagen, modes of drugs, depletion, dose levels, routes, exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.lab import Lab, mean_of
from rodnan.calibration.claims.record import Found, Measured
from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.model import advance_patients, onset_state
from rodnan.disease.states import STATE_INDEX
from rodnan.disease.typical_course import Course, typical_course
from rodnan.evidence import load_drug
from rodnan.pharmacology import (
    CHANNELS,
    concentrations,
    daily_effects,
    dose_plan,
    draw_patients,
    empty_state,
    load_model,
    model_ids,
    parse_regimen,
)
from rodnan.pharmacology.patients import TYPICAL_PATIENT
from rodnan.pharmacology.summaries import area_to_infinity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "b_cells",
    "course_of",
    "drive_response",
    "listed_drugs",
    "methotrexate_routes",
    "plasma_exchange",
    "two_dose_levels",
    "two_modes",
]

IMMUNE_KILLS = frozenset(("kT", "kB", "kPs", "kPl", "kM", "kR", "kL"))
KILLERS = ("depletes-cells", "reconstitutes")
NO_KILLERS = ("blocks-proliferation", "blocks-activation", "antifibrotic", "neutralises-cytokine")
T_OR_MARROW = ("kT", "kL", "pT", "pL", "pN", "aT")
MONTH = 30.4375


def course_of(lab: Lab, days: int, *treatments: Sequence[str], **covariates: float) -> Course:
    """Return the course of the typical patient under drugs given in words."""
    given = [(load_model(drug), parse_regimen(doses, drug)) for drug, doses in treatments]
    return typical_course(
        given, days, parameters=lab.parameters, covariates={**TYPICAL_PATIENT, **covariates}
    )


def drive_response(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return what a typical patient's organs do at several strengths of the autoimmune drive, from onset on.

    Parameters
    ----------
    lab
        Parameters.
    arguments
        ``levels`` of the drive, the first being none; ``years`` of follow-up; ``read_years`` at which organs are read.
    """
    p, levels = lab.parameters, np.asarray(arguments["levels"], float)
    own = {"g_s": p["g_s_diffuse"], "g_l": p["g_l_prone"], "sl": p["sl_other"]}
    individual = np.array(
        [[level if k == "a" else own[k] if k in own else p[k] for k in INDIVIDUAL] for level in levels]
    )
    days = int(365.25 * arguments["years"])
    every = np.arange(0, days + 1, 7)
    _, y = advance_patients(p, individual, onset_state(individual), {}, days, out_days=every)
    g_s, g_l = individual[:, INDIVIDUAL.index("g_s")], individual[:, INDIVIDUAL.index("g_l")]
    skin = readouts.mrss(p, y, g_s)
    lung = p["fvc_healthy"] - readouts.fvc_pct_pred(p, y, g_s, g_l, np.full(len(levels), p["fvc_healthy"]))
    matrix = y[..., STATE_INDEX["C_s"]] + y[..., STATE_INDEX["X_s"]]
    then = int(np.argmin(np.abs(every - 365.25 * arguments["read_years"])))
    usual = int(np.argmin(np.abs(levels - 1.0)))
    lag = every[matrix[:, usual].argmax()] - every[y[:, usual, STATE_INDEX["T"]].argmax()]
    return Found(
        {
            "mrss_without_drive": Measured(float(skin[:, 0].max())),
            "fvc_loss_without_drive": Measured(float(lung[:, 0].max())),
            "least_skin_step": Measured(float(np.diff(skin[then]).min())),
            "least_collagen_step": Measured(float(np.diff(matrix[then]).min())),
            "least_lung_step": Measured(float(np.diff(lung[then]).min())),
            "lag": Measured(float(lag)),
        }
    )


def two_modes(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return whether drugs act as they are declared to, and how fast killers and blockers lower lymphocytes.

    Parameters
    ----------
    lab
        Parameters.
    arguments
        ``killer`` and ``blockers`` with their doses, ``early`` (day), ``days`` of follow-up.
    """
    wrong = []
    for drug in model_ids():
        kills = {e.channel for e in load_model(drug).effects} & IMMUNE_KILLS
        action = load_drug(drug).action
        if (action in KILLERS and not kills) or (action in NO_KILLERS and kills):
            wrong.append(drug)
    early, days = arguments["early"], arguments["days"]
    killer = course_of(lab, 28, arguments["killer"]).change("L")
    blockers = [course_of(lab, days, b).change("L") for b in arguments["blockers"]]
    loss = 1.0 - np.exp(-lab.parameters["kL"] * np.arange(1, days + 1))
    fastest = max(float(((1.0 - b[1:]) / loss).max()) for b in blockers)
    return Found(
        {
            "contradictions": Measured(float(len(wrong))),
            "killer_left": Measured(float(killer[early])),
            "blocker_left": Measured(min(float(b[early]) for b in blockers)),
            "fastest_blocker": Measured(fastest),
        },
        f"contradicts its mode: {', '.join(wrong)}" if wrong else "",
    )


def b_cells(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return depletion and return of B cells after a course of a depleting antibody.

    Parameters
    ----------
    lab
        Parameters.
    arguments
        ``drug``, ``doses``, ``days`` and ``back_at``, the fraction of the start that counts as back.
    """
    course = course_of(lab, arguments["days"], (arguments["drug"], arguments["doses"]))
    b = course.change("B")
    lowest = int(b.argmin())
    back = np.flatnonzero(b[lowest:] >= arguments["back_at"])
    month = (lowest + back[0]) / MONTH if len(back) else np.inf
    touched = course.channels[:, [CHANNELS.index(c) for c in T_OR_MARROW]]
    half = np.flatnonzero(b[lowest:] >= 0.5)
    remark = f"half of the start after {(lowest + half[0]) / MONTH:.1f} months" if len(half) else ""
    return Found(
        {
            "left_at_4_weeks": Measured(float(b[28])),
            "month_back": Measured(float(month)),
            "least_lymphocytes": Measured(float(course.change("L").min())),
            "least_neutrophils": Measured(float(course.change("N4").min())),
            "t_channels": Measured(float(np.abs(touched).max())),
        },
        remark,
    )


def listed_drugs(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return how many of the listed drugs can be simulated at their usual regimen, and how many are off-label.

    Parameters
    ----------
    lab
        Parameters.
    arguments
        ``drugs``.
    """
    simulated, off_label = 0, 0
    for drug in arguments["drugs"]:
        course = course_of(lab, 182, (drug, load_model(drug).record.usual[0].doses))
        moved = np.abs(course.treated - course.untreated).max()
        simulated += bool(np.isfinite(course.treated).all() and moved > 1e-3)
        off_label += not load_drug(drug).approved_for_ssc
    return Found({"simulated": Measured(float(simulated)), "off_label": Measured(float(off_label))})


def two_dose_levels(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return the lowest neutrophils at an oncology dose over those at the dose used in scleroderma.

    Parameters
    ----------
    lab
        Parameters.
    arguments
        ``pairs``: drug -> low and high dose in words; ``days``.
    """
    ratios, said = [], []
    for drug, (low, high) in arguments["pairs"].items():
        lowest = [float(course_of(lab, arguments["days"], (drug, d)).change("N4").min()) for d in (low, high)]
        ratios.append(lowest[1] / lowest[0])
        said.append(f"{drug} {lowest[0]:.2f} and {lowest[1]:.3f} of the start")
    return Found({"largest_ratio": Measured(max(ratios))}, "; ".join(said))


def methotrexate_routes(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return exposure to methotrexate by mouth and by needle, and what a switch does.

    Parameters
    ----------
    lab
        Parameters and the cohort that switches.
    arguments
        ``low``, ``middle``, ``high``, ``switch_mg`` (mg a week), ``entry`` of the cohort.
    """
    model = load_model("methotrexate")
    patients = draw_patients(model, TYPICAL_PATIENT)
    times = np.concatenate([np.linspace(0, 1, 400), np.linspace(1.05, 4, 60)])

    def exposure(dose: float, route: str) -> float:
        curve = concentrations(model, patients, [(0.0, dose, route, 0.0)], times)
        return float(np.ravel(area_to_infinity(times, curve, method="log"))[0])

    low, middle, high = (float(arguments[k]) for k in ("low", "middle", "high"))
    oral = {d: exposure(d, "oral") / d for d in (middle, high)}
    needle = {d: exposure(d, "sc") / d for d in (low, high)}
    mg, half = arguments["switch_mg"], 40
    stay, switch = (
        f"{mg:g} mg oral weekly",
        f"{mg:g} mg oral weekly for {half} weeks then {mg:g} mg sc weekly",
    )

    def effect(text: str) -> Array:
        plan = dose_plan(model, parse_regimen(text, "methotrexate"), TYPICAL_PATIENT, 1)
        series, _ = daily_effects(model, patients, empty_state(model, 1), plan.amounts(0, 644), plan.slots)
        return series[0, :, 0]

    days = 7 * half + 364
    courses = [lab.treat(arguments["entry"], [["methotrexate", t]], days) for t in (switch, stay)]
    difference = courses[0].change("mrss", days) - courses[1].change("mrss", days)
    return Found(
        {
            "oral_per_mg": Measured(oral[high] / oral[middle]),
            "needle_per_mg": Measured(needle[high] / needle[low]),
            "needle_over_oral": Measured(needle[high] / oral[high]),
            "switch_effect": Measured(float((effect(switch) - effect(stay))[-1])),
            "switch_skin": mean_of(difference, courses[0].effective),
        },
        "gut events by route are on no record and no part of the verdict",
    )


def plasma_exchange(lab: Lab, arguments: Mapping[str, Any]) -> Found:
    """Return what exchange removes and how the autoantibody comes back, alone and with a companion.

    Parameters
    ----------
    lab
        Parameters.
    arguments
        ``course`` in words, ``companions`` with their doses.
    """
    once = course_of(lab, 28, ("plasma-exchange", "1 session once"))
    removed = -np.expm1(-once.channels[:, CHANNELS.index("xIg")].sum())
    course = ("plasma-exchange", arguments["course"])
    alone = course_of(lab, 200, course).ratio("A1")
    together = {
        c[0]: course_of(lab, 200, course, c).ratio("A1")[180] / alone[180] for c in arguments["companions"]
    }
    said = ", ".join(f"with {drug} {ratio:.2f} of alone" for drug, ratio in together.items())
    return Found(
        {
            "removed": Measured(float(removed)),
            "early": Measured(float(alone[10])),
            "rebound": Measured(float(alone[180])),
            "with_suppression": Measured(max(float(v) for v in together.values())),
        },
        said,
    )
