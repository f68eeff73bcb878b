"""The luck of a trial in its repetitions, against the standard error of a mean."""

import numpy as np

from rodnan.trial.analysis import draw_replicates


def test_the_spread_of_means_is_that_of_the_published_size():
    """Four standard errors of an sd from 2,000 repetitions: a false alarm once in 16,000."""
    values = np.random.default_rng(5).normal(size=300)
    drawn = draw_replicates({"a": 288, "b": 30}, 300, 2000, seed=1, study="s", endpoints=["mrss"])
    for arm, size in (("a", 288), ("b", 30)):
        means = values[drawn.members[arm]].mean(axis=1)
        wanted = values.std() / np.sqrt(size)
        assert abs(means.std() / wanted - 1.0) < 4.0 / np.sqrt(2 * 2000)
        assert drawn.members[arm].min() >= 0
        assert drawn.members[arm].max() < 300


def test_an_arm_knows_nothing_of_the_others():
    one = draw_replicates({"a": 20}, 100, 50, seed=1, study="s", endpoints=["mrss"])
    two = draw_replicates({"b": 40, "a": 20}, 100, 50, seed=1, study="s", endpoints=["mrss"])
    np.testing.assert_array_equal(one.members["a"], two.members["a"])
