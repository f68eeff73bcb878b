"""The sampler against weighed draws of the prior; the truth recovered; a biased emulator corrected; variants stacked."""

from dataclasses import replace

import numpy as np
import pytest

from reference.small_problem import NAMES, OBSERVATIONS, TRUE_Z, reference_moments, small_problem
from rodnan.calibration.bayes.importance import correct, resample, smoothed
from rodnan.calibration.bayes.posterior import Problem, Settings, load_chains, run_chains
from rodnan.calibration.bayes.stacking import compare, leave_one_out, stacking_weights
from rodnan.errors import CalibrationError

pytest.importorskip("numpyro")

SETTINGS = Settings(warmup=300, draws=500, chains=2, accept=0.85, depth=6)


@pytest.fixture(scope="module")
def world():
    problem, truth = small_problem()
    return problem, truth, run_chains(problem, seed=4, settings=SETTINGS)


def emulated(problem, z):
    values = problem.values(z)
    return problem.emulator.predict(problem.prior.inputs(values))


def test_chains_have_mixed(world):
    *_, chains = world
    found = chains.diagnostics()
    assert found["r_hat_worst"] < 1.03
    assert found["ess_bulk_worst"] > 200
    assert found["divergences"] <= 5
    assert [row["name"] for row in found["columns"]][:4] == list(NAMES)


def test_posterior_is_that_of_weighed_prior_draws(world):
    """Both sides are random: the bound is 4.5 standard errors (one false alarm in 20,000 seeds)."""
    problem, _, chains = world
    mean, sd, ess = reference_moments(
        problem, lambda z, t: problem.likelihood.many(*emulated(problem, z), t).sum(axis=1)
    )
    least = min(ess, chains.diagnostics()["ess_bulk_worst"])
    assert ess > 100
    assert (np.abs(chains.flat_z.mean(axis=0) - mean) < 4.5 * sd * np.sqrt(2 / least)).all()
    assert chains.flat_z.std(axis=0) == pytest.approx(sd, rel=4.5 * np.sqrt(1 / least))


def test_truth_is_recovered(world):
    """Data without error: the truth within 2 posterior sd everywhere, and the informed directions narrowed."""
    *_, chains = world
    z = chains.flat_z
    assert (np.abs(z.mean(axis=0) - TRUE_Z) < 2 * z.std(axis=0)).all()
    assert z.std(axis=0).min() < 0.6


def test_file_of_chains(world, tmp_path):
    *_, chains = world
    chains.save(tmp_path / "c.npz")
    again = load_chains(tmp_path / "c.npz")
    assert (again.z == chains.z).all()
    assert again.units == chains.units
    (tmp_path / "c.npz").write_text("no")
    with pytest.raises(CalibrationError, match="RDN-C044"):
        load_chains(tmp_path / "c.npz")


def test_importance_weights_take_out_the_emulators_bias(world):
    """The emulator is shifted by more than a standard error; weighing by the true simulator undoes most of it."""
    problem, truth, _ = world
    shift = np.array([0.25, 0.0, -0.2, -0.2, 0.2, 0.25, -0.2])
    biased = Problem(
        problem.prior,
        replace(problem.emulator, constant=problem.emulator.constant + shift),
        problem.likelihood,
    )
    chains = run_chains(biased, seed=5, settings=SETTINGS)
    z, tau = chains.flat_z, chains.flat_tau
    exact = truth.mean(z)
    noise = np.full(exact.shape, 0.05**2)
    weights = correct(problem.likelihood, tau, emulated(biased, z), (exact, noise))
    assert weights.reliable
    assert weights.failed == 0
    wanted, sd, _ = reference_moments(
        problem,
        lambda z, t: problem.likelihood.many(truth.mean(z), np.full((len(z), 7), 0.05**2), t).sum(axis=1),
    )
    before = np.abs(z.mean(axis=0) - wanted) / sd
    after = np.abs(weights.weights @ z - wanted) / sd
    assert before.max() > 0.3
    assert after.max() < 0.5 * before.max()
    chosen = resample(weights.weights, 200, seed=1)
    assert z[chosen].mean(axis=0) == pytest.approx(weights.weights @ z, abs=0.25)


def test_failed_simulations_get_no_weight(world):
    problem, truth, chains = world
    z, tau = chains.flat_z[::20], chains.flat_tau[::20]
    exact = truth.mean(z)
    exact[3, 2] = np.nan
    found = correct(problem.likelihood, tau, emulated(problem, z), (exact, np.full(7, 0.01)))
    assert found.failed == 1
    assert found.weights[3] == 0.0
    assert found.weights.sum() == pytest.approx(1.0)
    exact[:] = np.nan
    with pytest.raises(CalibrationError, match="RDN-C046"):
        correct(problem.likelihood, tau, emulated(problem, z), (exact, np.full(7, 0.01)))


def test_heavy_weights_are_known_by_their_tail():
    rng = np.random.default_rng(3)
    assert smoothed(0.3 * rng.normal(size=2000))[1] < 0.4
    assert smoothed(4.0 * rng.normal(size=2000))[1] > 0.7
    assert smoothed(np.zeros(50))[0] == pytest.approx(1 / 50)


def test_resampling_follows_the_weights_within_one():
    weights = np.array([0.5, 0.0, 0.3, 0.2])
    counts = np.bincount(resample(weights, 100, seed=7), minlength=4)
    assert np.abs(counts - 100 * weights).max() <= 1
    assert counts[1] == 0


def test_a_variant_that_holds_what_the_data_ask_for_scores_worse(world):
    problem, _, chains = world
    held = replace(problem, held={"tauD": 350.0 * np.exp(-0.5)})
    assert len(held.free) == 3
    other = run_chains(held, seed=6, settings=replace(SETTINGS, warmup=200, draws=300))
    assert held.values(other.flat_z)[:, 0] == pytest.approx(350.0 * np.exp(-0.5))
    rows = {row["variant"]: row for row in compare({"free": chains, "held": other})}
    assert rows["free"]["difference"] == 0.0
    assert rows["held"]["difference"] < -1.0
    assert rows["free"]["weight"] > rows["held"]["weight"]
    cut = replace(chains, units=chains.units[:-1], by_unit=chains.by_unit[..., :-1])
    with pytest.raises(CalibrationError, match="RDN-C050"):
        compare({"free": chains, "cut": cut})


def test_left_out_scores_are_below_those_with_the_unit(world):
    *_, chains = world
    left = leave_one_out(chains)
    inside = np.log(np.exp(chains.flat_by_unit).mean(axis=0))
    assert (left.score < inside + 1e-9).all()
    assert left.units == tuple(dict.fromkeys(o.unit for o in OBSERVATIONS))


def test_stacking_finds_the_mixture():
    """Half of the units are predicted by one variant, half by the other: both keep about half of the weight."""
    scores = np.zeros((40, 3))
    scores[:20, 0], scores[20:, 1], scores[:, 2] = 2.0, 2.0, -1.0
    weights = stacking_weights(scores)
    assert weights == pytest.approx([0.5, 0.5, 0.0], abs=0.02)
    assert weights.sum() == pytest.approx(1.0)


def test_prior_and_emulator_must_have_the_same_inputs(world):
    problem, *_ = world
    with pytest.raises(CalibrationError, match="RDN-C043"):
        replace(problem, emulator=replace(problem.emulator, inputs=("a", "b", "c", "d")))
