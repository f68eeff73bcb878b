"""The likelihood of a patient series against slow integrals, and its chances against what the conduct of a trial draws."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reference.series_mixture import drawn_patients, one_log_likelihood, virtual_people
from rodnan.calibration.bayes.likelihood import _scale_grid
from rodnan.calibration.bayes.series import CountRow
from rodnan.calibration.bayes.series_effects import DRIFTS, LEVELS, counts_log_density, integrated
from rodnan.calibration.bayes.series_factor import SeriesValues
from rodnan.calibration.bayes.series_likelihood import (
    Noise,
    arm_grid,
    fibrosis_log,
    follow_up_log,
    patient_weights,
    pooled_error,
)
from rodnan.calibration.bayes.series_simulate import fall_chances
from rodnan.trial.leaving import confirmed_fall
from rodnan.trial.settings import conduct_settings

NOISE = Noise(2.5, 3.0, 5.0, 4.0, 0.4)


def logs(patients, arm, noise=NOISE, **options):
    above, below = patient_weights(patients, arm, noise, **options)
    return np.log(above.sum(axis=1)) - np.log(below.sum(axis=1))


@pytest.mark.parametrize("noise", [NOISE, Noise(2.0, 5.0, 8.0, 0.1, 0.4)])
def test_the_mixture_is_the_slow_integral(noise):
    arm = virtual_people(6, hazard=0.04, fvc_matters=0.01)
    patients = drawn_patients(arm, 6, noise, seed=3)
    assert len({p.event for p in patients}) > 1
    found = logs(patients, arm, noise, level=1.0, drift=-2.0)
    slow = [one_log_likelihood(p, arm, noise, 6.0, 1.0, -2.0) for p in patients]
    assert found == pytest.approx(slow, abs=0.02)


def test_the_grid_holds_the_likelihood_at_every_effect():
    arm = virtual_people(40)
    patients = drawn_patients(arm, 15, NOISE)
    grid = arm_grid(patients, arm, NOISE)
    for a, b in ((0, 0), (4, 3), (8, 6), (5, 1)):
        direct = logs(patients, arm, level=LEVELS[a], drift=DRIFTS[b]).sum()
        assert grid.log[a, b] == pytest.approx(direct, rel=1e-10)


def test_chances_of_follow_up_sum_to_one():
    arm = virtual_people(9, hazard=0.05, fvc_matters=0.01)
    patient = drawn_patients(arm, 1, NOISE)[0]
    ends = [(event, float(m)) for event in (1, 2) for m in range(7, 25)] + [(0, 24.0)]
    rows = [patient.model_copy(update={"event": e, "last": m}) for e, m in ends]
    pattern, followed = follow_up_log(rows, arm, 6.0)
    assert np.exp(pattern).sum(axis=0) == pytest.approx(np.exp(followed), rel=1e-9)
    flat, same = follow_up_log(rows, arm, 6.0, informative=False)
    assert (flat == same).all()


def test_fibrosis_scores_have_the_shares_of_the_series():
    arm = virtual_people(4000)
    patients = drawn_patients(arm, 60, NOISE)
    scores = [p.model_copy(update={"fibrosis": k}) for k in range(5) for p in patients[:1]]
    chance = np.exp(fibrosis_log(scores, patients, arm, NOISE))
    assert chance.sum(axis=0) == pytest.approx(np.ones(4000))
    shares = [np.mean([p.fibrosis == k for p in patients]) for k in range(5)]
    assert chance.mean(axis=1) == pytest.approx(shares, abs=0.01)
    severe = arm.extent > np.quantile(arm.extent, 0.9)
    assert chance[4, severe].mean() > 2 * chance[4].mean()


@pytest.mark.parametrize("spreads", [(1.5, 1.5, 0.75), (0.01, 0.01, 0.01), (2.5, 0.3, 1.5)])
def test_trial_effects_are_integrated_out(spreads):
    """Arms with a quadratic log likelihood: the integral over normal effects is a normal density."""
    level, drift = np.meshgrid(LEVELS, DRIFTS, indexing="ij")
    means, precision = ([1.0, 0.5], [-0.5, 1.0]), np.array([[1.2, 0.5], [0.5, 0.6]])
    arms = []
    for mean in means:
        away = np.stack([level - mean[0], drift - mean[1]], axis=-1)
        arms.append(-0.5 * np.einsum("lda,ab,ldb->ld", away, precision, away))
    load = np.array([[1.0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0], [0, 0, 0, 1]])
    scales = _scale_grid(4.0)
    expected = 0.0
    error = np.kron(np.eye(2), np.linalg.inv(precision))
    for scale, chance in zip(*scales, strict=True):
        prior = np.diag(np.square([spreads[0], spreads[2], spreads[2], spreads[1]])) * scale
        law = stats.multivariate_normal(np.zeros(4), load @ prior @ load.T + error)
        expected += chance * law.pdf(np.ravel(means))
    expected = np.log(expected) + 0.5 * np.linalg.slogdet(2 * np.pi * error)[1]
    assert integrated(arms, *spreads, scales) == pytest.approx(expected, abs=0.02)


def test_counts_are_beta_binomial_over_the_prior_of_their_correlation():
    rows = [
        CountRow(arm="a", event=e, value=v, of=79, week=104, unit="patients", basis="read", source="made up")
        for e, v in (("x", 19), ("y", 7))
    ]
    shares = {"a/x/104": 0.27, "a/y/104": 0.0}
    rho = np.linspace(1e-4, 0.3, 3000)
    prior = np.exp(-0.5 * (rho / 0.05) ** 2)
    density = np.ones(len(rho))
    for row in rows:
        share = 0.001 + 0.998 * shares[f"a/{row.event}/104"]
        density = density * stats.betabinom.pmf(row.value, 79, share / rho, (1 - share) / rho)
    expected = np.log(np.sum(prior * density) / prior.sum())
    assert counts_log_density(shares, rows, 0.05) == pytest.approx(expected, abs=0.02)


def test_error_of_the_log_likelihood_is_that_of_other_people():
    """Its estimate against the spread over 60 sets of virtual patients; the ratio of sds lies in 0.7 to 1.45 with
    probability over 0.9999 if it is right."""
    patients = drawn_patients(virtual_people(500, seed=99), 20, NOISE)
    found, errors = [], []
    for seed in range(60):
        people = virtual_people(300, seed=seed)
        arm = replace(people, person=np.arange(300))
        grid = arm_grid(patients, arm, NOISE)
        a, b = np.unravel_index(np.argmax(grid.log), grid.log.shape)
        found.append(logs(patients, arm, level=LEVELS[a], drift=DRIFTS[b]).sum())
        errors.append(pooled_error([grid], arm.person))
    assert 0.7 < np.std(found, ddof=1) / np.sqrt(np.mean(np.square(errors))) < 1.45


def test_the_same_person_twice_is_one_person():
    patients = drawn_patients(virtual_people(100, seed=5), 10, NOISE)
    one = virtual_people(50, seed=1)
    twice = [
        np.concatenate([t, t], axis=-1) for t in (one.fvc, one.failing, one.dropping, one.extent, one.person)
    ]
    double = replace(
        one,
        fvc=twice[0],
        failing=twice[1],
        dropping=twice[2],
        extent=twice[3],
        person=twice[4].astype(np.int64),
    )
    first, second = arm_grid(patients, one, NOISE), arm_grid(patients, double, NOISE)
    assert second.log == pytest.approx(first.log)
    assert second.effective == pytest.approx(first.effective)
    assert pooled_error([second], double.person) == pytest.approx(pooled_error([first], one.person))


def test_chance_of_a_confirmed_fall_is_its_frequency():
    """Binomial error of 20000 readings: within 6 standard errors and the grid of the entry's error (0.01)."""
    conduct, rng = conduct_settings(), np.random.default_rng(4)
    fvc = np.stack([np.linspace(70, 70 * (1 - fall), 27) for fall in (0.0, 0.1, 0.2, 0.3)], axis=1)
    chance = fall_chances(fvc, NOISE, conduct)
    count = 20000
    read = fvc[:, :, None] + 2.5 * rng.standard_t(3, size=(27, 4, count))
    for visit in (2, 4, 10, 18, 26):
        share = confirmed_fall(read.reshape(27, -1), visit, conduct).reshape(4, count).mean(axis=1)
        assert np.abs(chance[visit] - share).max() < 6 * np.sqrt(0.25 / count) + 0.01
    assert (chance[:4] == 0).all()


def test_values_survive_their_record():
    values = SeriesValues({"a": np.arange(6.0).reshape(2, 3)}, 0.5, -0.1, (1.0, 2.0, 3.0), {"a/x/104": 0.1})
    again = SeriesValues.of(values.record())
    assert (again.logs["a"] == values.logs["a"]).all()
    assert again.record() == values.record()
