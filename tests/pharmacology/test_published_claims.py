"""Claims of the ledger that the pharmacology must bear out, on the typical patient."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.disease.typical_course import typical_course
from rodnan.errors import PopulationError
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

IMMUNE_KILLS = {"kT", "kB", "kPs", "kPl", "kM", "kR", "kL"}


def _course(days, *treatments):
    return typical_course([(load_model(d), parse_regimen(w, d)) for d, w in treatments], days)


def test_claim_two_modes_of_suppression():
    """A drug said to deplete cells has a rate of killing, a drug said to block division has none; the counts follow.

    A killing drug empties the pool within days. A blocker lowers it no faster than the cells turn over.
    """
    for drug in model_ids():
        channels = {e.channel for e in load_model(drug).effects}
        action = load_drug(drug).action
        if action in ("depletes-cells", "reconstitutes"):
            assert channels & IMMUNE_KILLS, drug
        elif action in ("blocks-proliferation", "blocks-activation", "antifibrotic"):
            assert not channels & IMMUNE_KILLS, drug
    globulin = _course(28, ("anti-thymocyte-globulin", "2.5 mg/kg iv daily x 3"))
    assert globulin.change("L")[5] < 0.2
    blocker = _course(364, ("mycophenolate", "1500 mg twice daily"))
    lymphocytes = blocker.change("L")
    assert lymphocytes[5] > 0.97
    assert 0.8 < lymphocytes[364] < 0.95
    turnover = 0.012 * np.arange(365)  # kL per day, with its uncertainty
    assert (1.0 - lymphocytes <= turnover + 1e-9).all()


def test_claim_rituximab_depletes_b_cells():
    """2 x 1 g: B cells down by more than 95 % in four weeks, back from six to nine months; T and marrow untouched."""
    course = _course(480, ("rituximab", "1000 mg iv every 2 weeks x 2"))
    b = course.change("B")
    assert b[28] < 0.05
    month = 30.4375
    assert b[int(4 * month)] < 0.05
    back = np.flatnonzero(b[60:] > 0.5)[0] + 60
    assert 6 * month < back < 11 * month
    assert b[int(13 * month)] > 0.85
    assert course.change("N4").min() > 0.999
    assert course.change("L").min() > 0.999
    assert not course.channels[:, [CHANNELS.index(c) for c in ("kT", "kL", "pT", "pN", "pL")]].any()


def test_claim_methotrexate_by_mouth_and_by_needle():
    """By mouth the exposure levels off above 15 mg, under the skin it stays linear; a switch raises the effect."""
    model = load_model("methotrexate")
    patients = draw_patients(model, TYPICAL_PATIENT)
    times = np.concatenate([np.linspace(0, 1, 400), np.linspace(1.05, 4, 60)])

    def exposure(dose, route):
        return area_to_infinity(
            times, concentrations(model, patients, [(0.0, dose, route, 0.0)], times), method="log"
        )[0]

    oral = {dose: exposure(dose, "oral") for dose in (7.5, 15.0, 25.0)}
    needle = {dose: exposure(dose, "sc") for dose in (7.5, 15.0, 25.0)}
    assert needle[25.0] / needle[7.5] == pytest.approx(25 / 7.5, rel=1e-3)
    assert oral[25.0] / oral[15.0] < 1.45  # 1.67 if it were linear
    ratios = [needle[d] / oral[d] for d in (7.5, 15.0, 25.0)]
    assert ratios == sorted(ratios)
    assert 1.15 < ratios[0] < 1.3
    assert 1.27 < ratios[1] < 1.5
    assert 1.4 < ratios[2] < 1.7

    def effect(text):
        plan = dose_plan(model, parse_regimen(text, "methotrexate"), TYPICAL_PATIENT, 1)
        series, _ = daily_effects(model, patients, empty_state(model, 1), plan.amounts(0, 560), plan.slots)
        return series[0, :, 0]

    stay = effect("20 mg oral weekly")
    switch = effect("20 mg oral weekly for 40 weeks then 20 mg sc weekly")
    np.testing.assert_array_equal(stay[:280], switch[:280])
    assert switch[500] > stay[500] + 0.04
    assert switch[287] - stay[287] < 0.5 * (switch[500] - stay[500])  # polyglutamates take their time


def test_claim_plasma_exchange_removes_antibodies():
    """One plasma volume takes out 60 to 65 %; alone it rebounds within weeks, with suppression it stays lower."""
    once = _course(60, ("plasma-exchange", "1 session once"))
    removed = 1.0 - np.exp(-once.channels[:, CHANNELS.index("xIg")].sum())
    assert 0.60 < removed < 0.65
    assert 0.35 < once.change("G1")[1] < 0.6  # end of the day, after inflow from tissue
    course = ("plasma-exchange", "1 session every 2 days x 5")
    alone = _course(200, course).ratio("A1")
    assert alone[10] < 0.35
    assert alone[30] > 0.55
    assert alone[180] > 0.85
    for companion in (
        ("mycophenolate", "1500 mg twice daily"),
        ("rituximab", "1000 mg iv every 2 weeks x 2"),
    ):
        together = _course(200, course, companion).ratio("A1")
        assert together[180] / alone[180] < 0.6


def test_claim_low_dose_against_oncology_dose():
    """The lowest neutrophil count at an oncology dose is far below that at the dose used in scleroderma."""
    pairs = {
        "cyclophosphamide": ("2 mg/kg oral daily", "50 mg/kg iv daily x 4"),
        "methotrexate": ("15 mg oral weekly", "3 g/m2 iv over 4 h every 2 weeks x 3"),
    }
    for drug, (low, high) in pairs.items():
        low_nadir = _course(182, (drug, low)).change("N4").min()
        high_nadir = _course(182, (drug, high)).change("N4").min()
        assert low_nadir > 0.5, drug
        assert high_nadir < 0.5 * low_nadir, drug
    pulse = _course(60, ("cyclophosphamide", "600 mg/m2 iv once")).change("N4")
    assert 7 <= pulse.argmin() <= 14  # day of the nadir
    assert pulse.min() > 0.5  # severe neutropenia is rare after a pulse
    assert pulse[45] == pytest.approx(1.0, abs=0.05)


def test_claim_folic_acid_lowers_exposure_to_methotrexate_and_keeps_its_effect():
    """A fifth less in plasma (Bressolle 2000), marrow loss down with it, the effect on T cells as before (Cochrane 2014)."""
    model = load_model("methotrexate")
    times = np.concatenate([np.linspace(0, 1, 400), np.linspace(1.05, 4, 60)])
    plan = dose_plan(model, parse_regimen("15 mg oral weekly", "methotrexate"), TYPICAL_PATIENT, 1)
    area, last, marrow = [], [], []
    for folate in (0.0, 1.0):
        patients = draw_patients(model, {**TYPICAL_PATIENT, "folate": folate})
        curve = concentrations(model, patients, [(0.0, 15.0, "oral", 0.0)], times)
        area.append(float(np.ravel(area_to_infinity(times, curve, method="log"))[0]))
        series, _ = daily_effects(model, patients, empty_state(model, 1), plan.amounts(0, 364), plan.slots)
        last.append(float(series[0, -7:, 0].mean()))
        marrow.append(float(series[0, -7:, 1].mean()))
    assert area[1] / area[0] == pytest.approx(0.8, abs=0.005)
    assert marrow[1] / marrow[0] == pytest.approx(0.8, abs=0.005)
    assert last[1] == pytest.approx(last[0], rel=0.01)


def test_claim_nobody_takes_folic_acid_unless_it_is_said():
    model = load_model("methotrexate")
    unsaid, none = (draw_patients(model, {**TYPICAL_PATIENT, **more}) for more in ({}, {"folate": 0.0}))
    assert unsaid.parameters["CL"][0] == none.parameters["CL"][0]
    with pytest.raises(PopulationError, match="folate must be one of 0"):
        draw_patients(model, {**TYPICAL_PATIENT, "folate": 5.0})
