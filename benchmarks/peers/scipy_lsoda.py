"""SciPy: ``solve_ivp`` with LSODA and a right-hand side compiled by numba."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from workload.definition import DOSE, DOSES, END, INTERVAL, OUTPUT_EVERY, OUTPUT_TIMES, STATES, initial_state
from workload.right_hand_sides import compiled
from workload.spelling import endless_modes

TITLE = "SciPy solve_ivp, LSODA, numba right-hand side"
PACKAGES = ("scipy", "numba")
VARIANTS = ("restart per dose", "closed-form kinetics")


def available() -> None:
    """Import the engine, or fail with `ImportError`."""
    import numba  # noqa: F401
    import scipy  # noqa: F401


def prepare(variant: str) -> Callable:
    """Compile the right-hand side; see `peers`."""
    from scipy.integrate import solve_ivp

    full, closed = compiled()

    def by_dose(row: np.ndarray, rtol: float, atol: float) -> np.ndarray | None:
        y, weekly = np.concatenate([np.zeros(3), initial_state()]), [initial_state()]
        for k in range(DOSES):
            y[0] += DOSE
            got = solve_ivp(full, (0.0, INTERVAL), y, method="LSODA", rtol=rtol, atol=atol, args=(row,))
            if got.status != 0:
                return None
            y = got.y[:, -1].copy()
            if (k + 1) * INTERVAL % OUTPUT_EVERY == 0:
                weekly.append(y[3:].copy())
        return np.array(weekly)

    def at_once(row: np.ndarray, rtol: float, atol: float) -> np.ndarray | None:
        rates, weights = endless_modes(row[None])
        got = solve_ivp(
            closed,
            (0.0, END),
            initial_state(),
            method="LSODA",
            t_eval=OUTPUT_TIMES,
            rtol=rtol,
            atol=atol,
            args=(row, rates[0], weights[0]),
        )
        return got.y.T if got.status == 0 else None

    solve = at_once if variant == "closed-form kinetics" else by_dose

    def run(population: np.ndarray, rtol: float, atol: float) -> tuple[np.ndarray, np.ndarray]:
        states = np.full((len(population), len(OUTPUT_TIMES), len(STATES)), np.nan)
        succeeded = np.zeros(len(population), dtype=bool)
        for i, row in enumerate(population):
            one = solve(row, rtol, atol)
            if one is not None:
                states[i], succeeded[i] = one, True
        return states, succeeded

    return run
