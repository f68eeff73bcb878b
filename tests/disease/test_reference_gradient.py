"""Gradients of the disease model against central differences; its JAX function against the kernel and the adjoint."""

import sys

import numpy as np
import pytest

from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.gradients import course_gradient, jax_model, readout_loss
from rodnan.disease.model import INPUTS, advance_patients, onset_state
from rodnan.errors import EngineError

DAYS, WEEKS, N = 182, np.arange(0, 183, 7), 8


@pytest.fixture(scope="module")
def case(parameters, people):
    individual, healthy = people[0][:N], people[1]["fvc_healthy"][:N]
    start, _ = advance_patients(parameters, individual, onset_state(individual), {}, 500)
    rng = np.random.default_rng(6)
    inputs = {"pT": np.full((DAYS, N), 0.4), "flare": rng.lognormal(-0.1, 0.45, (DAYS, N))}
    _, out = advance_patients(parameters, individual, start, inputs, DAYS, out_days=WEEKS)
    g_s, g_l = (individual[:, INDIVIDUAL.index(n)] for n in ("g_s", "g_l"))
    observed = {
        "mrss": readouts.mrss(parameters, out, g_s) + rng.normal(size=out.shape[:2]),
        "fvc_pct_pred": readouts.fvc_pct_pred(parameters, out, g_s, g_l, healthy)
        + rng.normal(size=out.shape[:2]),
    }
    weights = {"mrss": rng.uniform(0, 2, out.shape[:2]), "fvc_pct_pred": rng.uniform(0, 2, out.shape[:2])}
    return individual, healthy, start, inputs, observed, weights


def loss(parameters, case, individual, start):
    _, healthy, _, inputs, observed, weights = case
    _, out = advance_patients(parameters, individual, start, inputs, DAYS, out_days=WEEKS)
    return readout_loss(parameters, individual, out, observed, weights, healthy), out


def test_gradient_of_a_weekly_loss_agrees_with_central_differences(parameters, case):
    individual, _, start, inputs, _, _ = case
    (_, cotangents, direct), _ = loss(parameters, case, individual, start)
    got = course_gradient(parameters, individual, start, inputs, DAYS, WEEKS, cotangents, shared=True)

    def slope(high, low, width):
        return (loss(parameters, case, *high)[0][0] - loss(parameters, case, *low)[0][0]) / width

    patient = 3  # the loss is a sum, so one patient's change is enough
    for j in range(len(INDIVIDUAL)):
        step = np.zeros_like(individual)
        step[patient, j] = 1e-4 * max(abs(individual[patient, j]), 1e-3)
        want = slope((individual + step, start), (individual - step, start), 2 * step[patient, j])
        by = (got.by_individual + direct)[patient, j]
        assert abs(by - want) <= 2e-6 * abs(want) + 1e-5, INDIVIDUAL[j]
    for j in range(start.shape[1]):
        step = np.zeros_like(start)
        step[patient, j] = 1e-4 * max(abs(start[patient, j]), 1e-2)
        want = slope((individual, start + step), (individual, start - step), 2 * step[patient, j])
        assert abs(got.by_state[patient, j] - want) <= 2e-6 * abs(want) + 1e-5, j
    for name in ("kM", "gam", "om6", "kX_l"):
        width = 1e-4 * parameters[name]
        high, low = (parameters.with_values({name: parameters[name] + s * width}) for s in (1, -1))
        want = (loss(high, case, individual, start)[0][0] - loss(low, case, individual, start)[0][0]) / (
            2 * width
        )
        by = got.by_population[parameters.population_names.index(name)]
        assert abs(by - want) <= 2e-6 * abs(want) + 1e-5, name


def test_jax_agrees_with_the_kernel_and_the_adjoint(parameters, case):
    pytest.importorskip("jax", reason="needs the extra calibrate")
    import jax

    individual, _, start, inputs, _, _ = case
    model, days = jax_model(), 14
    series = np.zeros((days, len(INPUTS), N))
    series[:, -2:] = 1.0
    for name, values in inputs.items():
        series[:, INPUTS.index(name)] = values[:days]
    short = {name: values[:days] for name, values in inputs.items()}
    _, out = advance_patients(parameters, individual, start, short, days, out_days=[7, 14])
    made = np.asarray(model.advance(start, individual, parameters.population_vector(), series))
    assert np.abs(made[[6, 13]] - out).max() < 1e-12 * max(1.0, np.abs(out).max())
    weights = np.random.default_rng(1).normal(size=out.shape)

    def total(y, i, p):
        return (model.advance(y, i, p, series)[np.array([6, 13])] * weights).sum()

    want = jax.grad(total, argnums=(0, 1, 2))(start, individual, parameters.population_vector())
    got = course_gradient(parameters, individual, start, short, days, [7, 14], weights, shared=True)
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(b, np.asarray(a), rtol=1e-10, atol=1e-11 * np.abs(a).max())


def test_without_jax_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    jax_model.cache_clear()
    with pytest.raises(EngineError, match=r"RDN-N011.*rodnan\[calibrate\]"):
        jax_model()
