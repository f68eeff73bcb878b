"""A calibration small enough to know its posterior: four parameters, seven observations, a nearly linear simulator."""

from dataclasses import replace

import numpy as np

from reference.stand_in import StandIn
from rodnan.calibration.bayes.emulator import Emulator
from rodnan.calibration.bayes.emulator_fit import Form, fit_emulator
from rodnan.calibration.bayes.likelihood import build_likelihood
from rodnan.calibration.bayes.observations import Observation
from rodnan.calibration.bayes.posterior import Problem
from rodnan.calibration.bayes.priors import build_prior, sobol_points
from rodnan.disease.parameters import load_parameters

NAMES = ("tauD", "om6", "ex_s", "potency/mycophenolate")
TRUE_Z = np.array([0.8, -0.6, 0.3, 0.5])


def observed(kind, unit, key, arms=(), days=365.0, se=0.4):
    endpoint = "mrss" if arms else ""
    return Observation(kind=kind, unit=unit, key=key, arms=arms, endpoint=endpoint, days=days, y=0.0, se=se)


OBSERVATIONS = (
    observed("level", "one", "s0", ("drug",)),
    observed("level", "one", "s1", ("placebo",)),
    observed("level", "two", "s2", ("drug",), 182.0),
    observed("level", "two", "s3", ("drug",)),
    observed("contrast", "three", "s4", ("drug", "placebo")),
    observed("natural-history", "nh/N1", "s5"),
    observed("natural-history", "nh/N2", "s6"),
)


def small_problem(*, bend=0.3, seed=3):
    """Return the problem and the stand-in behind its emulator; data at `TRUE_Z` without any error."""
    prior = build_prior(load_parameters(), NAMES)
    truth = StandIn(seed, prior.dimension, len(OBSERVATIONS), bend)
    z = sobol_points(prior.dimension, 256, seed=1, width=1.2)
    inputs = prior.inputs(prior.values(z))
    keys = [o.key for o in OBSERVATIONS]
    emulator = fit_emulator(
        inputs,
        truth.simulate(z, 2),
        names=prior.coordinate_names,
        keys=keys,
        noise=np.full(len(keys), truth.noise),
        form=Form(products=4, directions=2, nodes=10),
    )
    likelihood = build_likelihood(OBSERVATIONS, keys, correlation=emulator.correlation)
    likelihood = replace(likelihood, y=truth.mean(TRUE_Z)[0])
    return Problem(prior, emulator, likelihood), truth


def linear_problem(slopes, variance=1e-4, held=None):
    """Return a problem whose emulator is exactly linear in z: float64[7, 4] slopes, constant variances."""
    prior = build_prior(load_parameters(), ("tauD", "om6", "fvc_healthy", "potency/mycophenolate"))
    keys = tuple(o.key for o in OBSERVATIONS)
    m, d = slopes.shape
    emulator = Emulator(
        inputs=prior.coordinate_names,
        keys=keys,
        centre=np.zeros(d),
        scale=np.ones(d),
        constant=np.zeros(m),
        gradient=slopes,
        curvature=np.zeros((m, d, d)),
        directions=np.zeros((m, d, 1)),
        nodes=np.zeros((m, 1, 1)),
        amplitude=np.zeros((m, 1)),
        length=np.ones(m),
        relevance=np.zeros((m, d)),
        log_variance=np.tile([-40.0, 0.0, 1.0], (m, 1)),
        lack_of_fit=np.full(m, variance),
        noise=np.full(m, 0.1),
        correlation=np.eye(m),
        r2=np.ones(m),
        rmse=np.full(m, 0.1),
        spread=np.ones(m),
        coverage=np.full(m, 0.9),
        rows=np.full(m, 100.0),
    )
    likelihood = build_likelihood(OBSERVATIONS, keys, correlation=emulator.correlation)
    return Problem(prior, emulator, likelihood, held or {})


def reference_moments(problem, log_likelihood, seed=1, draws=60_000):
    """Return mean and sd of z under the posterior, by weighing draws of the prior, and their effective number."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(draws, len(problem.free)))
    spreads = np.abs(rng.normal(size=(draws, len(problem.likelihood.scales)))) * problem.likelihood.scales
    log = log_likelihood(z, spreads)
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    mean = weights @ z
    return mean, np.sqrt(weights @ (z - mean) ** 2), 1.0 / np.sum(weights**2)
