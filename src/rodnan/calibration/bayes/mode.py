"""The point fit that ships as the model's values: a mode of the posterior on the emulator, kept inside the tolerances.

The posterior takes a natural-history tolerance as a 90 % interval; the point fit is also asked to lie inside it with a
margin, since a simulation of some thousand patients scatters: nearer to an edge than `MARGIN` times the width, `WEIGHT`
times half the squared distance in units of the margin is added to the cost. The spreads between trials are held at the mean
of the chains. Where the emulator is off near the mode, simulations there give offsets, with which it is found again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize

from rodnan.calibration.bayes.posterior import Chains, Problem
from rodnan.calibration.bayes.priors import POTENCY
from rodnan.calibration.natural_history import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Mode", "find_mode", "mode_record"]

MARGIN = 0.12
"""Share of a tolerance's width by which the point fit should lie inside it."""

WEIGHT = 3.0
"""Of the cost of lying too near an edge, or beyond it."""

FURTHEST = 2.5
"""Standard deviations of its prior that a coordinate may lie from the middle."""


@dataclass(frozen=True)
class Mode:
    """A point fit.

    Attributes
    ----------
    values
        Physical values by name; potencies as ``potency/<drug>``.
    cost
        Before (mean of the chains) and after.
    evaluations
        Of the cost and its gradient.
    summaries
        Summaries by key, emulated with their offsets.
    """

    values: dict[str, float]
    cost: tuple[float, float]
    evaluations: int
    summaries: dict[str, float]


def find_mode(
    problem: Problem,
    chains: Chains,
    targets: Sequence[Target],
    *,
    offsets: Mapping[str, float] | None = None,
    starts: int = 6,
) -> Mode:
    """Find the point fit.

    Parameters
    ----------
    problem
        Prior, emulator and likelihood.
    chains
        Draws of its posterior: where the search starts.
    targets
        Natural-history targets, for their tolerances.
    offsets
        Added to emulated summaries by key: by how much simulations near the mode lie above the emulator.
    starts
        Draws from which a search starts, besides the mean.

    Returns
    -------
    Mode
        The best of all searches.
    """
    import jax
    import jax.numpy as jnp

    keys = problem.emulator.keys
    parts = {f"nh/{t.id}/{p.key}": p for t in targets for p in t.parts}
    chosen = np.array([k for k, key in enumerate(keys) if key in parts], dtype=np.int64)
    low = np.array([parts[keys[k]].low for k in chosen])
    high = np.array([parts[keys[k]].high for k in chosen])
    margin = MARGIN * (high - low)
    tau = chains.flat_tau.mean(axis=0)
    shift = np.array([(offsets or {}).get(key, 0.0) for key in keys])
    evaluations = 0

    with jax.enable_x64(True):

        def cost(z: Any) -> Any:
            inputs = problem.inputs(z)
            mean, variance = problem.emulator.mean(inputs) + shift, problem.emulator.variance(inputs)
            over = jnp.maximum(low + margin - mean[chosen], mean[chosen] - high + margin)
            outside = 0.5 * WEIGHT * jnp.sum((jnp.maximum(0.0, over) / margin) ** 2)
            fit = problem.likelihood.log_density(mean, variance, tau)
            return 0.5 * jnp.sum(z**2) - fit + outside

        both = jax.jit(jax.value_and_grad(cost))

        def value(z: Array) -> tuple[float, Array]:
            nonlocal evaluations
            evaluations += 1
            level, slope = both(z)
            return float(level), np.asarray(slope, dtype=np.float64)

        draws = chains.flat_z
        rows = np.linspace(0, len(draws) - 1, starts).round().astype(int)
        middle = np.clip(draws.mean(axis=0), -FURTHEST, FURTHEST)
        found = [
            optimize.minimize(
                value, np.clip(start, -FURTHEST, FURTHEST), jac=True, method="L-BFGS-B",
                bounds=[(-FURTHEST, FURTHEST)] * len(middle), options={"maxiter": 500},
            )
            for start in (middle, *draws[rows])
        ]  # fmt: skip
        best = min(found, key=lambda f: float(f.fun))
        begun = value(middle)[0]
        mean = np.asarray(problem.emulator.mean(problem.inputs(best.x)), dtype=np.float64) + shift
    values = dict(zip(problem.prior.names, map(float, problem.values(best.x)[0]), strict=True))
    return Mode(values, (begun, float(best.fun)), evaluations, dict(zip(keys, map(float, mean), strict=True)))


def mode_record(mode: Mode, problem: Problem, command: str) -> dict[str, Any]:
    """Return the point fit as the record that ships, as `rodnan.calibration.record.fit_record` does for a quick fit.

    Parameters
    ----------
    mode
        The point fit.
    problem
        What it was fitted to.
    command
        That makes it.
    """
    order = {key: k for k, key in enumerate(problem.emulator.keys)}
    spread = problem.emulator.noise
    values = {n: _six(v) for n, v in mode.values.items()}
    for members in problem.prior.groups.values():  # weights sum to one also after rounding
        values[members[0]] = round(1.0 - sum(values[n] for n in members[1:]), 9)
    return {
        "id": "full-fit",
        "command": command,
        "cost": {"start": _six(mode.cost[0]), "end": _six(mode.cost[1]), "evaluations": mode.evaluations},
        "values": {n: _six(v) for n, v in mode.values.items() if not n.startswith(POTENCY)},
        "potencies": {
            n.removeprefix(POTENCY): _six(v) for n, v in mode.values.items() if n.startswith(POTENCY)
        },
        "data": [
            {
                "label": o.key,
                "observed": _six(o.y),
                "model": _six(mode.summaries[o.key]),
                "residual": _six(
                    (mode.summaries[o.key] - o.y) / float(np.hypot(max(o.se, 1e-9), spread[order[o.key]]))
                ),
            }
            for o in problem.likelihood.observations
        ],
    }


def _six(value: float) -> float:
    return float(f"{value:.6g}")
