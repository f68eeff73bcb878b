"""Intervals of published counts and means against printed values."""

from types import SimpleNamespace

import pytest

from rodnan.evidence import load_study
from rodnan.trial.published import agrees, published_count, published_number


def row(**fields):
    base = dict.fromkeys(("mean", "se", "sd", "n", "of", "pct", "ci95", "adjusted", "derived"))
    return SimpleNamespace(**(base | {"basis": "read"} | fields))


@pytest.mark.parametrize(
    ("n", "of", "low", "high"),
    [(0, 10, 0.0, 25.89), (10, 10, 74.11, 100.0), (1, 10, 0.51, 39.42), (5, 10, 22.24, 77.76)],
)
def test_clopper_pearson(n, of, low, high):
    """Exact 90 % limits: 1 - 0.05^(1/10) = 25.89 %, and the tabled values for 1 and 5 of 10."""
    found = published_count(row(n=n, of=of))
    assert found["interval90"] == pytest.approx([low, high], abs=0.01)


def test_interval_comes_from_the_standard_error_else_the_95_interval_else_sd_and_n():
    assert published_number(row(mean=3.3, se=1.1))["interval90"] == pytest.approx(
        [3.3 - 1.6449 * 1.1, 3.3 + 1.6449 * 1.1], abs=1e-3
    )
    found = published_number(row(mean=2.19, ci95=(0.53, 3.84)))["interval90"]
    assert found == pytest.approx([2.19 - 1.6449 * 3.31 / 3.9199, 2.19 + 1.6449 * 3.31 / 3.9199], abs=1e-3)
    assert published_number(row(mean=-3.4, sd=7.12, n=100))["interval90"] == pytest.approx(
        [-4.571, -2.229], abs=1e-3
    )
    assert published_number(row(mean=1.0))["interval90"] is None
    assert published_number(row()) is None


def test_nothing_published_nothing_judged():
    assert agrees({"interval90": [0, 1]}, None) is None
    assert agrees({"interval90": [None, None]}, {"mean": 1}) is None
    assert agrees({"interval90": [0, 1]}, {"mean": 1}) is True
    assert agrees({"interval90": [0, 1]}, {"mean": 1.01}) is False


def test_sls_2_counts_as_printed():
    events = {(e.event, e.arm): published_count(e) for e in load_study("sls-2").adverse_events}
    assert events["leukopenia", "cyc"]["percent"] == pytest.approx(100 * 30 / 73)
    assert events["leukopenia", "mmf"]["n"] == 4
