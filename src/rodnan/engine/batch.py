"""Advance many patients: cut into blocks of lanes, blocks spread over threads.

A block's numbers do not depend on which thread runs it, and a lane's numbers not on its neighbours, so results are the
same for any number of workers and any way of batching.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.engine.compile.lanes import LANES
from rodnan.errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["advance", "default_workers", "refuse_unfinite"]


def default_workers() -> int:
    """Return the number of threads used when none is asked for: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def advance(
    kernel: Any,
    y: NDArray[np.float64],
    individual: NDArray[np.float64],
    population: NDArray[np.float64],
    defaults: NDArray[np.float64],
    active: NDArray[np.int64],
    series: NDArray[np.float64],
    *,
    out_days: NDArray[np.int64],
    substeps: NDArray[np.int64] | None = None,
    workers: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Advance the state of n patients by some days.

    Parameters
    ----------
    kernel
        Module made by `rodnan.engine.compile.lane_source`.
    y
        float64[n, n_states], state at the start; not changed.
    individual
        float64[n, n_individual].
    population
        float64[n_population].
    defaults
        float64[n_inputs], value of the inputs that `active` does not name.
    active
        int64[n_active], which inputs vary.
    series
        float64[days, n_active, n], their values, constant within each day.
    out_days
        int64[n_out], ascending; 0 is before the first day.
    substeps
        int64[days], steps a day; one where None.
    workers
        Threads; all cores where None.

    Returns
    -------
    end
        float64[n, n_states], state after the last day.
    out
        float64[n_out, n, n_states].

    Raises
    ------
    EngineError
        RDN-N003 when a state is not finite at the end, naming the patients.
    """
    n, n_states = y.shape
    days = series.shape[0]
    blocks = -(-n // LANES)
    padded = blocks * LANES
    steps = np.ones(days, np.int64) if substeps is None else np.ascontiguousarray(substeps, np.int64)
    out_days = np.ascontiguousarray(out_days, np.int64)
    active = np.ascontiguousarray(active, np.int64)
    take = np.minimum(np.arange(padded), n - 1)
    out = np.empty((len(out_days), n, n_states))
    end = np.empty((n, n_states))

    def run(block: int) -> None:
        lanes = take[block * LANES : (block + 1) * LANES]
        state = np.ascontiguousarray(y[lanes].T).ravel()
        own = np.ascontiguousarray(individual[lanes].T).ravel()
        drive = np.ascontiguousarray(series[:, :, lanes]).reshape(days, len(active) * LANES)
        kept = np.empty((len(out_days), n_states * LANES))
        kernel.advance(state, own, population, defaults, active, drive, steps, LANES, out_days, kept)
        first, count = block * LANES, min(LANES, n - block * LANES)
        end[first : first + count] = state.reshape(n_states, LANES).T[:count]
        out[:, first : first + count] = kept.reshape(-1, n_states, LANES).transpose(0, 2, 1)[:, :count]

    threads = min(workers or default_workers(), blocks)
    if threads <= 1:
        for block in range(blocks):
            run(block)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, range(blocks)))
    refuse_unfinite(end)
    return end, out


def refuse_unfinite(end: NDArray[np.float64]) -> None:
    """Raise RDN-N003 when a state float64[n, n_states] is not finite, naming the first patients."""
    bad = np.flatnonzero(~np.isfinite(end).all(axis=1))
    if len(bad):
        raise EngineError(
            "RDN-N003",
            f"the state of {len(bad)} patient(s) is not finite",
            where="patients",
            value=bad[:5].tolist(),
        )
