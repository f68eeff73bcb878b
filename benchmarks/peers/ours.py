"""Rodnan's own engine on the common workload; a setting is the step in hours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

TITLE = "Rodnan"
PACKAGES = ("rodnan", "numba")
VARIANTS = ("float64", "float32")
LADDER = (12.0, 6.0, 3.0)
FINEST = 1.5  # hours; what the quantile of the error over many patients is taken against
WARM = 12.0
THREADED = True
MOST = 16_384  # patients of a call, whose states are all kept


def available() -> None:
    """Import the engine, or fail with `ImportError`."""
    from importlib.util import find_spec

    if find_spec("workload.ours") is None:
        raise ImportError("the kernel of this workload, benchmarks/workload/ours.py, is not there")


def prepare(variant: str) -> Callable:
    """Compile the kernel, or load it from the cache; see `peers`."""
    from workload.definition import population
    from workload.ours import run as compute

    dtype = np.dtype(variant).type
    compute(population(64), LADDER[0], dtype)

    def run(patients: np.ndarray, step: float, _: float) -> tuple[np.ndarray, np.ndarray]:
        states = compute(patients, step, dtype)
        return states, np.isfinite(states).all(axis=(1, 2))

    return run


def exact(patients: np.ndarray) -> np.ndarray:
    """Return the states in double precision at the finest step."""
    from workload.ours import run as compute

    return compute(patients, FINEST, np.float64)
