"""Right-hand sides of the workload compiled by numba, for SciPy and numbalsoda."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from workload.definition import INTERVAL, PARAMETERS
from workload.spelling import disease_function, kinetic_function


def pieces() -> tuple[Callable, Callable, Callable]:
    """Return numba functions: disease derivatives, kinetic derivatives, concentration in closed form."""
    import numba

    @numba.njit(error_model="numpy")
    def concentration(time, rates, weights):
        k = math.floor(time / INTERVAL)
        after, total = time - k * INTERVAL, 0.0
        for i in range(3):
            begun = 1.0 - math.exp(-rates[i] * INTERVAL * (k + 1))
            total += weights[i] * begun * math.exp(-rates[i] * after)
        return total

    made = (
        numba.njit(disease_function(), error_model="numpy"),
        numba.njit(kinetic_function(), error_model="numpy"),
    )
    return *made, concentration


def compiled() -> tuple[Callable, Callable]:
    """Return numba functions ``full(t, y, p)`` of 22 states and ``closed(t, y, p, rates, weights)`` of 19.

    Rates and weights are those of `workload.spelling.endless_modes`.
    """
    import numba

    disease, kinetic, concentration = pieces()
    v1, ic50 = PARAMETERS.index("v1"), PARAMETERS.index("ic50")

    @numba.njit(error_model="numpy")
    def full(time, y, p):
        conc = y[1] / p[v1]
        return np.array(kinetic(y, p, 0.0) + disease(y[3:], p, conc / (p[ic50] + conc)))

    @numba.njit(error_model="numpy")
    def closed(time, y, p, rates, weights):
        conc = concentration(time, rates, weights)
        return np.array(disease(y, p, conc / (p[ic50] + conc)))

    return full, closed
