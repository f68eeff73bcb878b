"""What must hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rodnan.errors import EvidenceError
from rodnan.evidence.synthesis.bayes import TauPrior, pool_bayes
from rodnan.evidence.synthesis.between_studies import generalised_q, tau2_estimate, tau2_interval
from rodnan.evidence.synthesis.effects import log_odds_ratio, log_risk_ratio, risk_difference
from rodnan.evidence.synthesis.network_fit import Contrast, arm_contrasts, components, network
from rodnan.evidence.synthesis.pairwise import leave_one_out, pool, prediction_interval
from rodnan.evidence.synthesis.ranking import rank_treatments

NUMBER = st.floats(-5, 5)
VARIANCE = st.floats(0.01, 4)
STUDIES = st.lists(st.tuples(NUMBER, VARIANCE), min_size=2, max_size=8)


@given(STUDIES, st.sampled_from(["DL", "REML", "PM", "fixed"]))
def test_pooling_lies_between_the_studies_and_ignores_their_order(studies, tau):
    y, v = np.array(studies).T
    found = pool(y, v, tau=tau)
    assert y.min() - 1e-9 <= found.estimate <= y.max() + 1e-9
    assert found.weights.sum() == pytest.approx(1)
    turned = pool(y[::-1], v[::-1], tau=tau)
    assert turned.estimate == pytest.approx(found.estimate, abs=1e-6)
    assert found.low < found.estimate < found.high


@given(STUDIES, st.floats(0.1, 100))
def test_pooling_follows_a_change_of_unit_and_of_sign(studies, factor):
    y, v = np.array(studies).T
    found = pool(y, v)
    other = pool(-factor * y, factor**2 * v)
    assert other.estimate == pytest.approx(-factor * found.estimate, abs=2e-5 * factor)
    assert other.heterogeneity.tau2 == pytest.approx(
        factor**2 * found.heterogeneity.tau2, rel=1e-4, abs=1e-5 * factor**2
    )
    assert other.heterogeneity.i2 == pytest.approx(found.heterogeneity.i2, abs=1e-2)


@given(STUDIES)
def test_floor_never_narrows_and_never_undercuts_the_usual_variance(studies):
    y, v = np.array(studies).T
    bare, floored = pool(y, v, interval="hartung-knapp"), pool(y, v, interval="hartung-knapp-floor")
    usual = pool(y, v, interval="normal")
    assert floored.se >= bare.se - 1e-12
    assert floored.se >= usual.se - 1e-12
    assert floored.floor_active == (bare.se < usual.se - 1e-15) or abs(bare.se - usual.se) < 1e-12


@given(STUDIES)
def test_interval_of_tau2_is_that_of_its_test(studies):
    from scipy import stats

    y, v = np.array(studies).T
    low, high = tau2_interval(y, v)
    assert 0 <= low <= high
    if low > 0:
        assert generalised_q(y, v, low) == pytest.approx(stats.chi2.isf(0.025, len(y) - 1), rel=1e-6)
    if high > 0:
        assert generalised_q(y, v, high) == pytest.approx(stats.chi2.ppf(0.025, len(y) - 1), rel=1e-6)
    pm = tau2_estimate(y, v, "PM")
    if pm > 0:
        assert generalised_q(y, v, pm) == pytest.approx(len(y) - 1, rel=1e-6)


@given(STUDIES)
def test_prediction_holds_the_confidence_interval_and_df_orders_it(studies):
    y, v = np.array(studies).T
    found = pool(y, v)
    wide = prediction_interval(found, df="k-1")
    assert wide is not None
    assert wide[0] <= found.low + 1e-9
    assert wide[1] >= found.high - 1e-9
    wider = prediction_interval(found, df="k-2")
    assert (wider is None) == (len(y) == 2)
    if wider is not None:
        assert wider[0] <= wide[0] + 1e-12


@given(STUDIES)
def test_leaving_one_out_gives_one_pool_less_each(studies):
    y, v = np.array(studies).T
    without = leave_one_out(y, v).without
    assert len(without) == len(y)
    assert all(p.k == len(y) - 1 for p in without)


@given(STUDIES)
def test_bayes_nears_the_common_effect_as_the_prior_shrinks_and_widens_with_it(studies):
    y, v = np.array(studies).T
    tight = pool_bayes(y, v, prior=TauPrior("half-normal", 1e-5))
    common = pool(y, v, tau="fixed", interval="normal")
    assert tight.effect.mean == pytest.approx(common.estimate, abs=1e-5)
    assert tight.effect.sd == pytest.approx(common.se, rel=1e-4)
    wide = pool_bayes(y, v, prior=TauPrior("half-normal", 1.0))
    assert wide.effect.sd >= tight.effect.sd - 1e-9
    assert wide.predictive.sd >= wide.effect.sd
    low, high = wide.effect.interval(0.95)
    assert wide.effect.cdf(high) - wide.effect.cdf(low) == pytest.approx(0.95, abs=1e-9)


COUNTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS)
def test_ratios_turn_their_sign_with_the_arms_and_differences_stay_within_1(first, second):
    for measure in (log_odds_ratio, log_risk_ratio, risk_difference):
        one, two = measure(*first, *second), measure(*second, *first)
        assert one.usable[0] == two.usable[0]
        if one.usable[0]:
            assert one.y[0] == pytest.approx(-two.y[0], abs=1e-12)
            assert one.v[0] == pytest.approx(two.v[0])
            assert one.v[0] > 0
    assert -1 <= risk_difference(*first, *second).y[0] <= 1


@st.composite
def networks(draw):
    names = "ABCDE"[: draw(st.integers(3, 5))]
    studies = []
    for i in range(draw(st.integers(2, 7))):
        arms = draw(st.lists(st.sampled_from(names), min_size=2, max_size=3, unique=True))
        numbers = draw(st.lists(st.tuples(NUMBER, st.floats(0.1, 2)), min_size=len(arms), max_size=len(arms)))
        studies += arm_contrasts(str(i), dict(zip(arms, numbers, strict=True)))
    return studies


@settings(max_examples=25)
@given(networks(), st.sampled_from(["DL", "REML", "fixed"]))
def test_network_is_coherent_whatever_its_reference(contrasts, tau):
    if len(components(contrasts)) > 1:
        with pytest.raises(EvidenceError, match="RDN-E508"):
            network(contrasts, tau=tau)
        return
    fitted = network(contrasts, tau=tau)
    names = fitted.treatments
    other = network(contrasts, reference=names[-1], tau=tau)
    assert other.tau2 == pytest.approx(fitted.tau2, rel=1e-3, abs=1e-5)
    for a in names:
        for b in names:
            if a == b:
                continue
            r, s = fitted.relative(a, b), other.relative(a, b)
            assert r.estimate == pytest.approx(-fitted.relative(b, a).estimate)
            assert r.estimate == pytest.approx(s.estimate, abs=1e-3)
            assert r.se == pytest.approx(s.se, rel=1e-3)
            c = names[0]
            if c not in (a, b):
                assert r.estimate == pytest.approx(
                    fitted.relative(a, c).estimate + fitted.relative(c, b).estimate, abs=1e-9
                )


@settings(max_examples=25)
@given(networks(), st.booleans())
def test_ranks_share_out_all_certainty(contrasts, higher):
    assume(len(components(contrasts)) == 1)
    fitted = network(contrasts, tau="fixed")
    ranks = rank_treatments(fitted, higher_is_better=higher, draws=500)
    assert sum(r.p_score for r in ranks) == pytest.approx(len(ranks) / 2)
    assert sum(r.sucra for r in ranks) == pytest.approx(len(ranks) / 2)
    for r in ranks:
        assert sum(r.probabilities) == pytest.approx(1)
        assert 1 <= r.low <= r.high <= len(ranks)
    reverse = {r.treatment: r.p_score for r in rank_treatments(fitted, higher_is_better=not higher, draws=10)}
    assert all(reverse[r.treatment] == pytest.approx(1 - r.p_score) for r in ranks)


@given(STUDIES)
def test_network_of_two_treatments_is_the_pairwise_analysis(studies):
    contrasts = [Contrast(str(i), "A", "B", y, v**0.5) for i, (y, v) in enumerate(studies)]
    y, v = np.array(studies).T
    for tau in ("REML", "DL", "fixed"):
        fitted = network(contrasts, tau=tau)
        pair = pool(y, v, tau=tau, interval="normal")
        r = fitted.relative("A", "B")
        assert (r.estimate, r.se) == pytest.approx((pair.estimate, pair.se), rel=1e-4, abs=1e-5)
        assert fitted.q == pytest.approx(pair.heterogeneity.q, rel=1e-6, abs=1e-8)
