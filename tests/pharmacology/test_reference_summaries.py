"""Summaries of profiles against closed forms and a brute-force count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rodnan.errors import ModelError
from rodnan.pharmacology.models import load_model
from rodnan.pharmacology.patients import draw_patients
from rodnan.pharmacology.pieces import DoseSlot
from rodnan.pharmacology.profiles import concentrations, steady_state
from rodnan.pharmacology.summaries import (
    accumulation,
    area,
    area_to_infinity,
    half_life,
    summarise,
    time_above,
)


def test_reference_exponential_decay():
    """The log method and the half-life are exact on an exponential, whatever the times."""
    t = np.array([0.0, 0.3, 1.0, 4.0, 11.0])
    c = np.array([10.0, 3.0])[:, None] * np.exp(-0.2 * t)
    np.testing.assert_allclose(area(t, c, "log"), np.array([10, 3]) / 0.2 * (1 - math.exp(-2.2)), rtol=1e-12)
    np.testing.assert_allclose(half_life(t, c), math.log(2) / 0.2, rtol=1e-12)
    np.testing.assert_allclose(area_to_infinity(t, c, method="log"), np.array([50.0, 15.0]), rtol=1e-12)


def test_unit_straight_lines():
    t = np.array([0.0, 1.0, 3.0])
    c = np.array([0.0, 4.0, 0.0])
    got = summarise(t, c)
    assert (got.auc, got.cmax, got.tmax, got.cmin, got.cavg) == (6.0, 4.0, 1.0, 0.0, 2.0)
    assert got.fluctuation == 2.0
    assert time_above(t, c, 2.0) == pytest.approx(0.5 + 1.0)
    assert time_above(t, c, 4.0) == 0.0
    assert time_above(t, np.full(3, 2.0), 1.0) == 3.0
    assert half_life(t, np.array([1.0, 2.0, 3.0])) == math.inf


@given(
    c=st.lists(st.floats(0.0, 100.0), min_size=2, max_size=12),
    level=st.floats(0.0, 100.0),
)
def test_property_time_above_by_counting(c, level):
    t = np.arange(float(len(c)))
    fine = np.linspace(0.0, t[-1], 20_001)
    counted = (np.interp(fine, t, c) > level).mean() * t[-1]
    assert time_above(t, np.array(c), level) == pytest.approx(counted, abs=t[-1] * len(c) / 2e4 + 1e-9)
    below = t[-1] - time_above(t, np.array(c), level)
    assert -1e-9 <= below <= t[-1] + 1e-9


def test_reference_exposure_of_cyclophosphamide():
    """Dose over clearance, ln 2 V/CL, and the accumulation ratio 1/(1 - exp(-k tau)) of one compartment."""
    model = load_model("cyclophosphamide")
    patients = draw_patients(
        model, {"bsa": [1.5, 1.8]}, np.random.default_rng(0).normal(size=(2, model.n_eta))
    )
    cl, v = patients.parameters["CL"], patients.parameters["V1"]
    t = np.concatenate([np.linspace(0, 0.5, 400), np.linspace(0.51, 8, 2000)])
    c = concentrations(model, patients, [(0.0, 1000.0, "iv", 0.02)], t)
    np.testing.assert_allclose(area_to_infinity(t, c, method="log"), 1000.0 / cl, rtol=1e-3)
    np.testing.assert_allclose(half_life(t, c), math.log(2) * v / cl, rtol=1e-6)
    start = steady_state(model, patients, [100.0], [DoseSlot(0.0, "iv")])
    day = np.linspace(0.0, 0.999, 1000)
    late = summarise(day, concentrations(model, patients, [(0.0, 100.0, "iv", 0.0)], day, state=start))
    first = summarise(day, concentrations(model, patients, [(0.0, 100.0, "iv", 0.0)], day))
    np.testing.assert_allclose(accumulation(first.cmax, late.cmax), 1 / (1 - np.exp(-cl / v)), rtol=1e-9)


def test_unit_refusals():
    with pytest.raises(ModelError, match="RDN-M130"):
        area([0.0, 0.0], [1.0, 1.0])
    with pytest.raises(ModelError, match="RDN-M130"):
        area([0.0, 1.0], [1.0])
    with pytest.raises(ModelError, match="RDN-M131"):
        area([0.0, 1.0], [1.0, -1.0])
    with pytest.raises(ModelError, match="RDN-M132"):
        half_life([0.0, 1.0], [1.0, 0.0], points=2)
    with pytest.raises(ModelError, match="RDN-M132"):
        half_life([0.0, 1.0], [1.0, 0.5], points=1)
    with pytest.raises(ModelError, match="RDN-M131"):
        accumulation([0.0], [1.0])
    with pytest.raises(ModelError, match="RDN-M130"):
        summarise([0.0], [1.0])
