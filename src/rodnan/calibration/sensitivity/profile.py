"""Profile likelihoods: how well the data can do for each value of one coordinate, the others free to compensate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize

from rodnan.calibration.bayes.posterior import Problem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Profile", "profile_likelihood"]

_DROP_95 = 1.92
"""Half of the 95 % point of chi-square with one degree of freedom."""


@dataclass(frozen=True)
class Profile:
    """The profile of one coordinate.

    Attributes
    ----------
    coordinate
        Its name.
    grid
        Values on the standard-normal scale, float64[g].
    log
        Maximised log likelihood, the priors of all *other* coordinates and spreads included, less its maximum; float64[g].
    low, high
        95 % interval by likelihood ratio on that scale; infinite where the data set no bound within the grid.
    """

    coordinate: str
    grid: Array
    log: Array
    low: float
    high: float

    @property
    def bounded(self) -> str:
        """``both``, ``below``, ``above`` or ``neither``: on which sides the data set a bound within the grid."""
        sides = np.isfinite([self.low, self.high])
        return {(True, True): "both", (True, False): "below", (False, True): "above"}.get(
            (bool(sides[0]), bool(sides[1])), "neither"
        )


def profile_likelihood(
    problem: Problem,
    coordinate: str,
    *,
    start: tuple[ArrayLike, ArrayLike] | None = None,
    grid: ArrayLike | None = None,
) -> Profile:
    """Return the profile likelihood of a coordinate.

    Parameters
    ----------
    problem
        Prior, emulator and likelihood.
    coordinate
        Name of a free coordinate.
    start
        Free coordinates and spreads to start from (a posterior mean); the prior's centre when None.
    grid
        Values on the standard-normal scale; 13 between -3 and 3 when None.

    Returns
    -------
    Profile
    """
    import jax
    import jax.numpy as jnp

    d, scales = len(problem.free), problem.likelihood.scales
    k = int(np.flatnonzero(problem.free == problem.prior.index(coordinate))[0])
    others = np.array([i for i in range(d) if i != k], dtype=np.int64)
    points = np.linspace(-3.0, 3.0, 13) if grid is None else np.asarray(grid, dtype=np.float64)
    z0 = np.zeros(d) if start is None else np.asarray(start[0], dtype=np.float64)
    t0 = 0.6 * scales if start is None else np.asarray(start[1], dtype=np.float64)
    with jax.enable_x64(True):

        def cost(u: Any, value: Any) -> Any:
            z = jnp.zeros(d).at[others].set(u[: d - 1]).at[k].set(value)
            spreads = jnp.exp(u[d - 1 :])
            log = problem.by_unit(z, spreads).sum()
            penalty = 0.5 * jnp.sum(u[: d - 1] ** 2) + 0.5 * jnp.sum((spreads / scales) ** 2)
            return penalty - jnp.sum(u[d - 1 :]) - log

        slope = jax.jit(jax.value_and_grad(cost))

        def solve(u: Array, value: float) -> tuple[Array, float]:
            def both(at: Array) -> tuple[float, Array]:
                height, gradient = slope(at, value)
                return float(height), np.asarray(gradient)

            found = optimize.minimize(both, u, jac=True, method="L-BFGS-B", options={"maxiter": 300})
            return found.x, float(found.fun)

        first = np.concatenate([z0[others], np.log(np.maximum(t0, 1e-3))])
        log = np.empty(len(points))
        middle = int(np.argmin(np.abs(points - z0[k])))
        for path in (range(middle, len(points)), range(middle - 1, -1, -1)):
            u = first
            for i in path:
                u, height = solve(u, float(points[i]))
                log[i] = -height
    log = log - log.max()
    low, high = _interval(points, log)
    return Profile(coordinate, points, log, low, high)


def _interval(grid: Array, log: Array) -> tuple[float, float]:
    """Return where the profile crosses its 95 % level on either side of its maximum, by interpolation."""
    top = int(np.argmax(log))
    low, high = -np.inf, np.inf
    for i in range(top, 0, -1):
        if log[i - 1] < -_DROP_95 <= log[i]:
            low = float(np.interp(-_DROP_95, [log[i - 1], log[i]], [grid[i - 1], grid[i]]))
            break
    for i in range(top, len(grid) - 1):
        if log[i + 1] < -_DROP_95 <= log[i]:
            high = float(np.interp(-_DROP_95, [log[i + 1], log[i]], [grid[i + 1], grid[i]]))
            break
    return low, high
