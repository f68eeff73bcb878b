"""A stand-in for the simulator: smooth, nonlinear, noisy, of which every derivative is known to exist."""

import numpy as np


class StandIn:
    """Summaries of z: linear, bent and saturating along a few directions each.

    Parameters
    ----------
    seed, dimension, summaries
        Which stand-in, of how many inputs and outputs.
    bend
        Size of everything that is not linear.
    """

    def __init__(self, seed, dimension, summaries, bend=1.0):
        rng = np.random.default_rng(seed)
        self.noise = 0.3
        self.bend = bend
        self.directions = rng.normal(size=(summaries, 3, dimension)) * (
            rng.random((summaries, 1, dimension)) < 0.5
        )
        self.directions /= np.sqrt((self.directions**2).sum(axis=-1, keepdims=True)) + 1e-9
        self.size = rng.uniform(0.5, 1.5, size=(summaries, 3))

    def mean(self, z):
        along = np.einsum("mrd,nd->nmr", self.directions, np.atleast_2d(z))
        bent = (
            np.tanh(along[..., 1]) * self.size[:, 1] + 0.3 * along[..., 2] * along[..., 0] * self.size[:, 2]
        )
        return 2.0 * self.size[:, 0] * along[..., 0] + self.bend * bent

    def simulate(self, z, seed):
        mean = self.mean(z)
        return mean + self.noise * np.random.default_rng(seed).normal(size=mean.shape)
