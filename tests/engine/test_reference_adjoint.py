"""The adjoint kernel and the JAX module of a small system against central differences and each other."""

import os

import numpy as np
import pytest

from reference.small_system import small_system
from rodnan.engine.batch import advance
from rodnan.engine.compile import lane_source
from rodnan.engine.compile.adjoint import adjoint_source
from rodnan.engine.compile.cache import load_kernel
from rodnan.engine.gradient import pull_back
from rodnan.errors import EngineError

DAYS, N, OUT = 10, 35, np.array([0, 4, 9, 10])
POPULATION = np.array([0.4, 0.37])


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    os.environ["RODNAN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    try:
        yield (
            load_kernel("small", "adjoint-test", lambda: lane_source(small_system())),
            load_kernel("small_adjoint", "adjoint-test", lambda: adjoint_source(small_system())),
        )
    finally:
        del os.environ["RODNAN_CACHE"]


def problem():
    rng = np.random.default_rng(3)
    y = np.column_stack([rng.normal(size=N), rng.normal(size=N), rng.uniform(0.5, 2, N)])
    k = rng.uniform(0.05, 0.3, (N, 1))
    u = rng.uniform(0, 3, (DAYS, 1, N))
    return y, k, u, rng.normal(size=(len(OUT), N, 3)), rng.integers(1, 4, (DAYS, N))


def loss(kernel, y, k, population, u, weights, steps):
    """Return each patient's loss."""
    active = np.array([0])
    _, out = advance(
        kernel, y, k, population, np.zeros(1), active, u, out_days=OUT, substeps=steps, workers=1
    )
    return (out * weights).sum(axis=(0, 2))


@pytest.mark.parametrize("span", [1, 3, 7, 50])
@pytest.mark.parametrize("workers", [1, 2])
def test_adjoint_agrees_with_central_differences(kernels, span, workers):
    forward, backward = kernels
    y, k, u, weights, steps = problem()
    by_y, by_k, by_p = pull_back(
        backward, y, k, POPULATION, np.zeros(1), np.array([0]), u, OUT, weights,
        substeps=steps, shared=True, span=span, workers=workers,
    )  # fmt: skip

    def slope(change):
        e = 1e-5
        (yp, kp, pp), (ym, km, pm) = change(e), change(-e)
        high = loss(forward, yp, kp, pp, u, weights, steps)
        return (high - loss(forward, ym, km, pm, u, weights, steps)) / (2 * e)

    for i in range(3):
        shift = np.eye(3)[i]
        want = slope(lambda e, s=shift: (y + e * s, k, POPULATION))
        np.testing.assert_allclose(by_y[:, i], want, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(by_k[:, 0], slope(lambda e: (y, k + e, POPULATION)), rtol=1e-7, atol=1e-8)
    for i in range(2):
        shift = np.eye(2)[i]
        want = slope(lambda e, s=shift: (y, k, POPULATION + e * s))
        np.testing.assert_allclose(by_p[:, i], want, rtol=1e-7, atol=1e-8)


def test_without_shared_parameters_the_rest_is_the_same(kernels):
    y, k, u, weights, steps = problem()
    arguments = (kernels[1], y, k, POPULATION, np.zeros(1), np.array([0]), u, OUT, weights)
    with_shared = pull_back(*arguments, substeps=steps, shared=True)
    without = pull_back(*arguments, substeps=steps)
    assert without[2].shape == (N, 0)
    for a, b in zip(with_shared[:2], without[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shared", [False, True])
def test_a_patient_does_not_depend_on_the_others(kernels, shared):
    y, k, u, weights, steps = problem()

    def pulled(who, **more):
        return pull_back(
            kernels[1], y[who], k[who], POPULATION, np.zeros(1), np.array([0]), u[:, :, who], OUT, weights[:, who],
            substeps=steps[:, who], shared=shared, **more,
        )  # fmt: skip

    want = pulled(np.arange(N), workers=1)
    for who in (np.arange(N)[::-1], np.array([30, 4, 17]), np.array([34])):
        for workers in (1, 3):
            for a, b in zip(want, pulled(who, workers=workers), strict=True):
                np.testing.assert_array_equal(b, a[who])
    for a, b in zip(want, pulled(np.arange(N), span=3), strict=True):  # steps taken again are the same steps
        np.testing.assert_array_equal(b, a)


def test_no_days_give_back_the_cotangents(kernels):
    y, k, _, weights, _ = problem()
    by_y, by_k, by_p = pull_back(
        kernels[1], y, k, POPULATION, np.zeros(1), np.array([0]), np.zeros((0, 1, N)), OUT[:1], weights[:1], shared=True
    )  # fmt: skip
    np.testing.assert_array_equal(by_y, weights[0])
    assert not by_k.any()
    assert not by_p.any()


def test_cotangents_that_do_not_fit_are_refused(kernels):
    y, k, u, weights, _ = problem()
    with pytest.raises(EngineError, match=r"RDN-N010.*cotangents"):
        pull_back(kernels[1], y, k, POPULATION, np.zeros(1), np.array([0]), u, OUT, weights[:2])
