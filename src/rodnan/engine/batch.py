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

_TASKS_A_THREAD = 6
"""Tasks into which a thread's share is cut: enough that threads end together, few enough to cost nothing."""


def default_workers() -> int:
    """Return the number of threads used when none is asked for: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def advance(
    kernel: Any,
    y: NDArray[Any],
    individual: NDArray[Any],
    population: NDArray[np.float64],
    defaults: NDArray[np.float64],
    active: NDArray[np.int64],
    series: NDArray[Any],
    *,
    out_days: NDArray[np.int64],
    substeps: NDArray[np.int64] | None = None,
    length: float = 1.0,
    steps: int | None = None,
    hold: int = 1,
    workers: int | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Advance the state of n patients by some steps, of a day each unless said otherwise.

    Parameters
    ----------
    kernel
        Module made by `rodnan.engine.compile.lane_source`; its ``REAL`` is the type of all that is computed.
    y
        float[n, n_states], state at the start; not changed.
    individual
        float[n, n_individual].
    population
        float64[n_population].
    defaults
        float64[n_inputs], value of the inputs that `active` does not name.
    active
        int64[n_active], which inputs vary.
    series
        float[steps / hold, n_active, n], their values, constant within `hold` steps; for a kernel with linear inputs
        float[steps, 2 n_active, n], mean and change over the step in turn.
    out_days
        int64[n_out], ascending steps after which the state is kept; 0 is before the first.
    substeps
        int64[steps, n], parts into which a patient's step is split; one where None.
    length
        Days a step.
    steps
        Number of steps; as many as `series` is for where None.
    hold
        Steps for which a row of `series` holds.
    workers
        Threads; all cores where None.

    Returns
    -------
    end
        REAL[n, n_states], state after the last step.
    out
        REAL[n_out, n, n_states].

    Raises
    ------
    EngineError
        RDN-N003 when a state is not finite at the end, naming the patients; RDN-N014 for more steps than inputs.
    """
    n, n_states = y.shape
    given, rows = series.shape[:2]
    steps = given * hold if steps is None else steps
    if steps > given * hold:
        raise EngineError(
            "RDN-N014", f"inputs are given for {given * hold} steps only", where="steps", value=steps
        )
    blocks = -(-n // LANES)
    padded = blocks * LANES
    real = kernel.REAL
    out_days = np.ascontiguousarray(out_days, np.int64)
    active = np.ascontiguousarray(active, np.int64)
    shared, default = np.asarray(population, real), np.asarray(defaults, real)
    take = np.minimum(np.arange(padded), n - 1)
    out = np.empty((len(out_days), n, n_states), real)
    end = np.empty((n, n_states), real)
    unsplit = np.ones((0, LANES), np.int64)

    def run(block: int) -> None:
        lanes = take[block * LANES : (block + 1) * LANES]
        state = np.ascontiguousarray(y[lanes].T, real).ravel()
        own = np.ascontiguousarray(individual[lanes].T, real).ravel()
        drive = np.ascontiguousarray(series[:, :, lanes], real).reshape(given, rows * LANES)
        split = unsplit if substeps is None else np.ascontiguousarray(substeps[:, lanes], np.int64)
        kept = np.empty((len(out_days), n_states * LANES), real)
        kernel.advance(
            state, own, shared, default, active, drive, steps, hold, length, split, LANES, out_days, kept
        )
        first, count = block * LANES, min(LANES, n - block * LANES)
        end[first : first + count] = state.reshape(n_states, LANES).T[:count]
        out[:, first : first + count] = kept.reshape(-1, n_states, LANES).transpose(0, 2, 1)[:, :count]

    def run_all(some: range) -> None:
        for block in some:
            run(block)

    threads = min(workers or default_workers(), blocks)
    if threads <= 1:
        run_all(range(blocks))
    else:
        share = -(-blocks // (_TASKS_A_THREAD * threads))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run_all, (range(i, min(i + share, blocks)) for i in range(0, blocks, share))))
    refuse_unfinite(end)
    return end, out


def refuse_unfinite(end: NDArray[Any]) -> None:
    """Raise RDN-N003 when a state float[n, n_states] is not finite, naming the first patients."""
    bad = np.flatnonzero(~np.isfinite(end).all(axis=1))
    if len(bad):
        raise EngineError(
            "RDN-N003",
            f"the state of {len(bad)} patient(s) is not finite",
            where="patients",
            value=bad[:5].tolist(),
        )
