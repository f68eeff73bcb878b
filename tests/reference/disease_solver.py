"""Slow and obvious: the disease of one patient, day by day, by SciPy's solvers on SymPy's own functions."""

import itertools

import numpy as np
from scipy.integrate import solve_ivp


def solve_days(rhs, y, individual, population, inputs, *, method="LSODA", rtol=1e-10, atol=1e-12):
    """Return the state after each change of the inputs has been integrated with a tight tolerance.

    `inputs` is float64[days, n_inputs]; runs of equal days are integrated in one go.
    """
    change = np.flatnonzero((np.diff(inputs, axis=0) != 0).any(axis=1)) + 1
    edges = np.concatenate([[0], change, [len(inputs)]])
    state = np.array(y, float)
    for first, last in itertools.pairwise(edges):
        row = inputs[first]
        solution = solve_ivp(
            lambda t, s, row=row: rhs(s, individual, population, row),
            (0.0, float(last - first)), state, method=method, rtol=rtol, atol=atol,
        )  # fmt: skip
        assert solution.success, solution.message
        state = solution.y[:, -1]
    return state
