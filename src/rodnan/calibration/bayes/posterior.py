"""The posterior on the emulator: the No-U-Turn sampler over standard-normal coordinates and between-trial spreads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.emulator import Emulator
from rodnan.calibration.bayes.importance import arviz_library
from rodnan.calibration.bayes.likelihood import Likelihood
from rodnan.calibration.bayes.priors import Prior, inputs_from_z
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "Chains",
    "Problem",
    "Settings",
    "curvature_covariance",
    "load_chains",
    "potential_of",
    "run_chains",
    "sampler",
]


@dataclass(frozen=True)
class Settings:
    """Length of the chains and care of the sampler.

    Attributes
    ----------
    warmup, draws, chains
        Steps before draws are kept, draws of a chain, chains.
    accept, depth
        Share of accepted steps to aim at, and largest depth of a trajectory's tree.
    adapt
        Learn the mass matrix in the warm-up, instead of the inverse curvature at the posterior's mode.
    """

    warmup: int = 300
    draws: int = 750
    chains: int = 4
    accept: float = 0.9
    depth: int = 8
    adapt: bool = False


@dataclass(frozen=True)
class Problem:
    """Prior, emulator and likelihood of one structural variant.

    Attributes
    ----------
    prior, emulator, likelihood
        Of the same inputs and summaries.
    held
        Physical values of coordinates that the variant holds, by name.
    """

    prior: Prior
    emulator: Emulator
    likelihood: Likelihood
    held: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.prior.coordinate_names != self.emulator.inputs:
            raise CalibrationError("RDN-C043", "prior and emulator have different inputs")

    @property
    def free(self) -> NDArray[np.int64]:
        """Places of the coordinates that move."""
        held = {self.prior.index(name) for name in self.held}
        return np.array([k for k in range(self.prior.dimension) if k not in held], dtype=np.int64)

    def held_inputs(self) -> Array:
        """Return the emulator's inputs, float64[d]: held ones at their value, the rest at the prior's centre."""
        point = self.prior.points(np.zeros((1, self.prior.dimension)))[0] | dict(self.held)
        return self.prior.inputs(self.prior.table([point]))[0]

    def inputs(self, z: Any) -> Any:
        """Return the emulator's inputs float64[d] of the free coordinates z, in JAX."""
        import jax.numpy as jnp

        moved = inputs_from_z(z, self.prior.bounded[self.free])
        return jnp.asarray(self.held_inputs()).at[self.free].set(moved)

    def by_unit(self, z: Any, spreads: Any, y: Any = None) -> Any:
        """Return the log likelihood of every unit at free coordinates and spreads, in JAX."""
        inputs = self.inputs(z)
        mean, variance = self.emulator.mean(inputs), self.emulator.variance(inputs)
        return self.likelihood.by_unit(mean, variance, spreads, y)

    def values(self, z: ArrayLike) -> Array:
        """Return physical values float64[n, p] of free coordinates float64[n, d_free]; held ones at their value."""
        free = np.atleast_2d(np.asarray(z, dtype=np.float64))
        whole = np.zeros((len(free), self.prior.dimension))
        whole[:, self.free] = free
        values = self.prior.values(whole)
        for name, value in self.held.items():
            values[:, self.prior.names.index(name)] = value
        return values


@dataclass(frozen=True)
class Chains:
    """Draws of the posterior on the emulator.

    Attributes
    ----------
    coordinates, spreads
        Names of the columns of `z` and `tau`.
    z, tau
        float64[chains, draws, d_free] and float64[chains, draws, t].
    by_unit
        Log likelihood of every unit, float64[chains, draws, u].
    units
        Their names.
    divergent, leapfrog
        Whether a draw diverged, and steps taken, [chains, draws].
    seed
        Of the chains.
    """

    coordinates: tuple[str, ...]
    spreads: tuple[str, ...]
    units: tuple[str, ...]
    z: Array
    tau: Array
    by_unit: Array
    divergent: NDArray[np.bool_]
    leapfrog: NDArray[np.int64]
    seed: int

    @property
    def flat_z(self) -> Array:
        """All draws, float64[n, d_free], chain after chain."""
        return self.z.reshape(-1, self.z.shape[-1])

    @property
    def flat_tau(self) -> Array:
        """All spreads, float64[n, t]."""
        return self.tau.reshape(-1, self.tau.shape[-1])

    @property
    def flat_by_unit(self) -> Array:
        """All log likelihoods, float64[n, u]."""
        return self.by_unit.reshape(-1, self.by_unit.shape[-1])

    def diagnostics(self) -> dict[str, Any]:
        """Return split R-hat and bulk and tail effective sample sizes of every column, and their worst."""
        arviz = arviz_library()
        columns = np.concatenate([self.z, self.tau], axis=-1)
        names = (*self.coordinates, *self.spreads)
        rows = []
        for k, name in enumerate(names):
            column = columns[..., k]
            rows.append(
                {
                    "name": name,
                    "r_hat": float(arviz.rhat(column)),
                    "ess_bulk": float(arviz.ess(column, method="bulk")),
                    "ess_tail": float(arviz.ess(column, method="tail")),
                }
            )
        return {
            "r_hat_worst": max(row["r_hat"] for row in rows),
            "ess_bulk_worst": min(row["ess_bulk"] for row in rows),
            "ess_tail_worst": min(row["ess_tail"] for row in rows),
            "divergences": int(self.divergent.sum()),
            "leapfrog_mean": float(self.leapfrog.mean()),
            "draws": int(self.z.shape[0] * self.z.shape[1]),
            "columns": rows,
        }

    def save(self, path: Path) -> None:
        """Write the chains to a file (npz)."""
        head = {
            "version": 1,
            "coordinates": self.coordinates,
            "spreads": self.spreads,
            "units": self.units,
            "seed": self.seed,
        }
        part = path.with_name(path.name + ".part.npz")
        np.savez_compressed(
            part,
            head=np.array(json.dumps(head)),
            z=self.z,
            tau=self.tau,
            by_unit=self.by_unit,
            divergent=self.divergent,
            leapfrog=self.leapfrog,
        )
        part.replace(path)


def load_chains(path: Path) -> Chains:
    """Read chains from their file; RDN-C044 when it is none."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            head = json.loads(str(stored["head"]))
            arrays = {n: stored[n] for n in ("z", "tau", "by_unit", "divergent", "leapfrog")}
    except (OSError, ValueError, KeyError) as error:
        raise CalibrationError("RDN-C044", "not a file of chains", where=str(path)) from error
    return Chains(
        tuple(head["coordinates"]),
        tuple(head["spreads"]),
        tuple(head["units"]),
        seed=head["seed"],
        **arrays,
    )


def potential_of(problem: Problem) -> Callable[[Any], Callable[[Any], Any]]:
    """Return, for observed values y, the negative log density of u = (z, log spreads) as a function in JAX."""
    import jax.numpy as jnp

    d, scales = len(problem.free), problem.likelihood.scales

    def of_data(y: Any) -> Callable[[Any], Any]:
        def potential(u: Any) -> Any:
            z, spreads = u[:d], jnp.exp(u[d:])
            prior = -0.5 * jnp.sum(z**2) - 0.5 * jnp.sum((spreads / scales) ** 2) + jnp.sum(u[d:])
            return -prior - problem.by_unit(z, spreads, y).sum()

        return potential

    return of_data


def curvature_covariance(problem: Problem, y: ArrayLike) -> Array:
    """Return the inverse curvature at the mode of (z, log spreads), no wider than twice the prior's variance.

    Parameters
    ----------
    problem
        What to sample.
    y
        Observed values, float64[n].
    """
    import jax
    from scipy import optimize

    start = np.concatenate([np.zeros(len(problem.free)), np.log(0.6 * problem.likelihood.scales)])
    with jax.enable_x64(True):
        slope = jax.jit(jax.value_and_grad(potential_of(problem)(np.asarray(y, dtype=np.float64))))

        def both(u: Array) -> tuple[float, Array]:
            value, gradient = slope(u)
            return float(value), np.asarray(gradient)

        mode = optimize.minimize(both, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
        step = 1e-3
        curvature = np.stack(
            [(both(mode + step * e)[1] - both(mode - step * e)[1]) / (2 * step) for e in np.eye(len(mode))]
        )
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return (vectors / np.clip(values, 0.5, 1e3)) @ vectors.T


def sampler(problem: Problem, settings: Settings) -> Callable[[Any, Any], dict[str, Any]]:
    """Return a function of a random key and observed values that runs the chains; compiled once for many data sets.

    Parameters
    ----------
    problem
        What to sample.
    settings
        Length of the chains.

    Returns
    -------
    callable
        ``(seed, y) -> {"z", "tau", "by_unit", "divergent", "leapfrog"}``, each [chains, draws, ...].
    """
    try:
        import jax
        import numpyro
        from numpyro import distributions as dist
        from numpyro.infer import MCMC, NUTS, init_to_uniform
    except ImportError as error:
        raise CalibrationError(
            "RDN-C045", "the calibration needs the extra calibrate: pip install 'rodnan[calibrate]'"
        ) from error

    d, scales = len(problem.free), problem.likelihood.scales
    covariance = None if settings.adapt else curvature_covariance(problem, problem.likelihood.y)

    def model(y: Any) -> None:
        z: Any = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([d]).to_event(1))
        tau: Any = numpyro.sample("tau", dist.HalfNormal(scales).to_event(1))
        by_unit: Any = numpyro.deterministic("by_unit", problem.by_unit(z, tau, y))
        numpyro.factor("data", by_unit.sum())

    blocks: Any = [("z", "tau")]
    with jax.enable_x64(True):
        kernel = NUTS(
            model,
            target_accept_prob=settings.accept,
            max_tree_depth=settings.depth,
            dense_mass=blocks,
            inverse_mass_matrix=None if settings.adapt else {("z", "tau"): covariance},
            adapt_mass_matrix=settings.adapt,
            init_strategy=init_to_uniform(radius=1),
        )
        mcmc = MCMC(
            kernel,
            num_warmup=settings.warmup,
            num_samples=settings.draws,
            num_chains=settings.chains,
            chain_method="vectorized" if settings.chains > 1 else "sequential",
            progress_bar=False,
            jit_model_args=True,
        )

    def run(seed: Any, y: Any) -> dict[str, Any]:
        with jax.enable_x64(True):
            mcmc.run(
                jax.random.PRNGKey(int(seed)),
                np.asarray(y, dtype=np.float64),
                extra_fields=("diverging", "num_steps"),
            )
            found = mcmc.get_samples(group_by_chain=True)
            extra = mcmc.get_extra_fields(group_by_chain=True)
            return {
                "z": np.asarray(found["z"]),
                "tau": np.asarray(found["tau"]),
                "by_unit": np.asarray(found["by_unit"]),
                "divergent": np.asarray(extra["diverging"]),
                "leapfrog": np.asarray(extra["num_steps"], dtype=np.int64),
            }

    return run


def run_chains(problem: Problem, *, seed: int, settings: Settings | None = None) -> Chains:
    """Sample the posterior.

    Parameters
    ----------
    problem
        Prior, emulator, likelihood and what a variant holds.
    seed
        Of the chains.
    settings
        Length of the chains and care of the sampler.

    Returns
    -------
    Chains

    Raises
    ------
    CalibrationError
        RDN-C045 without the extra ``calibrate``.
    """
    settings = settings or Settings()
    found = sampler(problem, settings)(seed, problem.likelihood.y)
    names = tuple(problem.prior.coordinate_names[k] for k in problem.free)
    return Chains(names, problem.likelihood.spreads, problem.likelihood.units, seed=seed, **found)
