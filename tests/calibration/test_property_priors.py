"""The standard-normal scale of the priors: there and back, the right distributions, the exact density."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from rodnan.calibration.bayes.priors import build_prior, inputs_from_z, sobol_points
from rodnan.disease.parameters import load_parameters
from rodnan.errors import CalibrationError

NAMES = (
    *("tauD", "d_inf", "fvc_healthy", "s_lung", "reset_block", "om6", "phi_B"),
    *("wT0", "wTB", "wTI", "wTK", "wK0", "wKT", "wKA"),
    *("potency/cyclophosphamide", "potency/mycophenolate"),
)
PRIOR = build_prior(load_parameters(), NAMES)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=PRIOR.dimension, max_size=PRIOR.dimension))
def test_there_and_back(z):
    values = PRIOR.values(z)
    assert PRIOR.z_of(values)[0] == pytest.approx(np.array(z), abs=2e-6)
    assert PRIOR.values(PRIOR.z_of(values)) == pytest.approx(values, rel=1e-8)


def test_coordinates_and_order():
    assert PRIOR.dimension == len(NAMES) - 2
    assert PRIOR.coordinate_names[-2:] == NAMES[-2:]
    assert PRIOR.coordinate_names[7:12] == (
        "share/wT0",
        "share/wTB",
        "share/wTI",
        "share/wK0",
        "share/wKT",
    )
    assert PRIOR.index("share/wK0") == 10


def test_sobol_points_have_the_priors_moments():
    values = PRIOR.values(sobol_points(PRIOR.dimension, 4096, seed=3))
    column = dict(zip(NAMES, values.T, strict=True))
    weights = np.stack([column[n] for n in ("wT0", "wTB", "wTI", "wTK")])
    alpha = np.array([9.0, 6.0, 3.0, 2.0])
    assert weights.sum(axis=0) == pytest.approx(1.0)
    assert weights.mean(axis=1) == pytest.approx(alpha / 20, abs=2e-3)
    exact = stats.dirichlet(alpha)
    assert weights.var(axis=1) == pytest.approx(exact.var(), rel=0.05)
    assert np.cov(weights)[0, 1] == pytest.approx(exact.cov()[0, 1], rel=0.1)
    assert np.median(column["tauD"]) == pytest.approx(350, rel=0.02)
    assert np.log(column["tauD"]).std() == pytest.approx(0.5, rel=0.02)
    assert (column["s_lung"] ** 2).mean() == pytest.approx(0.36, rel=0.03)
    assert column["om6"].mean() == pytest.approx(0.25, abs=3e-3)
    logit = special.logit(column["potency/mycophenolate"])
    assert (logit.mean(), logit.std()) == pytest.approx((0.28, 0.6), abs=0.02)


def test_density_is_that_of_the_change_of_variables():
    rng = np.random.default_rng(1)
    free = [NAMES.index(n) for n in NAMES if n not in ("wTK", "wKA")]
    for z in rng.normal(size=(5, PRIOR.dimension)):
        step = 1e-5
        jacobian = np.stack(
            [
                (PRIOR.values(z + step * e)[0, free] - PRIOR.values(z - step * e)[0, free]) / (2 * step)
                for e in np.eye(PRIOR.dimension)
            ],
            axis=1,
        )
        expected = stats.norm.logpdf(z).sum() - np.linalg.slogdet(jacobian)[1]
        assert PRIOR.log_density(PRIOR.values(z))[0] == pytest.approx(expected, abs=1e-5)


def test_an_absent_mechanism_is_an_input_of_zero():
    point = PRIOR.points(np.zeros((1, PRIOR.dimension)))[0] | {"reset_block": 0.0}
    inputs = PRIOR.inputs(PRIOR.table([point]))
    assert inputs[0, PRIOR.index("reset_block")] == 0.0
    assert np.isfinite(inputs).all()


def test_inputs_in_jax_are_those_of_the_values():
    pytest.importorskip("jax")
    import jax

    z = np.random.default_rng(2).normal(size=(6, PRIOR.dimension))
    with jax.enable_x64(True):
        found = np.asarray(inputs_from_z(z, PRIOR.bounded))
    assert found == pytest.approx(PRIOR.inputs(PRIOR.values(z)), abs=1e-7)


@pytest.mark.parametrize(
    ("names", "code"),
    [(["kI"], "RDN-C001"), (["wT0", "wTB"], "RDN-C033"), (["potency/autologous-hsct"], "RDN-C034")],
)
def test_what_cannot_be_calibrated_is_refused(names, code):
    with pytest.raises(CalibrationError, match=code):
        build_prior(load_parameters(), names)


def test_values_outside_the_support_are_refused():
    values = PRIOR.values(np.zeros((1, PRIOR.dimension)))
    values[0, NAMES.index("om6")] = 1.2
    with pytest.raises(CalibrationError, match=r"RDN-C030.*om6"):
        PRIOR.z_of(values)
    values = PRIOR.values(np.zeros((1, PRIOR.dimension)))
    values[0, NAMES.index("wT0")] += 0.1
    with pytest.raises(CalibrationError, match=r"RDN-C030.*wT"):
        PRIOR.z_of(values)
    point = PRIOR.points(np.zeros((1, PRIOR.dimension)))[0]
    del point["om6"]
    with pytest.raises(CalibrationError, match=r"RDN-C031.*om6"):
        PRIOR.table([point])
    with pytest.raises(CalibrationError, match="RDN-C035"):
        PRIOR.values(np.zeros((2, 3)))
    with pytest.raises(CalibrationError, match=r"RDN-C032.*'om6'"):
        PRIOR.index("om")
