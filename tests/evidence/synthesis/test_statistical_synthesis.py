"""Coverage of the intervals by simulation."""

from __future__ import annotations

import numpy as np

from rodnan.evidence.synthesis.pairwise import pool, prediction_interval


def test_hartung_knapp_holds_the_true_mean_as_often_as_it_says():
    """600 meta-analyses of 5 equally precise studies with spread; nominal 95 %.

    Under this design the Hartung-Knapp interval is nearly exact. The bounds are four standard errors
    (0.0089) of a proportion of 0.95 on either side: a false alarm about once in 10,000 runs; the seed
    is fixed.
    """
    rng = np.random.default_rng(20230711)
    held_hk = held_normal = 0
    for _ in range(600):
        v = np.full(5, 0.25)
        y = rng.normal(1.0, np.sqrt(v + 0.2))
        hk = pool(y, v, tau="DL", interval="hartung-knapp")
        normal = pool(y, v, tau="DL", interval="normal")
        held_hk += hk.low <= 1.0 <= hk.high
        held_normal += normal.low <= 1.0 <= normal.high
    assert 0.914 <= held_hk / 600 <= 0.986
    assert held_normal < held_hk


def test_prediction_interval_holds_a_further_true_effect():
    """500 meta-analyses of 12 studies; the share of further true effects inside, nominal 95 %.

    Bounds from 0.90 (the interval is approximate) to four standard errors above 0.95; false alarm below 1
    in 1,000.
    """
    rng = np.random.default_rng(42)
    held = 0
    for _ in range(500):
        v = rng.uniform(0.05, 0.15, 12)
        y = rng.normal(0.0, np.sqrt(v + 0.3))
        low, high = prediction_interval(pool(y, v, tau="DL", interval="normal"), df="k-2")
        held += low <= rng.normal(0.0, np.sqrt(0.3)) <= high
    assert 0.90 <= held / 500 <= 0.989
