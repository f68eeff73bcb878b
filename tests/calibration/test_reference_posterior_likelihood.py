"""The likelihood against SciPy's densities, its own simulated data, and what a trial effect must and must not do."""

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from reference.trial_likelihood import beta_binomial, trial_log_likelihood
from rodnan.calibration import targets
from rodnan.calibration.bayes.likelihood import build_likelihood
from rodnan.calibration.bayes.observations import (
    Observation,
    heterogeneity,
    natural_observations,
    trial_observations,
)
from rodnan.errors import CalibrationError

pytest.importorskip("jax")


def level(key, arm, days, y, se=1.0, endpoint="mrss", unit="trial", observational=False):
    return Observation(
        key=key,
        kind="level",
        unit=unit,
        arms=(arm,),
        endpoint=endpoint,
        days=days,
        y=y,
        se=se,
        observational=observational,
    )


ROWS = (
    level("a", "drug", 182, -3.0, 0.8),
    level("b", "drug", 365, -5.5, 1.1),
    level("c", "placebo", 182, -0.5, 0.7),
    level("d", "placebo", 365, 0.6, 1.2, observational=True),
    level("e", "placebo", 365, -2.0, 0.9, "fvc_pct_pred"),
    Observation(
        key="f",
        kind="contrast",
        unit="other",
        arms=("x", "y"),
        endpoint="fvc_pct_pred",
        days=365,
        y=1.5,
        se=0.6,
    ),
    Observation(key="g", kind="natural-history", unit="nh/N1", y=70, se=5),
    Observation(key="h", kind="count", unit="counts", y=7, se=0, n=30),
)
KEYS = tuple("hgfedcba")
RNG = np.random.default_rng(2)
MEAN = dict(zip("abcdefgh", [-2.0, -3.0, -1.0, -1.5, -1.0, 0.5, 66.0, 30.0], strict=True))
VARIANCE = dict(zip("abcdefgh", [0.3, 0.2, 0.4, 0.1, 0.2, 0.3, 4.0, 9.0], strict=True))


def correlations(n):
    a = RNG.normal(size=(n, 3))
    c = a @ a.T + 2 * np.eye(n)
    return c / np.sqrt(np.outer(np.diag(c), np.diag(c)))


CORRELATION = correlations(8)
LIKELIHOOD = build_likelihood(ROWS, KEYS, correlation=CORRELATION)
SPREADS = np.array([1.5, 1.0, 0.8, 1.2, 0.9, 0.5, 0.08])


def evaluated(likelihood=LIKELIHOOD, mean=MEAN, variance=VARIANCE, spreads=SPREADS):
    table = np.array([[mean[k] for k in KEYS]]), np.array([[variance[k] for k in KEYS]])
    return dict(zip(likelihood.units, likelihood.many(*table, spreads[None])[0], strict=True))


def named_spreads():
    return {tuple(name.split("/")): s for name, s in zip(LIKELIHOOD.spreads[:-1], SPREADS, strict=False)}


def test_spreads_are_those_of_the_record():
    assert LIKELIHOOD.spreads == (
        "level/mrss", "drift/mrss", "arm/mrss", "level/fvc_pct_pred", "drift/fvc_pct_pred", "arm/fvc_pct_pred", "count",
    )  # fmt: skip
    recorded = heterogeneity()
    assert LIKELIHOOD.scales[:3].tolist() == list(recorded.scales["mrss"])
    assert recorded.degrees == 4


@pytest.mark.parametrize(("unit", "members"), [("trial", "abcde"), ("trial", "abcd"), ("other", "f")])
def test_a_trials_density_is_that_of_brute_quadrature(unit, members):
    """Trials of five observations go by Cholesky, of four and fewer one observation after another."""
    rows = [r for r in ROWS if r.key in members]
    likelihood = build_likelihood(
        [r for r in ROWS if r.key in members + "fgh"], KEYS, correlation=CORRELATION
    )
    where = [KEYS.index(k) for k in members]
    expected = trial_log_likelihood(
        rows,
        np.array([MEAN[k] for k in members]),
        np.array([VARIANCE[k] for k in members]),
        CORRELATION[np.ix_(where, where)],
        named_spreads(),
    )
    kept = [k for k, name in enumerate(LIKELIHOOD.spreads) if name in likelihood.spreads]
    assert evaluated(likelihood, spreads=SPREADS[kept])[unit] == pytest.approx(expected, abs=2e-3)


def test_natural_history_is_normal_and_counts_are_beta_binomial():
    from scipy import stats

    found = evaluated()
    assert found["nh/N1"] == pytest.approx(stats.norm.logpdf(70, 66, np.sqrt(25 + 4)), abs=1e-10)
    node, weight = np.polynomial.hermite_e.hermegauss(5)
    share = 0.001 + 0.998 * np.clip((30 + 3 * node) / 100, 0, 1)
    expected = np.log(np.sum(weight / weight.sum() * beta_binomial(7, 30, share, 0.08)))
    assert found["counts"] == pytest.approx(expected, abs=1e-5)


def test_a_trial_level_shift_costs_less_than_a_shift_of_one_arm():
    """Both arms 3 units off is a trial effect; one arm off is a drug effect that the model missed."""
    rows = (level("a", "drug", 365, 0.0, 0.5), level("b", "placebo", 365, 0.0, 0.5))
    likelihood = build_likelihood(rows, ("a", "b"))
    spreads = np.array([[3.0, 1.0, 0.3]])
    variance = np.full((1, 2), 0.01)
    both = likelihood.many(np.array([[3.0, 3.0]]), variance, spreads).sum()
    one = likelihood.many(np.array([[3.0, 0.0]]), variance, spreads).sum()
    assert both > one + 3


def test_one_discordant_trial_cannot_dominate():
    """Far from the data the log density falls with the logarithm of the distance, not its square."""
    likelihood = build_likelihood((level("a", "x", 365, 0.0, 0.1),), ("a",))
    away = np.array([[4.0], [8.0], [16.0]])
    found = likelihood.many(away, np.full((3, 1), 1e-3), np.tile([1.0, 0.5, 0.5], (3, 1)))[:, 0]
    drops = -np.diff(found)
    assert drops[1] < 1.6 * drops[0]
    assert drops == pytest.approx(5 * np.log(2), rel=0.25)


def test_simulated_data_have_the_moments_of_the_density():
    """4,000 data sets; each of the bounds holds but for 1 in 10,000 seeds."""
    mean, variance = np.array([MEAN[k] for k in KEYS]), np.array([VARIANCE[k] for k in KEYS])
    rng = np.random.default_rng(11)
    y = np.array([LIKELIHOOD.simulate(mean, variance, SPREADS, rng) for _ in range(4000)])
    se = y.std(axis=0) / np.sqrt(len(y))
    expected = np.array([MEAN[r.key] for r in ROWS])
    expected[-1] = 30 * (0.001 + 0.998 * 0.30)
    assert (np.abs(y.mean(axis=0) - expected) < 4.5 * se).all()
    visits = np.corrcoef(y[:, 0], y[:, 1])[0, 1]
    contrast = np.corrcoef(y[:, 0], y[:, 5])[0, 1]
    assert visits > 0.5
    assert abs(contrast) < 0.07


def test_recorded_targets_make_a_likelihood():
    from rodnan.calibration.bayes.simulate import arm_targets

    rows = trial_observations(arm_targets()) + natural_observations(
        [t for t in targets() if t.id != "N18"], without=["nh/N10/all"]
    )
    keys = [r.key for r in rows]
    assert "nh/N10/all" not in keys
    assert len(set(keys)) == len(keys)
    likelihood = build_likelihood(rows, keys)
    found = likelihood.many(likelihood.y[None], np.full((1, len(keys)), 0.1), likelihood.scales[None])
    assert np.isfinite(found).all()


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(CalibrationError, match=r"RDN-C040.*'zz'"):
        build_likelihood((level("zz", "x", 1, 0.0),), ("a",))
    with pytest.raises(CalibrationError, match=r"RDN-C041.*'mrs'.*'mrss'"):
        build_likelihood((level("a", "x", 1, 0.0, endpoint="mrs"),), ("a",))
    with pytest.raises(CalibrationError, match="RDN-C042"):
        build_likelihood((level("a", "x", 1, 0.0), level("b", "x", 1, 0.0)), ("a", "b"))
    with pytest.raises(ValidationError, match="standard error"):
        level("a", "x", 1, 0.0, se=0.0)
    with pytest.raises(ValidationError, match="between 0 and n"):
        Observation(key="a", kind="count", unit="u", y=5, se=0, n=3)
    with pytest.raises(ValidationError, match="2 arm"):
        Observation(key="a", kind="contrast", unit="u", arms=("x",), endpoint="mrss", y=5, se=1)


def test_other_data_can_be_put_in():
    moved = dataclasses.replace(LIKELIHOOD, y=LIKELIHOOD.y + 1.0)
    assert evaluated(moved)["nh/N1"] < evaluated()["nh/N1"]
