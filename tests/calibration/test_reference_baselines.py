"""The baselines against a brute-force oracle: integration over all effects on a fine grid."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.calibration.validation import baselines
from rodnan.calibration.validation.baselines import BASELINES, Arm, Datum, fit_baseline

YEAR = 12 * baselines.MONTH


def arm(study: str, name: str, group: str, duration: float = 2.0, base: float = 20.0) -> Arm:
    return Arm(study, name, group, duration, base)


@pytest.fixture
def data() -> list[Datum]:
    rng = np.random.default_rng(2)
    rows = []
    for k in range(5):
        level = rng.normal(0, 1.5)
        for group, effect in (("untreated", -1.0), ("antimetabolite", -4.0)):
            one = arm(f"t{k}", group, group, 1.0 + k, 15.0 + 3 * k)
            for week in (26.0, YEAR):
                share = baselines._course("B3", week, 6.3)
                rows.append(Datum(((one, 1.0),), week, share * (effect + level) + rng.normal(0, 0.5), 0.5))
    return rows


def test_one_node_is_what_sampling_all_effects_gives(monkeypatch):
    """Importance sampling of 400,000 prior draws of every effect finds the same mean and spread of an untreated arm."""
    monkeypatch.setattr(baselines, "SPREADS", (1.0,))
    monkeypatch.setattr(baselines, "ET50_MONTHS", (6.3,))
    monkeypatch.setattr(baselines, "ET50_PRIOR", (1.0,))
    monkeypatch.setattr(baselines, "_cell", lambda spread: 1.0)
    ys, ses = (-2.0, 1.0), (1.0, 1.5)
    rows = [
        Datum(((arm(f"s{k}", "p", "untreated"), 1.0),), YEAR, y, se)
        for k, (y, se) in enumerate(zip(ys, ses, strict=True))
    ]
    fit = fit_baseline("B1", rows)
    rng = np.random.default_rng(9)
    n = 400_000
    mu = baselines.WIDE * rng.standard_normal(n)
    log = np.zeros(n)
    for y, se in zip(ys, ses, strict=True):
        true = mu + rng.standard_normal(n) + baselines.ARM_SHARE * rng.standard_normal(n)
        log -= 0.5 * ((y - true) / se) ** 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float(weight @ mu)
    sd = float(np.sqrt(weight @ (mu - mean) ** 2))
    assert fit.nodes[0].mean[0] == pytest.approx(mean, abs=0.05)
    assert np.linalg.norm(fit.nodes[0].root[0]) == pytest.approx(sd, abs=0.05)


@pytest.mark.parametrize("kind", BASELINES)
def test_nodes_are_weighted_and_draws_are_finite(kind, data):
    fit = fit_baseline(kind, data)
    assert sum(n.weight for n in fit.nodes) == pytest.approx(1.0)
    arms = [(arm("new", "a", "antimetabolite"), YEAR), (arm("new", "b", "untreated"), YEAR)]
    first, second = fit.sample(arms, 4000, 3)
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()
    assert np.std(first - second) < np.hypot(np.std(first), np.std(second))


def test_only_meta_analysis_finds_the_effect_of_a_class(data):
    arms = [(arm("new", "a", "antimetabolite"), YEAR), (arm("new", "b", "untreated"), YEAR)]
    for kind, low, high in (("B1", -0.3, 0.3), ("B3", -3.8, -2.2), ("B4", -0.3, 0.3)):
        a, b = fit_baseline(kind, data).sample(arms, 8000, 4)
        assert low < np.mean(a - b) < high


def test_a_class_never_seen_is_wider_than_one_seen(data):
    fit = fit_baseline("B3", data)
    seen, unseen = (
        np.std(fit.sample([(arm("new", "a", group), YEAR)], 8000, 5)[0])
        for group in ("antimetabolite", "cytokine")
    )
    assert unseen > 1.1 * seen


def test_the_same_seed_gives_the_same_draws(data):
    fit = fit_baseline("B3", data)
    arms = [(arm("new", "a", "untreated"), 26.0)]
    assert (fit.sample(arms, 50, 1)[0] == fit.sample(arms, 50, 1)[0]).all()
