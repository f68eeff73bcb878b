"""Exact linear kinetics against SciPy: exponentials, inputs, steady states, textbook closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from rodnan.errors import ModelError
from rodnan.pharmacology.linear import advance, expm, propagators, steady_constant, steady_periodic
from rodnan.pharmacology.structures import Absorption, build_structure

rates = st.floats(1e-3, 300.0)


@st.composite
def compartmental(draw, most=9):
    """A random compartmental matrix: off-diagonal flows at or above zero, every column losing something."""
    n = draw(st.integers(1, most))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    k = np.where(rng.random((n, n)) < 0.5, 10.0 ** rng.uniform(-3, 2.3, (n, n)), 0.0)
    np.fill_diagonal(k, 0.0)
    np.fill_diagonal(k, -k.sum(axis=0) - 10.0 ** rng.uniform(-2, 2, n))
    return k


@given(k=compartmental(), h=st.floats(0.0, 2.0))
def test_reference_exponential_of_compartments(k, h):
    """Against SciPy relative to the largest element, and without a negative element anywhere."""
    expected = scipy.linalg.expm(k * h)
    found = expm(k, h)
    assert np.abs(found - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())
    assert (found >= 0.0).all()
    assert (found.sum(axis=0) <= 1.0 + 1e-12).all()


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 8))
def test_reference_exponential_of_any_matrix(seed, n):
    k = np.random.default_rng(seed).normal(size=(n, n))
    expected = scipy.linalg.expm(k)
    assert np.abs(expm(k) - expected).max() <= 1e-12 * np.abs(expected).max()


def test_reference_exponential_keeps_the_digits_of_small_elements():
    """A chain of transit compartments has a known exponential: (k h)^m exp(-k h) / m! at distance m."""
    structure = build_structure(1, [Absorption("oral", transit=6)])
    k = structure.rate_matrix({"MTT_oral": 7 / 300.0, "ka_oral": 300.0, "CL": 1.0, "V1": 1.0})[0]
    for h in (1e-4, 1e-3, 0.02, 0.1, 0.5):
        found = expm(k, h)[:7, 0]
        expected = np.array([(300 * h) ** m * math.exp(-300 * h) / math.factorial(m) for m in range(7)])
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_unit_exponential_of_a_batch_is_each_alone():
    k = np.random.default_rng(3).normal(size=(4, 5, 3, 3))
    h = np.random.default_rng(4).random((4, 5))
    together = expm(k, h)
    for i in range(4):
        for j in range(5):
            np.testing.assert_array_equal(together[i, j], expm(k[i, j], h[i, j]))


def test_unit_exponential_refuses_what_has_none():
    with pytest.raises(ModelError, match="RDN-M110"):
        expm(np.zeros((2, 3)))
    with pytest.raises(ModelError, match="RDN-M111"):
        expm(np.array([[np.nan]]))


@given(k=compartmental(5), h=st.floats(1e-4, 2.0), seed=st.integers(0, 1000))
def test_reference_constant_input(k, h, seed):
    """phi(h) r against the solution of the linear system K phi = expm(K h) - 1."""
    r = np.random.default_rng(seed).random(len(k))
    a = np.random.default_rng(seed + 1).random(len(k))
    e = scipy.linalg.expm(k * h)
    expected = e @ a + np.linalg.solve(k, (e - np.eye(len(k))) @ r)
    np.testing.assert_allclose(advance(k, a, h, r), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(advance(k, a, h), e @ a, rtol=1e-9, atol=1e-13)


def test_property_two_steps_make_one():
    structure = build_structure(3, [Absorption("oral")])
    k = structure.rate_matrix(
        {"ka_oral": 20.0, "CL": 10.0, "V1": 30.0, "Q": 5.0, "V2": 50.0, "Q3": 1.0, "V3": 200.0}
    )
    a, r = np.arange(4.0)[None, :], np.array([[0.0, 3.0, 0.0, 0.0]])
    once = advance(k, a, 0.7, r)
    twice = advance(k, advance(k, a, 0.3, r), 0.4, r)
    np.testing.assert_allclose(once, twice, rtol=1e-13)


def test_reference_one_compartment_oral_closed_form():
    """Bateman's function."""
    ka, cl, v, dose = 24.0, 20.0, 40.0, 100.0
    k = build_structure(1, [Absorption("oral")]).rate_matrix({"ka_oral": ka, "CL": cl, "V1": v})
    ke = cl / v
    for t in (0.01, 0.1, 0.5, 2.0):
        central = advance(k, [[dose, 0.0]], t)[0, 1]
        expected = dose * ka / (ka - ke) * (math.exp(-ke * t) - math.exp(-ka * t))
        assert central == pytest.approx(expected, rel=1e-12)


def test_reference_against_an_ode_solver():
    """Transit, two compartments, effect compartment and metabolite against DOP853."""
    structure = build_structure(
        2, [Absorption("oral", 3)], effect=["site"], metabolite="compartment", metabolite_effect=["late"]
    )
    values = {
        "MTT_oral": 0.05,
        "ka_oral": 30.0,
        "CL": 50.0,
        "V1": 20.0,
        "Q": 40.0,
        "V2": 100.0,
        "fm": 0.3,
        "CLm": 15.0,
        "Vm": 8.0,
        "ke0_site": 1.5,
        "ke0_late": 0.2,
    }
    k = structure.rate_matrix(values)[0]
    start = np.zeros(structure.n_compartments)
    start[structure.entry("oral")] = 500.0
    solved = solve_ivp(lambda t, y: k @ y, (0, 2), start, method="DOP853", rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(advance(k, start, 2.0), solved.y[:, -1], rtol=1e-8, atol=1e-10)
    # The metabolite follows the parent without emptying it twice: parent mass falls by CL/V1 only.
    parent = [structure.compartments.index(c) for c in ("depot_oral", "central", "peripheral_V2")]
    assert k[:, parent[1]][[parent[1], parent[2]]].sum() == pytest.approx(-50.0 / 20.0)


def test_reference_steady_states():
    structure = build_structure(2, [Absorption("sc")])
    k = structure.rate_matrix({"ka_sc": 0.3, "CL": 0.25, "V1": 3.0, "Q": 0.5, "V2": 3.0})
    dose = np.array([[162.0, 0.0, 0.0]])
    after = steady_periodic(k, 7.0, bolus=dose)
    a = np.zeros((1, 3))
    for _ in range(400):
        a = advance(k, a, 7.0) + dose
    np.testing.assert_allclose(after, a, rtol=1e-12)
    # Infusions of 10 days every 7 days overlap.
    rate = np.array([[0.0, 20.0, 0.0]])
    a = np.zeros((1, 3))
    for _ in range(400):
        a = advance(k, advance(k, a, 3.0, 2 * rate), 4.0, rate)
    np.testing.assert_allclose(steady_periodic(k, 7.0, rates=rate, duration=10.0), a, rtol=1e-12)
    np.testing.assert_allclose(
        steady_constant(k, rate), advance(k, np.zeros((1, 3)), 5000.0, rate), rtol=1e-10
    )
    assert steady_constant(k, rate)[0, 0] == 0.0  # nothing reaches the depot


def test_unit_steady_state_refusals():
    closed = np.array([[-1.0, 1.0], [1.0, -1.0]])
    with pytest.raises(ModelError, match="RDN-M112"):
        steady_constant(closed, [1.0, 0.0])
    with pytest.raises(ModelError, match="RDN-M113"):
        steady_periodic(closed, 0.0, bolus=[1.0, 0.0])
    e, phi = propagators(closed, 0.0)
    np.testing.assert_array_equal(e, np.eye(2))
    np.testing.assert_array_equal(phi, np.zeros((2, 2)))


def test_unit_compiles_where_nothing_can_be_kept(monkeypatch):
    """Without a place for the cache the code is compiled all the same."""
    from numba import njit

    from rodnan.pharmacology import linear

    def nowhere(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(linear, "njit", nowhere)
    assert linear.compiled()(lambda x: x + 1.0)(2.0) == 3.0
