"""Scores against slow integrals over the same distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, norm

from rodnan.calibration.validation.scoring import coverage, crps, log_score, score, skill


@pytest.mark.parametrize(("mean", "sd", "y"), [(0.0, 1.0, 0.3), (-4.0, 2.5, 3.0), (2.0, 0.4, 1.9)])
def test_crps_is_the_integral_of_the_squared_distance_of_distribution_functions(mean, sd, y):
    below = quad(lambda x: norm.cdf(x, mean, sd) ** 2, mean - 12 * sd, y, limit=200)[0]
    above = quad(lambda x: norm.sf(x, mean, sd) ** 2, y, max(y, mean) + 12 * sd, limit=200)[0]
    samples = mean + sd * norm.ppf((0.5 + np.arange(20_000)) / 20_000)
    assert crps(samples, y) == pytest.approx(below + above, abs=2e-3 * sd)


def test_crps_equals_the_sum_over_all_pairs():
    x = np.random.default_rng(1).normal(size=40)
    slow = np.abs(x - 0.7).mean() - 0.5 * np.abs(x[:, None] - x[None, :]).sum() / (40 * 39)
    assert crps(x, 0.7) == pytest.approx(slow, rel=1e-12)


def test_log_score_is_that_of_the_mixture():
    means = np.array([-1.0, 0.5, 4.0])
    slow = -np.log(norm.pdf(1.3, means, 0.8).mean())
    assert log_score(means, 0.8, 1.3) == pytest.approx(slow, rel=1e-12)
    assert np.isfinite(log_score(means, 0.01, 900.0))


def test_coverage_has_the_exact_interval():
    found = coverage([True] * 7 + [False] * 3)
    assert (found.hits, found.of, found.share) == (7, 10, 0.7)
    assert found.low == pytest.approx(beta.ppf(0.05, 7, 4))
    assert found.high == pytest.approx(beta.ppf(0.95, 8, 3))
    assert (coverage([True]).high, coverage([False]).low) == (1.0, 0.0)
    assert np.isnan(coverage([]).share)


def test_skill_compares_sums():
    assert skill([1.0, 1.0], [2.0, 2.0]) == 0.5
    assert skill([3.0], [2.0]) == -0.5
    assert skill([], []) is None


def test_right_forecasts_cover_what_they_promise():
    """Of 600 right 90 % intervals, 510 to 570 hold the truth; false alarm below 1 in 10,000 (binomial)."""
    rng = np.random.default_rng(5)
    inside90 = inside50 = 0
    for _ in range(600):
        true = 2.0 * rng.standard_normal(400)
        y = 2.0 * rng.standard_normal() + 1.5 * rng.standard_normal()
        found = score(true, 1.5, rng.standard_normal(400), float(y))
        inside90 += found.inside90
        inside50 += found.inside50
    assert 510 <= inside90 <= 570
    assert 252 <= inside50 <= 348
