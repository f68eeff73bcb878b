"""numbalsoda: LSODA in C++, called from a loop over doses that numba compiles."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from workload.definition import (
    DOSE,
    DOSES,
    INTERVAL,
    OUTPUT_EVERY,
    OUTPUT_TIMES,
    PARAMETERS,
    STATES,
    initial_state,
)
from workload.right_hand_sides import pieces
from workload.spelling import endless_modes

TITLE = "numbalsoda, LSODA"
PACKAGES = ("numbalsoda", "numba")
VARIANTS = ("restart per dose", "closed-form kinetics, restart per dose", "closed-form kinetics")
BUILT = Path(__file__).resolve().parents[2] / "build" / "numbalsoda"  # by build_numbalsoda.py


def available() -> None:
    """Import the engine, or fail with `ImportError`."""
    if BUILT.exists() and str(BUILT) not in sys.path:
        sys.path.insert(0, str(BUILT))
    import numbalsoda  # noqa: F401


def prepare(variant: str) -> Callable:
    """Compile the right-hand side and the loop over doses; see `peers`."""
    import numba

    available()
    from numbalsoda import lsoda, lsoda_sig

    disease, kinetic, concentration = pieces()
    v1, ic50 = PARAMETERS.index("v1"), PARAMETERS.index("ic50")
    n_par, n_state, n_week = len(PARAMETERS), len(STATES), len(OUTPUT_TIMES)
    every = round(OUTPUT_EVERY / INTERVAL)

    @numba.cfunc(lsoda_sig, error_model="numpy")
    def full(time, y_, dy_, data_):
        y, dy = numba.carray(y_, (n_state + 3,)), numba.carray(dy_, (n_state + 3,))
        p = numba.carray(data_, (n_par,))
        conc = y[1] / p[v1]
        moved, changed = kinetic(y, p, 0.0), disease(y[3:], p, conc / (p[ic50] + conc))
        for i in range(3):
            dy[i] = moved[i]
        for i, value in enumerate(changed):
            dy[i + 3] = value

    @numba.cfunc(lsoda_sig, error_model="numpy")
    def closed(time, y_, dy_, data_):
        y, dy = numba.carray(y_, (n_state,)), numba.carray(dy_, (n_state,))
        p = numba.carray(data_, (n_par + 6,))
        conc = concentration(time, p[n_par : n_par + 3], p[n_par + 3 :])
        for i, value in enumerate(disease(y, p, conc / (p[ic50] + conc))):
            dy[i] = value

    @numba.cfunc(lsoda_sig, error_model="numpy")
    def after_dose(time, y_, dy_, data_):
        y, dy = numba.carray(y_, (n_state,)), numba.carray(dy_, (n_state,))
        p = numba.carray(data_, (n_par + 6,))
        conc = 0.0
        for i in range(n_par, n_par + 3):
            conc += p[i + 3] * math.exp(-p[i] * time)
        for i, value in enumerate(disease(y, p, conc / (p[ic50] + conc))):
            dy[i] = value

    address = dict(zip(VARIANTS, (full.address, after_dose.address, closed.address), strict=True))[variant]
    kinetics = variant == VARIANTS[0]
    first, span = initial_state(), np.array([0.0, INTERVAL])

    @numba.njit
    def by_dose(row, rtol, atol, weekly):
        y = np.zeros(n_state + 3) if kinetics else np.zeros(n_state)
        y[-n_state:] = first
        weekly[0] = first
        data = row.copy()
        for k in range(DOSES):
            if kinetics:
                y[0] += DOSE
            else:
                for i in range(n_par, n_par + 3):
                    data[i + 3] = row[i + 3] * (1.0 - math.exp(-row[i] * INTERVAL * (k + 1)))
            got, good = lsoda(address, y, span, data, rtol, atol, 100000)
            if not good:
                return False
            y[:] = got[1]
            if (k + 1) % every == 0:
                weekly[(k + 1) // every] = y[-n_state:]
        return True

    @numba.njit
    def at_once(row, rtol, atol, weekly):
        got, good = lsoda(address, first, OUTPUT_TIMES, row, rtol, atol, 1000000)
        weekly[:] = got
        return good

    solve = at_once if variant == VARIANTS[2] else by_dose

    def run(population: np.ndarray, rtol: float, atol: float) -> tuple[np.ndarray, np.ndarray]:
        rows = np.hstack([population, *endless_modes(population)])
        states = np.full((len(population), n_week, n_state), np.nan)
        succeeded = np.array(
            [solve(row, rtol, atol, weekly) for row, weekly in zip(rows, states, strict=True)]
        )
        return states, succeeded

    return run
