"""The likelihood of published numbers given the model's summaries, all trial effects integrated out; in JAX.

Observation i of trial s, endpoint e, arm a, at t years:

    y_i = f_i + l_i (b_s + v_s t_i) + sum_a A_ia c_a + error,

l_i = 1 for an arm's change and 0 for a difference (the trial's effects cancel), A_ia = 1, or +1 and -1. Given the trial's
scale lambda_s, b ~ N(0, lambda tau0^2), v ~ N(0, lambda tau1^2), c ~ N(0, lambda taua^2); 1/lambda ~ Gamma(nu/2, nu/2), so
that across trials the effects are Student-t with nu degrees of freedom. Errors are normal: standard errors, correlated
between visits of an arm, plus the variance of the summary itself (emulator, or finite simulation). b, v and c integrate out
in closed form, lambda on a fixed grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.observations import Heterogeneity, Observation, heterogeneity
from rodnan.errors import CalibrationError, nearest_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Index = NDArray[np.int64]

__all__ = ["Likelihood", "build_likelihood"]

_GRID = 9
"""Points of the grid over a trial's scale."""

_UNROLLED = 4
"""Observations up to which a trial's density is written out, which is faster than a call for each small matrix."""

_EFFECTS = ("level", "drift", "arm")


@dataclass(frozen=True)
class _Block:
    """Trials with about as many observations each, padded to k.

    Attributes
    ----------
    unit
        Place of each trial among the units, int[s].
    at, summary
        Place of each observation among the observations and the summaries, int[s, k].
    there
        float64[s, k], 0 where padded.
    effects
        Covariance of one unit of each spread, float64[s, 3 * endpoints, k, k].
    sampling
        Covariance of the standard errors, float64[s, k, k]; 1 on the diagonal where padded.
    correlation
        Of the errors of the summaries, float64[s, k, k]; 0 where padded.
    """

    unit: Index
    at: Index
    summary: Index
    there: Array
    effects: Array
    sampling: Array
    correlation: Array


@dataclass(frozen=True)
class Likelihood:
    """The log likelihood of all observations, by unit.

    Attributes
    ----------
    units
        Names of what contributes separately: studies and natural-history targets.
    observations
        In order.
    spreads
        Names of the between-trial spreads, ``level/<endpoint>`` and so on, and ``count`` where there are counts.
    scales
        Half-normal scales of their priors.
    y
        Observed values, float64[n].
    """

    units: tuple[str, ...]
    observations: tuple[Observation, ...]
    spreads: tuple[str, ...]
    scales: Array
    y: Array
    blocks: tuple[_Block, ...]
    grid: tuple[Array, Array]
    normal: Index
    count: Index
    summary: Index
    unit: Index
    se: Array
    n: Array

    def by_unit(self, mean: Any, variance: Any, spreads: Any, y: Any = None) -> Any:
        """Return the log likelihood of every unit.

        Parameters
        ----------
        mean, variance
            Summaries and the variance of their errors, float64[m].
        spreads
            Between-trial spreads, float64[len(self.spreads)], all positive.
        y
            Observed values where they are not the recorded ones, float64[n].

        Returns
        -------
        float64[len(self.units)]
            In JAX; differentiable.
        """
        import jax.numpy as jnp

        y = self.y if y is None else y
        total = jnp.zeros(len(self.units))
        sd = jnp.sqrt(variance)
        for block in self.blocks:
            residual = (y[block.at] - mean[block.summary]) * block.there
            errors = block.correlation * sd[block.summary][:, :, None] * sd[block.summary][:, None, :]
            effects = jnp.einsum("e,sekl->skl", spreads[: block.effects.shape[1]] ** 2, block.effects)
            fixed = block.sampling + errors
            covariance = fixed[:, None] + self.grid[0][None, :, None, None] * effects[:, None]
            spread_out = jnp.broadcast_to(residual[:, None, :], covariance.shape[:-1])
            each = _log_normal(spread_out, covariance) + jnp.log(self.grid[1])
            padding = 0.5 * np.log(2 * np.pi) * (1.0 - block.there).sum(axis=1)
            total = total.at[block.unit].add(_log_sum(each) + padding)
        if len(self.normal):
            k = self.normal
            spread = self.se[k] ** 2 + variance[self.summary[k]]
            residual = y[k] - mean[self.summary[k]]
            each = -0.5 * (residual**2 / spread + jnp.log(2 * np.pi * spread))
            total = total.at[self.unit[k]].add(each)
        if len(self.count):
            k = self.count
            each = _log_counts(y[k], self.n[k], mean[self.summary[k]], sd[self.summary[k]], spreads[-1])
            total = total.at[self.unit[k]].add(each)
        return total

    def log_density(self, mean: Any, variance: Any, spreads: Any, y: Any = None) -> Any:
        """Return the log likelihood of all observations; see `by_unit`."""
        return self.by_unit(mean, variance, spreads, y).sum()

    def many(self, mean: Array, variance: Array, spreads: Array) -> Array:
        """Return log likelihoods float64[n, units] of many points, each row one point, as a NumPy array."""
        import jax

        with jax.enable_x64(True):
            return np.asarray(jax.jit(jax.vmap(self.by_unit))(mean, variance, spreads))

    def simulate(
        self, mean: Array, variance: Array, spreads: Array, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw a set of observed values, float64[n], of which `by_unit` is the exact density."""
        y = np.zeros(len(self.y))
        sd = np.sqrt(variance)
        for block in self.blocks:
            for s in range(len(block.unit)):
                keep = block.there[s] > 0
                scale = rng.choice(self.grid[0], p=self.grid[1])
                effects = np.einsum("e,ekl->kl", spreads[: block.effects.shape[1]] ** 2, block.effects[s])
                errors = block.correlation[s] * np.outer(sd[block.summary[s]], sd[block.summary[s]])
                covariance = (block.sampling[s] + errors + scale * effects)[np.ix_(keep, keep)]
                centre = mean[block.summary[s]][keep]
                y[block.at[s][keep]] = rng.multivariate_normal(centre, covariance, method="cholesky")
        k = self.normal
        y[k] = mean[self.summary[k]] + rng.normal(size=len(k)) * np.sqrt(
            self.se[k] ** 2 + variance[self.summary[k]]
        )
        for i in self.count:
            node = rng.choice(_HERMITE[0], p=_HERMITE[1])
            share = float(_share(mean[self.summary[i]] + node * sd[self.summary[i]]))
            a, b = _shape(share, float(spreads[-1]))
            y[i] = rng.binomial(int(self.n[i]), rng.beta(a, b))
        return y


def build_likelihood(
    observations: Sequence[Observation],
    keys: Sequence[str],
    *,
    correlation: Array | None = None,
    spread: Heterogeneity | None = None,
) -> Likelihood:
    """Prepare the likelihood of a set of observations.

    Parameters
    ----------
    observations
        What was observed.
    keys
        Names of the summaries (m).
    correlation
        Of the summaries' errors, float64[m, m]; none when None.
    spread
        Priors of the between-trial spreads; the recorded ones when None.

    Raises
    ------
    CalibrationError
        RDN-C040 for an observation of no summary, RDN-C041 for an endpoint without a prior of its spread, RDN-C042 for an
        arm that comes in twice at one time.
    """
    spread = spread or heterogeneity()
    order = {key: k for k, key in enumerate(keys)}
    _check(observations, order, spread)
    units = tuple(dict.fromkeys(o.unit for o in observations))
    endpoints = [e for e in spread.scales if any(o.endpoint == e and o.arms for o in observations)]
    names = [f"{effect}/{e}" for e in endpoints for effect in _EFFECTS]
    scales = [scale for e in endpoints for scale in spread.scales[e]]
    count = np.array([k for k, o in enumerate(observations) if o.kind == "count"], dtype=np.int64)
    if len(count):
        names, scales = [*names, "count"], [*scales, spread.count_correlation]
    errors = np.eye(len(keys)) if correlation is None else correlation
    return Likelihood(
        units=units,
        observations=tuple(observations),
        spreads=tuple(names),
        scales=np.array(scales),
        y=np.array([o.y for o in observations]),
        blocks=_blocks(observations, order, units, endpoints, errors, spread),
        grid=_scale_grid(spread.degrees),
        normal=np.array([k for k, o in enumerate(observations) if o.kind == "natural-history"], np.int64),
        count=count,
        summary=np.array([order[o.key] for o in observations], dtype=np.int64),
        unit=np.array([units.index(o.unit) for o in observations], dtype=np.int64),
        se=np.array([o.se for o in observations]),
        n=np.array([float(o.n) for o in observations]),
    )


def _check(observations: Sequence[Observation], order: dict[str, int], spread: Heterogeneity) -> None:
    taken: set[tuple[str, str, str, float]] = set()
    for o in observations:
        if o.key not in order:
            raise CalibrationError(
                "RDN-C040", "an observation of no summary", value=o.key, nearest=nearest_name(o.key, order)
            )
        if o.arms and o.endpoint not in spread.scales:
            raise CalibrationError(
                "RDN-C041",
                "no prior of the spread between trials for an endpoint",
                where=o.key,
                value=o.endpoint,
                nearest=nearest_name(o.endpoint, spread.scales),
            )
        for arm in o.arms:
            place = (o.unit, arm, o.endpoint, o.days)
            if place in taken:
                raise CalibrationError("RDN-C042", "an arm comes in twice at one time", where=o.key)
            taken.add(place)


def _blocks(
    observations: Sequence[Observation],
    order: dict[str, int],
    units: Sequence[str],
    endpoints: Sequence[str],
    correlation: Array,
    spread: Heterogeneity,
) -> tuple[_Block, ...]:
    trials: dict[str, list[int]] = {}
    for k, o in enumerate(observations):
        if o.arms:
            trials.setdefault(o.unit, []).append(k)
    sizes: dict[int, list[str]] = {}
    for name, members in trials.items():
        sizes.setdefault(int(np.ceil(np.log2(len(members)))), []).append(name)
    blocks = []
    for names in sizes.values():
        k = max(len(trials[name]) for name in names)
        s, e = len(names), 3 * len(endpoints)
        at, there = np.zeros((s, k), np.int64), np.zeros((s, k))
        effects, sampling = np.zeros((s, e, k, k)), np.tile(np.eye(k), (s, 1, 1))
        errors = np.zeros((s, k, k))
        for i, name in enumerate(names):
            members = trials[name]
            n = len(members)
            at[i, :n], there[i, :n] = members, 1.0
            chosen = [observations[j] for j in members]
            effects[i, :, :n, :n] = _effect_covariances(chosen, endpoints, spread.observational)
            sampling[i, :n, :n] = _sampling_covariance(chosen, spread.visit_correlation)
            where = [order[o.key] for o in chosen]
            errors[i, :n, :n] = correlation[np.ix_(where, where)]
        summary = np.array([order[o.key] for o in observations], dtype=np.int64)[at]
        unit = np.array([units.index(name) for name in names], dtype=np.int64)
        blocks.append(_Block(unit, at, summary, there, effects, sampling, errors))
    return tuple(blocks)


def _effect_covariances(
    chosen: Sequence[Observation], endpoints: Sequence[str], observational: float
) -> Array:
    """Return the covariance that one unit of each spread gives, float64[3 * endpoints, n, n]."""
    level = np.array([float(o.kind == "level") for o in chosen])
    years = np.array([o.days / 365.25 for o in chosen])
    arms = list(dict.fromkeys(arm for o in chosen for arm in o.arms))
    load = np.zeros((len(chosen), len(arms)))
    for i, o in enumerate(chosen):
        for sign, arm in zip((1.0, -1.0), o.arms, strict=False):
            load[i, arms.index(arm)] = sign * (observational if o.observational else 1.0)
    found = []
    for endpoint in endpoints:
        own = np.array([float(o.endpoint == endpoint) for o in chosen])
        here = load * own[:, None]
        found += [np.outer(level * own, level * own), np.outer(level * own * years, level * own * years)]
        found.append(here @ here.T)
    return np.array(found)


def _sampling_covariance(chosen: Sequence[Observation], correlation: float) -> Array:
    """Return the covariance of standard errors: visits of one arm and endpoint correlate by distance in rank."""
    covariance = np.diag([o.se**2 for o in chosen])
    for series in dict.fromkeys((o.arms, o.endpoint) for o in chosen):
        members = sorted(
            (i for i, o in enumerate(chosen) if (o.arms, o.endpoint) == series), key=lambda i: chosen[i].days
        )
        for p, i in enumerate(members):
            for q, j in enumerate(members):
                covariance[i, j] = chosen[i].se * chosen[j].se * correlation ** abs(p - q)
    return covariance


def _scale_grid(degrees: float) -> tuple[Array, Array]:
    """Return a trial's scales and their probabilities: trapezoid rule in the log of its precision."""
    from scipy import stats

    law: Any = stats.gamma(degrees / 2, scale=2 / degrees)
    log = np.linspace(np.log(law.ppf(2e-4)), np.log(law.ppf(1 - 1e-4)), _GRID)
    weight = law.pdf(np.exp(log)) * np.exp(log)
    return np.exp(-log), weight / weight.sum()


def _log_normal(residual: Any, covariance: Any) -> Any:
    """Return the log density of a normal at `residual` [..., k]: by Cholesky, or for few observations one after another."""
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    k = residual.shape[-1]
    total = -0.5 * k * np.log(2 * np.pi)
    if k > _UNROLLED:
        root = jnp.linalg.cholesky(covariance)
        white = solve_triangular(root, residual[..., None], lower=True)[..., 0]
        scale = jnp.log(jnp.diagonal(root, axis1=-2, axis2=-1))
        return total - 0.5 * jnp.sum(white**2, axis=-1) - jnp.sum(scale, axis=-1)
    for _ in range(k):
        pivot = covariance[..., 0, 0]
        first = residual[..., 0]
        total = total - 0.5 * (jnp.log(pivot) + first**2 / pivot)
        column = covariance[..., 1:, 0]
        residual = residual[..., 1:] - column * (first / pivot)[..., None]
        covariance = (
            covariance[..., 1:, 1:] - column[..., :, None] * (column / pivot[..., None])[..., None, :]
        )
    return total


def _log_sum(x: Any) -> Any:
    from jax.scipy.special import logsumexp

    return logsumexp(x, axis=-1)


_nodes, _weights = np.polynomial.hermite_e.hermegauss(5)
_HERMITE = (_nodes, _weights / _weights.sum())
"""Nodes and probabilities of a standard normal, for the error of a share."""


def _share(percent: Any) -> Any:
    """Return a share from a percentage, kept inside (0, 1)."""
    return 0.001 + 0.998 * (percent / 100.0).clip(0.0, 1.0)


def _shape(share: Any, correlation: Any) -> tuple[Any, Any]:
    size = 1.0 / (correlation + 1e-6)
    return share * size, (1.0 - share) * size


def _log_counts(y: Any, n: Array, percent: Any, sd: Any, correlation: Any) -> Any:
    """Return the log beta-binomial probability of counts, averaged over the error of the model's percentage."""
    import jax.numpy as jnp
    from jax.scipy.special import betaln, gammaln

    share = _share(percent[:, None] + sd[:, None] * _HERMITE[0])
    a, b = _shape(share, correlation)
    ways = gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
    each = ways[:, None] + betaln(y[:, None] + a, (n - y)[:, None] + b) - betaln(a, b)
    return _log_sum(each + jnp.log(_HERMITE[1]))
