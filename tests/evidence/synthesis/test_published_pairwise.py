"""Pairwise pooling against what publications and the metafor project print for published data sets."""

from __future__ import annotations

import numpy as np
import pytest

from evidence.synthesis.published_numbers import BCG, CLASP, EXPECTANCY, MAGNESIUM, STROKE
from rodnan.evidence.synthesis.between_studies import tau2_estimate
from rodnan.evidence.synthesis.effects import (
    log_odds_ratio,
    log_risk_ratio,
    mean_difference,
    risk_difference,
    standardised_mean_difference,
)
from rodnan.evidence.synthesis.pairwise import pool, prediction_interval
from rodnan.evidence.synthesis.small_study import egger_test


def bcg(measure):
    a, b, c, d = np.array(BCG, dtype=float).T
    return measure(a, a + b, c, c + d)


@pytest.mark.parametrize(
    ("measure", "tau", "estimate", "low", "high", "tau2", "i2"),
    [
        # metafor's tests against Stata's metan, data of Colditz 1994
        (log_risk_ratio, "fixed", -0.4303, -0.5097, -0.3509, 0.0, None),
        (log_risk_ratio, "DL", -0.7141, -1.0644, -0.3638, 0.3088, 92.1173),
        (log_odds_ratio, "fixed", -0.4361, -0.5190, -0.3533, 0.0, None),
        (log_odds_ratio, "DL", -0.7474, -1.1242, -0.3706, 0.3663, 92.6455),
        (risk_difference, "fixed", -0.0009, -0.0014, -0.0005, 0.0, None),
        (risk_difference, "DL", -0.0071, -0.0101, -0.0040, 0.0000, 95.6596),
        # metadat, help page of dat.bcg
        (log_risk_ratio, "REML", -0.7145, -1.0669, -0.3622, 0.3132, 92.22),
    ],
)
def test_bcg_vaccine(measure, tau, estimate, low, high, tau2, i2):
    effects = bcg(measure)
    found = pool(effects.y, effects.v, tau=tau, interval="normal")
    assert (found.estimate, found.low, found.high) == pytest.approx((estimate, low, high), abs=6e-5)
    assert found.heterogeneity.tau2 == pytest.approx(tau2, abs=6e-5)
    if i2 is not None:
        assert found.heterogeneity.i2 == pytest.approx(i2, abs=6e-3)


def test_bcg_heterogeneity_and_its_interval():
    effects = bcg(log_risk_ratio)
    h = pool(effects.y, effects.v, tau="DL").heterogeneity
    assert h.q == pytest.approx(152.23301, abs=1e-5)
    # metafor, confint() of the DL fit: Q-profile limits
    assert (h.tau2_low, h.tau2_high) == pytest.approx((0.1197, 1.1115), abs=6e-5)
    assert (h.i2_low, h.i2_high) == pytest.approx((81.9177, 97.6781), abs=4e-3)
    assert h.h2 == pytest.approx(12.6861, abs=6e-5)


def test_bcg_prediction_interval():
    effects = bcg(log_risk_ratio)
    found = pool(effects.y, effects.v, tau="REML", interval="normal")
    limits = prediction_interval(found, df="normal")
    assert np.exp(limits) == pytest.approx((0.1546, 1.5490), abs=6e-5)  # metadat, help page of dat.bcg


@pytest.mark.parametrize(
    ("tau", "estimate", "low", "high", "tau2"),
    [
        ("fixed", -3.4939, -5.0265, -1.9613, 0.0),
        ("DL", -14.0972, -24.4454, -3.7490, 218.7216),
        ("REML", -15.1217, -32.6716, 2.4282, 685.1965),
    ],
)
def test_length_of_stay_normand_1999_table_ix(tau, estimate, low, high, tau2):
    n1, m1, sd1, n2, m2, sd2 = np.array(STROKE, dtype=float).T
    effects = mean_difference(m1, sd1, n1, m2, sd2, n2, pooled=True)
    table_viii = [40.5863, 2.0468, 15.2809, 150.2222, 20.1923, 1.2235, 95.3756, 8.0321, 20.6936]
    assert effects.v == pytest.approx(table_viii, abs=6e-5)
    found = pool(effects.y, effects.v, tau=tau, interval="normal")
    assert (found.estimate, found.low, found.high) == pytest.approx((estimate, low, high), abs=6e-5)
    assert found.heterogeneity.tau2 == pytest.approx(tau2, abs=6e-5)


def test_length_of_stay_with_separate_standard_deviations():
    n1, m1, sd1, n2, m2, sd2 = np.array(STROKE, dtype=float).T
    effects = mean_difference(m1, sd1, n1, m2, sd2, n2)
    found = pool(effects.y, effects.v, interval="normal")
    assert (found.estimate, found.se, found.heterogeneity.tau2, found.heterogeneity.q) == pytest.approx(
        (-15.1060, 8.9466, 684.6462, 238.9158), abs=6e-5
    )  # metadat, help page of dat.normand1999


def test_standardised_length_of_stay():
    n1, m1, sd1, n2, m2, sd2 = np.array(STROKE, dtype=float).T
    effects = standardised_mean_difference(m1, sd1, n1, m2, sd2, n2)
    assert effects.y[:4] == pytest.approx((-0.3552, -0.3479, -2.3176, -1.8880), abs=6e-5)  # metafor's tests
    assert effects.v[:4] == pytest.approx((0.0131, 0.0645, 0.0458, 0.1606), abs=6e-5)
    found = pool(effects.y, effects.v, interval="normal")
    assert (found.estimate, found.se, found.heterogeneity.tau2, found.heterogeneity.q) == pytest.approx(
        (-0.5371, 0.3087, 0.7908, 123.7293), abs=6e-5
    )  # metadat, help page of dat.normand1999


@pytest.mark.parametrize(
    ("tau", "sd", "estimate", "se"),
    [("PM", 0.3681, -0.3811, 0.2060), ("DL", 0.2323, -0.3240, 0.1540), ("REML", 0.1843, -0.2980, 0.1343)],
)
def test_clasp_dersimonian_kacker_2007(tau, sd, estimate, se):
    n1, a, n2, c = np.array(CLASP, dtype=float).T
    effects = log_odds_ratio(a, n1, c, n2)
    found = pool(effects.y, effects.v, tau=tau, interval="normal")
    assert np.sqrt(tau2_estimate(effects.y, effects.v, tau)) == pytest.approx(sd, abs=6e-5)
    assert (found.estimate, found.se) == pytest.approx((estimate, se), abs=6e-5)


def test_egger_regression_on_the_magnesium_trials():
    a, n1, c, n2 = np.array(MAGNESIUM, dtype=float).T
    effects = log_odds_ratio(a, n1, c, n2)
    found = pool(effects.y, effects.v, interval="normal")
    assert (found.estimate, found.se, found.heterogeneity.tau2, found.heterogeneity.q) == pytest.approx(
        (-0.8745, 0.2080, 0.1911, 20.9184), abs=6e-5
    )
    egger = egger_test(effects.y, effects.v)
    # metafor, help page of regtest(model = "lm")
    assert (egger.t, egger.p, egger.limit) == pytest.approx((-3.1783, 0.0073, -0.1512), abs=6e-5)
    assert egger.df == 13
    assert egger.informative


@pytest.mark.parametrize(
    ("tau", "tau2", "estimate", "se", "t", "low", "high"),
    [
        ("REML", 0.0188, 0.0837, 0.0616, 1.3593, -0.0457, 0.2131),
        ("DL", 0.0259, 0.0893, 0.0636, 1.4050, -0.0442, 0.2229),
    ],
)
def test_hartung_knapp_raudenbush_2009_table_16_3(tau, tau2, estimate, se, t, low, high):
    y, v = np.array(EXPECTANCY).T
    found = pool(y, v, tau=tau, interval="hartung-knapp")
    assert found.heterogeneity.tau2 == pytest.approx(tau2, abs=6e-5)
    assert (found.estimate, found.se, found.estimate / found.se) == pytest.approx((estimate, se, t), abs=6e-5)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)
    assert found.df == 18
