"""Distributions in whole numbers beside NumPy's on the values themselves."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.population.distributions import QUANTILES, SCALES, Distribution

RANDOM = np.random.default_rng(5)
VALUES = {
    "mrss": 51 * RANDOM.beta(1.5, 4, (3, 4000)),
    "fvc_pct_pred": RANDOM.normal(85, 15, (3, 4000)),
    "dlco_pct_pred": RANDOM.normal(65, 15, (3, 4000)),
    "haq_di": np.round(3 * RANDOM.beta(1.5, 3, (3, 4000)) * 8) / 8,
    "neutrophils": RANDOM.lognormal(1.5, 0.4, (3, 4000)),
    "white_cells": RANDOM.lognormal(2.0, 0.3, (3, 4000)),
}


@pytest.mark.parametrize("name", SCALES)
def test_moments_and_quantiles_agree(name):
    found, values = Distribution.of(VALUES), VALUES[name]
    np.testing.assert_allclose(found.mean(name), values.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.sd(name), values.std(axis=1, ddof=1), rtol=1e-4)
    for q in QUANTILES:
        expected = np.quantile(values, q, axis=1, method="inverted_cdf")
        np.testing.assert_allclose(found.quantile(name, q), expected, atol=1.01 * SCALES[name].width)


@pytest.mark.parametrize("cuts", [(1000,), (1, 7, 3999), (512, 1024, 1536, 2048)])
def test_any_cutting_gives_the_same_bytes(cuts):
    parts = [
        Distribution.of({name: values[:, low:high] for name, values in VALUES.items()})
        for low, high in zip((0, *cuts), (*cuts, 4000), strict=True)
    ]
    assert Distribution.together(reversed(parts)).to_bytes() == Distribution.of(VALUES).to_bytes()


def test_bytes_hold_everything():
    found = Distribution.of(VALUES)
    again = Distribution.from_bytes(found.to_bytes())
    assert again.n == 4000
    assert again.to_bytes() == found.to_bytes()


def test_values_off_the_scale_count_at_its_ends_and_in_the_mean():
    values = {name: np.array([[-5.0, 500.0]]) for name in SCALES}
    found = Distribution.of(values)
    for name, scale in SCALES.items():
        assert found.counts[name][0, 0] == 1
        assert found.counts[name][0, scale.bins - 1] == 1
        assert found.mean(name)[0] == 247.5


def test_one_patient_has_no_spread():
    found = Distribution.of({name: np.array([[2.0], [3.0]]) for name in SCALES})
    assert (found.sd("mrss") == 0).all()
    np.testing.assert_allclose(found.quantile("mrss", 0.5), [2.0, 3.0], atol=0.1)
