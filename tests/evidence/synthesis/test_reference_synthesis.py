"""The fast estimators against slow ones written from the models (tests/reference/meta_analysis.py)."""

from __future__ import annotations

import numpy as np
import pytest

from evidence.synthesis.published_numbers import AGONISTS, BCG, STROKE
from reference import meta_analysis as oracle
from rodnan.evidence.synthesis.bayes import TauPrior, pool_bayes
from rodnan.evidence.synthesis.between_studies import tau2_estimate
from rodnan.evidence.synthesis.effects import log_risk_ratio, mean_difference
from rodnan.evidence.synthesis.network_fit import arm_contrasts, network
from rodnan.evidence.synthesis.pairwise import pool


def sets():
    a, b, c, d = np.array(BCG, dtype=float).T
    bcg = log_risk_ratio(a, a + b, c, c + d)
    yield "bcg", bcg.y, bcg.v
    n1, m1, sd1, n2, m2, sd2 = np.array(STROKE, dtype=float).T
    stroke = mean_difference(m1, sd1, n1, m2, sd2, n2)
    yield "stroke", stroke.y, stroke.v
    rng = np.random.default_rng(5)
    for k in (2, 3, 6):
        v = rng.uniform(0.05, 0.4, k)
        yield f"random-{k}", rng.normal(0.3, np.sqrt(v + 0.1)), v


@pytest.mark.parametrize(("name", "y", "v"), list(sets()), ids=[s[0] for s in sets()])
def test_reml_and_moments_agree_with_the_oracle(name, y, v):
    tau2, mean, se = oracle.pooled(y, v)
    found = pool(y, v, tau="REML", interval="normal")
    scale = np.var(y) + np.mean(v)
    assert found.heterogeneity.tau2 == pytest.approx(tau2, abs=2e-6 * scale)
    assert found.estimate == pytest.approx(mean, abs=2e-6 * np.sqrt(scale))
    assert found.se == pytest.approx(se, rel=2e-5)
    assert tau2_estimate(y, v, "DL") == pytest.approx(oracle.moments(y, v), abs=1e-8 * scale)


def test_network_agrees_with_the_arm_based_oracle():
    studies = [{t: (m, sd / np.sqrt(n)) for t, (m, sd, n) in s.items()} for s in AGONISTS]
    studies[1]["2"] = (-3.6, studies[1]["2"][1])  # some disagreement, so that tau2 is above 0
    studies[4]["3"] = (-2.0, studies[4]["3"][1])
    tau2, effects = oracle.arm_network(studies, "1")
    contrasts = [c for i, s in enumerate(studies) for c in arm_contrasts(str(i), s)]
    fitted = network(contrasts, reference="1", tau="REML")
    assert tau2 > 0.01
    assert fitted.tau2 == pytest.approx(tau2, abs=1e-6)
    for treatment, expected in effects.items():
        r = fitted.relative(treatment, "1")
        assert (r.estimate, r.se) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scale", [0.1, 0.5, 2.0])
def test_bayes_agrees_with_a_plain_sum(scale):
    rng = np.random.default_rng(9)
    v = rng.uniform(0.02, 0.5, 4)
    y = rng.normal(0.2, np.sqrt(v + 0.2))
    mean, sd, tau = oracle.brute_bayes(y, v, scale)
    found = pool_bayes(y, v, prior=TauPrior("half-normal", scale))
    assert (found.effect.mean, found.effect.sd, found.tau_mean) == pytest.approx(
        (mean, sd, tau), rel=2e-6, abs=1e-7
    )
