"""Bayesian pooling against the numbers printed for bayesmeta (Roever, J Stat Softw 2020;93(6), and its
vignette).

bayesmeta integrates on a grid with a stated tolerance of about 1e-3; the comparison allows for that.
"""

from __future__ import annotations

import numpy as np
import pytest

from evidence.synthesis.published_numbers import SCHOOLS, TRANSPLANT
from rodnan.evidence.synthesis.bayes import TauPrior, pool_bayes
from rodnan.evidence.synthesis.effects import log_odds_ratio


def test_transplant_half_normal_prior():
    a, n1, c, n2 = np.array(TRANSPLANT, dtype=float).T
    effects = log_odds_ratio(a, n1, c, n2)
    found = pool_bayes(effects.y, effects.v, prior=TauPrior("half-normal", 0.5), mu_prior=(0.0, 4.0))
    mu, theta = found.effect, found.predictive
    assert (mu.quantile(0.5), mu.mean, mu.sd) == pytest.approx((-1.5734819, -1.5764365, 0.3295301), abs=2e-4)
    assert mu.interval(shortest=True) == pytest.approx((-2.2311251, -0.9263075), abs=5e-4)
    assert (found.tau_median, found.tau_mean, found.tau_sd) == pytest.approx(
        (0.3445023, 0.3810562, 0.2593672), abs=1e-4
    )
    assert found.tau_high == pytest.approx(0.8607193, abs=1e-4)
    assert (theta.quantile(0.5), theta.sd) == pytest.approx((-1.5701653, 0.5671855), abs=1e-3)
    assert theta.interval(shortest=True) == pytest.approx((-2.7661319, -0.4072970), abs=3e-3)


def test_transplant_shrinkage():
    a, n1, c, n2 = np.array(TRANSPLANT, dtype=float).T
    effects = log_odds_ratio(a, n1, c, n2)
    found = pool_bayes(effects.y, effects.v, prior=TauPrior("half-normal", 0.5), mu_prior=(0.0, 4.0))
    first, second = found.studies[:2]
    assert (first.quantile(0.5), first.mean, first.sd) == pytest.approx(
        (-1.7411356, -1.7778965, 0.4229425), abs=1e-3
    )
    assert (second.quantile(0.5), second.mean, second.sd) == pytest.approx(
        (-1.2821722, -1.2339736, 0.4488759), abs=1e-3
    )
    assert first.interval(shortest=True) == pytest.approx((-2.6561049, -0.9920023), abs=2e-3)


def test_eight_schools_half_cauchy_prior():
    y, se = np.array(SCHOOLS).T
    found = pool_bayes(y, se**2, prior=TauPrior("half-cauchy", 25.0), mu_prior=(0.0, 50.0))
    mu = found.effect
    assert (mu.quantile(0.5), mu.mean, mu.sd) == pytest.approx((7.962961, 7.985729, 4.995762), abs=1e-3)
    assert mu.interval(shortest=True) == pytest.approx((-1.823353, 17.824562), abs=5e-3)
    assert (found.tau_median, found.tau_mean, found.tau_sd) == pytest.approx(
        (4.758539, 5.884511, 4.869904), abs=1e-3
    )
    assert found.tau_high == pytest.approx(15.165894, abs=1e-2)
