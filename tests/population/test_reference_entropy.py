"""Minimum-relative-entropy weights against a general optimiser on the primal problem."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from rodnan.errors import PopulationError
from rodnan.population.entropy import entropy_weights


def primal(features, tolerance):
    """Minimise the relative entropy plus the quadratic penalty over the weights themselves."""
    m = len(features)

    def cost(x):
        w = np.exp(x - x.max())
        w /= w.sum()
        return float(w @ np.log(w * m)) + 0.5 * float(np.sum(((w @ features) / tolerance) ** 2))

    found = minimize(cost, np.zeros(m), method="BFGS", options={"gtol": 1e-9, "maxiter": 4000})
    w = np.exp(found.x - found.x.max())
    return w / w.sum()


@given(st.integers(0, 10_000))
def test_dual_equals_primal(seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(12, 2)) + rng.normal(size=2) * 0.3
    tolerance = np.array([0.2, 0.3])
    found = entropy_weights(features, tolerance)
    np.testing.assert_allclose(found.weights, primal(features, tolerance), atol=2e-4)
    assert abs(found.weights.sum() - 1) < 1e-12


def test_moments_are_met_within_their_tolerance():
    rng = np.random.default_rng(1)
    x = rng.normal(10, 3, 4000)
    features = np.column_stack([(x - 11.5) / 2, ((x - 11.5) / 2) ** 2 - 1])
    w = entropy_weights(features, np.array([0.01, 0.01])).weights
    assert abs(w @ x - 11.5) < 0.02
    assert abs(np.sqrt(w @ (x - w @ x) ** 2) - 2) < 0.03


def test_base_weights_are_kept_where_nothing_is_asked():
    base = np.array([0.0, 1.0, 3.0])
    found = entropy_weights(np.zeros((3, 1)), np.array([1.0]), base)
    np.testing.assert_allclose(found.weights, [0, 0.25, 0.75], atol=1e-12)


def test_what_no_weighting_can_meet_is_refused():
    features = np.array([[5.0], [6.0], [7.0]])  # all above the target
    with pytest.raises(PopulationError, match="RDN-P010"):
        entropy_weights(features, np.array([1e-12]))
