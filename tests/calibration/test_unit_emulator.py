"""The emulator: accurate, honest about its errors, differentiable, and the same from its file."""

import numpy as np
import pytest

from reference.stand_in import StandIn
from rodnan.calibration.bayes.emulator import load_emulator
from rodnan.calibration.bayes.emulator_fit import Form, cross_validate, fit_emulator
from rodnan.errors import CalibrationError

jax = pytest.importorskip("jax")

D, M, N = 10, 5, 320
NAMES, KEYS = [f"x{k}" for k in range(D)], [f"y{k}" for k in range(M)]
FORM = Form(products=10, directions=2, nodes=20)


@pytest.fixture(scope="module")
def world():
    truth = StandIn(4, D, M)
    z = np.random.default_rng(5).normal(size=(N, D))
    y = truth.simulate(z, 6)
    y[7, 2] = np.nan
    emulator = fit_emulator(z, y, names=NAMES, keys=KEYS, noise=np.full(M, truth.noise), form=FORM)
    return truth, z, y, emulator


def test_means_are_close_and_their_errors_as_large_as_said(world):
    truth, _, _, emulator = world
    z = np.random.default_rng(7).normal(size=(400, D))
    mean, variance = emulator.predict(z)
    error = truth.mean(z) - mean
    assert (error.std(axis=0) < 0.2 * truth.mean(z).std(axis=0)).all()
    ratio = np.mean(error**2 / variance)
    assert 0.3 < ratio < 2.5
    assert (emulator.r2 > 0.9).all()
    assert ((emulator.coverage > 0.8) & (emulator.coverage < 0.98)).all()


def test_variance_grows_outside_the_design(world):
    *_, emulator = world
    variance = emulator.predict(np.outer([0.0, 1.0, 2.0, 4.0], np.ones(D)))[1]
    assert (np.diff(variance, axis=0) > 0).all()


def test_rows_without_a_summary_are_left_out_of_it_alone(world):
    *_, emulator = world
    assert emulator.rows.tolist() == [N, N, N - 1, N, N]
    assert {row["key"]: row["rows"] for row in emulator.report()}["y2"] == N - 1


def test_gradient_is_that_of_differences(world):
    *_, emulator = world
    z = np.random.default_rng(8).normal(size=D)
    with jax.enable_x64(True):
        exact = np.asarray(jax.jacobian(emulator.mean)(z))
    step = 1e-5
    differences = np.stack(
        [
            (emulator.predict(z + step * e)[0][0] - emulator.predict(z - step * e)[0][0]) / (2 * step)
            for e in np.eye(D)
        ],
        axis=1,
    )
    assert exact == pytest.approx(differences, abs=1e-6)


def test_file_gives_the_same_emulator(world, tmp_path):
    *_, emulator = world
    emulator.save(tmp_path / "e.npz")
    again = load_emulator(tmp_path / "e.npz")
    z = np.random.default_rng(9).normal(size=(3, D))
    assert (again.predict(z)[0] == emulator.predict(z)[0]).all()
    assert again.keys == emulator.keys
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    with pytest.raises(CalibrationError, match=r"RDN-C037.*broken"):
        load_emulator(tmp_path / "broken.npz")


def test_selection_keeps_what_belongs_together(world):
    *_, emulator = world
    some = emulator.select(("y3", "y1"))
    z = np.zeros((1, D))
    assert some.predict(z)[0][0] == pytest.approx(emulator.predict(z)[0][0, [3, 1]])
    assert some.correlation[0, 1] == emulator.correlation[3, 1]
    with pytest.raises(CalibrationError, match=r"RDN-C036.*y9"):
        emulator.select(("y9",))


def test_cross_validation_agrees_with_leaving_one_out(world):
    _, z, y, emulator = world
    rows = cross_validate(z, y[:, :2], names=NAMES, keys=KEYS[:2], folds=3, form=FORM)
    for j, row in enumerate(rows):
        assert row["rmse"] == pytest.approx(emulator.rmse[j], rel=0.25)
        assert 80 < row["coverage"] < 99


def test_too_few_simulations_are_refused():
    z = np.random.default_rng(1).normal(size=(D, D))
    with pytest.raises(CalibrationError, match=r"RDN-C038.*y0"):
        fit_emulator(z, z[:, :1], names=NAMES, keys=["y0"])
