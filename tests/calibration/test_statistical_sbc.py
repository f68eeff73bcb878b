"""Simulation-based calibration: holds for the likelihood that made the data, fails for a wrong one, resumes."""

from dataclasses import replace

import numpy as np
import pytest

from reference.small_problem import small_problem
from rodnan.calibration.bayes.posterior import Settings
from rodnan.calibration.bayes.sbc import FALSE_ALARM, calibration_check, rank_tests, simulate_ranks
from rodnan.errors import CalibrationError

pytest.importorskip("numpyro")

SETTINGS = Settings(warmup=100, draws=160, chains=1, accept=0.8, depth=5)
SETS = 40


@pytest.fixture(scope="module")
def problem():
    return small_problem()[0]


def check(names, ranks, thinned):
    return calibration_check(rank_tests(names, ranks, thinned), ranks, thinned)


@pytest.mark.slow
def test_the_right_likelihood_holds(problem, tmp_path):
    """False-alarm rate of the family: 1 % (seed fixed)."""
    path = tmp_path / "ranks.jsonl"
    lines = []
    found = simulate_ranks(
        problem, sets=SETS, seed=2, settings=SETTINGS, thinned=31, resume=path, report=lines.append
    )
    summary = check(*found)
    assert summary["verdict"] == "holds"
    assert 40 < summary["coverage_50"] < 60
    assert 83 < summary["coverage_90"] < 97
    assert found[0][-1] == "log likelihood"
    assert len(lines) == 2
    again = simulate_ranks(
        problem, sets=SETS, seed=2, settings=SETTINGS, thinned=31, resume=path, report=lines.append
    )
    assert (again[1] == found[1]).all()
    assert len(lines) == 2
    with pytest.raises(CalibrationError, match="RDN-C048"):
        simulate_ranks(problem, sets=SETS, seed=3, settings=SETTINGS, thinned=31, resume=path)


@pytest.mark.slow
def test_a_wrong_likelihood_is_found(problem):
    """Standard errors and spreads a third of what made the data: ranks pile up at the ends."""
    blocks = tuple(
        replace(block, sampling=block.sampling / 9, effects=block.effects / 9)
        for block in problem.likelihood.blocks
    )
    wrong = replace(problem.likelihood, se=problem.likelihood.se / 3, blocks=blocks)
    summary = check(
        *simulate_ranks(problem, sets=SETS, seed=2, settings=SETTINGS, thinned=31, analysed=wrong)
    )
    assert summary["verdict"] == "fails"
    assert summary["coverage_90"] < 88


def test_alarms_are_as_rare_as_stated():
    """300 families of uniform ranks; the share of alarms lies below 1 % + 3 standard errors (false alarm: 0.2 %)."""
    rng = np.random.default_rng(5)
    names = [f"q{k}" for k in range(10)]
    alarms = [
        any(t.alarm for t in rank_tests(names, rng.integers(0, 32, size=(100, 10)), 31)) for _ in range(300)
    ]
    assert np.mean(alarms) < FALSE_ALARM + 3 * np.sqrt(FALSE_ALARM / 300)


def test_shifted_and_narrow_ranks_raise_alarms():
    rng = np.random.default_rng(6)
    level = rng.random(size=(150, 3))
    level[:, 1] = level[:, 1] ** 2
    level[:, 2] = 0.25 + 0.5 * level[:, 2]
    tests = rank_tests(["good", "shifted", "narrow"], (level * 32).astype(int), 31)
    assert [t.alarm for t in tests] == [False, True, True]


def test_chains_must_be_long_enough(problem):
    with pytest.raises(CalibrationError, match="RDN-C047"):
        simulate_ranks(problem, sets=1, seed=1, settings=replace(SETTINGS, draws=20), thinned=31)
