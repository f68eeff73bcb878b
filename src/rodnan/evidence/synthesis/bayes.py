"""Bayesian random-effects meta-analysis by deterministic integration: no sampling, the same numbers every
time.

The model is ``y_i ~ N(theta_i, v_i)``, ``theta_i ~ N(mu, tau2)`` with a normal (or flat) prior on mu and a
half-normal, half-t or half-Cauchy prior on tau. Given tau everything is normal in closed form, so one
integral over tau is left (Roever, J Stat Softw 2020;93(6)): posteriors are mixtures of normals on a grid of
tau with Gauss-Legendre weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from rodnan.errors import EvidenceError
from rodnan.evidence.synthesis.numeric import minimum, root

__all__ = ["BayesPooled", "Mixture", "TauPrior", "pool_bayes"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TauPrior:
    """Prior of tau, on the scale of the data.

    Parameters
    ----------
    family
        ``"half-normal"``, ``"half-cauchy"`` or ``"half-t"``.
    scale
        Scale, above 0.
    df
        Degrees of freedom of the half-t.
    """

    family: Literal["half-normal", "half-cauchy", "half-t"] = "half-normal"
    scale: float = 0.5
    df: float = 4.0

    def log_density(self, tau: Array) -> Array:
        """Log density at `tau` (shape kept)."""
        kernels = {
            "half-normal": lambda x: stats.norm.logpdf(x),
            "half-cauchy": lambda x: stats.cauchy.logpdf(x),
            "half-t": lambda x: stats.t.logpdf(x, self.df),
        }
        return np.log(2) - np.log(self.scale) + kernels[self.family](tau / self.scale)

    def __str__(self) -> str:
        extra = f", df {self.df:g}" if self.family == "half-t" else ""
        return f"{self.family}(scale {self.scale:g}{extra})"


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of normals: the exact form of a posterior here, up to the grid of tau.

    Parameters
    ----------
    weights, means, sds
        Of the components, shape (node,); weights sum to 1.
    """

    weights: Array
    means: Array
    sds: Array

    @property
    def mean(self) -> float:
        """Mean."""
        return float(np.sum(self.weights * self.means))

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return float(np.sqrt(np.sum(self.weights * (self.sds**2 + (self.means - self.mean) ** 2))))

    def cdf(self, x: float) -> float:
        """Probability of being at or below `x`."""
        return float(np.sum(self.weights * stats.norm.cdf(x, self.means, self.sds)))

    def quantile(self, p: float) -> float:
        """Quantile at probability `p`."""
        low = float(np.min(stats.norm.ppf(min(p, 0.5), self.means, self.sds)))
        high = float(np.max(stats.norm.ppf(max(p, 0.5), self.means, self.sds)))
        if high - low < 1e-14:
            return low
        return root(lambda x: self.cdf(x) - p, low - 1e-9, high + 1e-9)

    def interval(self, level: float = 0.95, *, shortest: bool = False) -> tuple[float, float]:
        """Credible interval: with equal tails, or the shortest one."""
        if not shortest:
            return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)
        start, _ = minimum(
            lambda p: self.quantile(p + level) - self.quantile(p), 1e-9, 1 - level - 1e-9, xtol=1e-8
        )
        return self.quantile(start), self.quantile(start + level)


@dataclass(frozen=True, slots=True)
class BayesPooled:
    """Posterior of a Bayesian random-effects meta-analysis.

    Parameters
    ----------
    effect
        Posterior of mu.
    predictive
        Of the true effect of a further, similar study.
    studies
        Posterior of each study's own true effect (shrunk towards the mean).
    tau_nodes, tau_weights
        Posterior of tau as a discrete distribution on the nodes of the integration.
    tau_mean, tau_sd, tau_median, tau_high
        Summaries of tau; `tau_high` is the upper limit of the one-sided interval at `level`.
    prior
        The prior of tau; `mu_prior` is (mean, sd) or None for a flat one.
    """

    effect: Mixture
    predictive: Mixture
    studies: tuple[Mixture, ...]
    tau_nodes: Array
    tau_weights: Array
    tau_mean: float
    tau_sd: float
    tau_median: float
    tau_high: float
    prior: TauPrior
    mu_prior: tuple[float, float] | None
    level: float


def pool_bayes(
    y: ArrayLike,
    v: ArrayLike,
    *,
    prior: TauPrior,
    mu_prior: tuple[float, float] | None = None,
    level: float = 0.95,
    nodes: int = 60,
) -> BayesPooled:
    """Pool studies with a prior on the spread between them.

    Parameters
    ----------
    y, v
        Estimates and sampling variances, shape (study,).
    prior
        Prior of tau.
    mu_prior
        Mean and standard deviation of the normal prior of mu; None for a flat prior.
    level
        Credible level.
    nodes
        Gauss-Legendre nodes in each of 16 panels of tau.

    Returns
    -------
    BayesPooled
        Posteriors of effect, tau, each study and a further study.

    Raises
    ------
    EvidenceError
        ``RDN-E505`` for impossible priors or data.
    """
    y, v = np.asarray(y, dtype=np.float64), np.asarray(v, dtype=np.float64)
    if y.ndim != 1 or y.size == 0 or y.shape != v.shape or not np.all(v > 0) or not np.all(np.isfinite(y)):
        raise EvidenceError("RDN-E505", "pooling needs finite estimates with variances above 0")
    if not prior.scale > 0 or (mu_prior is not None and not mu_prior[1] > 0):
        raise EvidenceError("RDN-E505", "the scale of a prior must be above 0", value=str(prior))
    tau, width = _nodes(prior, y, v, nodes)
    precision = 1.0 / (v[None, :] + tau[:, None] ** 2)  # shape (node, study)
    total, weighted_sum = precision.sum(axis=1), precision @ y
    flat = mu_prior is None
    m0, p0 = (0.0, 0.0) if mu_prior is None else (mu_prior[0], mu_prior[1] ** -2)
    post_precision = total + p0
    mean = (weighted_sum + p0 * m0) / post_precision
    quadratic = (precision * y[None, :] ** 2).sum(axis=1) + p0 * m0**2 - post_precision * mean**2
    log_likelihood = 0.5 * np.log(precision).sum(axis=1) - 0.5 * np.log(post_precision) - 0.5 * quadratic
    if not flat:
        log_likelihood += 0.5 * np.log(p0)
    log_weight = log_likelihood + prior.log_density(tau)
    weight = np.exp(log_weight - log_weight.max()) * width
    weight /= weight.sum()
    sd = post_precision**-0.5
    shrunk = _studies(y, v, tau, mean, sd, weight)
    tau_mean = float(weight @ tau)
    return BayesPooled(
        Mixture(weight, mean, sd),
        Mixture(weight, mean, np.sqrt(sd**2 + tau**2)),
        shrunk,
        tau,
        weight,
        tau_mean,
        float(np.sqrt(weight @ (tau - tau_mean) ** 2)),
        _tau_quantile(tau, weight, 0.5),
        _tau_quantile(tau, weight, level),
        prior,
        mu_prior,
        level,
    )


def _nodes(prior: TauPrior, y: Array, v: Array, nodes: int) -> tuple[Array, Array]:
    """Nodes and weights over tau in [0, inf): panels that widen with a typical size of tau."""
    typical = max(float(np.median(np.sqrt(v))), float(np.std(y)), 1e-12)
    scale = min(prior.scale, typical) if prior.family == "half-normal" else typical
    reach = prior.scale * 8.6 if prior.family == "half-normal" else max(prior.scale, typical) * 1e4
    edges = np.concatenate([[0.0], np.geomspace(scale / 16, max(reach, scale), 16)])
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges) / 2
    centre = (edges[1:] + edges[:-1]) / 2
    return (centre[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()


def _studies(y: Array, v: Array, tau: Array, mean: Array, sd: Array, weight: Array) -> tuple[Mixture, ...]:
    """Posterior of each study's own effect: given tau and mu normal, mu integrated out."""
    pull = v[None, :] / (v[None, :] + tau[:, None] ** 2)  # weight of mu, shape (node, study)
    centre = (1 - pull) * y[None, :] + pull * mean[:, None]
    spread = np.sqrt(pull * tau[:, None] ** 2 + (pull * sd[:, None]) ** 2)
    return tuple(Mixture(weight, centre[:, i], spread[:, i]) for i in range(y.size))


def _tau_quantile(tau: Array, weight: Array, p: float) -> float:
    """Quantile of tau from the nodes, with half of each node's weight on either side."""
    below = np.cumsum(weight) - weight / 2
    return float(np.interp(p, below, tau))
