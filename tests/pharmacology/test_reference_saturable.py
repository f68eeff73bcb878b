"""Saturable elimination, binding, doses that change their own bioavailability, therapies without kinetics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.special import lambertw

from rodnan.errors import EvidenceError, ModelError
from rodnan.evidence.loading import parse_record
from rodnan.evidence.records.pkmodel import DrugModelRecord
from rodnan.pharmacology.exposure import daily_effects, empty_state, prepare
from rodnan.pharmacology.kernels import saturable_loss
from rodnan.pharmacology.models import runtime_model
from rodnan.pharmacology.patients import draw_patients
from rodnan.pharmacology.pieces import DoseSlot
from rodnan.pharmacology.profiles import concentrations, steady_state

READ = {"basis": "read", "source": "here"}


def _antibody(drug_data):
    """An antibody like tocilizumab."""
    drug_data["structure"] = {
        "compartments": 2, "absorption": [{"route": "sc"}], "elimination": "linear and saturable",
    }  # fmt: skip
    values = {
        "CL": (0.3, "L/day"), "V1": (3.5, "L"), "Q": (0.2, "L/day"), "V2": (2.9, "L"),
        "ka_sc": (0.17, "1/day"), "Vmax": (7.5, "mg/day"), "Km": (2.7, "mg/L"), "ec50_a": (1.0, "mg/L"),
        "slope_b": (0.05, "L/mg"),
    }  # fmt: skip
    drug_data["parameters"] = [{"name": k, "value": v, "unit": u} | READ for k, (v, u) in values.items()]
    drug_data["routes"] = {"sc": {}, "iv": {"infusion_h": 1.0}}
    return runtime_model(parse_record(DrugModelRecord, drug_data, "test"))


@given(c=st.floats(1e-6, 500.0), rate=st.floats(0.01, 20.0), km=st.floats(0.01, 50.0), h=st.floats(1e-3, 1.0))
def test_reference_saturable_loss_is_lamberts_function(c, rate, km, h):
    """C(h) = km W(C0/km exp((C0 - rate h)/km)), where the exponential can be computed."""
    exponent = (c - rate * h) / km
    found = saturable_loss(c, rate, km, h)
    assert 0.0 < found < c
    if exponent < 600.0:
        argument = c / km * math.exp(exponent)
        if argument > 0.0:
            assert found == pytest.approx(km * float(lambertw(argument).real), rel=1e-9)


def test_reference_saturable_course_against_an_ode_solver(drug_data):
    """Twelve weeks of 162 mg weekly, and an infusion on top: 2e-4 of the stiff solver; effects too."""
    model = _antibody(drug_data)
    patients = draw_patients(model, {}, n=1)
    days = 84
    amounts = np.zeros((1, days, 2))
    amounts[0, ::7, 0] = 162.0
    amounts[0, 40, 1] = 400.0
    slots = [DoseSlot(0.0, "sc"), DoseSlot(0.5, "iv", 1 / 24)]
    effects, end = daily_effects(model, patients, empty_state(model, 1), amounts, slots)
    k = patients.k[0]

    def rate(t, y, infusion):
        c = y[1] / 3.5
        loss = np.array([0.0, 7.5 * c / (2.7 + c), 0.0])
        return k @ y - loss + np.array([0.0, infusion, 0.0])

    y = np.zeros(3)
    for day in range(days):
        y[0] += amounts[0, day, 0]
        pieces = [(0.0, 0.5, 0.0), (0.5, 0.5 + 1 / 24, amounts[0, day, 1] * 24), (0.5 + 1 / 24, 1.0, 0.0)]
        total = 0.0
        for left, right, infusion in pieces:
            solved = solve_ivp(
                rate, (left, right), y, "LSODA", args=(infusion,), rtol=1e-10, atol=1e-12, dense_output=True
            )
            total += quad(lambda t, s=solved: s.sol(t)[1] / 3.5 / (1 + s.sol(t)[1] / 3.5), left, right)[0]
            y = solved.y[:, -1]
        assert effects[0, day, 0] == pytest.approx(total, rel=2e-4)
    np.testing.assert_allclose(end[0], y, rtol=2e-4)
    doses = [(7.0 * i, 162.0, "sc", 0.0) for i in range(12)] + [(40.5, 400.0, "iv", 1 / 24)]
    c = concentrations(model, patients, doses, [84.0 - 1e-9])
    assert c[0, 0] == pytest.approx(y[1] / 3.5, rel=2e-4)


def test_property_saturable_threads_and_cuts_change_nothing(drug_data):
    model = _antibody(drug_data)
    patients = draw_patients(model, {}, n=70)
    amounts = np.random.default_rng(0).uniform(0, 300, (70, 6, 1))
    prepared = prepare(model, patients, [0.25], route="sc")
    whole, end = daily_effects(model, patients, empty_state(model, 70), amounts, prepared, threads=1)
    other, last = daily_effects(model, patients, empty_state(model, 70), amounts, prepared, threads=2)
    np.testing.assert_array_equal(whole, other)
    first, middle = daily_effects(model, patients, empty_state(model, 70), amounts[:, :3], prepared)
    second, last = daily_effects(model, patients, middle, amounts[:, 3:], prepared)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)
    np.testing.assert_array_equal(last, end)
    with pytest.raises(ModelError, match="RDN-M121"):
        steady_state(model, patients, [1.0], [0.0], route="sc")


def test_unit_saturable_needs_its_parameters(drug_data):
    drug_data["structure"]["elimination"] = "linear and saturable"
    with pytest.raises(ModelError, match=r"RDN-M101.*Vmax"):
        runtime_model(parse_record(DrugModelRecord, drug_data, "test"))


def test_reference_binding(drug_data):
    """Series on the total concentration see free x (1 + linear + saturable/(1 + free/Kd))."""
    drug_data["structure"]["binding"] = True
    drug_data["parameters"] += [
        {"name": "bound_linear", "value": 0.8, "unit": "1"} | READ,
        {"name": "bound_saturable", "value": 6.77, "unit": "1"} | READ,
        {"name": "Kd_binding", "value": 0.2, "unit": "mg/L"} | READ,
    ]
    drug_data["series"].append({"name": "all", "form": "mean", "concentration": "total"})
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {}, n=1)
    amounts = np.full((1, 2, 1), 30.0)
    effects, _ = daily_effects(model, patients, empty_state(model, 1), amounts, [0.0], route="oral")
    t = np.linspace(1e-9, 2.0 - 1e-9, 8_001)
    doses = [(0.0, 30.0, "oral", 0.0), (1.0, 30.0, "oral", 0.0)]
    free = concentrations(model, patients, doses, t)
    total = concentrations(model, patients, doses, t, output="total")
    np.testing.assert_allclose(total, free * (1.8 + 6.77 / (1 + free / 0.2)), rtol=1e-12)
    second = t >= 1.0
    mean = np.trapezoid(total[0, second], t[second])
    assert effects[0, 1, 5] == pytest.approx(mean, rel=1e-3)
    drug_data["parameters"].pop()
    with pytest.raises(ModelError, match=r"RDN-M101.*Kd_binding"):
        runtime_model(parse_record(DrugModelRecord, drug_data, "test"))


def test_unit_bioavailability_that_falls_with_the_dose(drug_data):
    drug_data["routes"]["oral"]["dose_power"] = {"reference_mg": 20.0, "exponent": -0.28} | READ
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {}, n=1)
    c = [
        concentrations(model, patients, [(0.0, dose, "oral", 0.0)], [0.1])[0, 0] for dose in (20.0, 5.0, 40.0)
    ]
    assert c[1] / c[0] == pytest.approx(0.25 * 0.25**-0.28)
    assert c[2] / c[0] == pytest.approx(2.0 * 2.0**-0.28)


def test_unit_sessions_without_kinetics(drug_data):
    drug_data |= {
        "structure": {"compartments": 0},
        "parameters": [],
        "routes": {"session": {}},
        "potency": None,
    }
    drug_data["dose_unit"] = "session"
    drug_data["series"] = [{"name": "exchange", "form": "dose"}]
    drug_data["effects"] = [
        {"channel": "xIg", "series": "exchange", "size": 1.0, "unit": "1/day", "potency": False} | READ
    ]
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {}, n=2)
    amounts = np.array([[[0.9], [0.0], [1.5]], [[0.0], [1.0], [0.0]]])
    effects, state = daily_effects(model, patients, empty_state(model, 2), amounts, [0.0])
    np.testing.assert_array_equal(effects[:, :, 0], amounts[:, :, 0])
    np.testing.assert_allclose(state[:, 0], [2.4, 1.0])
    drug_data["routes"] = {"oral": {}}
    with pytest.raises(EvidenceError, match=r"routes\.oral"):
        parse_record(DrugModelRecord, drug_data, "test")


def test_unit_a_covariate_may_be_assumed(drug_data):
    drug_data["parameters"][0]["covariates"] = [
        {"covariate": "tpmt", "form": "factor", "level": 1, "value": 0.5, "assume": 0} | READ
    ]
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    assert model.needed_covariates == ()
    assert dict(model.assumed) == {"tpmt": 0}
    np.testing.assert_allclose(draw_patients(model, {}, n=2).parameters["CL"], 120.0)
    np.testing.assert_allclose(draw_patients(model, {"tpmt": [0.0, 1.0]}).parameters["CL"], [120.0, 60.0])


def test_unit_absorption_above_elimination(drug_data):
    """The depot empties at ka + CL/V1."""
    drug_data["structure"]["absorption"][1]["above_elimination"] = True
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {}, n=1)
    depot = model.structure.compartments.index("depot_sc")
    assert patients.k[0, depot, depot] == pytest.approx(-(0.25 + 120.0 / 20.0))
