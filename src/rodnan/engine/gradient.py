"""Gradients for many patients: blocks of lanes through the adjoint kernel, blocks spread over threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.engine.batch import _TASKS_A_THREAD, default_workers
from rodnan.errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["SPAN", "pull_back"]

SPAN = 2922
"""Days of which every step is kept: eight years, six megabytes a thread for 33 states."""


def pull_back(
    kernel: Any,
    y: Array,
    individual: Array,
    population: Array,
    defaults: Array,
    active: NDArray[np.int64],
    series: Array,
    out_days: NDArray[np.int64],
    cotangents: Array,
    *,
    substeps: NDArray[np.int64] | None = None,
    shared: bool = False,
    span: int = SPAN,
    workers: int | None = None,
) -> tuple[Array, Array, Array]:
    """Return the derivative of a loss by starting states and parameters, given its derivative by the kept states.

    Parameters
    ----------
    kernel
        Module made by `rodnan.engine.compile.adjoint.adjoint_source`.
    y, individual, population, defaults, active, series, substeps, workers
        As in `rodnan.engine.batch.advance`.
    out_days
        int64[n_out], ascending; 0 is before the first day.
    cotangents
        float64[n_out, n, n_states], derivative of the loss by the state after each of `out_days`.
    shared
        Also derive by the parameters that all patients share (slower).
    span
        Days of which every step is kept; where there are more, those before the last span are advanced twice.

    Returns
    -------
    by_state : float64[n, n_states]
    by_individual : float64[n, n_individual]
    by_population : float64[n, n_population]
        Each patient's share; zero columns where `shared` is false: float64[n, 0].

    Raises
    ------
    EngineError
        RDN-N010 when the cotangents do not fit the kept days, RDN-N003 when a derivative is not finite.
    """
    n, n_states = y.shape
    days = series.shape[0]
    out_days = np.ascontiguousarray(out_days, np.int64)
    if cotangents.shape != (len(out_days), n, n_states) or (
        len(out_days) and (out_days[0] < 0 or out_days[-1] > days or (np.diff(out_days) < 0).any())
    ):
        raise EngineError(
            "RDN-N010",
            f"cotangents must be float64[{len(out_days)}, {n}, {n_states}] for ascending days from 0 to {days}",
            where="cotangents",
            value=cotangents.shape,
        )
    lanes = kernel.LANES
    blocks = -(-n // lanes)
    split = np.ones((0, n), np.int64) if substeps is None else np.ascontiguousarray(substeps, np.int64)
    parts = _parts(split, days, blocks, lanes)
    starts = np.arange(0, days, span)
    room = int(np.add.reduceat(parts, starts, axis=1).max()) if parts.size else 0
    widths = (n_states, individual.shape[1], len(population) if shared else 0)
    by_state, by_individual, by_population = (np.empty((blocks * lanes, width)) for width in widths)
    state, own, common, default, drive, weights = (
        np.ascontiguousarray(a, np.float64) for a in (y, individual, population, defaults, series, cotangents)
    )
    active = np.ascontiguousarray(active, np.int64)
    made = kernel.all if shared else kernel.own

    def run(block: int, work: Array, kept: Array) -> None:
        first = block * lanes
        who = np.minimum(np.arange(first, first + lanes), n - 1)
        work[:] = 0.0
        made.begin(work, state, own, common, default, who, lanes)

        def forward(begin: int, keep: bool) -> int:
            end = min(days, begin + span)
            return made.forward(
                work, common, active, drive, split, parts[block], begin, end, who, lanes, kept, keep
            )

        marks, steps, last = [], 0, len(out_days) - 1
        for begin in starts:
            marks.append(work[: n_states * lanes].copy())
            steps = forward(begin, begin + span >= days)
        for begin, mark in zip(starts[::-1], marks[::-1], strict=True):
            if begin + span < days:
                work[: n_states * lanes] = mark
                steps = forward(begin, True)
            last = made.back(
                work, common, active, drive, split, parts[block], begin, min(days, begin + span), who, lanes, kept,
                steps, out_days, weights, last,
            )  # fmt: skip
        if not days:
            made.back(
                work, common, active, drive, split, parts[block], 0, 0, who, lanes, kept, 0, out_days, weights, last
            )  # fmt: skip
        made.end(work, common, first, lanes, by_state, by_individual, by_population)

    def run_all(some: range) -> None:
        work = _aligned(made.rows * lanes)
        kept = _aligned(room * n_states * lanes).reshape(room, n_states * lanes)
        for block in some:
            run(block, work, kept)

    threads = min(workers or default_workers(), blocks)
    if threads <= 1:
        run_all(range(blocks))
    else:
        share = -(-blocks // (_TASKS_A_THREAD * threads))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run_all, (range(i, min(i + share, blocks)) for i in range(0, blocks, share))))
    by_state, by_individual, by_population = by_state[:n], by_individual[:n], by_population[:n]
    bad = np.flatnonzero(~(np.isfinite(by_state).all(axis=1) & np.isfinite(by_individual).all(axis=1)))
    if len(bad):
        raise EngineError(
            "RDN-N003",
            f"the gradient of {len(bad)} patient(s) is not finite",
            where="patients",
            value=bad[:5].tolist(),
        )
    return by_state, by_individual, by_population


def _aligned(size: int) -> Array:
    """Return room for float64 that begins where a line of the cache does: vectors across two lines cost double."""
    room = np.empty(size + 7)
    return room[-(room.ctypes.data // 8) % 8 :][:size]


def _parts(split: NDArray[np.int64], days: int, blocks: int, lanes: int) -> NDArray[np.int64]:
    """Return the most parts of a day of any patient of a block, int64[blocks, days]."""
    if not len(split):
        return np.ones((blocks, days), np.int64)
    padded = split[:, np.minimum(np.arange(blocks * lanes), split.shape[1] - 1)]
    return np.ascontiguousarray(padded.reshape(days, blocks, lanes).max(axis=2).T)
