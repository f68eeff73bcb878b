"""Distribution of the streams; false-alarm rate 1 in 10,000 a test, seeds fixed."""

import numpy as np
from scipy.stats import kstest

from rodnan.engine.keys import normals, uniforms

ALARM = 1e-4


def test_uniform():
    u = uniforms(3, "study", "purpose", np.arange(2000), 25).ravel()
    assert (u > 0).all()
    assert (u < 1).all()
    assert kstest(u, "uniform").pvalue > ALARM


def test_normal_and_neighbours_uncorrelated():
    z = normals(3, "study", "purpose", np.arange(4000), 10)
    assert kstest(z.ravel(), "norm").pvalue > ALARM
    limit = 4.5 / np.sqrt(z.shape[0])
    assert np.abs(np.corrcoef(z.T) - np.eye(10)).max() < limit
    assert abs(np.corrcoef(z[:-1, 0], z[1:, 0])[0, 1]) < limit
